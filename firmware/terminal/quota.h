/* quota.h - the limits that hold for one request on one card, and what is used of them.
 *
 * Filled from the store when the card was looked up, asked by the tap after the plan and before the
 * intent. The caller owns the struct; it must not change during the tap. What counts and who sets
 * it: docs/limits.md. */
#ifndef FIRMWARE_TERMINAL_QUOTA_H
#define FIRMWARE_TERMINAL_QUOTA_H

#include <stdbool.h>

#include "firmware/engine/mandate.h"
#include "firmware/engine/plan.h"
#include "firmware/engine/programme.h"
#include "storage/store.h"

enum quota_scope {
    QUOTA_TERMINAL,     /* granted to this terminal in all */
    QUOTA_TERMINAL_DAY, /* by day */
    QUOTA_OPERATOR,     /* the programme's of an operator and day */
    QUOTA_OPERATOR_OWN, /* the club's of this operator and day */
    QUOTA_CARD,         /* the programme's of a card and day */
    QUOTA_SCOPES,
};

struct quota {
    struct {
        struct limits limits; /* all zeros: none */
        struct limit_use used;
    } of[QUOTA_SCOPES];
    int32_t day;
    uint32_t terminal;
    struct money point_value;
    const struct programme *programme; /* whose unit a refusal is said in; NULL: rials */
};

/* Whom a request is by, and on what. */
struct quota_about {
    const struct mandate *mandate;     /* NULL: the club has sent none */
    const struct programme *programme; /* NULL: none is in force */
    uint32_t terminal, operator_no;
    uint64_t card_number; /* 0 = not known yet: an issue */
    bool is_no_card;      /* what is asked is no card's: no card's day stops it */
    int64_t time_s;
    uint8_t clock_quality;
};

/* Reads what is used of the limits that are set. ST_OK, or the store's status. */
ST_CHECK enum st quota_fill(struct store *store, const struct quota_about *about,
                            struct quota *ret);

/* True when a sale or load has to know what other terminals did with the card today. */
bool quota_needs_history(const struct quota *quota, enum transaction_kind kind);

/* True when `more` would pass a limit; *ret_why then says which, how much is used and how much is
 * left. Of what other terminals did with a card today nothing is known. */
bool quota_stops(const struct quota *quota, const struct limit_use *more, struct fault *ret_why);

/* The same of a planned transaction; `history` is newest first, from the card's newest on; none for
 * an issue. `peer` may be NULL. */
bool quota_refuses(const struct quota *quota, const struct plan *plan, const struct peer *peer,
                   const struct snapshot *history, size_t count, struct fault *ret_why);

#endif
