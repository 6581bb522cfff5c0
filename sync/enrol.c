#include "sync/enrol.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sync/wire.h"

_Static_assert((int)IDENTITY_PEM_MAX == (int)WIRE_PEM_MAX, "a request must fit on the wire");

static enum st put_number(struct store *store, const char *name, uint64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRIu64, value); /* 20 characters at most */
    return setting_put(store, name, text);
}

/* A database that belongs to one terminal never becomes another's: its journal is that one's. */
static enum st check_owner(const struct enrol_config *config, uint32_t terminal,
                           struct fault *fault)
{
    char before[16];
    char now[16];
    (void)snprintf(now, sizeof now, "%" PRIu32, terminal); /* 10 characters at most */
    enum st st = setting_get(config->store, "terminal", before, sizeof before);
    if (st == ST_OK && strcmp(before, now) != 0) {
        fault_say(fault, "The club calls this terminal %s, but its database is terminal %s's.", now,
                  before);
        return ST_REFUSED;
    }
    if (st != ST_OK && st != ST_REFUSED) {
        *fault = *store_fault(config->store);
        return st;
    }
    return ST_OK;
}

static enum st put_settings(const struct enrol_config *config,
                            const struct wire_enrol_answer *answer, struct fault *fault)
{
    struct store *store = config->store;
    enum st st = ST_OK;
    if ((st = setting_put(store, "club", config->club)) != ST_OK ||
        (st = setting_put(store, "programme.key", answer->programme_key)) != ST_OK ||
        (st = setting_put(store, "member.key", answer->member_key)) != ST_OK ||
        (st = setting_put(store, "merchant", answer->merchant)) != ST_OK ||
        (st = setting_put(store, "branch", answer->branch)) != ST_OK ||
        (st = put_number(store, "merchant.no", answer->merchant_no)) != ST_OK ||
        (st = put_number(store, "branch.no", answer->branch_no)) != ST_OK ||
        (st = put_number(store, "cards.first", answer->cards_first)) != ST_OK ||
        (st = put_number(store, "cards.last", answer->cards_last)) != ST_OK ||
        (st = put_number(store, "terminal", answer->terminal)) != ST_OK) {
        *fault = *store_fault(store);
    }
    return st;
}

/* The certificate last: a terminal that has it enrols no more, so all else must be there. */
static enum st store_answer(const struct enrol_config *config,
                            const struct wire_enrol_answer *answer, struct fault *fault)
{
    const uint32_t terminal = answer->terminal;
    enum st st = check_owner(config, terminal, fault);
    if (st == ST_OK) {
        st = identity_fits(config->identity, terminal, answer->certificate, answer->ca, fault);
    }
    if (st == ST_OK) {
        st = put_settings(config, answer, fault);
    }
    return st == ST_OK
               ? identity_store(config->identity, terminal, answer->certificate, answer->ca, fault)
               : st;
}

static enum st take_error(const struct line_answer *answer, struct fault *fault)
{
    struct wire_error error = {0};
    struct fault why;
    if (wire_error_decode(answer->text, answer->size, &error, &why) != ST_OK) {
        error = (struct wire_error){.error = "?"};
    }
    fault_say(fault, "The club answered %d (%s): %s", answer->status, error.error, error.say);
    switch (answer->status) {
    case 403:
        return ST_DENIED;
    case 400:
    case 413:
        return ST_REFUSED;
    case 429:
    case 503:
        return ST_AGAIN;
    default:
        return ST_FOREIGN;
    }
}

enum st enrol_ask(const struct enrol_config *config, struct fault *fault)
{
    struct wire_enrol request = {0};
    struct wire_enrol_answer news;
    struct line_answer answer = {0};
    struct fault why;
    char text[4 * WIRE_PEM_MAX];
    size_t size = 0;
    bool too_large = false;
    assert(strlen(config->code) <= WIRE_CODE_MAX && strlen(config->board) <= WIRE_BOARD_MAX);
    (void)snprintf(request.code, sizeof request.code, "%s", config->code);
    (void)snprintf(request.board, sizeof request.board, "%s", config->board);

    enum st st = identity_request(config->identity, request.csr, fault);
    if (st != ST_OK) {
        return st;
    }
    st = wire_enrol_encode(&request, text, sizeof text, &size);
    if (st != ST_OK) {
        fault_say(fault, "The code is not text.");
        return ST_REFUSED;
    }
    st = line_post(config->line, WIRE_PATH_ENROL, text, size, &answer, &too_large, fault);
    if (st != ST_OK) {
        return st;
    }
    if (answer.status != 200 && answer.status != 202) {
        return take_error(&answer, fault);
    }
    st = wire_enrol_answer_decode(answer.text, answer.size, &news, &why);
    if (st != ST_OK || news.is_approved != (answer.status == 200)) {
        fault_say(fault, "The club's answer makes no sense: %s", st != ST_OK ? why.say : "state.");
        return ST_FOREIGN;
    }
    if (!news.is_approved) {
        fault_say(fault, "The club has not approved this terminal yet.");
        return ST_AGAIN;
    }
    return store_answer(config, &news, fault);
}
