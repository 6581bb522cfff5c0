#include "server/change.h"

#include <jansson.h>
#include <string.h>

enum st change_begin(struct db *db, struct fault *fault)
{
    if (fault != NULL) {
        fault->say[0] = '\0';
    }
    enum st st = db_begin_write(db);
    if (st != ST_OK) {
        fault_say(fault, "%s", db_fault(db)->say);
    }
    return st;
}

enum st change_end(struct db *db, enum st st, struct fault *fault)
{
    if (st == ST_OK) {
        st = db_commit(db);
    }
    if (st != ST_OK) {
        if (fault != NULL && fault->say[0] == '\0') {
            fault_say(fault, "%s", db_fault(db)->say);
        }
        db_rollback(db);
    }
    return st;
}

enum st change_next_number(struct db *db, const char *sql, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, sql, "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    if (st == ST_OK) {
        *ret = (row ? db_i64(stmt, 0) : 0) + 1;
    }
    db_finish(stmt);
    return st;
}

bool text_is_name(const char *text, size_t max)
{
    const size_t size = strlen(text);
    bool is_name = size > 0 && size <= max;
    for (size_t i = 0; i < size && is_name; i++) {
        is_name = (unsigned char)text[i] >= ' ' && text[i] != 0x7f;
    }
    json_t *value = is_name ? json_string(text) : NULL; /* NULL: not UTF-8 */
    is_name = value != NULL;
    json_decref(value);
    return is_name;
}
