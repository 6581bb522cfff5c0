/* twocards.h - what takes two cards at one counter: credit that goes from one to the other.
 *
 * Each half is a tap of its own (service.h). Between them the money is in transit: the intent of
 * the first half, done and in the journal, is the voucher for the second, which any other card of
 * the club may take here, once, or which is handed to the club (handover.h). */
#ifndef FIRMWARE_TERMINAL_TWOCARDS_H
#define FIRMWARE_TERMINAL_TWOCARDS_H

#include "firmware/engine/plan.h"
#include "storage/transfers.h"

/* Completes the wish of a TRANSFER. Out: nothing to do. In: peer.sequence names the first half;
 * amount, card number and terminal are filled in from it.
 * ST_OK       ask for the card.
 * ST_REFUSED  no card can take it here any more; the fault says why and what to do.
 * Else the store's status; the fault says so. */
ST_CHECK enum st twocards_prepare(struct store *store, struct wish *wish, struct fault *ret_why);

/* A card was read for that wish, and nothing that this terminal began with it is in doubt (any
 * more): may it take the transfer? *ret_why: why not; "" = it may, also for any other wish. The
 * store's statuses. */
ST_CHECK enum st twocards_look(struct store *store, const struct wish *wish, struct fault *ret_why);

/* transfers_find() of a transfer, with a sentence when there is none: what a card that was moved
 * out whole had is none that may be taken or handed over in part. */
ST_CHECK enum st twocards_find(struct store *store, uint32_t sequence, struct transfer *ret,
                               struct fault *ret_why);
/* Why a transfer cannot be taken or handed over now; "" = it can. */
ST_CHECK enum st twocards_say(struct store *store, const struct transfer *transfer,
                              struct fault *ret_why);

/* Rials that left a card by `out`, of all purses. */
struct money twocards_amount(const struct entry *out);

/* What waits here, in all: transfers, and cards that were moved out whole. */
struct waiting_sums {
    uint32_t count;
    struct money amount;
    int64_t oldest_s; /* by this terminal's clock; 0 = nothing waits */
};
/* Sums it up, and calls `each`, unless that is NULL, with every transfer that waits, the oldest
 * first, and with its first intent. The store's statuses. */
ST_CHECK enum st twocards_each(struct store *store, void *ctx,
                               void (*each)(void *ctx, const struct transfer *transfer,
                                            const struct entry *out),
                               struct waiting_sums *ret);

#endif
