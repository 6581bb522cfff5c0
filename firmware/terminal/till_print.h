/* till_print.h - the terminal's answers as vafa-till prints them for people (docs/till.md). */
#ifndef FIRMWARE_TERMINAL_TILL_PRINT_H
#define FIRMWARE_TERMINAL_TILL_PRINT_H

#include <jansson.h>
#include <stdbool.h>

/* To standard output. is_final: no other answer to the request follows. */
void till_print(const json_t *answer, bool is_final);

#endif
