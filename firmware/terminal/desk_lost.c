#include "firmware/terminal/desk_priv.h"

#include <string.h>

#include "hal/clock.h"

bool desk_prepare_take_over(struct desk *desk)
{
    const struct members members = desk_members(desk);
    const bool is_named = desk->moved.sequence == desk->request.number;
    struct fault say = {""};
    if (desk->request.tap.what != TAP_TAKE_OVER) {
        return true;
    }
    const enum st st =
        lostcard_duplicate(&members, desk->request.number, is_named ? desk->moved.name : "",
                           &desk->request.joining, &desk->request.tap, &say);
    if (st != ST_OK) {
        (void)desk_fail_say(desk, st, &say);
    }
    return st == ST_OK;
}

void desk_keep_moved(struct desk *desk, const struct tap_answer *tap)
{
    const struct card_identity *identity = terminal_identity(desk->config.terminal);
    if (desk->request.tap.what == TAP_DUPLICATE && tap->outcome == TAP_DONE && identity != NULL) {
        desk->moved.sequence = tap->snapshot.last.sequence;
        memcpy(desk->moved.name, identity->name, sizeof desk->moved.name);
    }
}

static enum terminal_progress replace(struct desk *desk, const struct lost_named *named)
{
    const struct members members = desk_members(desk);
    const int64_t left_ms = desk->deadline_ms - clock_monotonic_ms();
    struct lost_answer lost;
    struct fault say = {""};
    desk_end_reading_of_tag(desk);
    if (desk->is_cancelled) {
        return desk_fail(desk, TAP_REASON_NO_CARD, NULL); /* the scan came too late */
    }
    const enum st st =
        lostcard_replace(&members, named, &desk->request.joining, &desk->request.tap, &lost, &say);
    if (st != ST_OK) {
        return desk_fail_say(desk, st, &say);
    }
    if (terminal_begin(desk->config.terminal, &desk->request.tap, NULL,
                       left_ms > 0 ? (unsigned)left_ms : 1, &desk->answer.tap) != ST_OK) {
        return desk_over(desk);
    }
    desk->phase = PHASE_TAP;
    return TERMINAL_WAITING;
}

enum terminal_progress desk_lose(struct desk *desk, uint64_t card, enum report_how how)
{
    const struct members members = desk_members(desk);
    const struct lost_named named = {.card_number = card,
                                     .how = how,
                                     .operator_no = desk->request.tap.operator_no,
                                     .is_bare = desk->request.is_bare};
    const bool is_replace = desk->request.what == DESK_REPLACE;
    struct lost_answer lost;
    struct fault say = {""};
    if (is_replace && desk->request.is_confirmed) {
        return replace(desk, &named);
    }
    const enum st st =
        is_replace ? lostcard_weigh(&members, &named, &lost, &say)
                   : lostcard_report(&members, &named,
                                     desk->request.what == DESK_LOST ? REPORT_LOST : REPORT_FOUND,
                                     &lost, &say);
    if (st != ST_OK) {
        return desk_fail_say(desk, st, &say);
    }
    desk->answer =
        (struct desk_answer){.tap = {.outcome = is_replace ? TAP_NOT_DONE : TAP_DONE,
                                     .reason = is_replace ? TAP_REASON_CONFIRM : TAP_REASON_NONE,
                                     .say = say},
                             .has_lost = true,
                             .lost = lost};
    return desk_over(desk);
}

enum terminal_progress desk_lose_by_medium(struct desk *desk)
{
    const struct identifier *id = &desk->request.medium;
    uint64_t card = id->number;
    if (members_shows_number(id)) {
        return desk_lose(desk, card, REPORT_BY_NUMBER);
    }
    const enum st st = desk_find_link(desk, id, &card);
    return st == ST_OK ? desk_lose(desk, card, REPORT_BY_MEDIUM) : desk_fail_link(desk, st);
}

bool desk_is_about_loss(const struct desk *desk)
{
    return desk->request.what == DESK_LOST || desk->request.what == DESK_FOUND ||
           desk->request.what == DESK_REPLACE;
}
