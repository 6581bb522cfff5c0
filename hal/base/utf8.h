/* utf8.h - text from elsewhere that will be shown to people. Pure. */
#ifndef HAL_BASE_UTF8_H
#define HAL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True when all `size` bytes, which may be none, are UTF-8 (RFC 3629) without control characters
 * and without those that turn the direction of what is shown (U+202A..202E, U+2066..2069). */
bool utf8_is_shown(const char *text, size_t size);
/* Makes it so: each byte of `text` that is not part of such a character becomes a '?'. */
void utf8_make_shown(char *text);

#endif
