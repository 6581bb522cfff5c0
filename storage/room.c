#include <errno.h>
#include <string.h>

#include "storage/store_priv.h"

/* Nothing may be begun that cannot be recorded to its end, so the disk space for an outcome must be
 * there before its intent. In WAL mode a commit needs new space in one place only: the end of the
 * write-ahead log. So the log is kept longer than what is in use, filled with zeros; SQLite writes
 * over them. The format is fixed (sqlite.org/fileformat2.html, section 4): a 32-byte header, then
 * frames of 24 bytes and a page; frames of the present generation carry the header's two salts, so
 * zeros or an older generation behind the last frame are ignored by every reader. */

enum {
    HEADER_BYTES = 32,
    FRAME_HEADER_BYTES = 24,
    SALT_BYTES = 8,
    HEADER_SALT_AT = 16,
    FRAME_SALT_AT = 8,
    PAGE_BYTES = 4096,
    FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES,
    STEP_FRAMES = 128, /* the log grows by this much at once */
    ZEROS_BYTES = 65536,
};
static const uint8_t zeros[ZEROS_BYTES];

struct log {
    sqlite3_file *file;
    sqlite3_int64 size;
    uint32_t frames, used; /* that fit into the file; that carry the present salts */
};

/* A quota and a file-size limit are a full disk too; the VFS tells ENOSPC only. */
static int log_write(struct log *log, int size, sqlite3_int64 at)
{
    errno = 0;
    const int code = log->file->pMethods->xWrite(log->file, zeros, size, at);
    const bool is_limit = errno == EDQUOT || errno == EFBIG;
    return (code & 0xff) == SQLITE_IOERR && is_limit ? SQLITE_FULL : code;
}

/* Frames of the present generation come first, so halving finds the last one. What an aborted
 * transaction left counts as used: on the safe side. */
static int log_measure(struct log *log)
{
    uint8_t salt[SALT_BYTES];
    log->frames = 0;
    log->used = 0;
    int code = log->file->pMethods->xFileSize(log->file, &log->size);
    if (code != SQLITE_OK || log->size < HEADER_BYTES) {
        return code;
    }
    code = log->file->pMethods->xRead(log->file, salt, SALT_BYTES, HEADER_SALT_AT);
    log->frames = (uint32_t)((log->size - HEADER_BYTES) / FRAME_BYTES);
    uint32_t below = 0, above = log->frames;
    while (code == SQLITE_OK && below < above) {
        const uint32_t middle = below + (above - below) / 2;
        const sqlite3_int64 at = HEADER_BYTES + (sqlite3_int64)middle * FRAME_BYTES;
        uint8_t found[SALT_BYTES];
        code = log->file->pMethods->xRead(log->file, found, SALT_BYTES, at + FRAME_SALT_AT);
        if (code == SQLITE_OK && memcmp(found, salt, SALT_BYTES) == 0) {
            below = middle + 1;
        } else {
            above = middle;
        }
    }
    log->used = below;
    return code;
}

static enum st log_find(struct store *store, struct log *ret)
{
    int code = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &ret->file);
    if (code == SQLITE_OK && (ret->file == NULL || ret->file->pMethods == NULL)) {
        code = SQLITE_CANTOPEN;
    }
    if (code == SQLITE_OK) {
        code = log_measure(ret);
    }
    return sql_status(store, code, "measure the write-ahead log");
}

enum st room_claim(struct store *store, uint32_t frames)
{
    struct log log;
    const enum st st = log_find(store, &log);
    if (st != ST_OK) {
        return st;
    }
    const uint32_t needed = log.used + frames + ROOM_RESERVE_FRAMES;
    if (needed <= log.frames) {
        return ST_OK;
    }
    const uint32_t target = (needed + STEP_FRAMES - 1) / STEP_FRAMES * STEP_FRAMES;
    const sqlite3_int64 end = HEADER_BYTES + (sqlite3_int64)target * FRAME_BYTES;
    int code = SQLITE_OK;
    while (code == SQLITE_OK && log.size < end) {
        const sqlite3_int64 left = end - log.size;
        const int size = left < ZEROS_BYTES ? (int)left : ZEROS_BYTES;
        code = log_write(&log, size, log.size);
        log.size += size;
    }
    /* A disk that had room for a part of the step may have had room for what is needed. */
    if (code != SQLITE_OK && log_measure(&log) == SQLITE_OK && needed <= log.frames) {
        code = SQLITE_OK;
    }
    return sql_status(store, code, "reserve space");
}

enum st room_claim_rows(struct store *store, size_t rows)
{
    return room_claim(store, ROOM_ENTRY_FRAMES + 2 * (uint32_t)rows);
}

enum st room_touch(struct store *store)
{
    struct log log;
    const enum st st = log_find(store, &log);
    if (st != ST_OK) {
        return st;
    }
    /* The last byte of the last whole frame is in the reserve, and room_claim() came before. */
    const sqlite3_int64 at = HEADER_BYTES + (sqlite3_int64)log.frames * FRAME_BYTES - 1;
    return sql_status(store, log_write(&log, 1, at), "write");
}

enum st room_checkpoint(struct store *store, int frames)
{
    if (store->wal_was_emptied && store->wal_frames < frames) {
        return ST_OK;
    }
    int in_log = 0, moved = 0;
    const int code =
        sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
    const enum st st = sql_status(store, code, "move the log into the database");
    if (st == ST_OK && in_log == moved) {
        store->wal_was_emptied = true;
        store->wal_frames = 0;
    }
    /* Busy: the other process is at it. Full: the log keeps everything, and room_claim() decides
     * whether there is room for more. */
    return st == ST_AGAIN || st == ST_FULL ? ST_OK : st;
}
