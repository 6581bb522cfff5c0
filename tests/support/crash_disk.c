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

#include "tests/support/crash_disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECTOR = 512,
    TEARS_MAX = 8, /* enough for every sector of a page; long runs of zeros need no more */
};

/* --- bytes ----------------------------------------------------------------------------------- */

void *crash_must(void *memory)
{
    assert(memory != NULL);
    return memory;
}

/* Memory of files that are gone, for the next ones: disks come and go by the ten thousand, and
 * fresh memory, under ASan above all, would cost more time than what is tested. */
enum { SPARES_MAX = 32, CAPACITY_MIN = 1 << 16 };
static struct bytes spares[SPARES_MAX];
static int spare_count;

static void bytes_free(struct bytes *bytes)
{
    if (bytes->at != NULL && spare_count < SPARES_MAX) {
        spares[spare_count++] = *bytes;
    } else {
        free(bytes->at);
    }
    *bytes = (struct bytes){0};
}

/* Empty, with room for `size` bytes: a spare one, the smallest, or a new one. */
static struct bytes bytes_with_room(size_t size)
{
    struct bytes bytes = {.capacity = CAPACITY_MIN};
    int found = -1;
    for (int i = 0; i < spare_count; i++) {
        if (spares[i].capacity >= size &&
            (found < 0 || spares[i].capacity < spares[found].capacity)) {
            found = i;
        }
    }
    if (found >= 0) {
        bytes = spares[found];
        bytes.size = 0;
        spares[found] = spares[--spare_count];
        return bytes;
    }
    while (bytes.capacity < size) {
        bytes.capacity *= 2;
    }
    bytes.at = crash_must(malloc(bytes.capacity));
    return bytes;
}

static void bytes_resize(struct bytes *bytes, size_t size)
{
    if (size > bytes->capacity) {
        struct bytes larger = bytes_with_room(size);
        larger.size = bytes->size;
        if (bytes->size > 0) {
            memcpy(larger.at, bytes->at, bytes->size);
        }
        bytes_free(bytes);
        *bytes = larger;
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

struct name *crash_disk_name(struct name *folder, const char *text)
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
    struct name *name = crash_disk_name(folder, operation->name);
    if (operation->kind == UNLINK) {
        if (name != NULL && name->node == operation->node) {
            name->text[0] = 0;
        }
        return;
    }
    if (name == NULL) {
        name = crash_disk_name(folder, "");
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
    disk->nodes =
        crash_must(realloc(disk->nodes, sizeof *disk->nodes * (size_t)(disk->node_count + 1)));
    disk->nodes[disk->node_count] = (struct node){.is_new = true};
    return disk->node_count++;
}

struct operation crash_operation_copy(const struct operation *from)
{
    struct operation copy = *from;
    if (from->bytes != NULL) {
        copy.bytes = crash_must(malloc(from->size + 1));
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

void crash_disk_apply(struct disk *disk, const struct operation *operation)
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
            crash_must(realloc(disk->pending, sizeof *disk->pending * disk->pending_capacity));
    }
    disk->pending[disk->pending_count++] = crash_operation_copy(operation);
    if (operation->kind == UNLINK && operation->syncs_folder) {
        settle(disk, -1);
    }
}

void crash_disk_free(struct disk *disk)
{
    for (int i = 0; i < disk->node_count; i++) {
        bytes_free(&disk->nodes[i].live);
        bytes_free(&disk->nodes[i].platter);
    }
    for (size_t i = 0; i < disk->pending_count; i++) {
        free(disk->pending[i].bytes);
    }
    free(disk->nodes);
    free(disk->pending);
    *disk = (struct disk){0};
}

void crash_disk_put(struct disk *disk, const char *name, const struct bytes *bytes)
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

void crash_disk_copy(struct disk *to, const struct disk *from, bool is_settled)
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

uint64_t crash_random(uint64_t *state)
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
        const uint64_t r = crash_random(random);
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

void crash_disk_crash(const struct disk *disk, struct crash_policy policy, struct disk *ret)
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
            bytes_free(&found.nodes[i].live);
        }
    }
    *ret = found;
}

/* The list: all, synced; then per pending operation dropped and kept alone; tears of the last. */
size_t crash_disk_policies(const struct disk *disk)
{
    const size_t n = disk->pending_count;
    uint64_t tears = n > 0 ? sectors_of(&disk->pending[n - 1]) - 1 : 0;
    tears = tears < TEARS_MAX ? tears : TEARS_MAX;
    return (n > 0 ? 2 : 1) + (n > 1 ? 2 * n : 0) + (size_t)(2 * tears);
}

struct crash_policy crash_disk_policy(const struct disk *disk, size_t i)
{
    const size_t n = disk->pending_count;
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
