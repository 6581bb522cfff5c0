/* accounts.h - the chart of accounts: where the other half of a card's change is booked.
 *
 * Pure. Every posting sums to zero in each book: the card's own leg is its delta, the other legs go
 * to the accounts below, under the merchant whose terminal did it. A positive amount is what the
 * club owes to the holder, a negative one what the club may claim from them. Table with examples:
 * docs/club.md 4. Account and book numbers are in the database: never renumber. */
#ifndef SERVER_ACCOUNTS_H
#define SERVER_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/entry.h"

/* The books. The first four are a card's purses, in the order of b0..b3 and d0..d3. */
enum book {
    BOOK_POINTS,
    BOOK_CREDIT,
    BOOK_GIFT,
    BOOK_VOUCHER,
    BOOK_SETTLEMENT, /* rials between club and merchants that are in no purse */
    BOOKS,
};
enum { CARD_BOOKS = 4 };

enum account {
    ACCOUNT_TAKEN = 1,       /* any purse: cash that the merchant took for loads, and owes */
    ACCOUNT_OPENING = 2,     /* any purse: the same for what a card was issued with */
    ACCOUNT_OWED = 3,        /* any purse: sales paid by card; the club owes them to the merchant */
    ACCOUNT_ISSUED = 4,      /* points: awarded at the merchant */
    ACCOUNT_REDEEMED = 5,    /* points: spent at the merchant */
    ACCOUNT_REDEMPTION = 6,  /* settlement: what spent points paid for; owed to the merchant */
    ACCOUNT_COST = 7,        /* settlement: the same, as the club's cost */
    ACCOUNT_UNEXPLAINED = 8, /* any: a card's change that its parts do not explain; has a case */
    ACCOUNT_CASHBACK = 9,    /* credit: given on a sale at its full price; the merchant owes it */
    ACCOUNT_EXPIRED = 10,    /* points: gone by date */
    ACCOUNT_RECOVERED = 11,  /* any: a change read off cards, whose parts the card does not tell */
    ACCOUNT_BONUS = 20,      /* credit: what loads put on beyond the cash that was taken */
    ACCOUNT_CLONED = 12, /* any: in place of the card, what a clone of it did: the club's loss */
    ACCOUNT_BON = 30,    /* settlement: an organisation's voucher was taken; owed to the merchant */
    ACCOUNT_BON_COST = 31,  /* settlement: the same, as the organisation's cost */
    ACCOUNT_BON_TWICE = 32, /* settlement: likewise, of one that was used before; has a case */
    ACCOUNT_PENDING = 13,   /* any purse: actions that wait for their card */
    ACCOUNT_GIVEN = 14,     /* any purse: what givers of actions put in, less what came back */
    ACCOUNT_TRANSIT = 15,   /* any purse: left one card, and has not come to the other yet */
    ACCOUNT_REPLACED = 16,  /* any purse: put on new cards for lost ones, which still carry it */
    ACCOUNT_ACCRUED = 17,   /* points, credit: earned without a card, until an action brings it */
    ACCOUNT_UNTOLD = 18,    /* any purse: cards took it by transactions that nobody can show */
};

/* Those that are between a merchant and the club, for SQL: taken, opening, owed, redemption,
 * cashback, bon. All others are the club's own. */
#define ACCOUNTS_OF_MERCHANTS "1, 2, 3, 6, 9, 30"

struct leg {
    enum book book;
    enum account account;
    int64_t amount;
};

enum { LEGS_MAX = 16 };

struct posting {
    int64_t delta[CARD_BOOKS]; /* the card's own legs: after - before */
    struct leg legs[LEGS_MAX]; /* the others; zero amounts are left out */
    size_t leg_count;
    bool is_conserved; /* false: the parts do not add up to the delta, or to the amount */
};

/* Books one transaction. A change that its parts do not explain is booked as unexplained, because
 * the card carries it and the books must say what cards carry. */
void posting_make(const struct entry_intent *intent, struct posting *ret);

/* Adds a leg; nothing when the amount is 0. */
void posting_leg(struct posting *posting, enum book book, enum account account, int64_t amount);
/* Books what the legs do not balance as unexplained; then the posting is not conserved. */
void posting_rest(struct posting *posting);

/* Points, then the purses, in the order of CARD_BOOKS. */
void snapshot_balances(const struct snapshot *snapshot, int64_t ret_balances[CARD_BOOKS]);

/* Names for reports: "points", "taken". Never NULL; an unknown number is "?". */
const char *book_name(int book);
const char *account_name(int account);
/* A transaction's kind as one word: "sale". */
const char *kind_name(int kind);

#endif
