#include "firmware/terminal/quota.h"

#include <assert.h>

#include "firmware/engine/explain_text.h"

bool quota_needs_history(const struct quota *quota, enum transaction_kind kind)
{
    const struct limits *card = &quota->of[QUOTA_CARD].limits;
    const bool is_sale = kind == TRANSACTION_SALE;
    const enum limit_what what = is_sale ? LIMIT_SPEND : LIMIT_LOAD;
    return (is_sale || kind == TRANSACTION_LOAD) &&
           (card->of[what][LIMIT_RIALS].is_set || card->of[what][LIMIT_COUNT].is_set ||
            (is_sale && (card->of[LIMIT_EARN][LIMIT_RIALS].is_set ||
                         card->of[LIMIT_EARN][LIMIT_COUNT].is_set)));
}

/* A figure of a limit: the first with its unit, "5,000 toman". */
static void say_figure(const struct programme *programme, const struct limit_passed *passed,
                       int64_t figure, bool is_first, char ret[EXPLAIN_AMOUNT_MAX])
{
    if (passed->unit == LIMIT_RIALS) {
        (is_first ? explain_money : explain_amount)(programme, EXPLAIN_EN, (struct money){figure},
                                                    ret);
    } else if (is_first && passed->what == LIMIT_EARN) {
        explain_points(EXPLAIN_EN, figure, ret);
    } else {
        explain_number(EXPLAIN_EN, figure, ret);
    }
}

/* "Limit: this terminal may load 5,000 toman a day; 4,000 are used, 1,000 are left." */
static void say_passed(const struct programme *programme, enum quota_scope scope,
                       const struct limit_passed *passed, struct fault *ret_why)
{
    static const char *const who[QUOTA_SCOPES] = {"this terminal", "this terminal", "an operator",
                                                  "this operator", "a card"};
    static const char *const what[LIMIT_WHATS] = {"load", "spend", "issue", "refund",
                                                  "give in sales"};
    const bool is_times = passed->unit == LIMIT_COUNT && passed->what != LIMIT_EARN;
    char max[EXPLAIN_AMOUNT_MAX], used[EXPLAIN_AMOUNT_MAX], left[EXPLAIN_AMOUNT_MAX];
    say_figure(programme, passed, passed->max, true, max);
    say_figure(programme, passed, passed->used, false, used);
    say_figure(programme, passed, passed->left, false, left);
    fault_say(ret_why, "Limit: %s may %s %s%s %s; %s are used, %s are left.%s", who[scope],
              what[passed->what], max, is_times ? " times" : "",
              scope == QUOTA_TERMINAL ? "in all" : "a day", used, left,
              scope == QUOTA_TERMINAL ? " Ask the club for more." : "");
}

/* `history` is what the card tells of other terminals. */
static bool stops(const struct quota *quota, const struct limit_use *more,
                  const struct snapshot *history, size_t count, struct fault *ret_why)
{
    struct limit_use elsewhere;
    struct limit_passed passed;
    for (int i = 0; i < QUOTA_SCOPES; i++) {
        struct limit_use used = quota->of[i].used;
        if (i == QUOTA_CARD) {
            limits_of_ring(history, count, quota->day, quota->terminal, quota->point_value,
                           &elsewhere);
            limits_add(&used, &elsewhere, 1);
        }
        if (limits_passed(&quota->of[i].limits, &used, more, &passed)) {
            say_passed(quota->programme, (enum quota_scope)i, &passed, ret_why);
            return true;
        }
    }
    return false;
}

bool quota_stops(const struct quota *quota, const struct limit_use *more, struct fault *ret_why)
{
    return stops(quota, more, NULL, 0, ret_why);
}

bool quota_refuses(const struct quota *quota, const struct plan *plan, const struct peer *peer,
                   const struct snapshot *history, size_t count, struct fault *ret_why)
{
    struct limit_use more;
    limits_use_parts(plan->next.last.kind, &plan->parts, peer, &more);
    return stops(quota, &more, history, count, ret_why);
}
