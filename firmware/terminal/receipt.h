/* receipt.h - the lines of a planned transaction, kept from the plan until the till is answered.
 *
 * Pure; one fixed block, no allocation. The lines are those of firmware/engine/explain.h, all of
 * them and in its order, as long as they fit into an answer. When they do not, what explains goes
 * before what counts: first the lines about rules that came to nothing (EXPLAIN_ASIDE), then the
 * last rules with their sentences; a line in their place says how many are left out. Amounts,
 * balances and what is missing are never left out. */
#ifndef FIRMWARE_TERMINAL_RECEIPT_H
#define FIRMWARE_TERMINAL_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "firmware/engine/explain.h"

enum {
    RECEIPT_MAX = 20480, /* bytes of all lines, as receipt_line_bytes() counts: with
                            4,096 for the rest it is an answer of the till (till_wire.h) */
};

/* All zeros: of no transaction. */
struct receipt {
    struct snapshot of; /* the state that the plan leads to: counter, terminal and sequence tell it
                           from any other; counter 0: none */
    enum explain_language language;
    size_t count, used;
    char room[RECEIPT_MAX];
};

/* Replaces what the receipt held by the lines of `plan`, which plan_make() made with ST_OK from
 * `input`. */
void receipt_make(struct receipt *receipt, const struct plan_input *input, const struct plan *plan,
                  enum explain_language language);

/* One line; its texts are the receipt's. */
struct receipt_line {
    enum explain_kind kind;
    const char *name, *text, *result; /* as in struct explain_line */
};

/* Calls `put` with each line, in order. */
void receipt_each(const struct receipt *receipt,
                  void (*put)(void *context, const struct receipt_line *line), void *context);

/* At most as many bytes does the line take as a JSON object of four short-named texts, with its
 * comma. */
size_t receipt_line_bytes(const struct receipt_line *line);

#endif
