#include "tests/support/crash_vfs.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/crash_disk.h"

/* The state behind the controls; the disk itself is in crash_disk.c, SQLite's side in crash_file.c.
 */

#define NEVER UINT64_MAX

struct crash_state crash_state = {.cut_at = NEVER, .fail_at = NEVER, .fail_read_at = NEVER};

/* --- state ----------------------------------------------------------------------------------- */

static void record_free(void)
{
    for (size_t i = 0; i < crash_state.record_count; i++) {
        free(crash_state.record[i].bytes);
    }
    free(crash_state.record);
    crash_state.record = NULL;
    crash_state.record_count = crash_state.record_capacity = crash_state.cursor_at = 0;
    crash_state.is_recording = false;
    crash_disk_free(&crash_state.start);
    crash_disk_free(&crash_state.cursor);
}

static void power_on(void)
{
    crash_state.generation++;
    crash_state.is_off = false;
    crash_state.is_replayed = false;
    crash_state.writes = crash_state.calls = crash_state.reads = 0;
    crash_state.cut_at = crash_state.fail_at = crash_state.fail_read_at = NEVER;
    crash_state.has_failed = crash_state.is_read_only = crash_state.lies = false;
}

void crash_vfs_reset(void)
{
    crash_disk_free(&crash_state.disk);
    record_free();
    power_on();
    crash_state.capacity = 0;
    crash_state.random = 1;
    crash_state.time_ms = 0;
}

/* --- power ----------------------------------------------------------------------------------- */

uint64_t crash_vfs_writes(void)
{
    return crash_state.writes;
}

void crash_vfs_cut_after(uint64_t n)
{
    crash_state.cut_at = n == UINT64_MAX ? NEVER : crash_state.writes + n;
}

bool crash_vfs_is_cut(void)
{
    return crash_state.is_off;
}

/* The disk that the power left: as replayed, or as it is. */
static const struct disk *crashing(void)
{
    return crash_state.is_replayed ? &crash_state.cursor : &crash_state.disk;
}

void crash_vfs_reboot(struct crash_policy policy)
{
    struct disk found;
    crash_disk_crash(crashing(), policy, &found);
    crash_disk_free(&crash_state.disk);
    crash_state.disk = found;
    power_on();
}

size_t crash_vfs_policies(size_t random)
{
    const struct disk *disk = crashing();
    return crash_disk_policies(disk) + (disk->pending_count > 1 ? random : 0);
}

struct crash_policy crash_vfs_policy(size_t i)
{
    const uint64_t moment = crash_state.is_replayed ? crash_state.cursor_at : crash_state.writes;
    if (i >= crash_disk_policies(crashing())) {
        return CRASH_POLICY(CRASH_RANDOM, moment * 4096 + i);
    }
    return crash_disk_policy(crashing(), i);
}

/* --- recording ------------------------------------------------------------------------------- */

void crash_vfs_record(void)
{
    record_free();
    struct disk settled;
    crash_disk_copy(&settled, &crash_state.disk, true);
    crash_disk_free(&crash_state.disk);
    crash_state.disk = settled;
    crash_disk_copy(&crash_state.start, &crash_state.disk, true);
    crash_state.is_recording = true;
}

uint64_t crash_vfs_recorded(void)
{
    crash_state.is_recording = false;
    return crash_state.record_count;
}

void crash_vfs_replay(uint64_t n)
{
    assert(!crash_state.is_recording && n <= crash_state.record_count);
    if (n < crash_state.cursor_at || crash_state.cursor.node_count == 0) {
        crash_disk_free(&crash_state.cursor);
        crash_disk_copy(&crash_state.cursor, &crash_state.start, false);
        crash_state.cursor_at = 0;
    }
    while (crash_state.cursor_at < n) {
        crash_disk_apply(&crash_state.cursor, &crash_state.record[crash_state.cursor_at++]);
    }
    crash_state.is_replayed = true;
    crash_state.is_off = true;
}

typedef uint64_t __attribute__((may_alias)) word;

static uint64_t mix(uint64_t sum, word next)
{
    const uint64_t mixed = (sum ^ next) * UINT64_C(0x9e3779b97f4a7c15);
    return mixed ^ mixed >> 29;
}

/* Four sums side by side: one would wait for its own multiplication at every word. */
static uint64_t bytes_sum(const struct bytes *bytes)
{
    uint64_t sum[4] = {1, 2, 3, 4};
    size_t at = 0;
    for (; at + 32 <= bytes->size; at += 32) {
        const word *words = (const word *)(const void *)(bytes->at + at); /* of malloc: aligned */
        sum[0] = mix(sum[0], words[0]);
        sum[1] = mix(sum[1], words[1]);
        sum[2] = mix(sum[2], words[2]);
        sum[3] = mix(sum[3], words[3]);
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
        const struct name *name = &crash_state.disk.live[i];
        if (name->text[0] == 0) {
            continue;
        }
        uint64_t hash = bytes_sum(&crash_state.disk.nodes[name->node].live);
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
    crash_state.fail_at = crash_state.calls + n;
    crash_state.failure = failure;
    crash_state.fails_for_good = for_good;
    crash_state.has_failed = false;
}

void crash_vfs_fail_read_at(uint64_t n)
{
    assert(n >= 1);
    crash_state.fail_read_at = crash_state.reads + n;
    crash_state.has_failed = false;
}

bool crash_vfs_has_failed(void)
{
    return crash_state.has_failed;
}

void crash_vfs_heal(void)
{
    crash_state.fail_at = crash_state.fail_read_at = NEVER;
}

void crash_vfs_capacity(uint64_t bytes)
{
    crash_state.capacity = bytes;
}

uint64_t crash_vfs_used(void)
{
    uint64_t used = 0;
    for (int i = 0; i < NAMES_MAX; i++) {
        if (crash_state.disk.live[i].text[0] != 0) {
            used += crash_state.disk.nodes[crash_state.disk.live[i].node].live.size;
        }
    }
    return used;
}

void crash_vfs_read_only(bool on)
{
    crash_state.is_read_only = on;
}

void crash_vfs_lie(bool on)
{
    crash_state.lies = on;
}

/* --- the files ------------------------------------------------------------------------------- */

uint8_t *crash_vfs_file(const char *name, size_t *ret_size)
{
    const struct name *found = crash_disk_name(crash_state.disk.live, name);
    if (found == NULL) {
        return NULL;
    }
    *ret_size = crash_state.disk.nodes[found->node].live.size;
    return crash_state.disk.nodes[found->node].live.at;
}

void crash_vfs_put(const char *name, const uint8_t *bytes, size_t size)
{
    const struct bytes content = {.at = (uint8_t *)bytes, .size = size, .capacity = size};
    crash_disk_put(&crash_state.disk, name, &content);
}

/* --- the door of every changing call ---------------------------------------------------------- */

int crash_gate(int io_code)
{
    if (crash_state.is_off) {
        return io_code;
    }
    if (crash_state.writes == crash_state.cut_at) {
        crash_state.is_off = true;
        return io_code;
    }
    if (crash_state.is_read_only) {
        return SQLITE_READONLY;
    }
    crash_state.calls++;
    if (crash_state.calls == crash_state.fail_at ||
        (crash_state.calls > crash_state.fail_at && crash_state.fails_for_good)) {
        crash_state.has_failed = true;
        return crash_state.failure == CRASH_FULL ? SQLITE_FULL : io_code;
    }
    return SQLITE_OK;
}

int crash_change(const struct operation *operation, int io_code)
{
    const int code = crash_gate(io_code);
    if (code != SQLITE_OK) {
        return code;
    }
    const size_t end = operation->kind == WRITE ? operation->offset + operation->size : 0;
    const size_t size =
        operation->kind == WRITE ? crash_state.disk.nodes[operation->node].live.size : 0;
    if (crash_state.capacity > 0 && end > size &&
        crash_vfs_used() + (end - size) > crash_state.capacity) {
        return SQLITE_FULL;
    }
    crash_state.writes++;
    if (operation->kind == SYNC && crash_state.lies) {
        return SQLITE_OK;
    }
    if (crash_state.is_recording) {
        if (crash_state.record_count == crash_state.record_capacity) {
            crash_state.record_capacity = crash_state.record_capacity * 2 + 1024;
            crash_state.record = crash_must(realloc(
                crash_state.record, sizeof *crash_state.record * crash_state.record_capacity));
        }
        crash_state.record[crash_state.record_count++] = crash_operation_copy(operation);
    }
    crash_disk_apply(&crash_state.disk, operation);
    return SQLITE_OK;
}
