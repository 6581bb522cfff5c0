/* lint.h - what a programme that loads may still have wrong: warnings, not errors.
 *
 * A rule that can never hold, by what its condition asks of one fact at a time (ranges, texts, true
 * and false, through and, or, not): what it says is so, but it does not find every such rule.
 * Lists with entries that nothing uses; calendars that are over. */
#ifndef TOOLS_PROGRAMME_LINT_H
#define TOOLS_PROGRAMME_LINT_H

#include <jansson.h>
#include <stdio.h>

#include "firmware/engine/programme.h"

/* Writes a line for each to `out` and returns how many. `today` is calendar.h's day. */
size_t lint(FILE *out, const struct programme *programme, const json_t *document, int32_t today);

#endif
