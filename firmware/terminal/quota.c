#include "firmware/terminal/quota.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

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

/* "Limit: this terminal may load 5,000 rials a day; 4,000 are used, 1,000 are left." */
static void say_passed(enum quota_scope scope, const struct limit_passed *passed,
                       struct fault *ret_why)
{
    static const char *const who[QUOTA_SCOPES] = {"this terminal", "this terminal", "an operator",
                                                  "this operator", "a card"};
    static const char *const what[LIMIT_WHATS] = {"load", "spend", "issue", "refund",
                                                  "give in sales"};
    const char *unit = passed->unit == LIMIT_RIALS  ? " rials"
                       : passed->what == LIMIT_EARN ? " points"
                                                    : " times";
    fault_say(ret_why,
              "Limit: %s may %s %" PRId64 "%s %s; %" PRId64 " are used, %" PRId64 " are left.%s",
              who[scope], what[passed->what], passed->max, unit,
              scope == QUOTA_TERMINAL ? "in all" : "a day", passed->used, passed->left,
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
            say_passed((enum quota_scope)i, &passed, ret_why);
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
