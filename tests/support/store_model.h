/* store_model.h - entries to fill a store with, and a naive second opinion on what it must then
 * hold.
 *
 * Tests only. The model keeps every entry in order and answers each question by walking over all of
 * them; it shares no code with storage/. */
#ifndef TESTS_SUPPORT_STORE_MODEL_H
#define TESTS_SUPPORT_STORE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/entry.h"
#include "storage/limits.h"
#include "storage/operators.h"
#include "storage/store.h"
#include "storage/transfers.h"

enum { MODEL_CARDS = 6, MODEL_OPERATORS = 3 };

struct model {
    struct entry *entries; /* [0] has sequence 1 */
    uint32_t count, capacity;
    uint32_t cards; /* how many different ones to draw from */
    uint64_t random;
    bool has_no_bons; /* draws none: they came with version 5 of the file */
};

void model_init(struct model *model, uint32_t cards, uint64_t seed);
void model_finish(struct model *model);

/* The i-th test card's number and UID (7 bytes). */
uint64_t model_card(uint32_t i);
void model_uid(uint32_t i, uint8_t ret_uid[ENTRY_UID_MAX]);

/* Single entries, with sequence = count + 1; not yet part of the model. */
struct entry model_start(const struct model *model);
struct entry model_intent(const struct model *model, uint32_t card, uint32_t counter);
struct entry model_outcome(const struct model *model, uint32_t intent, enum entry_verdict verdict);
struct entry model_sighting(const struct model *model, uint32_t card, uint32_t counter);
/* Something (enum operator_event) about operator 1..MODEL_OPERATORS. */
struct entry model_operator(const struct model *model, uint32_t number, uint8_t event);
/* A medium of the model, 0..cards-1, is linked to a card under master MODEL_KEY_VERSION. */
enum { MODEL_KEY_VERSION = 2 };
struct entry model_link(const struct model *model, uint32_t card, uint32_t medium);
/* Voucher 0..cards-1 of one series is taken, or given back. */
struct entry model_bon(const struct model *model, uint32_t bon, bool is_back);
/* Credit leaves a card (peer out, with or without the other card's number), or comes to it. */
struct entry model_transfer(const struct model *model, uint32_t card, uint32_t counter,
                            const struct peer *peer);
/* The transfer out of entry `out` is handed over. */
struct entry model_release(const struct model *model, uint32_t out);
/* A plausible next entry, by the model's random numbers. */
struct entry model_draw(struct model *model);
/* Makes it part of the model. */
void model_add(struct model *model, const struct entry *entry);

/* The oldest intent of the card among the first `count` entries that has no outcome there; NULL. */
const struct entry *model_pending(const struct model *model, uint32_t count, uint32_t card);
/* The newest snapshot of the card among the first `count` entries; NULL. */
const struct snapshot *model_seen(const struct model *model, uint32_t count, uint32_t card);
uint32_t model_pending_count(const struct model *model, uint32_t count);

/* True when the store holds exactly the first `count` entries and all that follows from them; else
 * prints what differs. */
bool model_agrees(const struct model *model, uint32_t count, struct store *store);

#endif
