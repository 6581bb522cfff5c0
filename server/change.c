#include "server/change.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

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

int64_t change_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void change_leave_room(int64_t began_ms)
{
    enum { PAUSE_MIN_MS = 5, PAUSE_MAX_MS = 200 };
    int64_t pause = change_clock_ms() - began_ms;
    pause = pause < PAUSE_MIN_MS ? PAUSE_MIN_MS : pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause;
    const struct timespec time = {.tv_sec = 0, .tv_nsec = (long)pause * 1000000};
    (void)nanosleep(&time, NULL);
}
