/* duplicates.h - cards that went whole to another one, whose other half never came.
 *
 * A card that is moved to a new one is emptied and closed first. When its terminal dies then, and
 * no card shows that it has what was moved, that stays in `transit` until a person settles it. For
 * people and programs; the ledger joins the halves (ledger_priv.h). A first half is named by its
 * terminal and the number of its entry. db's statuses besides those named. docs/club.md 13. */
#ifndef SERVER_DUPLICATES_H
#define SERVER_DUPLICATES_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "server/actions.h"
#include "server/places.h"
#include "server/transfers.h"

/* First halves without a second one; $1, $2 = terminal and number to begin after, $3 = at most. */
extern const struct places duplicates_open;
/* One of them: $1, $2 = terminal and number. */
extern const char duplicates_one[];

/* Brings all that left the card to another one that the club knows by actions, and what waits for
 * the old card and finds it goes with it: only when its terminal will not do that any more, because
 * it was declared dead or its certificates are refused, when every live terminal has been heard
 * since, so that a card which has it would be known, and when no card is known that may have it. A
 * second half that comes all the same is a case, and its card is refused. The same again is fine:
 * what came back by then goes once more. In a write transaction of its own.
 * ST_REFUSED  the fault says why not, and what to do; also when release->to is 0. */
ST_CHECK enum st duplicates_release(struct actions *actions, const struct transfer_release *release,
                                    int64_t now_s, struct fault *fault);

#endif
