#include "storage/actions.h"

#include <string.h>

#include "storage/store_priv.h"

/* The seal guards a row better than a digest of ours would, and it is checked before anything is
 * done: so there is none. */

/* More pages than deleting so many rows of a hundred and fifty bytes can change. */
static uint32_t frames_of_rows(int64_t rows)
{
    return 2 + (uint32_t)(rows / 8);
}

static sqlite3_stmt *use_with_card(struct store *store, enum statement which, uint64_t card_number,
                                   uint16_t number)
{
    assert(card_number <= INT64_MAX);
    sqlite3_stmt *statement = sql_use(store, which);
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)card_number);
    (void)sqlite3_bind_int64(statement, 2, number);
    return statement;
}

static enum st end_locked(struct store *store, const struct club_action *past)
{
    int64_t rows = 0;
    enum st st =
        sql_one(store, use_with_card(store, SQL_ACTIONS_PAST, past->card_number, past->number), 0,
                UINT32_MAX, &rows);
    if (st != ST_OK || rows == 0) {
        return st;
    }
    st = room_claim(store, ROOM_ENTRY_FRAMES + frames_of_rows(rows));
    if (st != ST_OK) {
        return st;
    }
    return sql_run(store, use_with_card(store, SQL_ACTIONS_END, past->card_number, past->number),
                   "end actions");
}

static enum st put_locked(struct store *store, const struct club_action *action)
{
    sqlite3_stmt *statement =
        use_with_card(store, SQL_ACTION_PUT, action->card_number, action->number);
    (void)sqlite3_bind_blob(statement, 3, action->image, sizeof action->image, SQLITE_STATIC);
    (void)sqlite3_bind_blob(statement, 4, action->seal, sizeof action->seal, SQLITE_STATIC);
    return sql_run(store, statement, "note an action");
}

static enum st take_locked(struct store *store, const struct club_action *actions, size_t count)
{
    enum st st = room_claim_rows(store, count);
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        assert(actions[i].number >= 1 && actions[i].number <= SNAPSHOT_ACTION_MAX);
        st = actions[i].is_past ? end_locked(store, &actions[i]) : put_locked(store, &actions[i]);
    }
    return st;
}

enum st actions_take(struct store *store, const struct club_action *actions, size_t count)
{
    assert(count <= CLUB_ACTIONS_MAX);
    if (count == 0) {
        return ST_OK;
    }
    const enum st st = sql_begin(store);
    return st != ST_OK ? st : sql_end(store, take_locked(store, actions, count));
}

static enum st drop_locked(struct store *store)
{
    int64_t rows = 0;
    enum st st = sql_one(store, sql_use(store, SQL_ACTIONS_COUNT), 0, UINT32_MAX, &rows);
    if (st == ST_OK && rows > 0) {
        /* All rows go at once: only the list of free pages is written. */
        st = room_claim(store, ROOM_ENTRY_FRAMES + frames_of_rows(rows / 64));
        if (st == ST_OK) {
            st = sql_run(store, sql_use(store, SQL_ACTIONS_DROP), "drop the actions");
        }
    }
    return st;
}

enum st actions_drop(struct store *store)
{
    const enum st st = sql_begin(store);
    return st != ST_OK ? st : sql_end(store, drop_locked(store));
}

/* The row that the statement stands on: card number, number, image, seal. */
static enum st read_row(struct store *store, sqlite3_stmt *statement, struct club_action *ret)
{
    int64_t card = 0, number = 0;
    const uint8_t *image = NULL, *seal = NULL;
    size_t size = 0;
    enum st st = sql_number(store, statement, 0, 0, INT64_MAX, &card);
    if (st == ST_OK) {
        st = sql_number(store, statement, 1, 1, SNAPSHOT_ACTION_MAX, &number);
    }
    if (st == ST_OK) {
        st = sql_bytes(store, statement, 2, sizeof ret->image, sizeof ret->image, &image, &size);
    }
    if (st == ST_OK) {
        st = sql_bytes(store, statement, 3, sizeof ret->seal, sizeof ret->seal, &seal, &size);
    }
    if (st == ST_OK) {
        *ret = (struct club_action){.card_number = (uint64_t)card, .number = (uint16_t)number};
        memcpy(ret->image, image, sizeof ret->image);
        memcpy(ret->seal, seal, sizeof ret->seal);
    }
    return st;
}

enum st actions_waiting(struct store *store, uint64_t card_number, uint16_t after,
                        struct club_action *ret, size_t max, size_t *ret_count)
{
    size_t count = 0;
    enum st st = ST_OK;
    if (max == 0 || card_number > INT64_MAX) { /* foreign: no card of ours has such a number */
        *ret_count = 0;
        return ST_OK;
    }
    sqlite3_stmt *statement = use_with_card(store, SQL_ACTIONS, card_number, after);
    while (count < max && (st = sql_row(store, statement)) == ST_OK) {
        st = read_row(store, statement, &ret[count]);
        if (st != ST_OK) {
            break;
        }
        count += 1;
    }
    (void)sqlite3_reset(statement);
    if (st != ST_OK && st != ST_REFUSED) {
        return st;
    }
    *ret_count = count;
    return ST_OK;
}

enum st actions_count(struct store *store, uint32_t *ret)
{
    struct actions_counted *counted = &store->actions;
    int64_t version = 0, rows = 0;
    const int64_t changes = sqlite3_total_changes(store->db);
    enum st st = sql_one(store, sql_use(store, SQL_DATA_VERSION), 0, UINT32_MAX, &version);
    if (st == ST_OK &&
        (!counted->is_known || version != counted->version || changes != counted->changes)) {
        st = sql_one(store, sql_use(store, SQL_ACTIONS_COUNT), 0, UINT32_MAX, &rows);
        *counted = (struct actions_counted){.is_known = st == ST_OK,
                                            .version = version,
                                            .changes = changes,
                                            .rows = (uint32_t)rows};
    }
    if (st == ST_OK) {
        *ret = counted->rows;
    }
    return st;
}

static enum st check_row(struct store *store, sqlite3_stmt *statement)
{
    struct club_action action;
    const enum st st = read_row(store, statement, &action);
    return st == ST_OK && !card_number_is_valid(action.card_number)
               ? store_corrupt(store, "an action is of a card that cannot be")
               : st;
}

enum st actions_check_rows(struct store *store)
{
    return sql_each(store, SQL_ACTIONS_ALL, check_row);
}
