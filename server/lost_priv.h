/* lost_priv.h - what the parts of lost cards share: lost_rows.c (the tables), lost_say.c (what
 * people say), lost_post.c (reports, for the ledger), duplicates.c (one card's place taken by
 * another, for the ledger), lost_tend.c (what falls due), lost_news.c (terminals), lost_list.c
 * (people). */
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
};
ST_CHECK enum st replacement_get(struct db *db, uint64_t card, struct replacement *ret);
/* A new one. Inside the caller's write transaction, as the next. */
ST_CHECK enum st replacement_put(struct db *db, const struct replacement *row);
ST_CHECK enum st replacement_drop(struct db *db, uint64_t card);

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

/* Notes that `card` has `new_card` in its place; what waits for it moves at the next lost_tend()
 * when `moves`. Inside the caller's write transaction. */
ST_CHECK enum st successor_put(struct db *db, uint64_t card, uint64_t new_card, bool moves);
/* Whether `card` came itself in the place of `new_card`, which a terminal that lies can say: then
 * that one cannot come in its place. */
ST_CHECK enum st successor_would_ring(struct db *db, uint64_t card, uint64_t new_card, bool *ret);
/* The same as if it had been said then. */
ST_CHECK enum st successor_moves(struct db *db, uint64_t card);

#endif
