#include "firmware/terminal/desk_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "firmware/engine/explain_text.h"
#include "firmware/terminal/say.h"
#include "firmware/terminal/twocards.h"
#include "hal/base/bytes.h"
#include "hal/clock.h"

void desk_log(const struct desk *desk, const char *event, const char *text)
{
    if (desk->config.log != NULL) {
        desk->config.log(desk->config.log_ctx, event, text);
    }
}

enum terminal_progress desk_over(struct desk *desk)
{
    desk->phase = PHASE_OVER;
    return TERMINAL_OVER;
}

enum terminal_progress desk_fail(struct desk *desk, enum tap_reason reason, const char *say)
{
    desk->answer = (struct desk_answer){.tap = {.outcome = TAP_NOT_DONE, .reason = reason}};
    if (say != NULL) {
        fault_say(&desk->answer.tap.say, "%s", say);
    } else {
        say_reason(reason, &desk->answer.tap.say);
    }
    return desk_over(desk);
}

enum terminal_progress desk_fail_say(struct desk *desk, enum st st, const struct fault *say)
{
    return desk_fail(desk, st == ST_REFUSED ? TAP_REASON_REFUSED : TAP_REASON_DISK, say->say);
}

enum terminal_progress desk_fail_store(struct desk *desk)
{
    return desk_fail(desk, TAP_REASON_DISK, store_fault(desk->config.store)->say);
}

const struct programme *desk_programme(const struct desk *desk)
{
    return terminal_standing(desk->config.terminal)->programme;
}

struct members desk_members(const struct desk *desk)
{
    return (struct members){
        .terminal = desk->config.terminal, .store = desk->config.store, .keys = desk->config.keys};
}

/* --- readings ------------------------------------------------------------------------------- */

enum terminal_progress desk_begin_reading(struct desk *desk, enum phase phase)
{
    const struct tap_request balance = {.what = TAP_BALANCE,
                                        .is_look = desk->request.what == DESK_FOUND,
                                        .operator_no = desk->request.tap.operator_no};
    const int64_t left_ms = desk->deadline_ms - clock_monotonic_ms();
    if (left_ms <= 0 || desk->is_cancelled) {
        return desk_fail(desk, TAP_REASON_NO_CARD, NULL);
    }
    desk->answer = (struct desk_answer){.has_found = false};
    if (terminal_begin(desk->config.terminal, &balance, NULL, (unsigned)left_ms,
                       &desk->answer.tap) != ST_OK) {
        return desk_over(desk);
    }
    desk->phase = phase;
    return TERMINAL_WAITING;
}

void desk_end_reading(struct desk *desk)
{
    if (terminal_is_busy(desk->config.terminal)) {
        terminal_finish(desk->config.terminal, true);
    }
}

void desk_end_reading_of_tag(struct desk *desk)
{
    desk_end_reading(desk);
    terminal_forget_released(desk->config.terminal);
}

/* --- vouchers ------------------------------------------------------------------------------- */

static enum terminal_progress take_bon(struct desk *desk)
{
    struct bon_request request = desk->request.bon;
    struct bon_answer bon;
    if (desk->request.medium.kind != MEDIA_BON) {
        return desk_fail(desk, TAP_REASON_REFUSED, "This is no voucher: scan the voucher's code.");
    }
    request.operator_no = desk->request.tap.operator_no;
    const enum st st = bons_serve(desk->config.terminal, desk->config.store,
                                  desk->request.medium.text, &request, &bon);
    if (st == ST_OK) {
        desk->answer = (struct desk_answer){
            .tap = {.outcome = TAP_DONE, .say = bon.say}, .has_bon = true, .bon = bon};
        return desk_over(desk);
    }
    if (st == ST_DENIED) {
        desk_log(desk, "T504", "a voucher that the club did not seal");
    }
    return desk_fail(desk,
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
        return desk_fail_store(desk);
    }
    const struct waiting_sums *sums = &desk->answer.waiting.sums;
    char amount[EXPLAIN_AMOUNT_MAX];
    explain_money(desk_programme(desk), EXPLAIN_EN, sums->amount, amount);
    fault_say(&desk->answer.tap.say, "%" PRIu32 " transfers wait here, %s in all.", sums->count,
              amount);
    return desk_over(desk);
}

static enum terminal_progress release(struct desk *desk)
{
    struct handover handover = {.sequence = desk->request.number,
                                .card_number = desk->request.card_number,
                                .operator_no = desk->request.tap.operator_no};
    const enum st st = handover_release(desk->config.terminal, desk->config.store, &handover);
    if (st != ST_OK) {
        return desk_fail(desk, st == ST_REFUSED ? TAP_REASON_REFUSED : TAP_REASON_DISK,
                         handover.say.say);
    }
    char text[64];
    (void)snprintf(text, sizeof text, "transfer=%" PRIu32 " card=*%04" PRIu64, handover.sequence,
                   handover.card_number % 10000);
    desk_log(desk, "T506", text);
    desk->answer = (struct desk_answer){.tap = {.outcome = TAP_DONE, .say = handover.say},
                                        .has_release = true,
                                        .release = handover};
    return desk_over(desk);
}

/* --- operators ------------------------------------------------------------------------------- */

static enum terminal_progress sign_in(struct desk *desk, uint64_t card_number)
{
    desk->answer = (struct desk_answer){.has_found = false};
    terminal_sign_in(desk->config.terminal, desk->config.keys, card_number, desk->request.pin,
                     &desk->answer.tap);
    return desk_over(desk);
}

/* What shows a card's number is no more than the number: only the card, or what was linked to it.
 */
static enum terminal_progress sign_in_by_medium(struct desk *desk)
{
    uint64_t card = 0;
    if (members_shows_number(&desk->request.medium)) {
        return desk_fail(desk, TAP_REASON_SIGN_IN, "Hold the operator card itself on the reader.");
    }
    const enum st st = desk_find_link(desk, &desk->request.medium, &card);
    return st == ST_OK ? sign_in(desk, card) : desk_fail_link(desk, st);
}

static enum terminal_progress sign_in_by_card(struct desk *desk, const struct tap_answer *tap)
{
    if (tap->has_snapshot && tap->snapshot.status != CARD_ACTIVE) {
        return desk_fail(desk, TAP_REASON_SIGN_IN, "This operator card is blocked: call the club.");
    }
    return sign_in(desk, tap->card_number);
}

/* Requests that need no card. */
static enum terminal_progress do_without_card(struct desk *desk)
{
    desk->answer = (struct desk_answer){.has_found = false};
    if (desk->request.what == DESK_UNLOCK) {
        terminal_unlock(desk->config.terminal, desk->request.number, &desk->answer.tap);
    } else if (desk->request.what == DESK_SUPPORT) {
        terminal_support(desk->config.terminal, desk->request.number, desk->request.tap.operator_no,
                         &desk->answer.tap);
    } else {
        terminal_sign_out(desk->config.terminal, &desk->answer.tap);
    }
    return desk_over(desk);
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
        return desk_earn(desk);
    }
    if (desk->request.medium.kind == MEDIA_BON) {
        return desk_fail(desk, TAP_REASON_REFUSED,
                         "This is a voucher: it pays (vafa-till bon), and "
                         "says nothing of a member.");
    }
    if (desk_is_about_loss(desk)) {
        return desk_lose_by_medium(desk);
    }
    return desk->request.what == DESK_FIND ? desk_find(desk) : desk_begin_link(desk);
}

static enum terminal_progress take_tag(struct desk *desk)
{
    const struct card_view *view = terminal_view(desk->config.terminal);
    struct fault fault;
    if (media_from_uid(view->uid, view->uid_bytes, &desk->request.medium, &fault) != ST_OK) {
        return desk_fail(desk, TAP_REASON_MEDIUM, fault.say);
    }
    if (desk->request.what == DESK_LINK) {
        desk_end_reading_of_tag(desk);
    }
    return take_medium(desk);
}

static enum terminal_progress pass_on(struct desk *desk, const struct tap_answer *tap)
{
    desk->answer = (struct desk_answer){.tap = *tap};
    return desk_over(desk);
}

static enum terminal_progress after_tap(struct desk *desk, const struct tap_answer *tap)
{
    if (tap->reason == TAP_REASON_MEDIUM && tap->outcome == TAP_NOT_DONE &&
        desk->request.tap.what == TAP_BALANCE) {
        desk->request.what = DESK_FIND;
        return take_tag(desk);
    }
    desk_keep_moved(desk, tap);
    return pass_on(desk, tap);
}

static enum terminal_progress after_scan(struct desk *desk, const struct tap_answer *tap)
{
    if (desk->scan == ST_OK) {
        return take_medium(desk);
    }
    if (desk->scan != ST_AGAIN) {
        return desk_fail(desk, TAP_REASON_REFUSED, desk->scan_say.say);
    }
    if (tap->outcome == TAP_NOT_DONE && tap->reason == TAP_REASON_MEDIUM) {
        return take_tag(desk);
    }
    if (tap->outcome == TAP_NOT_DONE && tap->reason == TAP_REASON_NO_CARD) {
        return desk_fail(desk, TAP_REASON_NO_CARD, "Nothing was scanned: ask again.");
    }
    if (tap->outcome == TAP_DONE && desk->request.what == DESK_EARN) {
        return desk_fail(desk, TAP_REASON_REFUSED,
                         "This is the card: sell with it, without --member.");
    }
    if (tap->outcome == TAP_DONE && desk->request.what == DESK_BON) {
        return desk_fail(desk, TAP_REASON_REFUSED, "This is a card: scan the voucher's code.");
    }
    if (tap->outcome == TAP_DONE && desk->request.what == DESK_SIGN_IN) {
        return sign_in_by_card(desk, tap);
    }
    if (tap->outcome == TAP_DONE && desk->request.what == DESK_REPLACE) {
        return desk_fail(desk, TAP_REASON_REFUSED,
                         "This is a card: what is on it goes to another one by duplicate.");
    }
    if (tap->outcome == TAP_DONE && desk_is_about_loss(desk)) {
        return desk_lose(desk, tap->card_number, REPORT_BY_CARD);
    }
    if (tap->outcome == TAP_DONE && desk->request.what == DESK_LINK) {
        return desk_fail(desk, TAP_REASON_REFUSED,
                         "The tag or code comes first, then the card: ask again.");
    }
    return pass_on(desk, tap);
}

static enum terminal_progress after_card(struct desk *desk, const struct tap_answer *tap)
{
    if (tap->outcome == TAP_DONE && tap->has_snapshot) {
        return desk_link_card(desk, tap);
    }
    if (tap->outcome == TAP_NOT_DONE && tap->reason == TAP_REASON_MEDIUM) {
        desk_end_reading_of_tag(desk);
        return desk_begin_reading(desk, PHASE_CARD);
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
    case DESK_SUPPORT:
        return RIGHT_SUPPORT;
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
        (void)desk_over(desk);
    } else if (request->what == DESK_SIGN_OUT || request->what == DESK_UNLOCK ||
               request->what == DESK_SUPPORT) {
        (void)do_without_card(desk);
    } else if (request->what == DESK_TAP) {
        desk->phase = PHASE_TAP;
        if (request->is_fresh) {
            terminal_forget_released(desk->config.terminal);
        }
        if (desk_prepare_issue(desk) && desk_prepare_take_over(desk) &&
            terminal_begin(desk->config.terminal, &desk->request.tap, &request->basket, wait_ms,
                           &desk->answer.tap) != ST_OK) {
            (void)desk_over(desk);
        }
    } else if (request->what == DESK_JOIN) {
        (void)desk_join(desk);
    } else if (request->what == DESK_EARN_BACK) {
        (void)desk_earn_back(desk);
    } else if (request->what == DESK_NUMBER) {
        (void)desk_tell_number(desk);
    } else if (desk_is_about_loss(desk) && request->card_number != 0) {
        (void)desk_lose(desk, request->card_number, REPORT_BY_NUMBER);
    } else if (request->what == DESK_WAITING) {
        (void)list_waiting(desk);
    } else if (request->what == DESK_RELEASE) {
        (void)release(desk);
    } else if (request->has_medium) {
        (void)take_medium(desk);
    } else {
        (void)desk_begin_reading(desk, PHASE_SCAN);
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
        desk_log(desk, "T503", say->say);
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
