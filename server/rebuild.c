/* The gap report of a terminal (rebuild.h). A terminal's numbers count all its entries; cards name
 * only the transactions among them, so the report bounds what may be missing and never guesses. */
#include "server/rebuild.h"

#include <inttypes.h>
#include <time.h>

#include "firmware/engine/snapshot.h"
#include "server/accounts.h"

enum { TIME_TEXT_MAX = 32, MISSING_LINES_MAX = 1000 };

struct gaps {
    int64_t has, last_at, dead_at, unsent; /* entries here, last sync, unsent then */
    int64_t recovered, amount;             /* posted by proof, and their amounts */
    int64_t unexplained;                   /* in ACCOUNT_RECOVERED, rials and points by magnitude */
    int64_t missing;                       /* named by a card and not posted */
    int64_t last;                          /* the highest number that any card names */
    int64_t silent, silent_most;           /* numbers no card names; transactions among them */
};

static const char *time_text(int64_t time_s, char ret[TIME_TEXT_MAX])
{
    struct tm tm;
    time_t t = (time_t)time_s;
    if (time_s <= 0 || gmtime_r(&t, &tm) == NULL ||
        strftime(ret, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        return "never";
    }
    return ret;
}

static enum st numbers(struct db *db, const char *sql, int64_t terminal, size_t count,
                       int64_t *const *ret, bool *ret_row)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db, sql, "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret_row, terminal);
    }
    for (size_t i = 0; st == ST_OK && *ret_row && i < count; i++) {
        *ret[i] = db_i64(stmt, (int)i);
    }
    db_finish(stmt);
    return st;
}

/* Between two transactions that cards name lie the outcome of the first and what no card names. Of
 * `count` numbers at most half are transactions: each has an outcome of its own. */
static void add_silent(struct gaps *gaps, int64_t count, bool after_named)
{
    gaps->silent += count;
    gaps->silent_most += (after_named && count > 0 ? count - 1 : count) / 2;
}

static enum st count_silent(struct db *db, int64_t terminal, struct gaps *gaps)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    int64_t at = gaps->has;
    enum st st = db_prepare(db,
                            "SELECT term_seq FROM (SELECT term_seq FROM proof WHERE term_id = $1"
                            " UNION SELECT term_seq FROM seen WHERE term_id = $1) z"
                            " WHERE term_seq > $2 ORDER BY term_seq",
                            "ii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, terminal, gaps->has);
    }
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        const int64_t sequence = db_i64(stmt, 0);
        add_silent(gaps, sequence - at - 1, at != gaps->has);
        at = sequence;
    }
    db_finish(stmt);
    gaps->last = at;
    return st;
}

static enum st count_gaps(struct db *db, int64_t terminal, struct gaps *ret, struct fault *fault)
{
    bool row = false;
    *ret = (struct gaps){0};
    enum st st =
        numbers(db, "SELECT hi, last_at, dead_at, unsent FROM term WHERE term_id = $1", terminal, 4,
                (int64_t *[]){&ret->has, &ret->last_at, &ret->dead_at, &ret->unsent}, &row);
    if (st == ST_OK && !row) {
        fault_say(fault, "There is no terminal %lld: see `vafa-club terminals`.",
                  (long long)terminal);
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        st = numbers(db,
                     "SELECT count(*), CAST(coalesce(sum(t.amount), 0) AS BIGINT) FROM proof p"
                     " JOIN txn t ON t.card_no = p.card_no AND t.card_ctr = p.card_ctr"
                     " WHERE p.term_id = $1",
                     terminal, 2, (int64_t *[]){&ret->recovered, &ret->amount}, &row);
    }
    if (st == ST_OK) {
        st = numbers(db,
                     "SELECT CAST(coalesce(sum(abs(amount)), 0) AS BIGINT) FROM jrn"
                     " WHERE term_id = $1 AND acct = 11",
                     terminal, 1, (int64_t *[]){&ret->unexplained}, &row);
    }
    if (st == ST_OK) {
        st = numbers(db,
                     "SELECT count(*) FROM seen s JOIN term t ON t.term_id = s.term_id"
                     " WHERE s.term_id = $1 AND s.term_seq > t.hi",
                     terminal, 1, (int64_t *[]){&ret->missing}, &row);
    }
    return st == ST_OK ? count_silent(db, terminal, ret) : st;
}

/* --- writing ------------------------------------------------------------------------------- */

static void write_head(const struct gaps *gaps, int64_t terminal, bool as_json, FILE *out)
{
    char when[TIME_TEXT_MAX], dead[TIME_TEXT_MAX];
    if (as_json) {
        fprintf(out,
                "{\"v\":1,\"terminal\":%" PRId64 ",\"has\":%" PRId64 ",\"last_at\":%" PRId64
                ",\"dead_at\":%" PRId64 ",\"unsent\":%" PRId64 ",\"named_to\":%" PRId64
                ",\"recovered\":%" PRId64 ",\"amount\":%" PRId64 ",\"unexplained\":%" PRId64
                ",\"missing_named\":%" PRId64 ",\"silent\":%" PRId64 ",\"silent_most\":%" PRId64
                ",\"missing\":[",
                terminal, gaps->has, gaps->last_at, gaps->dead_at, gaps->unsent, gaps->last,
                gaps->recovered, gaps->amount, gaps->unexplained, gaps->missing, gaps->silent,
                gaps->silent_most);
        return;
    }
    fprintf(out,
            "terminal %" PRId64 ": the club has numbers 1 to %" PRId64
            "; last sync %s, then %" PRId64 " unsent; %s%s\n",
            terminal, gaps->has, time_text(gaps->last_at, when), gaps->unsent,
            gaps->dead_at != 0 ? "dead since " : "not declared dead",
            gaps->dead_at != 0 ? time_text(gaps->dead_at, dead) : "");
    if (gaps->last == gaps->has) {
        fputs("  no card names a later number\n", out);
        return;
    }
    fprintf(out,
            "  numbers %" PRId64 " to %" PRId64 " by the cards: %" PRId64
            " transactions recovered, %" PRId64 " still missing\n"
            "  recovered: %" PRId64 " rials of amounts; %" PRId64
            " are not explained by the cards\n"
            "  %" PRId64 " numbers are named by no card: outcomes, readings, and at most %" PRId64
            " transactions of cards not seen since; after %" PRId64 " nobody knows\n",
            gaps->has + 1, gaps->last, gaps->recovered, gaps->missing, gaps->amount,
            gaps->unexplained, gaps->silent, gaps->silent_most, gaps->last);
}

/* When the card was last seen: its last posting, or the reading that named the entry. */
static int64_t seen_at(struct db_stmt *stmt)
{
    size_t size = 0;
    struct entry entry;
    const void *raw = db_bytes(stmt, 4, &size);
    const int64_t posted = db_i64(stmt, 3);
    if (raw == NULL || entry_decode(raw, size, &entry) != ST_OK) {
        return posted;
    }
    return entry.time_s > posted ? entry.time_s : posted;
}

static enum st write_missing(struct db *db, int64_t terminal, bool as_json, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    int64_t lines = 0;
    char when[TIME_TEXT_MAX];
    enum st st =
        db_prepare(db,
                   "SELECT s.term_seq, s.card_no, s.card_ctr, coalesce((SELECT max(x.ts) FROM txn x"
                   " WHERE x.card_no = s.card_no), 0), r.raw, s.by_term FROM seen s"
                   " JOIN term t ON t.term_id = s.term_id"
                   " LEFT JOIN rec r ON r.term_id = s.by_term AND r.term_seq = s.by_seq"
                   " WHERE s.term_id = $1 AND s.term_seq > t.hi ORDER BY s.term_seq",
                   "i", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, terminal);
    }
    while (st == ST_OK && lines < MISSING_LINES_MAX && (st = db_step(stmt, &row)) == ST_OK && row) {
        const int64_t at = seen_at(stmt);
        fprintf(out,
                as_json ? "%s\n{\"sequence\":%" PRId64 ",\"card\":%" PRId64 ",\"counter\":%" PRId64
                          ",\"seen_at\":%" PRId64 ",\"seen_by\":%" PRId64 "}"
                        : "%s  number %" PRId64 ": card %" PRId64 " transaction %" PRId64,
                as_json && lines > 0 ? "," : "", db_i64(stmt, 0), db_i64(stmt, 1), db_i64(stmt, 2),
                at, db_i64(stmt, 5));
        if (!as_json) {
            fprintf(out, ", last seen %s; its neighbour is missing\n", time_text(at, when));
        }
        lines++;
    }
    db_finish(stmt);
    return st;
}

/* Counters that no card's ring showed any more: whose they were, nobody can tell. */
static enum st write_lost(struct db *db, bool as_json, FILE *out)
{
    int64_t lost = 0, cards = 0;
    bool row = false;
    enum st st = numbers(
        db,
        "SELECT CAST(coalesce(sum(g), 0) AS BIGINT), count(*) FROM (SELECT c.known - c.cnt -"
        " (SELECT count(*) FROM seen s WHERE s.card_no = c.card_no) AS g FROM card c"
        " WHERE c.hi < c.known AND c.card_no > $1) z WHERE g > 0",
        0, 2, (int64_t *[]){&lost, &cards}, &row);
    if (st == ST_OK) {
        fprintf(out,
                as_json ? "],\"lost\":%" PRId64 ",\"lost_cards\":%" PRId64 "}\n"
                        : "  all terminals: %" PRId64 " transactions of %" PRId64
                          " cards were shown by no ring\n",
                lost, cards);
    }
    return st;
}

enum st rebuild_report(struct db *db, uint32_t terminal, bool as_json, FILE *out,
                       struct fault *fault)
{
    struct gaps gaps;
    enum st st = db_exec(db, "BEGIN");
    if (st != ST_OK) {
        return st;
    }
    st = count_gaps(db, terminal, &gaps, fault);
    if (st == ST_OK) {
        write_head(&gaps, terminal, as_json, out);
        st = write_missing(db, terminal, as_json, out);
    }
    if (st == ST_OK) {
        st = write_lost(db, as_json, out);
    }
    enum st ended = db_exec(db, "COMMIT");
    return st == ST_OK ? ended : st;
}
