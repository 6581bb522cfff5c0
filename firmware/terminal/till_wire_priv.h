/* till_wire_priv.h - what the files of till_wire.h share.
 *
 * Private to firmware/terminal/till_*.c. False or not ST_OK: *fault says what would be right. */
#ifndef FIRMWARE_TERMINAL_TILL_WIRE_PRIV_H
#define FIRMWARE_TERMINAL_TILL_WIRE_PRIV_H

#include <jansson.h>

#include "firmware/terminal/till_wire.h"

/* A whole number in its range. One that is absent leaves *ret as it is, or is an error. */
bool till_take_number(const json_t *object, const char *name, int64_t min, int64_t max,
                      bool is_required, int64_t *ret, struct fault *fault);
/* A text without a NUL within, of min to max bytes; NULL: it is not. */
const char *till_text_of(const json_t *value, size_t min, size_t max);
/* What a sale says of its "lines" and "code"; the lines add up to `amount`. */
bool till_take_basket(const json_t *object, int64_t amount, struct basket *ret,
                      struct fault *fault);
/* "lang": fa when absent. */
bool till_take_language(const json_t *object, enum explain_language *ret, struct fault *fault);
/* A medium that was typed, a text. ST_REFUSED: it is a bank card or none. */
ST_CHECK enum st till_take_typed(const json_t *medium, struct till_request *ret,
                                 struct fault *fault);

#endif
