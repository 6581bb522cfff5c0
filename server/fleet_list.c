/* The fleet as JSON and as a table (fleet.h). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/certs.h"
#include "server/fleet.h"
#include "server/fleet_trouble.h"
#include "server/rows.h"
#include "server/updates.h"

/* clang-format off */
static const char sql_fleet[] =
    "SELECT t.term_id, m.name, b.name, CASE WHEN t.dead_at <> 0 THEN 'dead'"
    " WHEN NOT EXISTS (SELECT 1 FROM cert c WHERE c.term_id = t.term_id) OR EXISTS"
    " (SELECT 1 FROM cert c WHERE c.term_id = t.term_id AND c.revoked_at = 0) THEN 'good'"
    " ELSE 'revoked' END AS state,"
    " t.last_at, t.unsent, t.pending, t.oldest, t.clock,"
    " t.firmware, t.prog, t.refused, t.refused_say,"
    " coalesce((SELECT min(c.issued_at) FROM cert c WHERE c.term_id = t.term_id"
    " AND c.revoked_at = 0), 0),"
    " coalesce((SELECT max(c.ends_at) FROM cert c WHERE c.term_id = t.term_id"
    " AND c.revoked_at = 0 AND c.replaced_at = 0 AND c.seen_at <> 0), 0),"
    " coalesce((SELECT max(c.late_at) FROM cert c WHERE c.term_id = t.term_id), 0),"
    " coalesce((SELECT max(x.at) FROM tcase x WHERE x.term_id = t.term_id"
    " AND x.why = 'chain' AND x.closed_at = 0), 0),"
    " coalesce(d.board, ''), coalesce(d.version, 0), coalesce(d.slot, ''), coalesce(d.good, 0),"
    " coalesce(d.other, 0), coalesce(d.failed, 0), coalesce(d.self_test, ''),"
    " coalesce(d.free, 0), coalesce(d.upd, ''), coalesce(d.have, 0), coalesce(d.consent, 0),"
    " coalesce(d.has_clock, 0), coalesce(d.clock_error, 0), coalesce(d.hotlist, 0),"
    " coalesce(d.version_at, 0) FROM term t JOIN merchant m ON m.merch = t.merch"
    " JOIN branch b ON b.branch = t.branch LEFT JOIN device d ON d.term_id = t.term_id"
    " WHERE t.term_id >= $1 AND t.term_id <= $2 ORDER BY t.term_id LIMIT $3";
/* clang-format on */

enum column {
    TERMINAL,
    MERCHANT,
    BRANCH,
    STATE,
    SEEN,
    UNSENT,
    PENDING,
    OLDEST,
    CLOCK,
    FIRMWARE,
    PROGRAMME,
    REFUSED,
    REFUSED_SAY,
    APPROVED,
    CERT_ENDS,
    CERT_LATE,
    CHAIN,
    BOARD,
    VERSION,
    SLOT,
    GOOD,
    OTHER,
    FAILED,
    SELF_TEST,
    FREE,
    UPDATE,
    HAVE,
    CONSENT,
    HAS_CLOCK,
    CLOCK_ERROR,
    HOTLIST,
    VERSION_AT,
};

/* By hal/clock.h. */
static const char *const clock_words[] = {"unset", "by_hand", "by_club"};

/* --- one row ------------------------------------------------------------------------------- */

/* What the row says, for the rules; its texts stay until the next step. */
static struct fleet_facts facts_of(struct db_stmt *stmt, int64_t dead_days, int64_t now_s)
{
    return (struct fleet_facts){
        .terminal = (uint32_t)db_i64(stmt, TERMINAL),
        .merchant = db_text(stmt, MERCHANT),
        .branch = db_text(stmt, BRANCH),
        .now_s = now_s,
        .dead_days = dead_days,
        .approved_at = db_i64(stmt, APPROVED),
        .seen_at = db_i64(stmt, SEEN),
        .cert_ends_at = db_i64(stmt, CERT_ENDS),
        .cert_late_at = db_i64(stmt, CERT_LATE),
        .chain_at = db_i64(stmt, CHAIN),
        .unsent = db_i64(stmt, UNSENT),
        .oldest_at = db_i64(stmt, OLDEST),
        .has_clock = db_i64(stmt, HAS_CLOCK) != 0,
        .is_clock_unset = db_i64(stmt, SEEN) != 0 && db_i64(stmt, CLOCK) == 0,
        .clock_error_s = db_i64(stmt, CLOCK_ERROR),
        .refused = db_i64(stmt, REFUSED),
        .refused_say = db_text(stmt, REFUSED_SAY),
        .has_device = db_text(stmt, BOARD)[0] != '\0',
        .version = (uint32_t)db_i64(stmt, VERSION),
        .failed = (uint32_t)db_i64(stmt, FAILED),
        .is_good = db_i64(stmt, GOOD) != 0,
        .version_at = db_i64(stmt, VERSION_AT),
        .free_bytes = db_i64(stmt, FREE),
        .self_test = db_text(stmt, SELF_TEST),
        .update = db_text(stmt, UPDATE),
    };
}

static json_t *number_or_null(int64_t value, bool is_there)
{
    return is_there ? json_integer(value) : json_null();
}

static json_t *text_or_null(const char *text, bool is_there)
{
    return is_there ? json_string(text) : json_null();
}

static json_t *troubles_array(const struct fleet_trouble *troubles, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct fleet_trouble *trouble = &troubles[i];
        json_t *object =
            json_pack("{s:s, s:s, s:s, s:o}", "trouble", fleet_trouble_word(trouble->kind), "say",
                      trouble->say, "fa", trouble->fa, "command",
                      text_or_null(trouble->command, trouble->command[0] != '\0'));
        if (json_array_append_new(array, object) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static bool put_terminal(json_t *row, struct db_stmt *stmt, const struct fleet_facts *facts)
{
    const int64_t clock = db_i64(stmt, CLOCK);
    const bool is_seen = facts->seen_at != 0;
    return put_number(row, "terminal", facts->terminal) &&
           put_text(row, "merchant", facts->merchant) && put_text(row, "branch", facts->branch) &&
           put_text(row, "state", db_text(stmt, STATE)) &&
           put_json(row, "seen_at", number_or_null(facts->seen_at, is_seen)) &&
           put_number(row, "unsent", facts->unsent) &&
           put_number(row, "pending", db_i64(stmt, PENDING)) &&
           put_json(row, "oldest_at", number_or_null(facts->oldest_at, facts->oldest_at != 0)) &&
           put_json(row, "clock", text_or_null(clock_words[clock], is_seen)) &&
           put_json(row, "clock_error", number_or_null(facts->clock_error_s, facts->has_clock)) &&
           put_text(row, "firmware", db_text(stmt, FIRMWARE)) &&
           put_number(row, "programme", db_i64(stmt, PROGRAMME)) &&
           put_json(row, "refused", number_or_null(facts->refused, facts->refused != 0)) &&
           put_text(row, "refused_say", facts->refused_say) &&
           put_number(row, "hotlist", db_i64(stmt, HOTLIST)) &&
           put_json(row, "certificate_ends_at",
                    number_or_null(facts->cert_ends_at, facts->cert_ends_at != 0));
}

static bool put_device(json_t *row, struct db_stmt *stmt, const struct fleet_facts *facts,
                       const struct wire_update *offer)
{
    const bool has = facts->has_device;
    const int64_t other = db_i64(stmt, OTHER);
    return put_json(row, "board", text_or_null(db_text(stmt, BOARD), has)) &&
           put_json(row, "version", number_or_null(facts->version, has)) &&
           put_json(row, "slot", text_or_null(db_text(stmt, SLOT), has)) &&
           put_json(row, "good", has ? json_boolean(facts->is_good) : json_null()) &&
           put_json(row, "other", number_or_null(other, other != 0)) &&
           put_json(row, "failed", number_or_null(facts->failed, facts->failed != 0)) &&
           put_json(row, "self_test", text_or_null(facts->self_test, has)) &&
           put_json(row, "free", number_or_null(facts->free_bytes, has)) &&
           put_json(row, "update", text_or_null(facts->update, has)) &&
           put_json(row, "have", number_or_null(db_i64(stmt, HAVE), has)) &&
           put_json(row, "consent", has ? json_boolean(db_i64(stmt, CONSENT) != 0) : json_null()) &&
           put_json(row, "offered", number_or_null(offer->version, offer->is_there));
}

/* Which terminals, and which of them. */
struct choice {
    uint32_t first, last;
    size_t look_max; /* terminals that are looked at */
    size_t max;      /* rows */
    bool everyone, is_troubled;
    int64_t dead_days, now_s;
};

/* *ret is NULL for one that is not wanted. */
static enum st make_row(struct db *db, struct db_stmt *stmt, const struct choice *choice,
                        json_t **ret)
{
    const struct fleet_facts facts = facts_of(stmt, choice->dead_days, choice->now_s);
    const bool is_in_use = strcmp(db_text(stmt, STATE), "good") == 0;
    struct fleet_trouble troubles[FLEET_TROUBLES];
    struct wire_update offer = {.is_there = false};
    const size_t count = is_in_use ? fleet_troubles(&facts, troubles) : 0;
    *ret = NULL;
    if ((!is_in_use && !choice->everyone) || (count == 0 && choice->is_troubled)) {
        return ST_OK;
    }
    enum st st = facts.has_device && is_in_use ? updates_offer(db, facts.terminal, &offer) : ST_OK;
    if (st != ST_OK) {
        return st;
    }
    json_t *row = json_object();
    if (!put_terminal(row, stmt, &facts) || !put_device(row, stmt, &facts, &offer) ||
        !put_json(row, "troubles", troubles_array(troubles, count))) {
        json_decref(row);
        return ST_FULL;
    }
    *ret = row;
    return ST_OK;
}

/* --- the array ----------------------------------------------------------------------------- */

static size_t rank_of(json_t *row)
{
    json_t *first = json_array_get(json_object_get(row, "troubles"), 0);
    const char *word = json_string_value(json_object_get(first, "trouble"));
    size_t rank = 0;
    while (rank < FLEET_TROUBLES &&
           (word == NULL || strcmp(fleet_trouble_word((enum fleet_trouble_kind)rank), word) != 0)) {
        rank++;
    }
    return rank;
}

static json_int_t number_in(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

static int compare(const void *a, const void *b)
{
    json_t *const *one = a, *const *other = b;
    const size_t rank = rank_of(*one), other_rank = rank_of(*other);
    const json_int_t number = number_in(*one, "terminal"),
                     other_number = number_in(*other, "terminal");
    return rank != other_rank ? (rank < other_rank ? -1 : 1)
                              : (number > other_number) - (number < other_number);
}

/* By trouble, in place. */
static enum st sort(json_t *array)
{
    const size_t count = json_array_size(array);
    json_t **rows = malloc((count + 1) * sizeof *rows);
    if (rows == NULL) {
        return ST_FULL;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i] = json_incref(json_array_get(array, i));
    }
    qsort(rows, count, sizeof *rows, compare);
    bool done = true;
    for (size_t i = 0; i < count; i++) {
        done = json_array_set_new(array, i, rows[i]) == 0 && done;
    }
    free(rows);
    return done ? ST_OK : ST_FULL;
}

/* By number. *ret_next: the last one that was looked at, when there are more; else 0. */
static enum st read_rows(struct db *db, const struct choice *choice, json_t **ret,
                         uint32_t *ret_next)
{
    struct db_stmt *stmt = NULL;
    json_t *array = json_array();
    size_t looked = 0;
    uint32_t last = 0;
    bool row = false;
    enum st st = array == NULL ? ST_FULL : db_prepare(db, sql_fleet, "iii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)choice->first, (int64_t)choice->last,
                      (int64_t)choice->look_max + 1);
    }
    while (st == ST_OK && row && looked < choice->look_max &&
           json_array_size(array) < choice->max) {
        json_t *object = NULL;
        st = make_row(db, stmt, choice, &object);
        if (st == ST_OK && object != NULL && json_array_append_new(array, object) != 0) {
            st = ST_FULL;
        }
        last = (uint32_t)db_i64(stmt, TERMINAL);
        looked++;
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    db_finish(stmt);
    if (st != ST_OK) {
        json_decref(array);
        return st;
    }
    *ret = array;
    *ret_next = row ? last : 0;
    return ST_OK;
}

enum st fleet_array(struct db *db, uint32_t terminal, bool everyone, int64_t now_s, json_t **ret)
{
    struct choice choice = {.first = terminal,
                            .last = terminal == 0 ? UINT32_MAX : terminal,
                            .look_max = INT32_MAX,
                            .max = INT32_MAX,
                            .everyone = everyone || terminal != 0,
                            .now_s = now_s};
    uint32_t next = 0;
    enum st st = fleet_dead_days(db, &choice.dead_days);
    if (st == ST_OK) {
        st = read_rows(db, &choice, ret, &next);
    }
    if (st == ST_OK) {
        st = sort(*ret);
        if (st != ST_OK) {
            json_decref(*ret);
        }
    }
    return st;
}

enum st fleet_part(struct db *db, const struct fleet_part *part, int64_t now_s, json_t **ret,
                   uint32_t *ret_next)
{
    struct choice choice = {.first = part->after + 1,
                            .last = UINT32_MAX,
                            .look_max = FLEET_LOOK_MAX,
                            .max = part->max,
                            .everyone = part->everyone,
                            .is_troubled = part->is_troubled,
                            .now_s = now_s};
    const enum st st = fleet_dead_days(db, &choice.dead_days);
    return st == ST_OK ? read_rows(db, &choice, ret, ret_next) : st;
}

static enum st put_past(struct db *db, uint32_t terminal, json_t *object)
{
    static const char *const columns[] = {"iat", "twhat", "iversion", "tsay", NULL};
    struct db_stmt *stmt = NULL;
    json_t *past = NULL;
    enum st st = db_prepare(db,
                            "SELECT at, CASE what WHEN 1 THEN 'runs' WHEN 2 THEN 'fell_back'"
                            " WHEN 3 THEN 'self_test' ELSE 'good' END, version, say"
                            " FROM device_past WHERE term_id = $1 ORDER BY no DESC",
                            "i", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, (int64_t)terminal);
        st = rows_read(stmt, columns, FLEET_EVENTS_MAX, &past);
    }
    db_finish(stmt);
    return st == ST_OK && !put_json(object, "past", past) ? ST_FULL : st;
}

enum st fleet_object(struct db *db, uint32_t terminal, int64_t now_s, json_t **ret,
                     struct fault *fault)
{
    json_t *rows = NULL, *certificates = NULL;
    enum st st = fleet_array(db, terminal, true, now_s, &rows);
    *ret = NULL;
    if (st == ST_OK && (terminal == 0 || json_array_size(rows) == 0)) {
        fault_say(fault, "There is no terminal %u: see vafa-club fleet --all.", terminal);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        *ret = json_incref(json_array_get(rows, 0));
        st = put_past(db, terminal, *ret);
    }
    if (st == ST_OK) {
        st = certs_array(db, terminal, &certificates);
        st = st == ST_OK && !put_json(*ret, "certificates", certificates) ? ST_FULL : st;
    }
    if (st != ST_OK) {
        json_decref(*ret);
        *ret = NULL;
    }
    json_decref(rows);
    return st;
}

/* --- for people ---------------------------------------------------------------------------- */

/* The text in so many places, counted in letters; cut when it has more. */
static void print_cell(FILE *out, const char *text, size_t width)
{
    size_t letters = 0, at = 0;
    while (text[at] != '\0') {
        const bool begins = ((unsigned char)text[at] & 0xc0) != 0x80;
        if (begins && letters == width) {
            break;
        }
        letters += begins;
        at++;
    }
    fprintf(out, "%.*s%*s  ", (int)at, text, (int)(width - letters), "");
}

static void ago(int64_t at, int64_t now_s, char ret[FLEET_SPAN_BYTES])
{
    if (at == 0) {
        (void)snprintf(ret, FLEET_SPAN_BYTES, "-");
    } else {
        fleet_span(now_s > at ? now_s - at : 0, ret);
    }
}

static void text_or_dash(const json_t *row, const char *name, char ret[FLEET_SPAN_BYTES])
{
    const json_t *value = json_object_get(row, name);
    (void)snprintf(
        ret, FLEET_SPAN_BYTES, "%.30s",
        json_is_string(value) && json_string_length(value) != 0 ? json_string_value(value) : "-");
}

enum { SHOP_BYTES = 2 * WIRE_NAME_MAX + 8 };

static const struct {
    const char *name;
    size_t width;
} cells[] = {{"No", 4},      {"Shop", 24},  {"Board", 18},  {"Version", 9}, {"Self-test", 9},
             {"Seen", 10},   {"Unsent", 6}, {"Oldest", 10}, {"Clock", 12},  {"Free", 7},
             {"Program", 7}, {"Cert", 8},   {"State", 7}};
enum { CELLS = sizeof cells / sizeof cells[0] };

/* What is left of its certificate. */
static void certificate_cell(const json_t *row, int64_t now_s, char ret[FLEET_SPAN_BYTES])
{
    const int64_t ends_at = number_in(row, "certificate_ends_at");
    if (ends_at <= now_s) {
        (void)snprintf(ret, FLEET_SPAN_BYTES, "%s", ends_at == 0 ? "-" : "ended");
    } else {
        fleet_span(ends_at - now_s, ret);
    }
}

static void clock_cell(const json_t *row, char ret[FLEET_SPAN_BYTES])
{
    const json_t *error = json_object_get(row, "clock_error");
    char span[FLEET_SPAN_BYTES];
    if (!json_is_integer(error)) {
        (void)snprintf(ret, FLEET_SPAN_BYTES, "-");
        return;
    }
    const int64_t error_s = json_integer_value(error);
    fleet_span(error_s < 0 ? -error_s : error_s, span);
    (void)snprintf(ret, FLEET_SPAN_BYTES, "%s%.28s", error_s < 0 ? "-" : "+", span);
}

static void version_cell(const json_t *row, char ret[FLEET_SPAN_BYTES])
{
    if (json_is_null(json_object_get(row, "version"))) {
        (void)snprintf(ret, FLEET_SPAN_BYTES, "-");
        return;
    }
    (void)snprintf(ret, FLEET_SPAN_BYTES, "%" JSON_INTEGER_FORMAT " %s%s",
                   number_in(row, "version"), json_string_value(json_object_get(row, "slot")),
                   json_is_true(json_object_get(row, "good")) ? "" : " trial");
}

static void self_test_cell(const json_t *row, char ret[FLEET_SPAN_BYTES])
{
    const char *text = json_string_value(json_object_get(row, "self_test"));
    (void)snprintf(ret, FLEET_SPAN_BYTES, "%s",
                   text == NULL                  ? "-"
                   : fleet_has_failed_test(text) ? "failed"
                                                 : text);
}

static void print_row(const json_t *row, int64_t now_s, FILE *out)
{
    char text[CELLS][FLEET_SPAN_BYTES], shop[SHOP_BYTES];
    const char *shown[CELLS];
    for (size_t i = 0; i < CELLS; i++) {
        shown[i] = text[i];
    }
    (void)snprintf(shop, sizeof shop, "%s, %s", json_string_value(json_object_get(row, "merchant")),
                   json_string_value(json_object_get(row, "branch")));
    shown[1] = shop;
    (void)snprintf(text[0], sizeof text[0], "%" JSON_INTEGER_FORMAT, number_in(row, "terminal"));
    text_or_dash(row, "board", text[2]);
    version_cell(row, text[3]);
    self_test_cell(row, text[4]);
    ago(number_in(row, "seen_at"), now_s, text[5]);
    (void)snprintf(text[6], sizeof text[6], "%" JSON_INTEGER_FORMAT, number_in(row, "unsent"));
    ago(number_in(row, "oldest_at"), now_s, text[7]);
    clock_cell(row, text[8]);
    if (json_is_integer(json_object_get(row, "free"))) {
        fleet_bytes(number_in(row, "free"), text[9]);
    } else {
        (void)snprintf(text[9], sizeof text[9], "-");
    }
    (void)snprintf(text[10], sizeof text[10], "%" JSON_INTEGER_FORMAT, number_in(row, "programme"));
    certificate_cell(row, now_s, text[11]);
    text_or_dash(row, "state", text[12]);
    for (size_t i = 0; i < CELLS; i++) {
        print_cell(out, shown[i], cells[i].width);
    }
    fputs("\n", out);
}

static void print_troubles(const json_t *row, FILE *out)
{
    json_t *troubles = json_object_get(row, "troubles"), *trouble = NULL;
    size_t i = 0;
    json_array_foreach(troubles, i, trouble)
    {
        const char *command = json_string_value(json_object_get(trouble, "command"));
        fprintf(out, "      ! %s", json_string_value(json_object_get(trouble, "say")));
        fprintf(out, command == NULL ? "\n" : "\n          %s\n", command);
    }
}

static void print_table(json_t *rows, int64_t now_s, FILE *out)
{
    json_t *row = NULL;
    size_t i = 0, troubled = 0;
    json_array_foreach(rows, i, row)
    {
        troubled += json_array_size(json_object_get(row, "troubles")) != 0;
    }
    fprintf(out, "%zu terminals, %zu of them in trouble.\n\n", json_array_size(rows), troubled);
    for (i = 0; i < CELLS && json_array_size(rows) != 0; i++) {
        print_cell(out, cells[i].name, cells[i].width);
    }
    fputs("\n", out);
    json_array_foreach(rows, i, row)
    {
        print_row(row, now_s, out);
        print_troubles(row, out);
    }
}

enum st fleet_write(struct db *db, bool as_json, bool everyone, int64_t now_s, FILE *out)
{
    json_t *rows = NULL;
    enum st st = fleet_array(db, 0, everyone, now_s, &rows);
    if (st == ST_OK && as_json) {
        json_t *whole = json_pack("{s:O}", "terminals", rows);
        st = print_json(whole, out);
        json_decref(whole);
    } else if (st == ST_OK) {
        print_table(rows, now_s, out);
    }
    json_decref(rows);
    return st;
}

static void print_past(const json_t *object, int64_t now_s, FILE *out)
{
    json_t *past = json_object_get(object, "past"), *event = NULL;
    char span[FLEET_SPAN_BYTES];
    size_t i = 0;
    fputs(json_array_size(past) == 0 ? "" : "\nWhat it told of its versions, newest first:\n", out);
    json_array_foreach(past, i, event)
    {
        const char *what = json_string_value(json_object_get(event, "what"));
        const char *say = json_string_value(json_object_get(event, "say"));
        ago(number_in(event, "at"), now_s, span);
        fprintf(out, "  %s ago: version %" JSON_INTEGER_FORMAT " %s%s\n", span,
                number_in(event, "version"),
                strcmp(what, "fell_back") == 0   ? "fell back"
                : strcmp(what, "self_test") == 0 ? "failed its self-test: "
                : strcmp(what, "good") == 0      ? "was marked good"
                                                 : "runs",
                say);
    }
}

enum st fleet_show(struct db *db, uint32_t terminal, bool as_json, int64_t now_s, FILE *out,
                   struct fault *fault)
{
    json_t *object = NULL;
    enum st st = fleet_object(db, terminal, now_s, &object, fault);
    if (st == ST_OK && as_json) {
        st = print_json(object, out);
    } else if (st == ST_OK) {
        json_t *plain = json_copy(object);
        (void)json_object_del(plain, "troubles");
        (void)json_object_del(plain, "past");
        print_plain(plain, out);
        json_decref(plain);
        print_troubles(object, out);
        print_past(object, now_s, out);
    }
    json_decref(object);
    return st;
}
