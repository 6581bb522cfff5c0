#include "server/api_device.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/logs.h"
#include "server/updates.h"

static bool begins(const char *path, const char *with)
{
    return strncmp(path, with, strlen(with)) == 0;
}

bool api_device_is_update(const char *path)
{
    return begins(path, WIRE_PATH_UPDATE);
}

bool api_device_is_logs(const char *path)
{
    return begins(path, WIRE_PATH_LOGS);
}

static void refuse(struct api_device_reply *ret, unsigned status, const char *word,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

static void refuse(struct api_device_reply *ret, unsigned status, const char *word,
                   const char *format, ...)
{
    va_list values;
    *ret = (struct api_device_reply){.status = status};
    va_start(values, format);
    (void)vsnprintf(ret->error.say, sizeof ret->error.say, format, values);
    va_end(values);
    (void)snprintf(ret->error.error, sizeof ret->error.error, "%s", word);
}

static void refuse_trouble(struct api_device_reply *ret, enum st st, const char *say)
{
    fprintf(stderr, "vafa-club: %s: %s\n", st_word(st), say);
    refuse(ret, 503, st == ST_AGAIN ? "busy" : "club", "%s",
           st == ST_AGAIN ? "The club is busy: try again in a moment."
                          : "The club has a fault of its own: try again later.");
}

/* A whole number of at most ten digits; -1: it is something else. */
static int64_t number_of(const char *text)
{
    const size_t size = strlen(text);
    return size < 1 || size > 10 || strspn(text, "0123456789") != size ? -1
                                                                       : strtoll(text, NULL, 10);
}

/* A parameter that may be left out; false: it is no number, and *ret says so. */
static bool parameter(const struct api_request *request, const char *name, int64_t otherwise,
                      int64_t *ret_value, struct api_device_reply *ret)
{
    *ret_value = otherwise;
    for (size_t i = 0; i < request->parameter_count && i < API_PARAMETERS_MAX; i++) {
        if (strcmp(request->parameters[i].name, name) == 0) {
            *ret_value = number_of(request->parameters[i].value);
        }
    }
    if (*ret_value < 0) {
        refuse(ret, 400, "parameter", "\"%s\" is not a number.", name);
    }
    return *ret_value >= 0;
}

static_assert((int)API_DEVICE_SHARE_A_SECOND >= (int)WIRE_PIECE_MAX, "a piece can be sent");

/* The terminal's place in this second's list; its end: it got nothing yet. */
static size_t place_of(const struct api_device_budget *budget, uint32_t terminal)
{
    size_t i = 0;
    while (i < budget->count && budget->to[i].terminal != terminal) {
        i++;
    }
    return i;
}

static bool may_send(struct api_device_budget *budget, uint32_t terminal, int64_t now_s,
                     size_t size)
{
    if (budget->second != now_s) {
        budget->second = now_s;
        budget->bytes = budget->count = 0;
    }
    const size_t i = place_of(budget, terminal);
    const size_t got = i < budget->count ? budget->to[i].bytes : 0;
    return i < API_DEVICE_TERMINALS_A_SECOND && got + size <= API_DEVICE_SHARE_A_SECOND &&
           budget->bytes + size <= API_DEVICE_BYTES_A_SECOND;
}

/* What it was let and got, in the same second. */
static void note_sent(struct api_device_budget *budget, uint32_t terminal, size_t size)
{
    const size_t i = place_of(budget, terminal);
    if (i == budget->count) {
        budget->to[budget->count++].terminal = terminal;
        budget->to[i].bytes = 0;
    }
    budget->to[i].bytes += (uint32_t)size;
    budget->bytes += size;
}

static bool is_checked(const struct api_device_checked *checked, const struct bundle *bundle)
{
    for (size_t i = 0; i < API_DEVICE_CHECKED; i++) {
        if (checked->bundles[i].version == bundle->version &&
            strcmp(checked->bundles[i].board, bundle->board) == 0) {
            return true;
        }
    }
    return false;
}

/* The whole file, once. */
static enum st check(const char *dir, const struct bundle *bundle,
                     struct api_device_checked *checked, struct fault *fault)
{
    if (is_checked(checked, bundle)) {
        return ST_OK;
    }
    const enum st st = bundles_check(dir, bundle, fault);
    if (st == ST_OK) {
        const size_t i = checked->next++ % API_DEVICE_CHECKED;
        checked->bundles[i].version = bundle->version;
        memcpy(checked->bundles[i].board, bundle->board, sizeof checked->bundles[i].board);
    }
    return st;
}

/* Nobody can have it: a person brings the file back, and resumes. */
static void stop(struct db *db, const struct bundle *bundle, const struct fault *why,
                 struct api_device_reply *ret)
{
    struct fault fault = {""};
    uint32_t version = 0;
    enum st st = updates_in_force(db, bundle->board, &version);
    if (st == ST_OK && version == bundle->version) {
        st = updates_stop(db, bundle->board, why->say, &fault);
    }
    refuse_trouble(ret, st == ST_OK ? ST_IO : st, st == ST_OK ? why->say : fault.say);
}

void api_device_update(struct db *db, const char *dir, const struct api_request *request,
                       struct api_device_budget *budget, struct api_device_checked *checked,
                       void *ret_bytes, struct api_device_reply *ret)
{
    const int64_t version = number_of(request->path + strlen(WIRE_PATH_UPDATE));
    struct wire_update offer;
    struct bundle bundle;
    struct fault fault = {""};
    int64_t from = 0, max = 0;
    bool found = false;
    if (!parameter(request, "from", 0, &from, ret) ||
        !parameter(request, "bytes", WIRE_PIECE_MAX, &max, ret)) {
        return;
    }
    if (max < 1 || max > WIRE_PIECE_MAX) {
        refuse(ret, 400, "parameter", "\"bytes\" is 1 to %d.", WIRE_PIECE_MAX);
        return;
    }
    enum st st = updates_offer(db, request->terminal, &offer);
    if (st == ST_OK && (!offer.is_there || offer.version != version)) {
        refuse(ret, 404, "update", "The club does not want that version on terminal %u.",
               request->terminal);
        return;
    }
    if (st == ST_OK && !may_send(budget, request->terminal, request->now_s, (size_t)max)) {
        refuse(ret, 503, "busy", "That is enough for a second: try again in a moment.");
        return;
    }
    *ret = (struct api_device_reply){.status = 200};
    if (st == ST_OK) {
        st = bundles_get(db, offer.board, offer.version, &bundle, &found);
    }
    if (st != ST_OK) {
        refuse_trouble(ret, st, db_fault(db)->say);
        return;
    }
    st = check(dir, &bundle, checked, &fault);
    if (st == ST_OK && from < bundle.bytes) {
        st = bundles_read(dir, &bundle, from, ret_bytes, (size_t)max, &ret->size, &fault);
    }
    if (st != ST_OK) {
        stop(db, &bundle, &fault, ret);
        return;
    }
    note_sent(budget, request->terminal, ret->size);
}

void api_device_logs(struct db *db, const char *dir, const struct api_request *request,
                     void *scratch, struct api_device_reply *ret)
{
    const int64_t no = number_of(request->path + strlen(WIRE_PATH_LOGS));
    struct fault fault = {""};
    if (request->content_encoding == NULL) {
        refuse(ret, 415, "encoding", "A log comes as gzip.");
        return;
    }
    const enum st st = logs_put(db, dir, request->terminal, no, request->body, request->body_bytes,
                                scratch, request->now_s, &fault);
    *ret = (struct api_device_reply){.status = 200};
    if (st == ST_FOREIGN) {
        refuse(ret, 400, "gzip", "%s", fault.say);
    } else if (st == ST_REFUSED) {
        refuse(ret, 404, "logs", "%s", fault.say);
    } else if (st != ST_OK) {
        refuse_trouble(ret, st, fault.say);
    }
}
