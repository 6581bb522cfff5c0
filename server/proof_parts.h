/* proof_parts.h - what two neighbouring snapshots of a card tell of the transaction between them.
 *
 * Pure. A card tells kind, amounts, terminal, entry and minute, and by the difference of its
 * balances what changed. It does not tell a rebate, the price before it, or the two parts of a sale
 * that was paid with credit and gave cashback: docs/decisions/0009-rebuilding.md. */
#ifndef SERVER_PROOF_PARTS_H
#define SERVER_PROOF_PARTS_H

#include "server/ledger_priv.h"

enum { PROOF_FLAGS_UNKNOWN = -1 };

/* Makes the intent that must have led from `before` (NULL: none, the card's first) to `after`, as
 * far as the card tells. `value`: rials that a point spent paid for, 0 = not known. `flags`: of the
 * sale that a refund gives back (enum sale_flag), or PROOF_FLAGS_UNKNOWN. `now_s` dates it when the
 * card has no time. `by` (may be NULL) is the record that told the club: its bytes are kept with a
 * case. */
void proof_item(uint64_t card, const struct snapshot *before, const struct snapshot *after,
                int64_t value, int64_t flags, int64_t now_s, const struct item *by,
                struct item *ret);
/* What the parts of a proof do not explain belongs to ACCOUNT_RECOVERED. */
void proof_recover(struct posting *posting);

#endif
