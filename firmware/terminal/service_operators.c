#include "firmware/terminal/service_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "hal/clock.h"
#include "storage/support.h"

/* Notes what happened to an operator. Number 0: nothing did. */
static enum st append_operator(struct terminal *terminal, const struct entry_operator *event)
{
    if (event->number == 0) {
        return ST_OK;
    }
    char text[64];
    (void)snprintf(text, sizeof text, "operator=%" PRIu32 " %s", event->number,
                   operator_event_word(event->event));
    service_log(terminal, "T601", text);
    struct entry entry = {.kind = ENTRY_OPERATOR,
                          .operator_no = terminal->session.operator_no,
                          .operator_event = *event};
    const enum st st = service_append_start(terminal);
    return st == ST_OK ? service_append(terminal, &entry) : st;
}

enum st service_refresh_session(struct terminal *terminal)
{
    struct entry_operator out;
    const enum st st =
        session_refresh(&terminal->session, terminal->config.store, clock_monotonic_ms(), &out);
    const enum st noted = append_operator(terminal, &out);
    return st != ST_OK ? st : noted == ST_CORRUPT ? noted : ST_OK;
}

enum st terminal_admit(struct terminal *terminal, enum right right, uint32_t *operator_no,
                       struct tap_answer *ret_refusal)
{
    *ret_refusal = (struct tap_answer){.outcome = TAP_NOT_DONE, .reason = TAP_REASON_DISK};
    if (service_refresh_session(terminal) != ST_OK) {
        ret_refusal->say = *store_fault(terminal->config.store);
        service_log_store(terminal, "session");
        return ST_REFUSED;
    }
    ret_refusal->reason = TAP_REASON_SIGN_IN;
    return session_admit(&terminal->session, right, clock_monotonic_ms(), operator_no,
                         &ret_refusal->say);
}

/* What an operator's request came to; `is_in` is the caller's word for done. */
static void answer_operator(struct terminal *terminal, bool is_done, enum st st,
                            const struct fault *say, struct tap_answer *ret)
{
    *ret = (struct tap_answer){.outcome = is_done ? TAP_DONE : TAP_NOT_DONE,
                               .reason = is_done            ? TAP_REASON_NONE
                                         : st == ST_REFUSED ? TAP_REASON_SIGN_IN
                                                            : TAP_REASON_DISK,
                               .say = *say};
    if (!is_done && st != ST_REFUSED) {
        ret->say = *store_fault(terminal->config.store);
        service_log_store(terminal, "operator");
    }
}

void terminal_sign_in(struct terminal *terminal, const struct keystore *keys, uint64_t card_number,
                      const char *pin, struct tap_answer *ret)
{
    struct entry_operator event = {.number = 0}, out = {.number = 0};
    struct fault say = {""};
    assert(!terminal->is_busy || terminal->act.kind == TAP_ACT_ANSWER);
    enum st st = standing_load(terminal->config.store, &terminal->standing);
    st = st == ST_OK ? service_refresh_session(terminal) : st;
    if (st == ST_OK && terminal_listing(terminal, card_number) != LISTING_NONE) {
        fault_say(&say, "The club refuses this operator card: keep it back and call the club.");
        st = ST_REFUSED;
    } else if (st == ST_OK) {
        st = session_try(&terminal->session, terminal->config.store, keys, card_number, pin, &event,
                         &say);
    }
    const bool is_in = st == ST_OK;
    if (is_in) { /* whoever was signed in before is not any more */
        session_end(&terminal->session, &out);
        st = append_operator(terminal, &out);
    }
    if (st == ST_OK || st == ST_REFUSED) {
        const enum st noted = append_operator(terminal, &event);
        st = noted != ST_OK ? noted : st;
    }
    if (is_in && st == ST_OK) {
        session_begin(&terminal->session, &event, clock_monotonic_ms());
    }
    answer_operator(terminal, is_in && st == ST_OK, st, &say, ret);
}

void terminal_sign_out(struct terminal *terminal, struct tap_answer *ret)
{
    struct entry_operator out;
    struct fault say;
    session_end(&terminal->session, &out);
    fault_say(&say, out.number == 0 ? "Nobody was signed in." : "Signed out.");
    const enum st st = append_operator(terminal, &out);
    answer_operator(terminal, st == ST_OK, st, &say, ret);
}

void terminal_unlock(struct terminal *terminal, uint32_t number, struct tap_answer *ret)
{
    struct entry_operator event = {.number = 0};
    struct fault say = {""};
    enum st st = service_refresh_session(terminal);
    if (st == ST_OK) {
        st = session_unlock(&terminal->session, terminal->config.store, number, &event, &say);
    }
    if (st == ST_OK) {
        st = append_operator(terminal, &event);
    }
    answer_operator(terminal, st == ST_OK, st, &say, ret);
}

static int64_t date_ahead_s(int64_t *ret_now_s)
{
    enum clock_quality quality;
    *ret_now_s = clock_now_s(&quality);
    return *ret_now_s - clock_monotonic_ms() / 1000;
}

void service_follow_date(struct terminal *terminal)
{
    enum { JUMP_S = 60 }; /* less is no jump, and no harm */
    int64_t now_s = 0;
    const int64_t ahead_s = date_ahead_s(&now_s);
    const int64_t jump_s = ahead_s - terminal->date_ahead_s;
    const bool has_jumped = jump_s > JUMP_S || jump_s < -JUMP_S;
    /* A date that was right and goes ahead is a machine's that slept: its hours went by. */
    const bool has_slept = jump_s > 0 && now_s - jump_s >= CLOCK_FIRST_S;
    if (has_jumped &&
        (has_slept || support_move(terminal->config.store, now_s - jump_s, now_s) == ST_OK)) {
        terminal->date_ahead_s = ahead_s;
    }
}

void terminal_support(struct terminal *terminal, uint32_t hours, uint32_t operator_no,
                      struct tap_answer *ret)
{
    struct fault say;
    char text[64];
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    service_follow_date(terminal); /* or these hours would be moved with the next look */
    const enum st st =
        support_put(terminal->config.store, now_s > 0 ? now_s : 0, hours, operator_no);
    if (hours > 0) {
        fault_say(&say, "For %" PRIu32 " hours the club's support may take this device's log.",
                  hours);
    } else {
        fault_say(&say, "Support is off: no log leaves this device.");
    }
    if (st == ST_OK) {
        (void)snprintf(text, sizeof text, "support hours=%" PRIu32 " operator=%" PRIu32, hours,
                       operator_no);
        service_log(terminal, "T602", text);
    }
    answer_operator(terminal, st == ST_OK, st, &say, ret);
}

enum st service_end_support(struct terminal *terminal)
{
    enum clock_quality quality;
    int64_t now_s = clock_now_s(&quality);
    terminal->date_ahead_s = date_ahead_s(&now_s);
    return quality == CLOCK_UNSET && support_left_s(terminal->config.store, now_s) > 0
               ? support_put(terminal->config.store, 0, 0, 0)
               : ST_OK;
}
