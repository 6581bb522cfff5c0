/* till_wire.h - the till's lines: a request out of JSON, answers into JSON.
 *
 * Pure codec over jansson, which allocates while a call runs. A register's program is foreign:
 * every field is tested here, so that the engine never sees what it would take for a bug. Fields
 * and words: docs/till.md. */
#ifndef FIRMWARE_TERMINAL_TILL_WIRE_H
#define FIRMWARE_TERMINAL_TILL_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "firmware/terminal/desk.h"
#include "firmware/terminal/service.h"
#include "firmware/terminal/tap.h"

enum {
    TILL_REQUEST_MAX = 24576, /* bytes of a line, without its end: BASKET_SAID_MAX lines of about
                                 90 bytes */
    TILL_ANSWER_MAX = 28672,  /* a history of 64 snapshots fits, and the longest receipt; tested */
    TILL_WAIT_MS_DEFAULT = 15000,
};

struct till_request {
    bool is_status;
    unsigned wait_ms;
    struct desk_request desk; /* unless is_status */
};

/* Reads one line.
 * ST_OK       *ret is filled in.
 * ST_REFUSED  the medium that was typed is a bank card or none: *fault says so, without a digit.
 * ST_FOREIGN  not a request that we know: *fault says what would be right. Nothing is done. */
ST_CHECK enum st till_decode(const char *line, size_t size, struct till_request *ret,
                             struct fault *fault);

/* Each writes one line with its end and a NUL, and returns its bytes. */
size_t till_encode_meanwhile(enum tap_say say, char ret_line[TILL_ANSWER_MAX]);
size_t till_encode_answer(const struct tap_answer *answer, char ret_line[TILL_ANSWER_MAX]);
size_t till_encode_found(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX]);
size_t till_encode_member(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX]);
size_t till_encode_waiting(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX]);
size_t till_encode_release(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX]);
size_t till_encode_lost(const struct desk_answer *answer, char ret_line[TILL_ANSWER_MAX]);
size_t till_encode_bon(const struct bon_answer *answer, char ret_line[TILL_ANSWER_MAX]);
size_t till_encode_status(const struct terminal_status *status, char ret_line[TILL_ANSWER_MAX]);

#endif
