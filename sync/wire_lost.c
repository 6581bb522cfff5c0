#include "sync/wire_lost.h"

#include <assert.h>

#include "sync/wire_priv.h"

enum { TIER_MAX = 15, KIND_MAX = 15 };

/* --- writing -------------------------------------------------------------------------------- */

static json_t *cursors_json(uint32_t known, uint32_t settled, int64_t again)
{
    assert(settled <= known && known <= WIRE_SEQUENCE_MAX && again >= 0);
    return json_pack("{s:I, s:I, s:I}", "known", (json_int_t)known, "settled", (json_int_t)settled,
                     "again", (json_int_t)again);
}

bool wire_lost_have_put(json_t *have, const struct wire_lost_have *lost)
{
    return !lost->is_there ||
           json_object_set_new(have, "lost",
                               cursors_json(lost->known, lost->settled, lost->again)) == 0;
}

/* Card numbers travel without their last digit. */
static json_t *vouch_json(const struct wire_vouch *vouch)
{
    return json_pack(
        "{s:I, s:I, s:b, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i}", "card",
        (json_int_t)(vouch->card_number / 10), "replaced", (json_int_t)(vouch->replaced_by / 10),
        "settled", (int)vouch->is_settled, "status", (int)vouch->status, "tier", (int)vouch->tier,
        "group", (int)vouch->group, "points", (json_int_t)vouch->points, "credit",
        (json_int_t)vouch->credit, "gift", (json_int_t)vouch->gift, "voucher",
        (json_int_t)vouch->voucher, "as_of", (json_int_t)vouch->as_of_s, "account",
        (json_int_t)(vouch->account / 10), "kind", (int)vouch->kind, "birthday",
        (int)vouch->birthday, "wedding", (int)vouch->wedding, "expires", (int)vouch->expires);
}

bool wire_lost_put(json_t *answer, const struct wire_lost *lost)
{
    if (!lost->is_there) {
        return true;
    }
    assert(lost->count <= WIRE_VOUCHES_MAX);
    json_t *object = cursors_json(lost->known, lost->settled, lost->again);
    json_t *list = json_array();
    bool is_good = true;
    for (uint32_t i = 0; i < lost->count && is_good; i += 1) {
        is_good = json_array_append_new(list, vouch_json(&lost->list[i])) == 0;
    }
    is_good = json_object_set_new(object, "list", list) == 0 && is_good;
    return json_object_set_new(answer, "lost", object) == 0 && is_good;
}

/* --- reading -------------------------------------------------------------------------------- */

static enum st get_cursors(const json_t *parent, const json_t **ret_lost,
                           struct wire_lost_have *ret, struct fault *fault)
{
    enum st st = wire_read_object(parent, "lost", ret_lost, fault);
    if (st == ST_OK) {
        st = wire_read_number(*ret_lost, "known", 0, WIRE_SEQUENCE_MAX, &ret->known, fault);
    }
    if (st == ST_OK) {
        st = wire_read_number(*ret_lost, "settled", 0, ret->known, &ret->settled, fault);
    }
    return st == ST_OK ? wire_read_integer(*ret_lost, "again", 0, INT64_MAX, &ret->again, fault)
                       : st;
}

enum st wire_lost_have_get(const json_t *have, struct wire_lost_have *ret, struct fault *fault)
{
    const json_t *lost = NULL;
    *ret = (struct wire_lost_have){.is_there = json_object_get(have, "lost") != NULL};
    return ret->is_there ? get_cursors(have, &lost, ret, fault) : ST_OK;
}

/* *ret is 0 when the payload is, and that is allowed. */
static enum st get_card(const json_t *item, const char *name, bool may_be_none, uint64_t *ret,
                        struct fault *fault)
{
    int64_t payload = 0;
    enum st st = wire_read_integer(item, name, may_be_none ? 0 : (int64_t)CARD_PAYLOAD_MIN,
                                   (int64_t)CARD_PAYLOAD_MAX, &payload, fault);
    if (st == ST_OK && payload != 0 && payload < (int64_t)CARD_PAYLOAD_MIN) {
        fault_say(fault, "\"%s\" must be a card number without its last digit, or 0.", name);
        st = ST_FOREIGN;
    }
    if (st == ST_OK) {
        *ret = payload == 0 ? 0 : card_number_make((uint64_t)payload);
    }
    return st;
}

static enum st get_balances(const json_t *item, struct wire_vouch *ret, struct fault *fault)
{
    const struct {
        const char *name;
        int64_t max;
        int64_t *ret;
    } fields[] = {
        {"points", POINTS_MAX, &ret->points},
        {"credit", snapshot_purse_max(PURSE_CREDIT), &ret->credit},
        {"gift", snapshot_purse_max(PURSE_GIFT), &ret->gift},
        {"voucher", snapshot_purse_max(PURSE_VOUCHER), &ret->voucher},
        {"as_of", INT64_MAX, &ret->as_of_s},
    };
    enum st st = ST_OK;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && st == ST_OK; i += 1) {
        st = wire_read_integer(item, fields[i].name, 0, fields[i].max, fields[i].ret, fault);
    }
    return st;
}

static enum st get_small(const json_t *item, struct wire_vouch *ret, struct fault *fault)
{
    uint32_t status = 0, tier = 0, group = 0, kind = 0, birthday = 0, wedding = 0, expires = 0;
    const struct {
        const char *name;
        uint32_t max;
        uint32_t *ret;
    } fields[] = {
        {"status", CARD_CLOSED, &status},    {"tier", TIER_MAX, &tier},
        {"group", UINT8_MAX, &group},        {"kind", KIND_MAX, &kind},
        {"birthday", UINT16_MAX, &birthday}, {"wedding", UINT16_MAX, &wedding},
        {"expires", UINT16_MAX, &expires},
    };
    enum st st = ST_OK;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && st == ST_OK; i += 1) {
        st = wire_read_number(item, fields[i].name, 0, fields[i].max, fields[i].ret, fault);
    }
    ret->status = (uint8_t)status;
    ret->tier = (uint8_t)tier;
    ret->group = (uint8_t)group;
    ret->kind = (uint8_t)kind;
    ret->birthday = (uint16_t)birthday;
    ret->wedding = (uint16_t)wedding;
    ret->expires = (uint16_t)expires;
    return st;
}

static enum st get_vouch(const json_t *item, struct wire_vouch *ret, struct fault *fault)
{
    const json_t *settled = json_object_get(item, "settled");
    if (!json_is_object(item) || !json_is_boolean(settled)) {
        fault_say(fault, "Each of \"lost\" must be an object with \"settled\", true or false.");
        return ST_FOREIGN;
    }
    ret->is_settled = json_is_true(settled);
    enum st st = get_card(item, "card", false, &ret->card_number, fault);
    if (st == ST_OK) {
        st = get_card(item, "replaced", true, &ret->replaced_by, fault);
    }
    if (st == ST_OK) {
        st = get_card(item, "account", true, &ret->account, fault);
    }
    if (st == ST_OK) {
        st = get_small(item, ret, fault);
    }
    return st == ST_OK ? get_balances(item, ret, fault) : st;
}

enum st wire_lost_get(const json_t *answer, struct wire_lost *ret, struct fault *fault)
{
    const json_t *lost = NULL;
    struct wire_lost_have now;
    ret->is_there = json_object_get(answer, "lost") != NULL;
    ret->count = 0;
    if (!ret->is_there) {
        return ST_OK;
    }
    enum st st = get_cursors(answer, &lost, &now, fault);
    if (st == ST_OK) {
        ret->known = now.known;
        ret->settled = now.settled;
        ret->again = now.again;
    }
    const json_t *list = json_object_get(lost, "list");
    if (st == ST_OK && (!json_is_array(list) || json_array_size(list) > WIRE_VOUCHES_MAX)) {
        fault_say(fault, "\"lost\" must have \"list\", at most %d cards.", WIRE_VOUCHES_MAX);
        st = ST_FOREIGN;
    }
    for (size_t i = 0; i < json_array_size(list) && st == ST_OK; i += 1) {
        st = get_vouch(json_array_get(list, i), &ret->list[i], fault);
        ret->count += 1;
    }
    return st;
}
