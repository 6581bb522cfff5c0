/* arrivals.h - which of the club's actions wait here for the card on the reader, and may be
 * believed.
 *
 * Looks them up by the card's number, and checks of each that its image is of this card, that this
 * firmware knows it, and the club's seal over it with the key that came at enrolment: so neither
 * the line nor the database need be trusted. Whether and how they are applied is the tap's to say
 * (plan_actions()). One thread; holds nothing. */
#ifndef FIRMWARE_TERMINAL_ARRIVALS_H
#define FIRMWARE_TERMINAL_ARRIVALS_H

#include "firmware/terminal/tap.h"
#include "storage/store.h"

/* Fills ret->actions, action_count and waits for the card of `view`, which is a member card: those
 * after its newest number, as far as they are good; waits says what is wrong with the one behind
 * them, if something is. ST_OK, or the store's status. */
ST_CHECK enum st arrivals_find(struct store *store, const struct card_view *view,
                               struct tap_look *ret);

#endif
