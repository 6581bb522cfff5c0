/* till_arrived.h - what came from the club in a tap, as fields and lines of the till's answer.
 *
 * Beside till_wire.h, which calls it. Bytes: docs/till.md. */
#ifndef FIRMWARE_TERMINAL_TILL_ARRIVED_H
#define FIRMWARE_TERMINAL_TILL_ARRIVED_H

#include <jansson.h>

#include "firmware/terminal/tap.h"

enum { TILL_ARRIVED_MAX = 4096 }; /* bytes that both add to an answer, at most; tested */

/* Adds `arrived`, `arrived_more` and `waits` to an answer, as far as there are any. */
void till_put_arrived(json_t *object, const struct tap_answer *answer);
/* Adds a line for each that came to `lines`, an array. */
void till_add_arrived_lines(json_t *lines, const struct tap_answer *answer);

#endif
