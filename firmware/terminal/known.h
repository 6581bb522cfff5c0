/* known.h - what this terminal knows of a card without asking it: facts, identity, its own place.
 *
 * Facts come from the store, when its own last transaction with the card left them. Identities are
 * kept in memory only, of the cards that were here last, so that no birthday lies on the disk; they
 * change by the club's actions only, so an identity is known while the card's action number stands.
 * The caller owns the struct; one thread. */
#ifndef FIRMWARE_TERMINAL_KNOWN_H
#define FIRMWARE_TERMINAL_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/occasion.h"
#include "firmware/engine/programme.h"
#include "firmware/terminal/tap.h"
#include "hal/card.h"
#include "storage/store.h"

enum { KNOWN_MAX = 64 };

struct known {
    struct known_card {
        uint64_t number; /* 0: free */
        uint16_t action; /* the card's last action when it said so */
        uint8_t kind;
        uint16_t birthday, wedding, expires;
    } cards[KNOWN_MAX]; /* a ring */
    size_t next;
};

/* What of the programme the fold of facts depends on. */
struct facts_rules known_rules(const struct programme *programme);

/* Fills facts and identity of *occasion for the card of `view`, a member card, as far as they are
 * known and `programme` (NULL: none) looks at them. ST_OK, or the store's status. */
ST_CHECK enum st known_fill(const struct known *known, struct store *store,
                            const struct programme *programme, const struct card_view *view,
                            struct occasion *occasion);

/* Asks the card that was just read, whose last action has number `action`, for what `act`, a
 * TAP_ACT_KNOW, names. An identity that is not
 * sound is not known, and neither are facts that are lost.
 * ST_OK  *ret is filled. ST_GONE, ST_IO  as hal/card.h. */
ST_CHECK enum st known_ask(struct known *known, const struct card_port *card,
                           const struct programme *programme, const struct tap_act *act,
                           uint16_t action, struct tap_known *ret);

#endif
