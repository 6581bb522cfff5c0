/* line.h - a kept-alive HTTPS line to the club: a request out, status and body back.
 *
 * What is posted is packed with gzip. One line, one thread. What is sent may be sent twice: a line
 * that was kept open and turns out to be dead is opened again and the request repeated once, so
 * only idempotent requests belong here (all of ours are). Statuses as in sync/tls.h, and ST_FOREIGN
 * the answer is not HTTP as we expect it, or not gzip: the line was closed. ST_FULL     the answer
 * is larger than WIRE_ANSWER_MAX (line was closed), or *ret_too_large: the request is larger than
 * WIRE_REQUEST_PACKED_MAX and nothing was sent. */
#ifndef SYNC_LINE_H
#define SYNC_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "sync/tls.h"

struct line;

struct line_answer {
    int status;        /* 200..599 */
    int retry_after_s; /* 0 = not said */
    const char *text;  /* the body, unpacked; not NUL-terminated; valid until the next call */
    size_t size;
};

/* Connects nowhere yet. The config must live as long as the line; it may change between calls (the
 * next connection heeds it). ST_IO: no memory. */
ST_CHECK enum st line_open(const struct tls_config *config, struct line **ret);
void line_close(struct line *line); /* accepts NULL */
/* Hangs up; the next post connects anew. */
void line_drop(struct line *line);

ST_CHECK enum st line_post(struct line *line, const char *path, const char *text, size_t size,
                           struct line_answer *ret, bool *ret_too_large, struct fault *fault);
/* Bytes of ours, whatever the club says of them: an answer larger than `max` bytes (at most
 * WIRE_ANSWER_MAX) is ST_FULL and closes the line. */
ST_CHECK enum st line_get(struct line *line, const char *path, size_t max, struct line_answer *ret,
                          struct fault *fault);

#endif
