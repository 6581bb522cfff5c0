#include "firmware/terminal/gate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int64_t number(const json_t *answer, const char *field)
{
    return json_integer_value(json_object_get(answer, field));
}

static const char *text(const json_t *answer, const char *field)
{
    const char *value = json_string_value(json_object_get(answer, field));
    return value != NULL ? value : "";
}

static bool is(const json_t *answer, const char *field, const char *word)
{
    return strcmp(text(answer, field), word) == 0;
}

json_t *gate_request(const struct gate *gate)
{
    json_t *request =
        json_pack("{s:i, s:s, s:I}", "v", 1, "do", gate->is_paying ? "sale" : "balance", "wait_ms",
                  (json_int_t)gate->wait_ms);
    const struct {
        const char *name;
        int64_t amount;
    } fields[] = {{"amount", gate->fee},
                  {"pay_voucher", gate->voucher},
                  {"pay_gift", gate->gift},
                  {"pay_credit", gate->credit}};
    bool is_good = request != NULL;
    if (is_good && !gate->is_paying) {
        is_good = json_object_set_new(request, "fresh", json_true()) == 0;
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && is_good && gate->is_paying; i++) {
        is_good = fields[i].amount == 0 ||
                  json_object_set_new(request, fields[i].name, json_integer(fields[i].amount)) == 0;
    }
    if (!is_good) {
        json_decref(request);
        return NULL;
    }
    return request;
}

static enum gate_verdict over(struct gate *gate, enum gate_verdict verdict, int64_t now_s)
{
    if (verdict == GATE_OPEN) {
        memcpy(gate->last, gate->card, sizeof gate->last);
        gate->last_s = now_s;
    }
    gate->is_paying = false;
    gate->card[0] = '\0';
    return verdict;
}

/* What was given for nothing first: vouchers, then gifts, then the member's own credit. False: the
 * purses do not hold the fee. */
static bool split(struct gate *gate, const json_t *balance)
{
    int64_t left = gate->fee;
    int64_t *const parts[] = {&gate->voucher, &gate->gift, &gate->credit};
    static const char *const purses[] = {"voucher", "gift", "credit"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const int64_t has = number(balance, purses[i]);
        *parts[i] = has < left ? has : left;
        left -= *parts[i];
    }
    return left == 0;
}

/* A card that left in doubt is here again, and the terminal has found out that it had paid: it was
 * not let in then, since only an answer of done opens. */
static bool has_paid(const struct gate *gate, const json_t *answer)
{
    const json_t *settled = json_object_get(answer, "settled");
    return is(settled, "verdict", "done") && is(settled, "kind", "sale") &&
           number(settled, "amount") == gate->fee;
}

static enum gate_verdict take_balance(struct gate *gate, const json_t *answer, int64_t now_s,
                                      struct fault *ret_say)
{
    const char *card = text(answer, "card");
    (void)snprintf(gate->card, sizeof gate->card, "%s", card);
    if (has_paid(gate, answer)) {
        fault_say(ret_say, "Paid at the first try.");
        return over(gate, GATE_OPEN, now_s);
    }
    if (gate->again_s > 0 && strcmp(card, gate->last) == 0 &&
        now_s - gate->last_s < gate->again_s) {
        fault_say(ret_say, "This card was let in %" PRId64 " seconds ago.", now_s - gate->last_s);
        return over(gate, GATE_CLOSED, now_s);
    }
    if (json_object_get(answer, "listed") != NULL || !is(answer, "status", "active")) {
        fault_say(ret_say, "This card is blocked or closed: ask the club.");
        return over(gate, GATE_CLOSED, now_s);
    }
    if (!split(gate, answer)) {
        fault_say(ret_say, "The card holds less than the fee of %" PRId64 " rials.", gate->fee);
        return over(gate, GATE_CLOSED, now_s);
    }
    gate->is_paying = true;
    return GATE_WAIT;
}

enum gate_verdict gate_take(struct gate *gate, const json_t *answer, int64_t now_s,
                            struct fault *ret_say)
{
    assert(gate->fee > 0);
    const bool is_done = is(answer, "state", "done");
    if (!gate->is_paying && is_done) {
        return take_balance(gate, answer, now_s, ret_say);
    }
    if (is_done) {
        fault_say(ret_say, "Paid %" PRId64 " rials.", gate->fee);
        return over(gate, GATE_OPEN, now_s);
    }
    fault_say(ret_say, "%s", text(answer, "say"));
    if (is(answer, "reason", "no_card")) {
        gate->is_paying = false;
        return GATE_WAIT;
    }
    return over(gate, GATE_CLOSED, now_s);
}
