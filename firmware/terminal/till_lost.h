/* till_lost.h - cards that are lost, replaced or moved, as JSON: what the till's socket asks and is
 * answered. */
#ifndef FIRMWARE_TERMINAL_TILL_LOST_H
#define FIRMWARE_TERMINAL_TILL_LOST_H

#include <jansson.h>

#include "firmware/terminal/till_wire.h"

/* report_lost, found, replace, duplicate. */
bool till_is_lost_word(const char *word);

/* Reads such a request. Statuses as till_decode(). */
ST_CHECK enum st till_take_lost(const json_t *object, const char *word, struct till_request *ret,
                                struct fault *fault);

/* Adds what a report or a replacement came to, or would. */
void till_put_lost(json_t *object, const struct lost_answer *lost);

#endif
