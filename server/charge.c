#include "server/charge.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "server/actions_priv.h"
#include "server/change.h"

enum { CARDS_A_STEP = 200 };

struct charge {
    int64_t number, made_to;
    bool exists, is_done;
};

/* --- the row ------------------------------------------------------------------------------- */

static bool same_text(struct db_stmt *stmt, int column, const char *text)
{
    const char *held = db_text(stmt, column);
    return held != NULL && strcmp(held, text) == 0;
}

static enum st find(struct db *db, const struct charge_order *order, struct charge *ret,
                    struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    *ret = (struct charge){.exists = false};
    enum st st = db_prepare(db,
                            "SELECT charge, made_to, is_done, grp, kind, amount, until, say, giver"
                            " FROM charge WHERE ref = $1",
                            "t", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &ret->exists, order->ref);
    }
    if (st == ST_OK && ret->exists) {
        ret->number = db_i64(stmt, 0);
        ret->made_to = db_i64(stmt, 1);
        ret->is_done = db_i64(stmt, 2) != 0;
        const bool is_same = db_i64(stmt, 3) == order->group && db_i64(stmt, 4) == order->kind &&
                             db_i64(stmt, 5) == order->amount &&
                             db_i64(stmt, 6) == order->until_s && same_text(stmt, 7, order->text) &&
                             same_text(stmt, 8, order->giver);
        if (!is_same) {
            fault_say(fault,
                      "Charge \"%.40s\" was another one (group, kind, amount, text or last day): "
                      "give this one a reference of its own.",
                      order->ref);
            st = ST_REFUSED;
        }
    }
    db_finish(stmt);
    return st;
}

/* In a write transaction of its own: two operators at once make one charge. */
static enum st begin(struct actions *actions, const struct charge_order *order, int64_t now_s,
                     struct charge *ret, struct fault *fault)
{
    struct db_stmt *stmt = NULL, *last = NULL;
    bool row = false;
    enum st st = db_begin_write(actions->db);
    if (st == ST_OK) {
        st = find(actions->db, order, ret, fault);
    }
    if (st == ST_OK && !ret->exists) {
        st = db_prepare(actions->db, "SELECT charge FROM charge ORDER BY charge DESC LIMIT 1", "",
                        &last);
        st = st == ST_OK ? db_first(last, &row) : st;
        ret->number = st == ST_OK && row ? db_i64(last, 0) + 1 : 1;
        db_finish(last);
        st = st == ST_OK
                 ? db_prepare(actions->db,
                              "INSERT INTO charge (charge, ref, grp, kind, amount, until, say,"
                              " giver, at, made_to, is_done)"
                              " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0)",
                              "itiiiitti", &stmt)
                 : st;
        st = st == ST_OK ? db_run(stmt, ret->number, order->ref, (int64_t)order->group,
                                  (int64_t)order->kind, order->amount, order->until_s, order->text,
                                  order->giver, now_s)
                         : st;
        db_finish(stmt);
    }
    return actions_end(actions, st, fault);
}

static enum st note(struct actions *actions, const struct charge *charge)
{
    struct db_stmt *stmt = NULL;
    enum st st =
        db_prepare(actions->db, "UPDATE charge SET made_to = $2, is_done = $3 WHERE charge = $1",
                   "iii", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, charge->number, charge->made_to, (int64_t)charge->is_done);
    }
    db_finish(stmt);
    return st;
}

/* --- the cards ----------------------------------------------------------------------------- */

static enum st charge_card(struct actions *actions, const struct charge_order *order,
                           const struct charge *charge, int64_t card, int64_t now_s,
                           struct charge_result *result, struct fault *fault)
{
    char ref[ACTIONS_REF_MAX + 1];
    const bool is_layout = order->kind == ACTION_LAYOUT;
    struct action_order one = {
        .action = {.kind = order->kind,
                   .origin = is_layout ? ORIGIN_CORRECTION : ORIGIN_GROUP_CHARGE,
                   .value = is_layout ? (uint16_t)order->amount : 0,
                   .card_number = (uint64_t)card,
                   .amount = is_layout ? 0 : order->amount,
                   .until_s = order->until_s},
        .ref = ref,
        .giver = order->giver,
        .charge = charge->number};
    struct action_made made;
    (void)snprintf(ref, sizeof ref, "%s/%016" PRId64, order->ref, card);
    memcpy(one.action.text, order->text, strlen(order->text));
    enum st st = order_take(actions, &one, now_s, &made, fault);
    result->made += st == ST_OK && made.is_new;
    return st;
}

static bool is_of(const struct charge_order *order, const struct snapshot *card)
{
    return order->kind == ACTION_LAYOUT ? card->layout < order->amount
                                        : card->group == order->group;
}

/* Is it of the group, and somebody's to use? */
static bool is_meant(struct db_stmt *stmt, const struct charge_order *order,
                     struct charge_result *result)
{
    struct snapshot snapshot;
    size_t size = 0;
    const void *image = db_bytes(stmt, 1, &size);
    if (size != SNAPSHOT_IMAGE_BYTES || snapshot_decode(image, &snapshot) != ST_OK ||
        !is_of(order, &snapshot)) {
        return false;
    }
    const bool is_left_out = snapshot.status == CARD_CLOSED || db_i64(stmt, 2) != 0;
    result->left_out += is_left_out;
    return !is_left_out;
}

/* The next cards. They are read before anything is written: one statement at a time. */
static enum st step(struct actions *actions, const struct charge_order *order,
                    struct charge *charge, int64_t now_s, struct charge_result *result,
                    struct fault *fault)
{
    int64_t cards[CARDS_A_STEP];
    size_t count = 0, seen = 0;
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(actions->db,
                            "SELECT c.card_no, c.image, EXISTS (SELECT 1 FROM hotlist h"
                            " WHERE h.card_no = c.card_no) FROM card c WHERE c.card_no > $1"
                            " ORDER BY c.card_no LIMIT $2",
                            "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, charge->made_to, (int64_t)CARDS_A_STEP);
    }
    while (st == ST_OK && row) {
        charge->made_to = db_i64(stmt, 0);
        if (is_meant(stmt, order, result)) {
            cards[count++] = charge->made_to;
        }
        seen++;
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        st = charge_card(actions, order, charge, cards[i], now_s, result, fault);
    }
    charge->is_done = seen < CARDS_A_STEP;
    result->seen += seen;
    if (st == ST_OK) {
        st = books_flush(actions, now_s);
    }
    return st == ST_OK ? note(actions, charge) : st;
}

static enum st check(const struct charge_order *order, struct fault *fault)
{
    const struct action tried = {.kind = order->kind};
    enum book book;
    if (strlen(order->ref) == 0 || strlen(order->ref) > CHARGE_REF_MAX ||
        strlen(order->text) > ACTION_TEXT_BYTES) {
        fault_say(fault, "A charge has a reference of 1 to %d bytes and a text of at most %d.",
                  CHARGE_REF_MAX, ACTION_TEXT_BYTES);
        return ST_FOREIGN;
    }
    if (order->group == CHARGE_EVERY && order->kind != ACTION_LAYOUT) {
        fault_say(fault, "Say which group is given that: 0 to 255.");
        return ST_FOREIGN;
    }
    if (order->group != CHARGE_EVERY && !row_money(&tried, &book)) {
        fault_say(fault, "A group is given credit, gift, voucher or points.");
        return ST_FOREIGN;
    }
    if (order->kind == ACTION_LAYOUT &&
        (order->amount <= SNAPSHOT_LAYOUT_FIRST || order->amount > SNAPSHOT_LAYOUT_MAX)) {
        fault_say(fault, "Cards go over to a layout from %d to %d.", SNAPSHOT_LAYOUT_FIRST + 1,
                  SNAPSHOT_LAYOUT_MAX);
        return ST_FOREIGN;
    }
    return ST_OK;
}

enum st charge_run(struct actions *actions, const struct charge_order *order, int64_t now_s,
                   void (*progress)(const struct charge_result *), struct charge_result *ret,
                   struct fault *fault)
{
    struct charge charge = {.exists = false};
    *ret = (struct charge_result){0};
    enum st st = actions_can_seal(actions, fault);
    if (st == ST_OK) {
        st = check(order, fault);
    }
    if (st == ST_OK) {
        st = begin(actions, order, now_s, &charge, fault);
    }
    ret->charge = charge.number;
    ret->was_done = charge.is_done;
    while (st == ST_OK && !charge.is_done) {
        const int64_t began_ms = change_clock_ms();
        st = db_begin_write(actions->db);
        /* Where it stands is read again: somebody else may be at it, too. */
        st = st == ST_OK ? find(actions->db, order, &charge, fault) : st;
        st = st == ST_OK ? actions_look(actions) : st;
        if (st == ST_OK && !charge.is_done) {
            st = step(actions, order, &charge, now_s, ret, fault);
        }
        st = actions_end(actions, st, fault);
        if (st == ST_OK && progress != NULL) {
            progress(ret);
        }
        if (st == ST_OK && !charge.is_done) {
            change_leave_room(began_ms); /* terminals sync meanwhile */
        }
    }
    return st;
}

/* --- lists --------------------------------------------------------------------------------- */

enum st charge_find(struct db *db, const char *ref, int64_t *ret, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, "SELECT charge FROM charge WHERE ref = $1", "t", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, ref);
    }
    if (st == ST_OK && row) {
        *ret = db_i64(stmt, 0);
    }
    db_finish(stmt);
    if (st == ST_OK && !row) {
        fault_say(fault, "There is no charge \"%.60s\".", ref);
        return ST_REFUSED;
    }
    return st;
}

#define COUNT_OF(states)                                                                           \
    "(SELECT count(*) FROM action a WHERE a.charge = c.charge AND a.charge <> 0"                   \
    " AND a.state IN (" states "))"

static const char sql_list[] =
    "SELECT ref, grp, kind, amount, until, say, at, is_done, " COUNT_OF("2") ", " COUNT_OF(
        "1, 3") ", " COUNT_OF("4") ", charge FROM charge c WHERE charge > $1"
                                   " AND ($2 = 0 OR charge = $2) ORDER BY charge LIMIT $3";

/* Of whom: a group, or null. */
static json_t *group_json(int64_t group)
{
    return group == CHARGE_EVERY ? json_null() : json_integer((json_int_t)group);
}

static json_t *row_json(struct db_stmt *stmt)
{
    return json_pack(
        "{s:s, s:o, s:s, s:I, s:I, s:s, s:I, s:b, s:I, s:I, s:I}", "id", db_text(stmt, 0), "group",
        group_json(db_i64(stmt, 1)), "kind", action_kind_word((enum action_kind)db_i64(stmt, 2)),
        "amount", (json_int_t)db_i64(stmt, 3), "until", (json_int_t)db_i64(stmt, 4), "text",
        db_text(stmt, 5), "made_at", (json_int_t)db_i64(stmt, 6), "done",
        (int)(db_i64(stmt, 7) != 0), "collected", (json_int_t)db_i64(stmt, 8), "waiting",
        (json_int_t)db_i64(stmt, 9), "returned", (json_int_t)db_i64(stmt, 10));
}

enum st charge_array(struct db *db, int64_t after, int64_t only, size_t limit, json_t **ret,
                     int64_t *ret_last)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    json_t *array = json_array();
    enum st st = db_prepare(db, sql_list, "iii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, after, only, (int64_t)limit);
    }
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        *ret_last = db_i64(stmt, 11);
        st = json_array_append_new(array, row_json(stmt)) == 0 ? ST_OK : ST_FULL;
    }
    db_finish(stmt);
    if (st != ST_OK) {
        json_decref(array);
        return st;
    }
    *ret = array;
    return ST_OK;
}

enum st charge_write(struct db *db, bool as_json, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false, is_first = true;
    enum st st = db_prepare(db, sql_list, "iii", &stmt);
    if (st == ST_OK) {
        fputs(as_json ? "[" : "", out);
        st = db_first(stmt, &row, INT64_C(0), INT64_C(0), INT64_MAX);
    }
    while (st == ST_OK && row) {
        const char *kind = action_kind_word((enum action_kind)db_i64(stmt, 2));
        if (as_json) {
            json_t *line = row_json(stmt);
            char *text = json_dumps(line, JSON_COMPACT);
            fprintf(out, "%s\n%s", is_first ? "" : ",", text == NULL ? "{}" : text);
            free(text);
            json_decref(line);
        } else {
            fprintf(out, "%s: ", db_text(stmt, 0));
            if (db_i64(stmt, 1) == CHARGE_EVERY) {
                fputs("every card", out);
            } else {
                fprintf(out, "group %" PRId64, db_i64(stmt, 1));
            }
            fprintf(out,
                    ", %s %" PRId64 "%s; collected %" PRId64 ", waiting %" PRId64
                    ", returned %" PRId64 "\n",
                    kind, db_i64(stmt, 3),
                    db_i64(stmt, 7) != 0 ? "" : " (not made to the end: give the command again)",
                    db_i64(stmt, 8), db_i64(stmt, 9), db_i64(stmt, 10));
        }
        is_first = false;
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    if (st == ST_OK) {
        fputs(as_json ? "]\n" : is_first ? "No charge.\n" : "", out);
    }
    return st;
}
