/* actions_model.h - what a club may say about actions, change by change, and a naive second opinion
 * on what a store must then hold.
 *
 * Tests only. Each change follows from its number alone; what a store must hold after n of them is
 * found by going through all n. It shares no code with storage/. */
#ifndef TESTS_SUPPORT_ACTIONS_MODEL_H
#define TESTS_SUPPORT_ACTIONS_MODEL_H

#include "storage/actions.h"

enum { ACTIONS_MODEL_BATCH = 5 };

/* What the n-th change says, n from 1. 0: all that is held is dropped. */
size_t actions_model_batch(uint32_t n, struct club_action ret[ACTIONS_MODEL_BATCH]);
/* Lets the store take the n-th change. */
ST_CHECK enum st actions_model_take(uint32_t n, struct store *store);
/* True when the store holds just what the first n changes leave; else prints what differs. */
bool actions_model_agrees(uint32_t n, struct store *store);

#endif
