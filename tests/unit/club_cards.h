/* club_cards.h - a club, terminals that hold its actions, and cards, all in memory but for the
 * club's database: for the tests of actions.
 *
 * What a terminal here does with an action is the engine's; what it holds is what the club's stream
 * said. The naive count of what cards took is kept beside (struct order). A failure asserts. */
#ifndef TESTS_UNIT_CLUB_CARDS_H
#define TESTS_UNIT_CLUB_CARDS_H

#include "hal/signed.h"
#include "server/actions.h"
#include "server/ledger.h"
#include "server/registry.h"
#include "server/report.h"
#include "server/schema.h"
#include "tests/bench/posting_model.h"

enum {
    WORLD_TERMINALS = 5,
    WORLD_CARDS = 8,
    WORLD_NUMBERS = 128, /* of actions on one card */
    WORLD_ORDERS = 400,
    WORLD_ROOM = 4000, /* entries of a terminal */
    WORLD_DOUBTS = 64, /* intents whose outcome is to come */
    WORLD_NOW = 1790001000,
};

/* A terminal's store of actions, and how far it has come with them and with the hotlist. */
struct holding {
    struct wire_actions_have have;
    struct wire_list_have list;
    bool is_there[WORLD_CARDS][WORLD_NUMBERS];
    uint8_t image[WORLD_CARDS][WORLD_NUMBERS][ACTION_BYTES];
};

/* What this test ordered, and what cards took of it by their own word. */
struct order {
    struct action_order order;
    char ref[32];
    uint64_t id;
    int card;
    int64_t taken;  /* what cards got by it in all, positive or negative */
    unsigned times; /* how often a card took it */
    bool is_withdrawn;
};

struct doubt {
    int t;
    struct entry intent;
    bool is_written;
};

struct world {
    char dir[40], path[64], copy[64];
    struct signer *signer;
    struct signed_key *key; /* the public one */
    struct db *db;
    struct ledger *ledger;
    struct actions *actions;
    struct programme *programme;
    struct wire_sync batch;
    struct ledger_result last;
    int64_t now_s;
    struct model_terminal terminals[WORLD_TERMINALS];
    struct holding holdings[WORLD_TERMINALS];
    uint32_t sent[WORLD_TERMINALS];
    struct model_card cards[WORLD_CARDS];
    struct order orders[WORLD_ORDERS];
    size_t order_count;
    struct doubt doubts[WORLD_DOUBTS];
    size_t doubt_count;
    unsigned seed;
    size_t items, sealed; /* of the stream, in all; those with a seal */
};

struct world *world_new(void);
void world_free(struct world *world);
unsigned world_draw(struct world *world, unsigned below);
/* Issues the cards at terminal 1 (from 0), with an opening credit, and syncs it. */
void world_issue(struct world *world, int cards);

/* Orders for a card; `amount` goes to the value where the kind has one. */
struct order *world_order(struct world *world, int card, enum action_kind kind, int64_t amount);
/* The same order once more, whatever became of it. */
void world_order_again(struct world *world, struct order *order);
enum st world_withdraw(struct world *world, struct order *order, struct fault *fault);

/* One tap: the actions that the terminal holds, at most four; then a load when `load` > 0. */
void world_tap(struct world *world, int t, int card, int64_t load);
/* The actions alone, without an outcome yet. False: nothing to apply. */
bool world_tap_cut(struct world *world, int t, int card, bool is_written);
/* The outcome of a doubt, as the terminal finds it at the card's next tap there. */
void world_settle(struct world *world, size_t doubt);

/* Sends what terminal `t` has and takes the club's news, until there is nothing more. */
void world_sync(struct world *world, int t);
/* The same without the news: the line was cut before the answer. */
void world_send(struct world *world, int t);

int64_t world_sql(struct world *world, const char *sql);
/* Of the order's action: 1 waiting, 2 applied, 3 ended, 4 returned, 5 stray (docs/club.md). */
int64_t world_state_of(struct world *world, const struct order *order);
/* What account `account` has in `book`. */
int64_t world_account(struct world *world, int book, int account);
/* Opens the club anew from its copy, which world_backup() made. */
void world_backup(struct world *world);
void world_restore(struct world *world);
/* Every terminal syncs twice, with a minute in between. */
void world_sync_all(struct world *world);

/* Gives the club's dump and the cards to tests/reference/vafa_reference.py, which counts it all
 * again. Not where a card took one order twice. */
void world_reference(struct world *world);

/* Zero sums, cards as the books say, and the accounts of actions as their own table says. */
void world_check(struct world *world);

#endif
