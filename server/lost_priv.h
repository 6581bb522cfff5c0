/* lost_priv.h - what the parts of lost cards share: lost_rows.c (the tables), lost_say.c (what
 * people say), lost_post.c (reports, for the ledger), successor.c (what goes with the member),
 * duplicates.c (one card's place taken by another, for the ledger), lost_tend.c (what falls due),
 * lost_news.c (terminals), lost_list.c (people). */
#ifndef SERVER_LOST_PRIV_H
#define SERVER_LOST_PRIV_H

#include "firmware/engine/snapshot.h"
#include "server/accounts.h"
#include "server/lost.h"

/* --- lost_rows.c ---------------------------------------------------------------------------- */

/* A row of `lost`. */
struct lost_row {
    uint64_t card;
    bool is_there;               /* in the table */
    int64_t listed_at;           /* the club's time: terminals had it from their next sync on */
    uint32_t terminal, sequence; /* the report that said so; 0, 0: somebody told the club */
    uint8_t how;                 /* enum report_how; 0: told to the club */
    int64_t found_at;            /* 0 = it is lost */
    int64_t settled_at;          /* when all that terminals did with it was known; 0 = not yet */
    uint64_t new_card;           /* that took its place; 0 = none */
    int64_t replaced_at;
    int64_t round; /* how often something was released */
    int64_t
        given[CARD_BOOKS]; /* put on the new card, and released since, less what was asked back */
    int64_t short_of[CARD_BOOKS]; /* too much was given, and no action asks for that: a loss */
    bool is_due;                  /* waits to be settled, or has changed since */
    int64_t held_at;      /* nothing more follows before a person's word (lost_bound.c); 0 = no */
    int64_t confirmed_at; /* a person stands for the replacement; 0 = a terminal alone says it */
};
ST_CHECK enum st lost_get(struct db *db, uint64_t card, struct lost_row *ret);
/* Inside the caller's write transaction. */
ST_CHECK enum st lost_put(struct db *db, struct lost_row *row);

/* `card` began with `part` in place of `old`, whether that was reported or not. Inside the caller's
 * write transaction. */
ST_CHECK enum st lost_replaced(struct db *db, uint64_t old, uint64_t card,
                               const int64_t part[CARD_BOOKS], uint32_t terminal, uint32_t sequence,
                               int64_t now_s);

/* A row of `replacement`: a card that began with a part of what another one has. */
struct replacement {
    uint64_t card;
    bool is_there;
    uint64_t old; /* 0 = nobody knows which one */
    uint32_t terminal, sequence;
    int64_t at;
    bool is_second; /* the other one had been replaced before */
    int64_t part[CARD_BOOKS];
    int64_t look;  /* pair_look() of what it began with; -1 = not known */
    bool is_named; /* `old` is a person's word */
};
ST_CHECK enum st replacement_get(struct db *db, uint64_t card, struct replacement *ret);
/* The one that a person said to be in the place of `old`. */
ST_CHECK enum st replacement_named(struct db *db, uint64_t old, struct replacement *ret);
/* A new one. Inside the caller's write transaction, as the next. */
ST_CHECK enum st replacement_put(struct db *db, const struct replacement *row);
ST_CHECK enum st replacement_drop(struct db *db, uint64_t card);
/* A person says whose place it took; 0: that is taken back. */
ST_CHECK enum st replacement_name(struct db *db, uint64_t card, uint64_t old);

/* What a card carries, by the newest evidence that the club has. */
struct standing {
    bool is_there; /* false: the club never heard of it; the rest is zeros */
    struct snapshot snapshot;
    int64_t balance[CARD_BOOKS];
};
ST_CHECK enum st standing_get(struct db *db, uint64_t card, struct standing *ret);

/* Marks the card as reported lost at now_s, and lists it: by a terminal's entry, or (0, 0) by
 * somebody who told the club. Inside the caller's write transaction. */
ST_CHECK enum st lost_mark(struct db *db, uint64_t card, uint32_t terminal, uint32_t sequence,
                           uint8_t how, int64_t now_s);
/* Marks it as found. *ret_was false: it was not lost, or is replaced; nothing has changed. */
ST_CHECK enum st lost_unmark(struct db *db, uint64_t card, int64_t now_s, bool *ret_was);
/* Every terminal that reported the card as lost hears once more how it stands. Inside the caller's
 * write transaction. */
ST_CHECK enum st lost_tell_again(struct db *db, uint64_t card, int64_t now_s);

/* --- lost_said.c ----------------------------------------------------------------------------- */

/* What the card says of itself, by the entry that made it and by what orders wrote since.
 * *ret_known false: the club does not know, and *ret is untouched. */
ST_CHECK enum st card_said(struct db *db, uint64_t card, struct action_particulars *ret,
                           bool *ret_known);
/* The card in the place of the lost one says of itself what that one did, once, by an order, where
 * its counter did not know; its last day is never a later one. Inside the caller's write
 * transaction, before what the last day binds is released. */
ST_CHECK enum st lost_follow_said(struct actions *actions, const struct lost_row *row,
                                  int64_t now_s, struct fault *fault);

/* --- lost_say.c ------------------------------------------------------------------------------ */

/* What lost_name() booked for `named` is taken back: its terminal's own word, or its card, says
 * that it took the place of `right`. Where that is another card than the person said, that one is
 * as lost as before, and what was released on it counts as given for `right`. *ret_gone: as
 * successor_leave(). The row of `named` itself is the caller's. Inside his write transaction. */
ST_CHECK enum st lost_unname(struct actions *actions, const struct replacement *named,
                             uint64_t right, int64_t now_s, int64_t *ret_gone);

/* --- lost_bound.c ---------------------------------------------------------------------------- */

/* Whether what is due in place of `row`, which is settled and carries `standing`, is more than may
 * follow on its terminal's word alone: then the row is held, and a case asks. The caller stores it.
 * Inside his write transaction. */
ST_CHECK enum st lost_hold(struct actions *actions, struct lost_row *row,
                           const struct standing *standing, int64_t now_s);

/* --- successor.c ----------------------------------------------------------------------------- */

enum place {
    PLACE_FREE,  /* no card came in the place of the old one */
    PLACE_SAME,  /* this one did, and another one may have come in its place since */
    PLACE_TAKEN, /* another one did */
    PLACE_RING,  /* the old one came itself in the place of this one, which a terminal that lies can
                    say */
};
/* Whether `card` can come in the place of `old`. */
ST_CHECK enum st successor_place(struct db *db, uint64_t old, uint64_t card, enum place *ret);
/* `card` is in the place of `old`, which is free: what finds the old card finds the new one, and it
 * is the member's, too. What waits for the old one moves at the next lost_tend() when `moves`.
 * Inside the caller's write transaction.
 * ST_REFUSED  it is another member's card, says the fault; all else is done. */
ST_CHECK enum st successor_follow(struct db *db, uint64_t old, uint64_t card, bool moves,
                                  int64_t at_s, struct fault *fault);
/* The same as if it had been said then. */
ST_CHECK enum st successor_moves(struct db *db, uint64_t card);
/* `card` is not in the place of `old`, after all: media and member go back. What waits for it on
 * the old one's account is withdrawn, for a terminal may be giving it to the card at this moment.
 * *ret_gone: how many were withdrawn, or taken by the card before. */
ST_CHECK enum st successor_leave(struct actions *actions, uint64_t old, uint64_t card,
                                 int64_t *ret_gone);

#endif
