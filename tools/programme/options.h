/* options.h - the command line of `try`, as the JSON of one example. */
#ifndef TOOLS_PROGRAMME_OPTIONS_H
#define TOOLS_PROGRAMME_OPTIONS_H

#include <jansson.h>

#include "hal/base/status.h"

/* Takes `name` ("--amount") with its value into the example. ST_UNSUPPORTED: no such option of a
 * basket or card. ST_FOREIGN: the value is wrong, fault says how. */
ST_CHECK enum st option_take(json_t *example, const char *name, const char *value,
                             struct fault *fault);

#endif
