/* desfire_card.h - the member card on MIFARE DESFire EV1 and later, with AES: an application with a
 * purse, a ring of snapshots and an identity.
 *
 * Implements hal/card.h over hal/reader.h. The caller owns the struct; it holds no foreign handle
 * and needs no close. One thread. The card itself keeps old and new apart (CommitTransaction) and
 * lets nobody raise credit without the load key. Layout, keys and what a tear leaves:
 * docs/card-layout.md, "DESFire"; why so: docs/decisions/0004-desfire.md. */
#ifndef DRIVERS_CARD_DESFIRE_CARD_H
#define DRIVERS_CARD_DESFIRE_CARD_H

#include <stdbool.h>

#include "drivers/card/desfire_io.h"
#include "hal/card.h"
#include "hal/keystore.h"
#include "hal/reader.h"

struct desfire_card {
    struct desfire_io io;
    /* The rest is what the last read found; fields are the driver's. */
    enum card_condition condition;
    bool has_application;       /* half issued: ours is there already */
    uint8_t version[KEY_ROLES]; /* of each key; KEYSTORE_VERSIONS: not known; or the factory's */
    uint64_t number;
    struct snapshot newest;
    unsigned session; /* io.selects when the newest snapshot was read */
    bool is_staged;   /* by prepare: all of the commit of `staged` but CommitTransaction */
    struct snapshot staged;
    bool is_amended; /* the next commit writes these, too */
    struct action_particulars particulars;
    struct desfire_checkpoint {
        bool is_read;         /* since the card was selected: */
        uint32_t written;     /* the counter of the card's checkpoint; 0 = none */
        struct facts told[2]; /* by facts() or the port's user; counter 0 = none */
    } checkpoint;
    /* A card that refused what its record promised: its purse is compared at the next read. */
    uint8_t suspect[CARD_UID_MAX];
    size_t suspect_bytes;
    struct fault why;
};

/* Prepares *ret and gives the port to it; `keystore` and `reader` outlive it. Nothing is sent. */
struct card_port desfire_card_open(struct desfire_card *ret, struct reader reader,
                                   struct keystore *keystore);

/* Reads the card that the reader has just selected: the port's read without its select. */
ST_CHECK enum st desfire_card_take(struct desfire_card *card, const struct reader_target *target,
                                   struct card_view *ret);

/* True for the targets that this family is for: ISO 14443-4 and nothing besides (AN10833, table 5).
 */
bool desfire_card_is_for(const struct reader_target *target);

#endif
