/* explain_action.h - one of the club's actions as a line for receipts and screens.
 *
 * Pure; in the two columns of explain.h. */
#ifndef FIRMWARE_ENGINE_EXPLAIN_ACTION_H
#define FIRMWARE_ENGINE_EXPLAIN_ACTION_H

#include "firmware/engine/action.h"
#include "firmware/engine/explain_text.h"

/* `moved` is what it put on or took off (plan.action_moved); `programme` may be NULL: amounts are
 * then in rials, tiers and groups are numbers. "Nowruz: credit", "50,000 toman". False: there is
 * nothing to say of it (a void). */
bool explain_action(const struct programme *programme, const struct action *action, int64_t moved,
                    enum explain_language language, char ret_text[EXPLAIN_TEXT_MAX],
                    char ret_result[EXPLAIN_AMOUNT_MAX]);

#endif
