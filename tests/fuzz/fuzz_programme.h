/* fuzz_programme.h - one step of the loader's fuzzing; see fuzz_programme.c. */
#ifndef TESTS_FUZZ_FUZZ_PROGRAMME_H
#define TESTS_FUZZ_FUZZ_PROGRAMME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when the bytes were a programme. Aborts when a promise was broken. */
bool fuzz_programme(const uint8_t *data, size_t size);

#endif
