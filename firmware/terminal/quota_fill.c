#include "firmware/terminal/quota.h"
#include "storage/limits.h"

static enum st fill_one(struct store *store, struct quota *quota, enum quota_scope scope,
                        enum used_scope used, uint64_t id, int32_t day)
{
    return limits_any(&quota->of[scope].limits)
               ? limits_used(store, used, id, day, &quota->of[scope].used)
               : ST_OK;
}

enum st quota_fill(struct store *store, const struct quota_about *about, struct quota *ret)
{
    struct quota quota = {.terminal = about->terminal,
                          .day = limits_day(about->time_s, about->clock_quality),
                          .programme = about->programme};
    if (about->mandate != NULL) {
        const struct mandate_operator *of = mandate_find(about->mandate, about->operator_no);
        quota.of[QUOTA_TERMINAL].limits = about->mandate->total;
        quota.of[QUOTA_TERMINAL_DAY].limits = about->mandate->day;
        if (of != NULL) {
            quota.of[QUOTA_OPERATOR_OWN].limits = of->day;
        }
    }
    if (about->programme != NULL) {
        quota.of[QUOTA_OPERATOR].limits = about->programme->operator_day;
        quota.of[QUOTA_CARD].limits =
            about->is_no_card ? (struct limits){0} : about->programme->card_day;
        quota.point_value = about->programme->point_value;
    }
    const struct {
        enum quota_scope scope;
        enum used_scope used;
        uint64_t id;
        int32_t day;
    } rows[QUOTA_SCOPES] = {
        {QUOTA_TERMINAL, USED_TERMINAL, 0, 0},
        {QUOTA_TERMINAL_DAY, USED_TERMINAL_DAY, 0, quota.day},
        {QUOTA_OPERATOR, USED_OPERATOR_DAY, about->operator_no, quota.day},
        {QUOTA_OPERATOR_OWN, USED_OPERATOR_DAY, about->operator_no, quota.day},
        {QUOTA_CARD, USED_CARD_DAY, about->card_number, quota.day},
    };
    enum st st = ST_OK;
    for (int i = 0; i < QUOTA_SCOPES && st == ST_OK; i++) {
        st = fill_one(store, &quota, rows[i].scope, rows[i].used, rows[i].id, rows[i].day);
    }
    if (st == ST_OK) {
        *ret = quota;
    }
    return st;
}
