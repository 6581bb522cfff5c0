#include "storage/support.h"

#include <inttypes.h>
#include <stdio.h>

/* FROM UNTIL OPERATOR; empty = off. */
static const char name[] = "support";

enum { HOUR_S = 3600, TEXT_MAX = 64 };

struct hours {
    int64_t from_s, until_s;
    uint32_t operator_no;
};

/* False: it is not on. */
static bool load(struct store *store, int64_t now_s, struct hours *ret)
{
    char text[TEXT_MAX];
    *ret = (struct hours){0};
    return setting_get(store, name, text, sizeof text) == ST_OK &&
           sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNu32, &ret->from_s, &ret->until_s,
                  &ret->operator_no) >= 2 &&
           now_s >= ret->from_s && now_s < ret->until_s &&
           ret->until_s - ret->from_s <= (int64_t)SUPPORT_HOURS_MAX * HOUR_S;
}

static enum st save(struct store *store, const struct hours *hours)
{
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " %" PRIu32, hours->from_s,
                   hours->until_s, hours->operator_no);
    return setting_put(store, name, text);
}

enum st support_put(struct store *store, int64_t now_s, uint32_t hours, uint32_t operator_no)
{
    assert(now_s >= 0 && hours <= SUPPORT_HOURS_MAX);
    const struct hours on = {now_s, now_s + (int64_t)hours * HOUR_S, operator_no};
    return hours > 0 ? save(store, &on) : setting_put(store, name, "");
}

enum st support_move(struct store *store, int64_t was_s, int64_t now_s)
{
    struct hours hours;
    if (!load(store, was_s, &hours)) {
        return ST_OK;
    }
    hours.from_s += now_s - was_s;
    hours.until_s += now_s - was_s;
    return save(store, &hours);
}

int64_t support_left_s(struct store *store, int64_t now_s)
{
    struct hours hours;
    return load(store, now_s, &hours) ? hours.until_s - now_s : 0;
}
