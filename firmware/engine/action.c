#include "firmware/engine/action.h"

#include <assert.h>
#include <string.h>

#include "firmware/engine/snapshot.h"
#include "hal/base/bytes.h"
#include "hal/base/utf8.h"

/* Offsets of docs/journal.md. */
enum {
    AT_VERSION = 0,
    AT_KIND = 1,
    AT_ORIGIN = 2,
    AT_NUMBER = 4,
    AT_VALUE = 6,
    AT_CARD = 8,
    AT_AMOUNT = 16,
    AT_UNTIL = 24,
    AT_ID = 32,
    AT_TEXT = 40,
};
_Static_assert(AT_TEXT + (int)ACTION_TEXT_BYTES == (int)ACTION_BYTES, "the text ends the image");

#define TIME_MAX_S   INT64_C(253402300799) /* 9999-12-31 23:59:59 UTC */
#define PURSE_30_MAX ((INT64_C(1) << 30) - 1)
/* Kind 4 bits, then birthday, wedding day and last day, 16 bits each. */
#define PARTICULARS_MAX ((INT64_C(1) << 52) - 1)

static const char seal_purpose[] = "vafa-action-1";
_Static_assert(sizeof seal_purpose - 1 + ACTION_BYTES == ACTION_MESSAGE_BYTES,
               "the purpose and the image");

static const struct {
    const char *word;
    int64_t amount_min, amount_max;
    uint16_t value_min, value_max;
} kinds[] = {
    [ACTION_VOID] = {"void", 0, 0, 0, 0},
    [ACTION_CREDIT] = {"credit", 1, MONEY_MAX_RIALS, 0, 0},
    [ACTION_GIFT] = {"gift", 1, PURSE_30_MAX, 0, 0},
    [ACTION_VOUCHER] = {"voucher", 1, PURSE_30_MAX, 0, 0},
    [ACTION_POINTS] = {"points", 1, POINTS_MAX, 0, 0},
    [ACTION_TAKE_CREDIT] = {"take_credit", 1, MONEY_MAX_RIALS, 0, 0},
    [ACTION_TAKE_POINTS] = {"take_points", 1, REDEEMED_MAX, 0, 0},
    [ACTION_TIER] = {"tier", 0, 0, 0, 15},
    [ACTION_GROUP] = {"group", 0, 0, 0, 255},
    [ACTION_BLOCK] = {"block", 0, 0, 0, 0},
    [ACTION_UNBLOCK] = {"unblock", 0, 0, 0, 0},
    [ACTION_OFFER] = {"offer", 0, 0, 1, SNAPSHOT_OFFER_MAX},
    [ACTION_STAMPS] = {"stamps", 0, 0, 0, SNAPSHOT_STAMPS_MAX},
    [ACTION_PARTICULARS] = {"particulars", 0, PARTICULARS_MAX, 0, 0},
    [ACTION_LAYOUT] = {"layout", 0, 0, SNAPSHOT_LAYOUT_FIRST + 1, SNAPSHOT_LAYOUT_MAX},
};

static const char *const origins[] = {
    [ORIGIN_BANK] = "bank",
    [ORIGIN_WEB] = "web",
    [ORIGIN_GROUP_CHARGE] = "group_charge",
    [ORIGIN_TRANSFER] = "transfer",
    [ORIGIN_PRIZE] = "prize",
    [ORIGIN_REFUND] = "refund",
    [ORIGIN_REPLACEMENT] = "replacement",
    [ORIGIN_CORRECTION] = "correction",
    [ORIGIN_ACCRUAL] = "accrual",
    [ORIGIN_IMPORT] = "import",
};

static bool kind_is_known(enum action_kind kind)
{
    return kind >= ACTION_VOID && (size_t)kind < sizeof kinds / sizeof kinds[0];
}

static bool origin_is_known(enum action_origin origin)
{
    return origin >= ORIGIN_BANK && (size_t)origin < sizeof origins / sizeof origins[0];
}

static bool text_is_valid(const char text[ACTION_TEXT_BYTES + 1])
{
    size_t size = strnlen(text, ACTION_TEXT_BYTES + 1);
    for (size_t i = size; i <= ACTION_TEXT_BYTES; i += 1) {
        if (text[i] != '\0') {
            return false;
        }
    }
    return size <= ACTION_TEXT_BYTES && utf8_is_shown(text, size);
}

bool action_is_valid(const struct action *action)
{
    return kind_is_known(action->kind) && origin_is_known(action->origin) && action->number >= 1 &&
           action->number <= SNAPSHOT_ACTION_MAX &&
           action->value >= kinds[action->kind].value_min &&
           action->value <= kinds[action->kind].value_max &&
           action->amount >= kinds[action->kind].amount_min &&
           action->amount <= kinds[action->kind].amount_max &&
           card_number_is_valid(action->card_number) && action->until_s >= 0 &&
           action->until_s <= TIME_MAX_S &&
           (action->kind != ACTION_PARTICULARS || action->until_s == 0) &&
           action->id <= INT64_MAX && text_is_valid(action->text);
}

int64_t action_particulars_pack(const struct action_particulars *particulars)
{
    assert(particulars->kind <= 15);
    const uint64_t days = (uint64_t)particulars->birthday << 32 |
                          (uint64_t)particulars->wedding << 16 | particulars->expires;
    return (int64_t)((uint64_t)particulars->kind << 48 | days);
}

struct action_particulars action_particulars(int64_t amount)
{
    assert(amount >= 0 && amount <= PARTICULARS_MAX);
    return (struct action_particulars){.kind = (uint8_t)(amount >> 48),
                                       .birthday = (uint16_t)(amount >> 32),
                                       .wedding = (uint16_t)(amount >> 16),
                                       .expires = (uint16_t)amount};
}

bool action_particulars_of(const struct action *actions, size_t count,
                           struct action_particulars *ret)
{
    for (size_t i = count; i > 0; i -= 1) {
        if (actions[i - 1].kind == ACTION_PARTICULARS) {
            *ret = action_particulars(actions[i - 1].amount);
            return true;
        }
    }
    return false;
}

bool action_is_equal(const struct action *a, const struct action *b)
{
    uint8_t image_a[ACTION_BYTES];
    uint8_t image_b[ACTION_BYTES];
    action_encode(a, image_a);
    action_encode(b, image_b);
    return memcmp(image_a, image_b, sizeof image_a) == 0;
}

void action_encode(const struct action *action, uint8_t ret_image[ACTION_BYTES])
{
    assert(action_is_valid(action));

    memset(ret_image, 0, ACTION_BYTES);
    ret_image[AT_VERSION] = ACTION_VERSION;
    ret_image[AT_KIND] = (uint8_t)action->kind;
    ret_image[AT_ORIGIN] = (uint8_t)action->origin;
    put_le16(ret_image + AT_NUMBER, action->number);
    put_le16(ret_image + AT_VALUE, action->value);
    put_le64(ret_image + AT_CARD, action->card_number);
    put_le64(ret_image + AT_AMOUNT, (uint64_t)action->amount);
    put_le64(ret_image + AT_UNTIL, (uint64_t)action->until_s);
    put_le64(ret_image + AT_ID, action->id);
    memcpy(ret_image + AT_TEXT, action->text, ACTION_TEXT_BYTES);
}

enum st action_decode(const uint8_t image[ACTION_BYTES], struct action *ret)
{
    struct action action;
    memset(&action, 0, sizeof action);
    action.kind = (enum action_kind)image[AT_KIND];
    action.origin = (enum action_origin)image[AT_ORIGIN];
    if (image[AT_VERSION] == 0 || image[AT_KIND] == 0 || image[AT_ORIGIN] == 0) {
        return ST_FOREIGN; /* Erased bytes are no version. */
    }
    if (image[AT_VERSION] != ACTION_VERSION || !kind_is_known(action.kind) ||
        !origin_is_known(action.origin)) {
        return ST_UNSUPPORTED;
    }
    action.number = get_le16(image + AT_NUMBER);
    action.value = get_le16(image + AT_VALUE);
    if (action.kind == ACTION_LAYOUT && action.value > SNAPSHOT_LAYOUT_MAX) {
        return ST_UNSUPPORTED;
    }
    action.card_number = get_le64(image + AT_CARD);
    action.amount = (int64_t)get_le64(image + AT_AMOUNT);
    action.until_s = (int64_t)get_le64(image + AT_UNTIL);
    action.id = get_le64(image + AT_ID);
    memcpy(action.text, image + AT_TEXT, ACTION_TEXT_BYTES);
    if (image[AT_ORIGIN + 1] != 0 || !action_is_valid(&action)) {
        return ST_FOREIGN;
    }
    *ret = action;
    return ST_OK;
}

void action_message(const uint8_t image[ACTION_BYTES], uint8_t ret_message[ACTION_MESSAGE_BYTES])
{
    memcpy(ret_message, seal_purpose, sizeof seal_purpose - 1);
    memcpy(ret_message + sizeof seal_purpose - 1, image, ACTION_BYTES);
}

const char *action_kind_word(enum action_kind kind)
{
    return kind_is_known(kind) ? kinds[kind].word : "?";
}

const char *action_origin_word(enum action_origin origin)
{
    return origin_is_known(origin) ? origins[origin] : "?";
}
