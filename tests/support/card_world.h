/* card_world.h - one card of either family, a reader in memory and fixed keys, for the tests of
 * drivers/card. */
#ifndef TESTS_SUPPORT_CARD_WORLD_H
#define TESTS_SUPPORT_CARD_WORLD_H

#include "drivers/card/card_families.h"
#include "tests/support/soft_reader.h"

struct card_world {
    struct keystore *keystore;
    struct classic card;
    struct soft_reader soft;
    struct classic_card driver;
    struct card_port port;
    /* The other family, as it is served beside the first; then `card` is not used. */
    bool is_desfire;
    struct desfire desfire;
    struct card_families families;
    uint32_t turned_at; /* the counter from which the card has layout 2; 0: it stays at layout 1 */
};

/* A key store with versions 0 (for new cards) and 3; masters as in tests/vectors/card.json. */
struct keystore *card_world_keys(void);

/* A factory card with a UID of 4 or 7 bytes, and a driver that has seen nothing yet. */
void card_world_init(struct card_world *world, enum classic_kind kind, size_t uid_bytes);

/* A factory DESFire card with a terminal that has all keys of version 1, and older ones of 0. */
void card_world_init_desfire(struct card_world *world);

/* A key store with DESFire masters, the same for the same role and version: bit r of `roles` for
 * enum key_role r, bit v of `versions` for version v. The highest is for new cards. */
struct keystore *card_world_desfire_keys(unsigned roles, unsigned versions);
/* Masters of version 1 for cards of both families. */
struct keystore *card_world_all_keys(void);
enum { CARD_WORLD_SPEND = 2, CARD_WORLD_LOAD = 6, CARD_WORLD_ISSUE = 7 };

/* Puts another terminal's keys in the place of the world's. */
void card_world_use_keys(struct card_world *world, struct keystore *keystore);

void card_world_finish(struct card_world *world);

/* A fresh driver: nothing is remembered but what the card holds. */
void card_world_new_driver(struct card_world *world);
/* A new tap with a fresh driver: nothing is remembered but what the card holds. */
ST_CHECK enum st card_world_read(struct card_world *world, struct card_view *ret);

/* The snapshot of counter n: the same for the same n, every field different for another n. */
struct snapshot card_world_snapshot(uint32_t counter);
/* The same for a world: on a DESFire card four of five pay with credit and the fifth loads. */
struct snapshot card_world_snapshot_of(const struct card_world *world, uint32_t counter);
extern const struct card_identity card_world_identity;

/* A member card at `counter`, its pointer fresh; asserts that all went well. */
void card_world_issue(struct card_world *world, uint32_t counter);

/* Reads; commits the next; refreshes. */
void card_world_sell(struct card_world *world);

bool card_world_same(const struct snapshot *a, const struct snapshot *b);
bool card_world_same_identity(const struct card_identity *a, const struct card_identity *b);

#endif
