#include "storage/lost.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "storage/store_priv.h"

static sqlite3_stmt *use_with_card(struct store *store, enum statement which, uint64_t card_number)
{
    assert(card_number <= INT64_MAX);
    sqlite3_stmt *statement = sql_use(store, which);
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)card_number);
    return statement;
}

/* --- reports: the table names the last entry about a card ------------------------------------- */

static enum st report_sequence(struct store *store, uint64_t card_number, uint32_t *ret)
{
    int64_t sequence = 0;
    const enum st st =
        sql_one(store, use_with_card(store, SQL_REPORT, card_number), 1, SEQUENCE_MAX, &sequence);
    *ret = (uint32_t)sequence;
    return st;
}

enum st lost_reported(struct store *store, uint64_t card_number, struct lost_report *ret)
{
    struct entry entry;
    uint32_t sequence = 0;
    enum st st = report_sequence(store, card_number, &sequence);
    if (st != ST_OK) {
        return st;
    }
    st = journal_find(store, sequence, &entry);
    if (st == ST_REFUSED ||
        (st == ST_OK && (entry.kind != ENTRY_REPORT || entry.report.card_number != card_number))) {
        return store_corrupt(store, "entry %u is not the report that it should be", sequence);
    }
    if (st == ST_OK) {
        *ret = (struct lost_report){.is_lost = entry.report.event == REPORT_LOST,
                                    .sequence = sequence};
    }
    return st;
}

/* What the club said until now was about an earlier report. */
static enum st note_report(struct store *store, const struct entry *entry)
{
    sqlite3_stmt *statement = use_with_card(store, SQL_REPORT_PUT, entry->report.card_number);
    (void)sqlite3_bind_int64(statement, 2, entry->sequence);
    const enum st st = sql_run(store, statement, "note the report");
    return st == ST_OK
               ? sql_run(store, use_with_card(store, SQL_VOUCH_DROP, entry->report.card_number),
                         "drop what the club said of the card")
               : st;
}

/* --- the list that knows of them ---------------------------------------------------------------
 */

/* "REPORT VERSION MARK": the last report that the club had when it made that list. A setting of its
 * own, and not of the list's file: what that file forgets must not make a report look told. */
static const char setting_list[] = "lost.list";

enum { LIST_TEXT_MAX = 64 };

static enum st load_list(struct store *store, char ret_text[LIST_TEXT_MAX], uint32_t *ret_report,
                         uint32_t *ret_version, int64_t *ret_mark)
{
    *ret_report = *ret_version = 0;
    *ret_mark = 0;
    const enum st st = setting_get(store, setting_list, ret_text, LIST_TEXT_MAX);
    if (st == ST_REFUSED || st == ST_FULL) {
        ret_text[0] = '\0';
        return ST_OK;
    }
    if (st == ST_OK && sscanf(ret_text, "%" SCNu32 " %" SCNu32 " %" SCNd64, ret_report, ret_version,
                              ret_mark) != 3) {
        return store_corrupt(store, "the setting %s is not three numbers", setting_list);
    }
    return st;
}

enum st lost_note_list(struct store *store, uint32_t acknowledged, uint32_t version, int64_t mark)
{
    char was[LIST_TEXT_MAX], text[LIST_TEXT_MAX];
    int64_t report = 0, was_mark = 0;
    uint32_t was_report = 0, was_version = 0;
    sqlite3_stmt *statement = sql_use(store, SQL_REPORT_LAST);
    (void)sqlite3_bind_int64(statement, 1, acknowledged);
    enum st st = sql_one(store, statement, 0, SEQUENCE_MAX, &report);
    if (st == ST_OK) {
        st = load_list(store, was, &was_report, &was_version, &was_mark);
    }
    if (st != ST_OK || (report == 0 && was_report == 0)) {
        return st; /* the list of a terminal without reports changes and nothing is written */
    }
    (void)snprintf(text, sizeof text, "%" PRId64 " %" PRIu32 " %" PRId64, report, version, mark);
    return strcmp(text, was) == 0 ? ST_OK : setting_put(store, setting_list, text);
}

enum st lost_is_in_list(struct store *store, const struct lost_report *report, uint32_t version,
                        int64_t mark, bool *ret)
{
    char text[LIST_TEXT_MAX];
    uint32_t last = 0, noted = 0;
    int64_t noted_mark = 0;
    const enum st st = load_list(store, text, &last, &noted, &noted_mark);
    *ret = st == ST_OK && version > 0 && noted == version && noted_mark == mark &&
           last >= report->sequence;
    return st;
}

/* --- successors: intents that may have made a card in another's place ------------------------- */

/* The card whose place the intent's takes; 0: none's. */
static uint64_t predecessor(const struct entry *entry)
{
    const struct peer *peer = &entry->intent.occasion.peer;
    const bool takes_over = entry->kind == ENTRY_INTENT &&
                            entry->intent.after.last.kind == TRANSACTION_DUPLICATE &&
                            peer->direction == PEER_IN;
    return takes_over ? peer->card_number : 0;
}

static enum st change_successor(struct store *store, enum statement which,
                                const struct entry *intent)
{
    const uint64_t card = predecessor(intent);
    if (card == 0) {
        return ST_OK;
    }
    sqlite3_stmt *statement = use_with_card(store, which, card);
    (void)sqlite3_bind_int64(statement, 2, intent->sequence);
    return sql_run(store, statement, "note a card in another's place");
}

enum st lost_successor(struct store *store, uint64_t card_number, struct entry *ret)
{
    struct entry entry;
    int64_t sequence = 0;
    enum st st = sql_one(store, use_with_card(store, SQL_SUCCESSOR, card_number), 1, SEQUENCE_MAX,
                         &sequence);
    if (st != ST_OK) {
        return st;
    }
    st = journal_find(store, (uint32_t)sequence, &entry);
    if (st == ST_REFUSED || (st == ST_OK && predecessor(&entry) != card_number)) {
        return store_corrupt(store, "entry %lld takes no card's place", (long long)sequence);
    }
    if (st == ST_OK) {
        *ret = entry;
    }
    return st;
}

enum st lost_note(struct store *store, const struct entry *entry)
{
    if (entry->kind == ENTRY_REPORT) {
        return note_report(store, entry);
    }
    return change_successor(store, SQL_SUCCESSOR_ADD, entry);
}

enum st lost_note_undone(struct store *store, const struct entry *intent)
{
    return change_successor(store, SQL_SUCCESSOR_DROP, intent);
}

/* --- the club's word: outside the chain, so each row has a digest ----------------------------- */

enum { VOUCH_BYTES = 75 };

static void vouch_encode(const struct club_vouch *vouch, uint8_t ret[VOUCH_BYTES])
{
    put_le64(ret, vouch->card_number);
    put_le64(ret + 8, vouch->replaced_by);
    put_le64(ret + 16, vouch->account);
    put_le64(ret + 24, (uint64_t)vouch->points);
    put_le64(ret + 32, (uint64_t)vouch->credit);
    put_le64(ret + 40, (uint64_t)vouch->gift);
    put_le64(ret + 48, (uint64_t)vouch->voucher);
    put_le64(ret + 56, (uint64_t)vouch->as_of_s);
    put_le16(ret + 64, vouch->birthday);
    put_le16(ret + 66, vouch->wedding);
    put_le16(ret + 68, vouch->expires);
    ret[70] = vouch->is_settled;
    ret[71] = vouch->status;
    ret[72] = vouch->tier;
    ret[73] = vouch->group;
    ret[74] = vouch->kind;
}

static void vouch_decode(const uint8_t *bytes, struct club_vouch *ret)
{
    *ret = (struct club_vouch){.card_number = get_le64(bytes),
                               .replaced_by = get_le64(bytes + 8),
                               .account = get_le64(bytes + 16),
                               .points = (int64_t)get_le64(bytes + 24),
                               .credit = (int64_t)get_le64(bytes + 32),
                               .gift = (int64_t)get_le64(bytes + 40),
                               .voucher = (int64_t)get_le64(bytes + 48),
                               .as_of_s = (int64_t)get_le64(bytes + 56),
                               .birthday = get_le16(bytes + 64),
                               .wedding = get_le16(bytes + 66),
                               .expires = get_le16(bytes + 68),
                               .is_settled = bytes[70] != 0,
                               .status = bytes[71],
                               .tier = bytes[72],
                               .group = bytes[73],
                               .kind = bytes[74]};
}

static bool is_within(int64_t value, int64_t max)
{
    return value >= 0 && value <= max;
}

static void assert_vouch(const struct club_vouch *vouch)
{
    assert(card_number_is_valid(vouch->card_number));
    assert(vouch->replaced_by == 0 || card_number_is_valid(vouch->replaced_by));
    assert(vouch->account == 0 || card_number_is_valid(vouch->account));
    assert(vouch->status <= CARD_CLOSED && vouch->tier <= 15 && vouch->kind <= 15);
    assert(is_within(vouch->points, POINTS_MAX) && is_within(vouch->credit, MONEY_MAX_RIALS));
    assert(is_within(vouch->gift, snapshot_purse_max(PURSE_GIFT)));
    assert(is_within(vouch->voucher, snapshot_purse_max(PURSE_VOUCHER)) && vouch->as_of_s >= 0);
}

/* The row that the statement stands on: card_number, vouch, digest. */
static enum st read_vouch(struct store *store, sqlite3_stmt *statement, struct club_vouch *ret)
{
    const uint8_t *bytes = NULL;
    int64_t card = 0;
    size_t size = 0;
    enum st st = sql_number(store, statement, 0, 0, INT64_MAX, &card);
    if (st == ST_OK) {
        st = sql_bytes(store, statement, 1, VOUCH_BYTES, VOUCH_BYTES, &bytes, &size);
    }
    if (st == ST_OK) {
        st = row_digest_check(store, statement, 2, bytes, size, "what the club says of a card");
    }
    if (st == ST_OK) {
        vouch_decode(bytes, ret);
    }
    return st == ST_OK && ret->card_number != (uint64_t)card
               ? store_corrupt(store, "what the club says of a card is of another one")
               : st;
}

enum st lost_find(struct store *store, uint64_t card_number, struct club_vouch *ret)
{
    struct club_vouch vouch;
    sqlite3_stmt *statement = use_with_card(store, SQL_VOUCH, card_number);
    enum st st = sql_row(store, statement);
    if (st == ST_OK) {
        st = read_vouch(store, statement, &vouch);
        (void)sqlite3_reset(statement);
    }
    if (st == ST_OK) {
        *ret = vouch;
    }
    return st;
}

static enum st take_one(struct store *store, const struct club_vouch *vouch)
{
    uint8_t bytes[VOUCH_BYTES], digest[ROW_DIGEST_BYTES];
    assert_vouch(vouch);
    vouch_encode(vouch, bytes);
    row_digest(bytes, sizeof bytes, digest);
    sqlite3_stmt *statement = use_with_card(store, SQL_VOUCH_PUT, vouch->card_number);
    (void)sqlite3_bind_blob(statement, 2, bytes, sizeof bytes, SQLITE_TRANSIENT);
    (void)sqlite3_bind_blob(statement, 3, digest, sizeof digest, SQLITE_TRANSIENT);
    return sql_run(store, statement, "note what the club says of a card");
}

static enum st take_locked(struct store *store, const struct club_vouch *list, size_t count)
{
    enum st st = room_claim_rows(store, count);
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        st = take_one(store, &list[i]);
    }
    return st;
}

enum st lost_take(struct store *store, const struct club_vouch *list, size_t count)
{
    assert(count <= LOST_TAKE_MAX);
    const enum st st = sql_begin(store);
    return st != ST_OK ? st : sql_end(store, take_locked(store, list, count));
}

/* --- verifying -------------------------------------------------------------------------------- */

enum st lost_check(struct store *store, const struct entry *entry, struct lost_count *count)
{
    uint32_t sequence = 0;
    count->successors += predecessor(entry) != 0;
    if (entry->kind != ENTRY_REPORT) {
        return ST_OK;
    }
    const enum st st = report_sequence(store, entry->report.card_number, &sequence);
    if (st == ST_REFUSED || (st == ST_OK && sequence < entry->sequence)) {
        return store_corrupt(store, "the report of entry %u is not noted", entry->sequence);
    }
    count->reports += sequence == entry->sequence;
    return st;
}

enum st lost_check_undone(struct store *store, const struct entry *intent, struct lost_count *count)
{
    const uint64_t card = predecessor(intent);
    int64_t one = 0;
    if (card == 0) {
        return ST_OK;
    }
    count->successors -= 1;
    sqlite3_stmt *statement = use_with_card(store, SQL_SUCCESSOR_IS, card);
    (void)sqlite3_bind_int64(statement, 2, intent->sequence);
    const enum st st = sql_one(store, statement, 1, 1, &one);
    return st == ST_OK
               ? store_corrupt(store, "entry %u is noted, though it was not done", intent->sequence)
           : st == ST_REFUSED ? ST_OK
                              : st;
}

/* card_number, seq. */
static enum st check_successor(struct store *store, sqlite3_stmt *statement)
{
    int64_t card = 0, sequence = 0;
    struct entry entry;
    enum st st = sql_number(store, statement, 0, 0, INT64_MAX, &card);
    if (st == ST_OK) {
        st = sql_number(store, statement, 1, 1, SEQUENCE_MAX, &sequence);
    }
    if (st == ST_OK) {
        st = journal_find(store, (uint32_t)sequence, &entry);
    }
    return st == ST_REFUSED || (st == ST_OK && predecessor(&entry) != (uint64_t)card)
               ? store_corrupt(store, "entry %lld takes no card's place", (long long)sequence)
               : st;
}

static enum st check_vouch(struct store *store, sqlite3_stmt *statement)
{
    struct club_vouch vouch;
    return read_vouch(store, statement, &vouch);
}

enum st lost_check_rows(struct store *store, const struct lost_count *count)
{
    int64_t reports = 0, successors = 0;
    enum st st = sql_one(store, sql_use(store, SQL_REPORT_COUNT), 0, INT64_MAX, &reports);
    if (st == ST_OK) {
        st = sql_one(store, sql_use(store, SQL_SUCCESSOR_COUNT), 0, INT64_MAX, &successors);
    }
    if (st == ST_OK && (reports != count->reports || successors != count->successors)) {
        return store_corrupt(store, "%lld reports and %lld successors are noted, not %lld and %lld",
                             (long long)reports, (long long)successors, (long long)count->reports,
                             (long long)count->successors);
    }
    if (st == ST_OK) {
        st = sql_each(store, SQL_SUCCESSOR_ALL, check_successor);
    }
    return st == ST_OK ? sql_each(store, SQL_VOUCH_ALL, check_vouch) : st;
}
