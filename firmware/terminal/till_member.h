/* till_member.h - members in the till's lines: what was said of them, and what came of it.
 *
 * Pure codec over jansson, a part of till_wire.h. Fields and words: docs/till.md. */
#ifndef FIRMWARE_TERMINAL_TILL_MEMBER_H
#define FIRMWARE_TERMINAL_TILL_MEMBER_H

#include <jansson.h>
#include <stdbool.h>

#include "firmware/terminal/desk.h"

/* True for a field that says something of a person. */
bool till_is_person_field(const char *name);
/* Reads them all. ST_REFUSED: a bank card's number; ST_FOREIGN: not right; fault says so. */
ST_CHECK enum st till_take_person(const json_t *object, struct joining *ret, struct fault *fault);
/* Reads a card number, 16 digits as text, our own. ST_FOREIGN. */
ST_CHECK enum st till_take_card_number(const json_t *object, const char *name, uint64_t *ret,
                                       struct fault *fault);
/* Adds what is told of a member to a final answer. */
void till_put_member(json_t *object, const struct desk_member *member);

#endif
