/* handover.h - transfers that wait here: the list of them, and handing one to the club.
 *
 * A transfer waits from the tap that took it off one card until another card takes it here
 * (twocards.h), or until it is handed over: then no card takes it here any more, and the club
 * brings it to the card that was named, or back to the one that it left. */
#ifndef FIRMWARE_TERMINAL_HANDOVER_H
#define FIRMWARE_TERMINAL_HANDOVER_H

#include "firmware/terminal/service.h"
#include "firmware/terminal/twocards.h"

enum waiting_state {
    WAITING_OPEN,     /* may be taken, or handed over, which a whole card cannot be */
    WAITING_IN_DOUBT, /* a card has to be held again first */
    WAITING_CLUB,     /* only the club can tell whether it left its card: hand it over */
};

struct waiting {
    uint32_t sequence; /* the number by which it is taken */
    int64_t since_s;   /* by this terminal's clock */
    struct money amount;
    uint64_t card_number; /* that it left */
    bool is_card;         /* all of that card: a blank one takes it (duplicate, from this number) */
    uint32_t second;      /* in doubt: the entry that may have put it on another card, and that */
    uint64_t into;        /* card; 0 = the one that it left is in doubt */
    enum waiting_state state;
};

enum { WAITING_MAX = 100 };
struct waiting_list {
    struct waiting rows[WAITING_MAX]; /* the oldest */
    size_t count;
    struct waiting_sums sums; /* of all */
};

/* The store's statuses. */
ST_CHECK enum st handover_list(struct store *store, struct waiting_list *ret);

struct handover {
    uint32_t sequence;    /* of the transfer */
    uint64_t card_number; /* that shall get it; in a request 0 = the one that it left */
    uint32_t operator_no;
    /* set when done: */
    uint32_t entry; /* of the journal */
    struct money amount;
    bool is_earlier; /* it was handed over before, for the same card */
    struct fault say;
};

/* Hands it over; `say` of it is a sentence in any case.
 * ST_OK       durable; the club hears of it at the next sync.
 * ST_REFUSED  it does not wait, or a card has to be held again first.
 * Else the store's status. */
ST_CHECK enum st handover_release(struct terminal *terminal, struct store *store,
                                  struct handover *handover);

#endif
