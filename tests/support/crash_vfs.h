/* crash_vfs.h - a disk in memory under SQLite that loses power, fills up, fails and lies.
 *
 * Tests only; global state; one thread; `sqlite3_initialize` is called by registering. Give the
 * registered name to store_open() (struct store_config.vfs): the shipped configuration (WAL,
 * shared memory, locks between handles) then runs on this disk unchanged. Clock, randomness and
 * sleeping are fixed, so every run repeats. The fault model is stated at the top of crash_disk.c.
 *
 * A whole-terminal test, cut at every changing call of a tap:
 *
 *     crash_vfs_register("crash");
 *     for (uint64_t n = 0; ; n++) {
 *         crash_vfs_reset();
 *         ... open the store with vfs = "crash", put it into the starting state ...
 *         crash_vfs_cut_after(n);
 *         ... the tap; its calls fail with ST_IO once the power is off; store_close() ...
 *         bool cut = crash_vfs_is_cut();
 *         crash_vfs_reboot(CRASH_POLICY(CRASH_KEEP_SYNCED, 0));
 *         ... open again, resume, check the invariants ...
 *         if (!cut) break;
 *     }
 */
#ifndef TESTS_SUPPORT_CRASH_VFS_H
#define TESTS_SUPPORT_CRASH_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers the VFS under `name` (kept by reference); not as the default. Again is harmless. */
void crash_vfs_register(const char *name);
/* A new, empty, healthy disk without limit. Handles from before fail for ever, but may be closed.
 */
void crash_vfs_reset(void);

/* --- power ---------------------------------------------------------------------------------- */

/* Changing calls (create, write, truncate, sync, delete) since the last reset or reboot. */
uint64_t crash_vfs_writes(void);
/* Lets n more changing calls happen; the next one finds the power off, and every call from then on
 * fails with SQLITE_IOERR until the reboot. UINT64_MAX takes a planned cut back. */
void crash_vfs_cut_after(uint64_t n);
bool crash_vfs_is_cut(void);

/* What the platter keeps of the calls that no sync has covered, in their order 0..n-1. */
enum crash_keep {
    CRASH_KEEP_ALL,    /* the kind disk */
    CRASH_KEEP_SYNCED, /* none of them */
    CRASH_DROP_ONE,    /* all but number `pick` */
    CRASH_KEEP_ONE,    /* none but number `pick` */
    CRASH_TEAR_LAST,   /* all; of the last one only its first `pick` 512-byte sectors */
    CRASH_TEAR_HEAD,   /* all; of the last one all but its first `pick` 512-byte sectors */
    CRASH_RANDOM,      /* each by the flip of a coin, torn at a sector by another; pick = seed */
};
struct crash_policy {
    enum crash_keep keep;
    uint64_t pick;
};
#define CRASH_POLICY(keep, pick) ((struct crash_policy){(keep), (pick)})

/* Power returns: the disk is what `policy` leaves; planned cuts and failures are forgotten. Without
 * a cut before it this is a power cut at this moment. Open handles go stale, as after a reset. */
void crash_vfs_reboot(struct crash_policy policy);
/* How many policies differ at this moment, `random` seeds included; and the i-th of them. */
size_t crash_vfs_policies(size_t random);
struct crash_policy crash_vfs_policy(size_t i);

/* --- enumerate without running again -------------------------------------------------------- */

/* From now on every changing call is recorded; what is on the disk now counts as synced. */
void crash_vfs_record(void);
/* Stops recording and returns the number of calls recorded. */
uint64_t crash_vfs_recorded(void);
/* The disk as it was when `n` recorded calls had happened, power off: reboot comes next. Cheap when
 * n does not go down between calls. */
void crash_vfs_replay(uint64_t n);
/* A fingerprint of names and contents, to count distinct states. */
uint64_t crash_vfs_fingerprint(void);

/* --- failures ------------------------------------------------------------------------------- */

enum crash_failure { CRASH_FULL, CRASH_IOERR };
/* The n-th changing call from now (from 1; growing the shared memory counts too) fails, and with
 * `for_good` every later one. A failing write leaves the file as it was. */
void crash_vfs_fail_at(uint64_t n, enum crash_failure failure, bool for_good);
/* The n-th read from now fails once with SQLITE_IOERR_READ. */
void crash_vfs_fail_read_at(uint64_t n);
/* True when a planned failure has happened since it was planned. */
bool crash_vfs_has_failed(void);
/* Takes planned failures back. */
void crash_vfs_heal(void);
/* Bytes that all files may have together; what would grow beyond gets SQLITE_FULL. 0 = no limit. */
void crash_vfs_capacity(uint64_t bytes);
uint64_t crash_vfs_used(void);
/* A disk that became read-only: every changing call fails with SQLITE_READONLY. */
void crash_vfs_read_only(bool on);
/* A disk that lies: a sync answers OK and covers nothing. */
void crash_vfs_lie(bool on);

/* --- the files ------------------------------------------------------------------------------ */

/* The bytes of a file as the process sees them; NULL when there is none. Valid until it changes;
 * a test may damage them in place. */
uint8_t *crash_vfs_file(const char *name, size_t *ret_size);
/* Replaces or makes a file, synced. */
void crash_vfs_put(const char *name, const uint8_t *bytes, size_t size);

#endif
