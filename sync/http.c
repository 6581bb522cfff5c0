#include "sync/http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What the parser waits for. */
enum state {
    STATUS_LINE,
    HEADER,
    BODY,       /* `left` bytes of it */
    CHUNK_SIZE, /* the line that begins a chunk */
    CHUNK,      /* `left` bytes of it */
    CHUNK_END,  /* the empty line that ends a chunk */
    TRAILER,
    WHOLE,
};

size_t http_request_head(const char *host, const char *path, size_t body_bytes, bool is_gzip,
                         char ret_head[HTTP_REQUEST_HEAD_MAX])
{
    assert(strlen(host) <= HTTP_HOST_MAX && strlen(path) <= 64);
    int size = snprintf(ret_head, HTTP_REQUEST_HEAD_MAX,
                        "POST %s HTTP/1.1\r\n"
                        "Host: %s\r\n"
                        "Content-Type: application/json\r\n"
                        "%s"
                        "Accept-Encoding: gzip\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        path, host, is_gzip ? "Content-Encoding: gzip\r\n" : "", body_bytes);
    assert(size > 0 && size < HTTP_REQUEST_HEAD_MAX);
    return (size_t)size;
}

size_t http_get_head(const char *host, const char *path, char ret_head[HTTP_REQUEST_HEAD_MAX])
{
    assert(strlen(host) <= HTTP_HOST_MAX && strlen(path) <= 64);
    int size = snprintf(ret_head, HTTP_REQUEST_HEAD_MAX,
                        "GET %s HTTP/1.1\r\n"
                        "Host: %s\r\n\r\n",
                        path, host);
    assert(size > 0 && size < HTTP_REQUEST_HEAD_MAX);
    return (size_t)size;
}

void http_answer_init(struct http_answer *answer, uint8_t *body, size_t max)
{
    *answer = (struct http_answer){.body = body, .body_max = max, .state = STATUS_LINE};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* tchar of RFC 9110 5.6.2. */
static bool is_token(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static enum st refuse(struct fault *fault, const char *what)
{
    fault_say(fault, "The other side does not speak the HTTP that we expect: %s.", what);
    return ST_FOREIGN;
}

static enum st status_line(struct http_answer *answer, struct fault *fault)
{
    const char *line = answer->line;
    if (answer->line_bytes < 12 || memcmp(line, "HTTP/1.", 7) != 0 ||
        (line[7] != '0' && line[7] != '1') || line[8] != ' ' || !is_digit(line[9]) ||
        !is_digit(line[10]) || !is_digit(line[11]) || (line[12] != ' ' && line[12] != '\0')) {
        return refuse(fault, "the first line");
    }
    answer->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (answer->status < 100 || answer->status > 599 || answer->status == 101) {
        return refuse(fault, "the status");
    }
    answer->is_last = line[7] == '0';
    answer->state = HEADER;
    return ST_OK;
}

static enum st content_length(struct http_answer *answer, const char *value, struct fault *fault)
{
    if (answer->has_length || *value == '\0') {
        return refuse(fault, "two lengths, or an empty one");
    }
    uint64_t length = 0;
    for (const char *at = value; *at != '\0'; at += 1) {
        if (!is_digit(*at)) {
            return refuse(fault, "the length");
        }
        length = length * 10 + (uint64_t)(*at - '0');
        if (length > answer->body_max) {
            fault_say(fault, "The answer is larger than %zu bytes.", answer->body_max);
            return ST_FULL;
        }
    }
    answer->has_length = true;
    answer->left = length;
    return ST_OK;
}

/* The tokens that matter in "Connection: a, b". */
static void connection(struct http_answer *answer, const char *value)
{
    while (*value != '\0') {
        size_t size = strcspn(value, ", \t");
        if (size == 5 && strncasecmp(value, "close", 5) == 0) {
            answer->is_last = true;
        }
        if (size == 10 && strncasecmp(value, "keep-alive", 10) == 0) {
            answer->is_last = false;
        }
        value += size;
        value += strspn(value, ", \t");
    }
}

static void retry_after(struct http_answer *answer, const char *value)
{
    int seconds = 0;
    for (; is_digit(*value); value += 1) {
        seconds = seconds * 10 + (*value - '0');
        seconds = seconds < HTTP_RETRY_AFTER_MAX_S ? seconds : HTTP_RETRY_AFTER_MAX_S;
    }
    if (*value == '\0') { /* the other form, a date, needs a clock that we may not have */
        answer->retry_after_s = seconds;
    }
}

/* Splits the line in place: *ret_value begins after the colon and its blanks. */
static enum st split_header(struct http_answer *answer, char **ret_value, struct fault *fault)
{
    char *line = answer->line;
    size_t name = 0;
    while (is_token(line[name])) {
        name += 1;
    }
    if (name == 0 || line[name] != ':') {
        return refuse(fault, "a header's name");
    }
    line[name] = '\0';
    char *value = line + name + 1;
    value += strspn(value, " \t");
    char *end = line + answer->line_bytes;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        end -= 1;
    }
    *end = '\0';
    *ret_value = value;
    return ST_OK;
}

static enum st header(struct http_answer *answer, struct fault *fault)
{
    char *value = NULL;
    enum st st = split_header(answer, &value, fault);
    if (st != ST_OK || answer->state == TRAILER) {
        return st; /* nothing that comes after a body may change what it was */
    }
    const char *name = answer->line;
    if (strcasecmp(name, "content-length") == 0) {
        return content_length(answer, value, fault);
    }
    if (strcasecmp(name, "transfer-encoding") == 0) {
        if (answer->is_chunked || strcasecmp(value, "chunked") != 0) {
            return refuse(fault, "the transfer encoding");
        }
        answer->is_chunked = true;
    } else if (strcasecmp(name, "content-encoding") == 0) {
        answer->is_gzip = strcasecmp(value, "gzip") == 0;
        if (answer->has_encoding || (!answer->is_gzip && strcasecmp(value, "identity") != 0)) {
            return refuse(fault, "the content encoding");
        }
        answer->has_encoding = true;
    } else if (strcasecmp(name, "connection") == 0) {
        connection(answer, value);
    } else if (strcasecmp(name, "retry-after") == 0) {
        retry_after(answer, value);
    }
    return ST_OK;
}

static enum st head_end(struct http_answer *answer, struct fault *fault)
{
    if (answer->status < 200) { /* an interim answer: the real one follows */
        size_t head_bytes = answer->head_bytes;
        http_answer_init(answer, answer->body, answer->body_max);
        answer->head_bytes = head_bytes;
        return ST_OK;
    }
    if (answer->is_chunked && answer->has_length) {
        return refuse(fault, "two lengths");
    }
    if (!answer->is_chunked && !answer->has_length) {
        return refuse(fault, "no length");
    }
    answer->state = answer->is_chunked ? CHUNK_SIZE : answer->left > 0 ? BODY : WHOLE;
    return ST_OK;
}

static enum st chunk_size(struct http_answer *answer, struct fault *fault)
{
    uint64_t size = 0;
    size_t digits = 0;
    for (; digits <= 8; digits += 1) {
        char c = answer->line[digits];
        unsigned value = 0;
        if (is_digit(c)) {
            value = (unsigned)(c - '0');
        } else if ((c | 32) >= 'a' && (c | 32) <= 'f') {
            value = (unsigned)((c | 32) - 'a') + 10;
        } else {
            break;
        }
        size = size << 4 | value;
    }
    char after = answer->line[digits < 9 ? digits : 8];
    if (digits == 0 || digits > 8 || (after != '\0' && after != ';')) {
        return refuse(fault, "a chunk's size");
    }
    if (size > answer->body_max - answer->body_bytes) {
        fault_say(fault, "The answer is larger than %zu bytes.", answer->body_max);
        return ST_FULL;
    }
    answer->left = size;
    answer->state = size > 0 ? CHUNK : TRAILER;
    return ST_OK;
}

/* Acts on a whole line. */
static enum st take_line(struct http_answer *answer, struct fault *fault)
{
    answer->line[answer->line_bytes] = '\0';
    enum st st = ST_OK;
    bool is_empty = answer->line_bytes == 0;
    switch ((enum state)answer->state) {
    case STATUS_LINE:
        st = status_line(answer, fault);
        break;
    case HEADER:
        st = is_empty ? head_end(answer, fault) : header(answer, fault);
        break;
    case CHUNK_SIZE:
        st = chunk_size(answer, fault);
        break;
    case CHUNK_END:
        st = is_empty ? ST_OK : refuse(fault, "a chunk's end");
        answer->state = CHUNK_SIZE;
        break;
    case TRAILER:
        if (is_empty) {
            answer->state = WHOLE;
        } else {
            st = header(answer, fault);
        }
        break;
    case BODY:
    case CHUNK:
    case WHOLE:
        assert(false && "these states take no lines");
    }
    answer->line_bytes = 0;
    return st;
}

/* Takes one byte of a line. The CR stays in the line until its LF has come. */
static enum st take_line_byte(struct http_answer *answer, uint8_t byte, struct fault *fault)
{
    if (answer->head_bytes == HTTP_HEAD_MAX || answer->line_bytes == HTTP_LINE_MAX) {
        fault_say(fault, "The answer's head is larger than is allowed.");
        return ST_FULL;
    }
    answer->head_bytes += 1;
    bool after_cr = answer->line_bytes > 0 && answer->line[answer->line_bytes - 1] == '\r';
    if (byte == '\n' && after_cr) {
        answer->line_bytes -= 1;
        return take_line(answer, fault);
    }
    if (after_cr || (byte < 32 && byte != '\t' && byte != '\r') || byte == 127) {
        return refuse(fault, "a control character in its head");
    }
    answer->line[answer->line_bytes++] = (char)byte;
    return ST_OK;
}

enum st http_answer_feed(struct http_answer *answer, const uint8_t *bytes, size_t size,
                         size_t *ret_used, struct fault *fault)
{
    size_t at = 0;
    while (at < size && answer->state != WHOLE) {
        if (answer->state == BODY || answer->state == CHUNK) {
            size_t take = size - at < answer->left ? size - at : (size_t)answer->left;
            memcpy(answer->body + answer->body_bytes, bytes + at, take);
            answer->body_bytes += take;
            answer->left -= take;
            at += take;
            if (answer->left == 0) {
                answer->state = answer->state == BODY ? WHOLE : CHUNK_END;
            }
            continue;
        }
        enum st st = take_line_byte(answer, bytes[at], fault);
        if (st != ST_OK) {
            return st;
        }
        at += 1;
    }
    *ret_used = at;
    return answer->state == WHOLE ? ST_OK : ST_AGAIN;
}
