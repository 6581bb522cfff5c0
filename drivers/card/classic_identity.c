/* What a card says of itself, as its layout keeps it: in layout 1 one sealed sector; in layout 2
 * the sector's last block twice, so that one of the two is whole whatever is cut. Which of them
 * counts the snapshot says, by its action. Why so: docs/decisions/0018-layout-2.md. */
#include <string.h>

#include "drivers/card/classic_priv.h"

/* The copy that counts is the newest that belongs to the snapshot. A newer one waits for a snapshot
 * that was never finished. */
static enum st choose_copy(const struct classic_card *card, const struct snapshot *at,
                           const uint8_t copy_0[CLASSIC_BLOCK], struct classic_said *ret)
{
    uint8_t other[CLASSIC_SECTOR];
    const uint8_t *const copies[CLASSIC_IDENTITY_COPIES] = {other, ret->bytes};
    uint16_t newest = 0;
    enum st st = ST_DENIED;

    memcpy(other, ret->bytes, sizeof other);
    memcpy(other + 2 * CLASSIC_BLOCK, copy_0, CLASSIC_BLOCK);
    for (unsigned copy = 0; copy < CLASSIC_IDENTITY_COPIES; copy += 1) {
        struct card_identity identity = {0};
        uint16_t action = 0;
        if (classic_copy_decode(&card->owner, copy, copies[copy], &identity, &action) == ST_OK &&
            action <= at->action && (st != ST_OK || action > newest)) {
            st = ST_OK;
            newest = action;
            ret->copy = copy;
            ret->identity = identity;
        }
    }
    return st;
}

static enum st read_copy_0(struct classic_card *card, uint8_t ret_block[CLASSIC_BLOCK])
{
    memset(ret_block, 0, CLASSIC_BLOCK);
    enum st st = classic_open(card, CLASSIC_FACTS, KEY_A);
    if (st == ST_OK) {
        st = classic_io_read(&card->io, classic_block(card, CLASSIC_FACTS, 2), ret_block);
    }
    if (st == ST_DENIED) {
        return ST_OK; /* not our key: no copy of ours is there */
    }
    return st == ST_FOREIGN ? ST_GONE : st;
}

enum st classic_read_identity(struct classic_card *card, const struct snapshot *at,
                              struct classic_said *ret)
{
    uint8_t copy_0[CLASSIC_BLOCK];

    memset(ret, 0, sizeof *ret);
    enum st st = classic_read_sector(card, CLASSIC_IDENTITY, ret->bytes);
    if (st != ST_OK) {
        return st;
    }
    if (at->layout == SNAPSHOT_LAYOUT_FIRST) {
        return classic_identity_decode(&card->owner, ret->bytes, &ret->identity);
    }
    st = read_copy_0(card, copy_0);
    return st == ST_OK ? choose_copy(card, at, copy_0, ret) : st;
}
