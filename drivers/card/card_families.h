/* card_families.h - one port for all families of member cards: selects, looks, hands over.
 *
 * What serves a card is decided by its select acknowledge (NXP AN10833, table 5) and by nothing
 * else; whoever holds the port need not know. The caller owns the struct; one thread. A new family
 * is a member here and a line in card_families.c. */
#ifndef DRIVERS_CARD_CARD_FAMILIES_H
#define DRIVERS_CARD_CARD_FAMILIES_H

#include "drivers/card/classic_card.h"
#include "drivers/card/desfire_card.h"

struct card_families {
    struct classic_card classic;
    struct desfire_card desfire;
    struct card_port classic_port, desfire_port;
    const struct card_port *active; /* the family of the card that was read last */
};

/* Prepares *ret and gives the port to it; `keystore` and `reader` outlive it. Nothing is sent. */
struct card_port card_families_open(struct card_families *ret, struct reader reader,
                                    struct keystore *keystore);

#endif
