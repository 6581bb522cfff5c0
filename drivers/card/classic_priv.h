/* classic_priv.h - what the parts of the Classic driver share: sectors of ours, and finding them.
 */
#ifndef DRIVERS_CARD_CLASSIC_PRIV_H
#define DRIVERS_CARD_CLASSIC_PRIV_H

#include "drivers/card/classic_card.h"
#include "drivers/card/mad.h"

/* Authenticates the sector of a role with our key. A refusal is believed the second time, because
 * a reader reports noise in an authentication as a refusal too. ST_DENIED, ST_GONE, ST_IO. */
ST_CHECK enum st classic_open(struct classic_card *card, unsigned role, enum key_letter letter);

/* Authenticates a sector with our key of card->owner, once. */
ST_CHECK enum st classic_auth_ours(struct classic_card *card, uint8_t sector,
                                   enum key_letter letter);

/* Block `n` (0..2, 3 is the trailer) of a role's sector. */
uint8_t classic_block(const struct classic_card *card, unsigned role, unsigned n);

/* Reads the three data blocks of a role's sector with key A. ST_DENIED: not our key. */
ST_CHECK enum st classic_read_sector(struct classic_card *card, unsigned role,
                                     uint8_t ret_bytes[CLASSIC_SECTOR]);

/* Reads the slot of `counter`; a seal that does not fit is read again, because a torn block can
 * read differently each time and any reading with a good seal is the truth.
 * ST_OK           *ret is a whole snapshot, of whatever counter.
 * ST_DENIED       not whole, or not our key.
 * ST_UNSUPPORTED  a newer image. ST_GONE, ST_IO as usual. */
ST_CHECK enum st classic_read_slot(struct classic_card *card, unsigned slot, struct snapshot *ret);

/* True when all bytes are 00: nobody ever wrote them. */
bool classic_is_zero(const uint8_t *bytes, size_t size);

/* Decides card->condition and, of a member card, owner, map, pointer, number and newest snapshot.
 * Writes nothing. ST_OK, ST_GONE, ST_IO. (classic_find.c) */
ST_CHECK enum st classic_find(struct classic_card *card);

/* The member's part of classic_find, from its pointer block on; owner and map are known.
 * (classic_ring.c) */
ST_CHECK enum st classic_find_newest(struct classic_card *card,
                                     const uint8_t pointer_block[CLASSIC_BLOCK]);

/* Whether a known card still is as it was left: card->newest is in its slot, whole and the same to
 * the last bit, and the next slot does not begin a newer one. Owner and map are known.
 * ST_OK  it is. ST_FOREIGN  it is not: read it in full. ST_GONE, ST_IO. (classic_ring.c) */
ST_CHECK enum st classic_is_unmoved(struct classic_card *card);

/* Keeps what is known of the card just read or written, or forgets it unless it is a member card.
 * (classic_card.c) */
void classic_remember(struct classic_card *card);

/* Looks at all our sectors of a card that carries no value yet: each must be ours or a factory one
 * without data; card->ours tells which. ST_FOREIGN: some sector is neither. */
ST_CHECK enum st classic_survey(struct classic_card *card);

/* Reads the directory.
 * ST_FOREIGN  there is none, or its CRC is wrong. ST_DENIED  the public key does not open it. */
ST_CHECK enum st classic_read_mad(struct classic_card *card, uint8_t ret_mad[MAD_BYTES]);

/* hal/card.h issue. (classic_issue.c) */
ST_CHECK enum st classic_issue(struct classic_card *card, const struct card_identity *identity,
                               const struct snapshot *first);

/* Writes a block of the sector that is open with a key that may, and reads it back. ST_GONE, ST_IO;
 * ST_FOREIGN: refused. (classic_issue.c) */
ST_CHECK enum st classic_write_proven(struct classic_card *card, uint8_t block,
                                      const uint8_t data[CLASSIC_BLOCK]);

/* Writes the three data blocks of the identity's or the name's sector with key B, and reads each
 * back. ST_GONE, ST_IO as usual; ST_DENIED, ST_FOREIGN: not our sector. (classic_issue.c) */
ST_CHECK enum st classic_write_once(struct classic_card *card, unsigned role,
                                    const uint8_t bytes[CLASSIC_SECTOR]);

/* Before a commit: reads the pointer as often as a slot, and unless it is whole each time, writes
 * it as far as it is surely reached. ST_GONE, ST_IO; ST_DENIED: not our sector, or the card was set
 * back. (classic_card.c) */
ST_CHECK enum st classic_firm_pointer(struct classic_card *card);

/* The identity as a card under a snapshot says it. */
struct classic_said {
    struct card_identity identity; /* all but the name */
    uint8_t bytes[CLASSIC_SECTOR]; /* of its sector */
    unsigned copy;                 /* layout 2: which copy counts */
};
/* ST_DENIED: not known, nothing whole says it. ST_GONE, ST_IO. (classic_identity.c) */
ST_CHECK enum st classic_read_identity(struct classic_card *card, const struct snapshot *at,
                                       struct classic_said *ret);
/* hal/card.h amend; and, in commit, before the slot is written: writes what was told, and what the
 * layout of `next` needs if it is not the card's. ST_GONE also when the card was selected anew
 * meanwhile. (classic_amend.c) */
void classic_remember_particulars(struct classic_card *card,
                                  const struct action_particulars *particulars);
ST_CHECK enum st classic_amend(struct classic_card *card, const struct snapshot *next);

/* hal/card.h history. (classic_card.c) */
ST_CHECK enum st classic_history(struct classic_card *card, struct snapshot *ret, size_t max,
                                 size_t *ret_count);

/* hal/card.h facts, remember, keep_facts, and what commit and refresh do for the checkpoint.
 * (classic_facts.c) */
ST_CHECK enum st classic_facts(struct classic_card *card, const struct facts_rules *rules,
                               struct facts *ret);
void classic_keep_facts(struct classic_card *card, const struct facts_rules *rules);
void classic_remember_facts(struct classic_card *card, const struct facts *facts);
/* Writes the facts of the newest snapshot, if they were told, over the older copy. ST_OK also when
 * there is nothing to write. */
ST_CHECK enum st classic_write_facts(struct classic_card *card);
/* True when one more commit would let the checkpoint lag too far. */
bool classic_facts_lag(const struct classic_card *card);

/* Writes a slot, the block with the seal last, and reads that block back. *ret_is_sent is set as
 * soon as the last write may have reached the card. */
ST_CHECK enum st classic_write_slot(struct classic_card *card, unsigned slot,
                                    const uint8_t bytes[CLASSIC_SECTOR], bool *ret_is_sent);

/* Sets the condition and its sentence. */
void classic_conclude(struct classic_card *card, enum card_condition condition, const char *say);

#endif
