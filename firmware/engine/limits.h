/* limits.h - what a transaction uses up of which limit, and whether that still fits.
 *
 * Pure: no I/O, no clock, no allocation; terminal and club count with the same functions. Which
 * limits there are, who sets them and where they are counted: docs/limits.md. Nothing here can
 * wrap: amounts have at most 36 bits, and no journal has more than 2^24 entries. */
#ifndef FIRMWARE_ENGINE_LIMITS_H
#define FIRMWARE_ENGINE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/entry.h"

/* Numbers are in databases: never renumber. */
enum limit_what {
    LIMIT_LOAD,  /* money put on cards: loads, opening credit */
    LIMIT_SPEND, /* taken from cards by sales, what points pay included; organisations' vouchers */
    LIMIT_ISSUE, /* cards issued or replaced, and the money that came onto them from nowhere else */
    LIMIT_REFUND, /* given back: refunds, of sales without the card, too; unloads */
    LIMIT_EARN,   /* given by sales, with the card or without: cashback in rials, and points */
    LIMIT_WHATS,
};
/* LIMIT_COUNT: the number of transactions; of LIMIT_EARN: of points. */
enum limit_unit { LIMIT_RIALS, LIMIT_COUNT, LIMIT_UNITS };

/* What was used, each >= 0. */
struct limit_use {
    int64_t n[LIMIT_WHATS][LIMIT_UNITS];
};

/* All zeros: no limit at all. */
struct limits {
    struct limit {
        bool is_set;
        int64_t max; /* 0..LIMIT_MAX; 0 = nothing of it is allowed */
    } of[LIMIT_WHATS][LIMIT_UNITS];
};
#define LIMIT_MAX (INT64_C(1) << 53) /* every JSON reader keeps it whole */

/* What an entry uses. Zeros for those that give and take nothing by themselves: outcomes and the
 * like; of intents, expire, block and the club's actions. */
void limits_use(const struct entry *entry, struct limit_use *ret);
/* Whose day it counts in besides: the card, or the number that an accrual is kept for; 0 = none. */
uint64_t limits_card(const struct entry *entry);
/* The same from kind, parts and the other card (may be NULL: there is none). */
void limits_use_parts(enum transaction_kind kind, const struct breakdown *parts,
                      const struct peer *peer, struct limit_use *ret);
bool limits_uses_any(const struct limit_use *use);
/* sum += sign * more; sign is 1 or -1. */
void limits_add(struct limit_use *sum, const struct limit_use *more, int sign);

/* What a card's ring tells of the transactions that other terminals made with it on `day`:
 * `history` is newest first, as far as its counters are dense. What `own` made is left out, because
 * that terminal's journal has it. A redeemed point counts `point_value`. A sale that both took and
 * gave credit shows only the difference. */
void limits_of_ring(const struct snapshot *history, size_t count, int32_t day, uint32_t own,
                    struct money point_value, struct limit_use *ret);

/* Which limit `more` would pass. */
struct limit_passed {
    enum limit_what what;
    enum limit_unit unit;
    int64_t max, used, left; /* left = max - used, at least 0 */
};
/* True when used + more is above a limit of something that `more` has: by one is enough, the limit
 * itself is allowed. What `more` does not use cannot stop it, even when that limit is passed. */
bool limits_passed(const struct limits *limits, const struct limit_use *used,
                   const struct limit_use *more, struct limit_passed *ret);
/* True when some limit of this kind of thing is set. */
bool limits_any(const struct limits *limits);
bool limits_are_valid(const struct limits *limits);

/* The business day: Iran's, UTC+03:30 the year round, counted from 1970-01-01; the club's books
 * have the same. With an unset clock (quality 0) all is one day, 0. */
int32_t limits_day(int64_t time_s, uint8_t clock_quality);

/* "load", "spend", ...; "rials", "count" ("points" of LIMIT_EARN). Never NULL. */
const char *limits_what_word(enum limit_what what);
const char *limits_unit_word(enum limit_what what, enum limit_unit unit);
/* False: no such word. */
bool limits_what_of(const char *word, enum limit_what *ret);
bool limits_unit_of(enum limit_what what, const char *word, enum limit_unit *ret);

#endif
