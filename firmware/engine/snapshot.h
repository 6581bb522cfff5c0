/* snapshot.h - a card's whole state after one transaction, and its 40-byte image.
 *
 * Pure; the caller owns every struct. The image is the same on every card family, in the journal
 * and at the club; only the seal differs. Bytes and reasons: docs/card-layout.md, vectors in
 * tests/vectors/snapshot.json. Neighbouring snapshots of a card differ by exactly one transaction,
 * so the ring of snapshots on a card is its state, its backup and its history in one. */
#ifndef FIRMWARE_ENGINE_SNAPSHOT_H
#define FIRMWARE_ENGINE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/engine/money.h"
#include "hal/base/status.h"

/* The image is 320 bits, each field most significant bit first:
 * layout 4, status 2, counter 20, action 12, tier 4, group 8, points 28, credit 36, gift 30,
 * voucher 30, stamps 4, kind 4, reference 6, idle 1, offer 5, flags 2, amount 36, redeemed 20,
 * minute 24, terminal 20, sequence 24. */
enum { SNAPSHOT_IMAGE_BYTES = 40 };

/* How a card's bytes stand on it (docs/card-layout.md), from 1. The image itself is the same in all
 * of them; it says which one the card has. */
enum { SNAPSHOT_LAYOUT_FIRST = 1, SNAPSHOT_LAYOUT_MAX = 2 };

/* Largest values that the image holds; each counts from 1. */
#define SNAPSHOT_COUNTER_MAX  ((UINT32_C(1) << 20) - 1)
#define SNAPSHOT_TERMINAL_MAX ((UINT32_C(1) << 20) - 1)
#define SNAPSHOT_SEQUENCE_MAX ((UINT32_C(1) << 24) - 1)
/* These count from 0. The reference reaches as far as a plan looks back, PLAN_HISTORY_MAX - 1. */
#define SNAPSHOT_ACTION_MAX    4095
#define SNAPSHOT_REFERENCE_MAX 63
#define SNAPSHOT_STAMPS_MAX    15
#define SNAPSHOT_OFFER_MAX     26 /* MARKS_YEAR + MARKS_EVER of facts.h */

/* Money purses of a card. Points are not money and stand beside them. */
enum purse { PURSE_CREDIT, PURSE_GIFT, PURSE_VOUCHER, PURSES };

/* Most that a purse holds: MONEY_MAX_RIALS of credit, 2^30 - 1 rials of the others. */
int64_t snapshot_purse_max(enum purse purse);

enum card_status {
    CARD_ACTIVE = 1,
    CARD_BLOCKED = 2, /* refuses everything but unblock */
    CARD_CLOSED = 3,  /* replaced by another card: for ever */
};

/* What the transaction was; its parts show in the balances. Values are on cards: never renumber. */
enum transaction_kind {
    TRANSACTION_ACTIVATE = 1, /* the card was issued; amount = opening credit */
    TRANSACTION_SALE = 2,     /* rebate + redemption + payment + award + cashback; amount = net
                                 price: basket - rebate */
    TRANSACTION_REFUND =
        3, /* of the sale `reference` back; amount = part of the net price returned */
    TRANSACTION_LOAD = 4,   /* money put on; amount */
    TRANSACTION_UNLOAD = 5, /* of the load `reference` back; amount */
    TRANSACTION_ACTION = 6, /* the club's action; amount = its money, if any */
    TRANSACTION_BLOCK = 7,
    TRANSACTION_UNBLOCK = 8,
    TRANSACTION_TRANSFER = 9,
    TRANSACTION_EXPIRE = 10,
    TRANSACTION_ADJUST = 11,
    TRANSACTION_DUPLICATE = 12, /* all that a card has, to another one; amount = the credit of it */
};

/* What a sale did to the credit purse; bits of transaction.flags. The purse changes by both, so a
 * refund can tell them apart only when no more than one is set. */
enum sale_flag { SALE_PAID_CREDIT = 1, SALE_CASHBACK = 2 };
/* Which way a transfer or duplicate went; bits of transaction.flags, exactly one of them. */
enum transfer_flag { TRANSFER_OUT = 1, TRANSFER_IN = 2 };

/* Ranges are what the image holds; snapshot_is_valid() tests them. */
struct transaction {
    enum transaction_kind kind;
    uint8_t reference;   /* refund, unload: how many counters ago, 1..63 and less than the counter;
                            sale with redemption: plan_value_mark(), 1..63; else 0 */
    bool has_idle;       /* sale: some of its goods, not all, earn nothing; else false */
    uint8_t offer;       /* sale: number of the mark that it used, 1..SNAPSHOT_OFFER_MAX (facts.h);
                            else 0 */
    uint8_t flags;       /* sale: enum sale_flag; transfer, duplicate: enum transfer_flag; else 0 */
    struct money amount; /* 0..MONEY_MAX_RIALS */
    struct points redeemed; /* points spent, 0..REDEEMED_MAX; in a refund: points given back */
    uint32_t minute;   /* minutes since 2024-01-01 00:00 UTC, 24 bits (to 2055); 0 = unset clock */
    uint32_t terminal; /* 1..2^20-1 */
    uint32_t sequence; /* the intent's number in that terminal's journal, 1..2^24-1 */
};

struct snapshot {
    uint8_t layout; /* SNAPSHOT_LAYOUT_FIRST..SNAPSHOT_LAYOUT_MAX */
    enum card_status status;
    uint32_t counter; /* dense from 1, 20 bits: a Classic ring's 9 x 100,000 writes end first */
    uint16_t action;  /* number of the last action applied, 0..4095; 0 = none */
    uint8_t tier;     /* 0..15 */
    uint8_t group;
    struct points points;       /* 0..POINTS_MAX */
    struct money purse[PURSES]; /* each 0..snapshot_purse_max() */
    uint8_t stamps;             /* 0..SNAPSHOT_STAMPS_MAX */
    struct transaction last;    /* the transaction that led here */
};

/* True when every field is in range. Card and wire bytes are foreign: snapshot_decode() tests them.
 * Our own are not: encode asserts it. */
bool snapshot_is_valid(const struct snapshot *snapshot);

void snapshot_encode(const struct snapshot *snapshot, uint8_t ret_image[SNAPSHOT_IMAGE_BYTES]);
/* ST_FOREIGN      erased bytes (layout 0) or a field out of range; *ret is untouched.
 * ST_UNSUPPORTED  a later layout: a newer firmware can read it. */
ST_CHECK enum st snapshot_decode(const uint8_t image[SNAPSHOT_IMAGE_BYTES], struct snapshot *ret);

/* Seconds since 1970 <-> the card's minutes; out of range gives 0 (unset). */
uint32_t snapshot_minute(int64_t time_s);
int64_t snapshot_time_s(uint32_t minute);

/* Card numbers: 16 digits, the first one not 0, the last one by Luhn (ISO/IEC 7812-1 annex B). */
bool card_number_is_valid(uint64_t number);

/* A payload is a card number without its last digit: 15 digits, the first one not 0. */
#define CARD_PAYLOAD_MIN UINT64_C(100000000000000)
#define CARD_PAYLOAD_MAX UINT64_C(999999999999999)
/* Appends the Luhn digit. A payload out of range is a bug. */
uint64_t card_number_make(uint64_t payload);

#endif
