#include <string.h>

#include "firmware/engine/snapshot.h"
#include "storage/hotlist_priv.h"

/* --- the head -------------------------------------------------------------------------------- */

static enum st head_put(struct hotlist *hotlist, const struct row *row)
{
    const struct hotlist_head *head = &row->head;
    const int64_t value[] = {
        row->live,      head->version,      head->mark,      head->made_s,
        head->cards,    head->next_version, head->next_mark, (int64_t)head->next_after,
        row->next_cards};
    sqlite3_stmt *statement = hotlist_use(hotlist, SQL_HEAD_PUT);
    for (int n = 0; n < (int)(sizeof value / sizeof value[0]); n++) {
        (void)sqlite3_bind_int64(statement, n + 1, value[n]);
    }
    return hotlist_run(hotlist, statement);
}

enum st hotlist_head(struct hotlist *hotlist, struct hotlist_head *ret)
{
    struct row row;
    enum st st = hotlist_head_get(hotlist, &row);
    if (st == ST_OK) {
        *ret = row.head;
    }
    return st;
}

/* --- cards ----------------------------------------------------------------------------------- */

enum st hotlist_find(struct hotlist *hotlist, uint64_t card, uint8_t *ret_listing)
{
    assert(card_number_is_valid(card));
    for (int tries = 0; tries < 3; tries++) { /* it cannot be switched that often in between */
        sqlite3_stmt *statement = hotlist_use(hotlist, SQL_FIND + hotlist->live);
        (void)sqlite3_bind_int64(statement, 1, (int64_t)card);
        enum st st = hotlist_first(hotlist, statement);
        if (st != ST_OK) {
            return st == ST_REFUSED ? hotlist_corrupt(hotlist, "it does not answer") : st;
        }
        const bool has_live = sqlite3_column_type(statement, 0) == SQLITE_INTEGER;
        const int live = sqlite3_column_int(statement, 0);
        const bool is_listed = sqlite3_column_type(statement, 1) != SQLITE_NULL;
        const int64_t listing = sqlite3_column_int64(statement, 1);
        (void)sqlite3_reset(statement);
        if (!has_live || live < 0 || live > 1 ||
            (is_listed && (listing < 1 || listing > LISTING_MAX))) {
            return hotlist_corrupt(hotlist, "its head or a reason is out of range");
        }
        if (live == hotlist->live) {
            *ret_listing = is_listed ? (uint8_t)listing : *ret_listing;
            return is_listed ? ST_OK : ST_REFUSED;
        }
        hotlist->live = live;
    }
    fault_say(&hotlist->fault, "Try again: %s is being changed.", hotlist->name);
    return ST_AGAIN;
}

/* One change of table `which`, whose number of cards is *count. */
static enum st change(struct hotlist *hotlist, int which, const struct listing_change *change,
                      uint32_t *count)
{
    assert(card_number_is_valid(change->card) && change->listing <= LISTING_MAX);
    sqlite3_stmt *statement = hotlist_use(hotlist, SQL_HAS + which);
    (void)sqlite3_bind_int64(statement, 1, (int64_t)change->card);
    enum st st = hotlist_first(hotlist, statement);
    const bool was_there = st == ST_OK;
    (void)sqlite3_reset(statement);
    if (st != ST_OK && st != ST_REFUSED) {
        return st;
    }
    if (change->listing == LISTING_NONE) {
        if (!was_there) {
            return ST_OK;
        }
        if (*count == 0) {
            return hotlist_corrupt(hotlist, "it holds more cards than its head says");
        }
        *count -= 1;
    } else if (!was_there) {
        if (*count == HOTLIST_CARDS_MAX) {
            fault_say(&hotlist->fault, "The hotlist would hold more than %d cards: call the club.",
                      HOTLIST_CARDS_MAX);
            return ST_FULL;
        }
        *count += 1;
    }
    statement =
        hotlist_use(hotlist, (change->listing == LISTING_NONE ? SQL_DROP : SQL_PUT) + which);
    (void)sqlite3_bind_int64(statement, 1, (int64_t)change->card);
    if (change->listing != LISTING_NONE) {
        (void)sqlite3_bind_int(statement, 2, change->listing);
    }
    return hotlist_run(hotlist, statement);
}

static enum st changes(struct hotlist *hotlist, int which, const struct listing_change *list,
                       size_t size, uint32_t *count)
{
    enum st st = ST_OK;
    for (size_t n = 0; n < size && st == ST_OK; n++) {
        st = change(hotlist, which, &list[n], count);
    }
    return st;
}

/* --- deltas ---------------------------------------------------------------------------------- */

static bool is_contained(const struct hotlist_head *head, const struct hotlist_delta *delta)
{
    return head->version == delta->to && head->mark == delta->to_mark;
}

static enum st apply_locked(struct hotlist *hotlist, const struct hotlist_delta *delta)
{
    struct row row;
    enum st st = hotlist_head_get(hotlist, &row);
    if (st != ST_OK) {
        return st;
    }
    if (!is_contained(&row.head, delta)) {
        if (row.head.version != delta->from || row.head.mark != delta->from_mark) {
            fault_say(&hotlist->fault,
                      "A hotlist delta from version %u does not fit version %u: ask the club for "
                      "a snapshot.",
                      delta->from, row.head.version);
            return ST_REFUSED;
        }
        st = changes(hotlist, row.live, delta->changes, delta->count, &row.head.cards);
        row.head.version = delta->to;
        row.head.mark = delta->to_mark;
    }
    if (delta->made_s > 0) {
        row.head.made_s = delta->made_s;
    }
    return st == ST_OK ? head_put(hotlist, &row) : st;
}

enum st hotlist_apply(struct hotlist *hotlist, const struct hotlist_delta *delta)
{
    assert(delta->from <= delta->to && delta->count <= HOTLIST_CHANGES_MAX);
    assert(delta->from < delta->to || delta->count == 0);
    assert(delta->to_mark >= 0 && delta->to_mark <= HOTLIST_MARK_MAX && delta->made_s >= 0);
    enum st st = hotlist_begin(hotlist);
    return st == ST_OK ? hotlist_end(hotlist, apply_locked(hotlist, delta)) : st;
}

/* --- snapshots ------------------------------------------------------------------------------- */

static enum st clear(struct hotlist *hotlist, int which)
{
    return hotlist_run(hotlist, hotlist_use(hotlist, SQL_CLEAR + which));
}

/* The snapshot is whole: it takes the place of the list in force. */
static enum st switch_over(struct hotlist *hotlist, struct row *row)
{
    enum st st = clear(hotlist, row->live);
    *row = (struct row){.live = 1 - row->live,
                        .head = {.version = row->head.next_version,
                                 .mark = row->head.next_mark,
                                 .cards = row->next_cards}};
    return st;
}

static bool is_loaded(const struct row *row, const struct hotlist_piece *piece)
{
    const struct hotlist_head *head = &row->head;
    const bool is_same = head->next_version == piece->version && head->next_mark == piece->mark;
    const uint64_t last = piece->count > 0 ? piece->cards[piece->count - 1].card : piece->after;
    return is_same && piece->after < head->next_after && last <= head->next_after &&
           !piece->is_last;
}

static enum st load_locked(struct hotlist *hotlist, const struct hotlist_piece *piece)
{
    struct row row;
    enum st st = hotlist_head_get(hotlist, &row);
    if (st != ST_OK || is_loaded(&row, piece)) {
        return st;
    }
    struct hotlist_head *head = &row.head;
    if (piece->after == 0) {
        st = clear(hotlist, 1 - row.live);
        head->next_version = piece->version;
        head->next_mark = piece->mark;
        head->next_after = 0;
        row.next_cards = 0;
    } else if (head->next_version != piece->version || head->next_mark != piece->mark ||
               head->next_after != piece->after) {
        fault_say(&hotlist->fault, "This piece of a hotlist does not follow the last one: ask the "
                                   "club for the next.");
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        st = changes(hotlist, 1 - row.live, piece->cards, piece->count, &row.next_cards);
    }
    if (piece->count > 0) {
        head->next_after = piece->cards[piece->count - 1].card;
    }
    if (st == ST_OK && piece->is_last) {
        st = switch_over(hotlist, &row);
    }
    return st == ST_OK ? head_put(hotlist, &row) : st;
}

enum st hotlist_load(struct hotlist *hotlist, const struct hotlist_piece *piece)
{
    assert(piece->count <= HOTLIST_CHANGES_MAX);
    assert(piece->version >= 1 || (piece->is_last && piece->count == 0 && piece->after == 0));
    assert(piece->mark >= 0 && piece->mark <= HOTLIST_MARK_MAX);
    for (size_t n = 0; n < piece->count; n++) {
        assert(piece->cards[n].card > (n > 0 ? piece->cards[n - 1].card : piece->after));
        assert(piece->cards[n].listing != LISTING_NONE);
    }
    enum st st = hotlist_begin(hotlist);
    return st == ST_OK ? hotlist_end(hotlist, load_locked(hotlist, piece)) : st;
}

/* --- checking -------------------------------------------------------------------------------- */

enum st hotlist_verify(struct hotlist *hotlist)
{
    struct row row;
    enum st st = hotlist_begin(hotlist); /* one view, and nobody writes meanwhile */
    if (st != ST_OK) {
        return st;
    }
    sqlite3_stmt *check = NULL;
    int code = sqlite3_prepare_v2(hotlist->db, "PRAGMA integrity_check(1)", -1, &check, NULL);
    code = code == SQLITE_OK ? sqlite3_step(check) : code;
    const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(check, 0) : NULL;
    st = hotlist_status_of(hotlist, code, "check it");
    if (st == ST_OK && (text == NULL || strcmp(text, "ok") != 0)) {
        st = hotlist_corrupt(hotlist, "its pages contradict each other");
    }
    (void)sqlite3_finalize(check);
    st = st == ST_OK ? hotlist_head_get(hotlist, &row) : st;
    for (int which = 0; which < 2 && st == ST_OK; which++) {
        sqlite3_stmt *statement = hotlist_use(hotlist, SQL_COUNT + which);
        st = hotlist_first(hotlist, statement);
        const int64_t count = st == ST_OK ? sqlite3_column_int64(statement, 0) : 0;
        (void)sqlite3_reset(statement);
        const uint32_t should = which == row.live ? row.head.cards : row.next_cards;
        if (st == ST_OK && count != should) {
            st = hotlist_corrupt(hotlist, "it holds other cards than its head says");
        }
    }
    return hotlist_end(hotlist, st == ST_OK ? ST_REFUSED : st) == ST_REFUSED ? ST_OK : st;
}
