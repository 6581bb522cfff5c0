/* desfire_priv.h - what the parts of the DESFire driver share. */
#ifndef DRIVERS_CARD_DESFIRE_PRIV_H
#define DRIVERS_CARD_DESFIRE_PRIV_H

#include "drivers/card/desfire_card.h"
#include "drivers/card/desfire_layout.h"

/* Opens a session with our key of a role, whatever version of it the card has. Sends nothing when
 * there is one already. Our application is selected.
 * ST_DENIED       the card's key is none of ours; card->version says KEYSTORE_FACTORY when it is
 * the one that a new application has. ST_UNSUPPORTED  the store has no key of that role.
 * ST_REFUSED, ST_GONE, ST_IO as usual. */
ST_CHECK enum st desfire_open(struct desfire_card *card, enum key_role role);

/* Takes the same card again, if it left the active state, and selects our application.
 * ST_REFUSED  it has none. */
ST_CHECK enum st desfire_return(struct desfire_card *card);

/* Whose content is on the card, once its number is known. */
struct desfire_owner desfire_owner_of(const struct desfire_card *card);

/* Reads the newest record. ST_REFUSED: there is none. ST_DENIED, ST_FOREIGN, ST_UNSUPPORTED: as
 * desfire_record_decode(). */
ST_CHECK enum st desfire_read_newest(struct desfire_card *card, struct snapshot *ret);

/* Reads the purse. */
ST_CHECK enum st desfire_read_credit(struct desfire_card *card, int64_t *ret_rials);

/* The one transaction: moves the purse by `change_rials` if that is not 0, writes the record and
 * commits both. *ret_is_sent is set when the commit may have reached the card. (desfire_commit.c)
 */
ST_CHECK enum st desfire_transact(struct desfire_card *card, int64_t change_rials,
                                  const struct snapshot *next, bool *ret_is_sent);

/* hal/card.h prepare and commit. (desfire_commit.c) */
void desfire_prepare(struct desfire_card *card, const struct snapshot *next);
ST_CHECK enum st desfire_commit(struct desfire_card *card, const struct snapshot *next);
/* Drops what is staged, and the session with it: a new select surely makes the chip forget. */
void desfire_unstage(struct desfire_card *card);

/* Writes identity and name without a commit. In a session with the load key. (desfire_amend.c) */
ST_CHECK enum st desfire_stage_identity(struct desfire_card *card,
                                        const struct card_identity *identity);
/* hal/card.h amend; and, in commit, what was told: reads the identity and writes it without a
 * commit. In a session with the load key. (desfire_amend.c) */
void desfire_remember_particulars(struct desfire_card *card,
                                  const struct action_particulars *particulars);
ST_CHECK enum st desfire_amend(struct desfire_card *card);

/* hal/card.h history. (desfire_card.c) */
ST_CHECK enum st desfire_history(struct desfire_card *card, struct snapshot *ret, size_t max,
                                 size_t *ret_count);
/* A session in which files can be read, opened again if an error ended it. ST_GONE, ST_IO. */
ST_CHECK enum st desfire_open_to_read(struct desfire_card *card);

/* hal/card.h facts, remember, keep_facts, and what commit and refresh do for the checkpoint.
 * (desfire_facts.c) */
ST_CHECK enum st desfire_facts(struct desfire_card *card, const struct facts_rules *rules,
                               struct facts *ret);
void desfire_keep_facts(struct desfire_card *card, const struct facts_rules *rules);
void desfire_remember_facts(struct desfire_card *card, const struct facts *facts);
/* Writes the facts of the newest snapshot, if they were told, in a transaction of its own. ST_OK
 * also when there is nothing to write. A failure drops the session. */
ST_CHECK enum st desfire_write_facts(struct desfire_card *card);
/* True when one more commit would let the checkpoint lag too far. */
bool desfire_facts_lag(const struct desfire_card *card);
/* Writes the file without a commit. */
ST_CHECK enum st desfire_stage_facts(struct desfire_card *card,
                                     const uint8_t bytes[DESFIRE_FACTS_BYTES]);

/* hal/card.h issue. (desfire_issue.c) */
ST_CHECK enum st desfire_issue(struct desfire_card *card, const struct card_identity *identity,
                               const struct snapshot *first);
/* True when the terminal has all the keys that a new card gets. (desfire_issue.c) */
bool desfire_may_issue(const struct keystore *keystore);
/* Looks whether a card without our application could get it. (desfire_issue.c) */
ST_CHECK enum st desfire_look_at_blank(struct desfire_card *card);

/* Sets the condition and its sentence. */
void desfire_conclude(struct desfire_card *card, enum card_condition condition, const char *say);

#endif
