#include "sync/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 5, PIECE = 64 * 1024 };
enum { SIDES = 3 };
static const char *const sides[SIDES] = {"", "-wal", "-journal"};
/* What SQLite may add to the copy besides. */
static const char *const left_there[] = {"", "-wal", "-journal", "-shm"};

static struct copy current; /* for a signal's handler; its folder is "" when there is none */

static enum st say_errno(struct fault *fault, const char *what, const char *path)
{
    fault_say(fault, "%s %.100s: %s.", what, path, strerror(errno));
    return ST_IO;
}

static bool join(char ret[COPY_PATH_MAX], const char *path, const char *end)
{
    const int size = snprintf(ret, COPY_PATH_MAX, "%s%s", path, end);
    return size >= 0 && size < COPY_PATH_MAX;
}

/* --- one file --------------------------------------------------------------------------------- */

static enum st copy_bytes(int from, int to, const char *path, struct fault *fault)
{
    static char piece[PIECE];
    for (;;) {
        const ssize_t got = read(from, piece, sizeof piece);
        if (got < 0) {
            return say_errno(fault, "Cannot read", path);
        }
        if (got == 0) {
            return ST_OK;
        }
        for (ssize_t at = 0; at < got;) {
            const ssize_t put = write(to, piece + at, (size_t)(got - at));
            if (put < 0) {
                return say_errno(fault, "Make room for a copy, in $TMPDIR or /tmp, of", path);
            }
            at += put;
        }
    }
}

static enum st copy_file(const char *from, const char *to, struct fault *fault)
{
    const int source = open(from, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat about;
    if (source < 0) {
        return say_errno(fault, "Cannot open", from);
    }
    enum st st = fstat(source, &about) == 0 ? ST_OK : say_errno(fault, "Cannot read", from);
    if (st == ST_OK && !S_ISREG(about.st_mode)) {
        fault_say(fault, "%.100s is no file.", from);
        st = ST_IO;
    }
    const int target = st == ST_OK ? open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (st == ST_OK) {
        st = target >= 0 ? copy_bytes(source, target, from, fault)
                         : say_errno(fault, "Cannot write", to);
    }
    if (target >= 0 && close(target) != 0 && st == ST_OK) {
        st = say_errno(fault, "Cannot write", to);
    }
    (void)close(source);
    return st;
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Whether a file is there, how long it is, and when it was changed. */
struct mark {
    bool is_there;
    struct timespec changed;
    off_t size;
    ino_t number;
};

static struct mark mark_of(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        return (struct mark){.is_there = false};
    }
    return (struct mark){true, about.st_mtim, about.st_size, about.st_ino};
}

static bool is_same(const struct mark *a, const struct mark *b)
{
    return a->is_there == b->is_there && a->size == b->size && a->number == b->number &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* ST_AGAIN: something wrote meanwhile, so that the files may not fit together. */
static enum st copy_once(const char *from, const struct copy *copy, struct fault *fault)
{
    char source[SIDES][COPY_PATH_MAX], target[COPY_PATH_MAX];
    struct mark before[SIDES];
    for (int i = 0; i < SIDES; i++) {
        if (!join(source[i], from, sides[i])) {
            fault_say(fault, "The name of the database is too long.");
            return ST_IO;
        }
        before[i] = mark_of(source[i]);
    }
    for (int i = 0; i < SIDES; i++) {
        if (i > 0 && !before[i].is_there) {
            continue;
        }
        const enum st st =
            join(target, copy->path, sides[i]) ? copy_file(source[i], target, fault) : ST_IO;
        if (st != ST_OK) {
            return mark_of(source[i]).is_there == before[i].is_there ? st : ST_AGAIN;
        }
    }
    for (int i = 0; i < SIDES; i++) {
        const struct mark after = mark_of(source[i]);
        if (!is_same(&before[i], &after)) {
            return ST_AGAIN;
        }
    }
    return ST_OK;
}

static void clear(const struct copy *copy)
{
    char path[COPY_PATH_MAX];
    for (size_t i = 0; i < sizeof left_there / sizeof left_there[0]; i++) {
        if (join(path, copy->path, left_there[i])) {
            (void)unlink(path);
        }
    }
}

static void end_by_signal(int number)
{
    if (current.folder[0] != '\0') {
        clear(&current);
        (void)rmdir(current.folder);
    }
    _exit(128 + number);
}

static enum st make_folder(struct copy *ret, struct fault *fault)
{
    const char *given = getenv("TMPDIR");
    const char *place = given != NULL && given[0] != '\0' ? given : "/tmp";
    if (!join(ret->folder, place, "/vafa-export.XXXXXX") ||
        strlen(ret->folder) + sizeof "/terminal.db-journal" > COPY_PATH_MAX) {
        fault_say(fault, "The name of $TMPDIR is too long.");
        return ST_IO;
    }
    if (mkdtemp(ret->folder) == NULL) {
        return say_errno(fault, "Name a folder for a copy with TMPDIR; cannot use", place);
    }
    memcpy(ret->path, ret->folder, sizeof ret->path);
    (void)strcat(ret->path, "/terminal.db");
    current = *ret;
    (void)signal(SIGINT, end_by_signal);
    (void)signal(SIGTERM, end_by_signal);
    (void)signal(SIGHUP, end_by_signal);
    return ST_OK;
}

enum st copy_make(const char *from, struct copy *ret, struct fault *fault)
{
    struct copy copy;
    enum st st = make_folder(&copy, fault);
    if (st != ST_OK) {
        return st;
    }
    for (int tries = 0; tries < TRIES; tries++) {
        st = copy_once(from, &copy, fault);
        if (st != ST_AGAIN) {
            break;
        }
        clear(&copy);
    }
    if (st == ST_OK) {
        *ret = copy;
        return ST_OK;
    }
    if (st == ST_AGAIN) {
        fault_say(fault, "Stop the terminal that uses %.100s: it changes while it is read.", from);
    }
    copy_remove(&copy);
    return st;
}

void copy_remove(const struct copy *copy)
{
    clear(copy);
    (void)rmdir(copy->folder);
    current.folder[0] = '\0';
}
