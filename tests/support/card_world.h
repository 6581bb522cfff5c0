/* card_world.h - one card, a reader in memory and fixed keys, for the tests of drivers/card. */
#ifndef TESTS_SUPPORT_CARD_WORLD_H
#define TESTS_SUPPORT_CARD_WORLD_H

#include "drivers/card/classic_card.h"
#include "tests/support/soft_reader.h"

struct card_world {
    struct keystore *keystore;
    struct classic card;
    struct soft_reader soft;
    struct classic_card driver;
    struct card_port port;
};

/* A key store with versions 0 (for new cards) and 3; masters as in tests/vectors/card.json. */
struct keystore *card_world_keys(void);

/* A factory card with a UID of 4 or 7 bytes, and a driver that has seen nothing yet. */
void card_world_init(struct card_world *world, enum classic_kind kind, size_t uid_bytes);
void card_world_finish(struct card_world *world);

/* A new tap with a fresh driver: nothing is remembered but what the card holds. */
ST_CHECK enum st card_world_read(struct card_world *world, struct card_view *ret);

/* The snapshot of counter n: the same for the same n, every field different for another n. */
struct snapshot card_world_snapshot(uint32_t counter);
extern const struct card_identity card_world_identity;

/* A member card at `counter`, its pointer fresh; asserts that all went well. */
void card_world_issue(struct card_world *world, uint32_t counter);

/* Reads; commits the next; refreshes. */
void card_world_sell(struct card_world *world);

bool card_world_same(const struct snapshot *a, const struct snapshot *b);

#endif
