#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "firmware/engine/media.h"
#include "firmware/engine/snapshot.h"
#include "server/members_priv.h"

enum { WORDS_MAX = 2 * PARTICULARS_NAME_MAX + 3 };

/* --- what is looked for ------------------------------------------------------------------------
 */

/* A person's words as one of what members are found by; the others stay empty. */
struct sought {
    char national_code[MEDIA_NATIONAL_DIGITS + 1], phone[MEDIA_PHONE_DIGITS + 1];
    uint64_t account;
    char name[WORDS_MAX]; /* a pattern for LIKE */
};

/* %, _ and \ stand for themselves. */
static void make_pattern(const char *text, char ret[WORDS_MAX])
{
    size_t at = 0;
    ret[at++] = '%';
    for (size_t i = 0; text[i] != '\0' && at + 3 < WORDS_MAX; i++) {
        if (strchr("%_\\", text[i]) != NULL) {
            ret[at++] = '\\';
        }
        ret[at++] = text[i];
    }
    ret[at++] = '%';
    ret[at] = '\0';
}

static enum st read_words(struct db *db, const char *text, struct sought *ret)
{
    struct fault unused;
    char *end = NULL;
    *ret = (struct sought){.account = 0};
    if (text == NULL || text[0] == '\0') {
        return ST_OK;
    }
    const size_t size = strlen(text);
    if (media_national_code(text, size, ret->national_code, &unused) == ST_OK ||
        media_phone(text, size, ret->phone, &unused) == ST_OK) {
        return ST_OK;
    }
    ret->national_code[0] = ret->phone[0] = '\0';
    const uint64_t number = strtoull(text, &end, 10);
    if (size == 16 && *end == '\0' && card_number_is_valid(number)) {
        const enum st st = member_account_of(db, number, &ret->account);
        ret->account = ret->account == 0 ? 1 : ret->account; /* 1 is nobody's */
        return st;
    }
    make_pattern(text, ret->name);
    return ST_OK;
}

static enum st note_list(struct db *db, const char *who, const struct members_filter *filter,
                         int64_t now_s)
{
    enum st st = db_begin_write(db);
    if (st != ST_OK) {
        return st;
    }
    st = access_note(db, who, filter->text != NULL ? "find" : "list", 0, now_s);
    if (st == ST_OK) {
        st = db_commit(db);
    }
    if (st != ST_OK) {
        db_rollback(db);
    }
    return st;
}

enum st members_each(struct db *db, const char *who, const struct members_filter *filter,
                     int64_t now_s, enum st (*each)(void *ctx, const struct member *), void *ctx)
{
    struct sought sought;
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = note_list(db, who, filter, now_s);
    if (st == ST_OK) {
        st = read_words(db, filter->text, &sought);
    }
    if (st == ST_OK) {
        st = db_prepare(db,
                        "SELECT " MEMBER_COLUMNS " FROM member WHERE account > $1"
                        " AND ($2 = 0 OR kind = $2) AND ($3 = 0 OR route = $3)"
                        " AND ($4 < 0 OR grp = $4) AND ($5 = '' OR national_code = $5)"
                        " AND ($6 = '' OR phone = $6) AND ($7 = 0 OR account = $7)"
                        " AND ($8 = '' OR name LIKE $8 ESCAPE '\\')"
                        " AND ($10 = 0 OR (consent = 3 AND phone <> '')) ORDER BY account LIMIT $9",
                        "iiiittitii", &stmt);
    }
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)filter->after, (int64_t)filter->account_kind,
                      (int64_t)filter->route, filter->has_group ? (int64_t)filter->group : -1,
                      sought.national_code, sought.phone, (int64_t)sought.account, sought.name,
                      filter->max == 0 ? INT64_MAX : (int64_t)filter->max,
                      (int64_t)filter->may_be_written_to);
    }
    while (st == ST_OK && row) {
        struct member member;
        st = member_read(stmt, &member);
        if (st == ST_OK) {
            st = member_read_cards(db, &member);
        }
        if (st == ST_OK) {
            st = each(ctx, &member);
        }
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    db_finish(stmt);
    return st;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static void put(json_t *object, const char *name, json_t *value)
{
    const int rc = json_object_set_new(object, name, value);
    assert(rc == 0); /* out of memory, or a text that is no UTF-8, which we do not store */
}

static json_t *card_text(uint64_t number)
{
    return number == 0 ? json_null() : json_sprintf("%016" PRIu64, number);
}

static json_t *member_object(const struct member *member)
{
    json_t *object = json_object(), *cards = json_array();
    char text[PARTICULARS_FIELD_MAX];
    assert(object != NULL && cards != NULL);
    put(object, "account", card_text(member->account));
    put(object, "joined", json_integer(member->joined_at));
    put(object, "terminal", json_integer(member->terminal));
    put(object, "sequence", json_integer(member->sequence));
    put(object, "sealed", json_boolean(member->is_sealed));
    for (size_t i = 0; particulars_field(i) != NULL; i++) {
        const enum st st = particulars_get(&member->particulars, particulars_field(i), text);
        assert(st == ST_OK);
        /* "account" is the number here. */
        const char *name = particulars_field(i);
        put(object, strcmp(name, "account") == 0 ? "account_kind" : name, json_string(text));
    }
    for (size_t i = 0; i < member->card_count; i++) {
        const int rc = json_array_append_new(cards, card_text(member->cards[i]));
        assert(rc == 0);
    }
    put(object, "cards", cards);
    return object;
}

enum st member_write_json(const struct member *member, FILE *out)
{
    json_t *object = member_object(member);
    const int rc = json_dumpf(object, out, JSON_COMPACT);
    json_decref(object);
    return rc == 0 ? ST_OK : ST_IO;
}

static void time_text(int64_t time_s, char ret[32])
{
    const time_t at = (time_t)time_s;
    struct tm tm;
    (void)gmtime_r(&at, &tm);
    (void)strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

struct writing {
    FILE *out;
    bool as_json, is_first;
};

/* What a list on a screen may show to who stands behind: the last digits. */
static const char *shortened(const char *text)
{
    const size_t size = strlen(text);
    return size > 4 ? text + size - 4 : text;
}

static enum st write_row(void *ctx, const struct member *member)
{
    struct writing *writing = ctx;
    const struct particulars *particulars = &member->particulars;
    enum st st = ST_OK;
    if (writing->as_json) {
        (void)fputs(writing->is_first ? "\n" : ",\n", writing->out);
        st = member_write_json(member, writing->out);
    } else if (member->is_sealed) {
        (void)fprintf(writing->out, "%016" PRIu64 "  sealed for another key\n", member->account);
    } else {
        (void)fprintf(writing->out,
                      "%016" PRIu64 "  %s  code *%s  phone *%s  %s, %s, group %u, %zu %s\n",
                      member->account, particulars->name, shortened(particulars->national_code),
                      shortened(particulars->phone), account_kind_word(particulars->account),
                      join_route_word(particulars->route), particulars->group, member->card_count,
                      member->card_count == 1 ? "card" : "cards");
    }
    writing->is_first = false;
    return st;
}

enum st members_write(struct db *db, const char *who, const struct members_filter *filter,
                      bool as_json, int64_t now_s, FILE *out)
{
    struct writing writing = {.out = out, .as_json = as_json, .is_first = true};
    (void)fputs(as_json ? "[" : "", out);
    const enum st st = members_each(db, who, filter, now_s, write_row, &writing);
    if (st == ST_OK) {
        (void)fputs(as_json ? "]\n" : writing.is_first ? "No member fits.\n" : "", out);
    }
    return st;
}

enum st members_show(struct db *db, const char *who, uint64_t number, bool as_json, int64_t now_s,
                     FILE *out, struct fault *fault)
{
    struct member member;
    bool found = false;
    char text[PARTICULARS_FIELD_MAX], joined[32];
    enum st st = members_get(db, who, number, now_s, &member, &found);
    if (st != ST_OK || !found) {
        fault_say(fault, "%s",
                  st == ST_OK ? "There is no member with this account or card."
                              : db_fault(db)->say);
        return st == ST_OK ? ST_REFUSED : st;
    }
    if (as_json) {
        st = member_write_json(&member, out);
        (void)fputc('\n', out);
        return st;
    }
    time_text(member.joined_at, joined);
    (void)fprintf(out, "account %016" PRIu64 ", joined %s", member.account, joined);
    if (member.terminal != 0) {
        (void)fprintf(out, " (terminal %" PRIu32 ", entry %" PRIu32 ")", member.terminal,
                      member.sequence);
    }
    (void)fprintf(out, "%s\n", member.is_sealed ? "; sealed for another key" : "");
    for (size_t i = 0; particulars_field(i) != NULL && !member.is_sealed; i++) {
        st = particulars_get(&member.particulars, particulars_field(i), text);
        assert(st == ST_OK);
        (void)fprintf(out, "  %-13s %s\n", particulars_field(i), text);
    }
    for (size_t i = 0; i < member.card_count; i++) {
        (void)fprintf(out, "  card          %016" PRIu64 "\n", member.cards[i]);
    }
    return ST_OK;
}

enum st members_write_access(struct db *db, uint32_t max, bool as_json, FILE *out)
{
    struct db_stmt *stmt = NULL;
    bool row = false, is_first = true;
    enum st st = db_prepare(
        db, "SELECT at, who, what, account FROM access ORDER BY no DESC LIMIT $1", "i", &stmt);
    if (st == ST_OK) {
        (void)fputs(as_json ? "[" : "", out);
        st = db_first(stmt, &row, (int64_t)max);
    }
    while (st == ST_OK && row) {
        char at[32];
        time_text(db_i64(stmt, 0), at);
        if (as_json) {
            json_t *object =
                json_pack("{s:s, s:s, s:s, s:o}", "at", at, "who", db_text(stmt, 1), "what",
                          db_text(stmt, 2), "account", card_text((uint64_t)db_i64(stmt, 3)));
            (void)fputs(is_first ? "\n" : ",\n", out);
            st = object != NULL && json_dumpf(object, out, JSON_COMPACT) == 0 ? ST_OK : ST_IO;
            json_decref(object);
        } else {
            (void)fprintf(out, "%s  %s  %s  %016" PRId64 "\n", at, db_text(stmt, 1),
                          db_text(stmt, 2), db_i64(stmt, 3));
        }
        is_first = false;
        st = st == ST_OK ? db_step(stmt, &row) : st;
    }
    db_finish(stmt);
    if (st == ST_OK) {
        (void)fputs(as_json ? "]\n" : is_first ? "Nobody has looked yet.\n" : "", out);
    }
    return st;
}
