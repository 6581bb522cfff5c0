#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "firmware/engine/listing.h"
#include "firmware/terminal/say.h"
#include "firmware/terminal/till_allowance.h"
#include "firmware/terminal/till_arrived.h"
#include "firmware/terminal/till_lost.h"
#include "firmware/terminal/till_member.h"
#include "firmware/terminal/till_transfers.h"
#include "firmware/terminal/till_wire.h"

static_assert(RECEIPT_MAX + TILL_ARRIVED_MAX + 4096 <= TILL_ANSWER_MAX,
              "a receipt must fit into an answer");

static void put(json_t *object, const char *name, json_t *value)
{
    int rc = json_object_set_new(object, name, value);
    assert(rc == 0); /* out of memory: nothing sensible can be answered */
}

static void put_number(json_t *object, const char *name, int64_t value)
{
    put(object, name, json_integer(value));
}

/* What a person wrote may hold any bytes; a line that is not UTF-8 would be no line. */
static void put_text(json_t *object, const char *name, const char *text)
{
    json_t *value = json_string(text);
    put(object, name, value != NULL ? value : json_string("?"));
}

static json_t *new_line(bool is_final, const char *state, const char *say)
{
    json_t *object = json_object();
    assert(object != NULL);
    put_number(object, "v", 1);
    put(object, "final", json_boolean(is_final));
    put_text(object, "state", state);
    put_text(object, "say", say);
    return object;
}

static size_t finish_line(json_t *object, char ret_line[TILL_ANSWER_MAX])
{
    size_t size = json_dumpb(object, ret_line, TILL_ANSWER_MAX - 2, JSON_COMPACT);
    json_decref(object);
    assert(size > 0 && size <= TILL_ANSWER_MAX - 2);
    ret_line[size] = '\n';
    ret_line[size + 1] = '\0';
    return size + 1;
}

static json_t *parts_object(const struct breakdown *parts)
{
    json_t *object = json_object();
    put_number(object, "amount", parts->amount.rials);
    put_number(object, "rebate", parts->rebate.rials);
    put_number(object, "redeemed", parts->redeemed.n);
    put_number(object, "redeemed_value", parts->redeemed_value.rials);
    put_number(object, "payment", parts->payment.rials);
    put_number(object, "load", parts->load.rials);
    put_number(object, "award", parts->award.n);
    put_number(object, "due", parts->due.rials);
    put_number(object, "gift", parts->gift.rials);
    put_number(object, "voucher", parts->voucher.rials);
    return object;
}

static void put_snapshot(json_t *object, const struct snapshot *snapshot)
{
    static const char *const states[] = {
        [CARD_ACTIVE] = "active", [CARD_BLOCKED] = "blocked", [CARD_CLOSED] = "closed"};
    put_text(object, "status", states[snapshot->status]);
    put_number(object, "counter", snapshot->counter);
    put_number(object, "points", snapshot->points.n);
    put_number(object, "credit", snapshot->purse[PURSE_CREDIT].rials);
    put_number(object, "gift", snapshot->purse[PURSE_GIFT].rials);
    put_number(object, "voucher", snapshot->purse[PURSE_VOUCHER].rials);
}

static json_t *history_array(const struct tap_answer *answer)
{
    json_t *array = json_array();
    for (size_t n = 0; n < answer->history_count; n++) {
        const struct snapshot *snapshot = &answer->history[n];
        json_t *object = json_object();
        put_text(object, "kind", say_kind(snapshot->last.kind));
        put_number(object, "amount", snapshot->last.amount.rials);
        put_number(object, "redeemed", snapshot->last.redeemed.n);
        put_snapshot(object, snapshot);
        put_number(object, "terminal", snapshot->last.terminal);
        put_number(object, "sequence", snapshot->last.sequence);
        put_number(object, "time",
                   snapshot->last.minute == 0 ? 0 : snapshot_time_s(snapshot->last.minute));
        int rc = json_array_append_new(array, object);
        assert(rc == 0);
    }
    return array;
}

static json_t *settled_object(const struct tap_answer *answer)
{
    static const char *const verdicts[] = {
        [VERDICT_DONE] = "done", [VERDICT_NOT_DONE] = "not_done", [VERDICT_LEFT] = "left"};
    const struct entry_intent *intent = &answer->settled_intent.intent;
    json_t *object = json_object();
    put_text(object, "verdict", verdicts[answer->settled]);
    put_text(object, "kind", say_kind(intent->after.last.kind));
    put_number(object, "amount", intent->parts.amount.rials);
    put_number(object, "counter", intent->after.counter);
    return object;
}

static void add_line(void *context, const struct receipt_line *line)
{
    static const char *const words[] = {[EXPLAIN_RULE] = "rule",
                                        [EXPLAIN_ASIDE] = "aside",
                                        [EXPLAIN_SAY] = "say",
                                        [EXPLAIN_TOTAL] = "total",
                                        [EXPLAIN_MISSING] = "missing"};
    json_t *object = json_object();
    put_text(object, "kind", words[line->kind]);
    if (line->name[0] != '\0') {
        put_text(object, "rule", line->name);
    }
    put_text(object, "text", line->text);
    if (line->result[0] != '\0') {
        put_text(object, "result", line->result);
    }
    int rc = json_array_append_new(context, object);
    assert(rc == 0);
}

/* What came before the request stands in front. */
static void put_lines(json_t *object, const struct tap_answer *answer)
{
    json_t *lines = json_array();
    enum explain_language language = answer->language;
    till_add_arrived_lines(lines, answer);
    if (answer->lines != NULL) {
        receipt_each(answer->lines, add_line, lines);
        language = answer->lines->language;
    }
    put_text(object, "lang", explain_pick(language, "en", "fa"));
    put(object, "lines", lines);
}

size_t till_encode_meanwhile(enum tap_say say, char ret_line[TILL_ANSWER_MAX])
{
    static const char *const states[] = {
        [TAP_SAY_HOLD] = "waiting",         [TAP_SAY_HOLD_AGAIN] = "hold_again",
        [TAP_SAY_TOO_EARLY] = "hold_again", [TAP_SAY_READER] = "reader",
        [TAP_SAY_WORKING] = "working",      [TAP_SAY_SCAN] = "waiting"};
    return finish_line(new_line(false, states[say], say_meanwhile(say)), ret_line);
}

size_t till_encode_answer(const struct tap_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    static const char *const states[] = {
        [TAP_DONE] = "done", [TAP_NOT_DONE] = "not_done", [TAP_HOLD_AGAIN] = "hold_again"};
    json_t *object = new_line(true, states[answer->outcome], answer->say.say);
    if (answer->outcome == TAP_NOT_DONE) {
        put_text(object, "reason", tap_reason_word(answer->reason));
    }
    if (answer->card_number != 0) {
        char number[24];
        (void)snprintf(number, sizeof number, "%016" PRIu64, answer->card_number);
        put_text(object, "card", number);
    }
    if (answer->has_snapshot) {
        put_snapshot(object, &answer->snapshot);
    }
    if (answer->has_parts) {
        put_text(object, "kind", say_kind(answer->snapshot.last.kind));
        put(object, "parts", parts_object(&answer->parts));
        put_number(object, "sequence", answer->snapshot.last.sequence);
    }
    if (answer->lines != NULL || answer->arrived_count > 0) {
        put_lines(object, answer);
    }
    till_put_arrived(object, answer);
    if (answer->listing != LISTING_NONE) {
        put_text(object, "listed", listing_word(answer->listing));
    }
    if (answer->expired.n > 0) {
        put_number(object, "expired", answer->expired.n);
    }
    if (answer->is_earlier) {
        put(object, "earlier", json_true());
    }
    if (answer->is_unsaved) {
        put(object, "unsaved", json_true());
    }
    if (answer->has_settled) {
        put(object, "settled", settled_object(answer));
    }
    if (answer->history != NULL) {
        put(object, "history", history_array(answer));
    }
    return finish_line(object, ret_line);
}

/* Whoever knows a national code may ask, so the number is shortened as on a bank's receipt. */
size_t till_encode_found(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    const struct desk_found *found = &answer->found;
    char number[24];
    json_t *object = new_line(true, "done", answer->tap.say.say);
    (void)snprintf(number, sizeof number, "%06" PRIu64 "******%04" PRIu64,
                   found->card_number / UINT64_C(10000000000), found->card_number % 10000);
    put_text(object, "card", number);
    put_text(object, "medium", media_kind_word(found->medium));
    put(object, "may_spend", json_false());
    if (answer->tap.listing != LISTING_NONE) {
        put_text(object, "listed", listing_word(answer->tap.listing));
    }
    if (found->has_state) {
        put_snapshot(object, &found->state);
        put_number(object, "seen", found->seen_s);
    }
    return finish_line(object, ret_line);
}

size_t till_encode_member(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    json_t *object = new_line(true, "done", answer->tap.say.say);
    till_put_member(object, &answer->member);
    return finish_line(object, ret_line);
}

size_t till_encode_waiting(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    json_t *object = new_line(true, "done", answer->tap.say.say);
    till_put_waiting(object, &answer->waiting);
    return finish_line(object, ret_line);
}

size_t till_encode_release(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    json_t *object = new_line(true, "done", answer->tap.say.say);
    till_put_handover(object, &answer->release);
    return finish_line(object, ret_line);
}

size_t till_encode_lost(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    const bool is_done = answer->tap.outcome == TAP_DONE;
    json_t *object = new_line(true, is_done ? "done" : "not_done", answer->tap.say.say);
    if (!is_done) {
        put_text(object, "reason", tap_reason_word(answer->tap.reason));
    }
    till_put_lost(object, &answer->lost);
    return finish_line(object, ret_line);
}

size_t till_encode_bon(const struct bon_answer *answer, char ret_line[TILL_ANSWER_MAX])
{
    json_t *object = new_line(true, "done", answer->say.say);
    put_number(object, "amount", answer->bon.amount.rials);
    put_number(object, "series", answer->bon.series);
    put_number(object, "serial", answer->bon.serial);
    put_number(object, "sequence", answer->sequence);
    if (answer->is_earlier) {
        put(object, "earlier", json_true());
    }
    return finish_line(object, ret_line);
}

static void say_loss(const struct terminal_status *status, struct fault *ret_say)
{
    if (status->disk != ST_OK) {
        fault_say(ret_say, "Not known: the journal cannot be read.");
    } else if (status->counts.unsent == 0) {
        fault_say(ret_say, "Nothing: the club has every entry.");
    } else {
        char age[48] = "", amount[EXPLAIN_AMOUNT_MAX];
        explain_money(status->standing.programme, EXPLAIN_EN, (struct money){status->loss.amount},
                      amount);
        if (status->oldest_unsent_age_s >= 0) {
            (void)snprintf(age, sizeof age, ", the oldest %" PRId64 " minutes old",
                           status->oldest_unsent_age_s / 60);
        }
        fault_say(ret_say,
                  "No balance: cards carry them. %s%" PRIu32 " transactions of %s (%" PRIu32
                  " entries%s) would have to come back with their cards.",
                  status->loss.is_more ? "At least " : "", status->loss.transactions, amount,
                  status->counts.unsent, age);
    }
}

size_t till_encode_status(const struct terminal_status *status, char ret_line[TILL_ANSWER_MAX])
{
    struct fault say, loss;
    const struct standing *standing = &status->standing;
    bool is_ready = status->disk == ST_OK && status->reader_say[0] == '\0' &&
                    standing->terminal != 0 && standing->programme != NULL;
    if (standing->terminal == 0) {
        fault_say(&say, "This terminal is not enrolled: run vafa-sync enrol.");
    } else if (status->disk != ST_OK) {
        say = status->disk_say;
    } else if (status->reader_say[0] != '\0') {
        fault_say(&say, "%s", status->reader_say);
    } else if (standing->programme == NULL) {
        say_reason(TAP_REASON_PROGRAMME, &say);
    } else {
        fault_say(&say, "Ready to sell.");
    }
    json_t *object = new_line(true, "done", say.say);
    put(object, "ready", json_boolean(is_ready));
    put_number(object, "terminal", standing->terminal);
    put_text(object, "merchant", standing->merchant);
    put_text(object, "branch", standing->branch);
    put_number(object, "programme", standing->programme != NULL ? standing->programme->version : 0);
    put_text(object, "programme_say", standing->programme_say.say);
    put_number(object, "entries", status->counts.entries);
    put_number(object, "unsent", status->counts.unsent);
    put_number(object, "unsent_transactions", status->loss.transactions);
    put_number(object, "unsent_amount", status->loss.amount);
    put_number(object, "pending", status->counts.pending);
    put_number(object, "oldest_unsent", status->counts.oldest_unsent_s);
    put_text(object, "reader", status->reader_say[0] == '\0' ? "up" : "away");
    put_text(object, "reader_say", status->reader_say);
    put_text(object, "disk", st_word(status->disk));
    put_text(object, "disk_say", status->disk_say.say);
    put_number(object, "card_numbers_left", (int64_t)status->card_numbers_left);
    put_number(object, "hotlist", status->list_version);
    put_number(object, "hotlist_cards", status->list_cards);
    put_number(object, "hotlist_age", status->list_age_s);
    put(object, "hotlist_old", json_boolean(status->list_is_old));
    put_number(object, "hotlist_old_max", status->list_spend_max.rials);
    put_text(object, "hotlist_say", status->list_say.say);
    put_number(object, "actions", status->actions);
    put_text(object, "actions_say", status->actions_say.say);
    put_text(object, "sync_last_ok", status->sync_last_ok);
    put_text(object, "sync_say", status->sync_say);
    put_text(object, "certificate_say", status->certificate_say);
    put_number(object, "support", status->support_left_s);
    put_number(object, "quiet", status->quiet_s);
    put_number(object, "hour", status->hour);
    say_loss(status, &loss);
    put_text(object, "if_it_died_now", loss.say);
    till_put_waiting_sums(object, &status->waiting);
    const bool is_whole = till_put_allowance(object, status);
    assert(is_whole); /* out of memory: nothing sensible can be answered */
    return finish_line(object, ret_line);
}
