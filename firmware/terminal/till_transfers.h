/* till_transfers.h - transfers that wait at this terminal, in the till's lines.
 *
 * Beside till_wire.h, which calls it. Bytes: docs/till.md. */
#ifndef FIRMWARE_TERMINAL_TILL_TRANSFERS_H
#define FIRMWARE_TERMINAL_TILL_TRANSFERS_H

#include <jansson.h>

#include "firmware/terminal/handover.h"

/* Adds the members of an answer. */
void till_put_waiting(json_t *object, const struct waiting_list *list);
void till_put_handover(json_t *object, const struct handover *handover);
/* Adds `transfers`, `transfers_amount` and `transfers_oldest` to a status. */
void till_put_waiting_sums(json_t *object, const struct waiting_sums *sums);

#endif
