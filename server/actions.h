/* actions.h - what the club wants done to cards at their next tap: made once, sealed, numbered,
 * handed to all terminals, applied once, given back when nobody collected it.
 *
 * An order is known by who gave it (origin) and the giver's own reference; the same order again
 * finds what the first one made. Its money is in the account `pending` until a card has it, or
 * until it is certain that no card has. A handle belongs to one thread; statements are the
 * database's. db's statuses (server/db.h) besides those named; the fault is a sentence for a
 * person. Why so: docs/decisions/0010-actions.md; states and accounts: docs/club.md 4 and 9. */
#ifndef SERVER_ACTIONS_H
#define SERVER_ACTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "firmware/engine/action.h"
#include "hal/base/status.h"
#include "server/db.h"
#include "server/signer.h"
#include "sync/wire.h"

struct actions;

enum { ACTIONS_REF_MAX = 64, ACTIONS_GIVER_MAX = 96, ACTIONS_TEND_MAX = 256 };

/* `signer` may be NULL: then nothing can be sealed here, and what must be waits (actions_tend()).
 * Both stay the caller's and must outlive the handle. */
ST_CHECK enum st actions_open(struct db *db, const struct signer *signer, struct actions **ret);
void actions_close(struct actions *actions); /* accepts NULL */

/* Why a person cannot order one of that origin, a sentence; NULL: they can. Its money would come
 * out of what is in transit, or of what lost cards carry. */
const char *actions_say_own(enum action_origin origin);

/* --- making ------------------------------------------------------------------------------- */

struct action_order {
    struct action action; /* kind, origin, value, card_number, amount, until_s and text; number and
                             id are the club's to give */
    const char *ref;      /* 1..ACTIONS_REF_MAX bytes of UTF-8: the bank's reference, say */
    const char *giver;    /* whose money it is, for the reckoning; may be empty */
    int64_t charge;       /* of a group charge: its number; else 0 */
    bool is_unseen_fine;  /* the club need not know the card yet */
};

struct action_made {
    uint64_t id;
    bool is_new;     /* false: the same order was here before */
    uint16_t number; /* on its card; 0 = none yet: no signer, or settled_is_forgetful() */
};

/* Makes what is new of the orders, all or none, in one write transaction.
 * ST_REFUSED  the fault says why: no such card, a reference that was used for something else, the
 *             key is not here, the card's numbers are used up, a date that is past.
 * ST_FOREIGN  a field is out of range. */
ST_CHECK enum st actions_make(struct actions *actions, const struct action_order *orders,
                              size_t count, int64_t now_s, struct action_made *ret,
                              struct fault *fault);
/* One of them inside the caller's write transaction. Without a signer it is taken all the same, and
 * sealed later. After any status but ST_OK the caller must roll back. */
ST_CHECK enum st actions_make_within(struct actions *actions, const struct action_order *order,
                                     int64_t now_s, struct action_made *ret, struct fault *fault);

/* Takes an order back, unless a card has it already: terminals get a void in its place. The giver
 * has the money again once no terminal can have applied it (server/settled.h).
 * ST_REFUSED: no such order, or it is past. The same again is fine. */
ST_CHECK enum st actions_withdraw(struct actions *actions, enum action_origin origin,
                                  const char *ref, int64_t now_s, struct fault *fault);

/* The same inside the caller's write transaction. After ST_REFUSED nothing has changed; after
 * another status but ST_OK the caller must roll back. */
ST_CHECK enum st actions_withdraw_within(struct actions *actions, enum action_origin origin,
                                         const char *ref, int64_t now_s, struct fault *fault);

/* What is due, at most ACTIONS_TEND_MAX steps: ends what has expired, gives back what nobody can
 * collect any more, seals and offers what is waiting for that. Costs one read when nothing is due.
 * *ret_steps (may be NULL) = ACTIONS_TEND_MAX: there may be more. */
ST_CHECK enum st actions_tend(struct actions *actions, int64_t now_s, size_t *ret_steps,
                              struct fault *fault);

/* --- lists --------------------------------------------------------------------------------- */

/* A place in the order of the lists: card, moment of making, number, id. */
struct actions_place {
    int64_t card, made_at, number, id;
};

/* All zeros: every action. */
struct actions_filter {
    uint64_t card;              /* 0 = of all cards */
    int64_t charge;             /* 0 = whatever made them */
    enum action_origin origin;  /* with `ref`: that order alone */
    const char *ref;            /* NULL = any */
    struct actions_place after; /* those behind it */
    bool is_open; /* only those whose money waits, or that a card took and the club never made */
};

/* What became of it, for people: waiting, queued (waits for its seal: for the
 * key, or for terminals after a restore), passed (the card has taken
 * its number; what it took is not known yet), taken (likewise, and never will be), applied, ended,
 * returned, stray. */
#define ACTIONS_STATES "waiting, queued, passed, taken, applied, ended, returned, stray"

/* Writes the actions by card and order of making, a line each, or as one JSON array. */
ST_CHECK enum st actions_write(struct db *db, const struct actions_filter *filter, bool as_json,
                               FILE *out);

/* The same for programs that check the books: "actions" with all that a row says in numbers, and
 * "accounts", the sums of the counter entries. Fields of an object, without its braces. */
ST_CHECK enum st actions_dump(struct db *db, FILE *out);

/* The same as an array of at most `limit` objects that the caller owns; *ret_last is the place of
 * the last one, and untouched when there is none. */
ST_CHECK enum st actions_array(struct db *db, const struct actions_filter *filter, size_t limit,
                               json_t **ret, struct actions_place *ret_last);

/* By their words ("credit", "bank"); 0: there is none of that word. */
enum action_kind actions_kind_of(const char *word);
enum action_origin actions_origin_of(const char *word);

/* --- terminals ----------------------------------------------------------------------------- */

/* What a terminal has that was told everything. */
ST_CHECK enum st actions_newest(struct db *db, struct wire_actions_have *ret);
/* Whether that is a state of this club's stream, or of one that a backup has made forget it. */
ST_CHECK enum st actions_is_known(struct db *db, const struct wire_actions_have *have, bool *ret);

/* What a terminal that has `have` has not, at most WIRE_ACTIONS_MAX; from the beginning when the
 * club does not know that state: it was restored. Reads only. `list` has that room and is what
 * ret->list points to. */
ST_CHECK enum st actions_news(struct db *db, const struct wire_actions_have *have,
                              struct wire_action *list, struct wire_actions *ret);

#endif
