#include "firmware/terminal/till_allowance.h"

#include <inttypes.h>
#include <stdio.h>

/* What makes value out of nothing: money onto cards, out of the till, points; beside it what a lost
 * card's replacement carries. What is spent is on cards already. */
static const enum limit_what makers[] = {LIMIT_LOAD, LIMIT_REFUND, LIMIT_EARN};

static int64_t left_of(const struct quota *quota, enum quota_scope scope, enum limit_what what,
                       enum limit_unit unit)
{
    const int64_t left =
        quota->of[scope].limits.of[what][unit].max - quota->of[scope].used.n[what][unit];
    return left > 0 ? left : 0;
}

/* What replacements of lost cards could make: `each` has at most that of the programme's
 * provisional part, and so many as may be issued; of rials (`unit`) as many as may be issued. -1:
 * no bound. */
static int64_t worth_of_replacements(const struct quota *quota, int64_t each, enum limit_unit unit)
{
    const struct limit *limits = quota->of[QUOTA_TERMINAL].limits.of[LIMIT_ISSUE];
    int64_t most = each == 0 ? 0 : -1, all = 0;
    if (each > 0 && unit == LIMIT_RIALS && limits[LIMIT_RIALS].is_set) {
        most = left_of(quota, QUOTA_TERMINAL, LIMIT_ISSUE, LIMIT_RIALS);
    }
    if (each > 0 && limits[LIMIT_COUNT].is_set &&
        !__builtin_mul_overflow(left_of(quota, QUOTA_TERMINAL, LIMIT_ISSUE, LIMIT_COUNT), each,
                                &all) &&
        all <= LIMIT_MAX && (most < 0 || all < most)) {
        most = all;
    }
    return most;
}

void till_say_worth(const struct terminal_status *status, struct fault *ret_say)
{
    const struct quota *quota = &status->quota;
    const struct programme *programme = status->standing.programme;
    const int64_t replaced = worth_of_replacements(
        quota, programme != NULL ? programme->provisional_credit.rials : 0, LIMIT_RIALS);
    const int64_t replaced_points = worth_of_replacements(
        quota, programme != NULL ? programme->provisional_points.n : 0, LIMIT_COUNT);
    int64_t rials = replaced;
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i += 1) {
        if (!quota->of[QUOTA_TERMINAL].limits.of[makers[i]][LIMIT_RIALS].is_set) {
            fault_say(ret_say,
                      "There is no bound: the club has granted this terminal no total of %s.",
                      limits_what_word(makers[i]));
            return;
        }
        rials += left_of(quota, QUOTA_TERMINAL, makers[i], LIMIT_RIALS);
    }
    if (replaced < 0) {
        fault_say(ret_say, "There is no bound: the club has granted this terminal no total of "
                           "issue, and a lost card's replacement carries credit at once.");
        return;
    }
    char points[64] = "; of points there is no bound";
    if (quota->of[QUOTA_TERMINAL].limits.of[LIMIT_EARN][LIMIT_COUNT].is_set &&
        replaced_points >= 0) {
        (void)snprintf(points, sizeof points, " and %" PRId64 " points",
                       left_of(quota, QUOTA_TERMINAL, LIMIT_EARN, LIMIT_COUNT) + replaced_points);
    }
    char amount[EXPLAIN_AMOUNT_MAX];
    explain_money(programme, EXPLAIN_EN, (struct money){rials}, amount);
    fault_say(ret_say, "A stolen terminal is worth at most %s more%s.", amount, points);
}

static json_t *pack_limit(const struct quota *quota, enum quota_scope scope, enum limit_what what,
                          enum limit_unit unit)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "span",
                     scope == QUOTA_TERMINAL ? "total" : "day", "what", limits_what_word(what),
                     "unit", limits_unit_word(what, unit), "granted",
                     (json_int_t)quota->of[scope].limits.of[what][unit].max, "used",
                     (json_int_t)quota->of[scope].used.n[what][unit], "left",
                     (json_int_t)left_of(quota, scope, what, unit));
}

/* NULL: no memory. */
static json_t *pack_allowance(const struct quota *quota)
{
    static const enum quota_scope scopes[] = {QUOTA_TERMINAL, QUOTA_TERMINAL_DAY};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i += 1) {
        for (int what = 0; what < LIMIT_WHATS; what += 1) {
            for (int unit = 0; unit < LIMIT_UNITS; unit += 1) {
                if (quota->of[scopes[i]].limits.of[what][unit].is_set &&
                    json_array_append_new(list, pack_limit(quota, scopes[i], (enum limit_what)what,
                                                           (enum limit_unit)unit)) != 0) {
                    json_decref(list);
                    return NULL;
                }
            }
        }
    }
    return list;
}

bool till_put_allowance(json_t *object, const struct terminal_status *status)
{
    struct fault worth;
    till_say_worth(status, &worth);
    json_t *part = json_pack(
        "{s:I, s:s, s:b, s:I, s:s, s:o, s:s}", "operator", (json_int_t)status->operator_no, "role",
        status->operator_role, "sign_in", (int)status->requires_sign_in, "mandate",
        (json_int_t)status->mandate_version, "mandate_say", status->mandate_say.say, "allowance",
        pack_allowance(&status->quota), "if_stolen", worth.say);
    const bool is_good = part != NULL && json_object_update(object, part) == 0;
    json_decref(part);
    return is_good;
}
