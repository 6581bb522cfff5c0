#include "firmware/terminal/session.h"

#include <assert.h>
#include <stdlib.h>

#include "hal/pin.h"
#include "storage/mandates.h"
#include "storage/operators.h"

enum { MINUTE_MS = 60000 };

static struct entry_operator event_of(const struct mandate_operator *of, enum operator_event event,
                                      uint64_t card_number)
{
    return (struct entry_operator){.number = of->number,
                                   .event = (uint8_t)event,
                                   .role = of->role,
                                   .card_number = card_number,
                                   .unlocks = of->unlocks};
}

const struct mandate_operator *session_operator(const struct session *session)
{
    return session->has_mandate ? mandate_find(&session->mandate, session->operator_no) : NULL;
}

void session_end(struct session *session, struct entry_operator *ret_out)
{
    const struct mandate_operator *of = session_operator(session);
    *ret_out = of == NULL ? (struct entry_operator){.number = 0}
                          : event_of(of, OPERATOR_OUT, session->card_number);
    session->operator_no = 0;
    session->card_number = 0;
}

static bool is_idle(const struct session *session, int64_t now_ms)
{
    return session->operator_no != 0 &&
           now_ms - session->active_ms > (int64_t)session->mandate.idle_minutes * MINUTE_MS;
}

/* Takes over what is stored, and keeps the signed-in operator if it still has him. */
static enum st load(struct session *session, struct store *store, struct entry_operator *ret_out)
{
    struct mandate *next = malloc(sizeof *next);
    struct fault fault = {""};
    enum st st = next == NULL ? ST_FULL : mandate_load(store, next, &fault);
    const bool is_bad = st == ST_DENIED || st == ST_FOREIGN || st == ST_UNSUPPORTED;
    const struct mandate_operator *of =
        st == ST_OK ? mandate_find(next, session->operator_no) : NULL;
    if (session->operator_no != 0 &&
        (of == NULL || of->is_blocked || of->card_number != session->card_number)) {
        session_end(session, ret_out);
    }
    session->has_mandate = st == ST_OK;
    session->mandate_st = is_bad ? st : ST_OK;
    session->mandate_say = fault;
    if (st == ST_OK) {
        mandate_copy(next, &session->mandate);
    }
    free(next);
    return is_bad || st == ST_REFUSED ? ST_OK : st;
}

enum st session_refresh(struct session *session, struct store *store, int64_t now_ms,
                        struct entry_operator *ret_out)
{
    int64_t version = 0;
    *ret_out = (struct entry_operator){.number = 0};
    enum st st = mandate_version(store, &version);
    if (st == ST_OK && version != session->version) {
        st = load(session, store, ret_out);
        session->version = st == ST_OK ? version : session->version;
    }
    if (st == ST_OK && is_idle(session, now_ms)) {
        session_end(session, ret_out);
    }
    return st;
}

enum st session_admit(struct session *session, enum right right, int64_t now_ms,
                      uint32_t *operator_no, struct fault *ret_why)
{
    const struct mandate_operator *of = session_operator(session);
    if (of != NULL) {
        session->active_ms = now_ms;
        *operator_no = of->number;
    }
    if (right == RIGHT_READ) {
        return ST_OK;
    }
    if (session->mandate_st != ST_OK) {
        *ret_why = session->mandate_say;
        return ST_REFUSED;
    }
    if (of == NULL && session->has_mandate && session->mandate.requires_sign_in) {
        fault_say(ret_why, "Sign in first: vafa-till sign-in, with your operator card and PIN.");
        return ST_REFUSED;
    }
    if (of != NULL && !role_may(of->role, right)) {
        fault_say(ret_why, "A %s may not do this (%s): ask somebody who may to sign in.",
                  role_word(of->role), right_word(right));
        return ST_REFUSED;
    }
    return ST_OK;
}

/* --- signing in ------------------------------------------------------------------------------ */

/* What is wrong with him before any PIN is looked at. */
static enum st may_try(const struct mandate_operator *of, struct fault *ret_say)
{
    if (of == NULL) {
        fault_say(ret_say, "This is no operator card of this terminal.");
        return ST_REFUSED;
    }
    if (of->is_blocked) {
        fault_say(ret_say, "The club has blocked this operator.");
        return ST_REFUSED;
    }
    if (of->pin[0] == '\0') {
        fault_say(ret_say, "This operator has no PIN yet: ask the club for one.");
        return ST_REFUSED;
    }
    return ST_OK;
}

static enum st wrong_pin(const struct mandate_operator *of, const struct operator_state *state,
                         uint64_t card_number, struct entry_operator *ret_entry,
                         struct fault *ret_say)
{
    const uint32_t tried = state->wrong + 1;
    const uint32_t left = tried < OPERATOR_TRIES ? OPERATOR_TRIES - tried : 0;
    *ret_entry = event_of(of, left == 0 ? OPERATOR_LOCKED : OPERATOR_WRONG, card_number);
    if (left == 0) {
        fault_say(ret_say,
                  "Wrong PIN. Operator %u is locked here: a manager signs in and unlocks "
                  "(vafa-till unlock %u), or the club does.",
                  of->number, of->number);
    } else {
        fault_say(ret_say, "Wrong PIN: %u more before this operator is locked here.", left);
    }
    return ST_REFUSED;
}

enum st session_try(const struct session *session, struct store *store, const struct keystore *keys,
                    uint64_t card_number, const char *pin, struct entry_operator *ret_entry,
                    struct fault *ret_say)
{
    const struct mandate_operator *of =
        session->has_mandate ? mandate_find_card(&session->mandate, card_number) : NULL;
    struct operator_state state = {.wrong = 0};
    *ret_entry = (struct entry_operator){.number = 0};
    enum st st = may_try(of, ret_say);
    if (st == ST_OK) {
        st = operators_state(store, of->number, &state);
    }
    if (st != ST_OK) {
        return st;
    }
    if (state.is_locked && of->unlocks <= state.unlocks) {
        fault_say(ret_say,
                  "Operator %u is locked here after three wrong PINs: a manager signs in "
                  "and unlocks (vafa-till unlock %u), or the club does.",
                  of->number, of->number);
        return ST_REFUSED;
    }
    if (of->unlocks > state.unlocks) { /* the club has, since */
        state.wrong = 0;
    }
    st = keys == NULL ? ST_UNSUPPORTED : pin_check(keys, of->pin, pin);
    if (st == ST_DENIED) {
        return wrong_pin(of, &state, card_number, ret_entry, ret_say);
    }
    if (st != ST_OK) {
        fault_say(ret_say, "The PIN cannot be checked here: this terminal's key store lacks the "
                           "master that it was made under, or does not answer.");
        return ST_REFUSED;
    }
    *ret_entry = event_of(of, OPERATOR_IN, card_number);
    fault_say(ret_say, "%s is signed in as %s.", of->name, role_word(of->role));
    return ST_OK;
}

void session_begin(struct session *session, const struct entry_operator *in, int64_t now_ms)
{
    assert(in->event == OPERATOR_IN);
    session->operator_no = in->number;
    session->card_number = in->card_number;
    session->active_ms = now_ms;
}

enum st session_unlock(const struct session *session, struct store *store, uint32_t number,
                       struct entry_operator *ret_entry, struct fault *ret_say)
{
    const struct mandate_operator *manager = session_operator(session);
    const struct mandate_operator *of =
        session->has_mandate ? mandate_find(&session->mandate, number) : NULL;
    struct operator_state state;
    if (manager == NULL || !role_may(manager->role, RIGHT_UNLOCK)) {
        fault_say(ret_say, "A manager has to sign in first.");
        return ST_REFUSED;
    }
    if (of == NULL) {
        fault_say(ret_say, "This terminal has no operator %u.", number);
        return ST_REFUSED;
    }
    const enum st st = operators_state(store, number, &state);
    if (st != ST_OK) {
        return st;
    }
    if (!state.is_locked) {
        fault_say(ret_say, "Operator %u is not locked here.", number);
        return ST_REFUSED;
    }
    *ret_entry = event_of(of, OPERATOR_UNLOCKED, 0);
    fault_say(ret_say, "Operator %u may sign in again.", number);
    return ST_OK;
}
