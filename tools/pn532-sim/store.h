/* store.h - the cards that exist: by name, and as dump files in a folder.
 *
 * A Classic NAME is NAME.mfd, all its blocks in order as nfc-mfclassic writes them, and NAME.uid,
 * its UID in hex, since a dump does not tell whether the UID has four or seven bytes. An Ultralight
 * or NTAG is NAME.mfu, all its pages as nfc-mfultralight writes them; their number tells the kind.
 * A DESFire is NAME.desfire: a line with the version of the format, then struct desfire_memory as
 * it lies in memory, so that only a simulator with the same struct takes it. A file is replaced as
 * a whole (written aside, then renamed). Weak bits, plans and counters are not kept. Functions that
 * can fail return NULL, or a sentence for a person. One thread. */
#ifndef TOOLS_PN532_SIM_STORE_H
#define TOOLS_PN532_SIM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pn532-sim/card.h"

enum {
    STORE_CARDS_MAX = 256,
    STORE_NAME_MAX = 32,
};

struct stored_card {
    char name[STORE_NAME_MAX + 1];
    enum card_kind kind;
    union {
        struct classic classic;
        struct desfire desfire;
        struct ultralight ultralight;
    } model;
    uint32_t saved_writes; /* the card's writes when it was last saved */
};
struct card store_card(struct stored_card *stored);

/* What card to make: "1k", "4k", "desfire", "ultralight", "ntag213", "ntag215", "ntag216". False
 * when there is no such word. `uid_bytes` is 4 or 7; only a Classic may have 4 (see store_add). */
struct new_card {
    enum card_kind kind;
    enum classic_kind classic;
    enum ultralight_kind ultralight;
    uint8_t uid[CARD_UID_BYTES_MAX];
    uint8_t uid_bytes;
};
bool store_parse_kind(const char *word, struct new_card *ret_card);

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
const char *store_add(struct store *store, const char *name, const struct new_card *wanted);

/* Saves one card; or each card that was written to since. */
const char *store_save(struct store *store, struct stored_card *stored);
const char *store_save_written(struct store *store);

/* Writes a card's memory into a file of the caller's; reads it from one of the same kind, and with
 * it the UID, whose length stays. Reading also ends weak bits. */
const char *store_dump(struct card card, const char *path);
const char *store_load(struct card card, const char *path);

#endif
