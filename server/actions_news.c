/* What terminals are sent of actions (docs/sync.md, "Actions"). */
#include <string.h>

#include "hal/base/bytes.h"
#include "server/actions_priv.h"

/* Where a stream stands. */
struct place {
    int64_t no, mark;
};

static enum st newest(struct db *db, struct place *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, "SELECT no, mark FROM actlog ORDER BY no DESC LIMIT 1", "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    if (st == ST_OK) {
        *ret = row ? (struct place){db_i64(stmt, 0), db_i64(stmt, 1)} : (struct place){0, 0};
    }
    db_finish(stmt);
    return st;
}

enum st actions_newest(struct db *db, struct wire_actions_have *ret)
{
    struct place place = {0, 0};
    const enum st st = newest(db, &place);
    *ret = (struct wire_actions_have){.is_there = true, .no = (uint32_t)place.no};
    put_le64(ret->mark, (uint64_t)place.mark);
    return st;
}

enum st actions_is_known(struct db *db, const struct wire_actions_have *have, bool *ret)
{
    struct db_stmt *stmt = NULL;
    *ret = have->no == 0;
    if (*ret) {
        return ST_OK;
    }
    enum st st = db_prepare(db, "SELECT 1 FROM actlog WHERE no = $1 AND mark = $2", "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret, (int64_t)have->no, (int64_t)get_le64(have->mark));
    }
    db_finish(stmt);
    return st;
}

/* The image is made anew from the order: it is not kept twice. Columns as SQL_LIVE names them. */
static enum st read_item(struct db_stmt *stmt, struct wire_action *ret)
{
    *ret = (struct wire_action){.card_number = (uint64_t)db_i64(stmt, 2),
                                .number = (uint16_t)db_i64(stmt, 3),
                                .is_past = db_i64(stmt, 4) == 0};
    if (ret->is_past) {
        return ST_OK;
    }
    struct action_row row = {.action = {.card_number = ret->card_number,
                                        .number = ret->number,
                                        .id = (uint64_t)db_i64(stmt, 4),
                                        .origin = (enum action_origin)db_i64(stmt, 5),
                                        .kind = (enum action_kind)db_i64(stmt, 6),
                                        .value = (uint16_t)db_i64(stmt, 7),
                                        .amount = db_i64(stmt, 8),
                                        .until_s = db_i64(stmt, 9)},
                             .is_void = db_i64(stmt, 11) != 0};
    const char *text = db_text(stmt, 10);
    size_t size = 0;
    const void *seal = db_bytes(stmt, 12, &size);
    if (text == NULL || strlen(text) > ACTION_TEXT_BYTES || size != sizeof ret->seal) {
        return ST_CORRUPT;
    }
    memcpy(row.action.text, text, strlen(text));
    memcpy(ret->seal, seal, size);
    row_image(&row, ret->image);
    return ST_OK;
}

/* Live rows after `from` up to `newest`; of cards that went past, only those after `start`. */
#define SQL_LIVE                                                                                   \
    "SELECT l.no, l.mark, l.card_no, l.number, l.id, a.origin, a.kind, a.value, a.amount, "        \
    "a.until,"                                                                                     \
    " a.say, a.is_void, a.seal FROM actlog l LEFT JOIN action a ON a.card_no = l.card_no"          \
    " AND a.id = l.id WHERE l.is_live = 1 AND l.no > $1 AND l.no <= $2"                            \
    " AND (l.id <> 0 OR l.no > $3) ORDER BY l.no LIMIT $4"

static enum st read_live(struct db *db, const struct place *end, struct wire_action *list,
                         struct wire_actions *ret)
{
    struct db_stmt *stmt = NULL;
    struct place place = *end;
    bool row = false;
    uint32_t count = 0;
    enum st st = db_prepare(db, SQL_LIVE, "iiii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)ret->from, end->no, (int64_t)ret->start,
                      (int64_t)WIRE_ACTIONS_MAX);
    }
    while (st == ST_OK && row) {
        place = (struct place){db_i64(stmt, 0), db_i64(stmt, 1)};
        st = read_item(stmt, &list[count++]);
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    db_finish(stmt);
    if (count < WIRE_ACTIONS_MAX) {
        place = *end; /* what is between matters to nobody any more */
    }
    ret->count = count;
    ret->to = (uint32_t)place.no;
    put_le64(ret->mark, (uint64_t)place.mark);
    return st;
}

enum st actions_news(struct db *db, const struct wire_actions_have *have, struct wire_action *list,
                     struct wire_actions *ret)
{
    struct place end;
    bool known = false;
    *ret = (struct wire_actions){.list = list};
    enum st st = newest(db, &end);
    if (st == ST_OK) {
        st = actions_is_known(db, have, &known);
    }
    if (st != ST_OK || (known && have->no == end.no)) {
        return st;
    }
    ret->from = known ? have->no : 0;
    ret->start = ret->from == 0 ? (uint32_t)end.no : have->start;
    st = read_live(db, &end, list, ret);
    ret->is_there = st == ST_OK;
    return st;
}
