/* ledger_priv.h - what the parts of the ledger share: ledger.c (the batch), posting.c (the cards),
 * evidence.c (what cards tell of each other), reckon.c (computing again), facts.c (what cards
 * remember), cases.c. */
#ifndef SERVER_LEDGER_PRIV_H
#define SERVER_LEDGER_PRIV_H

#include "firmware/engine/limits.h"
#include "firmware/engine/plan.h"
#include "server/accounts.h"
#include "server/actions.h"
#include "server/ledger.h"

enum {
    DIGEST_BYTES = 16,
    PROGRAMMES_KEPT = 8,
    /* Each entry of a batch can make the ledger look up two others and keep them. */
    EARLIER_MAX = 2 * WIRE_ENTRIES_MAX,
    /* Counter entries of one batch, summed: one merchant, few days, 8 accounts. */
    JOURNAL_MAX = LEGS_MAX * WIRE_ENTRIES_MAX,
};

enum sql {
    SQL_TERM_GET,
    SQL_TERM_SET,
    SQL_TERM_HEALTH,
    SQL_TERM_LAYOUT,
    SQL_TERM_CLEAR,
    SQL_CLEAR_ASKED,
    SQL_REC_PUT,
    SQL_REC_GET,
    SQL_REC_RANGE,
    SQL_REC_FATE,
    SQL_BATCH_PUT,
    SQL_BATCH_BEFORE,
    SQL_JRN_PUT,
    SQL_CARD_GET,
    SQL_CARD_NEW,
    SQL_CARD_SET,
    SQL_TXN_PUT,
    SQL_TXN_GET,
    SQL_AHEAD_PUT,
    SQL_AHEAD_GET,
    SQL_AHEAD_DROP,
    SQL_SEEN_PUT,
    SQL_SEEN_GET,
    SQL_SEEN_DROP,
    SQL_CASE_GET,
    SQL_CASE_PUT,
    SQL_CASE_OTHER,
    SQL_CASE_AGAIN,
    SQL_CASE_OPEN,
    SQL_PROGRAMME_GET,
    SQL_TRANSFER_PUT,
    SQL_TRANSFER_GET,
    SQL_TRANSFER_SET,
    SQL_TRANSFER_TAKEN,
    SQL_TRANSFER_IN_PUT,
    SQL_TRANSFER_IN_GET,
    SQL_TRANSFER_IN_SET,
    SQL_TRANSFER_IN_OPEN,
    SQL_TRANSFER_IN_GUESS,
    SQL_LINK_GET,
    SQL_LINK_PUT,
    SQL_LINK_LAST,
    SQL_LINK_LOG,
    SQL_LOST_ANY,
    SQL_LOST_TOUCH,
    SQL_CLUB_GET,
    SQL_CLUB_SET,
    SQL_SEEN_CARD,
    SQL_SEEN_DEAD,
    SQL_PROOF_PUT,
    SQL_PROOF_GET,
    SQL_PROOF_DROP,
    SQL_PROOF_VAGUE,
    SQL_PROOF_FACTS,
    SQL_TXN_CONFIRM,
    SQL_TERM_DEAD,
    SQL_TERM_DEAD_AT,
    SQL_TERM_REVOKED,
    SQL_CERT_REVOKE,
    SQL_PROGRAMME_OLDER,
    SQL_BON_SERIES,
    SQL_BON_USE,
    SQL_BON_USE_TWICE,
    SQL_BON_USE_OWN,
    SQL_BON_USE_PUT,
    SQL_BON_USE_BACK,
    SQL_BON_USE_ONCE,
    SQL_BON_LOG_LAST,
    SQL_BON_LOG_PUT,
    SQL_OPEVENT_PUT,
    SQL_USED_ADD,
    SQL_USED_GET,
    SQL_QUOTA_OF,
    SQL_COUNT,
};

/* One record as it is being taken. `entry` of an intent from an earlier batch comes from `rec`. */
struct item {
    struct entry entry;
    const uint8_t *raw;
    size_t raw_bytes;
    uint8_t raw_copy[ENTRY_BYTES_MAX]; /* for records from the database only */
    enum fate fate;
};

/* What a card remembers after its newest posted transaction; folded by that programme's periods. */
struct remembered {
    uint32_t programme; /* version; 0 = not known, and the rest is undefined */
    struct facts facts;
};

/* The row of a card, kept in memory while consecutive postings are for the same one. */
struct card_row {
    uint64_t number; /* 0 = none */
    bool exists, is_changed;
    uint32_t hi, top, count, known;
    int64_t balance[CARD_BOOKS];
    uint8_t image[SNAPSHOT_IMAGE_BYTES]; /* after `top`; undefined when top is 0 */
    struct remembered remembered;        /* likewise */
};

struct journal_line {
    int64_t day;
    enum book book;
    enum account account;
    int64_t count, amount;
};

/* What a batch used of limits, summed by scope, id and day. Scopes are in the database. */
enum used_line_scope {
    LINE_TERMINAL = 1, /* in all: day 0 */
    LINE_TERMINAL_DAY = 2,
    LINE_OPERATOR_DAY = 3,
    LINE_CARD_DAY = 4,
};
enum { USED_LINES = 64 };
struct used_line {
    enum used_line_scope scope;
    int64_t id;
    int32_t day;
    struct limit_use use;
    const struct item *last; /* that was added */
};

struct ledger {
    struct db *db;
    const struct box_key *opener; /* of particulars; NULL: kept elsewhere */
    struct db_stmt *sql[SQL_COUNT];
    struct actions *actions; /* without a signer: what must be sealed waits for actions_tend() */

    /* The batch in work. */
    uint32_t terminal;
    int64_t merchant, batch_no, now_s;
    struct ledger_result result;
    struct item items[WIRE_ENTRIES_MAX];
    size_t item_count;
    struct item earlier[EARLIER_MAX]; /* records that other batches and terminals brought */
    size_t earlier_count;
    struct item *done[WIRE_ENTRIES_MAX]; /* this batch's outcomes say that they are on the card */
    size_t done_count;
    struct item *loose[WIRE_ENTRIES_MAX]; /* intents that are not, or not yet */
    size_t loose_count;
    struct item *proved[EARLIER_MAX]; /* unposted intents that a card's later state proves */
    size_t proved_count;
    bool has_lost;                /* somebody ever lost a card */
    bool is_rebuilding;           /* some terminal is, or was, declared dead */
    uint64_t marked[EARLIER_MAX]; /* cards of which this batch brought news, then */
    size_t marked_count;
    bool has_halves; /* it posted halves of transfers, then */
    bool has_pairs;  /* or of duplicates */
    struct journal_line journal[JOURNAL_MAX];
    size_t journal_count, journal_last;
    struct used_line used[USED_LINES];
    size_t used_count;
    struct card_row card;

    /* Programmes by version, kept between batches: a stored version never changes. */
    struct programme *programmes[PROGRAMMES_KEPT]; /* NULL: an unused place */
    size_t programme_next;
};

/* --- ledger.c ------------------------------------------------------------------------------ */

/* Finds terminal's record and decodes it into a free place of `earlier`. *ret is NULL when there is
 * none or no place is left (a batch of 1,000 entries cannot need more). */
ST_CHECK enum st record_load(struct ledger *ledger, uint32_t terminal, uint32_t sequence,
                             struct item **ret);
ST_CHECK enum st record_set_fate(struct ledger *ledger, struct item *item, enum fate fate);

/* Goes over to a batch of its own of `terminal`, whose merchant gets the legs; what is posted until
 * ledger_leave() belongs to it. Batches without entries of their own: posted by proof. */
struct visit {
    int64_t hi;
    uint8_t hash[ENTRY_HASH_BYTES];
    uint32_t posted, unchecked;
};
ST_CHECK enum st ledger_enter(struct ledger *ledger, uint32_t terminal, struct visit *ret);
ST_CHECK enum st ledger_leave(struct ledger *ledger, const struct visit *visit);

/* --- ledger_term.c ------------------------------------------------------------------------- */

/* What the club holds of a terminal's chain, and what it told of itself last. */
struct chain {
    uint32_t hi;                    /* the last entry that the club holds */
    uint8_t hash[ENTRY_HASH_BYTES]; /* chain value there */
    int64_t last_at;
    int64_t programme, refused; /* versions, when it last told its health */
    int64_t clear_at;
    int64_t layout;
    int64_t clock; /* enum clock_quality, likewise */
};
/* Makes the batch's terminal the one in work. ST_DENIED: the club has none of that number. */
ST_CHECK enum st term_load(struct ledger *ledger, const struct wire_sync *batch, struct chain *ret,
                           struct fault *fault);
/* It knows entries or actions that the club does not: the club was put back. */
ST_CHECK enum st term_note_forgotten(struct ledger *ledger, const struct wire_sync *batch,
                                     const struct chain *chain);
/* Notes its health and what layouts it reads, now that its entries are taken. */
ST_CHECK enum st term_take(struct ledger *ledger, const struct wire_sync *batch,
                           const struct chain *before);

/* --- posting.c ----------------------------------------------------------------------------- */

/* Posts `items` by card and counter into the batch in work, and writes its counter entries. Sorts
 * the list. Their rows in rec exist. */
ST_CHECK enum st posting_run(struct ledger *ledger, struct item **items, size_t count);
/* Makes `number` the card in work: stores the previous one, loads this one. */
ST_CHECK enum st card_switch(struct ledger *ledger, uint64_t number);
ST_CHECK enum st card_has(struct ledger *ledger, uint32_t counter, bool *ret_has);
/* Books an intent of the card in work, whose counter is not posted; checks nothing. */
ST_CHECK enum st posting_book(struct ledger *ledger, const struct item *item,
                              const struct posting *posting, const uint8_t *digest);
/* Adds (sign 1) or takes back (-1) counter entries on the item's day. */
void posting_legs(struct ledger *ledger, const struct item *item, const struct posting *posting,
                  int sign);
ST_CHECK enum st posting_flush(struct ledger *ledger);
/* What an intent must say of itself, whatever the card's past: else a case. */
ST_CHECK enum st posting_check(struct ledger *ledger, const struct item *item,
                               const struct posting *posting);

/* The posted intent of the card in work, as record_load(). *ret is NULL when there is none, or no
 * record: then `earlier` has not grown. */
ST_CHECK enum st posted_item(struct ledger *ledger, uint32_t counter, struct item **ret);

/* --- evidence.c ---------------------------------------------------------------------------- */

/* The card in work showed `snapshot` to record `by`. Compares it with what is posted and seen under
 * its counter, and notes it when that is not posted. Posts nothing itself, but puts an intent that
 * the snapshot proves on ledger->proved; one that is said to be not done opens a case, too. */
ST_CHECK enum st evidence_note(struct ledger *ledger, const struct snapshot *snapshot,
                               const struct item *by);
/* The card in work may have been seen with what `item`, an intent, wanted: proves it then, whatever
 * its outcome says. Nothing to do when it is posted. */
ST_CHECK enum st evidence_prove(struct ledger *ledger, struct item *item);
/* `item` is being posted: was its card seen with something else under this counter? Drops what was
 * seen, because the posting replaces it. */
ST_CHECK enum st evidence_replace(struct ledger *ledger, const struct item *item);
/* Does `item` go on from another transaction than the one that is posted before it? Then the card
 * was cloned or restored, and a case is open. */
ST_CHECK enum st evidence_branches(struct ledger *ledger, const struct item *item, bool *ret_does);
/* A card was shown that went back. */
ST_CHECK enum st evidence_back(struct ledger *ledger, const struct item *by);
/* After `item` was posted below the card's top: does the next transaction begin where it ends? */
ST_CHECK enum st evidence_check_next(struct ledger *ledger, const struct item *item);

/* --- proof.c ------------------------------------------------------------------------------- */

/* The row of `club` that says whether some terminal is, or ever was, declared dead. */
#define CLUB_REBUILT "rebuilt"
/* Before a batch: does anybody need proofs at all? */
ST_CHECK enum st proof_begin(struct ledger *ledger);
/* The batch brought news of the card in work: what dead terminals did with it may be proven now. */
void proof_mark(struct ledger *ledger);
/* Posts what was seen of dead terminals on one card, as far as it is provable. */
ST_CHECK enum st proof_card(struct ledger *ledger, uint64_t number);
/* The same of all marked cards. */
ST_CHECK enum st proof_run(struct ledger *ledger);
/* A transaction that was posted by proof, under the terminal and entry that the card named. */
struct proof {
    bool is_there;
    uint64_t card;
    uint32_t counter;
    bool has_before;
    uint8_t before[SNAPSHOT_IMAGE_BYTES], image[SNAPSHOT_IMAGE_BYTES];
    int64_t value, flags, at; /* what the parts were derived with, and when */
};
/* The state of the card in work after `counter`, which is posted. Unknown: its record is not one.
 */
ST_CHECK enum st posted_image(struct ledger *ledger, uint32_t counter, struct snapshot *ret,
                              bool *ret_known);
ST_CHECK enum st proof_get(struct ledger *ledger, uint32_t terminal, uint32_t sequence,
                           struct proof *ret);
/* A record has come whose number was posted by proof. Another one than the card showed: a case. */
ST_CHECK enum st proof_compare(struct ledger *ledger, const struct item *item);
/* The terminal itself sends what was posted by proof: the same takes its place, and the counter
 * entries become those of its parts. *ret_same is false when it is another one. */
ST_CHECK enum st proof_confirm(struct ledger *ledger, const struct item *item,
                               const struct proof *proof, const uint8_t *digest, bool *ret_same);

/* --- links.c ------------------------------------------------------------------------------- */

/* Posts `item`, a link. The first card that claims a medium keeps it; another one is a case. */
ST_CHECK enum st links_post(struct ledger *ledger, const struct item *item);
/* A medium's keyed hash finds `number` from now on, unless it finds another already; *ret_first is
 * what it finds. */
ST_CHECK enum st links_claim(struct ledger *ledger, const struct item *item, uint8_t kind,
                             uint8_t key_version, const uint8_t tag[ENTRY_TAG_BYTES],
                             uint64_t number, uint64_t *ret_first);

/* --- members_post.c, accruals.c ------------------------------------------------------------- */

/* Posts `item`, a member: particulars, hashes, the card. */
ST_CHECK enum st members_post(struct ledger *ledger, const struct item *item);
/* Posts `item`, an accrual: computed again, booked, and given to the member's card if there is one.
 */
ST_CHECK enum st accruals_post(struct ledger *ledger, const struct item *item);
/* Gives the newest card of the member with this account or card what waits for them. */
ST_CHECK enum st accruals_deliver(struct ledger *ledger, uint64_t number);
/* The same of all that the club kept back while it did not know what it had given before it was
 * restored: some of them, once it knows. */
ST_CHECK enum st accruals_resume(struct ledger *ledger);

/* --- lost_post.c, duplicates.c, duplicates_read.c --------------------------------------------- */

/* Before a batch: did anybody ever lose a card? */
ST_CHECK enum st lost_begin(struct ledger *ledger);
/* Posts `item`, a report of a lost or found card. */
ST_CHECK enum st reports_post(struct ledger *ledger, const struct item *item);
/* A DUPLICATE that is being posted: joins it with its other half, or notes what it replaced. */
ST_CHECK enum st duplicates_post(struct ledger *ledger, const struct item *item);
/* At the end: joins the halves that cards showed, as far as they tell enough, and asks about those
 * that are left. */
ST_CHECK enum st duplicates_tell(struct ledger *ledger);
/* Whether it begins a new card with a part of a lost one's. */
bool duplicates_is_replacement(const struct entry_intent *intent);
/* Takes back what was noted of `item`, which was posted by proof; not its legs. */
ST_CHECK enum st duplicates_undo(struct ledger *ledger, const struct item *item);

/* --- bons.c -------------------------------------------------------------------------------- */

/* Posts `item`, a voucher that was used or given back. Used a second time: a case, and the
 * organisation bears it. Its legs are written by the posting_run() that follows. */
ST_CHECK enum st bons_post(struct ledger *ledger, const struct item *item);
/* --- actions_post.c ------------------------------------------------------------------------ */

/* `item`, an ACTION, is being posted: notes what became of each, and makes the legs of `posting`
 * anew, whose delta is set. What contradicts the club's own word is a case. */
ST_CHECK enum st actions_post(struct ledger *ledger, const struct item *item,
                              struct posting *posting);
/* Some evidence shows the card with this number: terminals may forget it and all lower ones. What
 * form it took is known when its transaction is. */
ST_CHECK enum st actions_passed(struct ledger *ledger, uint64_t card, uint16_t number);
/* `item`, an ACTION that is not posted: its money is not given back while it is open. */
ST_CHECK enum st actions_doubt(struct ledger *ledger, const struct item *item);
/* `item` came from two snapshots of a card: fills in which actions lead from one to the other, and
 * its parts. Leaves it as it is when none of those that the club made do. */
ST_CHECK enum st actions_derive(struct ledger *ledger, struct item *item);
/* The legs that `item`, which is posted, was booked with. */
ST_CHECK enum st actions_legs(struct ledger *ledger, const struct item *item,
                              struct posting *posting);
/* Takes back what actions_post() noted of `item`; not its legs. */
ST_CHECK enum st actions_undo(struct ledger *ledger, const struct item *item);

/* --- operators.c ---------------------------------------------------------------------------- */

/* Posts `item`, an operator's entry. */
ST_CHECK enum st operators_post(struct ledger *ledger, const struct item *item);

/* --- refused.c ------------------------------------------------------------------------------ */

/* Posts `item`, an action that its terminal refused: a case, unless one of that terminal and card
 * is open. */
ST_CHECK enum st refused_post(struct ledger *ledger, const struct item *item);

/* --- transfers.c, transfers_read.c ------------------------------------------------------------ */

/* `item`, a TRANSFER, is being posted: notes its half, joins it with the other one if that is
 * there, orders the action when another card is named. What fits no other half is a case. The same
 * again, with what a card alone did not tell, is fine. */
ST_CHECK enum st transfers_post(struct ledger *ledger, const struct item *item);
/* Posts `item`, a RELEASE: the club brings it to the card that was named, once. */
ST_CHECK enum st transfers_release_post(struct ledger *ledger, const struct item *item);
/* Joins what cards showed of a terminal, as far as they tell enough. */
ST_CHECK enum st transfers_guess(struct ledger *ledger, uint32_t terminal);
/* At the end: opens cases about what is missing, and closes those that are settled. */
ST_CHECK enum st transfers_tell(struct ledger *ledger);

/* --- reckon.c ------------------------------------------------------------------------------ */

/* Computes the transaction again with its own programme and opens a case when that differs. */
ST_CHECK enum st reckon(struct ledger *ledger, const struct item *item);
/* The programme of that version; *ret is NULL when the club never had it, or cannot read it. */
ST_CHECK enum st reckon_programme(struct ledger *ledger, uint32_t version,
                                  const struct programme **ret);

/* --- facts.c ------------------------------------------------------------------------------- */

/* What the card remembers after the intent, which noted what it remembered before; `before` is what
 * the club itself knows of that, for a transaction that notes nothing. */
ST_CHECK enum st facts_after(struct ledger *ledger, const struct entry_intent *intent,
                             const struct remembered *before, struct remembered *ret);
/* Before `item` is booked: opens a case when what it noted is not what the card's transaction
 * before it left, or what it left not what the one after it noted. *ret: what the card remembers
 * then. */
ST_CHECK enum st facts_judge(struct ledger *ledger, const struct item *item,
                             struct remembered *ret);

/* --- cases.c ------------------------------------------------------------------------------- */

/* Opens a case once per (terminal, sequence, why) of the record `by`. `format` is what a person
 * reads. */
ST_CHECK enum st case_open(struct ledger *ledger, const char *why, const struct item *by,
                           uint64_t card, uint32_t counter, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* The same of a card that was cloned or restored: once, it also goes on the hotlist. `other` (may
 * be NULL) is the image that the club had under the same counter. */
ST_CHECK enum st case_open_listed(struct ledger *ledger, const char *why, const struct item *by,
                                  uint64_t card, uint32_t counter, const uint8_t *other,
                                  const char *format, ...) __attribute__((format(printf, 7, 8)));

#endif
