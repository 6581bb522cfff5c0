/* store.h - the terminal's database: one SQLite file that terminal and sync share.
 *
 * The only user of sqlite3.h on the terminal. WAL and synchronous=FULL: a call that returns ST_OK
 * has its effect on the disk; after any other status nothing of it has happened. Opaque; one thread
 * per handle; terminal and sync are two processes with a handle each. The terminal is the only one
 * that appends to the journal; sync is the only one that sets what the club has acknowledged.
 * Tables and their reasons: docs/storage.md.
 *
 * Statuses that every call may return, and what the caller does:
 * ST_FULL     the disk is full: refuse new value before a card is touched, say so.
 * ST_IO       the disk or file system failed, or is read-only: stop selling, say so.
 * ST_CORRUPT  the file contradicts itself (page, chain, sequence): stop selling, call for help.
 * ST_AGAIN    the other process held the write lock past the busy limit: retry. */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/entry.h"
#include "hal/base/status.h"

struct store;

struct store_config {
    const char *path;   /* the database file; its folder must exist */
    const char *vfs;    /* SQLite VFS name, NULL = the default; tests put a crashing disk here */
    bool create;        /* make it when missing; else a missing file is ST_IO */
    bool keep_readable; /* no migration after which the version that wrote the file cannot use it */
    bool rehearse;      /* with keep_readable: such a migration is done and taken back */
    /* While the file is migrated, which may take minutes: called many times a second with the entry
     * that is looked at, of so many; 0: none yet. It must not use the store. NULL: nobody. */
    void (*works)(void *ctx, uint32_t entry, uint32_t entries);
    void *works_ctx;
};

/* Opens, checks that the file is ours (application_id, user_version), migrates forward, verifies
 * the hash chain's tail. A file of a newer version that says that this one may use it becomes one
 * of this version again (docs/storage.md, "Older and newer versions"). ST_FOREIGN: not a Vafa
 * database, or of a version that this one cannot use. ST_REFUSED: it would have to be migrated, and
 * keep_readable forbids it; when that was rehearsed, it will go well: all of it was done but the
 * commit, the chain's tail checked behind it, and the room on the disk is kept for it. Nothing has
 * changed. */
ST_CHECK enum st store_open(const struct store_config *config, struct store **ret,
                            struct fault *fault);
void store_close(struct store *store); /* accepts NULL */
/* The sentence of this handle's last failure. Never NULL. */
const struct fault *store_fault(const struct store *store);

enum { STORE_READY_ENTRIES = 4 };
/* Asks before a tap whether it may begin: the file takes writes, and there is room for
 * STORE_READY_ENTRIES more entries and, kept apart from them, for the outcomes of what is begun.
 * Also moves the write-ahead log into the database once that is worth it, so call it when nobody
 * waits. ST_OK: sell. ST_FULL: disk or sequence numbers are used up; no new value. ST_CORRUPT also
 * when the club has entries that this file lacks: it is an older copy (docs/storage.md). */
ST_CHECK enum st store_ready(struct store *store);

/* --- journal ------------------------------------------------------------------------------- */

/* The number that the next entry must carry; 1 in an empty journal. */
ST_CHECK enum st journal_next(struct store *store, uint32_t *ret_sequence);

/* Appends one entry durably and extends the chain. entry->sequence must be journal_next(): else a
 * bug. In the same SQL transaction an intent becomes pending, and an outcome ends its pending
 * intent (an outcome without one is a bug). ST_FULL also when sequence numbers are used up. After
 * an intent, space for its outcome is reserved on the disk: a disk that is full refuses intents,
 * sightings, starts and settings with ST_FULL, and still takes the outcome.
 * After ST_IO nothing has changed for this handle; when it was the sync that failed, the entry may
 * be there once the file is opened again. An intent is then pending and settles like any other. */
ST_CHECK enum st journal_append(struct store *store, const struct entry *entry);
enum { JOURNAL_TOGETHER_MAX = 64 };
/* The same for sightings (any other kind is a bug), numbered one after the other, at most
 * JOURNAL_TOGETHER_MAX: all are durable, or none is there. */
ST_CHECK enum st journal_append_sightings(struct store *store, const struct entry *entries,
                                          size_t count);

/* The same for the intent of an issue and the member that it brings, numbered one after the other:
 * a card is never begun for somebody of whom the journal knows nothing. */
ST_CHECK enum st journal_append_issue(struct store *store, const struct entry *intent,
                                      const struct entry *member);

struct journal_row {
    uint32_t sequence;
    size_t size;
    uint8_t bytes[ENTRY_BYTES_MAX];
    uint8_t hash[ENTRY_HASH_BYTES]; /* chain value after this entry */
};

/* Copies up to `max` rows with sequence > after, in order. Verifies the chain over them. The rows
 * are undefined unless ST_OK. */
ST_CHECK enum st journal_fetch(struct store *store, uint32_t after, struct journal_row *ret_rows,
                               size_t max, size_t *ret_count);
/* Finds one entry. ST_REFUSED: no such number. */
ST_CHECK enum st journal_find(struct store *store, uint32_t sequence, struct entry *ret);
/* Walks the whole chain and compares every table with what it derives from the journal. */
ST_CHECK enum st journal_verify(struct store *store, uint32_t *ret_entries, struct fault *fault);

/* The oldest pending (in doubt) intent of the card with this number. ST_REFUSED: there is none. */
ST_CHECK enum st journal_pending(struct store *store, uint64_t card_number, struct entry *ret);
/* The same by UID, for a card whose issue was cut before it had a readable number. */
ST_CHECK enum st journal_pending_uid(struct store *store, const uint8_t *uid, size_t uid_bytes,
                                     struct entry *ret);

struct journal_counts {
    uint32_t entries, unsent, pending;
    int64_t oldest_unsent_s; /* time of the oldest unsent entry; 0 = none */
};
ST_CHECK enum st journal_counts(struct store *store, struct journal_counts *ret);

/* --- what the club has -------------------------------------------------------------------- */

/* Highest sequence that the club has acknowledged; 0 = none. May go down again: a club restored
 * from an older backup asks for the rest once more. A set beyond the journal's end is ST_CORRUPT:
 * the club has what this file lacks, so the file is an older copy. It is noted all the same, and
 * from then on store_ready() and every append but an outcome say so too. */
ST_CHECK enum st sync_acknowledged(struct store *store, uint32_t *ret_sequence);
ST_CHECK enum st sync_set_acknowledged(struct store *store, uint32_t sequence);

/* --- cards seen ---------------------------------------------------------------------------- */

/* The newest snapshot of a card that this terminal has seen or written; kept up to date by
 * journal_append (outcome done, sighting). ST_REFUSED: never seen. A card that shows a lower
 * counter than this was rolled back or cloned. */
ST_CHECK enum st cards_seen(struct store *store, uint64_t card_number, struct snapshot *ret);

/* The same with the time at which this terminal's clock saw it, seconds since 1970. */
ST_CHECK enum st cards_seen_at(struct store *store, uint64_t card_number, struct snapshot *ret,
                               int64_t *ret_time_s);

/* What the card remembers (facts.h) at its newest snapshot, when that is the one that this
 * terminal's own last transaction with it left: then it follows from that intent, and the card's
 * checkpoint need not be read. `newest` is what the card shows.
 * ST_REFUSED: not known here, so ask the card. It was never here, or was elsewhere since, or that
 * intent had no facts to begin with. */
ST_CHECK enum st cards_facts(struct store *store, uint64_t card_number,
                             const struct snapshot *newest, const struct facts_rules *rules,
                             struct facts *ret);

/* What the card said of itself the last time that this terminal's journal tells: when it was made,
 * when a plan looked at it, or what an action of the club wrote. Looks through the newest
 * CARDS_PARTICULARS_LOOK entries, so not for a tap. ST_REFUSED: they do not tell. */
enum { CARDS_PARTICULARS_LOOK = 20000 };
ST_CHECK enum st cards_particulars(struct store *store, uint64_t card_number,
                                   struct action_particulars *ret);

/* --- media --------------------------------------------------------------------------------- */

/* The card that the medium with this keyed hash (hal/keystore.h) is linked to: by the club's word
 * if it has come, else by the newest link in the journal. ST_REFUSED: it is not linked, as far as
 * is known here. */
ST_CHECK enum st links_find(struct store *store, uint8_t key_version,
                            const uint8_t tag[ENTRY_TAG_BYTES], uint64_t *ret_card);

/* What the journal says of the member whom this medium finds: the entry that made them one.
 * ST_REFUSED: it finds nobody, or was linked in another way. */
ST_CHECK enum st links_find_member(struct store *store, uint8_t key_version,
                                   const uint8_t tag[ENTRY_TAG_BYTES], struct entry_member *ret);

struct club_link {
    uint8_t key_version;
    uint8_t tag[ENTRY_TAG_BYTES];
    uint64_t card_number; /* a valid one */
};
enum { CLUB_LINKS_MAX = 100 };
/* Takes in what the club says of `count` media (at most CLUB_LINKS_MAX), all or none. The same
 * again changes nothing. Only sync calls it. */
ST_CHECK enum st links_take(struct store *store, const struct club_link *links, size_t count);

/* --- settings and programme ---------------------------------------------------------------- */

enum { SETTING_VALUE_MAX = 4096 };
/* A named text (terminal number, merchant, branch ...). ST_REFUSED: not set. ret_value has `max`
 * bytes; a longer value is ST_FULL. A put of SETTING_VALUE_MAX bytes or more is ST_FULL. Names have
 * 1..64 bytes: else a bug. */
ST_CHECK enum st setting_get(struct store *store, const char *name, char *ret_value, size_t max);
ST_CHECK enum st setting_put(struct store *store, const char *name, const char *value);

/* The programme in force: version and text as it came (storage/rules.h). ST_REFUSED: none yet. The
 * caller frees *ret_text with free(). A put of a version that is not newer is ST_REFUSED. */
enum { PROGRAMME_STORED_MAX = 1400000 }; /* bytes: a signed programme of PROGRAMME_TEXT_MAX */
ST_CHECK enum st programme_get(struct store *store, uint32_t *ret_version, char **ret_text);
ST_CHECK enum st programme_put(struct store *store, uint32_t version, const char *text);

#endif
