#include "storage/operators.h"

#include <stdlib.h>

#include "storage/store_priv.h"

/* What the next entry makes of the state. */
static void fold(struct operator_state *state, const struct entry_operator *entry)
{
    if (entry->unlocks > state->unlocks) { /* by the club, since the last entry */
        *state = (struct operator_state){.unlocks = entry->unlocks};
    }
    switch ((enum operator_event)entry->event) {
    case OPERATOR_IN:
        state->wrong = 0;
        break;
    case OPERATOR_WRONG:
        state->wrong += state->wrong < OPERATOR_TRIES;
        break;
    case OPERATOR_LOCKED:
        state->wrong = OPERATOR_TRIES;
        state->is_locked = true;
        break;
    case OPERATOR_UNLOCKED:
        state->wrong = 0;
        state->is_locked = false;
        break;
    case OPERATOR_OUT:
    case OPERATOR_EVENTS:
        break;
    }
}

static enum st read_state(struct store *store, sqlite3_stmt *statement, int first,
                          struct operator_state *ret)
{
    int64_t wrong = 0, locked = 0, unlocks = 0;
    enum st st = sql_number(store, statement, first, 0, OPERATOR_TRIES, &wrong);
    if (st == ST_OK) {
        st = sql_number(store, statement, first + 1, 0, 1, &locked);
    }
    if (st == ST_OK) {
        st = sql_number(store, statement, first + 2, 0, UINT32_MAX, &unlocks);
    }
    if (st == ST_OK) {
        *ret = (struct operator_state){(uint32_t)wrong, locked != 0, (uint32_t)unlocks};
    }
    return st;
}

enum st operators_state(struct store *store, uint32_t number, struct operator_state *ret)
{
    struct operator_state state = {.wrong = 0};
    sqlite3_stmt *statement = sql_use(store, SQL_OPERATOR);
    (void)sqlite3_bind_int64(statement, 1, number);
    enum st st = sql_row(store, statement);
    if (st == ST_OK) {
        st = read_state(store, statement, 0, &state);
        (void)sqlite3_reset(statement);
    } else if (st == ST_REFUSED) {
        st = ST_OK;
    }
    if (st == ST_OK) {
        *ret = state;
    }
    return st;
}

enum st operators_note(struct store *store, const struct entry *entry)
{
    struct operator_state state;
    if (entry->kind != ENTRY_OPERATOR) {
        return ST_OK;
    }
    const enum st st = operators_state(store, entry->operator_event.number, &state);
    if (st != ST_OK) {
        return st;
    }
    fold(&state, &entry->operator_event);
    sqlite3_stmt *statement = sql_use(store, SQL_OPERATOR_PUT);
    (void)sqlite3_bind_int64(statement, 1, entry->operator_event.number);
    (void)sqlite3_bind_int64(statement, 2, state.wrong);
    (void)sqlite3_bind_int64(statement, 3, state.is_locked);
    (void)sqlite3_bind_int64(statement, 4, state.unlocks);
    return sql_run(store, statement, "note the operator");
}

/* --- counting again --------------------------------------------------------------------------- */

enum { NUMBERS = UINT16_MAX + 1 };

struct tallied {
    bool is_known;
    struct operator_state state;
};

enum st operators_tally(struct store *store, struct tallied **tally, const struct entry *entry)
{
    if (entry->kind != ENTRY_OPERATOR) {
        return ST_OK;
    }
    if (*tally == NULL) {
        *tally = calloc(NUMBERS, sizeof **tally);
    }
    if (*tally == NULL) {
        return sql_status(store, SQLITE_NOMEM, "count wrong PINs");
    }
    struct tallied *of = &(*tally)[entry->operator_event.number];
    of->is_known = true;
    fold(&of->state, &entry->operator_event);
    return ST_OK;
}

/* The row that the statement stands on. */
static enum st row_verify(struct store *store, sqlite3_stmt *statement, const struct tallied *tally)
{
    int64_t number = 0;
    struct operator_state state;
    enum st st = sql_number(store, statement, 0, 1, UINT16_MAX, &number);
    if (st == ST_OK) {
        st = read_state(store, statement, 1, &state);
    }
    if (st != ST_OK) {
        return st;
    }
    const struct tallied *right = tally == NULL ? NULL : &tally[number];
    if (right == NULL || !right->is_known || state.wrong != right->state.wrong ||
        state.is_locked != right->state.is_locked || state.unlocks != right->state.unlocks) {
        return store_corrupt(store, "operator %lld is not as the journal says", (long long)number);
    }
    return ST_OK;
}

enum st operators_verify(struct store *store, const struct tallied *tally)
{
    int64_t rows = 0;
    sqlite3_stmt *statement = sql_use(store, SQL_OPERATOR_ALL);
    enum st st = sql_row(store, statement);
    while (st == ST_OK) {
        rows += 1;
        st = row_verify(store, statement, tally);
        if (st == ST_OK) {
            st = sql_row(store, statement);
        }
    }
    (void)sqlite3_reset(statement);
    for (size_t i = 0; i < NUMBERS && tally != NULL; i += 1) {
        rows -= tally[i].is_known;
    }
    if (st == ST_REFUSED && rows != 0) {
        st = store_corrupt(store, "an operator of the journal is missing");
    }
    return st == ST_REFUSED ? ST_OK : st;
}
