/* actions_priv.h - what the parts of actions share: actions.c (orders), actions_rows.c (the
 * tables), actions_tend.c (what falls due), actions_post.c (what cards did; for the ledger). */
#ifndef SERVER_ACTIONS_PRIV_H
#define SERVER_ACTIONS_PRIV_H

#include "server/accounts.h"
#include "server/actions.h"

/* Values are in the database: never renumber. */
enum action_state {
    ACTION_WAITING = 1, /* for the card */
    ACTION_APPLIED = 2, /* a posted transaction did it */
    ACTION_ENDED = 3, /* withdrawn or expired: a void stands at its number, the money still waits */
    ACTION_RETURNED = 4, /* the giver has the money again */
    ACTION_STRAY = 5,    /* a card did it, and the club knows no such order */
    ACTION_TAKEN = 6,    /* a card is past it; the transaction was lost with its terminal */
};

/* A row of `action`. */
struct action_row {
    struct action action; /* as ordered; number 0: it has none */
    char ref[ACTIONS_REF_MAX + 1], giver[ACTIONS_GIVER_MAX + 1];
    int64_t charge, made_at;
    enum action_state state;
    enum action_state
        was;            /* before APPLIED, or RETURNED by a card that took its void; else state */
    bool is_void;       /* a void stands at its number */
    bool is_due;        /* what stands at its number is not offered yet: needs a seal */
    int64_t offer;      /* its number in the stream to terminals; 0 = not offered */
    int64_t offered_at; /* and of one that a card is past: when that was known */
    uint8_t seal[ACTION_SEAL_BYTES]; /* of what was offered */
    enum account account;            /* APPLIED: the other side of what the card got */
    int64_t done;                    /* APPLIED: what the card got, positive or negative */
    uint32_t terminal, sequence;     /* the entry by which the card took its number; 0 = none */
};

/* What is known of a card's numbers. */
struct action_card {
    uint64_t card;
    bool exists;
    uint16_t last;   /* the highest that was given, or seen */
    uint16_t passed; /* the card has taken this one, in whatever form */
    int64_t past;    /* where the stream says so; 0 = nowhere */
};

/* The books of the club itself: what makes or gives back money belongs to no terminal. */
struct actions_sum {
    int64_t count, amount;
};

enum actions_sql {
    ASQL_GET,
    ASQL_BY_NUMBER,
    ASQL_PUT,
    ASQL_SET,
    ASQL_REF_GET,
    ASQL_REF_PUT,
    ASQL_REF_SET,
    ASQL_DROP,
    ASQL_WAITING,
    ASQL_CARD_GET,
    ASQL_CARD_PUT,
    ASQL_CARD_SET,
    ASQL_CARD_SEEN,
    ASQL_READERS,
    ASQL_LOG_LAST,
    ASQL_LOG_PUT,
    ASQL_LOG_DROP,
    ASQL_OFFERS,
    ASQL_DUE,
    ASQL_EXPIRED,
    ASQL_ENDED,
    ASQL_UNTOLD,
    ASQL_CASE_PUT,
    ASQL_DOUBT_GET,
    ASQL_DOUBT_PUT,
    ASQL_DOUBT_DROP,
    ASQL_TRANSFER_BACK,
    ASQL_RELEASE_GIVEN,
    ASQL_BOOKS_LAST,
    ASQL_BATCH_PUT,
    ASQL_JRN_PUT,
    ASQL_COUNT,
};

enum { ACTION_ACCOUNTS = ACCOUNT_UNTOLD + 1 };

struct actions {
    struct db *db;
    const struct signer *signer;
    struct db_stmt *sql[ASQL_COUNT];
    bool is_held;   /* no new numbers: the club was restored, and does not know yet which it gave */
    uint8_t layout; /* the latest that all live terminals read; 0: not looked at yet in this write
                       transaction ... */
    uint32_t behind; /* ... and one that reads no later one; 0 = there is no live terminal */
    struct actions_sum sums[CARD_BOOKS][ACTION_ACCOUNTS]; /* not yet in the books */
};

/* --- actions.c ----------------------------------------------------------------------------- */

/* Commits the write transaction, or after trouble rolls it back; a fault that says nothing yet
 * takes the database's sentence. */
ST_CHECK enum st actions_end(struct actions *actions, enum st st, struct fault *fault);
/* actions_make_within() without the books, which books_flush() writes at the end. */
ST_CHECK enum st order_take(struct actions *actions, const struct action_order *order,
                            int64_t now_s, struct action_made *ret, struct fault *fault);
/* The row of an order by its giver's reference. */
ST_CHECK enum st row_by_ref(struct actions *actions, enum action_origin origin, const char *ref,
                            struct action_row *ret, bool *ret_found);
/* Whether new numbers may be given in this write transaction; and forgets what an earlier one knew.
 */
ST_CHECK enum st actions_look(struct actions *actions);
/* A write transaction in which new numbers may be given, and its end: as actions_end(), and what
 * was done (`st`) is in the books. ST_REFUSED: as actions_can_seal(). Only after ST_OK is there
 * one. */
ST_CHECK enum st actions_begin(struct actions *actions, struct fault *fault);
ST_CHECK enum st actions_finish(struct actions *actions, enum st st, int64_t now_s,
                                struct fault *fault);
/* ST_REFUSED: the handle has no signer. */
ST_CHECK enum st actions_can_seal(const struct actions *actions, struct fault *fault);

/* --- actions_rows.c ------------------------------------------------------------------------ */

ST_CHECK enum st row_get(struct actions *actions, uint64_t card, uint64_t id,
                         struct action_row *ret, bool *ret_found);
ST_CHECK enum st row_by_number(struct actions *actions, uint64_t card, uint16_t number,
                               struct action_row *ret, bool *ret_found);
ST_CHECK enum st row_put(struct actions *actions, const struct action_row *row);
ST_CHECK enum st row_set(struct actions *actions, const struct action_row *row);
/* The next row of a query whose columns are card and id; *ret_found is false when there is none. */
ST_CHECK enum st row_next(struct actions *actions, struct db_stmt *stmt, struct action_row *ret,
                          bool *ret_found);

ST_CHECK enum st numbers_get(struct actions *actions, uint64_t card, struct action_card *ret);
ST_CHECK enum st numbers_set(struct actions *actions, struct action_card *numbers);

/* Appends to the stream: an action or its void (`number` of it, `id`), or with id 0 that the card
 * is past that number. */
ST_CHECK enum st stream_put(struct actions *actions, uint64_t card, uint16_t number, uint64_t id,
                            int64_t now_s, int64_t *ret_no);
/* Terminals need not hear of it any more. 0: nothing to do. */
ST_CHECK enum st stream_drop(struct actions *actions, int64_t no);

/* Takes the row's number from it: a void stands there then. */
ST_CHECK enum st row_fill(struct actions *actions, struct action_row *row, int64_t now_s);
/* The next row that waits for the card and goes with its member: not what blocks or unblocks this
 * one card. Those that have a number first, in their order. */
ST_CHECK enum st row_waiting(struct actions *actions, uint64_t card, struct action_row *ret,
                             bool *ret_found);
/* Gives a waiting row to another card, without a number yet; a void stands at its old one. */
ST_CHECK enum st row_move(struct actions *actions, struct action_row *row, uint64_t card,
                          int64_t now_s);

/* What stands at the row's number, as terminals get it. */
void row_image(const struct action_row *row, uint8_t ret[ACTION_BYTES]);
/* What waits for the card, in which book; false: no money, or money that the card has to give. */
bool row_money(const struct action *action, enum book *ret_book);
/* The row's money counts as given in place of a lost card (sign 1), or not any more (-1): that card
 * is looked at again (lost_tend.c). Nothing to do of another origin. */
ST_CHECK enum st row_count_given(struct actions *actions, const struct action_row *row, int sign);
/* Where the money of its orders comes from, and goes back to. */
enum account source_of(enum action_origin origin);

/* Books both sides, with books_flush() at the end of the transaction as a batch of terminal 0. */
void books_move(struct actions *actions, enum book book, enum account from, enum account to,
                int64_t amount);
/* What was moved in a transaction that was rolled back. */
void books_forget(struct actions *actions);
ST_CHECK enum st books_flush(struct actions *actions, int64_t now_s);

/* --- actions_taken.c ----------------------------------------------------------------------- */

/* A card is past the row, which is waiting or ended, and nobody can bring the transaction any more:
 * moves its money by the rule, and opens a case. */
ST_CHECK enum st row_count_as_taken(struct actions *actions, struct action_row *row, int64_t now_s);
/* It turned out otherwise: a row that counts as taken waits again. The caller stores it. */
void row_recall(struct actions *actions, struct action_row *row);

/* --- transfers.c ---------------------------------------------------------------------------- */

/* `order`, of origin transfer, has no number yet, and all terminals were heard: did a card get that
 * transfer by another order, which the club forgot? Then that one is the transfer's, and this one
 * has ended. */
ST_CHECK enum st transfers_recall(struct actions *actions, struct action_row *order, int64_t now_s,
                                  bool *ret_is, struct fault *fault);

/* --- actions_tend.c ------------------------------------------------------------------------ */

/* Gives the row a number if it has none, seals what stands there and offers it to terminals.
 * ST_REFUSED: the card's numbers are used up. A handle without a signer is a bug. */
ST_CHECK enum st row_offer(struct actions *actions, struct action_row *row, int64_t now_s,
                           struct fault *fault);
/* Ends a waiting row: a void takes its number, or nothing when it never had one. */
ST_CHECK enum st row_end(struct actions *actions, struct action_row *row);
/* Gives the money of an ended row back. */
ST_CHECK enum st row_return(struct actions *actions, struct action_row *row);

#endif
