#include "firmware/engine/snapshot.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "hal/base/bytes.h"

/* Widths of the image's fields in bits, in the order of snapshot.h. */
enum {
    LAYOUT_BITS = 4,
    STATUS_BITS = 2,
    COUNTER_BITS = 20,
    ACTION_BITS = 12,
    TIER_BITS = 4,
    GROUP_BITS = 8,
    POINTS_BITS = 28,
    CREDIT_BITS = 36,
    GIFT_BITS = 30,
    VOUCHER_BITS = 30,
    STAMPS_BITS = 4,
    KIND_BITS = 4,
    REFERENCE_BITS = 6,
    IDLE_BITS = 1,
    OFFER_BITS = 5,
    FLAGS_BITS = 2,
    AMOUNT_BITS = 36,
    REDEEMED_BITS = 20,
    MINUTE_BITS = 24,
    TERMINAL_BITS = 20,
    SEQUENCE_BITS = 24,
};
_Static_assert(LAYOUT_BITS + STATUS_BITS + COUNTER_BITS + ACTION_BITS + TIER_BITS + GROUP_BITS +
                       POINTS_BITS + CREDIT_BITS + GIFT_BITS + VOUCHER_BITS + STAMPS_BITS +
                       KIND_BITS + REFERENCE_BITS + IDLE_BITS + OFFER_BITS + FLAGS_BITS +
                       AMOUNT_BITS + REDEEMED_BITS + MINUTE_BITS + TERMINAL_BITS + SEQUENCE_BITS ==
                   8 * SNAPSHOT_IMAGE_BYTES,
               "the fields fill the image");

static const unsigned purse_bits[PURSES] = {
    [PURSE_CREDIT] = CREDIT_BITS, [PURSE_GIFT] = GIFT_BITS, [PURSE_VOUCHER] = VOUCHER_BITS};

#define EPOCH_S INT64_C(1704067200) /* 2024-01-01 00:00 UTC */

static bool is_within(int64_t value, int64_t min, int64_t max)
{
    return value >= min && value <= max;
}

int64_t snapshot_purse_max(enum purse purse)
{
    return (INT64_C(1) << purse_bits[purse]) - 1;
}

static bool transaction_is_valid(const struct transaction *last, uint32_t counter)
{
    bool refers = last->kind == TRANSACTION_REFUND || last->kind == TRANSACTION_UNLOAD;

    return is_within((int64_t)last->kind, TRANSACTION_ACTIVATE, TRANSACTION_DUPLICATE) &&
           last->reference <= SNAPSHOT_REFERENCE_MAX &&
           (!refers || is_within(last->reference, 1, (int64_t)counter - 1)) &&
           last->offer <= SNAPSHOT_OFFER_MAX && last->flags < 1U << FLAGS_BITS &&
           is_within(last->amount.rials, 0, MONEY_MAX_RIALS) &&
           is_within(last->redeemed.n, 0, REDEEMED_MAX) &&
           last->minute < UINT32_C(1) << MINUTE_BITS &&
           is_within(last->terminal, 1, SNAPSHOT_TERMINAL_MAX) &&
           is_within(last->sequence, 1, SNAPSHOT_SEQUENCE_MAX);
}

bool snapshot_is_valid(const struct snapshot *snapshot)
{
    for (size_t p = 0; p < PURSES; p += 1) {
        if (!is_within(snapshot->purse[p].rials, 0, snapshot_purse_max((enum purse)p))) {
            return false;
        }
    }
    return is_within(snapshot->layout, SNAPSHOT_LAYOUT_FIRST, SNAPSHOT_LAYOUT_MAX) &&
           is_within((int64_t)snapshot->status, CARD_ACTIVE, CARD_CLOSED) &&
           is_within(snapshot->counter, 1, SNAPSHOT_COUNTER_MAX) &&
           snapshot->action <= SNAPSHOT_ACTION_MAX && snapshot->tier <= 15 &&
           is_within(snapshot->points.n, 0, POINTS_MAX) &&
           snapshot->stamps <= SNAPSHOT_STAMPS_MAX &&
           transaction_is_valid(&snapshot->last, snapshot->counter);
}

void snapshot_encode(const struct snapshot *snapshot, uint8_t ret_image[SNAPSHOT_IMAGE_BYTES])
{
    assert(snapshot_is_valid(snapshot));

    struct bits bits = {.bytes = ret_image, .size_bits = 8 * SNAPSHOT_IMAGE_BYTES, .at = 0};
    bits_put(&bits, LAYOUT_BITS, snapshot->layout);
    bits_put(&bits, STATUS_BITS, (uint64_t)snapshot->status);
    bits_put(&bits, COUNTER_BITS, snapshot->counter);
    bits_put(&bits, ACTION_BITS, snapshot->action);
    bits_put(&bits, TIER_BITS, snapshot->tier);
    bits_put(&bits, GROUP_BITS, snapshot->group);
    bits_put(&bits, POINTS_BITS, (uint64_t)snapshot->points.n);
    for (size_t p = 0; p < PURSES; p += 1) {
        bits_put(&bits, purse_bits[p], (uint64_t)snapshot->purse[p].rials);
    }
    bits_put(&bits, STAMPS_BITS, snapshot->stamps);
    bits_put(&bits, KIND_BITS, (uint64_t)snapshot->last.kind);
    bits_put(&bits, REFERENCE_BITS, snapshot->last.reference);
    bits_put(&bits, IDLE_BITS, snapshot->last.has_idle);
    bits_put(&bits, OFFER_BITS, snapshot->last.offer);
    bits_put(&bits, FLAGS_BITS, snapshot->last.flags);
    bits_put(&bits, AMOUNT_BITS, (uint64_t)snapshot->last.amount.rials);
    bits_put(&bits, REDEEMED_BITS, (uint64_t)snapshot->last.redeemed.n);
    bits_put(&bits, MINUTE_BITS, snapshot->last.minute);
    bits_put(&bits, TERMINAL_BITS, snapshot->last.terminal);
    bits_put(&bits, SEQUENCE_BITS, snapshot->last.sequence);

    assert(bits.at == bits.size_bits);
}

enum st snapshot_decode(const uint8_t image[SNAPSHOT_IMAGE_BYTES], struct snapshot *ret)
{
    uint8_t copy[SNAPSHOT_IMAGE_BYTES];
    memcpy(copy, image, sizeof copy);
    struct bits bits = {.bytes = copy, .size_bits = 8 * sizeof copy, .at = 0};

    uint64_t layout = bits_get(&bits, LAYOUT_BITS);
    if (layout == 0) {
        return ST_FOREIGN; /* no firmware ever wrote it: those are erased bytes, not a version */
    }
    if (layout > SNAPSHOT_LAYOUT_MAX) {
        return ST_UNSUPPORTED;
    }
    struct snapshot snapshot;
    memset(&snapshot, 0, sizeof snapshot);
    snapshot.layout = (uint8_t)layout;
    snapshot.status = (enum card_status)bits_get(&bits, STATUS_BITS);
    snapshot.counter = (uint32_t)bits_get(&bits, COUNTER_BITS);
    snapshot.action = (uint16_t)bits_get(&bits, ACTION_BITS);
    snapshot.tier = (uint8_t)bits_get(&bits, TIER_BITS);
    snapshot.group = (uint8_t)bits_get(&bits, GROUP_BITS);
    snapshot.points.n = (int64_t)bits_get(&bits, POINTS_BITS);
    for (size_t p = 0; p < PURSES; p += 1) {
        snapshot.purse[p].rials = (int64_t)bits_get(&bits, purse_bits[p]);
    }
    snapshot.stamps = (uint8_t)bits_get(&bits, STAMPS_BITS);
    snapshot.last.kind = (enum transaction_kind)bits_get(&bits, KIND_BITS);
    snapshot.last.reference = (uint8_t)bits_get(&bits, REFERENCE_BITS);
    snapshot.last.has_idle = bits_get(&bits, IDLE_BITS) != 0;
    snapshot.last.offer = (uint8_t)bits_get(&bits, OFFER_BITS);
    snapshot.last.flags = (uint8_t)bits_get(&bits, FLAGS_BITS);
    snapshot.last.amount.rials = (int64_t)bits_get(&bits, AMOUNT_BITS);
    snapshot.last.redeemed.n = (int64_t)bits_get(&bits, REDEEMED_BITS);
    snapshot.last.minute = (uint32_t)bits_get(&bits, MINUTE_BITS);
    snapshot.last.terminal = (uint32_t)bits_get(&bits, TERMINAL_BITS);
    snapshot.last.sequence = (uint32_t)bits_get(&bits, SEQUENCE_BITS);

    if (!snapshot_is_valid(&snapshot)) {
        return ST_FOREIGN;
    }
    *ret = snapshot;
    return ST_OK;
}

uint32_t snapshot_minute(int64_t time_s)
{
    int64_t last_s = EPOCH_S + ((INT64_C(1) << MINUTE_BITS) * 60) - 1;
    if (time_s < EPOCH_S || time_s > last_s) {
        return 0;
    }
    return (uint32_t)((time_s - EPOCH_S) / 60);
}

int64_t snapshot_time_s(uint32_t minute)
{
    if (minute == 0 || minute >= UINT32_C(1) << MINUTE_BITS) {
        return 0;
    }
    return EPOCH_S + (int64_t)minute * 60;
}

/* The sum of ISO/IEC 7812-1 annex B; the digit at the right end counts once. */
static unsigned luhn_sum(uint64_t number)
{
    unsigned sum = 0;
    for (bool is_doubled = false; number > 0; number /= 10, is_doubled = !is_doubled) {
        unsigned digit = (unsigned)(number % 10);
        digit = is_doubled ? 2 * digit : digit;
        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum;
}

bool card_number_is_valid(uint64_t number)
{
    return number / CARD_PAYLOAD_MIN >= 10 && number / 10 <= CARD_PAYLOAD_MAX &&
           luhn_sum(number) % 10 == 0;
}

uint64_t card_number_make(uint64_t payload)
{
    assert(payload >= CARD_PAYLOAD_MIN && payload <= CARD_PAYLOAD_MAX);

    uint64_t number = payload * 10 + (10 - luhn_sum(payload * 10) % 10) % 10;

    assert(card_number_is_valid(number));
    return number;
}
