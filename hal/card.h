/* card.h - what the tap sees of a member card, whatever its family.
 *
 * A const table with a context: families stand side by side in one build, and tests put a card that
 * tears behind it. One caller, one thread. A card is read, perhaps committed, then released;
 * between read and release the family keeps the session. Families: drivers/card. */
#ifndef HAL_CARD_H
#define HAL_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/action.h"
#include "firmware/engine/facts.h"
#include "firmware/engine/snapshot.h"
#include "hal/base/status.h"

enum { CARD_UID_MAX = 10, CARD_HISTORY_MAX = 64, CARD_NAME_BYTES_MAX = 40 };

enum card_family { CARD_CLASSIC = 1, CARD_DESFIRE = 2 };

/* What was found; told apart so that the cashier gets a reason and the club a case. */
enum card_condition {
    CARD_MEMBER,      /* ours and sound */
    CARD_BLANK,       /* no foreign data in the way: may be issued */
    CARD_HALF_ISSUED, /* an issue was cut; it carries no value; issue resumes it */
    CARD_FOREIGN,     /* another application's card, or keys that are not ours */
    CARD_DAMAGED,     /* ours, but no snapshot is whole: replace it */
    CARD_TAMPERED,    /* ours by keys, but what is on it contradicts itself (docs/card-layout.md) */
    CARD_UNKNOWN_CHIP, /* a chip or layout version that this firmware does not serve */
    CARD_MEDIUM,       /* Ultralight or NTAG: its UID says who the member is (docs/media.md) */
};

/* Written at issue; kind and days also by a later commit (amend). Days since 1900-01-01; 0 = not
 * given. */
struct card_identity {
    uint64_t number; /* 16 digits, Luhn */
    uint8_t kind;
    uint64_t member; /* member number, 0..2^40-1 */
    uint16_t birthday, wedding, issued, expires;
    char name[CARD_NAME_BYTES_MAX + 1]; /* UTF-8, NUL-padded */
};

struct card_view {
    enum card_family family;
    enum card_condition condition;
    uint8_t uid[CARD_UID_MAX];
    size_t uid_bytes;
    uint64_t number;          /* of a member card; else 0 */
    struct snapshot snapshot; /* newest; of a member card */
    bool may_load;            /* of a member card: this terminal's keys let its credit rise, and
                                 its identity change */
    bool may_issue;           /* of a blank or half-issued card: its keys let it be issued */
    struct fault why;         /* condition as a sentence for the cashier */
};

struct card_ops {
    /* Selects a card (any, or the one with `uid`) and reads number and newest snapshot.
     * It writes nothing.
     * ST_OK     *ret is filled; look at condition.
     * ST_AGAIN  no card in the field.
     * ST_GONE   it left while being read: nothing has happened; wait for it.
     * ST_IO     the reader is away. */
    ST_CHECK enum st (*read)(void *ctx, const uint8_t *uid, size_t uid_bytes,
                             struct card_view *ret);

    /* Reads older snapshots of the card just read, newest first, ret[0] = the newest; stops where
     * the ring ends or a slot is not whole. ST_GONE, ST_IO as above: *ret_count of them, the
     * newest, had been read by then. */
    ST_CHECK enum st (*history)(void *ctx, struct snapshot *ret, size_t max, size_t *ret_count);

    /* Reads the rest of the identity. Statuses as history. */
    ST_CHECK enum st (*identity)(void *ctx, struct card_identity *ret);

    /* What the card remembers (facts.h) at its newest snapshot: its checkpoint, brought up to date
     * from its ring. Classic: 3 to 6 commands, DESFire: 1; more when the checkpoint lags.
     * ST_OK           *ret is the fold over the card's whole life.
     * ST_AGAIN        not known: no checkpoint is whole, or the ring does not reach back to it.
     *                 The next transaction begins a new one: facts_restart().
     * ST_GONE, ST_IO  as history. */
    ST_CHECK enum st (*facts)(void *ctx, const struct facts_rules *rules, struct facts *ret);

    /* Tells what the card is to remember after snapshot facts->counter, which is its newest one or
     * the one that is committed next. Sends nothing: refresh writes the checkpoint when that
     * snapshot is proven. May be left out: the checkpoint then lags, which the ring makes good for
     * 8 transactions on Classic and 31 on DESFire; after that the facts are not known. When facts()
     * was asked in this tap, commit does not let the lag grow beyond 2 (DESFire: 16). What
     * facts_restart() gives only after facts() said ST_AGAIN in this tap: else it would replace a
     * checkpoint that nobody looked at. */
    void (*remember)(void *ctx, const struct facts *facts);

    /* Does of the commit of `next` what may be done before its intent is durable: everything but
     * the last write. Nothing has happened then, and if no commit follows nothing ever will: what
     * is staged is dropped by the chip (DESFire) or has no seal (Classic) and is overwritten by the
     * next commit. Tells nothing: a commit of the same snapshot goes on from here where that is
     * safe, else does it all again. Never needed. */
    void (*prepare)(void *ctx, const struct snapshot *next);

    /* Writes the next snapshot (counter = newest + 1) and proves it: Classic by reading back,
     * DESFire by the MAC of the commit's answer. Also resumes a commit of the same snapshot that
     * was cut. If its layout is not the card's, what that one needs is written first
     * (docs/card-layout.md, "Two layouts").
     * ST_OK     the card carries `next`.
     * ST_AGAIN  surely not: the last write was never sent; or the chip or this terminal's keys
     *           refuse it (see may_load), or it is more than the card holds.
     * ST_GONE, ST_IO  unknown: in doubt until the card is read again. */
    ST_CHECK enum st (*commit)(void *ctx, const struct snapshot *next);

    /* Tells what the card is to say of itself once it carries the snapshot that is committed next:
     * these in its identity, the rest of it as it is. Sends nothing. The next commit writes both,
     * and is ST_OK only when both are there (docs/decisions/0016): DESFire in its one transaction;
     * Classic the identity first, so that a cut can leave it changed, or unreadable until such a
     * commit is made again, but never as it was under the new snapshot. Forgotten by the next read
     * and commit. Needs may_load. */
    void (*amend)(void *ctx, const struct action_particulars *particulars);

    /* After commit, when the shopper has been told: refreshes what only speeds up the next tap
     * (Classic: the pointer) or renews keys (DESFire), and writes the checkpoint of the facts. May
     * fail at any point without harm. */
    void (*refresh)(void *ctx);

    /* After refresh, for a programme that does not look at the facts: brings the checkpoint up to
     * date all the same, so that a later programme finds them known; begins a new one where they
     * are lost. Only at every 2nd transaction (DESFire: 8th): the ring makes good what lies
     * between, also when three such taps in a row (DESFire: two) were cut short. May fail at any
     * point without harm. */
    void (*keep_facts)(void *ctx, const struct facts_rules *rules);

    /* Turns a blank or half-issued card into a member card whose first snapshot is `first` (counter
     * 1, layout 1). The last write commits. ST_OK, ST_AGAIN, ST_GONE, ST_IO as commit; ST_FOREIGN
     * not blank.
     */
    ST_CHECK enum st (*issue)(void *ctx, const struct card_identity *identity,
                              const struct snapshot *first);

    /* Halts the card, so that it is not seen again until it was taken away. Best effort. */
    void (*release)(void *ctx);
};

struct card_port {
    const struct card_ops *ops;
    void *ctx;
};

#endif
