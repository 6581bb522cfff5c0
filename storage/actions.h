/* actions.h - what the club wants done to cards, held until they are tapped.
 *
 * A table of the terminal's database (store.h, whose rules and statuses hold here too). sync takes
 * in what the club says; the terminal only looks up the card on its reader, by key, with nothing
 * held in memory. Nothing is in it that the club does not have. Image and seal are bytes here: the
 * tap judges them (firmware/engine/action.h), so neither this file nor the line need be trusted. */
#ifndef STORAGE_ACTIONS_H
#define STORAGE_ACTIONS_H

#include "storage/store.h"

enum {
    CLUB_ACTIONS_MAX = 100, /* in one actions_take() */
    CLUB_ACTION_IMAGE_BYTES = 64,
    CLUB_ACTION_SEAL_BYTES = 64,
};

/* One thing that the club says about the actions of a card. */
struct club_action {
    uint64_t card_number; /* a valid one */
    uint16_t number;      /* of the action, 1..SNAPSHOT_ACTION_MAX, dense per card */
    bool is_past; /* the card is past this number: it and all lower ones are over. Image and seal
                     are not read. False: this is the action of that number now */
    uint8_t image[CLUB_ACTION_IMAGE_BYTES];
    uint8_t seal[CLUB_ACTION_SEAL_BYTES];
};

/* Takes in what the club says, in its order, `count` of at most CLUB_ACTIONS_MAX, all or none. The
 * same again changes nothing. Only sync calls it. */
ST_CHECK enum st actions_take(struct store *store, const struct club_action *actions, size_t count);

/* Drops all that is held, as the club begins anew to say what there is. Only sync calls it. */
ST_CHECK enum st actions_drop(struct store *store);

/* Copies the actions of the card with a number above `after`, lowest first, up to `max`; numbers
 * that are not held are left out. `is_past` is false in all. *ret_count may be 0. */
ST_CHECK enum st actions_waiting(struct store *store, uint64_t card_number, uint16_t after,
                                 struct club_action *ret, size_t max, size_t *ret_count);

/* How many are held, of all cards. Walks the table when anything was written since it did last: not
 * while a card waits. */
ST_CHECK enum st actions_count(struct store *store, uint32_t *ret);

#endif
