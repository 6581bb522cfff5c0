/* examples.h - examples files: what should come out, played and compared. */
#ifndef TOOLS_PROGRAMME_EXAMPLES_H
#define TOOLS_PROGRAMME_EXAMPLES_H

#include <jansson.h>
#include <stdio.h>

#include "firmware/engine/explain_text.h"
#include "firmware/engine/programme.h"
#include "hal/base/status.h"

/* Plays every example of the file and writes TAP. *ret_failed: how many are not as expected.
 * ST_FOREIGN  the file or one of its examples is wrong; what was right before it is played. */
ST_CHECK enum st examples_test(FILE *out, const struct programme *programme, const char *path,
                               size_t *ret_failed, struct fault *fault);

/* The example of that name, or the first one for NULL; the caller's reference. ST_FOREIGN. */
ST_CHECK enum st examples_find(const char *path, const char *name, json_t **ret,
                               struct fault *fault);

/* Plays one example and writes its arithmetic, step by step, in one language. *ret_refused: whether
 * a step was. */
ST_CHECK enum st examples_try(FILE *out, const struct programme *programme, const json_t *example,
                              enum explain_language language, bool *ret_refused,
                              struct fault *fault);

#endif
