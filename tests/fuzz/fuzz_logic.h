/* fuzz_logic.h - one try of fuzz_logic.c; aborts where a promise of firmware/engine/logic.h is
 * broken. */
#ifndef TESTS_FUZZ_FUZZ_LOGIC_H
#define TESTS_FUZZ_FUZZ_LOGIC_H

#include <stddef.h>
#include <stdint.h>

/* 1: the condition loaded with facts, 2: without, 0: it was refused, -1: the bytes were none. */
int fuzz_logic(const uint8_t *data, size_t size);

#endif
