#include "firmware/terminal/bons.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/calendar.h"
#include "firmware/engine/explain_text.h"
#include "hal/clock.h"
#include "hal/signed.h"
#include "storage/bons.h"
#include "storage/rules.h"

static enum st seal_check(struct store *store, const struct bon_shown *shown, struct fault *say)
{
    struct signed_key *key = NULL;
    uint8_t sealed[BON_SEALED_BYTES];
    enum st st = rules_key(store, &key, say);
    if (st != ST_OK) {
        return st;
    }
    if (key == NULL) {
        fault_say(say, "This terminal belongs to no club yet: it takes no vouchers.");
        return ST_REFUSED;
    }
    bon_sealed(&shown->bon, sealed);
    if (!signed_seal_fits(key, sealed, sizeof sealed, shown->seal)) {
        fault_say(say, "This voucher is not the club's: do not take it. Keep it if you can and "
                       "tell the club.");
        st = ST_DENIED;
    }
    signed_key_free(key);
    return st;
}

/* Is it good here and today? */
static enum st place_check(const struct terminal_status *status, const struct bon *bon,
                           struct fault *say)
{
    enum clock_quality quality;
    const int64_t day = calendar_day_at(clock_now_s(&quality)) + CALENDAR_DAYS_1900;
    if (bon->merchant != 0 && bon->merchant != status->standing.merchant_no) {
        fault_say(say, "This voucher is another merchant's: it is not good here.");
    } else if (quality == CLOCK_UNSET) {
        fault_say(say,
                  "The clock is not set until the club is reached: nobody can tell whether this "
                  "voucher is still good.");
    } else if (day < bon->first_day) {
        fault_say(say, "This voucher is not good yet: in %" PRId64 " days.",
                  (int64_t)bon->first_day - day);
    } else if (day > bon->last_day) {
        fault_say(say, "This voucher ended %" PRId64 " days ago.", day - bon->last_day);
    } else {
        return ST_OK;
    }
    return ST_REFUSED;
}

/* The sentence with the voucher's amount in it, in the programme's unit. */
__attribute__((format(printf, 2, 0))) static void
say_amount(struct terminal *terminal, const char *format, struct bon_answer *ret)
{
    char amount[EXPLAIN_AMOUNT_MAX];
    explain_money(terminal_standing(terminal)->programme, EXPLAIN_EN, ret->bon.amount, amount);
    fault_say(&ret->say, format, amount);
}

static enum st append(struct terminal *terminal, const struct bon_request *request,
                      struct bon_answer *ret)
{
    struct entry entry = {.kind = ENTRY_BON,
                          .operator_no = request->operator_no,
                          .bon = {.bon = ret->bon, .is_back = request->is_back}};
    memcpy(entry.bon.receipt, request->receipt, strlen(request->receipt) + 1);
    enum st st = terminal_within_limits(terminal, &entry, &ret->say);
    ret->is_limit = st == ST_REFUSED;
    if (st == ST_OK) {
        st = terminal_append(terminal, &entry, &ret->say);
    }
    if (st == ST_OK) {
        ret->sequence = entry.sequence;
        say_amount(terminal,
                   request->is_back ? "Given back: %s are to be paid again."
                                    : "Taken: %s less to be paid.",
                   ret);
    }
    return st;
}

static enum st take(struct terminal *terminal, struct store *store, const struct bon_shown *shown,
                    enum bon_place place, const struct entry *use,
                    const struct bon_request *request, struct bon_answer *ret)
{
    if (place == BON_HERE && strcmp(use->bon.receipt, request->receipt) == 0) {
        ret->is_earlier = true;
        ret->sequence = use->sequence;
        say_amount(terminal, "Taken already for this receipt: %s, once.", ret);
        return ST_OK;
    }
    if (place != BON_FREE) {
        fault_say(&ret->say,
                  place == BON_HERE ? "This voucher was used here before, for receipt %s."
                                    : "This voucher was used at another terminal%s.",
                  place == BON_HERE ? use->bon.receipt : "");
        return ST_REFUSED;
    }
    struct terminal_status status;
    terminal_status(terminal, &status);
    enum st st = place_check(&status, &shown->bon, &ret->say);
    if (st == ST_OK && status.disk != ST_OK) {
        ret->say = status.disk_say;
        st = status.disk;
    }
    if (st == ST_OK) {
        st = seal_check(store, shown, &ret->say);
    }
    return st == ST_OK ? append(terminal, request, ret) : st;
}

/* Only here and only for its receipt, so that nobody frees what another shop took. */
static enum st give_back(struct terminal *terminal, enum bon_place place, const struct entry *use,
                         const struct bon_request *request, struct bon_answer *ret)
{
    if (place != BON_HERE || strcmp(use->bon.receipt, request->receipt) != 0) {
        fault_say(&ret->say,
                  "This voucher was not taken here for receipt %s: nothing is given "
                  "back.",
                  request->receipt);
        return ST_REFUSED;
    }
    return append(terminal, request, ret);
}

enum st bons_serve(struct terminal *terminal, struct store *store, const char *text,
                   const struct bon_request *request, struct bon_answer *ret)
{
    struct bon_shown shown;
    struct entry use = {0};
    enum bon_place place = BON_FREE;
    *ret = (struct bon_answer){.is_earlier = false};
    enum st st = bon_from_text(text, strlen(text), &shown);
    assert(st == ST_OK); /* media_classify() has read it */
    ret->bon = shown.bon;
    st = bons_find(store, shown.bon.series, shown.bon.serial, &place, &use);
    if (st != ST_OK) {
        ret->say = *store_fault(store);
        return st;
    }
    return request->is_back ? give_back(terminal, place, &use, request, ret)
                            : take(terminal, store, &shown, place, &use, request, ret);
}
