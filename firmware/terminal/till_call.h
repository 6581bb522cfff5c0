/* till_call.h - a request to the terminal, and its answers, for vafa-till.
 *
 * Blocking; one request a connection; complaints go to standard error. */
#ifndef FIRMWARE_TERMINAL_TILL_CALL_H
#define FIRMWARE_TERMINAL_TILL_CALL_H

#include <jansson.h>
#include <stdbool.h>

/* Of vafa-till. */
enum { EXIT_DONE = 0, EXIT_NOT_DONE = 1, EXIT_USAGE = 2, EXIT_HOLD_AGAIN = 3 };

/* Where the terminal is called. */
struct till_place {
    const char *path;
    bool is_line; /* a serial line to its register port; else its socket */
};

/* Connects and sends the request. -1: nobody answers there, which has been said. */
int till_call_send(const struct till_place *place, const json_t *request);

/* Reads answers, one a line, until `take` (which gets ctx, the line and the same parsed) returns
 * other than -1; that is the result. -1: the terminal went away before its answer, which has been
 * said. wait_s is how long the request may wait for a card. Closes fd. */
int till_call_answers(int fd, int wait_s,
                      int (*take)(void *ctx, const char *line, const json_t *answer), void *ctx);

#endif
