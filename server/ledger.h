/* ledger.h - takes a terminal's journal entries into the club's books, each transaction once.
 *
 * Opaque; one thread per handle, several handles and processes may work on one database: each batch
 * is one write transaction. What is taken is on the disk when the call returns. Every call is
 * idempotent: the same batch again, whole or in part, changes nothing. What a batch contradicts is
 * a case, a row in `tcase` for a person, and never a line in a log. Order of work and the cases:
 * docs/club.md 3 and 7. The wire that batches come by: docs/sync.md. */
#ifndef SERVER_LEDGER_H
#define SERVER_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/entry.h"
#include "hal/base/status.h"
#include "hal/box.h"
#include "server/db.h"
#include "sync/wire.h"

struct ledger;

/* `db` stays the caller's and must outlive the ledger. */
ST_CHECK enum st ledger_open(struct db *db, struct ledger **ret);
void ledger_close(struct ledger *ledger); /* accepts NULL */
/* Opens particulars with this key from now on (server/opener.h); it stays the caller's. NULL, as at
 * first: they are kept sealed. */
void ledger_use_opener(struct ledger *ledger, const struct box_key *opener);

enum ledger_answer {
    LEDGER_TAKEN,  /* everything that was sent is on the disk */
    LEDGER_BEHIND, /* the batch starts beyond what the club has: send from `acknowledged` */
    LEDGER_CHAIN,  /* it contradicts what the club has: a case is open, nothing was taken */
};

struct ledger_result {
    enum ledger_answer answer;
    uint32_t acknowledged; /* the last entry that the club holds from this terminal */
    uint32_t taken;        /* entries that are new */
    uint32_t posted;       /* transactions that are new */
    uint32_t cases;        /* cases that this batch opened */
    uint32_t unchecked;    /* posted, but not computed again: programme or history unknown */
};

/* Takes one batch in a write transaction of its own. `now_s` is the club's clock. The terminal is
 * known to be who it says. On any status but ST_OK nothing has changed; db's statuses besides
 * ST_FOREIGN  an entry is not one, or not of this terminal and number: `fault` says which (400).
 * ST_DENIED   the club has no such terminal (403). */
ST_CHECK enum st ledger_take(struct ledger *ledger, const struct wire_sync *batch, int64_t now_s,
                             struct ledger_result *ret, struct fault *fault);

/* The same inside the caller's write transaction, so that many batches share one commit. After any
 * status but ST_OK the caller must roll back. */
ST_CHECK enum st ledger_take_within(struct ledger *ledger, const struct wire_sync *batch,
                                    int64_t now_s, struct ledger_result *ret, struct fault *fault);

/* ledger_take_within() for a batch that may be old when it comes: its entries are taken all the
 * same, what it says of the terminal's health and of what the terminal has is not. */
ST_CHECK enum st ledger_take_late(struct ledger *ledger, const struct wire_sync *batch,
                                  int64_t now_s, struct ledger_result *ret, struct fault *fault);

/* hash(n) = SHA-256(hash(n-1) || bytes(n)). */
void chain_next(const uint8_t hash[ENTRY_HASH_BYTES], const uint8_t *bytes, size_t size,
                uint8_t ret_hash[ENTRY_HASH_BYTES]);

/* What became of a record's intent, in rec.fate. Values are in the database: never renumber. */
enum fate {
    FATE_OPEN = 0,     /* an intent without an outcome */
    FATE_POSTED = 1,   /* done, and in the books */
    FATE_NOT_DONE = 2, /* never happened */
    FATE_LEFT = 3,     /* the terminal cannot know; evidence from elsewhere may still post it */
    FATE_CLASHED = 4,  /* done, but another transaction holds its counter: a clone case */
    FATE_NONE = 9,     /* not an intent */
};

#endif
