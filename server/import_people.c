/* People in the file of an import, held against the books before anything is made. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/import.h"

/* A line with its person, for sorting by national code. */
struct named {
    const struct particulars *person;
    uint32_t line;
};

static int by_code(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    const int order = strcmp(x->person->national_code, y->person->national_code);
    return order != 0 ? order : x->line < y->line ? -1 : x->line > y->line;
}

/* A code in two lines is named by its lines, never written out. */
static enum st check_each_other(struct import_file *file, FILE *say)
{
    size_t count = 0;
    struct named *named = calloc(file->people_count, sizeof *named);
    if (named == NULL) {
        return ST_FULL;
    }
    for (size_t i = 0; i < file->count; i++) {
        const struct import_line *line = &file->lines[i];
        if (line->person >= 0 && file->people[line->person].national_code[0] != '\0') {
            named[count++] = (struct named){&file->people[line->person], line->line};
        }
    }
    qsort(named, count, sizeof named[0], by_code);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(named[i].person->national_code, named[i - 1].person->national_code) == 0) {
            fprintf(say, "line %" PRIu32 ": its national code is in line %" PRIu32 ", too.\n",
                    named[i].line, named[i - 1].line);
            file->bad++;
        }
    }
    free(named);
    return ST_OK;
}

/* *ret_account is 0 when the query finds nobody. */
static enum st account_of(struct db_stmt *stmt, enum st st, bool row, int64_t *ret_account)
{
    *ret_account = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_reset(stmt);
    return st;
}

/* Who has that national code, and whose the card is; 0: nobody('s). is_named: the card's member has
 * the person's name, and no national code. */
struct owners {
    int64_t of_code, of_card;
    bool is_named;
};

static enum st look(struct db_stmt *by_national_code, struct db_stmt *by_card,
                    const struct particulars *person, uint64_t card, struct owners *ret)
{
    bool row = false;
    enum st st = ST_OK;
    *ret = (struct owners){0};
    if (person->national_code[0] != '\0') {
        st = db_first(by_national_code, &row, person->national_code);
        st = account_of(by_national_code, st, row, &ret->of_code);
    }
    if (st == ST_OK) {
        st = db_first(by_card, &row, (int64_t)card);
        ret->is_named = st == ST_OK && row && db_text(by_card, 1)[0] == '\0' &&
                        strcmp(db_text(by_card, 2), person->name) == 0;
        st = account_of(by_card, st, row, &ret->of_card);
    }
    return st;
}

/* Whoever is there already with that very card is no mistake: an import that was undone left them.
 * Who never said a national code is known by the name. */
static void judge(struct import_file *file, const struct import_line *line,
                  const struct owners *owners, FILE *say)
{
    const char *code = file->people[line->person].national_code;
    if (owners->of_code == owners->of_card || (code[0] == '\0' && owners->is_named)) {
        return;
    }
    if (owners->of_code != 0) {
        fprintf(say,
                "line %" PRIu32 ": its national code is the member's with account %016" PRId64
                ".\n",
                line->line, owners->of_code);
    } else {
        fprintf(say,
                "line %" PRIu32 ": card %016" PRIu64 " is the member's with account %016" PRId64
                " already.\n",
                line->line, line->card, owners->of_card);
    }
    file->bad++;
}

/* Up to which line this very file was made before it was cut short. */
static enum st made_to(struct db *db, const struct import_file *file, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, "SELECT made_to FROM import WHERE sha256 = $1 AND undone_at = 0",
                            "b", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, file->sha256, (size_t)IMPORT_SHA256_BYTES);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

enum st import_check_people(struct db *db, struct import_file *file, FILE *say)
{
    struct db_stmt *by_national_code = NULL, *by_card = NULL;
    int64_t made = 0;
    if (file->people_count == 0) {
        return ST_OK;
    }
    enum st st = check_each_other(file, say);
    if (st == ST_OK) {
        st = made_to(db, file, &made);
    }
    if (st == ST_OK) {
        st = db_prepare(db, "SELECT account FROM member WHERE national_code = $1", "t",
                        &by_national_code);
    }
    if (st == ST_OK) {
        st = db_prepare(db,
                        "SELECT c.account, m.national_code, m.name FROM member_card c JOIN member m"
                        " ON m.account = c.account WHERE c.card_no = $1",
                        "i", &by_card);
    }
    for (size_t i = 0; i < file->count && st == ST_OK; i++) {
        const struct import_line *line = &file->lines[i];
        if (line->person >= 0 && (int64_t)line->line > made) {
            struct owners owners;
            st = look(by_national_code, by_card, &file->people[line->person], line->card, &owners);
            judge(file, line, &owners, say);
        }
    }
    db_finish(by_national_code);
    db_finish(by_card);
    return st;
}
