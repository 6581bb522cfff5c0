#include "sync/renew.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/clock.h"
#include "sync/batch.h"
#include "sync/wire.h"

enum { DAY_S = 86400 };

static const char setting_say[] = "certificate.say";

void renew_init(const struct renew_config *config, struct renew *ret)
{
    *ret = (struct renew){.config = *config};
}

bool renew_is_due(const struct identity_life *life, int64_t now_s)
{
    const int64_t whole_s = life->to_s - life->from_s;
    const int64_t spread_s = whole_s / RENEW_SPREAD_PART;
    const int64_t chance_s = spread_s > 0 ? life->chance % spread_s : 0;
    return life->to_s - now_s < whole_s / RENEW_PART - chance_s;
}

static enum st life_of(const struct renew *renew, struct identity_life *ret)
{
    struct fault ignored;
    return identity_life(renew->config.tls->cert_file, ret, &ignored);
}

/* --- what a person must know ------------------------------------------------------------------ */

/* Written only when it changes. */
static void note(const struct renew *renew, const char *say)
{
    struct store *store = renew->config.store;
    char before[sizeof((struct fault *)0)->say] = "";
    const enum st st = setting_get(store, setting_say, before, sizeof before);
    if ((st == ST_OK || st == ST_REFUSED) && strcmp(before, say) != 0 &&
        setting_put(store, setting_say, say) != ST_OK) {
        renew->config.say("The database does not take notes.");
    }
}

/* `why`: what the club said to the last question; "" = it was not asked. */
static void note_end(const struct renew *renew, int64_t now_s, const char *why)
{
    struct identity_life life;
    struct fault fault = {""};
    if (life_of(renew, &life) != ST_OK) {
        return;
    }
    const int64_t left_s = life.to_s - now_s;
    if (left_s <= 0) {
        fault_say(&fault,
                  "This terminal's certificate has ended: the club's operator must allow another "
                  "one (vafa-club terminal renew). %.120s",
                  why);
    } else if (left_s < RENEW_SAY_S) {
        fault_say(&fault,
                  "This terminal's certificate ends in %" PRId64 " days and is not renewed: see "
                  "that it reaches the club. %.120s",
                  left_s / DAY_S, why);
    }
    note(renew, fault.say);
}

/* The club's time, as far as this clock and the last answer tell it. False: nobody ever set it. */
static bool guess_time(const struct renew *renew, int64_t *ret_s)
{
    enum clock_quality quality;
    char offset[32] = "0";
    *ret_s = clock_now_s(&quality);
    if (setting_get(renew->config.store, "club.time_offset", offset, sizeof offset) == ST_OK) {
        *ret_s += strtoll(offset, NULL, 10);
    }
    return quality != CLOCK_UNSET;
}

void renew_unheard(struct renew *renew)
{
    int64_t now_s = 0;
    if (guess_time(renew, &now_s)) {
        note_end(renew, now_s, "");
    }
}

/* --- asking ----------------------------------------------------------------------------------- */

static enum st take_error(const struct renew *renew, const struct line_answer *answer,
                          struct fault *fault)
{
    struct wire_error error = {0};
    struct fault why;
    if (wire_error_decode(answer->text, answer->size, &error, &why) != ST_OK) {
        error = (struct wire_error){.error = "?"};
    }
    fault_say(fault, "The club renews no certificate: it answered %d (%s): %s", answer->status,
              error.error, error.say);
    if (strcmp(error.error, "csr") == 0) {
        return identity_drop_next(renew->config.identity, &why) == ST_OK ? ST_AGAIN : ST_IO;
    }
    return ST_AGAIN;
}

static enum st take_answer(struct renew *renew, uint32_t terminal, const struct line_answer *answer,
                           struct fault *fault)
{
    struct wire_renew_answer news;
    struct fault why;
    enum st st = wire_renew_answer_decode(answer->text, answer->size, &news, &why);
    if (st != ST_OK) {
        fault_say(fault, "The club's answer makes no sense: %s", why.say);
        return st;
    }
    return identity_take_next(renew->config.identity, renew->in_use, terminal, news.certificate,
                              news.ca, fault);
}

_Static_assert((int)IDENTITY_PEM_MAX == (int)WIRE_PEM_MAX, "a request must fit on the wire");

static enum st ask(struct renew *renew, struct fault *fault)
{
    struct wire_renew request;
    struct line_answer answer = {0};
    char text[2 * WIRE_PEM_MAX];
    size_t size = 0;
    bool too_large = false;
    enum st st = batch_terminal(renew->config.store, &request.terminal, fault);
    if (st != ST_OK || (st = identity_next(renew->config.identity, request.csr, fault)) != ST_OK) {
        return st;
    }
    st = wire_renew_encode(&request, text, sizeof text, &size);
    if (st != ST_OK) {
        fault_say(fault, "The request could not be written: %s.", st_word(st));
        return st;
    }
    st = line_post(renew->config.line, WIRE_PATH_RENEW, text, size, &answer, &too_large, fault);
    if (st != ST_OK) {
        return st;
    }
    return answer.status == 200 ? take_answer(renew, request.terminal, &answer, fault)
                                : take_error(renew, &answer, fault);
}

static void use(struct renew *renew, enum identity_pair pair)
{
    const struct identity *identity = renew->config.identity;
    const char *const certificates[] = {identity->certificate, identity->before, identity->aside};
    const char *const keys[] = {identity->key, identity->before, identity->aside};
    renew->in_use = pair;
    renew->config.tls->cert_file = certificates[pair];
    renew->config.tls->key_file = keys[pair];
    line_drop(renew->config.line); /* the next connection shows it */
}

/* True: the terminal has another certificate. */
static bool ask_and_say(struct renew *renew, struct fault *fault)
{
    const enum st st = ask(renew, fault);
    if (st != ST_OK) {
        renew->not_before_ms = clock_monotonic_ms() + RENEW_RETRY_MS;
        renew->config.say(fault->say);
        return false;
    }
    use(renew, IDENTITY_NOW);
    renew->config.say("The club gave this terminal another certificate.");
    return true;
}

/* Else the ones that the club does not take would be shown at each start. */
static void take_aside(struct renew *renew)
{
    struct fault fault = {""};
    if (identity_take_aside(renew->config.identity, &fault) == ST_OK) {
        use(renew, IDENTITY_NOW);
    } else {
        renew->config.say(fault.say);
    }
}

bool renew_after(struct renew *renew, const struct client_report *report)
{
    struct identity_life life;
    struct fault fault = {""};
    const int64_t now_s = report->club_s; /* whatever this clock says */
    if (!report->is_answered || life_of(renew, &life) != ST_OK) {
        return false;
    }
    if (renew->in_use == IDENTITY_ASIDE) {
        take_aside(renew);
    }
    if (!renew_is_due(&life, now_s)) {
        note(renew, "");
        return false;
    }
    if (clock_monotonic_ms() < renew->not_before_ms) {
        return false;
    }
    const bool is_renewed = ask_and_say(renew, &fault);
    note_end(renew, now_s, fault.say);
    return is_renewed;
}

/* A club that was restored may know only the certificate before, and one that was restored once
 * more, from a newer backup, only the one that is aside. False: there is no other one. */
static bool turn(struct renew *renew)
{
    const struct identity *identity = renew->config.identity;
    const char *const files[] = {identity->certificate, identity->before, identity->aside};
    struct identity_life ignored;
    struct fault fault;
    for (unsigned i = 1; i < IDENTITY_PAIRS; i += 1) {
        const enum identity_pair pair = (renew->in_use + i) % IDENTITY_PAIRS;
        if (identity_life(files[pair], &ignored, &fault) == ST_OK) {
            use(renew, pair);
            return true;
        }
    }
    return false;
}

bool renew_refused(struct renew *renew, const struct client_report *report)
{
    struct fault fault = {""};
    if (strcmp(report->refusal, "ended") == 0) {
        const bool is_renewed = ask_and_say(renew, &fault);
        renew->not_before_ms = 0; /* a person may allow it at any time */
        return is_renewed;
    }
    const bool is_forgotten =
        strcmp(report->refusal, "unknown") == 0 || strcmp(report->refusal, "replaced") == 0;
    return is_forgotten && turn(renew);
}
