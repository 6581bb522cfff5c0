/* duplicates_priv.h - what the parts of duplicates share: duplicates.c (what terminals say),
 * duplicates_pair.c (the table), duplicates_read.c (halves that cards showed).
 *
 * A row of `duplicate` is a first half, or a second one that came before it. A second half that was
 * read off a card does not tell whose place it took: it stands in `replacement` as a card in place
 * of an unknown one (old_no 0) until its terminal's own word comes, also while it is joined. */
#ifndef SERVER_DUPLICATES_PRIV_H
#define SERVER_DUPLICATES_PRIV_H

#include "server/ledger_priv.h"
#include "server/lost_priv.h"

/* On whose word both halves are one duplicate. Values are in the database. */
enum pair_how {
    PAIR_JOURNAL = 0, /* the second half's own entry names the first */
    PAIR_GUESSED = 1, /* read off the cards: nothing else fits either of them */
    PAIR_NAMED = 2,   /* a person said so */
};

/* One duplicate at one terminal, as far as its halves are posted. */
struct pair {
    uint32_t terminal, sequence; /* of the first half */
    bool is_there, is_out;       /* in the table; the first half is posted */
    uint64_t old, card;      /* that it left, that it came to; card 0: no second half is joined */
    int64_t out[CARD_BOOKS]; /* what left */
    uint32_t in_sequence;
    int64_t in[CARD_BOOKS];
    enum pair_how how;
    int64_t look, at_s; /* of the first half: pair_look(), and when; -1, 0 = not known */
};

/* --- duplicates_pair.c ----------------------------------------------------------------------- */

/* What both halves have in common beside balances: tier, group and stamps. */
int64_t pair_look(const struct snapshot *snapshot);

ST_CHECK enum st pair_get(struct db *db, uint32_t terminal, uint32_t sequence, struct pair *ret);
/* The one whose second half is `card`, by whatever word. */
ST_CHECK enum st pair_with(struct db *db, uint64_t card, struct pair *ret);
/* The first half of `old` at the terminal, before its entry `sequence`. */
ST_CHECK enum st pair_out_of(struct db *db, uint64_t old, uint32_t terminal, uint32_t sequence,
                             struct pair *ret);
/* Inside the caller's write transaction, as all that follows. */
ST_CHECK enum st pair_put(struct db *db, struct pair *pair);

/* Both halves are one, on the word `how`; the old card's place is free, or the new card's already.
 * ST_REFUSED  the new card is another member's, says the fault; all else is done. */
ST_CHECK enum st pair_join(struct db *db, struct pair *pair, uint64_t card, uint32_t in_sequence,
                           enum pair_how how, int64_t at_s, struct fault *fault);
/* The first half is not alone any more: the case that says so is closed. */
ST_CHECK enum st pair_close_case(struct db *db, const struct pair *pair, const char *why,
                                 int64_t at_s);
/* They are not, after all. *ret_gone: as successor_leave(). */
ST_CHECK enum st pair_part(struct actions *actions, struct pair *pair, int64_t *ret_gone);

/* --- duplicates_read.c ----------------------------------------------------------------------- */

/* A person says that `row`, which began with what an unknown card had, took the place of `old`.
 * *ret_is_half: `old` went whole to another card at that terminal, and now it is joined with it;
 * else nothing has changed but a guess that said otherwise. *ret_gone: as successor_leave().
 * ST_REFUSED  it cannot be that, says the fault. */
ST_CHECK enum st duplicates_name(struct actions *actions, const struct replacement *row,
                                 uint64_t old, bool *ret_is_half, int64_t *ret_gone,
                                 struct fault *fault);

/* --- duplicates_club.c ----------------------------------------------------------------------- */

/* How the orders begin that a person made of a first half; "TERMINAL-NUMBER/KIND/N" follows. */
#define DUPLICATE_REF "duplicate/"

/* Whether a person has ever given to a card what left this one. */
ST_CHECK enum st duplicates_given(struct actions *actions, const struct pair *pair, bool *ret);
/* What of that no card has taken yet is withdrawn. Inside the caller's write transaction. */
ST_CHECK enum st duplicates_take_back(struct actions *actions, const struct pair *pair);

/* --- duplicates.c ---------------------------------------------------------------------------- */

/* `card` had been taken for `old`'s, and `count` actions of that one cannot be brought back: a case
 * by `item`. */
ST_CHECK enum st duplicates_say_gone(struct ledger *ledger, const struct item *item, uint64_t old,
                                     uint64_t card, int64_t count);

#endif
