/* successors.h - one card in the place of another: what the terminal's database says of it.
 *
 * A duplicate is two taps; the intent of the first, done and in the journal, is the voucher for the
 * second. A lost card has only the second. Either way there is one successor
 * (docs/decisions/0015-lost-cards.md). One thread; no state of its own. Statuses that are not named
 * are the store's, and then the fault says what to do. */
#ifndef FIRMWARE_TERMINAL_SUCCESSORS_H
#define FIRMWARE_TERMINAL_SUCCESSORS_H

#include <stdint.h>

#include "firmware/terminal/hotcheck.h"
#include "firmware/terminal/tap.h"
#include "storage/store.h"

/* Why the card is refused, engine/listing.h: by the hotlist, else lost, as long as a report that
 * was taken here may not be in that list yet. LISTING_NONE: it is not. */
ST_CHECK enum st successors_listing(struct store *store, struct hotcheck *hotcheck, uint64_t card,
                                    uint8_t *ret);

/* Whether a card that is there may take another's place as `wish` has it, when nothing is in doubt
 * about that card any more: *ret_why says why not, "" = it may. Other wishes: "". */
ST_CHECK enum st successors_look(struct store *store, const struct wish *wish,
                                 struct fault *ret_why);

/* Fills in what the second half of a duplicate takes from the first, which is the entry `sequence`
 * of this terminal: wish, identity but for the name, and legacy of *tap.
 * ST_OK       ask for a blank card.
 * ST_REFUSED  that entry moved no card; the fault says so. */
ST_CHECK enum st successors_prepare(struct store *store, uint32_t sequence, struct tap_request *tap,
                                    struct fault *ret_why);

/* The card that took the place of this one here, or may have; 0 = none. */
ST_CHECK enum st successors_find(struct store *store, uint64_t card, uint64_t *ret_number);

#endif
