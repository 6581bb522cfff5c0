#include "server/operators.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "firmware/engine/snapshot.h"
#include "server/ledger_priv.h"

enum { IDLE_MINUTES_DEFAULT = 10 };

static void use_db_fault(struct db *db, struct fault *fault)
{
    *fault = *db_fault(db);
}

/* One number out of a one-row query with one parameter; *ret stays when there is no row. */
static enum st query_number(struct db *db, const char *sql, int64_t parameter, int64_t *ret,
                            bool *ret_row)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db, sql, "i", &stmt);
    *ret_row = false;
    if (st == ST_OK) {
        st = db_first(stmt, ret_row, parameter);
    }
    if (st == ST_OK && *ret_row) {
        *ret = db_i64(stmt, 0);
    }
    db_finish(stmt);
    return st;
}

enum st operators_exists(struct db *db, uint32_t number, struct fault *fault)
{
    int64_t found = 0;
    bool row = false;
    enum st st =
        query_number(db, "SELECT removed_at FROM operator WHERE number = $1", number, &found, &row);
    if (st == ST_OK && (!row || found != 0)) {
        fault_say(fault,
                  row ? "Operator %u was removed; add a new one." : "There is no operator %u.",
                  number);
        return ST_REFUSED;
    }
    if (st != ST_OK) {
        use_db_fault(db, fault);
    }
    return st;
}

/* --- adding ---------------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
    json_t *value = json_string(name); /* UTF-8 or nothing */
    const bool is_good = value != NULL && name[0] != '\0' && strlen(name) < MANDATE_NAME_MAX;
    json_decref(value);
    return is_good;
}

static enum st check_new(struct db *db, const struct mandate_operator *of, int64_t merchant,
                         struct fault *fault)
{
    int64_t found = 0;
    bool row = false;
    enum st st = ST_OK;
    if (!is_name(of->name)) {
        fault_say(fault, "A name has 1 to %d bytes of UTF-8.", MANDATE_NAME_MAX - 1);
        return ST_FOREIGN;
    }
    if (merchant != 0) {
        st =
            query_number(db, "SELECT merch FROM merchant WHERE merch = $1", merchant, &found, &row);
        if (st == ST_OK && !row) {
            fault_say(fault, "There is no merchant %lld.", (long long)merchant);
            return ST_FOREIGN;
        }
    }
    if (st == ST_OK) {
        st = query_number(db, "SELECT number FROM operator WHERE card_no = $1 AND removed_at = 0",
                          (int64_t)of->card_number, &found, &row);
        if (st == ST_OK && row) {
            fault_say(fault, "This is the card of operator %lld.", (long long)found);
            return ST_REFUSED;
        }
    }
    if (st == ST_OK && of->number != 0) {
        st = query_number(db, "SELECT number FROM operator WHERE number = $1", of->number, &found,
                          &row);
        if (st == ST_OK && row) {
            fault_say(fault, "Number %u is, or was, an operator's: it is nobody else's.",
                      of->number);
            return ST_REFUSED;
        }
    }
    return st;
}

static enum st put_new(struct db *db, const struct mandate_operator *of, int64_t merchant,
                       int64_t now_s, int64_t number)
{
    struct db_stmt *stmt = NULL;
    enum st st =
        db_prepare(db,
                   "INSERT INTO operator (number, merch, name, role, card_no, pin,"
                   " blocked, unlocks, added_at) VALUES ($1, $2, $3, $4, $5, '', 0, 0, $6)",
                   "iitiii", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, number, merchant, of->name, (int64_t)of->role, (int64_t)of->card_number,
                    now_s);
    }
    db_finish(stmt);
    return st;
}

static enum st add_within(struct db *db, const struct mandate_operator *of, int64_t merchant,
                          int64_t now_s, int64_t *ret_number, struct fault *fault)
{
    int64_t last = 0;
    bool row = false;
    enum st st = check_new(db, of, merchant, fault);
    if (st == ST_OK) {
        st = query_number(db, "SELECT max(number) FROM operator WHERE number > $1", 0, &last, &row);
    }
    *ret_number = of->number != 0 ? of->number : last + 1;
    if (st == ST_OK && *ret_number > UINT16_MAX) {
        fault_say(fault, "Operators' numbers end at %d: give one that is free.", UINT16_MAX);
        return ST_REFUSED;
    }
    return st == ST_OK ? put_new(db, of, merchant, now_s, *ret_number) : st;
}

/* Ends a transaction; what the database has to say goes to `fault`, if nobody said more. */
static enum st end(struct db *db, enum st st, struct fault *fault)
{
    st = st == ST_OK ? db_commit(db) : st;
    if (st != ST_OK) {
        if (fault->say[0] == '\0') {
            use_db_fault(db, fault);
        }
        db_rollback(db);
    }
    return st;
}

enum st operators_add(struct db *db, const struct mandate_operator *of, int64_t merchant,
                      int64_t now_s, uint32_t *ret_number, struct fault *fault)
{
    int64_t number = 0;
    fault->say[0] = '\0';
    enum st st = db_begin_write(db);
    st = end(db, st == ST_OK ? add_within(db, of, merchant, now_s, &number, fault) : st, fault);
    if (st == ST_OK) {
        *ret_number = (uint32_t)number;
    }
    return st;
}

/* --- changing -------------------------------------------------------------------------------- */

/* Runs an UPDATE whose parameters are the number, and `text` if it is not NULL. */
static enum st change(struct db *db, const char *sql, uint32_t number, const char *text,
                      struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    enum st st = operators_exists(db, number, fault);
    if (st != ST_OK) {
        return st;
    }
    fault->say[0] = '\0';
    st = db_prepare(db, sql, text == NULL ? "i" : "it", &stmt);
    if (st == ST_OK) {
        st = text == NULL ? db_run(stmt, (int64_t)number) : db_run(stmt, (int64_t)number, text);
    }
    db_finish(stmt);
    if (st != ST_OK) {
        use_db_fault(db, fault);
    }
    return st;
}

enum st operators_set_pin(struct db *db, uint32_t number, const char *verifier, struct fault *fault)
{
    if (!pin_verifier_has_form(verifier)) {
        fault_say(fault, "Give what vafa-keys makes of the PIN, never the PIN: "
                         "vafa-keys pin STORE | vafa-club operator pin NUMBER --data DIR");
        return ST_FOREIGN;
    }
    return change(db, "UPDATE operator SET pin = $2 WHERE number = $1", number, verifier, fault);
}

enum st operators_block(struct db *db, uint32_t number, bool is_blocked, struct fault *fault)
{
    return change(db,
                  is_blocked ? "UPDATE operator SET blocked = 1 WHERE number = $1"
                             : "UPDATE operator SET blocked = 0 WHERE number = $1",
                  number, NULL, fault);
}

enum st operators_remove(struct db *db, uint32_t number, int64_t now_s, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    int64_t found = 0;
    bool row = false;
    enum st st =
        query_number(db, "SELECT removed_at FROM operator WHERE number = $1", number, &found, &row);
    if (st == ST_OK && row && found != 0) {
        return ST_OK;
    }
    st = st == ST_OK ? operators_exists(db, number, fault) : st;
    if (st != ST_OK) {
        return st;
    }
    /* What was kept of his PIN goes. */
    st = db_prepare(db, "UPDATE operator SET removed_at = $2, pin = '' WHERE number = $1", "ii",
                    &stmt);
    st = st == ST_OK ? db_run(stmt, (int64_t)number, now_s) : st;
    db_finish(stmt);
    if (st != ST_OK) {
        use_db_fault(db, fault);
    }
    return st;
}

enum st operators_unlock(struct db *db, uint32_t number, struct fault *fault)
{
    return change(db, "UPDATE operator SET unlocks = unlocks + 1 WHERE number = $1", number, NULL,
                  fault);
}

/* --- policy ---------------------------------------------------------------------------------- */

static enum st put_policy(struct db *db, const char *name, int64_t value)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "INSERT INTO club (name, value) VALUES ($1, $2)"
                            " ON CONFLICT (name) DO UPDATE SET value = $2",
                            "ti", &stmt);
    if (st == ST_OK) {
        st = db_run(stmt, name, value);
    }
    db_finish(stmt);
    return st;
}

enum st operators_set_policy(struct db *db, bool requires_sign_in, uint32_t idle_minutes)
{
    struct fault unused = {""};
    enum st st = db_begin_write(db);
    if (st == ST_OK) {
        st = put_policy(db, "sign_in", requires_sign_in);
    }
    if (st == ST_OK) {
        st = put_policy(db, "idle_minutes", idle_minutes);
    }
    return end(db, st, &unused);
}

enum st operators_policy(struct db *db, bool *ret_requires_sign_in, uint32_t *ret_idle_minutes)
{
    int64_t sign_in = 0, idle = IDLE_MINUTES_DEFAULT;
    bool row = false;
    enum st st = query_number(db, "SELECT value FROM club WHERE name = 'sign_in' AND $1 = 0", 0,
                              &sign_in, &row);
    if (st == ST_OK) {
        st = query_number(db, "SELECT value FROM club WHERE name = 'idle_minutes' AND $1 = 0", 0,
                          &idle, &row);
    }
    *ret_requires_sign_in = sign_in != 0;
    *ret_idle_minutes = (uint32_t)idle;
    return st;
}

/* --- reading --------------------------------------------------------------------------------- */

static enum st read_row(struct db_stmt *stmt, struct mandate_operator *ret)
{
    const char *name = db_text(stmt, 1), *pin = db_text(stmt, 4);
    *ret = (struct mandate_operator){.number = (uint32_t)db_i64(stmt, 0),
                                     .role = (uint8_t)db_i64(stmt, 2),
                                     .card_number = (uint64_t)db_i64(stmt, 3),
                                     .is_blocked = db_i64(stmt, 5) != 0,
                                     .unlocks = (uint32_t)db_i64(stmt, 6)};
    if (name == NULL || strlen(name) >= sizeof ret->name || pin == NULL ||
        strlen(pin) >= sizeof ret->pin) {
        return ST_CORRUPT;
    }
    memcpy(ret->name, name, strlen(name) + 1);
    memcpy(ret->pin, pin, strlen(pin) + 1);
    return ST_OK;
}

enum st operators_of(struct db *db, int64_t merchant, struct mandate_operator *ret,
                     size_t *ret_count, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st =
        db_prepare(db,
                   "SELECT number, name, role, card_no, pin, blocked, unlocks FROM operator"
                   " WHERE removed_at = 0 AND (merch = 0 OR merch = $1) ORDER BY number",
                   "i", &stmt);
    *ret_count = 0;
    if (st == ST_OK) {
        st = db_first(stmt, &row, merchant);
    }
    while (st == ST_OK && row) {
        if (*ret_count == MANDATE_OPERATORS_MAX) {
            fault_say(fault,
                      "Merchant %lld has more than %d operators: remove those who left (operator "
                      "remove), and add the others with the --merchant where they work.",
                      (long long)merchant, MANDATE_OPERATORS_MAX);
            st = ST_FULL;
            break;
        }
        st = read_row(stmt, &ret[*ret_count]);
        *ret_count += 1;
        st = st == ST_OK ? db_step(stmt, &row) : st;
    }
    db_finish(stmt);
    return st;
}

static void write_row(struct db_stmt *stmt, json_t *list, FILE *out)
{
    const uint8_t role = (uint8_t)db_i64(stmt, 2), event = (uint8_t)db_i64(stmt, 7);
    const bool has_pin = db_text(stmt, 4)[0] != '\0', is_blocked = db_i64(stmt, 5) != 0;
    const bool is_removed = db_i64(stmt, 10) != 0;
    if (list != NULL) {
        json_t *row =
            json_pack("{s:I, s:s, s:s, s:I, s:I, s:b, s:b, s:b, s:s, s:I, s:I}", "number",
                      (json_int_t)db_i64(stmt, 0), "name", db_text(stmt, 1), "role",
                      role_word(role), "card", (json_int_t)db_i64(stmt, 3), "merchant",
                      (json_int_t)db_i64(stmt, 6), "pin", has_pin, "blocked", is_blocked, "removed",
                      is_removed, "last", event == 0 ? "" : operator_event_word(event), "terminal",
                      (json_int_t)db_i64(stmt, 8), "time", (json_int_t)db_i64(stmt, 9));
        (void)json_array_append_new(list, row); /* a row that found no memory is left out */
        return;
    }
    fprintf(out, "%lld  %s  %s  card %016lld  merchant %lld%s%s", (long long)db_i64(stmt, 0),
            db_text(stmt, 1), role_word(role), (long long)db_i64(stmt, 3),
            (long long)db_i64(stmt, 6), has_pin || is_removed ? "" : "  no PIN",
            is_removed   ? "  REMOVED"
            : is_blocked ? "  BLOCKED"
                         : "");
    if (event != 0) {
        fprintf(out, "  last: %s at terminal %lld", operator_event_word(event),
                (long long)db_i64(stmt, 8));
    }
    fputc('\n', out);
}

enum st operators_list(struct db *db, bool as_json, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    json_t *list = as_json ? json_array() : NULL;
    enum st st =
        db_prepare(db,
                   "SELECT o.number, o.name, o.role, o.card_no, o.pin, o.blocked, o.merch,"
                   " coalesce(e.event, 0), coalesce(e.term_id, 0), coalesce(e.at, 0), o.removed_at"
                   " FROM operator AS o"
                   " LEFT JOIN opevent AS e ON e.number = o.number AND e.no ="
                   " (SELECT max(no) FROM opevent WHERE number = o.number) ORDER BY o.number",
                   "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    while (st == ST_OK && row) {
        write_row(stmt, list, out);
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    if (as_json && st == ST_OK) {
        (void)json_dumpf(list, out, JSON_INDENT(1));
        fputc('\n', out);
    }
    json_decref(list);
    return st;
}

/* --- what terminals tell ---------------------------------------------------------------------- */

enum st operators_post(struct ledger *ledger, const struct item *item)
{
    const struct entry_operator *of = &item->entry.operator_event;
    enum st st =
        db_run(ledger->sql[SQL_OPEVENT_PUT], (int64_t)item->entry.terminal,
               (int64_t)item->entry.sequence, (int64_t)of->number, (int64_t)of->event,
               (int64_t)item->entry.operator_no, (int64_t)of->card_number, item->entry.time_s);
    if (st == ST_OK && of->event == OPERATOR_LOCKED) {
        st =
            case_open(ledger, "pin", item, of->card_number, 0,
                      "Operator %u is locked at terminal %u after three wrong PINs (entry %u): ask "
                      "who had the card.",
                      of->number, item->entry.terminal, item->entry.sequence);
    }
    return st;
}
