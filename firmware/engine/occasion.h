/* occasion.h - what a plan looked at besides the card's history and the wish, and its bytes.
 *
 * Pure codec. It stands in the intent (entry.h), so that the club computes the same from the same.
 * Bytes: docs/journal.md, "Occasion"; only what is there takes room. */
#ifndef FIRMWARE_ENGINE_OCCASION_H
#define FIRMWARE_ENGINE_OCCASION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/action.h"
#include "firmware/engine/facts.h"
#include "firmware/engine/money.h"
#include "hal/base/status.h"

enum {
    BASKET_LINES_MAX = 33,    /* one a product group of a programme, one for all others */
    OCCASION_BYTES_MAX = 372, /* 1, facts 24, identity 7, code 1, place 8, lines 1 + 33 * 10; where
                                 there are code or lines there is no newcomer, no action, no peer */
};
#define BASKET_MILLI_MAX UINT32_C(4000000000)

/* The basket's part in one product group. */
struct basket_line {
    uint8_t product;     /* the programme's number for it; 0 = in none of its groups */
    struct money amount; /* 0..MONEY_MAX_RIALS */
    uint32_t milli;      /* quantity in thousandths, 0..BASKET_MILLI_MAX */
};

/* The other card of a TRANSFER or DUPLICATE. */
enum peer_direction {
    PEER_NONE = 0,
    PEER_OUT = 1, /* value leaves this card */
    PEER_IN = 2,  /* value comes to this card */
};

struct peer {
    enum peer_direction direction;
    uint64_t card_number;        /* 0 = not known yet */
    uint32_t terminal, sequence; /* of the other side's intent; 0, 0 = not known */
};

/* Who joins with a new card, as far as rules of groups look at it. */
struct newcomer {
    uint8_t account; /* enum account_kind (particulars.h); 0 = not said */
    uint8_t route;   /* enum join_route; 0 = not said */
    uint8_t group;   /* the programme's number of the group that was named; 0 = the rules choose */
};

/* All zeros: nothing is known but that there is nothing. */
struct occasion {
    bool has_facts;
    struct facts facts; /* of the card before the transaction; without has_facts: not known */
    bool has_identity;  /* read only when the programme looks at it */
    uint8_t kind;       /* of the card */
    uint16_t birthday, wedding; /* days since 1900-01-01, 0 = not given */
    uint16_t expires;           /* the card's last day, likewise; 0 = none */
    uint8_t code;               /* 1 + place in the programme's codes; 0 = none was given */
    uint32_t merchant, branch;  /* 0 = none */
    uint8_t line_count;         /* 0 = the basket was not itemised */
    struct basket_line lines[BASKET_LINES_MAX]; /* product numbers rise; the sum is the basket */
    uint8_t action_count;                       /* 0 but in an ACTION */
    struct action actions[ACTION_RUN_MAX];      /* of one card, their numbers dense */
    struct peer peer;                           /* PEER_NONE but in a TRANSFER or DUPLICATE */
    bool has_newcomer; /* only in an ACTIVATE; without, no rule chooses a group */
    struct newcomer newcomer;
    uint64_t account; /* DUPLICATE: whose card it is, the number that is theirs for life; 0 = not
                         known. Only with a peer */
};

/* True when what is there is in range, products rise strictly, actions are of one card with dense
 * numbers, and only one of code and lines, actions, peer, newcomer is there. That the lines add up
 * to the basket is the plan's to test. */
bool occasion_is_valid(const struct occasion *occasion);

/* Writes its bytes and returns how many, 1..OCCASION_BYTES_MAX; an invalid one is a bug. */
size_t occasion_encode(const struct occasion *occasion, uint8_t ret_bytes[OCCASION_BYTES_MAX]);
/* Exactly `size` bytes. ST_FOREIGN  cut, too long, out of range, or not what occasion_encode()
 * writes: there is one byte string for an occasion. *ret is then untouched. */
ST_CHECK enum st occasion_decode(const uint8_t *bytes, size_t size, struct occasion *ret);

#endif
