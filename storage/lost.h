/* lost.h - cards that were reported lost here, what the club vouches for of them, and which cards
 * took the place of others.
 *
 * Reports and successors follow from the journal, in the SQL transaction that appends an entry; the
 * club's word is what sync takes in. Why so: docs/decisions/0015-lost-cards.md. Statuses that are
 * not named: store.h. */
#ifndef STORAGE_LOST_H
#define STORAGE_LOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

/* The newest that this terminal was told of a card. */
struct lost_report {
    bool is_lost;      /* false: it was found again */
    uint32_t sequence; /* of the entry */
};
/* ST_REFUSED: nothing was ever reported of it here. */
ST_CHECK enum st lost_reported(struct store *store, uint64_t card_number, struct lost_report *ret);

/* The club, which has this terminal's entries up to `acknowledged`, says that its newest hotlist is
 * this one (hotlist.h); version 0: none that is here. Only sync calls it, when the list is in
 * force. */
ST_CHECK enum st lost_note_list(struct store *store, uint32_t acknowledged, uint32_t version,
                                int64_t mark);
/* Whether the club had the report when it made this list: then the list says what the club makes
 * of it. After a power cut that brings an older list back it is not that one. */
ST_CHECK enum st lost_is_in_list(struct store *store, const struct lost_report *report,
                                 uint32_t version, int64_t mark, bool *ret);

/* The newest intent of this terminal that makes a card in the place of this one (a DUPLICATE into
 * it), unless it is known not to be done: on the new card, or in doubt. ST_REFUSED: there is none.
 */
ST_CHECK enum st lost_successor(struct store *store, uint64_t card_number, struct entry *ret);

/* What the club says of a card that was reported lost. */
struct club_vouch {
    uint64_t card_number; /* the lost one */
    uint64_t replaced_by; /* the card that took its place, 0 = none yet */
    uint64_t account;     /* whose it is; 0 = nobody's, or not known */
    bool is_settled; /* all that could be done with the card before it was listed is in these: they
                        are final. Else what the club knew at `as_of` */
    uint8_t status;  /* enum card_status; 0 = the club has no such card */
    uint8_t tier, group, kind;           /* kind: 0..15 */
    uint16_t birthday, wedding, expires; /* as on a card; 0 = not given, or not known there */
    int64_t points, credit, gift, voucher;
    int64_t as_of_s; /* by the club's clock */
};
enum { LOST_TAKE_MAX = 50 };

/* Takes in what the club vouches for, all or none; what comes last counts per card: a card that was
 * settled may have been found, and used, since. Everything within what a card holds, else a bug.
 * Only sync calls it. */
ST_CHECK enum st lost_take(struct store *store, const struct club_vouch *list, size_t count);
/* ST_REFUSED: the club has said nothing of this card since it was last reported here. */
ST_CHECK enum st lost_find(struct store *store, uint64_t card_number, struct club_vouch *ret);

#endif
