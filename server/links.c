#include "server/links.h"

#include <inttypes.h>
#include <string.h>

#include "firmware/engine/media.h"
#include "hal/base/bytes.h"
#include "server/change.h"
#include "server/ledger_priv.h"
#include "server/lost.h"

enum { MEDIUM_BYTES = 1 + ENTRY_TAG_BYTES };

static enum st put(struct ledger *ledger, const struct item *item, uint8_t kind,
                   const uint8_t medium[MEDIUM_BYTES], uint64_t number)
{
    struct db_stmt *last = ledger->sql[SQL_LINK_LAST];
    bool row = false;
    enum st st = db_first(last, &row);
    const int64_t no = st == ST_OK && row ? db_i64(last, 0) + 1 : 1;
    db_reset(last);
    if (st == ST_OK) {
        st = db_run(ledger->sql[SQL_LINK_PUT], medium, (size_t)MEDIUM_BYTES, (int64_t)kind,
                    (int64_t)number, (int64_t)item->entry.terminal, (int64_t)item->entry.sequence,
                    item->entry.time_s, no);
    }
    return st == ST_OK ? db_run(ledger->sql[SQL_LINK_LOG], no, medium, (size_t)MEDIUM_BYTES,
                                (int64_t)number)
                       : st;
}

/* The next medium that the query finds with `from` and `to` goes over to `to`. */
static enum st move_next(struct db *db, const char *sql, uint64_t from, uint64_t to, bool *ret_any)
{
    struct db_stmt *stmt = NULL;
    uint8_t medium[MEDIUM_BYTES];
    size_t size = 0;
    int64_t no = 0;
    enum st st = change_next_number(db, "SELECT no FROM linklog ORDER BY no DESC LIMIT 1", &no);
    if (st == ST_OK) {
        st = db_prepare(db, sql, "ii", &stmt);
    }
    if (st == ST_OK) {
        st = db_first(stmt, ret_any, (int64_t)from, (int64_t)to);
    }
    const void *found = st == ST_OK && *ret_any ? db_bytes(stmt, 0, &size) : NULL;
    if (found != NULL && size == sizeof medium) {
        memcpy(medium, found, size);
    } else if (st == ST_OK && *ret_any) {
        st = ST_CORRUPT;
    }
    db_finish(stmt);
    if (st != ST_OK || !*ret_any) {
        return st;
    }
    DB_ONCE(st, db, "UPDATE link SET card_no = $2, no = $3 WHERE medium = $1", "bii", medium,
            sizeof medium, (int64_t)to, no);
    if (st == ST_OK) {
        DB_ONCE(st, db, "INSERT INTO linklog (no, medium, card_no) VALUES ($1, $2, $3)", "ibi", no,
                medium, sizeof medium, (int64_t)to);
    }
    return st;
}

static enum st move_all(struct db *db, const char *sql, uint64_t from, uint64_t to)
{
    bool any = true;
    enum st st = ST_OK;
    while (st == ST_OK && any) {
        st = move_next(db, sql, from, to, &any);
    }
    return st;
}

enum st links_move(struct db *db, uint64_t from, uint64_t to)
{
    return move_all(
        db, "SELECT medium FROM link WHERE card_no = $1 AND $2 <> 0 ORDER BY no LIMIT 1", from, to);
}

enum st links_return(struct db *db, uint64_t from, uint64_t to)
{
    return move_all(db,
                    "SELECT l.medium FROM linklog g JOIN link l ON l.medium = g.medium"
                    " WHERE l.card_no = $1 AND g.card_no = $2 ORDER BY g.no LIMIT 1",
                    from, to);
}

enum st links_claim(struct ledger *ledger, const struct item *item, uint8_t kind,
                    uint8_t key_version, const uint8_t tag[ENTRY_TAG_BYTES], uint64_t number,
                    uint64_t *ret_first)
{
    uint8_t medium[MEDIUM_BYTES] = {key_version};
    memcpy(medium + 1, tag, ENTRY_TAG_BYTES);
    bool row = false;
    struct db_stmt *stmt = ledger->sql[SQL_LINK_GET];
    const enum st st = db_first(stmt, &row, medium, sizeof medium);
    *ret_first = st == ST_OK && row ? (uint64_t)db_i64(stmt, 0) : number;
    db_reset(stmt);
    return st == ST_OK && !row ? put(ledger, item, kind, medium, number) : st;
}

enum st links_post(struct ledger *ledger, const struct item *item)
{
    const struct entry_link *link = &item->entry.link;
    uint64_t first = 0, card = link->card_number;
    enum st st = links_claim(ledger, item, link->medium, link->key_version, link->tag,
                             link->card_number, &first);
    if (st == ST_OK && first != link->card_number) {
        st = card_successor(ledger->db, link->card_number, &card);
    }
    if (st != ST_OK || first == card) {
        return st; /* or it went on to the card that came in this one's place */
    }
    return case_open(ledger, "link", item, link->card_number, 0,
                     "Entry %u of terminal %u links a medium (%s) to card %016" PRIu64
                     ", but it finds card %016" PRIu64 ", which keeps it: ask the members whose it "
                     "is.",
                     item->entry.sequence, item->entry.terminal,
                     media_kind_word((enum media_kind)link->medium), link->card_number, first);
}

/* --- what is new ---------------------------------------------------------------------------- */

/* Whether the club's link number have->no is the one that the terminal means. */
static enum st is_known(struct db *db, const struct wire_links_have *have, bool *ret)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db, "SELECT medium FROM linklog WHERE no = $1", "i", &stmt);
    bool row = false;
    size_t size = 0;
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)have->no);
    }
    const uint8_t *medium = st == ST_OK && row ? db_bytes(stmt, 0, &size) : NULL;
    *ret = size == MEDIUM_BYTES && memcmp(medium + 1, have->mark, WIRE_LINK_MARK_BYTES) == 0;
    db_finish(stmt);
    return st;
}

static enum st read_new(struct db *db, struct wire_links *ret)
{
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(
        db, "SELECT medium, card_no FROM linklog WHERE no > $1 ORDER BY no LIMIT $2", "ii", &stmt);
    bool row = false;
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)ret->from, (int64_t)WIRE_LINKS_MAX);
    }
    while (st == ST_OK && row) {
        struct wire_link *link = &ret->list[ret->count];
        size_t size = 0;
        const uint8_t *medium = db_bytes(stmt, 0, &size);
        if (size != MEDIUM_BYTES) {
            st = ST_CORRUPT;
            break;
        }
        memcpy(link->medium, medium, size);
        link->card_number = (uint64_t)db_i64(stmt, 1);
        ret->count++;
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    return st;
}

enum st links_news(struct db *db, const struct wire_links_have *have, struct wire_links *ret)
{
    bool known = have->no == 0;
    *ret = (struct wire_links){.is_there = false};
    enum st st = known ? ST_OK : is_known(db, have, &known);
    ret->from = known ? have->no : 0;
    if (st == ST_OK) {
        st = read_new(db, ret);
    }
    ret->is_there = st == ST_OK && (ret->count > 0 || !known);
    return st;
}

/* --- for the operator ----------------------------------------------------------------------- */

static void write_row(struct db_stmt *stmt, bool as_json, bool is_first, FILE *out)
{
    char hex[2 * MEDIUM_BYTES + 1] = "";
    size_t size = 0;
    const uint8_t *medium = db_bytes(stmt, 0, &size);
    if (size == MEDIUM_BYTES) {
        hex_encode(medium, size, hex);
    }
    const char *kind = media_kind_word((enum media_kind)db_i64(stmt, 1));
    fprintf(out,
            as_json ? "%s{\"medium\":\"%s\",\"kind\":\"%s\",\"card\":\"%016lld\","
                      "\"terminal\":%lld,\"sequence\":%lld,\"time\":%lld}"
                    : "%s%s %s card %016lld, terminal %lld entry %lld at %lld\n",
            !as_json   ? ""
            : is_first ? "\n"
                       : ",\n",
            hex, kind, (long long)db_i64(stmt, 2), (long long)db_i64(stmt, 3),
            (long long)db_i64(stmt, 4), (long long)db_i64(stmt, 5));
}

enum st links_write(struct db *db, bool as_json, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false, is_first = true;
    enum st st = db_prepare(db,
                            "SELECT medium, kind, card_no, term_id, term_seq, at FROM link"
                            " ORDER BY at, term_id, term_seq",
                            "", &stmt);
    if (st == ST_OK) {
        fputs(as_json ? "[" : "", out);
        st = db_first(stmt, &row);
    }
    while (st == ST_OK && row) {
        write_row(stmt, as_json, is_first, out);
        is_first = false;
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    if (st == ST_OK) {
        fputs(as_json ? "]\n" : is_first ? "No medium is linked yet.\n" : "", out);
    }
    return st;
}
