/* lost.h - lost cards at the club: what was reported, what replaced them, what is still to come.
 *
 * A card that is said to be lost goes on the hotlist at once. A new card may take its place before
 * the club knows all that the lost one did: it then begins with a part, and when the books have
 * settled (server/settled.h) the rest follows by actions of origin `replacement`, or is asked back.
 * What cannot be asked back is the club's loss. Why so: docs/decisions/0015-lost-cards.md;
 * accounts: docs/club.md 4. Functions on the database; db's statuses besides those named; a fault
 * is a sentence for a person. */
#ifndef SERVER_LOST_H
#define SERVER_LOST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/actions.h"
#include "server/db.h"
#include "server/places.h"
#include "sync/wire.h"

/* --- saying so ------------------------------------------------------------------------------ */

/* Somebody tells the club that the card is lost (terminals report by their journals): it goes on
 * the hotlist. The same again is fine; one transaction of its own.
 * ST_REFUSED  a card has taken its place already, which the fault names. */
ST_CHECK enum st lost_report(struct db *db, uint64_t card, int64_t now_s, struct fault *fault);
/* It was found again: it comes off the hotlist, if nothing but its loss put it there.
 * ST_REFUSED  nobody reported it, or a card has taken its place: the fault says which. */
ST_CHECK enum st lost_found(struct db *db, uint64_t card, int64_t now_s, struct fault *fault);

/* A dead terminal made `card` out of another one, and no card tells of which: a person says that it
 * was `old` (docs/decisions/0009-rebuilding.md), whether that one was lost or went to it whole. A
 * guess that said otherwise is taken back; *ret_gone: actions that cannot be taken back with it,
 * for the wrong card has them, or that are withdrawn.
 * ST_REFUSED  `card` is none of those, or `old` has a card in its place, or had something else: the
 *             fault says which. */
ST_CHECK enum st lost_name(struct db *db, struct actions *actions, uint64_t card, uint64_t old,
                           int64_t now_s, int64_t *ret_gone, struct fault *fault);

/* --- the bound -------------------------------------------------------------------------------- */

/* What follows to new cards on the word of one terminal in any LOST_DAYS days, rials and points,
 * before a person is asked; beside that which those cards began with. 0: a person is always asked.
 */
enum { LOST_DAYS = 30 };
struct lost_limit {
    int64_t rials, points;
};
ST_CHECK enum st lost_limit_get(struct db *db, struct lost_limit *ret);
/* ST_FOREIGN  below 0. */
ST_CHECK enum st lost_limit_set(struct db *db, const struct lost_limit *limit, struct fault *fault);

/* A person stands for it that the card in the place of `card` is the member's: all of it follows,
 * also what was held. The same again is fine.
 * ST_REFUSED  no card has its place. */
ST_CHECK enum st lost_confirm(struct db *db, uint64_t card, int64_t now_s, struct fault *fault);
/* It is not: that card is refused everywhere, what it began with and has taken is the club's loss,
 * and all else goes back to `card`, which stays lost until it is said to be found. *ret_gone:
 * actions of the member that the false card has taken, or that are withdrawn. The same again is
 * fine.
 * ST_REFUSED  no card ever had its place, or a person stands for that one. */
ST_CHECK enum st lost_deny(struct db *db, struct actions *actions, uint64_t card, int64_t now_s,
                           int64_t *ret_gone, struct fault *fault);

/* --- what falls due ------------------------------------------------------------------------- */

enum { LOST_TEND_MAX = 64 };

/* Settles what can be settled, at most LOST_TEND_MAX cards: what waited for a card that another one
 * has replaced goes to that one; what a lost card had, less what its replacement got, follows. In
 * one write transaction; one read when nothing is due. */
ST_CHECK enum st lost_tend(struct db *db, struct actions *actions, int64_t now_s,
                           struct fault *fault);

/* --- terminals ------------------------------------------------------------------------------ */

/* What a terminal that has `have` is told of the cards that it reported. Reads only. */
ST_CHECK enum st lost_news(struct db *db, uint32_t terminal, const struct wire_lost_have *have,
                           struct wire_lost *ret);

/* --- successors ----------------------------------------------------------------------------- */

/* The card that came in this one's place, and in that one's, and so on; `card` itself when none
 * did. */
ST_CHECK enum st card_successor(struct db *db, uint64_t card, uint64_t *ret);
/* The one that gets what is ordered for this card: the same, but not behind a card of which it is
 * to be said yet whose it is (`lost confirm`). */
ST_CHECK enum st card_taker(struct db *db, uint64_t card, uint64_t *ret);
/* The one to order for what `card` is to have: itself; or, where it has a lost card's place on a
 * terminal's word alone, that one: the order then follows as far as that word does, and waits where
 * it is held (`lost limit`). */
ST_CHECK enum st card_vouched(struct db *db, uint64_t card, uint64_t *ret);

/* --- lists ---------------------------------------------------------------------------------- */

/* One lost card with its figures, as an object that the caller owns; NULL: nobody reported it. */
ST_CHECK enum st lost_object(struct db *db, uint64_t card, json_t **ret);
/* Those after `after` (0 = all) by card number, at most `limit`, as an array that the caller owns.
 */
ST_CHECK enum st lost_array(struct db *db, uint64_t after, size_t limit, json_t **ret);
/* The list, a line a card, or one JSON array. */
ST_CHECK enum st lost_write(struct db *db, bool as_json, FILE *out);
/* One card with all that happened to it. ST_REFUSED: nobody reported it. */
ST_CHECK enum st lost_show(struct db *db, uint64_t card, bool as_json, FILE *out,
                           struct fault *fault);
/* Query without parameters: the replaced cards that cost the club something, or still may. */
extern const struct places lost_losses;
/* For programs that check the books: "lost", "replacements", "releases" and "duplicates", as
 * further fields of an object, each behind a comma. */
ST_CHECK enum st lost_dump(struct db *db, FILE *out);

#endif
