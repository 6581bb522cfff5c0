#include "sync/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/clock.h"
#include "sync/http.h"
#include "sync/wire.h"

struct line {
    const struct tls_config *config;
    struct tls *tls; /* NULL = not connected */
    struct http_answer http;
    char head[HTTP_REQUEST_HEAD_MAX];
    uint8_t packed[WIRE_REQUEST_PACKED_MAX];
    uint8_t body[WIRE_ANSWER_MAX];
    char text[WIRE_ANSWER_MAX]; /* the body when it came as gzip */
};

enum st line_open(const struct tls_config *config, struct line **ret)
{
    struct line *line = calloc(1, sizeof *line);
    if (line == NULL) {
        return ST_IO;
    }
    line->config = config;
    *ret = line;
    return ST_OK;
}

void line_drop(struct line *line)
{
    tls_close(line->tls);
    line->tls = NULL;
}

void line_close(struct line *line)
{
    if (line != NULL) {
        line_drop(line);
        free(line);
    }
}

/* A request as it goes out, and how large its answer may be. */
struct request {
    size_t head_bytes, body_bytes, answer_max;
};

/* Reads one answer. *ret_silent: the line ended before its first byte. */
static enum st receive(struct line *line, size_t max, bool *ret_silent, struct fault *fault)
{
    int64_t deadline_ms = clock_monotonic_ms() + line->config->timeout_ms;
    http_answer_init(&line->http, line->body, max);
    *ret_silent = true;
    for (;;) {
        uint8_t bytes[4096];
        size_t size = 0;
        size_t used = 0;
        enum st st = tls_read(line->tls, bytes, sizeof bytes, deadline_ms, &size, fault);
        if (st != ST_OK) {
            return st;
        }
        *ret_silent = false;
        st = http_answer_feed(&line->http, bytes, size, &used, fault);
        if (st == ST_AGAIN) {
            continue;
        }
        if (st == ST_OK && used != size) {
            fault_say(fault, "The club sent more than one answer to a request.");
            return ST_FOREIGN;
        }
        return st;
    }
}

static enum st exchange(struct line *line, const struct request *request, bool *ret_silent,
                        struct fault *fault)
{
    *ret_silent = true;
    enum st st = ST_OK;
    if (line->tls == NULL) {
        st = tls_open(line->config, &line->tls, fault);
    }
    if (st != ST_OK ||
        (st = tls_write(line->tls, line->head, request->head_bytes, fault)) != ST_OK ||
        (request->body_bytes > 0 &&
         (st = tls_write(line->tls, line->packed, request->body_bytes, fault)) != ST_OK)) {
        /* A club that refuses early (413) answers and hangs up while we still send. */
        if (st == ST_GONE && line->tls != NULL) {
            struct fault other;
            if (receive(line, request->answer_max, ret_silent, &other) == ST_OK) {
                line->http.is_last = true;
                return ST_OK;
            }
        }
        return st;
    }
    return receive(line, request->answer_max, ret_silent, fault);
}

/* The name that goes into a request. */
static void write_host(const struct line *line, char ret[HTTP_HOST_MAX + 1])
{
    const struct tls_config *config = line->config;
    const char *name = config->name != NULL ? config->name : config->host;
    bool is_ipv6 = strchr(name, ':') != NULL;
    int size = snprintf(ret, HTTP_HOST_MAX + 1, "%s%s%s:%s", is_ipv6 ? "[" : "", name,
                        is_ipv6 ? "]" : "", config->port);
    assert(size > 0 && size <= HTTP_HOST_MAX); /* tls.h bounds name and port */
}

static enum st ask(struct line *line, const struct request *request, struct line_answer *ret,
                   struct fault *fault)
{
    /* What lies on a kept line before we ask would be taken for the answer. */
    if (line->tls != NULL && !tls_is_quiet(line->tls)) {
        line_drop(line);
    }
    bool was_kept = line->tls != NULL;
    bool silent = false;
    enum st st = exchange(line, request, &silent, fault);
    if (st == ST_GONE && was_kept && silent) {
        line_drop(line);
        st = exchange(line, request, &silent, fault);
    }
    if (st != ST_OK || line->http.is_last) {
        line_drop(line);
    }
    if (st != ST_OK) {
        return st;
    }
    ret->status = line->http.status;
    ret->retry_after_s = line->http.retry_after_s;
    ret->text = (const char *)line->body;
    ret->size = line->http.body_bytes;
    if (line->http.is_gzip) {
        st = wire_gunzip(line->body, line->http.body_bytes, line->text, sizeof line->text,
                         &ret->size, fault);
        ret->text = line->text;
    }
    return st;
}

enum st line_get(struct line *line, const char *path, size_t max, struct line_answer *ret,
                 struct fault *fault)
{
    char host[HTTP_HOST_MAX + 1];
    assert(max <= sizeof line->body);
    write_host(line, host);
    const struct request request = {.head_bytes = http_get_head(host, path, line->head),
                                    .answer_max = max};
    enum st st = ask(line, &request, ret, fault);
    if (st == ST_OK && line->http.is_gzip) {
        line_drop(line);
        fault_say(fault, "The club packed what was asked for unpacked.");
        return ST_FOREIGN;
    }
    return st;
}

enum st line_post(struct line *line, const char *path, const char *text, size_t size,
                  struct line_answer *ret, bool *ret_too_large, struct fault *fault)
{
    size_t body_bytes = 0;
    *ret_too_large = false;
    enum st st = wire_gzip(text, size, line->packed, sizeof line->packed, &body_bytes);
    if (st != ST_OK) {
        *ret_too_large = st == ST_FULL;
        fault_say(fault, "The request could not be packed: %s.", st_word(st));
        return st;
    }
    char host[HTTP_HOST_MAX + 1];
    write_host(line, host);
    const struct request request = {.head_bytes =
                                        http_request_head(host, path, body_bytes, true, line->head),
                                    .body_bytes = body_bytes,
                                    .answer_max = sizeof line->body};
    return ask(line, &request, ret, fault);
}
