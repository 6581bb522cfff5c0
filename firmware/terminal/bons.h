/* bons.h - an organisation's voucher at the counter: may it be taken, and the entry that takes it.
 *
 * No card is touched. What is refused has changed nothing. Rules: docs/vouchers.md. */
#ifndef FIRMWARE_TERMINAL_BONS_H
#define FIRMWARE_TERMINAL_BONS_H

#include <stdbool.h>

#include "firmware/engine/entry.h"
#include "firmware/terminal/service.h"
#include "storage/store.h"

struct bon_request {
    bool is_back;                        /* give back what this terminal took for this receipt */
    char receipt[ENTRY_RECEIPT_MAX + 1]; /* the register's number of the basket, as in entry.h */
    uint32_t operator_no;
};

struct bon_answer {
    struct bon bon;
    uint32_t sequence; /* of the entry that took it, or gave it back */
    bool is_earlier;   /* by an earlier request for the same receipt; not taken again */
    bool is_limit;     /* refused, because a limit would be passed */
    struct fault say;  /* for the cashier */
};

/* Takes or gives back the bon whose text was scanned; `text` is an identifier's (media.h).
 * ST_OK       durable: *ret is filled in, ret->bon.amount is off what is to be paid, or again due.
 * ST_REFUSED  a rule says no: ret->say says which.
 * ST_DENIED   the seal is not the club's: forged, or another club's.
 * Others      the store's, with its sentence. */
ST_CHECK enum st bons_serve(struct terminal *terminal, struct store *store, const char *text,
                            const struct bon_request *request, struct bon_answer *ret);

#endif
