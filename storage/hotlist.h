/* hotlist.h - the cards to refuse, ten million and more, in a file of their own.
 *
 * A SQLite file beside the terminal's database, named like it with HOTLIST_SUFFIX: a change of the
 * list has its own write lock and never waits for, or delays, a tap's journal. sync writes it, the
 * terminal only looks cards up, while it is being written. Nothing is in it that the club does not
 * have, so a list that is lost or damaged is made anew and asked for again. Opaque; one thread per
 * handle, one writing process. Why so, with figures: docs/decisions/0005-hotlist.md.
 *
 * Versions: the club counts its changes; each version has a mark, a number drawn by chance, so that
 * a club that was restored and counted on from an older version is noticed. 0 = no list yet.
 *
 * Statuses that every call may return: ST_FULL the disk is full; ST_IO disk or file system failed;
 * ST_AGAIN another process held the lock too long; ST_CORRUPT the file contradicts itself: close
 * it, hotlist_discard(), open a new one. After any of them nothing has changed. */
#ifndef STORAGE_HOTLIST_H
#define STORAGE_HOTLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/listing.h"
#include "hal/base/status.h"

#define HOTLIST_SUFFIX ".hotlist"

enum {
    HOTLIST_CARDS_MAX = 1 << 24,
    HOTLIST_CHANGES_MAX = 10000, /* in one delta, or cards in one piece of a snapshot */
};
#define HOTLIST_MARK_MAX LISTING_MARK_MAX

struct hotlist;

struct hotlist_config {
    const char *database; /* the terminal's database, whose name the list's file begins with */
    const char *vfs;      /* SQLite VFS name, NULL = the default */
    bool create;          /* make it when missing; else a missing file is ST_REFUSED */
};

/* ST_OK       the caller owns *ret.
 * ST_REFUSED  there is none yet (without `create`).
 * ST_FOREIGN  not a hotlist, or of a newer firmware: left as it is; a person must look. */
ST_CHECK enum st hotlist_open(const struct hotlist_config *config, struct hotlist **ret,
                              struct fault *fault);
void hotlist_close(struct hotlist *hotlist); /* accepts NULL */
/* Removes the file, so that a new one can be made. Only for the one that writes, and after
 * ST_CORRUPT. ST_OK also when there was none. */
ST_CHECK enum st hotlist_discard(const char *database, struct fault *fault);
/* False when another file has taken this one's name since it was opened: close and open again. */
bool hotlist_is_current(const struct hotlist *hotlist);
/* The sentence of this handle's last failure. Never NULL. */
const struct fault *hotlist_fault(const struct hotlist *hotlist);

struct hotlist_head {
    uint32_t version; /* 0 = no list yet */
    int64_t mark;     /* of that version, 0..HOTLIST_MARK_MAX */
    int64_t made_s;   /* when the club last said that this is its newest list, by this terminal's
                         clock (the club's, as long as that was not set), seconds since 1970;
                         0 = never */
    uint32_t cards;
    /* A snapshot that is being taken in, piece by piece, beside the list in force. */
    bool has_next;
    uint32_t next_version;
    int64_t next_mark;
    uint64_t next_after; /* the highest card number taken in so far; 0 = none */
};
ST_CHECK enum st hotlist_head(struct hotlist *hotlist, struct hotlist_head *ret);

/* Looks a card up: some microseconds, no list in memory. ST_OK: *ret_listing (1..LISTING_MAX) says
 * why. ST_REFUSED: it is not on the list. */
ST_CHECK enum st hotlist_find(struct hotlist *hotlist, uint64_t card, uint8_t *ret_listing);

struct hotlist_delta {
    uint32_t from, to; /* versions, from <= to; equal: nothing has changed since */
    int64_t from_mark, to_mark;
    int64_t made_s; /* as in the head when `to` is the club's newest version; else 0 */
    const struct listing_change *changes; /* the last one about a card counts */
    size_t count;                         /* 0..HOTLIST_CHANGES_MAX */
};
/* Applies a delta, whole or not at all, durably enough: a power cut may bring an earlier version
 * back, whole, and the club is asked again.
 * ST_OK       applied, or contained already.
 * ST_REFUSED  it does not start from the list that is here: ask for a snapshot.
 * ST_FULL     also when the list would pass HOTLIST_CARDS_MAX. */
ST_CHECK enum st hotlist_apply(struct hotlist *hotlist, const struct hotlist_delta *delta);

struct hotlist_piece {
    uint32_t version; /* that the snapshot begins from; 0 = the club never had a list: one piece,
                         the last, without cards */
    int64_t mark;
    uint64_t after; /* the card number before the first of this piece; 0 = the first piece */
    bool is_last;
    const struct listing_change *cards; /* ascending, above `after`; none is LISTING_NONE */
    size_t count;
};
/* Takes a piece of a snapshot in. The list in force goes on until the last piece, which puts the
 * new one in its place at one stroke, whatever was there. A first piece drops what was begun. What
 * changed at the club while the pieces travelled comes as a delta from `version`, which may name
 * cards that are here already: a change says what is, so twice is once.
 * ST_OK       taken in, or contained already.
 * ST_REFUSED  not of the snapshot that was begun, or not the next piece of it: ask again. */
ST_CHECK enum st hotlist_load(struct hotlist *hotlist, const struct hotlist_piece *piece);

/* Walks the whole file and compares the head with the cards; seconds for ten million, so for tests
 * and when nobody waits. */
ST_CHECK enum st hotlist_verify(struct hotlist *hotlist);

#endif
