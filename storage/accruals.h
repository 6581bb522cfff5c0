/* accruals.h - what this terminal's journal says of sales without the card that went back.
 *
 * There is no table of them: such a refund is rare, and few entries stand between it and its sale.
 * A part of the terminal's database; store.h's rules and statuses hold here. */
#ifndef STORAGE_ACCRUALS_H
#define STORAGE_ACCRUALS_H

#include "storage/store.h"

/* Gives the number of the entry by which the sale without a card in entry `sequence` went back.
 * ST_REFUSED: it has not. */
ST_CHECK enum st accruals_find_back(struct store *store, uint32_t sequence, uint32_t *ret_back);

#endif
