#include "storage/support.h"

#include <inttypes.h>
#include <stdio.h>

/* FROM UNTIL OPERATOR; empty = off. */
static const char name[] = "support";

enum { HOUR_S = 3600, TEXT_MAX = 64 };

enum st support_put(struct store *store, int64_t now_s, uint32_t hours, uint32_t operator_no)
{
    char text[TEXT_MAX] = "";
    assert(now_s >= 0 && hours <= SUPPORT_HOURS_MAX);
    if (hours > 0) {
        (void)snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " %" PRIu32, now_s,
                       now_s + (int64_t)hours * HOUR_S, operator_no);
    }
    return setting_put(store, name, text);
}

int64_t support_left_s(struct store *store, int64_t now_s)
{
    char text[TEXT_MAX];
    int64_t from_s = 0, until_s = 0;
    if (setting_get(store, name, text, sizeof text) != ST_OK ||
        sscanf(text, "%" SCNd64 " %" SCNd64, &from_s, &until_s) != 2 || now_s < from_s ||
        now_s >= until_s || until_s - from_s > (int64_t)SUPPORT_HOURS_MAX * HOUR_S) {
        return 0;
    }
    return until_s - now_s;
}
