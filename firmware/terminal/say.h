/* say.h - what the cashier is told, in whole sentences that say what to do next.
 *
 * Pure. One place for the words, so that a screen in another language replaces one file. No card
 * numbers: these sentences end up in logs and on paper. Money is in the programme's unit
 * (explain_money()); `programme` NULL: in rials. */
#ifndef FIRMWARE_TERMINAL_SAY_H
#define FIRMWARE_TERMINAL_SAY_H

#include <stdbool.h>

#include "firmware/engine/entry.h"
#include "firmware/terminal/tap.h"
#include "hal/base/status.h"

void say_reason(enum tap_reason reason, struct fault *ret_say);
/* The card may or may not carry the transaction. */
/* A half-issued card must be issued first, by the request that began it; `is_issue`: another one
 * asks to issue it. */
void say_issue_first(bool is_issue, struct fault *ret_say);
/* Kind and last day of the card cannot be read. */
void say_no_identity(struct fault *ret_say);
void say_in_doubt(struct fault *ret_say);
/* The card moved on beyond its own history: only the club can tell. */
void say_left(struct fault *ret_say);
/* `intent` is on the card; `is_earlier`: since an earlier request. */
void say_done(const struct programme *programme, const struct entry *intent, bool is_earlier,
              struct fault *ret_say);
/* It is on the hotlist, for this reason (engine/listing.h). */
void say_listed(uint8_t listing, struct fault *ret_say);
/* It would spend more than this terminal may allow while its hotlist is old. */
void say_list_old(const struct programme *programme, struct money spend_max, struct fault *ret_say);
void say_balance(const struct programme *programme, const struct snapshot *snapshot,
                 struct fault *ret_say);
/* find: `state` is what this terminal saw last of the card, NULL: nothing; `listing` as the tap's.
 */
void say_found(const struct programme *programme, const struct snapshot *state, uint8_t listing,
               struct fault *ret_say);
/* While it lasts: "Hold the card on the reader." */
const char *say_meanwhile(enum tap_say say);
/* "sale", "refund", ... Never NULL. */
const char *say_kind(enum transaction_kind kind);

#endif
