#include "firmware/terminal/hotcheck.h"

#include <assert.h>
#include <string.h>

void hotcheck_init(struct hotcheck *check, const char *database, unsigned hours_max,
                   struct money spend_max)
{
    assert(hours_max >= 1 && hours_max <= HOTCHECK_HOURS_MAX && spend_max.rials >= 0);
    *check = (struct hotcheck){.database = database,
                               .hours_max = hours_max,
                               .spend_max = spend_max,
                               .is_old = true,
                               .age_s = -1};
}

void hotcheck_finish(struct hotcheck *check)
{
    hotlist_close(check->hotlist);
    check->hotlist = NULL;
}

/* The list cannot be asked: it is opened anew at the next request. */
static void give_up(struct hotcheck *check, const struct fault *why)
{
    check->say = *why;
    hotcheck_finish(check);
    check->head = (struct hotlist_head){0};
    check->is_old = true;
    check->age_s = -1;
}

static void judge_age(struct hotcheck *check, int64_t now_s, enum clock_quality quality)
{
    const int64_t age_s = now_s - check->head.made_s;
    const bool is_known =
        check->head.made_s > 0 && quality != CLOCK_UNSET && age_s >= -(int64_t)HOTCHECK_BACK_S;
    check->age_s = !is_known ? -1 : age_s > 0 ? age_s : 0;
    check->is_old = !is_known || age_s > INT64_C(3600) * check->hours_max;
}

void hotcheck_refresh(struct hotcheck *check, int64_t now_s, enum clock_quality quality)
{
    struct fault fault = {""};
    if (check->database == NULL) {
        return;
    }
    if (check->hotlist != NULL && !hotlist_is_current(check->hotlist)) {
        hotcheck_finish(check);
    }
    if (check->hotlist == NULL) {
        const struct hotlist_config config = {.database = check->database};
        if (hotlist_open(&config, &check->hotlist, &fault) != ST_OK) {
            check->hotlist = NULL;
            give_up(check, &fault);
            return;
        }
    }
    if (hotlist_head(check->hotlist, &check->head) != ST_OK) {
        fault = *hotlist_fault(check->hotlist);
        give_up(check, &fault);
        return;
    }
    check->say = (struct fault){""};
    judge_age(check, now_s, quality);
}

uint8_t hotcheck_find(struct hotcheck *check, uint64_t card)
{
    uint8_t listing = LISTING_NONE;
    if (check->hotlist == NULL) {
        return LISTING_NONE;
    }
    const enum st st = hotlist_find(check->hotlist, card, &listing);
    if (st != ST_OK && st != ST_REFUSED) {
        const struct fault fault = *hotlist_fault(check->hotlist);
        give_up(check, &fault);
    }
    return st == ST_OK ? listing : LISTING_NONE;
}
