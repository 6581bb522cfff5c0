#include "firmware/terminal/desk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/explain_text.h"
#include "firmware/terminal/say.h"
#include "firmware/terminal/twocards.h"
#include "hal/base/bytes.h"
#include "hal/clock.h"

enum phase {
    PHASE_IDLE,
    PHASE_TAP,  /* a tap under its own name */
    PHASE_SCAN, /* find or link: a scan, a tag or (find) a card is waited for */
    PHASE_CARD, /* link: the medium is known, the card is waited for */
    PHASE_OVER, /* answered; the terminal may still hold the card */
};

struct desk {
    struct desk_config config;
    enum phase phase;
    struct desk_request request; /* `medium` is filled in when it was scanned */
    int64_t deadline_ms;
    bool is_cancelled;
    enum st scan;          /* of a scan that came meanwhile; ST_AGAIN: none */
    struct {               /* the last card that was moved: no name lies on a disk */
        uint32_t sequence; /* 0 = none */
        char name[CARD_NAME_BYTES_MAX + 1];
    } moved;
    struct fault scan_say;
    struct desk_answer answer;
};

static void log_event(const struct desk *desk, const char *event, const char *text)
{
    if (desk->config.log != NULL) {
        desk->config.log(desk->config.log_ctx, event, text);
    }
}

static enum terminal_progress over(struct desk *desk)
{
    desk->phase = PHASE_OVER;
    return TERMINAL_OVER;
}

/* Ends the request without success. `say` NULL: the reason's own sentence. */
static enum terminal_progress fail(struct desk *desk, enum tap_reason reason, const char *say)
{
    desk->answer = (struct desk_answer){.tap = {.outcome = TAP_NOT_DONE, .reason = reason}};
    if (say != NULL) {
        fault_say(&desk->answer.tap.say, "%s", say);
    } else {
        say_reason(reason, &desk->answer.tap.say);
    }
    return over(desk);
}

static enum terminal_progress fail_store(struct desk *desk)
{
    return fail(desk, TAP_REASON_DISK, store_fault(desk->config.store)->say);
}

/* Whose unit money is said in; NULL: none is in force. */
static const struct programme *programme_of(const struct desk *desk)
{
    return terminal_standing(desk->config.terminal)->programme;
}

/* --- links ---------------------------------------------------------------------------------- */

static struct members members_of(const struct desk *desk)
{
    return (struct members){
        .terminal = desk->config.terminal, .store = desk->config.store, .keys = desk->config.keys};
}

static enum st find_link(const struct desk *desk, const struct identifier *id, uint64_t *ret_card)
{
    const struct members members = members_of(desk);
    return members_find(&members, id, ret_card);
}

static const char say_no_master[] = "This terminal has no key for media: have the custodians add "
                                    "it (vafa-keys ceremony, role media).";

static const char say_keys_silent[] = "The key store does not answer: ask again.";

static enum terminal_progress fail_link(struct desk *desk, enum st st)
{
    switch (st) {
    case ST_REFUSED:
        return fail(desk, TAP_REASON_NOT_LINKED, NULL);
    case ST_UNSUPPORTED:
        return fail(desk, TAP_REASON_REFUSED, say_no_master);
    case ST_GONE:
        return fail(desk, TAP_REASON_REFUSED, say_keys_silent);
    case ST_OK:
    case ST_AGAIN:
    case ST_DENIED:
    case ST_FOREIGN:
    case ST_FULL:
    case ST_IO:
    case ST_CORRUPT:
        break;
    }
    return fail_store(desk);
}

static void log_found(const struct desk *desk, const char *event, uint64_t card)
{
    char text[64];
    (void)snprintf(text, sizeof text, "medium=%s card=*%04" PRIu64,
                   media_kind_word(desk->request.medium.kind), card % 10000);
    log_event(desk, event, text);
}

/* Answers with what this terminal knows of the card. */
static enum terminal_progress answer_found(struct desk *desk, uint64_t card)
{
    struct desk_found *found = &desk->answer.found;
    desk->answer = (struct desk_answer){.tap = {.outcome = TAP_DONE}, .has_found = true};
    found->medium = desk->request.medium.kind;
    found->card_number = card;
    const enum st st = cards_seen_at(desk->config.store, card, &found->state, &found->seen_s);
    if (st != ST_OK && st != ST_REFUSED) {
        return fail_store(desk);
    }
    found->has_state = st == ST_OK;
    desk->answer.tap.listing = terminal_listing(desk->config.terminal, card);
    if (desk->request.what == DESK_LINK) {
        fault_say(&desk->answer.tap.say, "Linked: this medium finds the card from now on. It earns "
                                         "and spends nothing: that takes the card.");
    } else {
        say_found(programme_of(desk), found->has_state ? &found->state : NULL,
                  desk->answer.tap.listing, &desk->answer.tap.say);
    }
    log_found(desk, desk->request.what == DESK_LINK ? "T502" : "T501", card);
    return over(desk);
}

static enum terminal_progress find(struct desk *desk)
{
    const struct identifier *id = &desk->request.medium;
    uint64_t card = 0;
    if (members_shows_number(id)) {
        return answer_found(desk, id->number);
    }
    const enum st st = find_link(desk, id, &card);
    return st == ST_OK ? answer_found(desk, card) : fail_link(desk, st);
}

/* --- link ----------------------------------------------------------------------------------- */

static enum terminal_progress begin_reading(struct desk *desk, enum phase phase)
{
    const struct tap_request balance = {.what = TAP_BALANCE,
                                        .is_look = desk->request.what == DESK_FOUND,
                                        .operator_no = desk->request.tap.operator_no};
    const int64_t left_ms = desk->deadline_ms - clock_monotonic_ms();
    if (left_ms <= 0 || desk->is_cancelled) {
        return fail(desk, TAP_REASON_NO_CARD, NULL);
    }
    desk->answer = (struct desk_answer){.has_found = false};
    if (terminal_begin(desk->config.terminal, &balance, NULL, (unsigned)left_ms,
                       &desk->answer.tap) != ST_OK) {
        return over(desk);
    }
    desk->phase = phase;
    return TERMINAL_WAITING;
}

static void end_reading(struct desk *desk)
{
    if (terminal_is_busy(desk->config.terminal)) {
        terminal_finish(desk->config.terminal, true);
    }
}

/* A tag that was read goes on lying there; it is not the card that is waited for. */
static void end_reading_of_tag(struct desk *desk)
{
    end_reading(desk);
    terminal_forget_released(desk->config.terminal);
}

/* The medium is known: may it be linked at all? Then the card is waited for. */
static enum terminal_progress begin_link(struct desk *desk)
{
    if (members_shows_number(&desk->request.medium)) {
        return fail(desk, TAP_REASON_REFUSED,
                    "This shows a card number: it needs no link, find works with it as it is.");
    }
    if (members_key_version(desk->config.keys) == KEYSTORE_VERSIONS) {
        return fail(desk, TAP_REASON_REFUSED, say_no_master);
    }
    end_reading(desk);
    return begin_reading(desk, PHASE_CARD);
}

static enum terminal_progress append_link(struct desk *desk, const struct card_view *card)
{
    struct entry_link link = {.card_number = card->number,
                              .family = (uint8_t)card->family,
                              .uid_bytes = (uint8_t)card->uid_bytes,
                              .medium = (uint8_t)desk->request.medium.kind,
                              .key_version = members_key_version(desk->config.keys)};
    struct fault fault;
    uint32_t sequence = 0;
    memcpy(link.uid, card->uid, card->uid_bytes);
    enum st st = keystore_medium_tag(desk->config.keys, link.key_version, link.medium,
                                     desk->request.medium.text, link.tag);
    if (st != ST_OK) {
        return fail(desk, TAP_REASON_REFUSED, say_keys_silent);
    }
    st = terminal_append_link(desk->config.terminal, &link, desk->request.tap.operator_no,
                              &sequence, &fault);
    return st == ST_OK ? answer_found(desk, card->number) : fail(desk, TAP_REASON_DISK, fault.say);
}

static enum terminal_progress link_card(struct desk *desk, const struct tap_answer *tap)
{
    uint64_t before = 0;
    if (tap->snapshot.status != CARD_ACTIVE || tap->listing != LISTING_NONE) {
        return fail(desk, TAP_REASON_REFUSED,
                    "This card is blocked, closed or listed: nothing is linked to it.");
    }
    const enum st st = find_link(desk, &desk->request.medium, &before);
    if (st == ST_OK && before != tap->card_number) {
        return fail(desk, TAP_REASON_REFUSED,
                    "This medium is linked to another card: nothing was "
                    "changed. Call the club.");
    }
    if (st == ST_OK) {
        return answer_found(desk, tap->card_number);
    }
    return st == ST_REFUSED ? append_link(desk, terminal_view(desk->config.terminal))
                            : fail_link(desk, st);
}

/* --- members -------------------------------------------------------------------------------- */

static enum terminal_progress done_member(struct desk *desk, const struct desk_member *member,
                                          const struct fault *say)
{
    desk->answer = (struct desk_answer){
        .tap = {.outcome = TAP_DONE, .say = *say}, .has_member = true, .member = *member};
    return over(desk);
}

static enum terminal_progress fail_member(struct desk *desk, enum st st, const struct fault *say)
{
    return fail(desk, st == ST_REFUSED ? TAP_REASON_REFUSED : TAP_REASON_DISK, say->say);
}

static enum terminal_progress join(struct desk *desk)
{
    const struct members members = members_of(desk);
    struct desk_member member = {.what = MEMBER_JOINED};
    struct fault say = {""};
    const enum st st = members_join(&members, &desk->request.joining, desk->request.tap.operator_no,
                                    &member.account, &say);
    if (st != ST_OK) {
        return fail_member(desk, st, &say);
    }
    fault_say(&say, "A member: number %016" PRIu64 ". What they buy is kept for their card.",
              member.account);
    return done_member(desk, &member, &say);
}

static enum terminal_progress earn(struct desk *desk)
{
    const struct members members = members_of(desk);
    struct desk_member member = {.what = MEMBER_EARNED};
    struct fault say = {""};
    char cashback[EXPLAIN_AMOUNT_MAX];
    const enum st st = earnings_take(&members, &desk->request.medium, &desk->request.tap,
                                     &desk->request.basket, &member.earning, &say);
    if (st != ST_OK) {
        return member.earning.is_limit ? fail(desk, TAP_REASON_LIMIT, say.say)
                                       : fail_member(desk, st, &say);
    }
    explain_money(programme_of(desk), EXPLAIN_EN, member.earning.accrual.cashback, cashback);
    fault_say(&say, "%" PRId64 " points and %s are kept for the member's card; nothing was spent.",
              member.earning.accrual.award.n, cashback);
    log_found(desk, "T505", member.earning.number);
    return done_member(desk, &member, &say);
}

static enum terminal_progress earn_back(struct desk *desk)
{
    const struct members members = members_of(desk);
    struct desk_member member = {.what = MEMBER_EARNED};
    struct fault say = {""};
    char due[EXPLAIN_AMOUNT_MAX], cashback[EXPLAIN_AMOUNT_MAX];
    const struct entry_accrual *accrual = &member.earning.accrual;
    const enum st st = earnings_give_back(&members, desk->request.number,
                                          desk->request.tap.operator_no, &member.earning, &say);
    if (st != ST_OK) {
        return member.earning.is_limit ? fail(desk, TAP_REASON_LIMIT, say.say)
                                       : fail_member(desk, st, &say);
    }
    explain_money(programme_of(desk), EXPLAIN_EN, accrual->due, due);
    explain_money(programme_of(desk), EXPLAIN_EN, accrual->cashback, cashback);
    fault_say(&say, "To hand back: %s. %" PRId64 " points and %s are taken back from the member.",
              due, accrual->award.n, cashback);
    return done_member(desk, &member, &say);
}

static enum terminal_progress tell_number(struct desk *desk)
{
    const struct members members = members_of(desk);
    struct desk_member member = {.what = MEMBER_NUMBER};
    struct fault say = {""};
    return members_number(&members, desk->request.card_number, &member.number, &member.next) ==
                   ST_OK
               ? done_member(desk, &member, &say)
               : fail_store(desk);
}

/* An issue: what was said of the member is judged and sealed before any card is looked for. */
static bool prepare_issue(struct desk *desk)
{
    const struct members members = members_of(desk);
    struct entry_member entry;
    struct fault say = {""};
    bool has_entry = false;
    if (desk->request.tap.what != TAP_ISSUE) {
        return true;
    }
    const enum st st = members_prepare(&members, &desk->request.joining, &desk->request.tap, &entry,
                                       &has_entry, &say);
    if (st != ST_OK) {
        (void)fail_member(desk, st, &say);
        return false;
    }
    if (has_entry) {
        terminal_attach_member(desk->config.terminal, &entry);
    }
    return true;
}

/* --- one card in the place of another ------------------------------------------------------- */

/* The second half of a duplicate: what left the old card is known before a blank one is waited for.
 */
static bool prepare_take_over(struct desk *desk)
{
    const struct members members = members_of(desk);
    const bool is_named = desk->moved.sequence == desk->request.number;
    struct fault say = {""};
    if (desk->request.tap.what != TAP_TAKE_OVER) {
        return true;
    }
    const enum st st =
        lostcard_duplicate(&members, desk->request.number, is_named ? desk->moved.name : "",
                           &desk->request.joining, &desk->request.tap, &say);
    if (st != ST_OK) {
        (void)fail_member(desk, st, &say);
    }
    return st == ST_OK;
}

static void keep_moved(struct desk *desk, const struct tap_answer *tap)
{
    const struct card_identity *identity = terminal_identity(desk->config.terminal);
    if (desk->request.tap.what == TAP_DUPLICATE && tap->outcome == TAP_DONE && identity != NULL) {
        desk->moved.sequence = tap->snapshot.last.sequence;
        memcpy(desk->moved.name, identity->name, sizeof desk->moved.name);
    }
}

static enum terminal_progress replace(struct desk *desk, const struct lost_named *named)
{
    const struct members members = members_of(desk);
    const int64_t left_ms = desk->deadline_ms - clock_monotonic_ms();
    struct lost_answer lost;
    struct fault say = {""};
    end_reading_of_tag(desk);
    const enum st st =
        lostcard_replace(&members, named, &desk->request.joining, &desk->request.tap, &lost, &say);
    if (st != ST_OK) {
        return fail_member(desk, st, &say);
    }
    if (terminal_begin(desk->config.terminal, &desk->request.tap, NULL,
                       left_ms > 0 ? (unsigned)left_ms : 1, &desk->answer.tap) != ST_OK) {
        return over(desk);
    }
    desk->phase = PHASE_TAP;
    return TERMINAL_WAITING;
}

/* The card is named: report it, take the report back, or replace it. */
static enum terminal_progress lose(struct desk *desk, uint64_t card, enum report_how how)
{
    const struct members members = members_of(desk);
    const struct lost_named named = {
        .card_number = card, .how = how, .operator_no = desk->request.tap.operator_no};
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
        return fail_member(desk, st, &say);
    }
    desk->answer =
        (struct desk_answer){.tap = {.outcome = is_replace ? TAP_NOT_DONE : TAP_DONE,
                                     .reason = is_replace ? TAP_REASON_CONFIRM : TAP_REASON_NONE,
                                     .say = say},
                             .has_lost = true,
                             .lost = lost};
    return over(desk);
}

static enum terminal_progress lose_by_medium(struct desk *desk)
{
    const struct identifier *id = &desk->request.medium;
    uint64_t card = id->number;
    if (members_shows_number(id)) {
        return lose(desk, card, REPORT_BY_NUMBER);
    }
    const enum st st = find_link(desk, id, &card);
    return st == ST_OK ? lose(desk, card, REPORT_BY_MEDIUM) : fail_link(desk, st);
}

static bool is_about_loss(const struct desk *desk)
{
    return desk->request.what == DESK_LOST || desk->request.what == DESK_FOUND ||
           desk->request.what == DESK_REPLACE;
}

/* --- vouchers ------------------------------------------------------------------------------- */

static enum terminal_progress take_bon(struct desk *desk)
{
    struct bon_request request = desk->request.bon;
    struct bon_answer bon;
    if (desk->request.medium.kind != MEDIA_BON) {
        return fail(desk, TAP_REASON_REFUSED, "This is no voucher: scan the voucher's code.");
    }
    request.operator_no = desk->request.tap.operator_no;
    const enum st st = bons_serve(desk->config.terminal, desk->config.store,
                                  desk->request.medium.text, &request, &bon);
    if (st == ST_OK) {
        desk->answer = (struct desk_answer){
            .tap = {.outcome = TAP_DONE, .say = bon.say}, .has_bon = true, .bon = bon};
        return over(desk);
    }
    if (st == ST_DENIED) {
        log_event(desk, "T504", "a voucher that the club did not seal");
    }
    return fail(desk,
                bon.is_limit                          ? TAP_REASON_LIMIT
                : st == ST_REFUSED || st == ST_DENIED ? TAP_REASON_REFUSED
                                                      : TAP_REASON_DISK,
                bon.say.say);
}

/* --- transfers that wait ---------------------------------------------------------------------- */

static enum terminal_progress list_waiting(struct desk *desk)
{
    desk->answer = (struct desk_answer){.tap = {.outcome = TAP_DONE}, .has_waiting = true};
    if (handover_list(desk->config.store, &desk->answer.waiting) != ST_OK) {
        return fail_store(desk);
    }
    const struct waiting_sums *sums = &desk->answer.waiting.sums;
    char amount[EXPLAIN_AMOUNT_MAX];
    explain_money(programme_of(desk), EXPLAIN_EN, sums->amount, amount);
    fault_say(&desk->answer.tap.say, "%" PRIu32 " transfers wait here, %s in all.", sums->count,
              amount);
    return over(desk);
}

static enum terminal_progress release(struct desk *desk)
{
    struct handover handover = {.sequence = desk->request.number,
                                .card_number = desk->request.card_number,
                                .operator_no = desk->request.tap.operator_no};
    const enum st st = handover_release(desk->config.terminal, desk->config.store, &handover);
    if (st != ST_OK) {
        return fail(desk, st == ST_REFUSED ? TAP_REASON_REFUSED : TAP_REASON_DISK,
                    handover.say.say);
    }
    desk->answer = (struct desk_answer){.tap = {.outcome = TAP_DONE, .say = handover.say},
                                        .has_release = true,
                                        .release = handover};
    return over(desk);
}

/* --- operators ------------------------------------------------------------------------------- */

static enum terminal_progress sign_in(struct desk *desk, uint64_t card_number)
{
    desk->answer = (struct desk_answer){.has_found = false};
    terminal_sign_in(desk->config.terminal, desk->config.keys, card_number, desk->request.pin,
                     &desk->answer.tap);
    return over(desk);
}

/* What shows a card's number is no more than the number: only the card, or what was linked to it.
 */
static enum terminal_progress sign_in_by_medium(struct desk *desk)
{
    uint64_t card = 0;
    if (members_shows_number(&desk->request.medium)) {
        return fail(desk, TAP_REASON_SIGN_IN, "Hold the operator card itself on the reader.");
    }
    const enum st st = find_link(desk, &desk->request.medium, &card);
    return st == ST_OK ? sign_in(desk, card) : fail_link(desk, st);
}

static enum terminal_progress sign_in_by_card(struct desk *desk, const struct tap_answer *tap)
{
    if (tap->has_snapshot && tap->snapshot.status != CARD_ACTIVE) {
        return fail(desk, TAP_REASON_SIGN_IN, "This operator card is blocked: call the club.");
    }
    return sign_in(desk, tap->card_number);
}

/* Requests that need no card. */
static enum terminal_progress do_without_card(struct desk *desk)
{
    desk->answer = (struct desk_answer){.has_found = false};
    if (desk->request.what == DESK_UNLOCK) {
        terminal_unlock(desk->config.terminal, desk->request.number, &desk->answer.tap);
    } else {
        terminal_sign_out(desk->config.terminal, &desk->answer.tap);
    }
    return over(desk);
}

/* --- steps ---------------------------------------------------------------------------------- */

/* The medium of find, link or bon has come: typed, scanned, or as a tag. */
static enum terminal_progress take_medium(struct desk *desk)
{
    if (desk->request.what == DESK_BON) {
        return take_bon(desk);
    }
    if (desk->request.what == DESK_SIGN_IN) {
        return sign_in_by_medium(desk);
    }
    if (desk->request.what == DESK_EARN) {
        return earn(desk);
    }
    if (desk->request.medium.kind == MEDIA_BON) {
        return fail(desk, TAP_REASON_REFUSED,
                    "This is a voucher: it pays (vafa-till bon), and "
                    "says nothing of a member.");
    }
    if (is_about_loss(desk)) {
        return lose_by_medium(desk);
    }
    return desk->request.what == DESK_FIND ? find(desk) : begin_link(desk);
}

static enum terminal_progress take_tag(struct desk *desk)
{
    const struct card_view *view = terminal_view(desk->config.terminal);
    struct fault fault;
    if (media_from_uid(view->uid, view->uid_bytes, &desk->request.medium, &fault) != ST_OK) {
        return fail(desk, TAP_REASON_MEDIUM, fault.say);
    }
    if (desk->request.what == DESK_LINK) {
        end_reading_of_tag(desk);
    }
    return take_medium(desk);
}

static enum terminal_progress pass_on(struct desk *desk, const struct tap_answer *tap)
{
    desk->answer = (struct desk_answer){.tap = *tap};
    return over(desk);
}

static enum terminal_progress after_tap(struct desk *desk, const struct tap_answer *tap)
{
    if (tap->reason == TAP_REASON_MEDIUM && tap->outcome == TAP_NOT_DONE &&
        desk->request.tap.what == TAP_BALANCE) {
        desk->request.what = DESK_FIND;
        return take_tag(desk);
    }
    keep_moved(desk, tap);
    return pass_on(desk, tap);
}

static enum terminal_progress after_scan(struct desk *desk, const struct tap_answer *tap)
{
    if (desk->scan == ST_OK) {
        return take_medium(desk);
    }
    if (desk->scan != ST_AGAIN) {
        return fail(desk, TAP_REASON_REFUSED, desk->scan_say.say);
    }
    if (tap->outcome == TAP_NOT_DONE && tap->reason == TAP_REASON_MEDIUM) {
        return take_tag(desk);
    }
    if (tap->outcome == TAP_NOT_DONE && tap->reason == TAP_REASON_NO_CARD) {
        return fail(desk, TAP_REASON_NO_CARD, "Nothing was scanned: ask again.");
    }
    if (tap->outcome == TAP_DONE && desk->request.what == DESK_EARN) {
        return fail(desk, TAP_REASON_REFUSED, "This is the card: sell with it, without --member.");
    }
    if (tap->outcome == TAP_DONE && desk->request.what == DESK_BON) {
        return fail(desk, TAP_REASON_REFUSED, "This is a card: scan the voucher's code.");
    }
    if (tap->outcome == TAP_DONE && desk->request.what == DESK_SIGN_IN) {
        return sign_in_by_card(desk, tap);
    }
    if (tap->outcome == TAP_DONE && desk->request.what == DESK_REPLACE) {
        return fail(desk, TAP_REASON_REFUSED,
                    "This is a card: what is on it goes to another one by duplicate.");
    }
    if (tap->outcome == TAP_DONE && is_about_loss(desk)) {
        return lose(desk, tap->card_number, REPORT_BY_CARD);
    }
    if (tap->outcome == TAP_DONE && desk->request.what == DESK_LINK) {
        return fail(desk, TAP_REASON_REFUSED,
                    "The tag or code comes first, then the card: ask again.");
    }
    return pass_on(desk, tap);
}

static enum terminal_progress after_card(struct desk *desk, const struct tap_answer *tap)
{
    if (tap->outcome == TAP_DONE && tap->has_snapshot) {
        return link_card(desk, tap);
    }
    if (tap->outcome == TAP_NOT_DONE && tap->reason == TAP_REASON_MEDIUM) {
        end_reading_of_tag(desk);
        return begin_reading(desk, PHASE_CARD);
    }
    return pass_on(desk, tap);
}

enum terminal_progress desk_step(struct desk *desk)
{
    assert(desk->phase != PHASE_IDLE);
    if (desk->phase == PHASE_OVER) {
        return TERMINAL_OVER;
    }
    const enum terminal_progress progress = terminal_step(desk->config.terminal);
    if (progress != TERMINAL_OVER) {
        return progress;
    }
    const struct tap_answer *tap = terminal_answer(desk->config.terminal);
    switch (desk->phase) {
    case PHASE_TAP:
        return after_tap(desk, tap);
    case PHASE_SCAN:
        return after_scan(desk, tap);
    case PHASE_CARD:
        return after_card(desk, tap);
    case PHASE_IDLE:
    case PHASE_OVER:
        break;
    }
    assert(false && "not a phase to step in");
    return TERMINAL_OVER;
}

/* What a request takes. Of a tap the terminal asks that itself, by what is tapped for. */
static enum right right_of(enum desk_do what)
{
    switch (what) {
    case DESK_LINK:
    case DESK_JOIN:
        return RIGHT_ISSUE;
    case DESK_RELEASE:
        return RIGHT_LOAD;
    case DESK_FOUND:
    case DESK_REPLACE:
        return RIGHT_REPLACE;
    case DESK_LOST:
    case DESK_BON:
    case DESK_EARN:
        return RIGHT_SELL;
    case DESK_EARN_BACK:
        return RIGHT_REFUND;
    case DESK_TAP:
    case DESK_FIND:
    case DESK_SIGN_IN:
    case DESK_SIGN_OUT:
    case DESK_UNLOCK:
    case DESK_NUMBER:
    case DESK_WAITING:
        break;
    }
    return RIGHT_READ;
}

/* Completes what is asked of two cards from the journal. False: it cannot be, and is answered. */
static bool prepare_transfer(struct desk *desk)
{
    struct tap_request *tap = &desk->request.tap;
    struct fault why;
    if (desk->request.what != DESK_TAP || tap->what != TAP_TRANSFER) {
        return true;
    }
    const enum st st = twocards_prepare(desk->config.store, &tap->wish, &why);
    if (st != ST_OK) {
        desk->answer.tap =
            (struct tap_answer){.outcome = TAP_NOT_DONE,
                                .reason = st == ST_REFUSED ? TAP_REASON_REFUSED : TAP_REASON_DISK,
                                .say = why};
    }
    return st == ST_OK;
}

/* May it be done, by whoever is signed in? */
static bool admit(struct desk *desk)
{
    desk->answer = (struct desk_answer){.has_found = false};
    return terminal_admit(desk->config.terminal, right_of(desk->request.what),
                          &desk->request.tap.operator_no, &desk->answer.tap) == ST_OK;
}

enum st desk_begin(struct desk *desk, const struct desk_request *request, unsigned wait_ms,
                   struct desk_answer *ret_answer)
{
    assert(desk->phase == PHASE_IDLE);
    desk->request = *request;
    desk->deadline_ms = clock_monotonic_ms() + wait_ms;
    desk->is_cancelled = false;
    desk->scan = ST_AGAIN;
    desk->answer = (struct desk_answer){.has_found = false};
    if (!admit(desk) || !prepare_transfer(desk)) {
        (void)over(desk);
    } else if (request->what == DESK_SIGN_OUT || request->what == DESK_UNLOCK) {
        (void)do_without_card(desk);
    } else if (request->what == DESK_TAP) {
        desk->phase = PHASE_TAP;
        if (request->is_fresh) {
            terminal_forget_released(desk->config.terminal);
        }
        if (prepare_issue(desk) && prepare_take_over(desk) &&
            terminal_begin(desk->config.terminal, &desk->request.tap, &request->basket, wait_ms,
                           &desk->answer.tap) != ST_OK) {
            (void)over(desk);
        }
    } else if (request->what == DESK_JOIN) {
        (void)join(desk);
    } else if (request->what == DESK_EARN_BACK) {
        (void)earn_back(desk);
    } else if (request->what == DESK_NUMBER) {
        (void)tell_number(desk);
    } else if (is_about_loss(desk) && request->card_number != 0) {
        (void)lose(desk, request->card_number, REPORT_BY_NUMBER);
    } else if (request->what == DESK_WAITING) {
        (void)list_waiting(desk);
    } else if (request->what == DESK_RELEASE) {
        (void)release(desk);
    } else if (request->has_medium) {
        (void)take_medium(desk);
    } else {
        (void)begin_reading(desk, PHASE_SCAN);
    }
    if (desk->phase != PHASE_OVER) {
        return ST_OK;
    }
    *ret_answer = desk->answer;
    desk_finish(desk, true);
    return ST_REFUSED;
}

const struct desk_answer *desk_answer(const struct desk *desk)
{
    assert(desk->phase == PHASE_OVER);
    return &desk->answer;
}

enum tap_say desk_meanwhile(const struct desk *desk)
{
    const enum tap_say say = terminal_meanwhile(desk->config.terminal);
    return desk->phase == PHASE_SCAN && say == TAP_SAY_HOLD ? TAP_SAY_SCAN : say;
}

bool desk_is_busy(const struct desk *desk)
{
    return desk->phase != PHASE_IDLE;
}

void desk_finish(struct desk *desk, bool was_told)
{
    assert(desk->phase == PHASE_OVER);
    if (terminal_is_busy(desk->config.terminal)) {
        terminal_finish(desk->config.terminal, was_told);
    }
    bytes_wipe(&desk->request.medium, sizeof desk->request.medium);
    bytes_wipe(desk->request.pin, sizeof desk->request.pin);
    bytes_wipe(&desk->request.joining, sizeof desk->request.joining);
    desk->phase = PHASE_IDLE;
}

void desk_cancel(struct desk *desk)
{
    desk->is_cancelled = true;
    terminal_cancel(desk->config.terminal);
}

void desk_hurry(struct desk *desk)
{
    desk->is_cancelled = true;
    terminal_hurry(desk->config.terminal);
}

void desk_scan(struct desk *desk, enum st st, const struct identifier *id, const struct fault *say)
{
    if (st != ST_OK) {
        log_event(desk, "T503", say->say);
    }
    if (desk->phase != PHASE_SCAN || desk->scan != ST_AGAIN) {
        return;
    }
    desk->scan = st;
    if (st == ST_OK) {
        desk->request.medium = *id;
    } else {
        desk->scan_say = *say;
    }
    terminal_cancel(desk->config.terminal); /* nothing more has to be held on the reader */
}

/* --- opening -------------------------------------------------------------------------------- */

enum st desk_open(const struct desk_config *config, struct desk **ret, struct fault *fault)
{
    struct desk *desk = calloc(1, sizeof *desk);
    if (desk == NULL) {
        fault_say(fault, "There is no memory left: restart the terminal.");
        return ST_FULL;
    }
    desk->config = *config;
    *ret = desk;
    return ST_OK;
}

void desk_close(struct desk *desk)
{
    if (desk != NULL) {
        bytes_wipe(desk, sizeof *desk);
        free(desk);
    }
}

struct terminal *desk_terminal(const struct desk *desk)
{
    return desk->config.terminal;
}
