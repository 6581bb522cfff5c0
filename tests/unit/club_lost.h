/* club_lost.h - lost cards in the world of club_cards.h: what terminals do with them, and what the
 * club says then. A failure asserts. */
#ifndef TESTS_UNIT_CLUB_LOST_H
#define TESTS_UNIT_CLUB_LOST_H

#include "server/accounts.h"
#include "server/lost.h"
#include "tests/unit/club_cards.h"

enum { LOST, NEW, OTHER }; /* places in world->cards; LOST is issued with 500,000 rials */

int lost_setup(void **state);
int lost_teardown(void **state);

/* --- what terminals do (t from 0) ----------------------------------------------------------- */

uint64_t card_no(const struct world *world, int card);
/* A basket of whole millions, of which `pay` is paid by card: 10 points each. */
void sell(struct world *world, int t, int card, int64_t millions, int64_t pay);
/* The head of the terminal's next entry. */
struct entry head_of(const struct world *world, int t, enum entry_kind kind);
uint32_t report_card(struct world *world, int t, uint64_t card, enum report_event event);
/* Both halves of a duplicate; each returns its entry. */
uint32_t duplicate_out(struct world *world, int t, int card);
uint32_t duplicate_in(struct world *world, int t, int card, int old, uint32_t first, int64_t credit,
                      int64_t points);
void replace_card(struct world *world, int t, int card, int old, int64_t credit, int64_t points);
/* All of them sync until everything is heard and released. */
void settle_everywhere(struct world *world);

/* --- what the club says --------------------------------------------------------------------- */

int64_t sql_of(struct world *world, const char *format, uint64_t card);
int64_t listing_of(struct world *world, int card);
int64_t cases_of(struct world *world, const char *why);
/* A figure of lost_object(). */
int64_t lost_figure(struct world *world, int card, const char *name);
/* That the card carries so much, and the books balance. */
void expect_card(struct world *world, int card, int64_t credit, int64_t points);
void expect_account(struct world *world, enum account which, int64_t credit, int64_t points);

#endif
