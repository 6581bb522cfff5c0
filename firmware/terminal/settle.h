/* settle.h - what became of an intent in doubt, judged from what its card shows.
 *
 * Pure. The card is the commit point, so only the card can tell; an interrupted write can leave
 * bits that read differently the next time, so nothing is decided from one reading. Tables with
 * every case: docs/tap.md, "What card and journal show"; tests/unit/test_tap.c walks them. */
#ifndef FIRMWARE_TERMINAL_SETTLE_H
#define FIRMWARE_TERMINAL_SETTLE_H

#include <stdbool.h>
#include <stddef.h>

#include "firmware/engine/entry.h"
#include "firmware/engine/plan.h"
#include "hal/card.h"

/* What one reading of a card shows about one pending intent. */
enum settle_shows {
    SHOWS_BEFORE, /* the state that the intent started from (activate: no snapshot yet) */
    SHOWS_AFTER,  /* the intent's own snapshot */
    SHOWS_OTHER,  /* the intent's counter, by another terminal or another intent of ours */
    SHOWS_BEYOND, /* a higher counter: only the card's history can tell */
    SHOWS_FORGED, /* none that an honest card can show: rolled back, or changed under our name */
    SHOWS_NONE,   /* no member card that can be judged: damaged, foreign, tampered */
    SETTLE_SHOWS
};

/* What two readings in a row prove. */
enum settle_verdict {
    SETTLE_ABSENT,     /* both before: the write is not there */
    SETTLE_DONE,       /* the write is there */
    SETTLE_FLICKERS,   /* half there: it reads differently; only writing it again makes it firm */
    SETTLE_OTHER,      /* another transaction took the counter: ours can never appear */
    SETTLE_LOOK_BACK,  /* read the history, then settle_trace() */
    SETTLE_FORGED,     /* a security event; the intent stays in doubt */
    SETTLE_UNREADABLE, /* the intent stays in doubt */
    SETTLE_VERDICTS
};

/* Who asks, seen from the intent in doubt. */
enum settle_asker {
    ASKER_SAME_TAP,  /* the request that made the intent is still being served */
    ASKER_SAME_WISH, /* a later request for the same thing: after "hold again", or a restart */
    ASKER_OTHER_WISH,
    SETTLE_ASKERS
};

/* What the tap does next about the intent. */
enum settle_act {
    SETTLE_WRITE_AGAIN,   /* commit the intent's own snapshot once more */
    SETTLE_GIVE_UP,       /* outcome not done, then go on with what is asked */
    SETTLE_ANSWER_DONE,   /* outcome done, and that is the answer: never do it twice */
    SETTLE_NOTE_DONE,     /* outcome done, then go on with what is asked */
    SETTLE_NOTE_NOT_DONE, /* outcome not done (another's counter), then go on */
    SETTLE_NOTE_LEFT,     /* outcome left to the club, then go on */
    SETTLE_ANSWER_LEFT,   /* outcome left to the club; answer that nobody may act on it */
    SETTLE_HISTORY,       /* read the history first */
    SETTLE_STOP,          /* leave it in doubt and answer what is wrong with the card */
    SETTLE_ISSUE_FIRST,   /* leave it in doubt: who began to issue this card must go on first */
    SETTLE_ACTS
};

/* True when the two snapshots are the same bit for bit. */
bool settle_same(const struct snapshot *a, const struct snapshot *b);

/* `intent` is a pending ENTRY_INTENT; `view` a reading of a card with its number or UID. */
enum settle_shows settle_shows(const struct entry *intent, const struct card_view *view);

enum settle_verdict settle_judge(enum settle_shows first, enum settle_shows second);

/* Looks the intent's counter up in a card's history, newest first. *ret_verdict is SETTLE_DONE or
 * SETTLE_OTHER when this is true; false: the history does not reach back to it. */
bool settle_trace(const struct entry *intent, const struct snapshot *history, size_t count,
                  enum settle_verdict *ret_verdict);

/* True when `wish` asks for what the intent does; of a sale, with the same lines and code as
 * `basket` has (NULL: whatever they are). An amount of 0 in a refund or unload asks for whatever
 * was left, which is what the intent took. */
bool settle_is_same_wish(const struct entry *intent, const struct wish *wish,
                         const struct occasion *basket);

/* `is_issue`: the intent issues the card. `asks_issue`: so does the request. */
enum settle_act settle_act(enum settle_verdict verdict, enum settle_asker asker, bool is_issue,
                           bool asks_issue);

#endif
