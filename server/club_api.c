#include "server/club_api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "server/club_api_priv.h"

static const struct route *const tables[] = {
    routes_club,    routes_cards,     routes_cases,     routes_places, routes_settlement,
    routes_actions, routes_operators, routes_members,   routes_lost,   routes_measures,
    routes_bons,    routes_imports,   routes_transfers, routes_fleet};

enum {
    TABLES = sizeof tables / sizeof tables[0],
    WRONG_KEYS_MAX = 10, /* a window, over all callers */
    WRONG_KEYS_WINDOW_S = 60,
};

struct club_api {
    struct db *db;
    const char *dir;
    const struct signer *signer;
    int64_t window_s; /* when the window of wrong keys began */
    unsigned wrong_keys;
    char *reply;    /* of the last call */
    char allow[32]; /* likewise */
};

enum st club_api_open(struct db *db, const char *dir, const struct signer *signer,
                      struct club_api **ret, struct fault *fault)
{
    struct club_api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        fault_say(fault, "No memory for the club.");
        return ST_FULL;
    }
    api->db = db;
    api->dir = dir;
    api->signer = signer;
    *ret = api;
    return ST_OK;
}

void club_api_close(struct club_api *api)
{
    if (api != NULL) {
        free(api->reply);
        free(api);
    }
}

bool club_api_has(const char *path)
{
    const size_t size = strlen(CLUB_API_PATH);
    return strncmp(path, CLUB_API_PATH, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

/* --- replies ------------------------------------------------------------------------------- */

static void reply_json(struct club_api *api, unsigned status, const json_t *body,
                       struct api_reply *ret)
{
    static const char fallback[] = "{\"v\":1,\"error\":\"club\",\"say\":\"The club has a fault.\"}";
    free(api->reply);
    api->reply = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    *ret = (struct api_reply){.status = api->reply == NULL ? 503 : status,
                              .body = api->reply == NULL ? fallback : api->reply};
    ret->body_bytes = strlen(ret->body);
}

static void refuse(struct club_api *api, unsigned status, const char *word, struct api_reply *ret,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

static void refuse(struct club_api *api, unsigned status, const char *word, struct api_reply *ret,
                   const char *format, ...)
{
    char say[256];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(say, sizeof say, format, values);
    va_end(values);
    json_t *text = json_string(say);
    if (text ==
        NULL) { /* what was quoted from the request is not UTF-8, or was cut within a letter */
        for (char *at = say; *at != '\0'; at++) {
            *at = (unsigned char)*at < 0x80 ? *at : '?';
        }
        text = json_string(say);
    }
    json_t *body = json_pack("{s:i,s:s,s:o}", "v", 1, "error", word, "say", text);
    reply_json(api, status, body, ret);
    json_decref(body);
}

/* The club's own trouble. */
static void refuse_trouble(struct club_api *api, enum st st, const char *say, struct api_reply *ret)
{
    fprintf(stderr, "vafa-club: api: %s: %s\n", st_word(st), say);
    refuse(api, 503, st == ST_AGAIN ? "busy" : "club", ret,
           st == ST_AGAIN ? "The club is busy: try again in a moment."
                          : "The club has a fault of its own: try again later.");
}

/* --- which route --------------------------------------------------------------------------- */

/* Does the path fit the pattern? Then the parts that stand for {...} are in `values`. */
static bool path_fits(const char *pattern, const char *path,
                      char values[PATH_VALUES_MAX][CURSOR_MAX + 1])
{
    size_t count = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++) {
                return false;
            }
            continue;
        }
        const size_t size = strcspn(path, "/");
        if (size == 0 || size > CURSOR_MAX || count == PATH_VALUES_MAX) {
            return false;
        }
        memcpy(values[count], path, size);
        values[count++][size] = '\0';
        path += size;
        pattern = strchr(pattern, '}') + 1;
    }
    return *path == '\0';
}

/* *ret_route is NULL when nothing fits; *ret_path_is_known is true when another method would. */
static void find_route(const struct api_request *request, struct call *call,
                       bool *ret_path_is_known)
{
    const char *path = request->path + strlen(CLUB_API_PATH);
    *ret_path_is_known = false;
    call->route = NULL;
    for (size_t i = 0; i < TABLES; i++) {
        for (const struct route *route = tables[i]; route->method != NULL; route++) {
            if (path_fits(route->path, path, call->values)) {
                *ret_path_is_known = true;
                if (strcmp(route->method, request->method) == 0) {
                    call->route = route;
                    return;
                }
            }
        }
    }
}

/* The methods that the path takes, "GET, PUT". */
static const char *allowed(struct club_api *api, const struct api_request *request)
{
    char values[PATH_VALUES_MAX][CURSOR_MAX + 1];
    const char *path = request->path + strlen(CLUB_API_PATH);
    size_t at = 0;
    for (size_t i = 0; i < TABLES; i++) {
        for (const struct route *route = tables[i]; route->method != NULL; route++) {
            if (path_fits(route->path, path, values)) {
                at += (size_t)snprintf(api->allow + at, sizeof api->allow - at, "%s%s",
                                       at == 0 ? "" : ", ", route->method);
                assert(at < sizeof api->allow);
            }
        }
    }
    return api->allow;
}

size_t club_api_body_max(const struct api_request *request)
{
    struct call call = {0};
    bool is_known = false;
    find_route(request, &call, &is_known);
    return call.route == NULL || call.route->body_max == 0 ? SMALL_BODY_MAX : call.route->body_max;
}

void club_api_too_large(struct club_api *api, const struct api_request *request,
                        struct api_reply *ret)
{
    refuse(api, 413, "too_large", ret, "The request is larger than %zu bytes.",
           club_api_body_max(request));
}

/* --- who asks ------------------------------------------------------------------------------ */

/* The text after "Bearer "; NULL: no key is shown. */
static const char *key_text(const struct api_request *request)
{
    const char *text = request->authorization;
    return text != NULL && strncmp(text, "Bearer ", 7) == 0 ? text + 7 : NULL;
}

static bool may_try(struct club_api *api, int64_t now_s)
{
    if (now_s - api->window_s >= WRONG_KEYS_WINDOW_S || now_s < api->window_s) {
        api->window_s = now_s;
        api->wrong_keys = 0;
    }
    return api->wrong_keys++ < WRONG_KEYS_MAX;
}

static bool check_key(struct club_api *api, const struct api_request *request, struct call *call,
                      struct api_reply *ret)
{
    enum apikey_standing standing = APIKEY_WRONG;
    const char *text = key_text(request);
    if (text == NULL) {
        refuse(api, 401, "key", ret, "Show a key: \"Authorization: Bearer vafa_...\".");
        return false;
    }
    enum st st = apikey_find(api->db, text, request->now_s, &call->key, &standing);
    if (st != ST_OK) {
        refuse_trouble(api, st, db_fault(api->db)->say, ret);
        return false;
    }
    if (standing != APIKEY_GOOD && !may_try(api, request->now_s)) {
        refuse(api, 429, "slow_down", ret, "Too many wrong keys: try again in a minute.");
        return false;
    }
    switch (standing) {
    case APIKEY_WRONG:
        refuse(api, 401, "key", ret, "The club does not know this key.");
        return false;
    case APIKEY_EXPIRED:
        refuse(api, 401, "key", ret, "Key %" PRId64 " has expired: ask the club for another.",
               call->key.number);
        return false;
    case APIKEY_REVOKED:
        refuse(api, 401, "key", ret, "Key %" PRId64 " is revoked.", call->key.number);
        return false;
    case APIKEY_GOOD:
        break;
    }
    return true;
}

static bool screen(struct club_api *api, const struct api_request *request, struct call *call,
                   struct api_reply *ret)
{
    bool is_known = false;
    if (!check_key(api, request, call, ret)) {
        return false;
    }
    find_route(request, call, &is_known);
    if (call->route == NULL && !is_known) {
        refuse(api, 404, "path", ret, "There is no such path: GET %s lists them.", CLUB_API_PATH);
        return false;
    }
    if (call->route == NULL) {
        refuse(api, 405, "method", ret, "This path takes %s.", allowed(api, request));
        ret->allow = api->allow;
        return false;
    }
    if (call->key.role < call->route->role) {
        refuse(api, 403, "role", ret, "This needs a key of role %s; this one is a %s's.",
               apikey_role_word(call->route->role), apikey_role_word(call->key.role));
        return false;
    }
    if (request->content_encoding != NULL && strcmp(request->content_encoding, "identity") != 0) {
        refuse(api, 415, "encoding", ret, "Send the body as it is, without Content-Encoding.");
        return false;
    }
    if (request->announced_bytes > club_api_body_max(request)) {
        club_api_too_large(api, request, ret);
        return false;
    }
    return true;
}

bool club_api_screen(struct club_api *api, const struct api_request *request, struct api_reply *ret)
{
    struct call call = {0};
    return screen(api, request, &call, ret);
}

/* --- what was sent ------------------------------------------------------------------------- */

/* Is `word` one of the blank-separated words? */
static bool is_word_of(const char *words, const char *word)
{
    const size_t size = strlen(word);
    for (const char *at = words; *at != '\0'; at += strspn(at, " ")) {
        const size_t next = strcspn(at, " ");
        if (next == size && strncmp(at, word, size) == 0) {
            return true;
        }
        at += next;
    }
    return false;
}

static bool check_parameters(struct call *call)
{
    const struct api_request *request = call->request;
    const char *words = call->route->parameters == NULL ? "" : call->route->parameters;
    if (request->parameter_count > API_PARAMETERS_MAX) {
        fault_say(&call->fault, "Too many parameters.");
        return false;
    }
    for (size_t i = 0; i < request->parameter_count; i++) {
        const struct api_parameter *parameter = &request->parameters[i];
        if (!is_word_of(words, parameter->name)) {
            fault_say(&call->fault, "\"%.40s\" is no parameter here. There is: %s.",
                      parameter->name, words[0] == '\0' ? "none" : words);
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(request->parameters[j].name, parameter->name) == 0) {
                fault_say(&call->fault, "\"%s\" is given twice.", parameter->name);
                return false;
            }
        }
    }
    return true;
}

static bool check_body(struct call *call)
{
    const struct api_request *request = call->request;
    json_error_t error;
    if (call->route->fields == NULL) {
        if (request->body_bytes != 0) {
            fault_say(&call->fault, "This request takes no body.");
            return false;
        }
        return true;
    }
    call->body = json_loadb(request->body, request->body_bytes, JSON_REJECT_DUPLICATES, &error);
    if (call->body == NULL) {
        fault_say(&call->fault, "The body is not JSON: line %d: %.100s", error.line, error.text);
        return false;
    }
    return fields_check(call->body, call->route->fields, &call->fault);
}

/* --- answering ----------------------------------------------------------------------------- */

static void finish(struct club_api *api, struct call *call, enum st st, struct api_reply *ret)
{
    const char *say = call->fault.say[0] != '\0' ? call->fault.say : db_fault(api->db)->say;
    switch (st) {
    case ST_OK:
        reply_json(api, call->status == 0 ? 200 : call->status, call->reply, ret);
        return;
    case ST_REFUSED:
        refuse(api, call->status == 0 ? 409 : call->status,
               call->word == NULL ? "refused" : call->word, ret, "%s", say);
        return;
    case ST_FOREIGN:
        refuse(api, 400, call->word == NULL ? "value" : call->word, ret, "%s", say);
        return;
    case ST_AGAIN:
    case ST_GONE:
    case ST_DENIED:
    case ST_FULL:
    case ST_IO:
    case ST_CORRUPT:
    case ST_UNSUPPORTED:
        refuse_trouble(api, st, say, ret);
        return;
    }
}

void club_api_answer(struct club_api *api, const struct api_request *request, struct api_reply *ret)
{
    struct call call = {.db = api->db,
                        .dir = api->dir,
                        .signer = api->signer,
                        .now_s = request->now_s,
                        .request = request};
    /* Again, because the body may have taken minutes to come. */
    if (!screen(api, request, &call, ret)) {
        return;
    }
    call.reply = json_pack("{s:i}", "v", 1);
    enum st st = ST_OK;
    if (!check_parameters(&call)) {
        st = ST_FOREIGN;
        call.word = "parameter";
    } else if (!check_body(&call)) {
        st = ST_FOREIGN;
        call.word = "body";
    } else {
        st = call.route->answer(&call);
    }
    finish(api, &call, st, ret);
    if (strcmp(request->method, "GET") != 0) {
        fprintf(stderr, "vafa-club: api: key %" PRId64 " (%s): %s %s: %u\n", call.key.number,
                call.key.name, request->method, request->path, ret->status);
    }
    json_decref(call.reply);
    json_decref(call.body);
}

/* --- the list of what there is ------------------------------------------------------------- */

static const char *field_kind_word(enum field_kind kind)
{
    switch (kind) {
    case FIELD_TEXT:
        return "text";
    case FIELD_NUMBER:
        return "number";
    case FIELD_CARD:
        return "card";
    case FIELD_DAY:
        return "day";
    case FIELD_BOOL:
        return "bool";
    case FIELD_LIST:
        return "list";
    }
    return "?";
}

static json_t *route_json(const struct route *route)
{
    json_t *fields = json_array();
    for (const struct field *field = route->fields; field != NULL && field->name != NULL; field++) {
        (void)json_array_append_new(fields, json_pack("{s:s,s:s,s:b}", "name", field->name, "kind",
                                                      field_kind_word(field->kind), "needed",
                                                      (int)field->is_needed));
    }
    return json_pack("{s:s,s:s+,s:s,s:s,s:o}", "method", route->method, "path", CLUB_API_PATH,
                     route->path, "role", apikey_role_word(route->role), "parameters",
                     route->parameters == NULL ? "" : route->parameters, "fields", fields);
}

static enum st answer_index(struct call *call)
{
    json_t *paths = json_array();
    for (size_t i = 0; i < TABLES; i++) {
        for (const struct route *route = tables[i]; route->method != NULL; route++) {
            if (json_array_append_new(paths, route_json(route)) != 0) {
                json_decref(paths);
                return ST_FULL;
            }
        }
    }
    const bool done = put_text(call->reply, "key", call->key.name) &&
                      put_text(call->reply, "role", apikey_role_word(call->key.role)) &&
                      put_number(call->reply, "time", call->now_s) &&
                      put_json(call->reply, "paths", paths);
    return done ? ST_OK : ST_FULL;
}

const struct route routes_club[] = {
    {"GET", "", APIKEY_READER, NULL, NULL, answer_index, 0},
    {0},
};
