/* SQLite's side of the crashing disk: its file, locks, shared memory and VFS. */
#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/crash_disk.h"

enum { SHM_REGIONS = 256 };

/* The shared memory of a database file, for as long as a handle has it mapped. */
struct shm {
    int references;
    uint64_t generation;
    int node;
    void *regions[SHM_REGIONS];
    int region_count;
    int shared[SQLITE_SHM_NLOCK];
    void *exclusive[SQLITE_SHM_NLOCK];
    struct shm *next;
};

static struct shm *shms;

/* --- SQLite's file --------------------------------------------------------------------------- */

/* Locks of a database file. Handles of one generation and node share them through a list. */
struct handle {
    sqlite3_file base;
    uint64_t generation;
    int node;
    int flags;
    int lock;
    int persist_wal;
    bool deletes_on_close;
    char name[NAME_BYTES];
    struct shm *shm;
    uint16_t shm_shared, shm_exclusive;
    struct handle *next;
};

static struct handle *handles;

static bool is_stale(const struct handle *handle)
{
    return crash_state.is_off || handle->generation != crash_state.generation;
}

static int file_close(sqlite3_file *file)
{
    struct handle *handle = (struct handle *)file;
    for (struct handle **at = &handles; *at != NULL; at = &(*at)->next) {
        if (*at == handle) {
            *at = handle->next;
            break;
        }
    }
    if (handle->deletes_on_close && !is_stale(handle)) {
        struct operation unlink = {.kind = UNLINK, .node = handle->node};
        memcpy(unlink.name, handle->name, NAME_BYTES);
        (void)crash_change(&unlink, SQLITE_IOERR_DELETE);
    }
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *into, int size, sqlite3_int64 offset)
{
    struct handle *handle = (struct handle *)file;
    if (is_stale(handle)) {
        return SQLITE_IOERR_READ;
    }
    if (++crash_state.reads == crash_state.fail_read_at) {
        crash_state.has_failed = true;
        return SQLITE_IOERR_READ;
    }
    const struct bytes *bytes = &crash_state.disk.nodes[handle->node].live;
    const size_t at = (size_t)offset, wanted = (size_t)size;
    const size_t there = at < bytes->size ? bytes->size - at : 0;
    const size_t got = there < wanted ? there : wanted;
    if (got > 0) {
        memcpy(into, bytes->at + at, got);
    }
    memset((uint8_t *)into + got, 0, wanted - got);
    return got < wanted ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 offset)
{
    struct handle *handle = (struct handle *)file;
    if (is_stale(handle)) {
        return SQLITE_IOERR_WRITE;
    }
    const struct operation write = {.kind = WRITE,
                                    .node = handle->node,
                                    .offset = (size_t)offset,
                                    .size = (size_t)size,
                                    .bytes = (uint8_t *)from};
    return crash_change(&write, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct handle *handle = (struct handle *)file;
    if (is_stale(handle)) {
        return SQLITE_IOERR_TRUNCATE;
    }
    const struct operation truncate = {
        .kind = TRUNCATE, .node = handle->node, .size = (size_t)size};
    return crash_change(&truncate, SQLITE_IOERR_TRUNCATE);
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct handle *handle = (struct handle *)file;
    (void)flags;
    if (is_stale(handle)) {
        return SQLITE_IOERR_FSYNC;
    }
    const bool is_log = (handle->flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL |
                                          SQLITE_OPEN_SUPER_JOURNAL)) != 0;
    const struct operation sync = {.kind = SYNC,
                                   .node = handle->node,
                                   .syncs_folder =
                                       is_log && crash_state.disk.nodes[handle->node].is_new};
    return crash_change(&sync, SQLITE_IOERR_FSYNC);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    struct handle *handle = (struct handle *)file;
    if (is_stale(handle)) {
        return SQLITE_IOERR_FSTAT;
    }
    *ret = (sqlite3_int64)crash_state.disk.nodes[handle->node].live.size;
    return SQLITE_OK;
}

/* --- locks between handles -------------------------------------------------------------------- */

static bool other_holds(const struct handle *me, int lock)
{
    for (const struct handle *h = handles; h != NULL; h = h->next) {
        if (h != me && h->generation == me->generation && h->node == me->node && h->lock >= lock) {
            return true;
        }
    }
    return false;
}

static int file_lock(sqlite3_file *file, int lock)
{
    struct handle *handle = (struct handle *)file;
    if (is_stale(handle)) {
        return SQLITE_IOERR_LOCK;
    }
    if (handle->lock >= lock) {
        return SQLITE_OK;
    }
    if (lock == SQLITE_LOCK_SHARED && other_holds(handle, SQLITE_LOCK_PENDING)) {
        return SQLITE_BUSY;
    }
    if (lock == SQLITE_LOCK_RESERVED && other_holds(handle, SQLITE_LOCK_RESERVED)) {
        return SQLITE_BUSY;
    }
    if (lock == SQLITE_LOCK_EXCLUSIVE) {
        if (other_holds(handle, SQLITE_LOCK_RESERVED)) {
            return SQLITE_BUSY;
        }
        if (other_holds(handle, SQLITE_LOCK_SHARED)) {
            handle->lock = SQLITE_LOCK_PENDING;
            return SQLITE_BUSY;
        }
    }
    handle->lock = lock;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *file, int lock)
{
    struct handle *handle = (struct handle *)file;
    if (handle->lock > lock) {
        handle->lock = lock;
    }
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *file, int *ret)
{
    struct handle *handle = (struct handle *)file;
    *ret = handle->lock >= SQLITE_LOCK_RESERVED || other_holds(handle, SQLITE_LOCK_RESERVED);
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    struct handle *handle = (struct handle *)file;
    if (operation == SQLITE_FCNTL_PERSIST_WAL) {
        int *value = argument;
        if (*value < 0) {
            *value = handle->persist_wal;
        } else {
            handle->persist_wal = *value != 0;
        }
        return SQLITE_OK;
    }
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* --- shared memory ---------------------------------------------------------------------------- */

static int shm_attach(struct handle *handle)
{
    if (handle->shm != NULL) {
        return SQLITE_OK;
    }
    struct shm *shm = shms;
    while (shm != NULL && (shm->generation != handle->generation || shm->node != handle->node)) {
        shm = shm->next;
    }
    if (shm == NULL) {
        shm = crash_must(calloc(1, sizeof *shm));
        shm->generation = handle->generation;
        shm->node = handle->node;
        shm->next = shms;
        shms = shm;
    }
    shm->references++;
    handle->shm = shm;
    return SQLITE_OK;
}

static int file_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **ret)
{
    struct handle *handle = (struct handle *)file;
    *ret = NULL;
    if (is_stale(handle) || region >= SHM_REGIONS) {
        return SQLITE_IOERR_SHMMAP;
    }
    int code = shm_attach(handle);
    struct shm *shm = handle->shm;
    while (code == SQLITE_OK && region >= shm->region_count && extend) {
        code = crash_gate(SQLITE_IOERR_SHMSIZE);
        if (code == SQLITE_OK) {
            shm->regions[shm->region_count++] = crash_must(calloc(1, (size_t)size));
        }
    }
    if (code == SQLITE_OK && region < shm->region_count) {
        *ret = shm->regions[region];
    }
    return code;
}

static int shm_claim(struct handle *handle, int first, int count, bool is_shared)
{
    struct shm *shm = handle->shm;
    for (int i = first; i < first + count; i++) {
        const bool mine = (handle->shm_shared >> i & 1) != 0;
        const bool taken = shm->exclusive[i] != NULL && shm->exclusive[i] != handle;
        if (taken || (!is_shared && shm->shared[i] > (mine ? 1 : 0))) {
            return SQLITE_BUSY;
        }
    }
    for (int i = first; i < first + count; i++) {
        const uint16_t bit = (uint16_t)(1U << i);
        if (!is_shared) {
            shm->exclusive[i] = handle;
            handle->shm_exclusive |= bit;
        } else if ((handle->shm_shared & bit) == 0) {
            shm->shared[i]++;
            handle->shm_shared |= bit;
        }
    }
    return SQLITE_OK;
}

static void shm_release(struct handle *handle, int first, int count)
{
    struct shm *shm = handle->shm;
    for (int i = first; i < first + count; i++) {
        const uint16_t bit = (uint16_t)(1U << i);
        if ((handle->shm_shared & bit) != 0) {
            shm->shared[i]--;
        }
        if ((handle->shm_exclusive & bit) != 0) {
            shm->exclusive[i] = NULL;
        }
        handle->shm_shared &= (uint16_t)~bit;
        handle->shm_exclusive &= (uint16_t)~bit;
    }
}

static int file_shm_lock(sqlite3_file *file, int first, int count, int flags)
{
    struct handle *handle = (struct handle *)file;
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        if (handle->shm != NULL) {
            shm_release(handle, first, count);
        }
        return SQLITE_OK;
    }
    if (is_stale(handle) || handle->shm == NULL) {
        return SQLITE_IOERR_SHMLOCK;
    }
    return shm_claim(handle, first, count, (flags & SQLITE_SHM_SHARED) != 0);
}

static void file_shm_barrier(sqlite3_file *file)
{
    (void)file;
}

static int file_shm_unmap(sqlite3_file *file, int delete)
{
    struct handle *handle = (struct handle *)file;
    struct shm *shm = handle->shm;
    (void)delete; /* as on a real disk, where the first to open it again empties it */
    if (shm == NULL) {
        return SQLITE_OK;
    }
    shm_release(handle, 0, SQLITE_SHM_NLOCK);
    handle->shm = NULL;
    if (--shm->references == 0) {
        for (struct shm **at = &shms; *at != NULL; at = &(*at)->next) {
            if (*at == shm) {
                *at = shm->next;
                break;
            }
        }
        for (int i = 0; i < shm->region_count; i++) {
            free(shm->regions[i]);
        }
        free(shm);
    }
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* --- SQLite's VFS ---------------------------------------------------------------------------- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    struct handle *handle = (struct handle *)file;
    (void)vfs;
    *handle = (struct handle){.generation = crash_state.generation, .flags = flags};
    if (crash_state.is_off) {
        return SQLITE_CANTOPEN;
    }
    (void)strncpy(handle->name, name != NULL ? name : "(temporary)", NAME_BYTES - 1);
    const struct name *found = name != NULL ? crash_disk_name(crash_state.disk.live, name) : NULL;
    if (found == NULL) {
        if ((flags & SQLITE_OPEN_CREATE) == 0) {
            return SQLITE_CANTOPEN;
        }
        struct operation link = {.kind = LINK, .node = crash_state.disk.node_count};
        memcpy(link.name, handle->name, NAME_BYTES);
        const int code = crash_change(&link, SQLITE_CANTOPEN);
        if (code != SQLITE_OK) {
            return code;
        }
        handle->node = link.node;
    } else {
        handle->node = found->node;
    }
    handle->deletes_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    handle->base.pMethods = &methods;
    handle->next = handles;
    handles = handle;
    if (ret_flags != NULL) {
        *ret_flags = flags;
    }
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int syncs_folder)
{
    (void)vfs;
    if (crash_state.is_off) {
        return SQLITE_IOERR_DELETE;
    }
    const struct name *found = crash_disk_name(crash_state.disk.live, name);
    if (found == NULL) {
        return SQLITE_IOERR_DELETE_NOENT;
    }
    struct operation unlink = {
        .kind = UNLINK, .node = found->node, .syncs_folder = syncs_folder != 0};
    memcpy(unlink.name, found->text, NAME_BYTES);
    return crash_change(&unlink, SQLITE_IOERR_DELETE);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    (void)vfs;
    (void)flags;
    if (crash_state.is_off) {
        return SQLITE_IOERR_ACCESS;
    }
    /* As the unix VFS: an empty file does not count as one. */
    const struct name *found = crash_disk_name(crash_state.disk.live, name);
    *ret = found != NULL &&
           (flags != SQLITE_ACCESS_EXISTS || crash_state.disk.nodes[found->node].live.size > 0);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
    (void)vfs;
    if (strlen(name) >= (size_t)size || strlen(name) >= NAME_BYTES - 8) {
        return SQLITE_CANTOPEN;
    }
    memcpy(ret, name, strlen(name) + 1);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *ret)
{
    (void)vfs;
    for (int i = 0; i < size; i++) {
        ret[i] = (char)crash_random(&crash_state.random);
    }
    return size;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    crash_state.time_ms += microseconds / 1000;
    return microseconds;
}

static int vfs_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
    (void)vfs;
    *ret = INT64_C(212580000000000) + crash_state.time_ms; /* a day in 2024, as a Julian date */
    return SQLITE_OK;
}

static int vfs_time(sqlite3_vfs *vfs, double *ret)
{
    sqlite3_int64 now = 0;
    (void)vfs_time_ms(vfs, &now);
    *ret = (double)now / 86400000.0;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *ret)
{
    (void)vfs;
    (void)size;
    (void)ret;
    return 0;
}

void crash_vfs_register(const char *name)
{
    static sqlite3_vfs vfs = {
        .iVersion = 2,
        .szOsFile = sizeof(struct handle),
        .mxPathname = NAME_BYTES,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time_ms,
    };
    if (vfs.zName == NULL) {
        vfs.zName = name;
        /* One thread, and nobody asks SQLite for its memory: a tenth of its time. */
        int code = sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
        assert(code == SQLITE_OK);
        code = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        assert(code == SQLITE_OK);
        code = sqlite3_vfs_register(&vfs, 0);
        assert(code == SQLITE_OK);
        crash_vfs_reset();
    }
    assert(strcmp(vfs.zName, name) == 0);
}
