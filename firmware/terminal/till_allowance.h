/* till_allowance.h - who is signed in and what is left of the allowance, as part of a status
 * answer.
 *
 * Private to firmware/terminal/till*.c. Fields: docs/till.md. */
#ifndef FIRMWARE_TERMINAL_TILL_ALLOWANCE_H
#define FIRMWARE_TERMINAL_TILL_ALLOWANCE_H

#include <jansson.h>

#include "firmware/terminal/service.h"

/* Adds the fields. False: no memory. */
bool till_put_allowance(json_t *object, const struct terminal_status *status);

/* What a thief could make of this terminal as it stands, as a sentence. */
void till_say_worth(const struct terminal_status *status, struct fault *ret_say);

#endif
