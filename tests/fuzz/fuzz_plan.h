/* fuzz_plan.h - one try of fuzz_plan.c; aborts where a promise of firmware/engine/plan.h is broken.
 */
#ifndef TESTS_FUZZ_FUZZ_PLAN_H
#define TESTS_FUZZ_FUZZ_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/programme.h"

enum { FUZZ_PLAN_PROGRAMMES = 16 };

/* The programmes that the bytes pick from; `path` names a document. False: it does not load. */
bool fuzz_plan_open(const char *path);
void fuzz_plan_close(void);

/* How many of the plans that the bytes asked for were made, the others being refused. */
size_t fuzz_plan(const uint8_t *data, size_t size);

#endif
