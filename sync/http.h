/* http.h - the part of HTTP/1.1 that a terminal speaks: one request, one bounded answer.
 *
 * Pure: bytes in, a verdict out; no line, no clock, no allocation. Strict where leniency has hurt
 * others: CRLF only, no folded headers, one length and only one, no body that ends with the line.
 * Whatever cannot be understood is refused; nothing is guessed. */
#ifndef SYNC_HTTP_H
#define SYNC_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

enum {
    HTTP_LINE_MAX = 1024,  /* one line without its CRLF */
    HTTP_HEAD_MAX = 16384, /* status lines, headers, chunk lines and trailers of one answer */
    HTTP_HOST_MAX = 280,   /* with the port */
    HTTP_REQUEST_HEAD_MAX = 512,
    HTTP_RETRY_AFTER_MAX_S = 3600,
};

/* Writes a POST's head. Returns its size, < HTTP_REQUEST_HEAD_MAX. `host` ("name:port") is at
 * most HTTP_HOST_MAX bytes, `path` at most 64; both are ours. */
size_t http_request_head(const char *host, const char *path, size_t body_bytes, bool is_gzip,
                         char ret_head[HTTP_REQUEST_HEAD_MAX]);

/* Likewise a GET's; `path` is with what comes after "?". The answer must come unpacked. */
size_t http_get_head(const char *host, const char *path, char ret_head[HTTP_REQUEST_HEAD_MAX]);

/* An answer that is read as it comes. The fields below `private` are the parser's. */
struct http_answer {
    int status;        /* 200..599 */
    bool is_gzip;      /* Content-Encoding */
    bool is_last;      /* the other side closes the line after this answer */
    int retry_after_s; /* 0..HTTP_RETRY_AFTER_MAX_S; 0 = not said */
    size_t body_bytes; /* in `body` */
    /* private */
    uint8_t *body;
    size_t body_max;
    size_t head_bytes;
    uint64_t left; /* of the body or chunk */
    size_t line_bytes;
    char line[HTTP_LINE_MAX + 1];
    bool has_length, is_chunked, has_encoding;
    int state;
};

/* Starts an answer whose body goes to `body`, at most `max` bytes. */
void http_answer_init(struct http_answer *answer, uint8_t *body, size_t max);

/* Takes the next bytes; *ret_used says how many of them belong to this answer (all unless ST_OK).
 * ST_OK       the answer is whole.
 * ST_AGAIN    more bytes are needed. A line that ends here has cut the answer: not whole, no
 * answer. ST_FOREIGN  not an HTTP/1.x answer that we understand: close the line. ST_FULL     larger
 * than allowed: close the line. */
ST_CHECK enum st http_answer_feed(struct http_answer *answer, const uint8_t *bytes, size_t size,
                                  size_t *ret_used, struct fault *fault);

#endif
