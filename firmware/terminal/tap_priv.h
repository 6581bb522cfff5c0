/* tap_priv.h - what the files of the tap share: tap.c takes events and settles what is in doubt,
 * tap_serve.c does what is asked on a card that nothing is in doubt about, tap_errand.c what comes
 * before that, tap_act.c makes the acts and answers.
 *
 * Private to firmware/terminal/tap*.c. Each enum tap_next is what tap_step() then returns. */
#ifndef FIRMWARE_TERMINAL_TAP_PRIV_H
#define FIRMWARE_TERMINAL_TAP_PRIV_H

#include "firmware/terminal/tap.h"

/* --- tap_act.c ------------------------------------------------------------------------------ */

enum tap_next tap_go(struct tap *tap, enum tap_state state, enum tap_act_kind kind,
                     struct tap_act *ret_act);
/* Journals what was planned and stages it; `before` is NULL for an issue, which is not staged. */
enum tap_next tap_go_intent(struct tap *tap, enum tap_aim aim, const struct snapshot *before,
                            const struct plan *plan, uint32_t refers_counter,
                            const struct occasion *occasion, struct tap_act *ret_act);
/* The programme in force uses `what`, a bit of enum programme_uses. */
bool tap_uses(const struct tap *tap, unsigned what);
/* Looks for a card: any at first, the same one once an intent is open. */
enum tap_next tap_go_read(struct tap *tap, struct tap_act *ret_act);
/* Reads the card that was just read a second time. */
enum tap_next tap_go_confirm(struct tap *tap, struct tap_act *ret_act);
/* Writes the open intent. */
enum tap_next tap_go_write(struct tap *tap, struct tap_act *ret_act);
enum tap_next tap_go_outcome(struct tap *tap, const struct entry *intent,
                             enum entry_verdict verdict, enum entry_evidence evidence,
                             enum tap_then then, struct tap_act *ret_act);
enum tap_next tap_go_sighting(struct tap *tap, enum tap_then then, struct tap_act *ret_act);

/* Ends the tap without success. `say` NULL: what the reason says. While the card may carry what was
 * asked, only "hold again" is true, whatever else went wrong. */
enum tap_next tap_fail(struct tap *tap, enum tap_reason reason, const struct fault *say,
                       struct tap_act *ret_act);
enum tap_next tap_answer(struct tap *tap, enum tap_outcome outcome, enum tap_reason reason,
                         struct tap_act *ret_act);
/* The card carries `intent`: its figures are the answer. */
enum tap_next tap_answer_done(struct tap *tap, const struct entry *intent, struct tap_act *ret_act);
/* What the card says. */
enum tap_next tap_answer_unchanged(struct tap *tap, struct tap_act *ret_act);
/* What is wrong with the card. */
enum tap_next tap_answer_condition(struct tap *tap, struct tap_act *ret_act);

/* --- tap_serve.c ---------------------------------------------------------------------------- */

/* Nothing is in doubt (any more): does what is asked, errands first. */
enum tap_next tap_serve(struct tap *tap, struct tap_act *ret_act);
/* Plans the request on the card just read; `history` is newest first, none for an issue. */
enum tap_next tap_plan(struct tap *tap, const struct snapshot *history, size_t count,
                       const struct breakdown *sale_parts, struct tap_act *ret_act);
/* Answers what the card says, which needs nothing more than its history. */
enum tap_next tap_read_out(struct tap *tap, struct tap_act *ret_act);
bool tap_is_reading(const struct tap *tap);
/* A blank card is wanted: it is issued, or takes another's place. */
bool tap_asks_issue(const struct tap *tap);
/* Neither reads nor issues. */
bool tap_changes_a_card(const struct tap *tap);
bool tap_asks_facts(const struct tap *tap);
bool tap_is_issuable(const struct tap *tap);
/* True when the card contradicts what this terminal has seen of it: an older state, or another
 * state with the same counter. An honest card only moves forward. */
bool tap_is_rolled_back(const struct tap *tap);
/* True when `intent` is of the same wish as the request. Lines and code are numbers of a programme:
 * after a new one they cannot be compared, and the same amounts are the same wish, so that nothing
 * is charged twice. */
bool tap_is_same_wish(const struct tap *tap, const struct entry *intent);
/* The day of a card's minute, as a card has days; 0 = not known. */
uint16_t tap_day(const struct tap *tap, uint32_t minute);
void tap_add_basket(struct occasion *occasion, const struct tap_request *request);

/* --- tap_take_over.c: one card in the place of another ---------------------------------------- */

/* What the intents of both halves say beside the plan. */
void tap_add_legacy(struct occasion *occasion, const struct tap_request *request);
/* The card was moved out by this terminal: for ever closed. */
bool tap_has_left(const struct tap *tap);
/* Whose card it is, by what it says of itself: the number that is theirs for life; 0 = not known.
 */
uint64_t tap_account_of(const struct card_identity *identity);

/* --- tap_errand.c: what comes before the request ---------------------------------------------- */

/* Begins what has to be done with the card first, or ends the tap because of it; *ret_next is what
 * tap_step() returns. False: there is nothing (more) to do, and nothing has changed. */
bool tap_errand_begin(struct tap *tap, struct tap_act *ret_act, enum tap_next *ret_next);
/* The open intent, an errand's, is on the card: goes on. */
enum tap_next tap_errand_done(struct tap *tap, bool is_stored, struct tap_act *ret_act);
/* Notes what came onto the card by `intent`, if it is one of the club's actions. */
void tap_note_arrived(struct tap *tap, const struct entry_intent *intent);
/* The journal did not take the errand's intent: nothing has happened. */
enum tap_next tap_errand_not_begun(struct tap *tap, struct tap_act *ret_act);

#endif
