#include "server/told.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "server/actions.h"
#include "server/ca.h"
#include "server/change.h"
#include "server/settled.h"

#define NAME "actions.last"

static bool read_text(const char *text, struct told *ret)
{
    uint64_t no = 0, mark = 0;
    int end = 0;
    if (sscanf(text, "%18" SCNu64 " %16" SCNx64 "\n%n", &no, &mark, &end) != 2 ||
        text[end] != '\0' || no > INT32_MAX) {
        return false;
    }
    ret->no = (uint32_t)no;
    put_le64(ret->mark, mark);
    return true;
}

enum st told_load(const char *dir, struct told *ret, struct fault *fault)
{
    char *text = NULL;
    size_t size = 0;
    *ret = (struct told){.no = 0};
    if (!file_exists(dir, NAME)) {
        return ST_OK; /* nobody was told anything, or the folder is older than this file */
    }
    enum st st = file_load(dir, NAME, &text, &size, fault);
    if (st == ST_OK && !read_text(text, ret)) {
        fault_say(fault,
                  "%s/" NAME " is not what vafa-club wrote: remove it, and say vafa-club "
                  "restored.",
                  dir);
        st = ST_CORRUPT;
    }
    free(text);
    return st;
}

static enum st store(const char *dir, const struct told *told, struct fault *fault)
{
    char text[40];
    const int size =
        snprintf(text, sizeof text, "%" PRIu32 " %016" PRIx64 "\n", told->no, get_le64(told->mark));
    return file_store(dir, NAME, text, (size_t)size, 0600, fault);
}

enum st told_note(const char *dir, struct told *told, const struct wire_actions *news,
                  struct fault *fault)
{
    if (!news->is_there || news->to <= told->no) {
        return ST_OK;
    }
    told->no = news->to;
    memcpy(told->mark, news->mark, sizeof told->mark);
    return store(dir, told, fault);
}

/* The file after the database: what it says then was forgotten is noted. */
static enum st forget(struct db *db, const char *dir, int64_t now_s, struct fault *fault)
{
    struct told now;
    struct wire_actions_have newest;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = change_end(db, settled_forgot(db, now_s), fault);
    if (st == ST_OK) {
        st = actions_newest(db, &newest);
    }
    if (st != ST_OK) {
        return st;
    }
    now.no = newest.no;
    memcpy(now.mark, newest.mark, sizeof now.mark);
    return store(dir, &now, fault);
}

/* The file first: a server that runs beside writes it after the database. */
enum st told_look(struct db *db, const char *dir, int64_t now_s, bool *ret_forgot,
                  struct fault *fault)
{
    struct told told;
    bool is_known = true;
    *ret_forgot = false;
    enum st st = told_load(dir, &told, fault);
    if (st != ST_OK) {
        return st;
    }
    struct wire_actions_have have = {.is_there = true, .no = told.no};
    memcpy(have.mark, told.mark, sizeof have.mark);
    st = actions_is_known(db, &have, &is_known);
    *ret_forgot = st == ST_OK && !is_known;
    return *ret_forgot ? forget(db, dir, now_s, fault) : st;
}
