/* media_line.h - the lines in which vafa-ident tells the terminal what was presented.
 *
 * Pure codec, shared by both ends; docs/media.md. A line is "id KIND TEXT" (an identifier, its text
 * canonical) or "no SENTENCE" (something was presented that is none: a bank card, a torn swipe).
 * The reading end believes neither: it judges each text again. */
#ifndef FIRMWARE_ENGINE_MEDIA_LINE_H
#define FIRMWARE_ENGINE_MEDIA_LINE_H

#include "firmware/engine/media.h"

enum { MEDIA_LINE_MAX = 320 }; /* bytes with the line end; the longest sentence fits */

/* Each writes one line with its end and a NUL, and returns its bytes without the NUL. */
size_t media_line_of(const struct identifier *id, char ret_line[MEDIA_LINE_MAX + 1]);
size_t media_line_of_refusal(const struct fault *fault, char ret_line[MEDIA_LINE_MAX + 1]);

/* Reads a line of `size` bytes, without its end.
 * ST_OK       *ret is the identifier.
 * ST_REFUSED  a refusal, or a bank card that should not have come this far: show fault->say.
 * ST_FOREIGN  not such a line: fault->say does not quote it. *ret is untouched unless ST_OK. */
ST_CHECK enum st media_line_read(const char *line, size_t size, const struct media_range *own,
                                 struct identifier *ret, struct fault *fault);

#endif
