/* tap.h - one request and one card: what to do next, as a pure state machine.
 *
 * No I/O, clock or allocation; the caller owns the struct. tap_step() takes what the last act
 * brought and gives the next act; firmware/terminal/service_acts.c does the acts. Start and resume
 * are one path: every card is looked up in the journal first, and an intent in doubt is settled
 * from the card before anything new is planned. Tables: docs/tap.md; tests/unit/test_tap.c walks
 * them.
 *
 * What never breaks: an intent is durable before the last write to its card, which commits, is
 * sent (what comes before that write may be staged while the disk is at work); nothing is answered
 * "done" that the card was not read back to carry; while the card may or may not carry it, the
 * answer is "hold again" and the intent stays in the journal. */
#ifndef FIRMWARE_TERMINAL_TAP_H
#define FIRMWARE_TERMINAL_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/action.h"
#include "firmware/engine/entry.h"
#include "firmware/engine/explain_text.h"
#include "firmware/engine/plan.h"
#include "firmware/engine/programme.h"
#include "firmware/terminal/quota.h"
#include "firmware/terminal/receipt.h"
#include "firmware/terminal/settle.h"
#include "hal/card.h"

/* How often a card that contradicts itself or the journal is read again before it is refused. */
enum { TAP_REREADS_MAX = 4 };
/* How many writes that were surely not sent are tried in one tap before the card is given up: the
 * card lies there and cannot be written. */
enum { TAP_UNWRITTEN_MAX = 5 };

enum tap_do {
    TAP_SALE,
    TAP_LOAD,
    TAP_REFUND,
    TAP_UNLOAD,
    TAP_ISSUE,
    TAP_TRANSFER,
    TAP_DUPLICATE, /* all that the card has leaves it, for another card */
    TAP_TAKE_OVER, /* a blank card takes the place of another one */
    TAP_BALANCE,
    TAP_HISTORY,
};

/* What a card that takes another's place has from it, beside the wish. */
struct tap_legacy {
    bool has_facts;
    struct facts facts; /* what that one remembered, at counter 1 */
    uint64_t account;   /* whose it is, 0 = not known */
};

struct tap_request {
    enum tap_do what;
    struct wish wish;              /* not for balance and history */
    struct card_identity identity; /* issue, take over; the tap fills in the number */
    struct tap_legacy legacy;      /* take over */
    bool is_look; /* balance: only to know which card it is, so nothing is done to a listed one */
    struct occasion basket; /* sale: lines and code by the programme's numbers; issue: the
                               newcomer; nothing else of it is read */
    uint32_t operator_no;
    enum explain_language language; /* of the receipt's lines */
};

/* Where the tap stands: which act it waits for. */
enum tap_state {
    TAP_IDLE,    /* nothing asked */
    TAP_WAIT,    /* a card is being looked for; no intent of this tap is open */
    TAP_LOOK,    /* the journal is being asked about the card */
    TAP_CONFIRM, /* the card is being read a second time */
    TAP_TRACE,   /* its history is being read, to settle */
    TAP_KNOW,    /* what it remembers, or who its member is, is being read */
    TAP_SIGHT,   /* a sighting is being appended */
    TAP_LIST,    /* its history is being read, for the plan or the answer */
    TAP_INTENT,  /* an intent is being appended */
    TAP_COMMIT,  /* the card is being written */
    TAP_OUTCOME, /* an outcome is being appended */
    TAP_HOLD,    /* an intent is open: the same card is being looked for */
    TAP_OVER,    /* answered */
    TAP_STATES
};

enum tap_event_kind {
    TAP_EVENT_START,        /* request */
    TAP_EVENT_CARD,         /* view: a card was read */
    TAP_EVENT_NO_CARD,      /* none in the field */
    TAP_EVENT_GONE,         /* it left during the act */
    TAP_EVENT_READER,       /* the reader is away */
    TAP_EVENT_TIME_UP,      /* the request's time is over, or nobody waits any more */
    TAP_EVENT_LOOKED,       /* look: what the journal knows */
    TAP_EVENT_HISTORY,      /* history: older snapshots, newest first */
    TAP_EVENT_STORED,       /* the entry is durable */
    TAP_EVENT_STORE_FAILED, /* it is not, or the journal could not be asked */
    TAP_EVENT_WRITTEN,      /* the card carries the snapshot */
    TAP_EVENT_UNWRITTEN,    /* it surely does not */
    TAP_EVENT_KNOWN,        /* known: what TAP_ACT_KNOW asked the card for */
    TAP_EVENTS
};

/* Why something from the club is not done to the card yet. */
struct tap_waits {
    struct fault say; /* "" = nothing waits */
    bool is_forged;   /* a security event: not by the club, or not for this card */
};

/* What the journal and the settings know when a card was read. All by value. */
struct tap_look {
    bool has_pending;
    struct entry pending;   /* an intent in doubt, of the card's number or (an issue) of its UID */
    bool is_pending_recent; /* planned so lately that the same wish now is the same request */
    bool is_pending_anothers; /* it issues a card, and the request does so for somebody else */
    bool has_unanswered;
    struct entry
        unanswered; /* the card's last intent here, done, whose answer nobody may have got */
    bool is_unanswered_anothers; /* likewise */
    bool has_seen;
    struct snapshot seen; /* the newest state that this terminal knows of the card */
    uint32_t terminal;
    uint32_t sequence;    /* the next entry's */
    uint32_t minute;      /* the card's clock */
    uint64_t free_number; /* issue: the next card number; 0 = the range is used up or not set */
    uint8_t listing;      /* why the card is on the hotlist, engine/listing.h; 0 = it is not */
    bool has_spend_max;   /* the hotlist is too old: a sale may spend no more than ... */
    struct money spend_max;
    const struct quota *quota;             /* the limits that hold; NULL: none */
    struct action actions[ACTION_RUN_MAX]; /* the club's, that wait for this card: sealed, its own,
                                              in the order of their numbers */
    size_t action_count;
    struct tap_waits waits; /* what is wrong with the one behind them; "" = nothing is known */
    struct entry_refused refused; /* that one, when it is to be told to the club; why 0: none */
    struct fault untakable; /* transfer into the card, take over: why no card may take it now; "" =
                               it may */
    struct occasion occasion; /* what else a plan looks at, as far as it is known without the card:
                                 facts, identity, place; all zeros = nothing */
};

/* What the card says of itself. */
struct tap_known {
    bool has_facts; /* they were asked for, and are known; at the newest snapshot's counter */
    struct facts facts;
    bool has_identity; /* it was asked for, and is sound */
    struct card_identity identity;
};

struct tap_event {
    enum tap_event_kind kind;
    union {
        const struct tap_request *request;
        const struct card_view *view;
        const struct tap_look *look;
        struct {
            const struct snapshot *snapshots;
            size_t count;
            const struct breakdown *sale_parts; /* of the sale that a refund names, when this
                                                   terminal made it; NULL: it has no record */
        } history;
        const struct tap_known *known;
    };
};

enum tap_act_kind {
    TAP_ACT_NONE,
    TAP_ACT_READ,    /* uid, uid_bytes: that card; uid_bytes 0: any */
    TAP_ACT_LOOK_UP, /* the journal, about the card of the last TAP_EVENT_CARD */
    TAP_ACT_HISTORY,
    TAP_ACT_KNOW,   /* asks_facts, asks_identity, at least one of them */
    TAP_ACT_APPEND, /* entry; the caller fills in sequence, time, clock and terminal */
    TAP_ACT_INTENT, /* the same, and meanwhile, or before or after it, stages `snapshot` on the
                       card (hal/card.h prepare). Only the entry decides what it brings. */
    TAP_ACT_COMMIT, /* snapshot; has_facts: `facts` is what the card is to remember after it;
                       has_particulars: what it is to say of itself from then on (hal/card.h amend)
                     */
    TAP_ACT_ISSUE,  /* snapshot and identity */
    TAP_ACT_ANSWER, /* answer; then refresh (if told) and release the card */
};

/* What the shopper and the cashier should do meanwhile. */
enum tap_say {
    TAP_SAY_HOLD,       /* hold a card on the reader */
    TAP_SAY_HOLD_AGAIN, /* hold the same card again: it is not known yet */
    TAP_SAY_TOO_EARLY,  /* hold the same card again: it left before it was changed */
    TAP_SAY_READER,     /* the reader is away */
    TAP_SAY_WORKING,    /* keep the card there */
    TAP_SAY_SCAN,       /* scan a tag or code, or hold it on the reader */
};

enum tap_outcome { TAP_DONE, TAP_NOT_DONE, TAP_HOLD_AGAIN };

/* Why not, as a word for programs; words: tap_reason_word(). */
enum tap_reason {
    TAP_REASON_NONE,
    TAP_REASON_REFUSED,
    TAP_REASON_NO_CARD,
    TAP_REASON_BLANK,
    TAP_REASON_FOREIGN,
    TAP_REASON_DAMAGED,
    TAP_REASON_TAMPERED,
    TAP_REASON_READER,
    TAP_REASON_DISK,
    TAP_REASON_BUSY,
    TAP_REASON_BAD_REQUEST,
    TAP_REASON_PROGRAMME,
    TAP_REASON_HOTLISTED,
    TAP_REASON_MEDIUM,     /* a tag, code or number: says who, carries nothing */
    TAP_REASON_LIMIT,      /* a limit would be passed (docs/limits.md) */
    TAP_REASON_SIGN_IN,    /* nobody is signed in who may do this */
    TAP_REASON_NOT_LINKED, /* find: no card is known for this medium */
    TAP_REASON_CONFIRM,    /* replace: what it would come to; nothing was done */
};

/* Something from the club that came onto the card in this tap. */
struct tap_arrived {
    struct action action;
    int64_t moved; /* rials or points that it put on or took off */
};
enum { TAP_ARRIVED_MAX = 8 }; /* that are told one by one */

struct tap_answer {
    enum tap_outcome outcome;
    enum tap_reason reason;
    struct fault say;     /* for the cashier */
    uint64_t card_number; /* 0 = no member card was read */
    bool has_snapshot;
    struct snapshot snapshot; /* what the card carries now */
    uint8_t listing;          /* why it is on the hotlist, engine/listing.h; 0 = it is not */
    bool has_parts;
    struct breakdown parts; /* of the transaction, when done */
    bool is_earlier;        /* done by an earlier request for the same thing; not done again */
    bool is_unsaved;        /* done, and the outcome could not be journalled: stop selling */
    bool refresh;           /* the card was written: refresh it before releasing it */
    struct points
        expired; /* points that went by date in this tap, before what was asked; 0: none */
    struct tap_arrived arrived[TAP_ARRIVED_MAX]; /* before what was asked, also when that is not
                                                    done; voids are left out */
    size_t arrived_count, arrived_more;          /* kept here; that found no room */
    struct tap_waits waits;
    const struct programme *programme; /* to say amounts in its unit: the tap's, NULL: none */
    enum explain_language language;
    const struct receipt *lines;    /* of the transaction, when done and still known: tap.receipt */
    const struct snapshot *history; /* request history: points into the tap */
    size_t history_count;
    bool has_settled; /* an earlier intent was settled on the way, and how */
    enum entry_verdict settled;
    struct entry settled_intent;
};

struct tap_act {
    enum tap_act_kind kind;
    enum tap_say say;
    uint8_t uid[CARD_UID_MAX];
    size_t uid_bytes;
    struct entry entry;
    struct snapshot snapshot;
    struct card_identity identity;
    bool asks_facts, asks_identity, has_facts;
    struct facts facts;
    bool has_particulars;
    struct action_particulars particulars;
    struct tap_answer answer;
};

/* What an intent of this tap is for. All but the request itself come before it, planned, journalled
 * and committed like anything else; nothing of what was asked has happened by then. */
enum tap_aim {
    TAP_AIM_REQUEST,
    TAP_AIM_BLOCK,   /* the card is on the hotlist: then it is refused */
    TAP_AIM_ACTIONS, /* the club's actions that waited for the card */
    TAP_AIM_EXPIRY,  /* points are over */
};

/* What follows an outcome that is being appended. */
enum tap_then {
    TAP_THEN_GO_ON,      /* look the card up again, with what was asked */
    TAP_THEN_DONE,       /* the open intent is on the card: answer done, or go on by its aim */
    TAP_THEN_NOT_DONE,   /* answer that the card was not there long enough */
    TAP_THEN_CONDITION,  /* answer what is wrong with the card */
    TAP_THEN_UNWRITABLE, /* answer that this card cannot be written */
    TAP_THEN_LEFT,       /* answer that the club has to decide */
    TAP_THEN_TAMPERED,   /* (sighting) refuse the card */
    TAP_THEN_UNCHANGED,  /* (sighting) answer what the card says */
};

struct tap {
    enum tap_state state;
    const struct programme *programme; /* in force during this tap; NULL: none */
    struct receipt *receipt; /* the newest plan's lines; NULL: nobody wants any. The caller's: set
                                it after tap_init(), and keep it over taps, so that an answer of
                                `earlier` has its lines as long as nothing else was planned */
    struct tap_request request;
    struct card_view view;  /* last reading */
    struct card_view first; /* the reading before it, in TAP_CONFIRM */
    struct tap_look look;
    unsigned rereads, unwritten;
    bool reader_is_away;

    bool has_intent;     /* an intent is open in this tap: `intent` is in the journal ... */
    bool is_in_doubt;    /* ... and the card may carry it */
    bool is_repair;      /* ... made by an earlier request; it is being written again */
    bool is_own;         /* ... made by this very request */
    enum tap_aim aim;    /* of the newest intent */
    bool has_asked;      /* the card of `view` was asked for facts or identity ... */
    bool are_facts_lost; /* ... and does not know its facts: a new checkpoint may be begun */
    bool has_facts;      /* what the card is to remember after `intent` */
    struct facts facts;
    struct entry intent; /* valid when has_intent, or after an answer of done */

    enum tap_then then;
    struct tap_answer answer; /* under construction: settled, parts */
    struct snapshot history[PLAN_HISTORY_MAX];
    size_t history_count;
};

enum tap_next {
    TAP_GO,       /* do the act and feed back what it brought */
    TAP_END,      /* the act is the final answer */
    TAP_REJECTED, /* this event cannot come in this state: a bug in the caller; nothing changed */
};

/* Makes an idle tap; `programme` (may be NULL: sales are then refused) must outlive it. */
void tap_init(struct tap *tap, const struct programme *programme);

/* Takes what happened and says what to do. *ret_act is untouched when TAP_REJECTED. */
enum tap_next tap_step(struct tap *tap, const struct tap_event *event, struct tap_act *ret_act);

/* True while the time limit applies: the tap only waits for a card. Feed TAP_EVENT_TIME_UP in
 * place of what the reader said once the time is over. */
bool tap_is_waiting(const struct tap *tap);

/* "refused", "no_card", ...; "" for none. Never NULL. */
const char *tap_reason_word(enum tap_reason reason);

#endif
