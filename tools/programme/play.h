/* play.h - a card and what happens to it, read from JSON and planned by the engine.
 *
 * The JSON is that of examples files (docs/programme-tool.md); `try` makes the same from its
 * options. The card lives in memory only: history and facts go from step to step as on a real one.
 */
#ifndef TOOLS_PROGRAMME_PLAY_H
#define TOOLS_PROGRAMME_PLAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/plan.h"

enum { PLAY_STEPS_MAX = 60 };

struct play {
    const struct programme *programme;
    struct snapshot history[PLAN_HISTORY_MAX]; /* newest first */
    struct breakdown parts[PLAN_HISTORY_MAX];  /* of the same transactions */
    size_t count;
    struct occasion occasion; /* facts and identity stay; basket, code and place are each step's */
    uint32_t minute, sequence;
    uint32_t counters[PLAY_STEPS_MAX]; /* the card's counter after step k, for refunds */
    size_t step_count;

    /* of the last step */
    struct plan_input input; /* what plan was made from, until play_keep() */
    struct plan plan;
    enum st st; /* ST_OK or ST_REFUSED */
    int64_t expired;
};

/* Begins a card as the example has it: its fields "at", "card", "facts". ST_FOREIGN: fault names
 * the field and what would be right. */
ST_CHECK enum st play_begin(struct play *play, const struct programme *programme,
                            const json_t *example, struct fault *fault);

/* Plans one step, an object with "sale", "refund", "load", "unload" or "issue", and maybe "at";
 * points that expire then do so first, as on a terminal. ST_OK: play->st, plan and input say what
 * came of it. ST_FOREIGN  as above. */
ST_CHECK enum st play_step(struct play *play, const json_t *step, struct fault *fault);
/* Takes the planned step as done; nothing if it was refused. */
void play_keep(struct play *play);

#endif
