/* store_priv.h - what the files of storage/ share: the handle, its statements, the SQL helpers.
 *
 * Private to storage/. Every SQLite result code passes through sql_status(), once. */
#ifndef STORAGE_STORE_PRIV_H
#define STORAGE_STORE_PRIV_H

#include <sqlite3.h>

#include "storage/limits.h"
#include "storage/store.h"
#include "storage/transfers.h"

enum {
    STORE_APPLICATION_ID = 0x56616661, /* "Vafa" */
    STORE_VERSION = 10,                /* of the tables and of what the journal's entries can be */
    STORE_READABLE_FROM = 10,          /* the lowest version whose program may use them */
    SEQUENCE_MAX = (1 << 24) - 1,
    SEQUENCE_RESERVE = 1024, /* the last numbers are for outcomes of what was begun before */
    CARD_NUMBER_DIGITS = 16,
};

/* Prepared once per handle, at open; texts in sql.c. */
enum statement {
    SQL_BEGIN,
    SQL_BEGIN_READ,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_TIP,
    SQL_APPEND,
    SQL_FIND,
    SQL_WALK,
    SQL_KIND_AFTER,
    SQL_PENDING_ADD,
    SQL_PENDING_END,
    SQL_PENDING_CARD,
    SQL_PENDING_UID,
    SQL_PENDING_COUNT,
    SQL_PENDING_ALL,
    SQL_CARD_RAISE,
    SQL_CARD,
    SQL_CARD_COUNT,
    SQL_LINK_PUT,
    SQL_LINK,
    SQL_LINK_COUNT,
    SQL_CLUB_LINK_PUT,
    SQL_CLUB_LINK,
    SQL_CLUB_LINK_ALL,
    SQL_ACTION_PUT,
    SQL_ACTIONS,
    SQL_ACTIONS_PAST,
    SQL_ACTIONS_END,
    SQL_ACTIONS_DROP,
    SQL_ACTIONS_COUNT,
    SQL_DATA_VERSION,
    SQL_ACTIONS_ALL,
    SQL_USED_ADD,
    SQL_USED_TAKE,
    SQL_USED,
    SQL_USED_ALL,
    SQL_BON_PUT,
    SQL_BON,
    SQL_BON_COUNT,
    SQL_CLUB_BON_PUT,
    SQL_CLUB_BON_DROP,
    SQL_CLUB_BON,
    SQL_CLUB_BON_ALL,
    SQL_TRANSFER,
    SQL_TRANSFER_PUT,
    SQL_TRANSFER_DROP,
    SQL_TRANSFERS_WAITING,
    SQL_TRANSFERS_ALL,
    SQL_REPORT_PUT,
    SQL_REPORT,
    SQL_REPORT_LAST,
    SQL_REPORT_COUNT,
    SQL_SUCCESSOR_ADD,
    SQL_SUCCESSOR_DROP,
    SQL_SUCCESSOR,
    SQL_SUCCESSOR_IS,
    SQL_SUCCESSOR_COUNT,
    SQL_SUCCESSOR_ALL,
    SQL_VOUCH_PUT,
    SQL_VOUCH_DROP,
    SQL_VOUCH,
    SQL_VOUCH_ALL,
    SQL_OPERATOR,
    SQL_OPERATOR_PUT,
    SQL_OPERATOR_ALL,
    SQL_MANDATE,
    SQL_MANDATE_VERSION,
    SQL_MANDATE_PUT,
    SQL_ACKNOWLEDGED,
    SQL_ACKNOWLEDGE,
    SQL_SETTING,
    SQL_SETTING_PUT,
    SQL_SETTING_ALL,
    SQL_PROGRAMME,
    SQL_PROGRAMME_PUT,
    STATEMENTS,
};

/* The journal's end: the last entry's number and chain value; 0 and zeros when it is empty. */
struct tip {
    uint32_t sequence;
    uint8_t hash[ENTRY_HASH_BYTES];
};

/* What long work tells whom: store_config. */
struct progress {
    void (*works)(void *ctx, uint32_t entry, uint32_t entries);
    void *ctx;
    uint32_t entry, entries;
};

/* How many actions there were when this handle counted them last, and by what it sees that neither
 * another one nor itself has written since. */
struct actions_counted {
    bool is_known;
    int64_t version, changes;
    uint32_t rows;
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    struct fault fault;
    const char *name; /* the file's name without folders, inside `path` */
    struct progress progress;
    struct actions_counted actions;
    struct tip appended;  /* by this handle; sequence 0 = nothing yet */
    int wal_frames;       /* in the write-ahead log after this handle's last commit */
    bool wal_was_emptied; /* false until this handle has checkpointed once */
    char path[];
};

/* --- sql.c: codes, statements, transactions ------------------------------------------------- */

/* The one translator: SQLite's code becomes the caller's next act, and a sentence in the fault.
 * `doing` completes "could not ...". */
ST_CHECK enum st sql_status(struct store *store, int code, const char *doing);
/* Notes a contradiction that we found ourselves. Returns ST_CORRUPT. */
ST_CHECK enum st store_corrupt(struct store *store, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

ST_CHECK enum st sql_prepare(struct store *store);
/* The statement, reset and without bindings. */
sqlite3_stmt *sql_use(struct store *store, enum statement which);
/* One step of a reading statement. ST_OK: a row. ST_REFUSED: no (more) rows; it is reset. */
ST_CHECK enum st sql_row(struct store *store, sqlite3_stmt *statement);
/* The only number of the only row of a reading statement, in min..max, which is then reset.
 * ST_REFUSED: no row. */
ST_CHECK enum st sql_one(struct store *store, sqlite3_stmt *statement, int64_t min, int64_t max,
                         int64_t *ret);
/* Checks each row of a statement without parameters, up to the first that fails. */
ST_CHECK enum st sql_each(struct store *store, enum statement which,
                          enum st (*check)(struct store *store, sqlite3_stmt *row));
/* Runs a statement to its end and resets it. */
ST_CHECK enum st sql_run(struct store *store, sqlite3_stmt *statement, const char *doing);
/* Runs plain SQL text, for opening only. */
ST_CHECK enum st sql_text(struct store *store, const char *text, const char *doing);
/* Takes the write lock. */
ST_CHECK enum st sql_begin(struct store *store);
/* A consistent view for several reads. */
ST_CHECK enum st sql_begin_read(struct store *store);
/* Commits when `st` is ST_OK, else rolls back and returns `st`. */
ST_CHECK enum st sql_end(struct store *store, enum st st);

/* Column values of foreign bytes: ST_CORRUPT when type, size or range is not what we wrote. */
ST_CHECK enum st sql_number(struct store *store, sqlite3_stmt *statement, int column, int64_t min,
                            int64_t max, int64_t *ret);
ST_CHECK enum st sql_bytes(struct store *store, sqlite3_stmt *statement, int column, size_t min,
                           size_t max, const uint8_t **ret_bytes, size_t *ret_size);

/* --- schema.c: making, recognising and migrating the file ------------------------------------ */

/* As store_open(). */
ST_CHECK enum st schema_check_and_migrate(struct store *store, const struct store_config *config);

/* --- progress.c: long work says that it goes on
 * --------------------------------------------------- */

/* Until progress_end() store->progress is told, at every so many steps of SQLite's. */
void progress_begin(struct store *store);
void progress_end(struct store *store);

/* --- room.c: nothing is begun that cannot be recorded to its end ----------------------------- */

/* Inside a write transaction: makes sure that `frames` pages can be committed and that the reserve
 * for outcomes is whole after that. ST_FULL: it cannot; nothing has changed. */
ST_CHECK enum st room_claim(struct store *store, uint32_t frames);
/* The same for `rows` rows, each of which may change a leaf of its own and split it. */
ST_CHECK enum st room_claim_rows(struct store *store, size_t rows);
/* Inside a write transaction: writes one byte of the reserve, to see that the disk still takes it.
 */
ST_CHECK enum st room_touch(struct store *store);
/* Outside a transaction: moves the write-ahead log into the database once it holds `frames`. */
ST_CHECK enum st room_checkpoint(struct store *store, int frames);

enum {
    ROOM_ENTRY_FRAMES = 24,   /* more pages than any one entry can change */
    ROOM_RESERVE_FRAMES = 64, /* kept for outcomes */
    CHECKPOINT_READY = 128,   /* frames: between taps */
    CHECKPOINT_APPEND = 1000, /* frames: even in the middle of work */
};

/* --- digest.c: rows that the chain does not guard -------------------------------------------- */

enum { ROW_DIGEST_BYTES = 8 };
/* The beginning of the SHA-256 of what such a row says. */
void row_digest(const uint8_t *row, size_t size, uint8_t ret_digest[ROW_DIGEST_BYTES]);
/* Compares with the digest in a column of the row that the statement stands on. ST_CORRUPT: `what`
 * has changed by itself. */
ST_CHECK enum st row_digest_check(struct store *store, sqlite3_stmt *statement, int column,
                                  const uint8_t *row, size_t size, const char *what);

/* --- journal.c: reading what is shared ------------------------------------------------------- */

/* hash = SHA-256(before || bytes). */
void chain_extend(const uint8_t before[ENTRY_HASH_BYTES], const uint8_t *bytes, size_t size,
                  uint8_t ret_hash[ENTRY_HASH_BYTES]);
ST_CHECK enum st journal_tip(struct store *store, struct tip *ret);
/* Checks that the club does not know more of this journal than we do. */
ST_CHECK enum st journal_not_restored(struct store *store, const struct tip *tip);

/* A walk along the chain: each row is checked against the one before it. */
struct walk {
    sqlite3_stmt *statement;
    struct tip at;
};
/* Starts behind entry `after`, whose chain value is taken as it is. */
ST_CHECK enum st walk_begin(struct store *store, uint32_t after, struct walk *ret);
/* ST_REFUSED: the end. */
ST_CHECK enum st walk_next(struct store *store, struct walk *walk, struct journal_row *ret);
void walk_end(struct walk *walk);
/* The newest entries against their chain. The rest waits for journal_verify(): a start must not
 * grow with the journal. */
ST_CHECK enum st journal_check_tail(struct store *store);

/* --- cards.c, settings.c --------------------------------------------------------------------- */

/* Notes what an appended entry says about its card. */
ST_CHECK enum st cards_note(struct store *store, const struct entry *entry);
/* The card and snapshot that an entry shows: sighting, or outcome done (through its intent).
 * ST_REFUSED: it shows none. */
ST_CHECK enum st cards_shown(struct store *store, const struct entry *entry, uint64_t *ret_number,
                             struct snapshot *ret);
ST_CHECK enum st settings_verify(struct store *store);

/* --- bons.c ---------------------------------------------------------------------------------- */

/* Notes an appended entry about a voucher. */
ST_CHECK enum st bons_note(struct store *store, const struct entry *entry);
/* As of links. */
ST_CHECK enum st bons_check(struct store *store, const struct entry *entry, bool *ret_is_named);
ST_CHECK enum st bons_check_rows(struct store *store, int64_t named);

/* --- links.c --------------------------------------------------------------------------------- */

/* Notes what an appended entry links. */
ST_CHECK enum st links_note(struct store *store, const struct entry *entry);
/* Checks that the table names `entry`, or a later one of the same medium, for each medium that it
 * links, if any; *ret_named says for how many it is this one. */
ST_CHECK enum st links_check(struct store *store, const struct entry *entry, int64_t *ret_named);
/* Checks that the table has `named` rows, and each row of the club's. */
ST_CHECK enum st links_check_rows(struct store *store, int64_t named);

/* --- lost.c ---------------------------------------------------------------------------------- */

/* Notes an appended entry: a report, or a card that takes another's place. */
ST_CHECK enum st lost_note(struct store *store, const struct entry *entry);
/* Notes that this intent was not done. */
ST_CHECK enum st lost_note_undone(struct store *store, const struct entry *intent);
/* How many rows the entries ask for. */
struct lost_count {
    int64_t reports, successors;
};
/* As of links, and counts. */
ST_CHECK enum st lost_check(struct store *store, const struct entry *entry,
                            struct lost_count *count);
/* The same of an intent that was not done. */
ST_CHECK enum st lost_check_undone(struct store *store, const struct entry *intent,
                                   struct lost_count *count);
ST_CHECK enum st lost_check_rows(struct store *store, const struct lost_count *count);

/* --- actions.c ------------------------------------------------------------------------------- */

/* Checks that each row reads. */
ST_CHECK enum st actions_check_rows(struct store *store);

/* --- limits.c -------------------------------------------------------------------------------- */

/* Notes what an entry uses (sign 1), or that an intent was not done (-1). */
ST_CHECK enum st limits_note(struct store *store, const struct entry *entry, int sign);

/* Fills `used` and `operators`, which are empty, from the journal: for a migration. */
ST_CHECK enum st limits_fill(struct store *store);

/* The same counted again, in memory; zero it first. */
struct tally {
    struct tally_row *rows;
    size_t count, capacity;
};
ST_CHECK enum st tally_add(struct store *store, struct tally *tally, const struct entry *entry,
                           int sign);
/* Compares with the table. ST_CORRUPT: they differ. */
ST_CHECK enum st tally_verify(struct store *store, struct tally *tally);
void tally_finish(struct tally *tally);

/* --- operators.c ------------------------------------------------------------------------------ */

/* Notes what an appended entry says of an operator. */
ST_CHECK enum st operators_note(struct store *store, const struct entry *entry);
/* The same counted again, in memory; begin with a NULL, end with free(). */
struct tallied;
ST_CHECK enum st operators_tally(struct store *store, struct tallied **tally,
                                 const struct entry *entry);
/* Compares with the table. ST_CORRUPT: they differ. */
ST_CHECK enum st operators_verify(struct store *store, const struct tallied *tally);

/* --- transfers.c ------------------------------------------------------------------------------ */

/* Notes what an appended entry says of a transfer. `intent`: of an outcome the intent that it
 * settles, else the entry itself. */
ST_CHECK enum st transfers_note(struct store *store, const struct entry *entry,
                                const struct entry *intent);
/* Fills the table, which is empty, from the journal: for a migration. */
ST_CHECK enum st transfers_fill(struct store *store);

/* The same counted again, in memory; zero it first. */
struct transfers_tally {
    struct transfer *rows;
    size_t count, capacity;
};
ST_CHECK enum st transfers_tally(struct store *store, struct transfers_tally *tally,
                                 const struct entry *entry, const struct entry *intent);
/* Compares with the table. ST_CORRUPT: they differ. */
ST_CHECK enum st transfers_verify(struct store *store, struct transfers_tally *tally);
void transfers_tally_finish(struct transfers_tally *tally);

#endif
