/* twocards.h - what takes two cards at one counter: credit that goes from one to the other.
 *
 * Each half is a tap of its own (service.h). Between them the money is in transit: the intent of
 * the first half, done and in the journal, is the voucher for the second, which any other card of
 * the club may take here, once. */
#ifndef FIRMWARE_TERMINAL_TWOCARDS_H
#define FIRMWARE_TERMINAL_TWOCARDS_H

#include "firmware/engine/plan.h"
#include "storage/store.h"

/* How far back, in entries, the first half of a transfer is looked for. */
enum { TWOCARDS_LOOK_BACK = 20000 };

/* Completes the wish of a TRANSFER. Out: nothing to do. In: peer.sequence names the first half;
 * amount, card number and terminal are filled in from it.
 * ST_OK       ask for the card.
 * ST_REFUSED  no such transfer waits here; the fault says why and what to do.
 * Else the store's status; the fault says so. */
ST_CHECK enum st twocards_prepare(struct store *store, struct wish *wish, struct fault *ret_why);

#endif
