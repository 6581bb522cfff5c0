/* explain.h - what a planned transaction did, rule by rule, as lines for receipts and screens.
 *
 * Pure: no I/O, clock or allocation; explain() hands each line to the caller, in the order of the
 * arithmetic, and keeps nothing. The same lines stand on the till's receipt and in `vafa-programme
 * try`. A line has two columns: `text` from the reading side's start, `result` at its end; in
 * Persian both read from right to left. Words, separators and digits: explain_text.h. */
#ifndef FIRMWARE_ENGINE_EXPLAIN_H
#define FIRMWARE_ENGINE_EXPLAIN_H

#include <stdint.h>

#include "firmware/engine/explain_text.h"
#include "firmware/engine/plan.h"
#include "firmware/engine/programme.h"

enum explain_kind {
    EXPLAIN_RULE,    /* a rule that counted: what it is reckoned on and at what rate; its value */
    EXPLAIN_ASIDE,   /* a rule that acted and did not count (another was taken, or it came to
                        nothing), a condition that failed: for who asks why; a receipt may leave it
                        out */
    EXPLAIN_SAY,     /* the rule's own sentence, once, after its first line */
    EXPLAIN_TOTAL,   /* an amount or balance of the transaction */
    EXPLAIN_MISSING, /* what is missing to the next stamp gift or tier */
};

struct explain_line {
    enum explain_kind kind;
    uint16_t rule;                   /* place in programme.rules; PLAN_STEP_TOTAL = of none */
    const char *name;                /* the rule's id, in the programme; "" = of none */
    char text[EXPLAIN_TEXT_MAX];     /* "10 points for each full 100,000 toman of 250,000 toman" */
    char result[EXPLAIN_AMOUNT_MAX]; /* "20 points"; "" = none */
};

/* Takes one line, which is the explanation's own: copy what must stay. */
typedef void explain_put(void *context, const struct explain_line *line);

/* Explains `plan`, which plan_make() has made with ST_OK from `input`. A sale: its rules, totals
 * and what is missing; other kinds: totals. At most 3 lines a step and 16 more. To say what is
 * missing it judges the rules' conditions up to 16 times, if the programme has stamps. */
void explain(const struct plan_input *input, const struct plan *plan,
             enum explain_language language, explain_put *put, void *context);

#endif
