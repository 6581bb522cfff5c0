/* service.h - the terminal at work: does what tap_step() says, with a store, a card and a clock.
 *
 * One request at a time, one caller's thread; a second one only inside a step, through
 * terminal_config.overlap. A step takes at most a few card commands and one journal entry, so the
 * caller can serve its sockets between two steps. Opaque; everything is allocated in
 * terminal_open(). The order of a request: terminal_begin(), terminal_step() until it is over, tell
 * the answer, terminal_finish(). */
#ifndef FIRMWARE_TERMINAL_SERVICE_H
#define FIRMWARE_TERMINAL_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/terminal/basket.h"
#include "firmware/terminal/hotcheck.h"
#include "firmware/terminal/session.h"
#include "firmware/terminal/standing.h"
#include "firmware/terminal/tap.h"
#include "firmware/terminal/twocards.h"
#include "hal/card.h"
#include "storage/loss.h"
#include "storage/store.h"

struct terminal;

/* What the terminal is made of; given by the main (from the board) or by a test. All must outlive
 * the terminal. */
struct terminal_config {
    struct store *store;
    struct card_port card;
    /* "" when the reader is up, else a sentence on what to do. May be NULL: always up. */
    const char *(*reader_say)(void *ctx);
    void *reader_ctx;
    /* One line per event, ids in docs/events.md. May be NULL. */
    void (*log)(void *ctx, const char *event, const char *text);
    void *log_ctx;
    const char *firmware; /* version for the start entry, at most 15 bytes */
    /* The hotlist lies beside this database (storage/hotlist.h); NULL: there is none. */
    const char *database;
    unsigned
        list_hours_max; /* past which it is old; 0: both as firmware/terminal/hotcheck.h says */
    struct money list_spend_max; /* then a sale may spend no more than this from a card */
    /* Runs both and returns when both have returned; how they overlap is its business. `disk` uses
     * only the store, `card` only the card. May be NULL: first the disk, then the card.
     * firmware/terminal/overlap.h has one with a thread. */
    void (*overlap)(void (*disk)(void *), void (*card)(void *), void *ctx);
};

enum {
    TERMINAL_WAIT_MS_MAX = 120000,
    TERMINAL_STORE_TRIES = 3,
    /* How long a request that may never have been answered is taken for the same one. */
    TERMINAL_SAME_REQUEST_S = 600,
};

/* ST_OK     the caller owns *ret.
 * ST_FULL   no memory.
 * Others    the store's: it cannot be read. */
ST_CHECK enum st terminal_open(const struct terminal_config *config, struct terminal **ret,
                               struct fault *fault);
void terminal_close(struct terminal *terminal); /* accepts NULL */

/* Begins a request. wait_ms 1..TERMINAL_WAIT_MS_MAX; none may be under way (else bugs).
 * ST_OK       begun: step.
 * ST_REFUSED  not begun, no card was touched; *ret_refusal is the final answer: not enrolled, no
 *             programme, disk; a code that the club does not know.
 * `basket` is what the till said of a sale's lines and code, NULL: nothing; request->basket is set
 * from it, by the programme in force. */
ST_CHECK enum st terminal_begin(struct terminal *terminal, const struct tap_request *request,
                                const struct basket *basket, unsigned wait_ms,
                                struct tap_answer *ret_refusal);

enum terminal_progress {
    TERMINAL_WORKING, /* step again at once */
    TERMINAL_WAITING, /* no card: step again in some milliseconds */
    TERMINAL_OVER,    /* terminal_answer() is final */
};
enum terminal_progress terminal_step(struct terminal *terminal);

/* What to tell the cashier now. */
enum tap_say terminal_meanwhile(const struct terminal *terminal);
const struct tap_answer *terminal_answer(const struct terminal *terminal);
bool terminal_is_busy(const struct terminal *terminal);
/* The last reading of the request that is over: the medium of an answer TAP_REASON_MEDIUM, the card
 * of one that is done. Valid until the next request. */
const struct card_view *terminal_view(const struct terminal *terminal);

/* What the card of the last request that asked for it said of itself; NULL: none did. Valid until
 * the next request. */
const struct card_identity *terminal_identity(const struct terminal *terminal);

/* Why the card is refused: on the hotlist (engine/listing.h), or reported lost here; 0 = it is not,
 * or cannot be known. Only while no request is under way, or when its answer is final. */
uint8_t terminal_listing(struct terminal *terminal, uint64_t card_number);

/* The hotlist is so old, or so little known, that sales may spend no more than a part of what a
 * card has (hotcheck.h). As terminal_listing(). */
bool terminal_list_is_old(struct terminal *terminal);

/* Appends that a medium was linked to a card (entry.h). Only while no request is under way, or when
 * its answer is final. *ret_sequence is its number.
 * ST_OK   durable. Others: the store's; nothing has happened, *fault says what to do. */
ST_CHECK enum st terminal_append_link(struct terminal *terminal, const struct entry_link *link,
                                      uint32_t operator_no, uint32_t *ret_sequence,
                                      struct fault *fault);
/* The same of any entry that needs no card: the caller fills in its kind, operator and body, and
 * gets it back with sequence, time, clock and terminal. */
ST_CHECK enum st terminal_append(struct terminal *terminal, struct entry *entry,
                                 struct fault *fault);

/* May the entry, which needs no card, be appended by the limits (docs/limits.md)? Ask right before
 * it is. ST_OK. ST_REFUSED: *ret_why says which limit it would pass. Others: the store's. */
ST_CHECK enum st terminal_within_limits(struct terminal *terminal, const struct entry *entry,
                                        struct fault *ret_why);

/* May a request that takes `right` be done now, and by whom? terminal_begin() asks that itself;
 * what else moves value asks here. *operator_no is the till's word, and becomes who is signed in.
 * ST_OK. ST_REFUSED: *ret_refusal is the final answer. */
ST_CHECK enum st terminal_admit(struct terminal *terminal, enum right right, uint32_t *operator_no,
                                struct tap_answer *ret_refusal);

/* Operators (docs/operators.md). Only while no request is under way, or when its answer is final.
 * *ret is the final answer; what happened is durable by then. `keys` may be NULL: no PIN can be
 * checked. `pin` is the caller's to wipe. */
void terminal_sign_in(struct terminal *terminal, const struct keystore *keys, uint64_t card_number,
                      const char *pin, struct tap_answer *ret);
void terminal_sign_out(struct terminal *terminal, struct tap_answer *ret);
void terminal_unlock(struct terminal *terminal, uint32_t number, struct tap_answer *ret);
/* For `hours` the club's support may take the device's log (storage/support.h); 0 ends it. *ret is
 * the final answer. */
void terminal_support(struct terminal *terminal, uint32_t hours, uint32_t operator_no,
                      struct tap_answer *ret);

/* What the club has told this terminal; read anew unless a request is under way. Valid until the
 * next call of any kind. */
const struct standing *terminal_standing(struct terminal *terminal);

/* The next request, an issue, brings this member (members.h): its entry becomes durable together
 * with the intent, when the card's number is known; card and, of a new member, account are filled
 * in then. It is forgotten when that request is over. Only while no request is under way. */
void terminal_attach_member(struct terminal *terminal, const struct entry_member *member);

/* Nobody waits any more. Ends a request that has not begun anything; what is begun is finished. */
void terminal_cancel(struct terminal *terminal);

/* The process is about to end: stops waiting for cards, also for one in doubt. Step to the end. */
void terminal_hurry(struct terminal *terminal);

/* Call a few times a second while idle: moves the reader's supervision and the store's upkeep on.
 */
void terminal_idle(struct terminal *terminal);

/* After the answer was told (or could not be): refreshes and releases the card, and lets the store
 * tidy up. An answer of done that nobody got is given again to whoever asks for the same next. */
void terminal_finish(struct terminal *terminal, bool was_told);

/* The next request does not look for the card that was released last; while it still lies there it
 * is not seen. Only while no request is under way. */
void terminal_forget_released(struct terminal *terminal);

/* The answer of done about this intent was told (terminal_finish), and it turned out that whoever
 * asked went away without taking it: it is given again like one that could not be told. */
void terminal_untell(struct terminal *terminal, uint32_t sequence);

struct terminal_status {
    struct standing standing;
    enum st disk;          /* store_ready() */
    struct fault disk_say; /* when not ST_OK */
    struct journal_counts counts;
    struct loss loss;            /* of the unsent entries */
    int64_t oldest_unsent_age_s; /* of the oldest; -1 = none, or the clock cannot tell */
    uint64_t card_numbers_left;
    const char *reader_say;            /* "" = up */
    uint32_t list_version, list_cards; /* of the hotlist; 0 = none */
    int64_t list_age_s;                /* -1 = not known */
    bool list_is_old;                  /* sales may spend no more than list_spend_max ... */
    struct money list_spend_max;
    struct fault list_say;     /* what is wrong with the list; "" = nothing */
    uint32_t actions;          /* of the club, that this terminal holds for cards */
    struct fault actions_say;  /* why the last one that was met could not come; "" = it did, or none
                                  was met since the start */
    uint32_t operator_no;      /* signed in; 0 = nobody */
    const char *operator_role; /* "" = nobody */
    bool requires_sign_in;
    int64_t mandate_version;  /* 0 = the club has sent none */
    struct fault mandate_say; /* why the stored one is not believed; "" = nothing is wrong */
    bool has_quota;
    struct quota quota;          /* of the terminal: what is granted and used, in all and today */
    struct waiting_sums waiting; /* transfers that wait here */
    char sync_last_ok[32];       /* seconds since 1970 as text, "" = never */
    char sync_say[256];          /* why the last sync failed; "" = it did not */
    char certificate_say[256];   /* the terminal's certificate ends, or has ended; "" = neither */
    int64_t support_left_s;      /* support is on for so long; 0 = it is not */
    int64_t quiet_s; /* since a request did something, or the start; the till fills it in */
    int hour;        /* of the day here, -1 = the clock was not set */
};
void terminal_status(struct terminal *terminal, struct terminal_status *ret);

#endif
