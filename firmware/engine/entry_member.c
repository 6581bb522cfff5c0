#include "firmware/engine/entry_member.h"

#include <string.h>

#include "firmware/engine/media.h"
#include "firmware/engine/snapshot.h"
#include "hal/base/bytes.h"

/* Offsets of docs/journal.md. */
enum {
    AT_ACCOUNT = 24,
    AT_CARD = 32,
    AT_FLAGS = 40,
    AT_KEY_VERSION = 41,
    AT_NATIONAL_CODE = 48,
    AT_PHONE = 64,
    BARE_BYTES = 80, /* without a box */
    AT_KEY_ID = 80,
    AT_BOX = 88,
    HAS_NATIONAL_CODE = 1,
    HAS_PHONE = 2,
    HAS_BOX = 4,

    AT_NUMBER = 24,
    AT_MEDIUM = 32,
    AT_IS_BACK = 33,
    AT_PROGRAMME = 36,
    AT_AMOUNT = 40,
    AT_REBATE = 48,
    AT_CASHBACK = 56,
    AT_AWARD = 64,
    AT_DUE = 72,
    AT_MINUTE = 80,
    AT_REFERS = 84,
    AT_OCCASION = 88,
};
_Static_assert(AT_BOX + (int)MEMBER_BOX_BYTES <= (int)ENTRY_MEMBER_BYTES_MAX, "the box fits");
_Static_assert(AT_PHONE + (int)MEMBER_TAG_BYTES == BARE_BYTES, "the hashes end there");
_Static_assert((int)AT_OCCASION == (int)ENTRY_ACCRUAL_BYTES_MIN, "the occasion comes last");

#define PROGRAMME_MAX UINT32_C(0x7fffffff)
#define MINUTE_MAX    ((UINT32_C(1) << 24) - 1)

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 1) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* --- member ---------------------------------------------------------------------------------- */

bool entry_member_is_valid(const struct entry_member *member)
{
    const bool has_tag = member->has_national_code || member->has_phone;
    return card_number_is_valid(member->account) &&
           (member->card_number == 0 || card_number_is_valid(member->card_number)) &&
           (has_tag ? member->key_version < 16 : member->key_version == 0) &&
           (member->has_national_code || is_zero(member->national_code, MEMBER_TAG_BYTES)) &&
           (member->has_phone || is_zero(member->phone, MEMBER_TAG_BYTES)) &&
           (member->has_box || (is_zero(member->key_id, MEMBER_KEY_ID_BYTES) &&
                                is_zero(member->box, MEMBER_BOX_BYTES)));
}

bool entry_member_size_is_valid(size_t size)
{
    return size == BARE_BYTES || size == ENTRY_MEMBER_BYTES_MAX;
}

size_t entry_member_encode(const struct entry_member *member, uint8_t *ret_bytes)
{
    const size_t size = member->has_box ? ENTRY_MEMBER_BYTES_MAX : BARE_BYTES;
    memset(ret_bytes + AT_ACCOUNT, 0, size - AT_ACCOUNT);
    put_le64(ret_bytes + AT_ACCOUNT, member->account);
    put_le64(ret_bytes + AT_CARD, member->card_number);
    ret_bytes[AT_FLAGS] =
        (uint8_t)((member->has_national_code ? HAS_NATIONAL_CODE : 0) |
                  (member->has_phone ? HAS_PHONE : 0) | (member->has_box ? HAS_BOX : 0));
    ret_bytes[AT_KEY_VERSION] = member->key_version;
    memcpy(ret_bytes + AT_NATIONAL_CODE, member->national_code, MEMBER_TAG_BYTES);
    memcpy(ret_bytes + AT_PHONE, member->phone, MEMBER_TAG_BYTES);
    if (member->has_box) {
        memcpy(ret_bytes + AT_KEY_ID, member->key_id, MEMBER_KEY_ID_BYTES);
        memcpy(ret_bytes + AT_BOX, member->box, MEMBER_BOX_BYTES);
    }
    return size;
}

void entry_member_decode(const uint8_t *bytes, size_t size, struct entry_member *ret)
{
    const uint8_t flags = bytes[AT_FLAGS];
    *ret = (struct entry_member){.account = get_le64(bytes + AT_ACCOUNT),
                                 .card_number = get_le64(bytes + AT_CARD),
                                 .has_national_code = (flags & HAS_NATIONAL_CODE) != 0,
                                 .has_phone = (flags & HAS_PHONE) != 0,
                                 .has_box = size == ENTRY_MEMBER_BYTES_MAX,
                                 .key_version = bytes[AT_KEY_VERSION]};
    memcpy(ret->national_code, bytes + AT_NATIONAL_CODE, MEMBER_TAG_BYTES);
    memcpy(ret->phone, bytes + AT_PHONE, MEMBER_TAG_BYTES);
    if (ret->has_box) {
        memcpy(ret->key_id, bytes + AT_KEY_ID, MEMBER_KEY_ID_BYTES);
        memcpy(ret->box, bytes + AT_BOX, MEMBER_BOX_BYTES);
    }
}

/* --- accrual --------------------------------------------------------------------------------- */

static bool is_within(struct money money)
{
    return money.rials >= 0 && money.rials <= MONEY_MAX_RIALS;
}

bool entry_accrual_is_valid(const struct entry_accrual *accrual)
{
    const struct occasion *occasion = &accrual->occasion;
    return card_number_is_valid(accrual->number) && accrual->medium >= MEDIA_UID &&
           accrual->medium <= MEDIA_CARD_NUMBER && accrual->programme >= 1 &&
           accrual->programme <= PROGRAMME_MAX && accrual->minute <= MINUTE_MAX &&
           is_within(accrual->amount) && is_within(accrual->rebate) &&
           is_within(accrual->cashback) && is_within(accrual->due) && accrual->award.n >= 0 &&
           accrual->award.n <= POINTS_MAX && accrual->amount.rials > 0 &&
           accrual->refers_sequence <= SNAPSHOT_SEQUENCE_MAX &&
           accrual->due.rials == accrual->amount.rials - accrual->rebate.rials &&
           occasion_is_valid(occasion) && !occasion->has_facts && !occasion->has_identity &&
           occasion->action_count == 0 && occasion->peer.direction == PEER_NONE &&
           !occasion->has_newcomer;
}

bool entry_accrual_size_is_valid(size_t size)
{
    return size > AT_OCCASION && size <= AT_OCCASION + OCCASION_BYTES_MAX;
}

size_t entry_accrual_encode(const struct entry_accrual *accrual, uint8_t *ret_bytes)
{
    memset(ret_bytes + AT_NUMBER, 0, AT_OCCASION - AT_NUMBER);
    put_le64(ret_bytes + AT_NUMBER, accrual->number);
    ret_bytes[AT_MEDIUM] = accrual->medium;
    ret_bytes[AT_IS_BACK] = accrual->refers_sequence != 0;
    put_le32(ret_bytes + AT_PROGRAMME, accrual->programme);
    put_le64(ret_bytes + AT_AMOUNT, (uint64_t)accrual->amount.rials);
    put_le64(ret_bytes + AT_REBATE, (uint64_t)accrual->rebate.rials);
    put_le64(ret_bytes + AT_CASHBACK, (uint64_t)accrual->cashback.rials);
    put_le64(ret_bytes + AT_AWARD, (uint64_t)accrual->award.n);
    put_le64(ret_bytes + AT_DUE, (uint64_t)accrual->due.rials);
    put_le32(ret_bytes + AT_MINUTE, accrual->minute);
    put_le32(ret_bytes + AT_REFERS, accrual->refers_sequence);
    return AT_OCCASION + occasion_encode(&accrual->occasion, ret_bytes + AT_OCCASION);
}

enum st entry_accrual_decode(const uint8_t *bytes, size_t size, struct entry_accrual *ret)
{
    *ret = (struct entry_accrual){.number = get_le64(bytes + AT_NUMBER),
                                  .medium = bytes[AT_MEDIUM],
                                  .programme = get_le32(bytes + AT_PROGRAMME),
                                  .minute = get_le32(bytes + AT_MINUTE),
                                  .refers_sequence = get_le32(bytes + AT_REFERS),
                                  .amount = {(int64_t)get_le64(bytes + AT_AMOUNT)},
                                  .rebate = {(int64_t)get_le64(bytes + AT_REBATE)},
                                  .cashback = {(int64_t)get_le64(bytes + AT_CASHBACK)},
                                  .due = {(int64_t)get_le64(bytes + AT_DUE)},
                                  .award = {(int64_t)get_le64(bytes + AT_AWARD)}};
    return occasion_decode(bytes + AT_OCCASION, size - AT_OCCASION, &ret->occasion);
}
