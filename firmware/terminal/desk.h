/* desk.h - the counter's requests: taps, and what media that identify can do (docs/media.md).
 *
 * A tap goes straight through to the terminal (service.h). find and link are made of readings that
 * write nothing (balance), of scans, and of the links in the journal: the tap's own states know
 * nothing of them. One request at a time, one thread, allocated in desk_open() only. The order of a
 * request is the terminal's: desk_begin(), desk_step() until it is over, tell, desk_finish(). */
#ifndef FIRMWARE_TERMINAL_DESK_H
#define FIRMWARE_TERMINAL_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/engine/media.h"
#include "firmware/terminal/bons.h"
#include "firmware/terminal/earnings.h"
#include "firmware/terminal/handover.h"
#include "firmware/terminal/lostcard.h"
#include "firmware/terminal/members.h"
#include "firmware/terminal/service.h"
#include "hal/keystore.h"
#include "hal/pin.h"
#include "storage/store.h"

struct desk;

/* All must outlive the desk. */
struct desk_config {
    struct terminal *terminal;
    struct store *store;
    const struct keystore *keys;                                 /* NULL: it has no media master */
    void (*log)(void *ctx, const char *event, const char *text); /* as terminal_config; or NULL */
    void *log_ctx;
};

/* ST_OK: the caller owns *ret. ST_FULL: no memory. */
ST_CHECK enum st desk_open(const struct desk_config *config, struct desk **ret,
                           struct fault *fault);
void desk_close(struct desk *desk); /* accepts NULL */
struct terminal *desk_terminal(const struct desk *desk);

enum desk_do {
    DESK_TAP,       /* what `tap` says */
    DESK_FIND,      /* whose is this medium? */
    DESK_LINK,      /* this medium is the holder's of the card that is held on the reader next */
    DESK_SIGN_IN,   /* `pin` and the operator card that is held, or a medium linked to it */
    DESK_SIGN_OUT,  /* of whoever is signed in */
    DESK_UNLOCK,    /* operator `number`, by the manager who is signed in */
    DESK_JOIN,      /* somebody becomes a member without a card: `joining` */
    DESK_EARN,      /* a sale to the member whom this medium finds, whose card is not here */
    DESK_EARN_BACK, /* such a sale goes back: `number` */
    DESK_NUMBER,    /* what became of card number `card_number`? */
    DESK_BON,       /* this voucher pays: `bon` says for which receipt, or gives it back */
    DESK_WAITING,   /* which transfers wait here? */
    DESK_RELEASE,   /* one of them is handed to the club: `number`, for `card_number` */
    DESK_LOST,    /* a card is lost: `card_number`, else whose the medium is, else the card held */
    DESK_FOUND,   /* and was found again; likewise */
    DESK_SUPPORT, /* for `number` hours the club may take the device's log; 0 = no more */
    DESK_REPLACE, /* a blank card takes the place of a lost one; likewise, but that it is held */
};

struct desk_request {
    enum desk_do what;
    struct tap_request tap;   /* DESK_TAP; of the others operator_no counts */
    struct basket basket;     /* of a sale */
    bool is_fresh;            /* DESK_TAP: a card that still lies there from before is not it */
    bool has_medium;          /* else it is the next scan, or a tag on the card reader */
    struct identifier medium; /* typed */
    char pin[PIN_DIGITS_MAX + 1];
    uint32_t number; /* DESK_UNLOCK; DESK_SUPPORT: hours; DESK_RELEASE: of the transfer; DESK_TAP, a
                        take over: the entry that moved the old card; DESK_EARN_BACK: of the sale */
    struct joining joining; /* DESK_JOIN, DESK_REPLACE; DESK_TAP, an issue or take over. Wiped when
                               it is taken */
    uint64_t card_number; /* DESK_NUMBER; 0 = only which is next. DESK_RELEASE; 0 = back. DESK_LOST,
                             FOUND, REPLACE; 0 = by the medium */
    bool is_confirmed;    /* DESK_REPLACE: else it is only told what it would come to */
    bool is_bare;         /* DESK_REPLACE: nothing goes onto the new card now */
    struct bon_request bon; /* DESK_BON; its operator_no is tap's */
};

/* Whose a medium is, as far as this terminal knows. */
struct desk_found {
    enum media_kind medium;
    uint64_t card_number;
    bool has_state; /* this terminal has seen the card */
    struct snapshot state;
    int64_t seen_s; /* by this terminal's clock */
};

/* Done about a member; `what` says which of them counts. */
enum member_done { MEMBER_JOINED, MEMBER_EARNED, MEMBER_NUMBER };

struct desk_member {
    enum member_done what;
    uint64_t account;         /* JOINED */
    struct earning earning;   /* EARNED */
    enum number_state number; /* NUMBER */
    uint64_t next;            /* NUMBER: the next free one, 0 = none */
};

struct desk_answer {
    struct tap_answer tap; /* outcome, reason and sentence of every request */
    bool has_found;        /* done by a medium: of `tap` only those and `listing` count */
    struct desk_found found;
    bool has_member; /* likewise: of `tap` only outcome and sentence count */
    struct desk_member member;
    bool has_bon; /* done by a voucher: of `tap` only outcome and sentence count */
    struct bon_answer bon;
    bool has_waiting; /* likewise */
    struct waiting_list waiting;
    bool has_release; /* likewise */
    struct handover release;
    bool has_lost; /* a report, or what a replacement would come to: likewise */
    struct lost_answer lost;
};

/* Begins a request; none may be under way. wait_ms as terminal_begin().
 * ST_OK       begun: step.
 * ST_REFUSED  over already, no card was touched: *ret_answer is final (a typed find, too). */
ST_CHECK enum st desk_begin(struct desk *desk, const struct desk_request *request, unsigned wait_ms,
                            struct desk_answer *ret_answer);
enum terminal_progress desk_step(struct desk *desk);
/* Valid when over, until desk_finish(). */
const struct desk_answer *desk_answer(const struct desk *desk);
enum tap_say desk_meanwhile(const struct desk *desk);
bool desk_is_busy(const struct desk *desk);
void desk_finish(struct desk *desk, bool was_told);

/* As terminal_cancel() and terminal_hurry(). */
void desk_cancel(struct desk *desk);
void desk_hurry(struct desk *desk);

/* What scans_serve() told. It is for the request that waits for a scan, if there is one; else it is
 * dropped: a scan that nobody asked for does nothing. */
void desk_scan(struct desk *desk, enum st st, const struct identifier *id, const struct fault *say);

#endif
