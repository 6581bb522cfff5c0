/* limits.h (server) - counts what was used of limits as transactions are posted, and says when one
 * was passed.
 *
 * The same figures as a terminal's own (firmware/engine/limits.h), of all terminals together: what
 * an honest terminal could not know, or what another let through, is a case `limit`. Part of the
 * ledger; nothing else may include it. */
#ifndef SERVER_LIMITS_H
#define SERVER_LIMITS_H

#include "server/ledger_priv.h"

/* Counts what is being booked: a transaction, an accrual, a voucher. */
ST_CHECK enum st limits_post(struct ledger *ledger, const struct item *item);
/* Writes what the batch used, and opens the cases. */
ST_CHECK enum st limits_flush(struct ledger *ledger);

#endif
