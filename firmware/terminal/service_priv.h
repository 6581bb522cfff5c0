/* service_priv.h - between service.c, which takes a request from its beginning to its end, and the
 * files that do its parts. For nobody else. */
#ifndef FIRMWARE_TERMINAL_SERVICE_PRIV_H
#define FIRMWARE_TERMINAL_SERVICE_PRIV_H

#include "firmware/terminal/issuing.h"
#include "firmware/terminal/known.h"
#include "firmware/terminal/refusals.h"
#include "firmware/terminal/service.h"
#include "firmware/terminal/witness.h"

enum {
    UNANSWERED_MAX = 8, /* the programs that may be connected could all hang up on one each */
    BEGUN_MAX = 32,
};

/* An intent of this process, by the clock that nobody can set. */
struct begun {
    uint32_t sequence; /* 0: none */
    bool was_told;     /* the till got an answer of done */
    int64_t at_ms;
};

struct terminal {
    struct terminal_config config;
    struct standing standing;
    struct hotcheck hotcheck;
    struct known known;
    struct fault list_said;      /* what was last logged about the hotlist */
    struct fault actions_said;   /* why the last action that was met could not come */
    uint32_t actions;            /* held, when they were last counted */
    struct waiting_sums waiting; /* likewise, of transfers */
    struct loss loss;            /* kept, so that a status costs no more than what is new */
    bool was_reader_up;
    bool has_started; /* this process's start entry is in the journal */

    /* Intents that are done and whose answer nobody may have got, one a card, the newest last. */
    struct entry unanswered[UNANSWERED_MAX];
    size_t unanswered_count;
    struct begun begun[BEGUN_MAX]; /* a ring: what this process began lately */
    size_t begun_next;
    bool is_untold_changed;

    bool is_busy, is_cancelled, has_read;
    int64_t deadline_ms;
    struct tap tap;
    struct receipt receipt; /* of the newest plan, also of an earlier request */
    struct tap_act act;     /* the act to do next, or the answer */

    struct session session; /* who is signed in */
    int64_t date_ahead_s;   /* of the clock that only grows, at the last look */
    struct quota quota;     /* of the card of the last look */
    bool has_member;        /* the issue under way, or about to begin, brings one */
    struct entry_member member;
    struct issuing issuing;

    struct witness witness;
    struct refusals refusals;
    struct card_view view; /* of the last reading */
    struct tap_look look;
    struct tap_known said; /* by the card of itself */
    struct snapshot history[CARD_HISTORY_MAX];
    struct entry noted[CARD_HISTORY_MAX]; /* while they are on their way to the journal */
    struct entry sold; /* the sale that a refund names, when find_sale() found it */

    /* The card that was released last. Releasing halts it, so while it still lies there only a
     * select with its UID finds it: every second look for any card is for that one. */
    uint8_t released[CARD_UID_MAX];
    size_t released_bytes;
    bool is_turn_of_released;
};

_Static_assert((int)CARD_HISTORY_MAX <= (int)PLAN_HISTORY_MAX, "a plan takes what a card can hold");

/* --- service.c ------------------------------------------------------------------------------ */

void service_log(const struct terminal *terminal, const char *event, const char *text);
/* What the store says of what was not done. */
void service_log_store(const struct terminal *terminal, const char *what);

/* Fills in what only the journal and the clock know, and appends. An intent has planned its
 * sequence into the card's snapshot already. Uses nothing but the store: it may run beside card
 * work. */
ST_CHECK enum st service_append_quietly(struct terminal *terminal, struct entry *entry);
/* The same, and logs what fails. */
ST_CHECK enum st service_append(struct terminal *terminal, struct entry *entry);
/* The first thing that an enrolled process writes. */
ST_CHECK enum st service_append_start(struct terminal *terminal);

/* Whom a request is by, and on what, for its limits. */
struct quota_about service_about(const struct terminal *terminal, uint32_t operator_no,
                                 uint64_t card_number);
/* What is known of the hotlist now, and a line in the log when that has changed. */
void service_refresh_list(struct terminal *terminal);

/* --- service_acts.c: does what tap_step() says ---------------------------------------------- */

struct tap_event service_do(struct terminal *terminal, const struct tap_act *act);

/* --- service_untold.c: answers that perhaps nobody got -------------------------------------- */

/* This process has begun an intent. */
void untold_begin(struct terminal *terminal, uint32_t sequence);
/* A pending intent whose answer was told all the same (the disk could not take its outcome) is no
 * request that is asked again. */
bool untold_may_be_asked_again(struct terminal *terminal, const struct entry *pending);
/* Whether something done on the card waits to be told, into `look`. */
void untold_look(struct terminal *terminal, uint64_t number, struct tap_look *look);
/* The list that an earlier process left. What does not name an intent is left out. */
ST_CHECK enum st untold_load(struct terminal *terminal);
/* What the process before this one did last: if the journal ends with an outcome done, it may have
 * died before it answered. */
ST_CHECK enum st untold_find_last(struct terminal *terminal);
/* What was done is now told, or not: in memory at once ... */
void untold_note(struct terminal *terminal, bool was_told);
/* ... and on the disk when the card is released. */
void untold_save(struct terminal *terminal, bool was_told);

/* --- service_operators.c: who works here ---------------------------------------------------- */

/* At the start: hours that cannot be counted any more, since the clock lost its time, are over. */
ST_CHECK enum st service_end_support(struct terminal *terminal);
/* The hours of support go on when the date is set. What fails is tried again with the next look. */
void service_follow_date(struct terminal *terminal);
/* Brings the session up to date; who is signed out by that is noted, if the disk takes it. */
ST_CHECK enum st service_refresh_session(struct terminal *terminal);

/* --- service_after.c: what is left to do with a card when its answer is told ---------------- */

/* What the card remembers is kept for later programmes, too. */
void service_keep_facts(struct terminal *terminal);
/* Notes what the card's ring tells of transactions that are not in the journal. */
void service_witness(struct terminal *terminal);
/* Tells the club of an action that was refused in this tap. */
void service_note_refused(struct terminal *terminal);

#endif
