#include "server/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/actions.h"
#include "server/api_device.h"
#include "server/api_renew.h"
#include "server/bons.h"
#include "server/certs.h"
#include "server/hotlist.h"
#include "server/ledger.h"
#include "server/links.h"
#include "server/logs.h"
#include "server/lost.h"
#include "server/mandates.h"
#include "server/numbers.h"
#include "server/registry.h"
#include "server/said.h"
#include "server/told.h"
#include "server/updates.h"
#include "sync/wire.h"

#define PATH_HEALTH "/v1/health"

enum {
    WRONG_CODES_MAX = 10, /* a window, over all callers: 60-bit codes stay out of reach */
    WRONG_CODES_WINDOW_S = 60,
    LOGS_TEND_S = 3600,
    GZIP_FROM_BYTES = 1400, /* below one packet, packing saves nothing */
};

struct api {
    struct db *db;
    struct ledger *ledger;
    struct actions *actions;
    const char *ca;
    const char *programme_key; /* public, PEM; the caller's */
    const char *member_key;    /* likewise; NULL: none */
    const char *dir;           /* likewise */
    struct told told;          /* of actions, as far as any terminal was */
    struct api_device_budget budget;
    struct api_device_checked checked;
    int64_t tended_at; /* when old logs were last thrown away */
    int64_t window_s;  /* when the window of wrong codes began */
    unsigned wrong_codes;
    struct wire_sync sync;
    struct wire_enrol enrol;
    struct wire_enrol_answer enrol_answer;
    struct wire_renew renew;
    struct wire_renew_answer renewed;
    char programme[WIRE_PROGRAMME_MAX + 1];
    struct listing_change changes[WIRE_CHANGES_MAX];
    struct wire_action waiting[WIRE_ACTIONS_MAX];
    char mandate[MANDATE_TEXT_MAX + 1];
    char text[WIRE_REQUEST_MAX + 1];
    char reply[WIRE_ANSWER_MAX];
    char packed[WIRE_ANSWER_MAX];
};

enum st api_open(struct db *db, const char *ca, const char *programme_key,
                 const struct signer *signer, struct api **ret, struct fault *fault)
{
    struct api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        fault_say(fault, "No memory for the club.");
        return ST_FULL;
    }
    api->db = db;
    api->ca = ca;
    api->programme_key = programme_key;
    enum st st = ledger_open(db, &api->ledger);
    if (st == ST_OK) {
        st = actions_open(db, signer, &api->actions);
    }
    if (st != ST_OK) {
        fault_say(fault, "%s", db_fault(db)->say);
        api_close(api);
        return st;
    }
    *ret = api;
    return ST_OK;
}

void api_close(struct api *api)
{
    if (api != NULL) {
        actions_close(api->actions);
        ledger_close(api->ledger);
        free(api);
    }
}

void api_use_member_key(struct api *api, const char *public_pem, const struct box_key *opener)
{
    api->member_key = public_pem;
    ledger_use_opener(api->ledger, opener);
}

enum st api_use_folder(struct api *api, const char *dir, struct fault *fault)
{
    api->dir = dir;
    return told_load(dir, &api->told, fault);
}

/* --- replies ------------------------------------------------------------------------------- */

static void reply_text(struct api *api, unsigned status, size_t size, struct api_reply *ret)
{
    *ret = (struct api_reply){.status = status, .body = api->reply, .body_bytes = size};
}

static void refuse_with(struct api *api, unsigned status, const struct wire_error *error,
                        struct api_reply *ret)
{
    size_t size = 0;
    if (wire_error_encode(error, api->reply, sizeof api->reply, &size) != ST_OK) {
        static const char fallback[] =
            "{\"v\":1,\"error\":\"club\",\"say\":\"The club has a fault.\"}";
        size = sizeof fallback - 1;
        memcpy(api->reply, fallback, size);
    }
    reply_text(api, status, size, ret);
}

static void refuse(struct api *api, unsigned status, const char *word, struct api_reply *ret,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

static void refuse(struct api *api, unsigned status, const char *word, struct api_reply *ret,
                   const char *format, ...)
{
    struct wire_error error = {0};
    va_list values;
    va_start(values, format);
    (void)vsnprintf(error.say, sizeof error.say, format, values);
    va_end(values);
    (void)snprintf(error.error, sizeof error.error, "%s", word);
    refuse_with(api, status, &error, ret);
}

/* The club's own trouble. The terminal keeps everything and asks again later. */
static void refuse_trouble(struct api *api, enum st st, const char *say, struct api_reply *ret)
{
    fprintf(stderr, "vafa-club: %s: %s\n", st_word(st), say);
    refuse(api, 503, st == ST_AGAIN ? "busy" : "club", ret,
           st == ST_AGAIN ? "The club is busy: try again in a moment."
                          : "The club has a fault of its own: try again later.");
}

void api_too_large(struct api *api, struct api_reply *ret)
{
    refuse(api, 413, "too_large", ret, "The request is larger than %d bytes, or %d when packed.",
           WIRE_REQUEST_MAX, WIRE_REQUEST_PACKED_MAX);
}
static_assert((int)WIRE_LOGS_MAX == (int)WIRE_REQUEST_PACKED_MAX, "a log is bounded likewise");

static void pack(struct api *api, const struct api_request *request, struct api_reply *reply)
{
    size_t size = 0;
    if (request->accepts_gzip && !reply->is_bytes && reply->body_bytes >= GZIP_FROM_BYTES &&
        wire_gzip(reply->body, reply->body_bytes, api->packed, sizeof api->packed, &size) ==
            ST_OK) {
        reply->body = api->packed;
        reply->body_bytes = size;
        reply->is_gzip = true;
    }
}

/* --- screening ----------------------------------------------------------------------------- */

static bool is_gzip(const struct api_request *request)
{
    return request->content_encoding != NULL && strcmp(request->content_encoding, "gzip") == 0;
}

size_t api_body_max(const struct api_request *request)
{
    return is_gzip(request) ? WIRE_REQUEST_PACKED_MAX : WIRE_REQUEST_MAX;
}

static bool is_renewal(const struct api_request *request)
{
    return strcmp(request->path, WIRE_PATH_RENEW) == 0;
}

/* Only a terminal of the club, with the certificate that the club issued, may bring entries. */
static bool screen_terminal(struct api *api, const struct api_request *request,
                            struct api_reply *ret)
{
    enum certs_standing standing = CERTS_UNKNOWN;
    struct fault fault;
    switch (request->identity) {
    case IDENTITY_NONE:
        refuse(api, 401, "certificate", ret, "Show the certificate that the club issued.");
        return false;
    case IDENTITY_BAD:
        refuse(api, 403, "certificate", ret, "This certificate is not the club's.");
        return false;
    case IDENTITY_ENDED:
    case IDENTITY_VERIFIED:
        break;
    }
    enum st st =
        certs_shown(api->db, request->terminal, request->fingerprint, request->now_s, &standing);
    if (st != ST_OK) {
        refuse_trouble(api, st, db_fault(api->db)->say, ret);
        return false;
    }
    switch (standing) {
    case CERTS_GOOD:
        if (request->identity == IDENTITY_ENDED && !is_renewal(request)) {
            certs_say_ended(request->terminal, &fault);
            refuse(api, 403, "ended", ret, "%s", fault.say);
            return false;
        }
        return true;
    case CERTS_REVOKED:
        refuse(api, 403, "revoked", ret, "The club has revoked terminal %u.", request->terminal);
        return false;
    case CERTS_REPLACED:
        refuse(api, 403, "replaced", ret,
               "Terminal %u has a newer certificate than this: another machine has its identity, "
               "or its disk was put back from a copy. Call the club.",
               request->terminal);
        return false;
    case CERTS_UNKNOWN:
        break;
    }
    st = registry_note_strange(api->db, request->terminal, request->now_s);
    if (st != ST_OK) {
        refuse_trouble(api, st, db_fault(api->db)->say, ret);
        return false;
    }
    refuse(api, 403, "unknown", ret, "The club does not know this certificate of terminal %u.",
           request->terminal);
    return false;
}

bool api_screen(struct api *api, const struct api_request *request, struct api_reply *ret)
{
    bool is_health = strcmp(request->path, PATH_HEALTH) == 0;
    bool is_update = api_device_is_update(request->path);
    bool is_terminal = strcmp(request->path, WIRE_PATH_SYNC) == 0 || is_update ||
                       is_renewal(request) || api_device_is_logs(request->path);
    if (!is_health && !is_terminal && strcmp(request->path, WIRE_PATH_ENROL) != 0) {
        refuse(api, 404, "path", ret, "There is only %s, %s, %s and %s.", WIRE_PATH_ENROL,
               WIRE_PATH_RENEW, WIRE_PATH_SYNC, PATH_HEALTH);
        return false;
    }
    const char *method = is_health || is_update ? "GET" : "POST";
    if (strcmp(request->method, method) != 0) {
        refuse(api, 405, "method", ret, "%s takes %s only.", request->path, method);
        ret->allow = method;
        return false;
    }
    if (request->content_encoding != NULL && !is_gzip(request) &&
        strcmp(request->content_encoding, "identity") != 0) {
        refuse(api, 415, "encoding", ret, "Content-Encoding can be gzip only.");
        return false;
    }
    if (request->announced_bytes > api_body_max(request)) {
        api_too_large(api, ret);
        return false;
    }
    return !is_terminal || screen_terminal(api, request, ret);
}

/* --- the requests -------------------------------------------------------------------------- */

/* The body as JSON text in *ret_text; unpacked when it came packed. */
static bool body_get(struct api *api, const struct api_request *request, const char **ret_text,
                     size_t *ret_size, struct api_reply *reply)
{
    struct fault fault = {""};
    if (!is_gzip(request)) {
        *ret_text = request->body;
        *ret_size = request->body_bytes;
        return true;
    }
    enum st st = wire_gunzip(request->body, request->body_bytes, api->text, WIRE_REQUEST_MAX,
                             ret_size, &fault);
    *ret_text = api->text;
    if (st == ST_FULL) {
        api_too_large(api, reply);
    } else if (st == ST_FOREIGN) {
        refuse(api, 400, "gzip", reply, "The body is not gzip: %s", fault.say);
    } else if (st != ST_OK) {
        refuse_trouble(api, st, fault.say, reply);
    }
    return st == ST_OK;
}

/* What a decoder says of a body. True: go on. */
static bool body_is_good(struct api *api, enum st st, const struct fault *fault,
                         struct api_reply *reply)
{
    if (st == ST_FULL) {
        api_too_large(api, reply);
    } else if (st == ST_FOREIGN) {
        refuse(api, 400, "body", reply, "%s", fault->say);
    } else if (st != ST_OK) {
        refuse_trouble(api, st, fault->say, reply);
    }
    return st == ST_OK;
}

/* Wrong codes are rationed over all callers. A terminal that asks again for what is bound to it is
 * not guessing, so a flood of guesses does not keep it out. */
static bool may_try(struct api *api, const struct api_request *request)
{
    bool is_bound = false;
    if (request->now_s - api->window_s >= WRONG_CODES_WINDOW_S || request->now_s < api->window_s) {
        api->window_s = request->now_s;
        api->wrong_codes = 0;
    }
    return api->wrong_codes < WRONG_CODES_MAX ||
           (registry_is_bound(api->db, &api->enrol, &is_bound) == ST_OK && is_bound);
}

static void refuse_other(struct api *api, uint32_t terminal, uint32_t other,
                         struct api_reply *reply)
{
    refuse(api, 403, "terminal", reply, "Terminal %u cannot speak for terminal %u.", terminal,
           other);
}

static void answer_enrol(struct api *api, const struct api_request *request,
                         struct api_reply *reply)
{
    struct fault fault = {""};
    const char *text = NULL;
    size_t size = 0;
    if (!body_get(api, request, &text, &size, reply) ||
        !body_is_good(api, wire_enrol_decode(text, size, &api->enrol, &fault), &fault, reply)) {
        return;
    }
    said_enrol(&api->enrol);
    if (!may_try(api, request)) {
        refuse(api, 429, "slow_down", reply, "Too many wrong codes: try again in a minute.");
        return;
    }
    enum st st = ca_check_request(api->enrol.csr, NULL, &fault);
    if (st == ST_FOREIGN) {
        refuse(api, 400, "csr", reply, "%s", fault.say);
        return;
    }
    if (st == ST_OK) {
        st = registry_enrol(api->db, &api->enrol, request->now_s, &api->enrol_answer, &fault);
    }
    if (st == ST_REFUSED) {
        api->wrong_codes++;
        refuse(api, 403, "code", reply, "%s", fault.say);
        return;
    }
    if (st == ST_OK) {
        struct wire_enrol_answer *answer = &api->enrol_answer;
        if (answer->is_approved) {
            (void)snprintf(answer->ca, sizeof answer->ca, "%s", api->ca);
            (void)snprintf(answer->programme_key, sizeof answer->programme_key, "%s",
                           api->programme_key);
            (void)snprintf(answer->member_key, sizeof answer->member_key, "%s",
                           api->member_key == NULL ? "" : api->member_key);
        }
        st = wire_enrol_answer_encode(answer, api->reply, sizeof api->reply, &size);
    }
    if (st != ST_OK) {
        refuse_trouble(api, st, fault.say, reply);
        return;
    }
    reply_text(api, api->enrol_answer.is_approved ? 200 : 202, size, reply);
}

static void answer_renew(struct api *api, const struct api_request *request,
                         struct api_reply *reply)
{
    struct fault fault = {""};
    struct wire_error error = {.error = ""};
    const char *text = NULL;
    size_t size = 0;
    unsigned status = 200;
    if (!body_get(api, request, &text, &size, reply) ||
        !body_is_good(api, wire_renew_decode(text, size, &api->renew, &fault), &fault, reply) ||
        !screen_terminal(api, request, reply)) {
        return;
    }
    if (api->renew.terminal != request->terminal) {
        refuse_other(api, request->terminal, api->renew.terminal, reply);
        return;
    }
    enum st st = api->dir == NULL ? ST_IO
                                  : api_renew(api->db, api->dir, request, &api->renew, &status,
                                              &api->renewed, &error, &fault);
    if (st == ST_OK && status != 200) {
        refuse_with(api, status, &error, reply);
        return;
    }
    if (st == ST_OK) {
        st = wire_renew_answer_encode(&api->renewed, api->reply, sizeof api->reply, &size);
    }
    if (st != ST_OK) {
        refuse_trouble(api, st, fault.say, reply);
        return;
    }
    reply_text(api, 200, size, reply);
}

/* 409: what the terminal believes of the past and what the club holds part ways. */
static void refuse_conflict(struct api *api, const struct ledger_result *result,
                            struct api_reply *reply)
{
    struct wire_error error = {.has_acknowledged = true, .acknowledged = result->acknowledged};
    bool is_behind = result->answer == LEDGER_BEHIND;
    (void)snprintf(error.error, sizeof error.error, "%s", is_behind ? "behind" : "chain");
    (void)snprintf(error.say, sizeof error.say,
                   is_behind ? "The club has entries up to %u: send from there."
                             : "The club holds other entries under these numbers (it has %u) and "
                               "has opened a case: call the club.",
                   result->acknowledged);
    refuse_with(api, 409, &error, reply);
}

static void answer_sync(struct api *api, const struct api_request *request, struct api_reply *reply)
{
    struct fault fault = {""};
    struct ledger_result result;
    const char *text = NULL;
    size_t size = 0;
    if (!body_get(api, request, &text, &size, reply) ||
        !body_is_good(api, wire_sync_decode(text, size, &api->sync, &fault), &fault, reply)) {
        return;
    }
    said_sync(&api->sync);
    /* Again, because the body may have taken minutes, or hours, to come. */
    if (!screen_terminal(api, request, reply)) {
        return;
    }
    if (api->sync.terminal != request->terminal) {
        refuse_other(api, request->terminal, api->sync.terminal, reply);
        return;
    }
    enum st st = ledger_take(api->ledger, &api->sync, request->now_s, &result, &fault);
    if (st == ST_FOREIGN) {
        refuse(api, 400, "entry", reply, "%s", fault.say);
        return;
    }
    if (st == ST_OK && result.answer != LEDGER_TAKEN) {
        refuse_conflict(api, &result, reply);
        return;
    }
    if (st == ST_OK) {
        st = lost_tend(api->db, api->actions, request->now_s, &fault);
    }
    if (st == ST_OK) {
        /* What the batch brought may be due to be sealed, or to be given back. */
        st = actions_tend(api->actions, request->now_s, NULL, &fault);
    }
    struct wire_sync_answer answer = {.time_s = request->now_s};
    if (st == ST_OK) {
        answer.acknowledged = result.acknowledged;
        const struct wire_sync *sync = &api->sync;
        st = registry_programme_get(
            api->db, sync->refused > sync->programme ? sync->refused : sync->programme,
            &answer.programme_version, api->programme, sizeof api->programme);
        answer.programme = answer.programme_version == 0 ? NULL : api->programme;
    }
    if (st == ST_OK) {
        st = numbers_news(api->db, request->terminal, &api->sync.numbers, request->now_s,
                          &answer.numbers);
    }
    if (st == ST_OK && api->sync.lost.is_there) {
        st = lost_news(api->db, request->terminal, &api->sync.lost, &answer.lost);
    }
    if (st == ST_OK && api->sync.links.is_there && answer.programme == NULL) { /* one at a time */
        st = links_news(api->db, &api->sync.links, &answer.links);
    }
    if (st == ST_OK && api->sync.bons.is_there && answer.programme == NULL) {
        st = bons_news(api->db, &api->sync.bons, &answer.bons);
    }
    if (st == ST_OK && api->sync.actions.is_there && answer.programme == NULL) {
        st = actions_news(api->db, &api->sync.actions, api->waiting, &answer.actions);
    }
    if (st == ST_OK && api->dir != NULL) {
        st = told_note(api->dir, &api->told, &answer.actions, &fault);
    }
    if (st == ST_OK && api->sync.mandate >= 0 && answer.programme == NULL) {
        st = mandates_sync(api->db, request->terminal, api->sync.mandate,
                           api->sync.health.unsent == api->sync.entry_count, api->mandate);
        answer.mandate = api->mandate[0] == '\0' ? NULL : api->mandate;
    }
    /* Not beside a programme or mandate: together they could be more than an answer holds. */
    if (st == ST_OK && api->sync.has_list && answer.programme == NULL && answer.mandate == NULL) {
        st = hotlist_news(api->db, &api->sync.list, api->changes, &answer.list);
        answer.has_list = st == ST_OK;
    }
    if (st == ST_OK && api->sync.device.is_there && api->dir != NULL) {
        st = updates_offer(api->db, request->terminal, &answer.update);
    }
    if (st == ST_OK && api->sync.device.is_there && api->dir != NULL) {
        st = logs_asked(api->db, request->terminal, request->now_s, &answer.logs);
    }
    if (st == ST_OK) {
        st = wire_sync_answer_encode(&answer, api->reply, sizeof api->reply, &size);
    }
    if (st != ST_OK) {
        refuse_trouble(api, st, fault.say, reply);
        return;
    }
    reply_text(api, 200, size, reply);
}

/* --- devices ------------------------------------------------------------------------------- */

/* A piece of a bundle is made in `reply`, and goes as it is. */
static void answer_device(struct api *api, const struct api_request *request,
                          struct api_reply *reply)
{
    static const char taken[] = "{\"v\":1}";
    struct api_device_reply device;
    const bool is_update = api_device_is_update(request->path);
    if (api->dir == NULL) {
        refuse_trouble(api, ST_IO, "no folder", reply);
        return;
    }
    if (!is_update && !screen_terminal(api, request, reply)) {
        return;
    }
    if (is_update) {
        api_device_update(api->db, api->dir, request, &api->budget, &api->checked, api->reply,
                          &device);
    } else {
        api_device_logs(api->db, api->dir, request, api->text, &device);
    }
    if (device.status != 200) {
        refuse_with(api, device.status, &device.error, reply);
        return;
    }
    reply_text(api, 200, device.size, reply);
    reply->is_bytes = is_update;
    if (!is_update) {
        reply->body = taken;
        reply->body_bytes = sizeof taken - 1;
    }
}

/* Logs that were kept for their time go. Trouble with that is no terminal's. */
static void tend_logs(struct api *api, int64_t now_s)
{
    struct fault fault = {""};
    if (api->dir == NULL || (now_s - api->tended_at < LOGS_TEND_S && now_s >= api->tended_at)) {
        return;
    }
    api->tended_at = now_s;
    if (logs_tend(api->db, api->dir, now_s, &fault) != ST_OK) {
        fprintf(stderr, "vafa-club: logs: %s\n", fault.say);
    }
}

void api_answer(struct api *api, const struct api_request *request, struct api_reply *ret)
{
    if (strcmp(request->path, PATH_HEALTH) == 0) {
        int size = snprintf(api->reply, sizeof api->reply, "{\"v\":1,\"ok\":true,\"time\":%lld}",
                            (long long)request->now_s);
        reply_text(api, 200, (size_t)size, ret);
    } else if (strcmp(request->path, WIRE_PATH_ENROL) == 0) {
        answer_enrol(api, request, ret);
    } else if (is_renewal(request)) {
        answer_renew(api, request, ret);
    } else if (strcmp(request->path, WIRE_PATH_SYNC) == 0) {
        answer_sync(api, request, ret);
        tend_logs(api, request->now_s);
    } else {
        answer_device(api, request, ret);
    }
    pack(api, request, ret);
}
