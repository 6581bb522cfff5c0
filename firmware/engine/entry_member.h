/* entry_member.h - the entries about members: who joined, and what was earned without a card.
 *
 * Pure codec of what follows the head; part of entry.h, which is what others include. Bytes:
 * docs/journal.md, "Member" and "Accrual". */
#ifndef FIRMWARE_ENGINE_ENTRY_MEMBER_H
#define FIRMWARE_ENGINE_ENTRY_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/money.h"
#include "firmware/engine/occasion.h"
#include "firmware/engine/particulars.h"
#include "hal/base/status.h"

enum {
    MEMBER_TAG_BYTES = 16,
    MEMBER_KEY_ID_BYTES = 8,                   /* hal/box.h */
    MEMBER_BOX_BYTES = PARTICULARS_BYTES + 81, /* the same: box_seal() adds BOX_EXTRA_BYTES */
    ENTRY_MEMBER_BYTES_MAX = 336,
    ENTRY_ACCRUAL_BYTES_MIN = 88, /* before its occasion */
};

/* Somebody became a member, or a member got a card. */
struct entry_member {
    uint64_t account;     /* the number that is the member's for life */
    uint64_t card_number; /* of the card that they got with this; 0 = none */
    bool has_national_code,
        has_phone;       /* keyed hashes of them (media.md): found by them from now on */
    uint8_t key_version; /* of the media master, 0..15; 0 when there is neither */
    uint8_t national_code[MEMBER_TAG_BYTES], phone[MEMBER_TAG_BYTES];
    bool has_box; /* particulars (particulars.h), sealed to the club's key with that id */
    uint8_t key_id[MEMBER_KEY_ID_BYTES];
    uint8_t box[MEMBER_BOX_BYTES];
};

/* A sale to a member whose card was not there: what the programme gives a card of which nothing is
 * known (accrual.h), kept for the member. Or, with refers_sequence, such a sale goes back, whole:
 * then all but time, minute and operator is as it was. */
struct entry_accrual {
    uint64_t number;    /* the account, or a card of the member */
    uint8_t medium;     /* enum media_kind: by which it was found */
    uint32_t programme; /* version in force, 1..2^31-1 */
    uint32_t minute;    /* the card's clock, snapshot_minute(); 0 = not set */
    struct money amount, rebate, cashback, due; /* due = amount - rebate */
    struct points award;
    uint32_t refers_sequence; /* of the sale that goes back, an earlier entry of this terminal; 0 =
                                 it is a sale */
    struct occasion occasion; /* code, place and lines only */
};

bool entry_member_is_valid(const struct entry_member *member);
bool entry_accrual_is_valid(const struct entry_accrual *accrual);

/* The whole entry's bytes; the head is the caller's. Returns the size. */
size_t entry_member_encode(const struct entry_member *member, uint8_t *ret_bytes);
size_t entry_accrual_encode(const struct entry_accrual *accrual, uint8_t *ret_bytes);

bool entry_member_size_is_valid(size_t size);
bool entry_accrual_size_is_valid(size_t size);
/* Of an entry whose size is valid; not every field is tested. ST_FOREIGN: the occasion's. */
void entry_member_decode(const uint8_t *bytes, size_t size, struct entry_member *ret);
ST_CHECK enum st entry_accrual_decode(const uint8_t *bytes, size_t size, struct entry_accrual *ret);

#endif
