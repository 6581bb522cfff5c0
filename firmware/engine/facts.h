/* facts.h - what a card remembers beyond its ring of snapshots, and how it follows from them.
 *
 * Pure; the caller owns every struct. Facts are a fold: those at counter n + 1 follow from those at
 * n, the snapshots n and n + 1, and the programme's periods, and from nothing else. So a checkpoint
 * on the card that lags behind its ring is brought up to date from the ring, and a cut loses
 * nothing. Rules: docs/programme.md, section 3. Where on the card: docs/card-layout.md.
 *
 * A local day here is 1 + calendar.h's, so that 0 means "not known". A clock set back changes
 * nothing that was folded: only a later year or period clears what is counted in one. */
#ifndef FIRMWARE_ENGINE_FACTS_H
#define FIRMWARE_ENGINE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/calendar.h"
#include "firmware/engine/snapshot.h"
#include "hal/base/status.h"

enum { FACTS_BYTES = 24, MARKS_YEAR = 13, MARKS_EVER = 13 };

/* 192 bits, in this order, each field most significant bit first. Each saturates at its largest. */
struct facts {
    uint32_t counter;    /* 20 bits: the snapshot that it was folded to, from 1 */
    uint16_t last_day;   /* 15: of the last sale; 0 = none */
    uint16_t visits;     /* 12: days with a sale */
    uint16_t interval;   /* 11: mean of days between visits, in quarters of a day */
    uint32_t basket;     /* 22: mean net basket in 1,000 rials */
    uint32_t spend;      /* 27: net in the tiers' period of last_day, in 1,000 rials */
    uint32_t earned;     /* 23: points earned in that period */
    uint32_t carry;      /* 28: points from before expiry period `roll` that are still there */
    uint8_t roll;        /* 8: facts_roll(); 0 = none was begun: nothing may expire by it */
    uint16_t marks_year; /* 13: bit k = mark 1 + k is set in the Jalali year of last_day */
    uint16_t marks_ever; /* 13: bit k = mark 14 + k is set */
};

/* True when every field is within its width and the counter is not 0. */
bool facts_are_valid(const struct facts *facts);
/* Invalid facts are bugs. */
void facts_encode(const struct facts *facts, uint8_t ret_bytes[FACTS_BYTES]);
/* ST_FOREIGN  counter 0: nothing was ever written there. All other bytes are facts. */
ST_CHECK enum st facts_decode(const uint8_t bytes[FACTS_BYTES], struct facts *ret);
bool facts_are_equal(const struct facts *a, const struct facts *b);

/* What of the programme the fold depends on. PERIOD_NONE: no tiers (then the year counts), no
 * points that expire. */
struct facts_rules {
    int16_t utc_offset_minutes; /* -720..840 */
    enum period tiers, expiry;
};

/* The local day of a card's minute; 0 = not known (clock not set, or before 2024-01-01 there). */
uint16_t facts_day(const struct facts_rules *rules, uint32_t minute);
/* The expiry period of a day: E(day) of docs/programme.md, 0 without expiry or day; saturates at
 * 255, where nothing expires any more (months: in 1423). */
uint8_t facts_roll(const struct facts_rules *rules, uint16_t day);
/* True when both days, which are known, are in the same tiers' period. */
bool facts_same_period(const struct facts_rules *rules, uint16_t day_a, uint16_t day_b);
/* True when the mark, 1..26, is set; 0 and beyond: false. On a day of a later Jalali year than
 * last_day the year's marks are clear; day 0 = as they stand. */
bool facts_mark_is_set(const struct facts *facts, uint8_t mark, uint16_t day);

/* Brings *facts from before->counter to after->counter = before->counter + 1; both snapshots valid.
 * `before` is NULL for a card's first. Then *facts need not be set, but for a DUPLICATE: it is what
 * the other card remembered, at after->counter already, and goes on. Another counter is a bug.
 * Balances may be foreign: whatever they are, the result is in range. */
void facts_fold(const struct facts_rules *rules, const struct snapshot *before,
                const struct snapshot *after, struct facts *facts);

/* The new checkpoint at after->counter when the facts of `before` are not known: every mark is set,
 * so that no offer is given twice; all points there before count as of an earlier period; the rest
 * as if this were the card's first transaction. Without `before`: nothing was there, but in a
 * DUPLICATE, whose points are another card's. */
void facts_restart(const struct facts_rules *rules, const struct snapshot *before,
                   const struct snapshot *after, struct facts *ret);

/* Brings *facts, a checkpoint, up to history[0] with the ring, newest first as a card gives it.
 * ST_OK     it stands at history[0].counter.
 * ST_AGAIN  not known: the ring does not reach back to it without a gap, or it is ahead of the
 *           ring; *facts is untouched. */
ST_CHECK enum st facts_catch_up(const struct facts_rules *rules, const struct snapshot *history,
                                size_t history_count, struct facts *facts);
/* The same without a checkpoint, from the card's first transaction on. ST_AGAIN: the ring does not
 * hold it any more, or it is a DUPLICATE: another card remembered what came before. */
ST_CHECK enum st facts_from_birth(const struct facts_rules *rules, const struct snapshot *history,
                                  size_t history_count, struct facts *ret);

#endif
