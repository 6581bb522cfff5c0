/* Lost cards for people (lost.h). Rials are those of credit, gift and voucher together. */
#include <inttypes.h>

#include "server/lost_priv.h"
#include "server/rows.h"

/* clang-format off */

/* The actions of a lost card's releases. What was asked back and is not there is a loss; kinds 6
 * and 7 ask back credit and points, 5 gives points, 2 to 4 give rials. */
#define SUM(what)                                                                                  \
    "CAST(coalesce((SELECT sum(" what ") FROM lost_release r JOIN actref f ON f.id = r.id"         \
    " JOIN action a ON a.card_no = f.card_no AND a.id = r.id WHERE r.card_no = l.card_no"          \
    " AND r.round > 0), 0) AS BIGINT)"
#define WAITING(kinds)                                                                             \
    SUM("CASE WHEN a.kind IN (" kinds ") AND a.state IN (1, 3) THEN a.amount ELSE 0 END")
#define SHORT_OF(kind)                                                                             \
    SUM("CASE WHEN a.kind = " kind " AND a.state = 2 THEN a.amount + a.done"                       \
        " WHEN a.kind = " kind " AND a.state = 4 THEN a.amount ELSE 0 END")

/* What replacements began with: the first, and further ones, each of which is a loss. */
#define BEGAN(is_second, what)                                                                     \
    "CAST(coalesce((SELECT sum(" what ") FROM replacement p WHERE p.old_no = l.card_no"            \
    " AND p.is_second = " is_second "), 0) AS BIGINT)"
#define RIALS "p.x1 + p.x2 + p.x3"
#define POINTS "p.x0"

/* At risk: until the books have settled the part may be spent on both cards; then, what is asked
 * back. */
#define SQL_LOST                                                                                   \
    "SELECT l.card_no AS card, CASE WHEN l.new_no <> 0 AND l.held_at <> 0 THEN 'held'"             \
    " WHEN l.new_no <> 0 THEN 'replaced' WHEN l.found_at <> 0"       \
    " THEN 'found' ELSE 'lost' END AS state, l.listed_at, l.term_id, l.term_seq, l.found_at,"      \
    " l.settled_at, l.new_no AS new_no, l.replaced_at, l.round,"                                   \
    " CAST(coalesce(c.b1 + c.b2 + c.b3, 0) AS BIGINT) AS rials,"                                   \
    " CAST(coalesce(c.b0, 0) AS BIGINT) AS points, "                                               \
    BEGAN("0", RIALS) ", " BEGAN("0", POINTS) ","                                                  \
    " l.g1 + l.g2 + l.g3, l.g0, "                                                                  \
    WAITING("2, 3, 4") ", " WAITING("5") ", " WAITING("6") ", " WAITING("7") ","                   \
    " l.s1 + l.s2 + l.s3 + " SHORT_OF("6") " + " BEGAN("1", RIALS) " AS loss_rials,"               \
    " l.s0 + " SHORT_OF("7") " + " BEGAN("1", POINTS) " AS loss_points,"                           \
    " CASE WHEN l.settled_at = 0 THEN " BEGAN("0", RIALS) " ELSE " WAITING("6") " END"             \
    " AS risk_rials,"                                                                              \
    " CASE WHEN l.settled_at = 0 THEN " BEGAN("0", POINTS) " ELSE " WAITING("7") " END"            \
    " AS risk_points"                                                                              \
    " FROM lost l LEFT JOIN card c ON c.card_no = l.card_no"

/* clang-format on */

static const char *const loss_columns[] = {"icard",       "ireplaced_by", "irials",
                                           "ipoints",     "iloss_rials",  "iloss_points",
                                           "irisk_rials", "irisk_points", NULL};
const struct places lost_losses = {
    "SELECT card, new_no, rials, points, loss_rials, loss_points, risk_rials, risk_points"
    " FROM (" SQL_LOST ") z WHERE loss_rials <> 0 OR loss_points <> 0 OR risk_rials <> 0"
    " OR risk_points <> 0 ORDER BY card",
    loss_columns};

static const char *const columns[] = {
    "ccard",         "tstate",         "ireported_at",    "nterminal",         "nsequence",
    "nfound_at",     "nsettled_at",    "creplaced_by",    "nreplaced_at",      "irounds",
    "irials",        "ipoints",        "ipart_rials",     "ipart_points",      "igiven_rials",
    "igiven_points", "iwaiting_rials", "iwaiting_points", "iasked_back_rials", "iasked_back_points",
    "iloss_rials",   "iloss_points",   "irisk_rials",     "irisk_points",      NULL};

static enum st read_rows(struct db *db, const char *sql, const char *const *names, int64_t first,
                         int64_t limit, json_t **ret)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db, sql, "ii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, first, limit);
        st = rows_read(stmt, names, (size_t)limit, ret);
    }
    db_finish(stmt);
    return st;
}

enum st lost_array(struct db *db, uint64_t after, size_t limit, json_t **ret)
{
    return read_rows(db, SQL_LOST " WHERE l.card_no > $1 ORDER BY l.card_no LIMIT $2", columns,
                     (int64_t)after, (int64_t)limit, ret);
}

enum st lost_object(struct db *db, uint64_t card, json_t **ret)
{
    json_t *rows = NULL;
    *ret = NULL;
    const enum st st =
        read_rows(db, SQL_LOST " WHERE l.card_no = $1 LIMIT $2", columns, (int64_t)card, 1, &rows);
    if (st == ST_OK && json_array_size(rows) > 0) {
        *ret = json_incref(json_array_get(rows, 0));
    }
    json_decref(rows);
    return st;
}

/* One line for people: the figures that matter in the card's state. */
static void print_row(json_t *row, FILE *out)
{
    const char *by = json_string_value(json_object_get(row, "replaced_by"));
#define NUMBER(name) json_integer_value(json_object_get(row, name))
    fprintf(out, "%s %s since %" JSON_INTEGER_FORMAT "%s%s; ",
            json_string_value(json_object_get(row, "card")),
            json_string_value(json_object_get(row, "state")), NUMBER("reported_at"),
            by == NULL ? "" : " by ", by == NULL ? "" : by);
    fprintf(out,
            "%s; it carries %" JSON_INTEGER_FORMAT " rials, %" JSON_INTEGER_FORMAT
            " points; given %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT
            "; at risk %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT
            "; lost to the club %" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT "\n",
            NUMBER("settled_at") == 0 ? "terminals have still to sync" : "settled", NUMBER("rials"),
            NUMBER("points"), NUMBER("given_rials"), NUMBER("given_points"), NUMBER("risk_rials"),
            NUMBER("risk_points"), NUMBER("loss_rials"), NUMBER("loss_points"));
#undef NUMBER
}

enum st lost_write(struct db *db, bool as_json, FILE *out)
{
    json_t *rows = NULL, *row = NULL;
    size_t i = 0;
    enum st st = lost_array(db, 0, INT32_MAX, &rows);
    if (st == ST_OK && as_json) {
        st = print_json(rows, out);
    } else if (st == ST_OK) {
        fputs(json_array_size(rows) == 0 ? "No card was reported as lost.\n" : "", out);
        json_array_foreach(rows, i, row)
        {
            print_row(row, out);
        }
    }
    json_decref(rows);
    return st;
}

/* --- one card ------------------------------------------------------------------------------- */

static const char sql_reports[] =
    "SELECT term_id, term_seq, CASE event WHEN 1 THEN 'lost' ELSE 'found' END, at FROM lostrep"
    " WHERE card_no = $1 ORDER BY at, term_id, term_seq LIMIT $2";
static const char sql_replacements[] =
    "SELECT card_no, term_id, term_seq, at, CASE is_second WHEN 1 THEN 'second' ELSE 'first' END,"
    " x0, x1, x2, x3 FROM replacement WHERE old_no = $1 ORDER BY is_second, at, card_no LIMIT $2";
static const char sql_releases[] =
    "SELECT r.round, r.at, a.card_no, a.number, CASE a.kind WHEN 2 THEN 'credit' WHEN 3 THEN 'gift'"
    " WHEN 4 THEN 'voucher' WHEN 5 THEN 'points' WHEN 6 THEN 'take_credit' ELSE 'take_points' END,"
    " a.amount, CASE a.state WHEN 1 THEN 'waiting' WHEN 2 THEN 'applied' WHEN 3 THEN 'ended'"
    " WHEN 4 THEN 'returned' WHEN 6 THEN 'taken' ELSE 'stray' END, a.done"
    " FROM lost_release r JOIN actref f ON f.id = r.id JOIN action a ON a.card_no = f.card_no"
    " AND a.id = r.id WHERE r.card_no = $1 AND r.round > 0 ORDER BY r.round, r.n LIMIT $2";

static enum st put_rows(struct db *db, json_t *object, const char *name, const char *sql,
                        const char *const *names, uint64_t card)
{
    json_t *rows = NULL;
    const enum st st = read_rows(db, sql, names, (int64_t)card, INT32_MAX, &rows);
    return st == ST_OK && !put_json(object, name, rows) ? ST_FULL : st;
}

static enum st put_story(struct db *db, uint64_t card, json_t *object)
{
    static const char *const reports[] = {"iterminal", "isequence", "tevent", "iat", NULL};
    static const char *const replacements[] = {"ccard",    "iterminal", "isequence", "iat",
                                               "twhich",   "ipoints",   "icredit",   "igift",
                                               "ivoucher", NULL};
    static const char *const releases[] = {"iround",  "iat",    "ccard", "inumber", "tkind",
                                           "iamount", "tstate", "idone", NULL};
    enum st st = put_rows(db, object, "reports", sql_reports, reports, card);
    if (st == ST_OK) {
        st = put_rows(db, object, "replacements", sql_replacements, replacements, card);
    }
    return st == ST_OK ? put_rows(db, object, "releases", sql_releases, releases, card) : st;
}

enum st lost_show(struct db *db, uint64_t card, bool as_json, FILE *out, struct fault *fault)
{
    json_t *object = NULL;
    enum st st = lost_object(db, card, &object);
    if (st == ST_OK && object == NULL) {
        fault_say(fault, "Nobody reported card %016" PRIu64 " as lost.", card);
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        st = put_story(db, card, object);
    }
    if (st == ST_OK && as_json) {
        st = print_json(object, out);
    } else if (st == ST_OK) {
        print_plain(object, out);
    }
    json_decref(object);
    return st;
}

/* --- the dump ------------------------------------------------------------------------------- */

static const struct {
    const char *name, *sql;
    const char *const *columns;
} dumps[] = {
    {"lost",
     "SELECT card_no, new_no, settled_at, round, g0, g1, g2, g3, s0, s1, s2, s3, is_due FROM lost"
     " WHERE card_no > $1 ORDER BY card_no LIMIT $2",
     (const char *const[]){"icard", "ireplaced_by", "isettled_at", "iround", "ig0", "ig1", "ig2",
                           "ig3", "is0", "is1", "is2", "is3", "idue", NULL}},
    {"replacements",
     "SELECT card_no, old_no, term_id, term_seq, is_second, x0, x1, x2, x3 FROM replacement"
     " WHERE card_no > $1 ORDER BY card_no LIMIT $2",
     (const char *const[]){"icard", "iold", "iterminal", "isequence", "isecond", "ix0", "ix1",
                           "ix2", "ix3", NULL}},
    {"releases",
     "SELECT card_no, round, id FROM lost_release WHERE card_no > $1 AND round > 0"
     " ORDER BY card_no, round, n LIMIT $2",
     (const char *const[]){"icard", "iround", "iid", NULL}},
    {"duplicates",
     "SELECT card_no, term_id, term_seq, is_out, new_no, in_seq, o0, o1, o2, o3 FROM duplicate"
     " WHERE term_id > $1 ORDER BY term_id, term_seq LIMIT $2",
     (const char *const[]){"icard", "iterminal", "isequence", "iout", "inew", "iin_sequence", "io0",
                           "io1", "io2", "io3", NULL}},
};

enum st lost_dump(struct db *db, FILE *out)
{
    enum st st = ST_OK;
    for (size_t i = 0; i < sizeof dumps / sizeof dumps[0] && st == ST_OK; i++) {
        json_t *rows = NULL;
        st = read_rows(db, dumps[i].sql, dumps[i].columns, 0, INT32_MAX, &rows);
        fprintf(out, ",\n\"%s\":", dumps[i].name);
        if (st == ST_OK) {
            st = print_json(rows, out);
        }
        json_decref(rows);
    }
    return st;
}
