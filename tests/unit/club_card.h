/* club_card.h - a card, two terminals and a club, for tests of what the club makes of their
 * journals.
 *
 * A tap plans by the card's occasion and journals intent and outcome as a terminal does; the card's
 * facts go on with it. The club gets the journals when a test says so. */
#ifndef TESTS_UNIT_CLUB_CARD_H
#define TESTS_UNIT_CLUB_CARD_H

#include "server/ledger.h"
#include "tests/bench/posting_model.h"
#include "tests/unit/plan_card.h"

enum { CLUB_CARD_NOW = 1790001000, CLUB_CARD_FAMILY = 1, CLUB_CARD_TERMINALS = 2 };

struct club_card {
    char path[64];
    struct db *db;
    struct ledger *ledger;
    struct programme *programme; /* in force: version 1, until a test changes it */
    struct model_terminal terminals[CLUB_CARD_TERMINALS];
    struct model_terminal *at; /* where taps are made; the first */
    struct card card;
    struct wire_sync batch;
    struct ledger_result last;
};

/* A club with the programme of plan_card.h's club(patch), two terminals, and a card to be issued.
 */
struct club_card *club_card_open(const char *patch);
void club_card_close(struct club_card *world);
/* The programme as version `version`, at the club and in force. */
void club_card_programme(struct club_card *world, const char *patch, uint32_t version);

int64_t club_card_number(struct club_card *world, const char *sql);
/* The wish must be planned. */
void club_card_tap(struct club_card *world, struct wish wish);
/* The intent of what world->card.plan holds, made at world->at. */
struct entry club_card_intent(const struct club_card *world, uint32_t refers_counter);
/* Journals it as done, and the card carries it. */
void club_card_done(struct club_card *world, struct entry *intent);
void club_card_sell(struct club_card *world, int64_t amount, int64_t pay, int64_t redeem);
/* The club takes what `terminal` journalled after entry `after`. */
void club_card_sync(struct club_card *world, const struct model_terminal *terminal, uint32_t after);

#endif
