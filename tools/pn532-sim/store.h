/* store.h - the cards that exist: by name, and as dump files in a folder.
 *
 * A card NAME is NAME.mfd, all its blocks in order as nfc-mfclassic writes them, and NAME.uid, its
 * UID in hex, since a dump does not tell whether the UID has four or seven bytes. A file is
 * replaced as a whole (written aside, then renamed). Weak bits, plans and counters are not kept.
 * Functions that can fail return NULL, or a sentence for a person. One thread. */
#ifndef TOOLS_PN532_SIM_STORE_H
#define TOOLS_PN532_SIM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pn532-sim/classic.h"

enum {
    STORE_CARDS_MAX = 256,
    STORE_NAME_MAX = 32,
};

struct stored_card {
    char name[STORE_NAME_MAX + 1];
    struct classic card;
    uint32_t saved_writes; /* card.writes when it was last saved */
};

struct store {
    const char *folder; /* NULL: nothing is kept; the caller's string */
    size_t count;
    struct stored_card cards[STORE_CARDS_MAX];
};

/* Loads all cards of `folder` (made if it is missing; NULL for none). */
const char *store_open(struct store *store, const char *folder);

/* The card of that name, or NULL. */
struct stored_card *store_find(struct store *store, const char *name);

/* Makes a card as it leaves the factory, and saves it. */
const char *store_add(struct store *store, const char *name, enum classic_kind kind,
                      const uint8_t *uid, uint8_t uid_bytes);

/* Saves one card; or each card that was written to since. */
const char *store_save(struct store *store, struct stored_card *stored);
const char *store_save_written(struct store *store);

/* Writes a card's blocks into a file of the caller's; reads them from one, and with block 0 the
 * UID, whose length stays. Reading also ends weak bits. */
const char *store_dump(const struct classic *card, const char *path);
const char *store_load(struct classic *card, const char *path);

#endif
