/* The fault model
 * ---------------
 * The disk holds files (nodes) and one flat folder that maps names to nodes. Every changing call is
 * an operation: write, truncate, link (a file is created), unlink (deleted). A running process sees
 * all of them at once, as with a page cache. What the platter holds is less certain:
 *
 * 1. A sync of a file puts every earlier write and truncate of that file on the platter, in full.
 *    It says nothing about other files.
 * 2. The folder is synced by an unlink that asks for it, and by the first sync of a file that was
 *    created since: SQLite's unix VFS syncs the folder then for logs and journals. All earlier
 *    links and unlinks are on the platter after that. (For the main database file the unix VFS does
 *    not; its link is covered by the log's or journal's folder sync. Here a database file's first
 *    sync does not sync the folder either.)
 * 3. Operations that nothing has synced are pending. A power cut keeps any subset of them, in their
 *    order: all, none, all but one, only one, or a random choice. A later one may so survive
 *    without an earlier one.
 * 4. A write is not atomic. It may be torn at a multiple of 512 bytes of the file: the first part
 *    new and the rest old, or the other way round. Bytes outside a write never change ("powersafe
 *    overwrite", which the shipped unix VFS claims as well, so that the same code runs).
 * 5. Space that a file grew by, without the write that filled it, reads as zeros.
 * 6. Shared memory and locks do not survive a cut.
 * 7. A sync that was cut, or that failed, may have done nothing: all its operations stay pending.
 *
 * Not modelled: garbage in place of a torn sector, and writes that land in the wrong place. What
 * those leave is a damaged file, and tests/unit/test_store.c damages files.
 *
 * Handles know the generation of the disk that they were opened on; after a reset or reboot they
 * fail with SQLITE_IOERR and can only be closed. */

#include "tests/support/crash_vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECTOR = 512,
    NAMES_MAX = 16,
    NAME_BYTES = 256,
    SHM_REGIONS = 256,
    TEARS_MAX = 8, /* enough for every sector of a page; long runs of zeros need no more */
};
#define NEVER UINT64_MAX

/* --- bytes ----------------------------------------------------------------------------------- */

struct bytes {
    uint8_t *at;
    size_t size, capacity;
};

static void *must(void *memory)
{
    assert(memory != NULL);
    return memory;
}

static void bytes_resize(struct bytes *bytes, size_t size)
{
    if (size > bytes->capacity) {
        bytes->capacity = bytes->capacity == 0 ? size : size * 2;
        bytes->at = must(realloc(bytes->at, bytes->capacity));
    }
    if (size > bytes->size) {
        memset(bytes->at + bytes->size, 0, size - bytes->size);
    }
    bytes->size = size;
}

static void bytes_write(struct bytes *bytes, size_t offset, const uint8_t *from, size_t size)
{
    if (offset + size > bytes->size) {
        bytes_resize(bytes, offset + size);
    }
    memcpy(bytes->at + offset, from, size);
}

static void bytes_copy(struct bytes *to, const struct bytes *from)
{
    to->size = 0;
    bytes_resize(to, from->size);
    if (from->size > 0) {
        memcpy(to->at, from->at, from->size);
    }
}

/* --- the disk -------------------------------------------------------------------------------- */

enum kind { WRITE, TRUNCATE, LINK, UNLINK, SYNC };

struct operation {
    enum kind kind;
    int node;
    bool syncs_folder;     /* sync, unlink */
    size_t offset, size;   /* write; truncate: size */
    uint8_t *bytes;        /* write */
    char name[NAME_BYTES]; /* link, unlink */
};

struct name {
    char text[NAME_BYTES]; /* empty = free */
    int node;
};

struct node {
    struct bytes live, platter;
    bool is_new;     /* created, and no sync of it has synced the folder yet */
    bool is_settled; /* the platter has what is live, and `platter` is left empty */
};

struct disk {
    struct node *nodes;
    int node_count;
    struct name live[NAMES_MAX], platter[NAMES_MAX];
    struct operation *pending;
    size_t pending_count, pending_capacity;
};

static struct name *name_find(struct name *folder, const char *text)
{
    for (int i = 0; i < NAMES_MAX; i++) {
        if (strcmp(folder[i].text, text) == 0) {
            return &folder[i];
        }
    }
    return NULL;
}

static void folder_apply(struct name *folder, const struct operation *operation)
{
    struct name *name = name_find(folder, operation->name);
    if (operation->kind == UNLINK) {
        if (name != NULL && name->node == operation->node) {
            name->text[0] = 0;
        }
        return;
    }
    if (name == NULL) {
        name = name_find(folder, "");
        assert(name != NULL);
    }
    memcpy(name->text, operation->name, NAME_BYTES);
    name->node = operation->node;
}

/* The platter's bytes of a settled node, before it stops being one. */
static void node_unsettle(struct node *node)
{
    if (node->is_settled) {
        bytes_copy(&node->platter, &node->live);
        node->is_settled = false;
    }
}

static const struct bytes *node_platter(const struct node *node)
{
    return node->is_settled ? &node->live : &node->platter;
}

static void data_apply(struct bytes *bytes, const struct operation *operation)
{
    if (operation->kind == TRUNCATE) {
        bytes_resize(bytes, operation->size);
    } else {
        bytes_write(bytes, operation->offset, operation->bytes, operation->size);
    }
}

static bool is_data(const struct operation *operation)
{
    return operation->kind == WRITE || operation->kind == TRUNCATE;
}

static int node_add(struct disk *disk)
{
    disk->nodes = must(realloc(disk->nodes, sizeof *disk->nodes * (size_t)(disk->node_count + 1)));
    disk->nodes[disk->node_count] = (struct node){.is_new = true};
    return disk->node_count++;
}

static struct operation operation_copy(const struct operation *from)
{
    struct operation copy = *from;
    if (from->bytes != NULL) {
        copy.bytes = must(malloc(from->size + 1));
        memcpy(copy.bytes, from->bytes, from->size);
    }
    return copy;
}

/* Puts pending operations of a node (or of the folder, node < 0) on the platter. */
static void settle(struct disk *disk, int node)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk->pending_count; i++) {
        struct operation *operation = &disk->pending[i];
        if (node >= 0 && is_data(operation) && operation->node == node) {
            data_apply(&disk->nodes[node].platter, operation);
            free(operation->bytes);
        } else if (node < 0 && !is_data(operation)) {
            folder_apply(disk->platter, operation);
        } else {
            disk->pending[kept++] = *operation;
        }
    }
    disk->pending_count = kept;
}

/* Does an operation on the live disk; what is not synced becomes pending. */
static void disk_apply(struct disk *disk, const struct operation *operation)
{
    if (operation->kind == SYNC) {
        settle(disk, operation->node);
        if (operation->syncs_folder) {
            settle(disk, -1);
            disk->nodes[operation->node].is_new = false;
        }
        return;
    }
    if (operation->kind == LINK && operation->node == disk->node_count) {
        (void)node_add(disk);
    }
    if (is_data(operation)) {
        node_unsettle(&disk->nodes[operation->node]);
        data_apply(&disk->nodes[operation->node].live, operation);
    } else {
        folder_apply(disk->live, operation);
    }
    if (disk->pending_count == disk->pending_capacity) {
        disk->pending_capacity = disk->pending_capacity * 2 + 64;
        disk->pending =
            must(realloc(disk->pending, sizeof *disk->pending * disk->pending_capacity));
    }
    disk->pending[disk->pending_count++] = operation_copy(operation);
    if (operation->kind == UNLINK && operation->syncs_folder) {
        settle(disk, -1);
    }
}

static void disk_free(struct disk *disk)
{
    for (int i = 0; i < disk->node_count; i++) {
        free(disk->nodes[i].live.at);
        free(disk->nodes[i].platter.at);
    }
    for (size_t i = 0; i < disk->pending_count; i++) {
        free(disk->pending[i].bytes);
    }
    free(disk->nodes);
    free(disk->pending);
    *disk = (struct disk){0};
}

/* A file with content, on the platter as well. */
static void disk_put(struct disk *disk, const char *name, const struct bytes *bytes)
{
    struct operation link = {.kind = LINK, .node = node_add(disk)};
    (void)strncpy(link.name, name, NAME_BYTES - 1);
    struct node *node = &disk->nodes[link.node];
    bytes_copy(&node->live, bytes);
    node->is_settled = true;
    node->is_new = false;
    folder_apply(disk->live, &link);
    folder_apply(disk->platter, &link);
}

/* The same files and folder with the same node numbers, which open handles and records know; what
 * `from` has live is on the copy's platter too when `is_settled`. Pending is not copied. */
static void disk_copy(struct disk *to, const struct disk *from, bool is_settled)
{
    *to = (struct disk){0};
    for (int i = 0; i < from->node_count; i++) {
        const struct node *node = &from->nodes[i];
        (void)node_add(to);
        bytes_copy(&to->nodes[i].live, &node->live);
        to->nodes[i].is_settled = is_settled || node->is_settled;
        to->nodes[i].is_new = !is_settled && node->is_new;
        if (!to->nodes[i].is_settled) {
            bytes_copy(&to->nodes[i].platter, &node->platter);
        }
    }
    memcpy(to->live, from->live, sizeof to->live);
    memcpy(to->platter, is_settled ? from->live : from->platter, sizeof to->platter);
}

/* --- what a cut leaves ------------------------------------------------------------------------ */

static uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Sectors of the file that a write touches. */
static uint64_t sectors_of(const struct operation *operation)
{
    if (operation->kind != WRITE || operation->size == 0) {
        return 1;
    }
    return (operation->offset + operation->size - 1) / SECTOR - operation->offset / SECTOR + 1;
}

/* The part [*from, *to) of a write's bytes in its sectors [first, last). */
static void torn_part(const struct operation *operation, uint64_t first, uint64_t last,
                      size_t *from, size_t *to)
{
    const size_t base = operation->offset / SECTOR * SECTOR;
    const size_t end = operation->offset + operation->size;
    size_t a = base + (size_t)first * SECTOR, b = base + (size_t)last * SECTOR;
    a = a < operation->offset ? operation->offset : a;
    b = b > end ? end : b;
    *from = a - operation->offset;
    *to = b < a ? *from : b - operation->offset;
}

struct part {
    bool is_kept;
    uint64_t first, last; /* sectors of a write that arrived */
};

static struct part part_of(const struct disk *disk, size_t i, struct crash_policy policy,
                           uint64_t *random)
{
    const uint64_t sectors = sectors_of(&disk->pending[i]);
    const bool is_last = i + 1 == disk->pending_count;
    struct part part = {.is_kept = true, .first = 0, .last = sectors};
    switch (policy.keep) {
    case CRASH_KEEP_ALL:
        break;
    case CRASH_KEEP_SYNCED:
        part.is_kept = false;
        break;
    case CRASH_DROP_ONE:
        part.is_kept = i != policy.pick;
        break;
    case CRASH_KEEP_ONE:
        part.is_kept = i == policy.pick;
        break;
    case CRASH_TEAR_LAST:
        part.last = is_last && policy.pick < sectors ? policy.pick : sectors;
        break;
    case CRASH_TEAR_HEAD:
        part.first = is_last ? policy.pick : 0;
        break;
    case CRASH_RANDOM: {
        const uint64_t r = random_next(random);
        part.is_kept = (r & 1) != 0;
        if ((r & 2) != 0) {
            part.last = (r >> 8) % (sectors + 1);
        }
        break;
    }
    }
    return part;
}

/* What one pending operation leaves on the platter. */
static void crash_apply(struct disk *found, struct operation operation, struct part part)
{
    if (operation.kind == WRITE) {
        size_t from = 0, to = 0;
        torn_part(&operation, part.first, part.last, &from, &to);
        operation.offset += from;
        operation.bytes += from;
        operation.size = to - from;
    }
    if (!is_data(&operation)) {
        folder_apply(found->live, &operation);
    } else if (operation.kind == TRUNCATE || operation.size > 0) {
        data_apply(&found->nodes[operation.node].live, &operation);
    }
}

static bool is_linked(const struct name *folder, int node)
{
    for (int i = 0; i < NAMES_MAX; i++) {
        if (folder[i].text[0] != 0 && folder[i].node == node) {
            return true;
        }
    }
    return false;
}

/* The disk that is found after the cut. */
static void disk_crash(const struct disk *disk, struct crash_policy policy, struct disk *ret)
{
    struct disk found = {0};
    uint64_t random = policy.pick;
    for (int i = 0; i < disk->node_count; i++) {
        (void)node_add(&found);
        bytes_copy(&found.nodes[i].live, node_platter(&disk->nodes[i]));
        found.nodes[i].is_new = false;
        found.nodes[i].is_settled = true;
    }
    memcpy(found.live, disk->platter, sizeof found.live);
    for (size_t i = 0; i < disk->pending_count; i++) {
        const struct part part = part_of(disk, i, policy, &random);
        if (part.is_kept) {
            crash_apply(&found, disk->pending[i], part);
        }
    }
    memcpy(found.platter, found.live, sizeof found.platter);
    for (int i = 0; i < found.node_count; i++) {
        if (!is_linked(found.live, i)) { /* deleted: its bytes are out of reach */
            free(found.nodes[i].live.at);
            found.nodes[i].live = (struct bytes){0};
        }
    }
    *ret = found;
}

/* --- state ----------------------------------------------------------------------------------- */

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

static struct {
    struct disk disk;
    uint64_t generation;
    bool is_off;
    uint64_t writes, cut_at; /* the power goes off at call number cut_at + 1 */
    uint64_t calls, fail_at; /* like writes, but failing calls and shared memory count as well */
    uint64_t reads, fail_read_at;
    enum crash_failure failure;
    bool fails_for_good, has_failed, is_read_only, lies;
    uint64_t capacity;
    /* Recording: where it began, what happened, and a disk that follows along. */
    bool is_recording;
    struct disk start, cursor;
    struct operation *record;
    size_t record_count, record_capacity, cursor_at;
    bool is_replayed;
    uint64_t random;
    int64_t time_ms;
    struct shm *shms;
} state = {.cut_at = NEVER, .fail_at = NEVER, .fail_read_at = NEVER};

static void record_free(void)
{
    for (size_t i = 0; i < state.record_count; i++) {
        free(state.record[i].bytes);
    }
    free(state.record);
    state.record = NULL;
    state.record_count = state.record_capacity = state.cursor_at = 0;
    state.is_recording = false;
    disk_free(&state.start);
    disk_free(&state.cursor);
}

static void power_on(void)
{
    state.generation++;
    state.is_off = false;
    state.is_replayed = false;
    state.writes = state.calls = state.reads = 0;
    state.cut_at = state.fail_at = state.fail_read_at = NEVER;
    state.has_failed = state.is_read_only = state.lies = false;
}

void crash_vfs_reset(void)
{
    disk_free(&state.disk);
    record_free();
    power_on();
    state.capacity = 0;
    state.random = 1;
    state.time_ms = 0;
}

/* --- power ----------------------------------------------------------------------------------- */

uint64_t crash_vfs_writes(void)
{
    return state.writes;
}

void crash_vfs_cut_after(uint64_t n)
{
    state.cut_at = n == UINT64_MAX ? NEVER : state.writes + n;
}

bool crash_vfs_is_cut(void)
{
    return state.is_off;
}

/* The disk that the power left: as replayed, or as it is. */
static const struct disk *crashing(void)
{
    return state.is_replayed ? &state.cursor : &state.disk;
}

void crash_vfs_reboot(struct crash_policy policy)
{
    struct disk found;
    disk_crash(crashing(), policy, &found);
    disk_free(&state.disk);
    state.disk = found;
    power_on();
}

/* The list: all, synced; then per pending operation dropped and kept alone; tears of the last. */
static size_t policies_fixed(const struct disk *disk)
{
    const size_t n = disk->pending_count;
    uint64_t tears = n > 0 ? sectors_of(&disk->pending[n - 1]) - 1 : 0;
    tears = tears < TEARS_MAX ? tears : TEARS_MAX;
    return (n > 0 ? 2 : 1) + (n > 1 ? 2 * n : 0) + (size_t)(2 * tears);
}

size_t crash_vfs_policies(size_t random)
{
    const struct disk *disk = crashing();
    return policies_fixed(disk) + (disk->pending_count > 1 ? random : 0);
}

struct crash_policy crash_vfs_policy(size_t i)
{
    const struct disk *disk = crashing();
    const size_t n = disk->pending_count;
    if (i >= policies_fixed(disk)) {
        const uint64_t moment = state.is_replayed ? state.cursor_at : state.writes;
        return CRASH_POLICY(CRASH_RANDOM, moment * 4096 + i);
    }
    if (i < 2) {
        return CRASH_POLICY(i == 0 ? CRASH_KEEP_ALL : CRASH_KEEP_SYNCED, 0);
    }
    i -= 2;
    if (n > 1 && i < 2 * n) {
        return CRASH_POLICY(i < n ? CRASH_DROP_ONE : CRASH_KEEP_ONE, i % n);
    }
    i -= n > 1 ? 2 * n : 0;
    return CRASH_POLICY(i % 2 == 0 ? CRASH_TEAR_LAST : CRASH_TEAR_HEAD, i / 2 + 1);
}

/* --- recording ------------------------------------------------------------------------------- */

void crash_vfs_record(void)
{
    record_free();
    struct disk settled;
    disk_copy(&settled, &state.disk, true);
    disk_free(&state.disk);
    state.disk = settled;
    disk_copy(&state.start, &state.disk, true);
    state.is_recording = true;
}

uint64_t crash_vfs_recorded(void)
{
    state.is_recording = false;
    return state.record_count;
}

void crash_vfs_replay(uint64_t n)
{
    assert(!state.is_recording && n <= state.record_count);
    if (n < state.cursor_at || state.cursor.node_count == 0) {
        disk_free(&state.cursor);
        disk_copy(&state.cursor, &state.start, false);
        state.cursor_at = 0;
    }
    while (state.cursor_at < n) {
        disk_apply(&state.cursor, &state.record[state.cursor_at++]);
    }
    state.is_replayed = true;
    state.is_off = true;
}

/* Four sums side by side: one would wait for its own multiplication at every word. */
static uint64_t bytes_sum(const struct bytes *bytes)
{
    uint64_t sum[4] = {1, 2, 3, 4};
    size_t at = 0;
    for (; at + 32 <= bytes->size; at += 32) {
        uint64_t words[4];
        memcpy(words, bytes->at + at, sizeof words);
        for (int i = 0; i < 4; i++) {
            const uint64_t mixed = (sum[i] ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
            sum[i] = mixed ^ mixed >> 29;
        }
    }
    for (; at < bytes->size; at++) {
        sum[0] = (sum[0] ^ bytes->at[at]) * UINT64_C(0x100000001b3);
    }
    return sum[0] + sum[1] * 3 + sum[2] * 5 + sum[3] * 7 + bytes->size;
}

uint64_t crash_vfs_fingerprint(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < NAMES_MAX; i++) {
        const struct name *name = &state.disk.live[i];
        if (name->text[0] == 0) {
            continue;
        }
        uint64_t hash = bytes_sum(&state.disk.nodes[name->node].live);
        for (const char *c = name->text; *c != 0; c++) {
            hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
        }
        sum += hash; /* the folder has no order */
    }
    return sum;
}

/* --- failures -------------------------------------------------------------------------------- */

void crash_vfs_fail_at(uint64_t n, enum crash_failure failure, bool for_good)
{
    assert(n >= 1);
    state.fail_at = state.calls + n;
    state.failure = failure;
    state.fails_for_good = for_good;
    state.has_failed = false;
}

void crash_vfs_fail_read_at(uint64_t n)
{
    assert(n >= 1);
    state.fail_read_at = state.reads + n;
    state.has_failed = false;
}

bool crash_vfs_has_failed(void)
{
    return state.has_failed;
}

void crash_vfs_heal(void)
{
    state.fail_at = state.fail_read_at = NEVER;
}

void crash_vfs_capacity(uint64_t bytes)
{
    state.capacity = bytes;
}

uint64_t crash_vfs_used(void)
{
    uint64_t used = 0;
    for (int i = 0; i < NAMES_MAX; i++) {
        if (state.disk.live[i].text[0] != 0) {
            used += state.disk.nodes[state.disk.live[i].node].live.size;
        }
    }
    return used;
}

void crash_vfs_read_only(bool on)
{
    state.is_read_only = on;
}

void crash_vfs_lie(bool on)
{
    state.lies = on;
}

/* --- the files ------------------------------------------------------------------------------- */

uint8_t *crash_vfs_file(const char *name, size_t *ret_size)
{
    const struct name *found = name_find(state.disk.live, name);
    if (found == NULL) {
        return NULL;
    }
    *ret_size = state.disk.nodes[found->node].live.size;
    return state.disk.nodes[found->node].live.at;
}

void crash_vfs_put(const char *name, const uint8_t *bytes, size_t size)
{
    struct bytes content = {0};
    bytes_resize(&content, size);
    if (size > 0) {
        memcpy(content.at, bytes, size);
    }
    disk_put(&state.disk, name, &content);
    free(content.at);
}

/* --- the door of every changing call ---------------------------------------------------------- */

static int gate_failure(int io_code)
{
    if (state.is_off) {
        return io_code;
    }
    if (state.writes == state.cut_at) {
        state.is_off = true;
        return io_code;
    }
    if (state.is_read_only) {
        return SQLITE_READONLY;
    }
    state.calls++;
    if (state.calls == state.fail_at || (state.calls > state.fail_at && state.fails_for_good)) {
        state.has_failed = true;
        return state.failure == CRASH_FULL ? SQLITE_FULL : io_code;
    }
    return SQLITE_OK;
}

/* Lets an operation through, or says why not. */
static int change(const struct operation *operation, int io_code)
{
    const int code = gate_failure(io_code);
    if (code != SQLITE_OK) {
        return code;
    }
    const size_t end = operation->kind == WRITE ? operation->offset + operation->size : 0;
    const size_t size = operation->kind == WRITE ? state.disk.nodes[operation->node].live.size : 0;
    if (state.capacity > 0 && end > size && crash_vfs_used() + (end - size) > state.capacity) {
        return SQLITE_FULL;
    }
    state.writes++;
    if (operation->kind == SYNC && state.lies) {
        return SQLITE_OK;
    }
    if (state.is_recording) {
        if (state.record_count == state.record_capacity) {
            state.record_capacity = state.record_capacity * 2 + 1024;
            state.record =
                must(realloc(state.record, sizeof *state.record * state.record_capacity));
        }
        state.record[state.record_count++] = operation_copy(operation);
    }
    disk_apply(&state.disk, operation);
    return SQLITE_OK;
}

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
    return state.is_off || handle->generation != state.generation;
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
        (void)change(&unlink, SQLITE_IOERR_DELETE);
    }
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *into, int size, sqlite3_int64 offset)
{
    struct handle *handle = (struct handle *)file;
    if (is_stale(handle)) {
        return SQLITE_IOERR_READ;
    }
    if (++state.reads == state.fail_read_at) {
        state.has_failed = true;
        return SQLITE_IOERR_READ;
    }
    const struct bytes *bytes = &state.disk.nodes[handle->node].live;
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
    return change(&write, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct handle *handle = (struct handle *)file;
    if (is_stale(handle)) {
        return SQLITE_IOERR_TRUNCATE;
    }
    const struct operation truncate = {
        .kind = TRUNCATE, .node = handle->node, .size = (size_t)size};
    return change(&truncate, SQLITE_IOERR_TRUNCATE);
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
                                   .syncs_folder = is_log && state.disk.nodes[handle->node].is_new};
    return change(&sync, SQLITE_IOERR_FSYNC);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    struct handle *handle = (struct handle *)file;
    if (is_stale(handle)) {
        return SQLITE_IOERR_FSTAT;
    }
    *ret = (sqlite3_int64)state.disk.nodes[handle->node].live.size;
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
    struct shm *shm = state.shms;
    while (shm != NULL && (shm->generation != handle->generation || shm->node != handle->node)) {
        shm = shm->next;
    }
    if (shm == NULL) {
        shm = must(calloc(1, sizeof *shm));
        shm->generation = handle->generation;
        shm->node = handle->node;
        shm->next = state.shms;
        state.shms = shm;
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
        code = gate_failure(SQLITE_IOERR_SHMSIZE);
        if (code == SQLITE_OK) {
            shm->regions[shm->region_count++] = must(calloc(1, (size_t)size));
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
        for (struct shm **at = &state.shms; *at != NULL; at = &(*at)->next) {
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
    *handle = (struct handle){.generation = state.generation, .flags = flags};
    if (state.is_off) {
        return SQLITE_CANTOPEN;
    }
    (void)strncpy(handle->name, name != NULL ? name : "(temporary)", NAME_BYTES - 1);
    const struct name *found = name != NULL ? name_find(state.disk.live, name) : NULL;
    if (found == NULL) {
        if ((flags & SQLITE_OPEN_CREATE) == 0) {
            return SQLITE_CANTOPEN;
        }
        struct operation link = {.kind = LINK, .node = state.disk.node_count};
        memcpy(link.name, handle->name, NAME_BYTES);
        const int code = change(&link, SQLITE_CANTOPEN);
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
    if (state.is_off) {
        return SQLITE_IOERR_DELETE;
    }
    const struct name *found = name_find(state.disk.live, name);
    if (found == NULL) {
        return SQLITE_IOERR_DELETE_NOENT;
    }
    struct operation unlink = {
        .kind = UNLINK, .node = found->node, .syncs_folder = syncs_folder != 0};
    memcpy(unlink.name, found->text, NAME_BYTES);
    return change(&unlink, SQLITE_IOERR_DELETE);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    (void)vfs;
    (void)flags;
    if (state.is_off) {
        return SQLITE_IOERR_ACCESS;
    }
    /* As the unix VFS: an empty file does not count as one. */
    const struct name *found = name_find(state.disk.live, name);
    *ret = found != NULL &&
           (flags != SQLITE_ACCESS_EXISTS || state.disk.nodes[found->node].live.size > 0);
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
        ret[i] = (char)random_next(&state.random);
    }
    return size;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    state.time_ms += microseconds / 1000;
    return microseconds;
}

static int vfs_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
    (void)vfs;
    *ret = INT64_C(212580000000000) + state.time_ms; /* a day in 2024, as a Julian date */
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
        const int code = sqlite3_vfs_register(&vfs, 0);
        assert(code == SQLITE_OK);
        crash_vfs_reset();
    }
    assert(strcmp(vfs.zName, name) == 0);
}
