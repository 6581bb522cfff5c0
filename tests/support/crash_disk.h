/* crash_disk.h - the disk of crash_vfs.h: what is live, what is on the platter, what is pending.
 *
 * Private to tests/support/crash_*.c. The fault model is stated at the top of crash_disk.c. */
#ifndef TESTS_SUPPORT_CRASH_DISK_H
#define TESTS_SUPPORT_CRASH_DISK_H

#include "tests/support/crash_vfs.h"

enum { NAMES_MAX = 16, NAME_BYTES = 256 };

struct bytes {
    uint8_t *at;
    size_t size, capacity;
};

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

/* A node with this name; "" finds a free slot; NULL. */
struct name *crash_disk_name(struct name *folder, const char *text);
/* Does an operation; what is not synced becomes pending. Copies what it keeps. */
void crash_disk_apply(struct disk *disk, const struct operation *operation);
/* A file with content, on the platter as well. */
void crash_disk_put(struct disk *disk, const char *name, const struct bytes *bytes);
/* The same files and folder with the same node numbers, which open handles and records know; what
 * `from` has live is on the copy's platter too when `is_settled`. Pending is not copied. */
void crash_disk_copy(struct disk *to, const struct disk *from, bool is_settled);
/* The disk that is found after a cut. */
void crash_disk_crash(const struct disk *disk, struct crash_policy policy, struct disk *ret);
void crash_disk_free(struct disk *disk);
/* How many policies without seeds differ now; and the i-th. */
size_t crash_disk_policies(const struct disk *disk);
struct crash_policy crash_disk_policy(const struct disk *disk, size_t i);

struct operation crash_operation_copy(const struct operation *from);
uint64_t crash_random(uint64_t *state);
void *crash_must(void *memory); /* asserts that there was memory */

/* --- shared by crash_vfs.c and crash_file.c -----------------------------------------------------
 */

struct crash_state {
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
};
extern struct crash_state crash_state;

/* The door of every changing call: SQLITE_OK, or why it does not happen. */
int crash_gate(int io_code);
/* Lets an operation through, or says why not. */
int crash_change(const struct operation *operation, int io_code);

#endif
