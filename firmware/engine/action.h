/* action.h - something that the club wants done to a card at its next tap, and its 64 bytes.
 *
 * Pure codec, shared by terminal and club. Numbered densely per card from 1, applied in that order,
 * each exactly once: the card keeps the number of the last one. Bytes: docs/journal.md, "Action";
 * what each kind does: docs/programme.md, section 7 (plan_actions()). The club seals an image with
 * its programme key over action_message(); whoever applies one has checked that seal. */
#ifndef FIRMWARE_ENGINE_ACTION_H
#define FIRMWARE_ENGINE_ACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/money.h"
#include "hal/base/status.h"

enum {
    ACTION_VERSION = 1,
    ACTION_BYTES = 64,
    ACTION_TEXT_BYTES = 24,
    ACTION_SEAL_BYTES = 64,                   /* ECDSA P-256 with SHA-256, r || s */
    ACTION_MESSAGE_BYTES = 13 + ACTION_BYTES, /* "vafa-action-1" and the image */
    ACTION_RUN_MAX = 4,                       /* in one transaction */
};

/* Values stand in journals and sealed images: never renumber. */
enum action_kind {
    ACTION_VOID = 1,        /* nothing: takes the number of one that was withdrawn or has expired */
    ACTION_CREDIT = 2,      /* amount put on the purse */
    ACTION_GIFT = 3,        /* likewise */
    ACTION_VOUCHER = 4,     /* likewise */
    ACTION_POINTS = 5,      /* amount points put on */
    ACTION_TAKE_CREDIT = 6, /* amount taken off, as much of it as is there */
    ACTION_TAKE_POINTS = 7, /* likewise, in points */
    ACTION_TIER = 8,        /* value */
    ACTION_GROUP = 9,       /* value */
    ACTION_BLOCK = 10,
    ACTION_UNBLOCK = 11,
    ACTION_OFFER =
        12, /* value: the mark (facts.h) that is given back, so that it may be used again */
    ACTION_STAMPS = 13,      /* value: set */
    ACTION_PARTICULARS = 14, /* amount: what the card says of itself, action_particulars() */
    ACTION_LAYOUT = 15,      /* value: the card goes over to this layout, unless it has it */
};

/* Where it comes from. */
enum action_origin {
    ORIGIN_BANK = 1,
    ORIGIN_WEB = 2,
    ORIGIN_GROUP_CHARGE = 3,
    ORIGIN_TRANSFER = 4,
    ORIGIN_PRIZE = 5,
    ORIGIN_REFUND = 6,
    ORIGIN_REPLACEMENT = 7, /* of a lost card */
    ORIGIN_CORRECTION = 8,
    ORIGIN_ACCRUAL = 9, /* earned without a card */
    ORIGIN_IMPORT = 10,
};

/* What a kind does not use is 0. */
struct action {
    enum action_kind kind;
    enum action_origin origin;
    uint16_t number; /* 1..SNAPSHOT_ACTION_MAX */
    uint16_t value;  /* tier 0..15, group 0..255, mark 1..26, stamps 0..15, layout
                        2..SNAPSHOT_LAYOUT_MAX */
    uint64_t card_number;
    int64_t amount;  /* rials, from 1 to what the purse's field holds; or points: 1..POINTS_MAX, to
                        take 1..REDEEMED_MAX; or particulars */
    int64_t until_s; /* the last second (since 1970 UTC) at which it may be applied; 0 = for ever;
                        particulars have none (decisions/0016) */
    uint64_t id;     /* the club's own number of it, below 2^63 */
    char text[ACTION_TEXT_BYTES + 1]; /* said on screen and paper; UTF-8 without control characters,
                                         zeros behind it */
};

bool action_is_valid(const struct action *action);
bool action_is_equal(const struct action *a, const struct action *b);

/* Writes its bytes; an invalid one is a bug. */
void action_encode(const struct action *action, uint8_t ret_image[ACTION_BYTES]);
/* ST_FOREIGN      not an action, or not the one byte string for it.
 * ST_UNSUPPORTED  another version, kind or origin, or a later layout: a newer firmware knows it;
 *                 stop before it.
 * *ret is untouched unless ST_OK. */
ST_CHECK enum st action_decode(const uint8_t image[ACTION_BYTES], struct action *ret);

/* What a card says of itself and a rule may look at; hal/card.h, struct card_identity. Days since
 * 1900-01-01, 0 = not given. */
struct action_particulars {
    uint8_t kind; /* of card: the programme's number, 0..15 */
    uint16_t birthday, wedding, expires;
};
/* As an amount; a kind beyond 15 is a bug. And back: of an amount that is valid for the kind. */
int64_t action_particulars_pack(const struct action_particulars *particulars);
struct action_particulars action_particulars(int64_t amount);
/* The last particulars of a run, which are what the card says when all of it is done. False: there
 * are none, and *ret is untouched. */
bool action_particulars_of(const struct action *actions, size_t count,
                           struct action_particulars *ret);

/* What the club signs. */
void action_message(const uint8_t image[ACTION_BYTES], uint8_t ret_message[ACTION_MESSAGE_BYTES]);

/* For logs, receipts and lists: "credit", "take_credit"; "group_charge". Never NULL. */
const char *action_kind_word(enum action_kind kind);
const char *action_origin_word(enum action_origin origin);

#endif
