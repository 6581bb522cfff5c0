/* transfers_priv.h - what the parts of transfers share: transfers.c (posting both halves),
 * transfers_read.c (halves that cards showed), transfers_club.c (lists, and the club's own hand).
 *
 * Two tables: `transfer` has the first halves, `transfer_in` the second ones, each in whichever
 * order they are posted. A row is open as long as it does not come to zero: what left a card, less
 * what came to others, less what an action takes on. The open rows of both come to `transit`. */
#ifndef SERVER_TRANSFERS_PRIV_H
#define SERVER_TRANSFERS_PRIV_H

#include "server/ledger_priv.h"
#include "server/transfers.h"

enum transfer_how {                  /* values are in the database */
                    HOW_JOURNAL = 0, /* as its terminal wrote it */
                    HOW_READ =
                        1, /* as a card showed it: who the other one is, a card does not tell */
};

/* Whose word `to` is: the entry's number, or one of these. */
enum { BY_NOBODY = 0, BY_CLUB = -1 };

/* A row of `transfer`. */
struct transfer_row {
    bool is_there;
    int64_t terminal, sequence; /* the key: of the intent */
    int64_t card, amount;       /* amount 0: it is not posted, only handed over */
    int64_t at;                 /* 0 = not known */
    enum transfer_how how;
    int64_t to, by;        /* the card that the club brings it to; 0 = none */
    int64_t order, orders; /* the action that does, 0 = none or it came back; how many so far */
};

/* Its money becomes an action for `to`, or for the card that has it by an order that a restored
 * club forgot: `to` is that one then. The caller flushes the books (actions_priv.h). ST_REFUSED:
 * nothing has changed, the fault says why. */
ST_CHECK enum st transfer_order(struct actions *actions, struct transfer_row *row, int64_t now_s,
                                struct fault *fault);

/* --- transfers_club.c ---------------------------------------------------------------------- */

/* ST_REFUSED: the terminal may still give what is in transit there to a card (`there` is what to do
 * then), or, without `is_anyway`, may have done so without the club's knowing. */
ST_CHECK enum st transfer_check_gone(struct db *db, uint32_t terminal, const char *there,
                                     bool is_anyway, struct fault *fault);

/* --- transfers.c --------------------------------------------------------------------------- */

ST_CHECK enum st transfer_get(struct ledger *ledger, int64_t terminal, int64_t sequence,
                              struct transfer_row *ret);
/* What follows once both halves are as they are: orders the action, says what is left open, opens a
 * case about what does not fit, by the record `by`. */
ST_CHECK enum st transfer_judge(struct ledger *ledger, struct transfer_row *row,
                                const struct item *by);

#endif
