/* lostcard.h - lost cards at the counter: reported, found again, replaced.
 *
 * A report is an entry; from then on this terminal refuses the card (successors.h), and others when
 * the club has told them. A replacement is a blank card that takes over what may be known of the
 * lost one (engine/replace.h). One thread; no state of its own. Why so:
 * docs/decisions/0015-lost-cards.md. Statuses that are not named are the store's. */
#ifndef FIRMWARE_TERMINAL_LOSTCARD_H
#define FIRMWARE_TERMINAL_LOSTCARD_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/engine/replace.h"
#include "firmware/terminal/members.h"

/* A card that somebody names, and how. */
struct lost_named {
    uint64_t card_number;
    enum report_how how;
    uint32_t operator_no;
    bool is_bare; /* replace: nothing goes onto the new card now, all of it comes by the club */
};

/* What came of it, or would. */
struct lost_answer {
    uint64_t card_number;
    uint32_t sequence; /* of the report; 0 = none was needed */
    bool is_earlier;   /* it was reported before: nothing was noted */
    bool has_share;    /* replace: these two */
    struct lost_card known;
    struct replacement share;
};

/* Notes that the card is lost, or was found again.
 * ST_OK       durable, or so noted before; *say is for the cashier.
 * ST_REFUSED  *say says why not: no such card, replaced, nobody said that it was lost. */
ST_CHECK enum st lostcard_report(const struct members *members, const struct lost_named *named,
                                 enum report_event event, struct lost_answer *ret,
                                 struct fault *say);

/* What is known of the card, what would go onto another one now, and what the club could lose.
 * Changes nothing. ST_OK: *say tells all that. ST_REFUSED: it cannot be replaced. */
ST_CHECK enum st lostcard_weigh(const struct members *members, const struct lost_named *named,
                                struct lost_answer *ret, struct fault *say);

/* Reports the card, if nobody has, and completes *tap, a TAP_TAKE_OVER, and the member whose card
 * it is going to be (terminal_attach_member). `said` is what the member says of what the card
 * shows; it is wiped. ST_OK: begin the tap. */
ST_CHECK enum st lostcard_replace(const struct members *members, const struct lost_named *named,
                                  struct joining *said, struct tap_request *tap,
                                  struct lost_answer *ret, struct fault *say);

/* The second half of a duplicate, whose first is the entry `sequence`: completes *tap and the
 * member likewise. `name` is what the old card said, "" = not known any more. Whoever gives a
 * national code or a phone becomes a member with this card. */
ST_CHECK enum st lostcard_duplicate(const struct members *members, uint32_t sequence,
                                    const char *name, struct joining *said, struct tap_request *tap,
                                    struct fault *say);

#endif
