#include "firmware/terminal/desk_priv.h"

#include <inttypes.h>

#include "firmware/engine/explain_text.h"

static enum terminal_progress done_member(struct desk *desk, const struct desk_member *member,
                                          const struct fault *say)
{
    desk->answer = (struct desk_answer){
        .tap = {.outcome = TAP_DONE, .say = *say}, .has_member = true, .member = *member};
    return desk_over(desk);
}

enum terminal_progress desk_join(struct desk *desk)
{
    const struct members members = desk_members(desk);
    struct desk_member member = {.what = MEMBER_JOINED};
    struct fault say = {""};
    const enum st st = members_join(&members, &desk->request.joining, desk->request.tap.operator_no,
                                    &member.account, &say);
    if (st != ST_OK) {
        return desk_fail_say(desk, st, &say);
    }
    fault_say(&say, "A member: number %016" PRIu64 ". What they buy is kept for their card.",
              member.account);
    return done_member(desk, &member, &say);
}

enum terminal_progress desk_earn(struct desk *desk)
{
    const struct members members = desk_members(desk);
    struct desk_member member = {.what = MEMBER_EARNED};
    struct fault say = {""};
    char cashback[EXPLAIN_AMOUNT_MAX];
    const enum st st = earnings_take(&members, &desk->request.medium, &desk->request.tap,
                                     &desk->request.basket, &member.earning, &say);
    if (st != ST_OK) {
        return member.earning.is_limit ? desk_fail(desk, TAP_REASON_LIMIT, say.say)
                                       : desk_fail_say(desk, st, &say);
    }
    explain_money(desk_programme(desk), EXPLAIN_EN, member.earning.accrual.cashback, cashback);
    fault_say(&say, "%" PRId64 " points and %s are kept for the member's card; nothing was spent.",
              member.earning.accrual.award.n, cashback);
    desk_log_found(desk, "T505", member.earning.number);
    return done_member(desk, &member, &say);
}

enum terminal_progress desk_earn_back(struct desk *desk)
{
    const struct members members = desk_members(desk);
    struct desk_member member = {.what = MEMBER_EARNED};
    struct fault say = {""};
    char due[EXPLAIN_AMOUNT_MAX], cashback[EXPLAIN_AMOUNT_MAX];
    const struct entry_accrual *accrual = &member.earning.accrual;
    const enum st st = earnings_give_back(&members, desk->request.number,
                                          desk->request.tap.operator_no, &member.earning, &say);
    if (st != ST_OK) {
        return member.earning.is_limit ? desk_fail(desk, TAP_REASON_LIMIT, say.say)
                                       : desk_fail_say(desk, st, &say);
    }
    explain_money(desk_programme(desk), EXPLAIN_EN, accrual->due, due);
    explain_money(desk_programme(desk), EXPLAIN_EN, accrual->cashback, cashback);
    fault_say(&say, "To hand back: %s. %" PRId64 " points and %s are taken back from the member.",
              due, accrual->award.n, cashback);
    return done_member(desk, &member, &say);
}

enum terminal_progress desk_tell_number(struct desk *desk)
{
    const struct members members = desk_members(desk);
    struct desk_member member = {.what = MEMBER_NUMBER};
    struct fault say = {""};
    return members_number(&members, desk->request.card_number, &member.number, &member.next) ==
                   ST_OK
               ? done_member(desk, &member, &say)
               : desk_fail_store(desk);
}

bool desk_prepare_issue(struct desk *desk)
{
    const struct members members = desk_members(desk);
    struct entry_member entry;
    struct fault say = {""};
    bool has_entry = false;
    if (desk->request.tap.what != TAP_ISSUE) {
        return true;
    }
    const enum st st = members_prepare(&members, &desk->request.joining, &desk->request.tap, &entry,
                                       &has_entry, &say);
    if (st != ST_OK) {
        (void)desk_fail_say(desk, st, &say);
        return false;
    }
    if (has_entry) {
        terminal_attach_member(desk->config.terminal, &entry);
    }
    return true;
}
