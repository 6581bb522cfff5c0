/* gate.h - a gate without a cashier: what a visit costs the card, and when it opens.
 *
 * Pure, but for jansson: it judges the terminal's answers (docs/till.md) and makes the requests;
 * gate_main.c brings them to the socket. A passage is two requests: a balance of a card that was
 * not there before, then a sale of the fee, all of it paid by the card. What docs/gate.md says of
 * cards that leave early holds because a sale asked again is not done twice. */
#ifndef FIRMWARE_TERMINAL_GATE_H
#define FIRMWARE_TERMINAL_GATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "hal/base/status.h"

enum { GATE_CARD_BYTES = 17 };

struct gate {
    int64_t fee;     /* rials, > 0 */
    int64_t again_s; /* a card that was let in is refused for so long; 0 = never */
    int64_t wait_ms; /* how long one request waits for a card */

    bool is_paying;                /* the balance was good: the sale is next, or asked again */
    int64_t voucher, gift, credit; /* of the fee, from each purse */
    char card[GATE_CARD_BYTES];    /* the card that pays; "" = none */
    char last[GATE_CARD_BYTES];    /* the card that was let in last, at ... */
    int64_t last_s;
};

/* The next request; the caller frees it. NULL: no memory. */
json_t *gate_request(const struct gate *gate);

enum gate_verdict {
    GATE_WAIT,   /* nothing to say: ask gate_request() next */
    GATE_OPEN,   /* paid: let the holder in, once */
    GATE_CLOSED, /* not paid, and why */
};
/* Takes a final answer to gate_request() at `now_s` (any clock that does not go back). *ret_say is
 * for a person; set unless GATE_WAIT. */
enum gate_verdict gate_take(struct gate *gate, const json_t *answer, int64_t now_s,
                            struct fault *ret_say);

#endif
