/* hotlist.h - the club's hotlist: which cards every terminal refuses, and what a terminal is sent.
 *
 * Functions on the database; each change is a transaction of its own and makes a version of its
 * own, with a mark drawn by chance (firmware/engine/listing.h). db's statuses (server/db.h) besides
 * those named; the fault is a sentence for the operator. How it travels: docs/sync.md. */
#ifndef SERVER_HOTLIST_H
#define SERVER_HOTLIST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "firmware/engine/listing.h"
#include "hal/base/status.h"
#include "server/db.h"
#include "sync/wire.h"

/* Puts the card on the list, or changes its reason; LISTING_NONE takes it off. *ret_changed is
 * false when the list said so already: then there is no new version. */
ST_CHECK enum st hotlist_set(struct db *db, uint64_t card, uint8_t listing, int64_t now_s,
                             bool *ret_changed, struct fault *fault);

/* Puts the card on the list inside the caller's write transaction, unless it is on it already for
 * whatever reason. After any status but ST_OK the caller must roll back. */
ST_CHECK enum st hotlist_list_within(struct db *db, uint64_t card, uint8_t listing, int64_t now_s);
/* The same for a reason that is the club's own: a loss, which whoever reported it can take back,
 * gives way to it. */
ST_CHECK enum st hotlist_refuse_within(struct db *db, uint64_t card, uint8_t listing,
                                       int64_t now_s);

/* Inside the caller's write transaction: what is listed as `from` becomes `to` (LISTING_NONE: comes
 * off the list). Listed otherwise, or not at all: it stays so. */
ST_CHECK enum st hotlist_turn_within(struct db *db, uint64_t card, uint8_t from, uint8_t to,
                                     int64_t now_s);

/* Puts the cards of a file on the list, one a line: a card number and a reason ("lost"); "off" in
 * its place takes one off. All in one transaction.
 * ST_FOREIGN  the fault names the line that is not right; nothing has changed. */
ST_CHECK enum st hotlist_read(struct db *db, FILE *from, int64_t now_s, uint32_t *ret_changed,
                              struct fault *fault);

/* Prints the list, a card a line with its reason and since when; or as JSON. */
ST_CHECK enum st hotlist_write(struct db *db, bool json, FILE *to);

/* Whether the club's own version of that number has that mark; 0 with mark 0 is known, too. */
ST_CHECK enum st hotlist_is_known(struct db *db, uint32_t version, int64_t mark, bool *ret);

/* What a terminal that has `have` is sent next: the changes since, if the club knows its version
 * and they are few; else the next piece of a snapshot. Reads only. `changes` has room for
 * WIRE_CHANGES_MAX and is what ret->changes points to. */
ST_CHECK enum st hotlist_news(struct db *db, const struct wire_list_have *have,
                              struct listing_change *changes, struct wire_list *ret);

#endif
