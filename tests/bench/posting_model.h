/* posting_model.h - terminals and cards in memory that make true journals, for the club's tests and
 * bench: every plan is the engine's, every entry the codec's.
 *
 * The caller owns every struct. A failure in here is a broken test and asserts. */
#ifndef TESTS_BENCH_POSTING_MODEL_H
#define TESTS_BENCH_POSTING_MODEL_H

#include "firmware/engine/entry.h"
#include "firmware/engine/plan.h"
#include "firmware/engine/programme.h"
#include "sync/wire.h"

enum { MODEL_HISTORY = 12 };

struct model_card {
    uint64_t number;
    struct snapshot history[MODEL_HISTORY]; /* newest first */
    size_t count;
};

/* A journal of `room` entries at most; hash[n] is the chain value after entry n. */
struct model_terminal {
    uint32_t number, count, room;
    struct wire_entry *entries;
    uint8_t (*hash)[ENTRY_HASH_BYTES];
};

/* A programme with points, redemption and credit: ten points for each million rials. */
extern const char model_programme[];

/* The `n`th card number of the model, with its Luhn digit. */
uint64_t model_number(uint64_t n);

void model_terminal_init(struct model_terminal *terminal, uint32_t number, uint32_t room);
void model_terminal_finish(struct model_terminal *terminal);
/* Numbers are the terminal's count + 1: the entry must carry that. */
void model_append(struct model_terminal *terminal, struct entry *entry);

/* Plans the wish on `history` and makes the intent; the card is not changed. */
void model_plan(const struct programme *programme, const struct model_terminal *terminal,
                uint64_t card, const struct snapshot *history, size_t history_count,
                const struct wish *wish, int64_t time_s, struct entry *ret);

/* A whole tap: intent, card written, outcome done. Returns the intent's sequence. */
uint32_t model_tap(struct model_terminal *terminal, struct model_card *card,
                   const struct programme *programme, struct wish wish);
/* Its parts. */
uint32_t model_intent(struct model_terminal *terminal, struct model_card *card,
                      const struct programme *programme, struct wish wish, struct entry *ret);
void model_write(struct model_card *card, const struct entry *intent);
void model_outcome(struct model_terminal *terminal, const struct entry *intent,
                   enum entry_verdict verdict);
void model_sighting(struct model_terminal *terminal, const struct model_card *card);

/* The batch of `count` entries after `after`. */
void model_batch(const struct model_terminal *terminal, uint32_t after, uint32_t count,
                 struct wire_sync *ret);

#endif
