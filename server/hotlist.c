#include "server/hotlist.h"

#include <gnutls/crypto.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/snapshot.h"
#include "server/change.h"

enum { DIGITS = 16 };

/* --- versions -------------------------------------------------------------------------------- */

struct tip {
    uint32_t version; /* the newest; 0 = no change yet */
    int64_t mark;
};

static enum st tip_get(struct db *db, struct tip *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st =
        db_prepare(db, "SELECT version, mark FROM hotlog ORDER BY version DESC LIMIT 1", "", &stmt);
    st = st == ST_OK ? db_first(stmt, &row) : st;
    if (st == ST_OK) {
        *ret = row ? (struct tip){(uint32_t)db_i64(stmt, 0), db_i64(stmt, 1)} : (struct tip){0, 0};
    }
    db_finish(stmt);
    return st;
}

enum st hotlist_is_known(struct db *db, uint32_t version, int64_t mark, bool *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    if (version == 0) {
        *ret = mark == 0;
        return ST_OK;
    }
    enum st st =
        db_prepare(db, "SELECT 1 FROM hotlog WHERE version = $1 AND mark = $2", "ii", &stmt);
    st = st == ST_OK ? db_first(stmt, &row, (int64_t)version, mark) : st;
    *ret = row;
    db_finish(stmt);
    return st;
}

static enum st draw_mark(int64_t *ret, struct fault *fault)
{
    uint64_t mark = 0;
    if (gnutls_rnd(GNUTLS_RND_NONCE, &mark, sizeof mark) != 0) {
        fault_say(fault, "The system gives no random numbers.");
        return ST_IO;
    }
    *ret = (int64_t)(mark & (uint64_t)LISTING_MARK_MAX);
    return ST_OK;
}

/* --- changes --------------------------------------------------------------------------------- */

/* The statements of a run of changes, prepared once. */
struct changer {
    struct db *db;
    struct db_stmt *get, *put, *set, *drop, *log;
    struct tip tip;
    int64_t now_s;
};

static void changer_finish(struct changer *changer)
{
    db_finish(changer->get);
    db_finish(changer->put);
    db_finish(changer->set);
    db_finish(changer->drop);
    db_finish(changer->log);
}

static enum st changer_init(struct db *db, int64_t now_s, struct changer *ret)
{
    *ret = (struct changer){.db = db, .now_s = now_s};
    enum st st = tip_get(db, &ret->tip);
    st = st == ST_OK
             ? db_prepare(db, "SELECT reason FROM hotlist WHERE card_no = $1", "i", &ret->get)
             : st;
    st = st == ST_OK
             ? db_prepare(db, "INSERT INTO hotlist (card_no, reason, at) VALUES ($1, $2, $3)",
                          "iii", &ret->put)
             : st;
    st = st == ST_OK ? db_prepare(db, "UPDATE hotlist SET reason = $2, at = $3 WHERE card_no = $1",
                                  "iii", &ret->set)
                     : st;
    st = st == ST_OK ? db_prepare(db, "DELETE FROM hotlist WHERE card_no = $1", "i", &ret->drop)
                     : st;
    st = st == ST_OK ? db_prepare(db,
                                  "INSERT INTO hotlog (version, mark, card_no, reason, at)"
                                  " VALUES ($1, $2, $3, $4, $5)",
                                  "iiiii", &ret->log)
                     : st;
    return st;
}

static enum st change(struct changer *changer, uint64_t card, uint8_t listing, bool *ret_changed,
                      struct fault *fault)
{
    bool row = false;
    enum st st = db_first(changer->get, &row, (int64_t)card);
    const uint8_t before = st == ST_OK && row ? (uint8_t)db_i64(changer->get, 0) : LISTING_NONE;
    db_reset(changer->get);
    *ret_changed = st == ST_OK && before != listing;
    if (st != ST_OK || before == listing) {
        return st;
    }
    if (changer->tip.version == UINT32_MAX) {
        fault_say(fault, "The hotlist has had its last version.");
        return ST_FULL;
    }
    if (listing == LISTING_NONE) {
        st = db_run(changer->drop, (int64_t)card);
    } else {
        st = db_run(row ? changer->set : changer->put, (int64_t)card, (int64_t)listing,
                    changer->now_s);
    }
    st = st == ST_OK ? draw_mark(&changer->tip.mark, fault) : st;
    changer->tip.version++;
    return st == ST_OK ? db_run(changer->log, (int64_t)changer->tip.version, changer->tip.mark,
                                (int64_t)card, (int64_t)listing, changer->now_s)
                       : st;
}

enum st hotlist_set(struct db *db, uint64_t card, uint8_t listing, int64_t now_s, bool *ret_changed,
                    struct fault *fault)
{
    assert(card_number_is_valid(card) && listing <= LISTING_MAX);
    struct changer changer;
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        st = changer_init(db, now_s, &changer);
        st = st == ST_OK ? change(&changer, card, listing, ret_changed, fault) : st;
        changer_finish(&changer);
    }
    return change_end(db, st, fault);
}

enum st hotlist_list_within(struct db *db, uint64_t card, uint8_t listing, int64_t now_s)
{
    assert(card_number_is_valid(card) && listing != LISTING_NONE && listing <= LISTING_MAX);
    struct changer changer;
    struct fault fault = {""};
    bool row = false;
    enum st st = changer_init(db, now_s, &changer);
    st = st == ST_OK ? db_first(changer.get, &row, (int64_t)card) : st;
    if (st == ST_OK && !row) {
        st = change(&changer, card, listing, &row, &fault);
    }
    changer_finish(&changer);
    return st;
}

enum st hotlist_turn_within(struct db *db, uint64_t card, uint8_t from, uint8_t to, int64_t now_s)
{
    assert(from != LISTING_NONE && from <= LISTING_MAX && to <= LISTING_MAX);
    struct changer changer;
    struct fault fault = {""};
    bool row = false;
    enum st st = changer_init(db, now_s, &changer);
    st = st == ST_OK ? db_first(changer.get, &row, (int64_t)card) : st;
    const bool is_from = st == ST_OK && row && db_i64(changer.get, 0) == from;
    db_reset(changer.get);
    if (is_from) {
        st = change(&changer, card, to, &row, &fault);
    }
    changer_finish(&changer);
    return st;
}

enum st hotlist_refuse_within(struct db *db, uint64_t card, uint8_t listing, int64_t now_s)
{
    const enum st st = hotlist_list_within(db, card, listing, now_s);
    return st == ST_OK ? hotlist_turn_within(db, card, LISTING_LOST, listing, now_s) : st;
}

/* "9364000001000000 lost" -> card and reason. */
static bool read_line(const char *line, uint64_t *ret_card, uint8_t *ret_listing)
{
    char word[32];
    int used = 0;
    if (sscanf(line, "%" SCNu64 " %31s %n", ret_card, word, &used) != 2 || line[used] != '\0' ||
        !card_number_is_valid(*ret_card)) {
        return false;
    }
    *ret_listing = listing_of_word(word);
    return *ret_listing != LISTING_NONE || strcmp(word, "off") == 0;
}

static enum st read_lines(struct changer *changer, FILE *from, uint32_t *ret_changed,
                          struct fault *fault)
{
    enum st st = ST_OK;
    char line[64];
    *ret_changed = 0;
    for (unsigned number = 1; st == ST_OK && fgets(line, sizeof line, from) != NULL; number++) {
        uint64_t card = 0;
        uint8_t listing = LISTING_NONE;
        bool is_changed = false;
        if (line[strspn(line, " \t\r\n")] == '\0') {
            continue;
        }
        if (!read_line(line, &card, &listing)) {
            fault_say(fault,
                      "Line %u is not a card number and a reason (lost, stolen, blocked, clone, "
                      "replaced) or \"off\": nothing was changed.",
                      number);
            return ST_FOREIGN;
        }
        st = change(changer, card, listing, &is_changed, fault);
        *ret_changed += is_changed;
    }
    if (st == ST_OK && ferror(from)) {
        fault_say(fault, "The file could not be read to its end: nothing was changed.");
        st = ST_IO;
    }
    return st;
}

enum st hotlist_read(struct db *db, FILE *from, int64_t now_s, uint32_t *ret_changed,
                     struct fault *fault)
{
    struct changer changer;
    enum st st = change_begin(db, fault);
    if (st == ST_OK) {
        st = changer_init(db, now_s, &changer);
        st = st == ST_OK ? read_lines(&changer, from, ret_changed, fault) : st;
        changer_finish(&changer);
    }
    return change_end(db, st, fault);
}

enum st hotlist_write(struct db *db, bool json, FILE *to)
{
    struct db_stmt *stmt = NULL;
    bool row = true, is_first = true;
    struct tip tip = {0};
    enum st st = tip_get(db, &tip);
    st = st == ST_OK
             ? db_prepare(db, "SELECT card_no, reason, at FROM hotlist ORDER BY card_no", "", &stmt)
             : st;
    if (json) {
        fprintf(to, "{\"version\":%" PRIu32 ",\"cards\":[", tip.version);
    }
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        const char *word = listing_word((uint8_t)db_i64(stmt, 1));
        if (json) {
            fprintf(to, "%s\n{\"card\":\"%0*" PRId64 "\",\"reason\":\"%s\",\"since\":%" PRId64 "}",
                    is_first ? "" : ",", DIGITS, db_i64(stmt, 0), word, db_i64(stmt, 2));
        } else {
            fprintf(to, "%0*" PRId64 " %s %" PRId64 "\n", DIGITS, db_i64(stmt, 0), word,
                    db_i64(stmt, 2));
        }
        is_first = false;
    }
    if (json) {
        fprintf(to, "]}\n");
    }
    db_finish(stmt);
    return st;
}

/* --- news for a terminal --------------------------------------------------------------------- */

static int by_card(const void *a, const void *b)
{
    const struct listing_change *x = a, *y = b;
    return x->card < y->card ? -1 : x->card > y->card;
}

/* Keeps the last change of each card, ascending. `count` changes in the order of their versions. */
static uint32_t fold(struct listing_change *changes, uint32_t count)
{
    /* qsort() need not be stable: the order goes into the number itself. */
    static const uint64_t most = UINT64_C(1) << 14;
    _Static_assert(WIRE_CHANGES_MAX <= 1 << 14, "the place of a change fits");
    for (uint32_t n = 0; n < count; n++) {
        changes[n].card = changes[n].card / 10 * most + n;
    }
    qsort(changes, count, sizeof changes[0], by_card);
    uint32_t kept = 0;
    for (uint32_t n = 0; n < count; n++) {
        const bool is_last = n + 1 == count || changes[n + 1].card / most != changes[n].card / most;
        if (is_last) {
            changes[kept].card = card_number_make(changes[n].card / most);
            changes[kept++].listing = changes[n].listing;
        }
    }
    return kept;
}

static enum st delta_get(struct db *db, const struct wire_list_have *have, const struct tip *tip,
                         struct listing_change *changes, struct wire_list *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = true;
    uint32_t count = 0;
    *ret = (struct wire_list){.from = have->version,
                              .from_mark = have->mark,
                              .to = have->version,
                              .to_mark = have->mark,
                              .changes = changes};
    enum st st = db_prepare(db,
                            "SELECT version, mark, card_no, reason FROM hotlog WHERE version > $1"
                            " ORDER BY version LIMIT $2",
                            "ii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, (int64_t)have->version, (int64_t)WIRE_CHANGES_MAX);
    }
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        ret->to = (uint32_t)db_i64(stmt, 0);
        ret->to_mark = db_i64(stmt, 1);
        changes[count++] =
            (struct listing_change){(uint64_t)db_i64(stmt, 2), (uint8_t)db_i64(stmt, 3)};
    }
    db_finish(stmt);
    ret->count = fold(changes, count);
    ret->is_newest = ret->to >= tip->version; /* one more may have come since: the next contact */
    return st;
}

static enum st piece_get(struct db *db, const struct wire_list_have *have, const struct tip *tip,
                         struct listing_change *changes, struct wire_list *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = true, goes_on = false;
    enum st st = ST_OK;
    if (have->has_next) {
        st = hotlist_is_known(db, have->next_version, have->next_mark, &goes_on);
    }
    *ret = (struct wire_list){
        .is_piece = true, .to = tip->version, .to_mark = tip->mark, .changes = changes};
    if (goes_on) {
        ret->to = have->next_version;
        ret->to_mark = have->next_mark;
        ret->after = have->next_after;
    }
    st = st == ST_OK ? db_prepare(db,
                                  "SELECT card_no, reason FROM hotlist WHERE card_no > $1"
                                  " ORDER BY card_no LIMIT $2",
                                  "ii", &stmt)
                     : st;
    if (st == ST_OK) {
        db_bind(stmt, (int64_t)ret->after, (int64_t)WIRE_CHANGES_MAX + 1);
    }
    while (st == ST_OK && (st = db_step(stmt, &row)) == ST_OK && row) {
        if (ret->count == WIRE_CHANGES_MAX) {
            db_reset(stmt);
            break;
        }
        changes[ret->count++] =
            (struct listing_change){(uint64_t)db_i64(stmt, 0), (uint8_t)db_i64(stmt, 1)};
    }
    ret->is_last = st == ST_OK && !row;
    db_finish(stmt);
    return st;
}

/* How many cards are listed, counted no further than a delta could be longer than a snapshot. */
static enum st count_up_to(struct db *db, uint32_t most, uint32_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(
        db, "SELECT count(*) FROM (SELECT card_no FROM hotlist LIMIT $1) AS few", "i", &stmt);
    st = st == ST_OK ? db_first(stmt, &row, (int64_t)most) : st;
    *ret = st == ST_OK && row ? (uint32_t)db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

enum st hotlist_news(struct db *db, const struct wire_list_have *have,
                     struct listing_change *changes, struct wire_list *ret)
{
    struct tip tip;
    bool fits = false;
    enum st st = tip_get(db, &tip);
    st = st == ST_OK ? hotlist_is_known(db, have->version, have->mark, &fits) : st;
    bool goes_on = false;
    if (st == ST_OK && have->has_next && have->next_version > have->version) {
        st = hotlist_is_known(db, have->next_version, have->next_mark, &goes_on);
        fits = fits && !goes_on;
    }
    if (st == ST_OK && fits && tip.version - have->version > WIRE_CHANGES_MAX) {
        /* More than one answer either way: whichever is shorter. */
        uint32_t cards = 0;
        st = count_up_to(db, tip.version - have->version, &cards);
        fits = cards == tip.version - have->version;
    }
    if (st != ST_OK) {
        return st;
    }
    return fits ? delta_get(db, have, &tip, changes, ret) : piece_get(db, have, &tip, changes, ret);
}
