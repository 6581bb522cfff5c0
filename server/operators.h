/* operators.h (server) - who may work at the club's terminals.
 *
 * Functions on the database, each a transaction of its own; the terminals hear of it by their
 * mandates (server/mandates.h). The club keeps no PIN, only what vafa-keys made of it. db's
 * statuses besides those named; the fault is a sentence for the person. Roles and PINs:
 * docs/operators.md. */
#ifndef SERVER_OPERATORS_H
#define SERVER_OPERATORS_H

#include <stdio.h>

#include "firmware/engine/mandate.h"
#include "server/db.h"

/* Adds one; of `of` number (0: the next free one), role, name and card count. `merchant` 0: at
 * every merchant's terminals. ST_REFUSED: number or card is another operator's. ST_FOREIGN: a name
 * that is empty, too long or not UTF-8, or no such merchant. */
ST_CHECK enum st operators_add(struct db *db, const struct mandate_operator *of, int64_t merchant,
                               int64_t now_s, uint32_t *ret_number, struct fault *fault);

/* ST_REFUSED: there is no such operator. ST_FOREIGN: `verifier` is not what vafa-keys pin prints.
 */
ST_CHECK enum st operators_set_pin(struct db *db, uint32_t number, const char *verifier,
                                   struct fault *fault);
ST_CHECK enum st operators_block(struct db *db, uint32_t number, bool is_blocked,
                                 struct fault *fault);
/* He works here no more: the next mandates lack him. His number is nobody's again, his card may be
 * another's, his name stays in the lists. A second time is fine. */
ST_CHECK enum st operators_remove(struct db *db, uint32_t number, int64_t now_s,
                                  struct fault *fault);
/* Every terminal where he is locked takes his PIN again. */
ST_CHECK enum st operators_unlock(struct db *db, uint32_t number, struct fault *fault);
/* Is there one, not removed? ST_REFUSED: no. */
ST_CHECK enum st operators_exists(struct db *db, uint32_t number, struct fault *fault);

/* Whether terminals require a signed-in operator, and after how many idle minutes he is signed out.
 */
ST_CHECK enum st operators_set_policy(struct db *db, bool requires_sign_in, uint32_t idle_minutes);
ST_CHECK enum st operators_policy(struct db *db, bool *ret_requires_sign_in,
                                  uint32_t *ret_idle_minutes);

/* Those of the merchant and of all merchants, blocked ones but not removed ones, by number, at most
 * MANDATE_OPERATORS_MAX; their day's limits are left empty. ST_FULL: there are more. */
ST_CHECK enum st operators_of(struct db *db, int64_t merchant, struct mandate_operator *ret,
                              size_t *ret_count, struct fault *fault);

/* As text, or as a JSON array: each with what its terminals last told of him; removed ones, too. */
ST_CHECK enum st operators_list(struct db *db, bool as_json, FILE *out);

#endif
