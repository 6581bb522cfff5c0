/* charge.h - an amount for every card of a customer group, or a layout for every card: one action
 * each.
 *
 * A charge has a reference of its own; each card's action has REF/CARD, so that however often it is
 * begun again, each card gets it once. It goes through the cards by number, some hundred a
 * transaction, and notes how far it came: killed in between, the same call goes on. Cards that join
 * the group behind that place are not given it. Statuses as in server/actions.h. */
#ifndef SERVER_CHARGE_H
#define SERVER_CHARGE_H

#include <stdio.h>

#include "server/actions.h"

enum { CHARGE_REF_MAX = ACTIONS_REF_MAX - 17 }; /* "/" and a card number follow */
enum { CHARGE_EVERY = -1 };                     /* in place of a group: every card */

struct charge_order {
    const char *ref; /* 1..CHARGE_REF_MAX bytes of UTF-8 */
    int group;       /* of cards, as their newest known state says: 0..255; or, with LAYOUT and
                        no other kind, CHARGE_EVERY */
    enum action_kind kind; /* CREDIT, GIFT, VOUCHER, POINTS or LAYOUT */
    int64_t amount;        /* or the layout: for cards that are not of it yet */
    int64_t until_s;
    const char *text, *giver;
};

struct charge_result {
    int64_t charge;    /* its number */
    bool was_done;     /* nothing was left to do */
    uint64_t seen;     /* cards looked at now */
    uint64_t made;     /* actions made now */
    uint64_t left_out; /* cards of the group that are closed or on the hotlist */
};

/* Makes the charge, or what is left of it. `progress` (may be NULL) is called after each
 * transaction. ST_REFUSED: the reference stands for another charge. */
ST_CHECK enum st charge_run(struct actions *actions, const struct charge_order *order,
                            int64_t now_s, void (*progress)(const struct charge_result *),
                            struct charge_result *ret, struct fault *fault);

/* The number of a charge by its reference. ST_REFUSED: there is none. */
ST_CHECK enum st charge_find(struct db *db, const char *ref, int64_t *ret, struct fault *fault);

/* Writes all charges with how many cards have collected theirs, still wait, and gave back. */
ST_CHECK enum st charge_write(struct db *db, bool as_json, FILE *out);

/* The charges above number `after`, or with `only` (not 0) that one, as an array of at most `limit`
 * objects that the caller owns; *ret_last is the number of the last one, if any. */
ST_CHECK enum st charge_array(struct db *db, int64_t after, int64_t only, size_t limit,
                              json_t **ret, int64_t *ret_last);

#endif
