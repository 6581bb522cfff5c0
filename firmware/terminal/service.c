#include "firmware/terminal/service_priv.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/terminal/say.h"
#include "firmware/terminal/successors.h"
#include "hal/clock.h"

void service_log(const struct terminal *terminal, const char *event, const char *text)
{
    if (terminal->config.log != NULL) {
        terminal->config.log(terminal->config.log_ctx, event, text);
    }
}

void service_log_store(const struct terminal *terminal, const char *what)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s: %s", what, store_fault(terminal->config.store)->say);
    service_log(terminal, "T300", text);
}

/* --- the journal ---------------------------------------------------------------------------- */

enum st service_append_quietly(struct terminal *terminal, struct entry *entry)
{
    struct store *store = terminal->config.store;
    enum clock_quality quality;
    uint32_t sequence = 0;
    enum st st = ST_AGAIN;
    entry->time_s = clock_now_s(&quality);
    entry->clock_quality = (uint8_t)quality;
    entry->terminal = terminal->standing.terminal;
    for (int n = 0; n < TERMINAL_STORE_TRIES && st == ST_AGAIN; n++) {
        st = journal_next(store, &sequence);
        if (st == ST_OK) {
            assert(entry->kind != ENTRY_INTENT || entry->sequence == sequence);
            entry->sequence = sequence;
            st = journal_append(store, entry);
        }
    }
    return st;
}

enum st service_append(struct terminal *terminal, struct entry *entry)
{
    enum st st = service_append_quietly(terminal, entry);
    if (st != ST_OK) {
        service_log_store(terminal, "append");
    }
    return st;
}

enum st service_append_start(struct terminal *terminal)
{
    if (terminal->has_started || terminal->standing.terminal == 0) {
        return ST_OK;
    }
    struct entry entry = {.kind = ENTRY_START};
    (void)snprintf(entry.start.firmware, sizeof entry.start.firmware, "%s",
                   terminal->config.firmware);
    enum st st = service_append(terminal, &entry);
    terminal->has_started = st == ST_OK;
    return st;
}

struct quota_about service_about(const struct terminal *terminal, uint32_t operator_no,
                                 uint64_t card_number)
{
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    return (struct quota_about){
        .mandate = terminal->session.has_mandate ? &terminal->session.mandate : NULL,
        .programme = terminal->standing.programme,
        .terminal = terminal->standing.terminal,
        .operator_no = operator_no,
        .card_number = card_number,
        .time_s = now_s,
        .clock_quality = (uint8_t)quality};
}

/* --- requests ------------------------------------------------------------------------------- */

static bool sells(const struct tap_request *request)
{
    return request->what != TAP_BALANCE && request->what != TAP_HISTORY;
}

static enum right right_of(enum tap_do what)
{
    switch (what) {
    case TAP_SALE:
        return RIGHT_SELL;
    case TAP_LOAD:
    case TAP_TRANSFER:
        return RIGHT_LOAD;
    case TAP_REFUND:
    case TAP_UNLOAD:
        return RIGHT_REFUND;
    case TAP_ISSUE:
        return RIGHT_ISSUE;
    case TAP_DUPLICATE:
    case TAP_TAKE_OVER:
        return RIGHT_REPLACE;
    case TAP_BALANCE:
    case TAP_HISTORY:
        break;
    }
    return RIGHT_READ;
}

void service_refresh_list(struct terminal *terminal)
{
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    hotcheck_refresh(&terminal->hotcheck, now_s, quality);
    if (strcmp(terminal->hotcheck.say.say, terminal->list_said.say) != 0) {
        terminal->list_said = terminal->hotcheck.say;
        const bool is_well = terminal->list_said.say[0] == '\0';
        service_log(terminal, "T310", is_well ? "the hotlist is there" : terminal->list_said.say);
    }
}

/* Whether a request may begin at all. No card has been touched yet. */
static enum st may_begin(struct terminal *terminal, const struct tap_request *request,
                         struct tap_answer *refusal)
{
    struct store *store = terminal->config.store;
    enum st st = standing_load(store, &terminal->standing);
    refusal->reason = TAP_REASON_DISK;
    if (st == ST_OK && terminal->standing.terminal == 0) {
        refusal->reason = TAP_REASON_PROGRAMME;
        fault_say(&refusal->say, "This terminal is not enrolled: ask the club for a code and run "
                                 "vafa-sync enrol.");
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        /* A reading goes on without; but it may block a listed card, and the start comes first. */
        enum st started = service_append_start(terminal);
        st = sells(request) ? started : ST_OK;
    }
    if (st == ST_OK && sells(request)) {
        st = store_ready(store);
    }
    if (st != ST_OK) {
        refusal->say = *store_fault(store);
        service_log_store(terminal, "not ready");
        return ST_REFUSED;
    }
    if (sells(request) && terminal->standing.programme == NULL) {
        refusal->reason = TAP_REASON_PROGRAMME;
        say_reason(TAP_REASON_PROGRAMME, &refusal->say);
        if (terminal->standing.programme_say.say[0] != '\0') {
            refusal->say = terminal->standing.programme_say;
        }
        return ST_REFUSED;
    }
    return ST_OK;
}

enum st terminal_begin(struct terminal *terminal, const struct tap_request *request,
                       const struct basket *basket, unsigned wait_ms,
                       struct tap_answer *ret_refusal)
{
    struct tap_request resolved = *request;
    assert(!terminal->is_busy);
    assert(wait_ms > 0 && wait_ms <= TERMINAL_WAIT_MS_MAX);
    struct tap_answer refusal = {.outcome = TAP_NOT_DONE};
    if (may_begin(terminal, request, &refusal) != ST_OK) {
        terminal->has_member = false;
        *ret_refusal = refusal;
        return ST_REFUSED;
    }
    if (terminal_admit(terminal, right_of(request->what), &resolved.operator_no, &refusal) !=
        ST_OK) {
        terminal->has_member = false;
        *ret_refusal = refusal;
        return ST_REFUSED;
    }
    if (basket != NULL && request->what == TAP_SALE &&
        basket_resolve(basket, terminal->standing.programme, &resolved.basket, &refusal.say) !=
            ST_OK) {
        refusal.reason = TAP_REASON_REFUSED;
        *ret_refusal = refusal;
        return ST_REFUSED;
    }
    service_refresh_list(terminal);
    tap_init(&terminal->tap, terminal->standing.programme);
    terminal->tap.receipt = &terminal->receipt;
    witness_begin(&terminal->witness);
    terminal->is_busy = true;
    terminal->is_cancelled = false;
    terminal->has_read = false;
    terminal->is_turn_of_released = false;
    terminal->deadline_ms = clock_monotonic_ms() + wait_ms;
    const struct tap_event start = {.kind = TAP_EVENT_START, .request = &resolved};
    enum tap_next next = tap_step(&terminal->tap, &start, &terminal->act);
    assert(next == TAP_GO);
    return ST_OK;
}

static bool is_time_up(const struct terminal *terminal)
{
    if (!tap_is_waiting(&terminal->tap)) {
        return false;
    }
    if (terminal->is_cancelled && terminal->tap.state == TAP_WAIT) {
        return true;
    }
    return terminal->has_read && clock_monotonic_ms() >= terminal->deadline_ms;
}

static void log_arrivals(struct terminal *terminal, const struct tap_answer *answer)
{
    char text[320];
    for (size_t n = 0; n < answer->arrived_count; n++) {
        const struct action *action = &answer->arrived[n].action;
        (void)snprintf(
            text, sizeof text, "card=*%04" PRIu64 " action=%u kind=%s from=%s moved=%" PRId64,
            action->card_number % 10000, (unsigned)action->number, action_kind_word(action->kind),
            action_origin_word(action->origin), answer->arrived[n].moved);
        service_log(terminal, "T209", text);
    }
    if (answer->arrived_count > 0 || answer->waits.say.say[0] != '\0') {
        terminal->actions_said = answer->waits.say;
    }
    if (answer->waits.say.say[0] != '\0') {
        (void)snprintf(text, sizeof text, "card=*%04" PRIu64 " %s", answer->card_number % 10000,
                       answer->waits.say.say);
        service_log(terminal, answer->waits.is_forged ? "T211" : "T210", text);
    }
}

static void log_answer(struct terminal *terminal)
{
    static const char *const events[] = {
        [TAP_DONE] = "T201", [TAP_NOT_DONE] = "T202", [TAP_HOLD_AGAIN] = "T203"};
    const struct tap_answer *answer = &terminal->act.answer;
    char text[320];
    int size =
        snprintf(text, sizeof text, "card=*%04" PRIu64 " counter=%" PRIu32 " reason=%s %s",
                 answer->card_number % 10000, answer->has_snapshot ? answer->snapshot.counter : 0,
                 tap_reason_word(answer->reason), answer->say.say);
    assert(size > 0);
    service_log(terminal, events[answer->outcome], text);
    if (answer->has_settled) {
        (void)snprintf(text, sizeof text, "intent=%" PRIu32 " verdict=%d",
                       answer->settled_intent.sequence, (int)answer->settled);
        service_log(terminal, "T204", text);
    }
    log_arrivals(terminal, answer);
    if (answer->is_unsaved) {
        service_log(terminal, "T205", "the card carries it; its outcome is not in the journal yet");
    }
}

enum terminal_progress terminal_step(struct terminal *terminal)
{
    assert(terminal->is_busy);
    if (terminal->act.kind == TAP_ACT_ANSWER) {
        return TERMINAL_OVER;
    }
    struct tap_event event = is_time_up(terminal) ? (struct tap_event){.kind = TAP_EVENT_TIME_UP}
                                                  : service_do(terminal, &terminal->act);
    enum tap_next next = tap_step(&terminal->tap, &event, &terminal->act);
    assert(next != TAP_REJECTED);
    if (next == TAP_END) {
        log_answer(terminal);
        return TERMINAL_OVER;
    }
    bool is_quiet = event.kind == TAP_EVENT_NO_CARD || event.kind == TAP_EVENT_READER ||
                    event.kind == TAP_EVENT_GONE;
    return is_quiet ? TERMINAL_WAITING : TERMINAL_WORKING;
}

enum tap_say terminal_meanwhile(const struct terminal *terminal)
{
    return terminal->act.say;
}

const struct tap_answer *terminal_answer(const struct terminal *terminal)
{
    assert(terminal->act.kind == TAP_ACT_ANSWER);
    return &terminal->act.answer;
}

bool terminal_is_busy(const struct terminal *terminal)
{
    return terminal->is_busy;
}

const struct card_view *terminal_view(const struct terminal *terminal)
{
    return &terminal->tap.view;
}

uint8_t terminal_listing(struct terminal *terminal, uint64_t card_number)
{
    assert(!terminal->is_busy || terminal->act.kind == TAP_ACT_ANSWER);
    uint8_t listing = LISTING_NONE;
    service_refresh_list(terminal);
    if (successors_listing(terminal->config.store, &terminal->hotcheck, card_number, &listing) !=
        ST_OK) {
        service_log_store(terminal, "look for a report");
    }
    return listing;
}

bool terminal_list_is_old(struct terminal *terminal)
{
    service_refresh_list(terminal);
    return terminal->hotcheck.is_old;
}

const struct card_identity *terminal_identity(const struct terminal *terminal)
{
    assert(!terminal->is_busy || terminal->act.kind == TAP_ACT_ANSWER);
    return terminal->said.has_identity ? &terminal->said.identity : NULL;
}

enum st terminal_append_link(struct terminal *terminal, const struct entry_link *link,
                             uint32_t operator_no, uint32_t *ret_sequence, struct fault *fault)
{
    struct entry entry = {.kind = ENTRY_LINK, .operator_no = operator_no, .link = *link};
    const enum st st = terminal_append(terminal, &entry, fault);
    if (st == ST_OK) {
        *ret_sequence = entry.sequence;
    }
    return st;
}

enum st terminal_append(struct terminal *terminal, struct entry *entry, struct fault *fault)
{
    assert(!terminal->is_busy || terminal->act.kind == TAP_ACT_ANSWER);
    enum st st = service_append_start(terminal);
    if (st == ST_OK) {
        st = service_append(terminal, entry);
    }
    if (st != ST_OK) {
        *fault = *store_fault(terminal->config.store);
    }
    return st;
}

enum st terminal_within_limits(struct terminal *terminal, const struct entry *entry,
                               struct fault *ret_why)
{
    struct quota_about about = service_about(terminal, entry->operator_no, limits_card(entry));
    struct quota quota;
    struct limit_use more;
    about.is_no_card = about.card_number == 0;
    const enum st st = quota_fill(terminal->config.store, &about, &quota);
    if (st != ST_OK) {
        *ret_why = *store_fault(terminal->config.store);
        return st;
    }
    limits_use(entry, &more);
    return quota_stops(&quota, &more, ret_why) ? ST_REFUSED : ST_OK;
}

const struct standing *terminal_standing(struct terminal *terminal)
{
    if (!terminal->is_busy && standing_load(terminal->config.store, &terminal->standing) != ST_OK) {
        service_log_store(terminal, "standing"); /* the old one is as good as it was */
    }
    return &terminal->standing;
}

void terminal_attach_member(struct terminal *terminal, const struct entry_member *member)
{
    assert(!terminal->is_busy);
    terminal->has_member = true;
    terminal->member = *member;
}

void terminal_cancel(struct terminal *terminal)
{
    terminal->is_cancelled = true;
}

void terminal_hurry(struct terminal *terminal)
{
    terminal->is_cancelled = true;
    terminal->has_read = true;
    terminal->deadline_ms = clock_monotonic_ms();
}

void terminal_idle(struct terminal *terminal)
{
    const char *say = terminal->config.reader_say != NULL
                          ? terminal->config.reader_say(terminal->config.reader_ctx)
                          : "";
    bool is_up = say[0] == '\0';
    if (is_up != terminal->was_reader_up) {
        service_log(terminal, is_up ? "T401" : "T402", is_up ? "the reader is up" : say);
        terminal->was_reader_up = is_up;
    }
    if (terminal->session.operator_no != 0 && service_refresh_session(terminal) != ST_OK) {
        service_log_store(terminal, "session");
    }
}

void terminal_finish(struct terminal *terminal, bool was_told)
{
    assert(terminal->is_busy && terminal->act.kind == TAP_ACT_ANSWER);
    const struct tap_answer *answer = &terminal->act.answer;
    if (answer->outcome == TAP_DONE && answer->has_parts) {
        untold_note(terminal, was_told);
    }
    const struct card_port *card = &terminal->config.card;
    if (terminal->act.answer.refresh) {
        card->ops->refresh(card->ctx);
    }
    if (answer->outcome == TAP_DONE && answer->has_parts) {
        untold_save(terminal, was_told);
    }
    if (terminal->act.answer.refresh) {
        service_keep_facts(terminal);
    }
    service_witness(terminal);
    service_note_refused(terminal);
    card->ops->release(card->ctx);
    if (terminal->tap.view.uid_bytes > 0) {
        memcpy(terminal->released, terminal->tap.view.uid, sizeof terminal->released);
        terminal->released_bytes = terminal->tap.view.uid_bytes;
    }
    terminal->is_busy = terminal->has_member = false;
    /* Nobody waits now: the store may tidy up. What it says is asked again before the next tap. */
    if (store_ready(terminal->config.store) != ST_OK) {
        service_log_store(terminal, "no more is sold");
    }
}

void terminal_forget_released(struct terminal *terminal)
{
    assert(!terminal->is_busy);
    terminal->released_bytes = 0;
}

/* --- opening -------------------------------------------------------------------------------- */

enum st terminal_open(const struct terminal_config *config, struct terminal **ret,
                      struct fault *fault)
{
    struct terminal *terminal = calloc(1, sizeof *terminal);
    if (terminal == NULL) {
        fault_say(fault, "There is no memory left: restart the terminal.");
        return ST_FULL;
    }
    terminal->config = *config;
    const bool is_told = config->list_hours_max > 0;
    hotcheck_init(&terminal->hotcheck, config->database,
                  is_told ? config->list_hours_max : HOTCHECK_HOURS_DEFAULT,
                  is_told ? config->list_spend_max : (struct money){HOTCHECK_SPEND_DEFAULT});
    enum st st = standing_load(config->store, &terminal->standing);
    if (st == ST_OK) {
        st = untold_load(terminal);
    }
    if (st == ST_OK) {
        st = untold_find_last(terminal);
    }
    if (st == ST_OK) {
        st = service_append_start(terminal);
    }
    if (st == ST_OK) {
        st = service_end_support(terminal);
    }
    if (st != ST_OK && st != ST_FULL && st != ST_AGAIN) {
        *fault = *store_fault(config->store);
        standing_finish(&terminal->standing);
        free(terminal);
        return st;
    }
    /* A full disk or a busy database may pass: the terminal starts, says so and sells nothing. */
    *ret = terminal;
    return ST_OK;
}

void terminal_close(struct terminal *terminal)
{
    if (terminal == NULL) {
        return;
    }
    terminal->config.card.ops->release(terminal->config.card.ctx);
    hotcheck_finish(&terminal->hotcheck);
    standing_finish(&terminal->standing);
    free(terminal);
}
