#include "firmware/engine/occasion.h"

#include <assert.h>
#include <string.h>

#include "firmware/engine/particulars.h"
#include "hal/base/bytes.h"

/* Bits of the first byte: what follows, in this order. */
enum {
    HAS_FACTS = 1,
    HAS_IDENTITY = 2,
    HAS_CODE = 4,
    HAS_PLACE = 8,
    HAS_LINES = 16,
    HAS_ACTIONS = 32,
    HAS_PEER = 64,
    HAS_OWNER = 128, /* with a peer the account, else a newcomer */
};

enum {
    IDENTITY_BYTES = 7,
    CODE_BYTES = 1,
    PLACE_BYTES = 8,
    LINE_BYTES = 10,
    PEER_BYTES = 17,
    NEWCOMER_BYTES = 3,
    ACCOUNT_BYTES = 8,
};
_Static_assert(1 + (int)FACTS_BYTES + (int)IDENTITY_BYTES + (int)CODE_BYTES + (int)PLACE_BYTES + 1 +
                       (int)BASKET_LINES_MAX * (int)LINE_BYTES ==
                   (int)OCCASION_BYTES_MAX,
               "the largest occasion");
_Static_assert((int)CODE_BYTES + 1 + (int)BASKET_LINES_MAX * (int)LINE_BYTES >=
                   1 + (int)ACTION_RUN_MAX * (int)ACTION_BYTES + (int)PEER_BYTES +
                       (int)ACCOUNT_BYTES,
               "actions, peer, account and newcomer go without code and lines");

static bool line_is_valid(const struct basket_line *line)
{
    return line->amount.rials >= 0 && line->amount.rials <= MONEY_MAX_RIALS &&
           line->milli <= BASKET_MILLI_MAX;
}

static bool actions_are_valid(const struct occasion *occasion)
{
    const struct action *first = &occasion->actions[0];
    if (occasion->action_count > ACTION_RUN_MAX) {
        return false;
    }
    for (size_t i = 0; i < occasion->action_count; i += 1) {
        const struct action *action = &occasion->actions[i];
        if (!action_is_valid(action) || action->number != first->number + i ||
            action->card_number != first->card_number) {
            return false;
        }
    }
    return true;
}

static bool peer_is_valid(const struct peer *peer)
{
    if (peer->direction == PEER_NONE) {
        return peer->card_number == 0 && peer->terminal == 0 && peer->sequence == 0;
    }
    bool is_known = peer->terminal != 0;
    return (peer->direction == PEER_OUT || peer->direction == PEER_IN) &&
           (peer->card_number == 0 || card_number_is_valid(peer->card_number)) &&
           peer->terminal <= SNAPSHOT_TERMINAL_MAX && peer->sequence <= SNAPSHOT_SEQUENCE_MAX &&
           is_known == (peer->sequence != 0) && (!is_known || peer->card_number != 0);
}

static bool newcomer_is_valid(const struct occasion *occasion)
{
    const struct newcomer *newcomer = &occasion->newcomer;
    return occasion->has_newcomer
               ? newcomer->account <= ACCOUNT_STAFF && newcomer->route <= ROUTE_BATCH
               : newcomer->account == 0 && newcomer->route == 0 && newcomer->group == 0;
}

bool occasion_is_valid(const struct occasion *occasion)
{
    const unsigned kinds = (occasion->code != 0 || occasion->line_count != 0 ? 1U : 0U) +
                           (occasion->action_count != 0 ? 1U : 0U) +
                           (occasion->peer.direction != PEER_NONE ? 1U : 0U) +
                           (occasion->has_newcomer ? 1U : 0U);
    if (occasion->line_count > BASKET_LINES_MAX || kinds > 1 || !actions_are_valid(occasion) ||
        !peer_is_valid(&occasion->peer) || !newcomer_is_valid(occasion) ||
        (occasion->account != 0 &&
         (occasion->peer.direction == PEER_NONE || !card_number_is_valid(occasion->account))) ||
        (occasion->has_facts && !facts_are_valid(&occasion->facts))) {
        return false;
    }
    for (size_t i = 0; i < occasion->line_count; i += 1) {
        const struct basket_line *line = &occasion->lines[i];
        if (!line_is_valid(line) || (i > 0 && line->product <= line[-1].product)) {
            return false;
        }
    }
    return true;
}

static uint8_t what_is_there(const struct occasion *occasion)
{
    return (uint8_t)((occasion->has_facts ? HAS_FACTS : 0) |
                     (occasion->has_identity ? HAS_IDENTITY : 0) |
                     (occasion->code != 0 ? HAS_CODE : 0) |
                     (occasion->merchant != 0 || occasion->branch != 0 ? HAS_PLACE : 0) |
                     (occasion->line_count != 0 ? HAS_LINES : 0) |
                     (occasion->action_count != 0 ? HAS_ACTIONS : 0) |
                     (occasion->peer.direction != PEER_NONE ? HAS_PEER : 0) |
                     (occasion->has_newcomer || occasion->account != 0 ? HAS_OWNER : 0));
}

size_t occasion_encode(const struct occasion *occasion, uint8_t ret_bytes[OCCASION_BYTES_MAX])
{
    assert(occasion_is_valid(occasion));

    uint8_t has = what_is_there(occasion);
    uint8_t *at = ret_bytes;
    *at++ = has;
    if ((has & HAS_FACTS) != 0) {
        facts_encode(&occasion->facts, at);
        at += FACTS_BYTES;
    }
    if ((has & HAS_IDENTITY) != 0) {
        at[0] = occasion->kind;
        put_le16(at + 1, occasion->birthday);
        put_le16(at + 3, occasion->wedding);
        put_le16(at + 5, occasion->expires);
        at += IDENTITY_BYTES;
    }
    if ((has & HAS_CODE) != 0) {
        *at = occasion->code;
        at += CODE_BYTES;
    }
    if ((has & HAS_PLACE) != 0) {
        put_le32(at, occasion->merchant);
        put_le32(at + 4, occasion->branch);
        at += PLACE_BYTES;
    }
    if ((has & HAS_LINES) != 0) {
        *at++ = occasion->line_count;
        for (size_t i = 0; i < occasion->line_count; i += 1) {
            const struct basket_line *line = &occasion->lines[i];
            at[0] = line->product;
            put_le32(at + 1, (uint32_t)line->amount.rials);
            at[5] = (uint8_t)(line->amount.rials >> 32);
            put_le32(at + 6, line->milli);
            at += LINE_BYTES;
        }
    }
    if ((has & HAS_ACTIONS) != 0) {
        *at++ = occasion->action_count;
        for (size_t i = 0; i < occasion->action_count; i += 1) {
            action_encode(&occasion->actions[i], at);
            at += ACTION_BYTES;
        }
    }
    if ((has & HAS_PEER) != 0) {
        at[0] = (uint8_t)occasion->peer.direction;
        put_le64(at + 1, occasion->peer.card_number);
        put_le32(at + 9, occasion->peer.terminal);
        put_le32(at + 13, occasion->peer.sequence);
        at += PEER_BYTES;
    }
    if (occasion->has_newcomer) {
        at[0] = occasion->newcomer.account;
        at[1] = occasion->newcomer.route;
        at[2] = occasion->newcomer.group;
        at += NEWCOMER_BYTES;
    }
    if (occasion->account != 0) {
        put_le64(at, occasion->account);
        at += ACCOUNT_BYTES;
    }
    return (size_t)(at - ret_bytes);
}

/* --- bytes to struct ----------------------------------------------------------------------- */

/* What is left of foreign bytes. */
struct rest {
    const uint8_t *at;
    size_t size;
};

/* The next `size` bytes, or NULL when there are not so many. */
static const uint8_t *take(struct rest *rest, size_t size)
{
    if (rest->size < size) {
        return NULL;
    }
    const uint8_t *at = rest->at;
    rest->at += size;
    rest->size -= size;
    return at;
}

static bool take_lines(struct rest *rest, struct occasion *ret)
{
    const uint8_t *count = take(rest, 1);
    if (count == NULL || *count > BASKET_LINES_MAX) {
        return false;
    }
    for (uint8_t i = 0; i < *count; i += 1) {
        const uint8_t *at = take(rest, LINE_BYTES);
        if (at == NULL) {
            return false;
        }
        ret->lines[i] = (struct basket_line){
            .product = at[0],
            .amount = {(int64_t)get_le32(at + 1) | (int64_t)at[5] << 32},
            .milli = get_le32(at + 6),
        };
    }
    ret->line_count = *count;
    return true;
}

static bool take_actions(struct rest *rest, struct occasion *ret)
{
    const uint8_t *count = take(rest, 1);
    if (count == NULL || *count > ACTION_RUN_MAX) {
        return false;
    }
    for (uint8_t i = 0; i < *count; i += 1) {
        const uint8_t *at = take(rest, ACTION_BYTES);
        if (at == NULL || action_decode(at, &ret->actions[i]) != ST_OK) {
            return false;
        }
    }
    ret->action_count = *count;
    return true;
}

static bool take_peer(struct rest *rest, struct occasion *ret)
{
    const uint8_t *at = take(rest, PEER_BYTES);
    if (at == NULL) {
        return false;
    }
    ret->peer = (struct peer){.direction = (enum peer_direction)at[0],
                              .card_number = get_le64(at + 1),
                              .terminal = get_le32(at + 9),
                              .sequence = get_le32(at + 13)};
    return true;
}

static bool take_newcomer(struct rest *rest, struct occasion *ret)
{
    const uint8_t *at = take(rest, NEWCOMER_BYTES);
    if (at == NULL) {
        return false;
    }
    ret->has_newcomer = true;
    ret->newcomer = (struct newcomer){.account = at[0], .route = at[1], .group = at[2]};
    return true;
}

static bool take_account(struct rest *rest, struct occasion *ret)
{
    const uint8_t *at = take(rest, ACCOUNT_BYTES);
    if (at == NULL) {
        return false;
    }
    ret->account = get_le64(at);
    return true;
}

static bool take_owner(struct rest *rest, struct occasion *ret)
{
    return ret->peer.direction != PEER_NONE ? take_account(rest, ret) : take_newcomer(rest, ret);
}

static bool take_all(struct rest *rest, struct occasion *ret)
{
    const uint8_t *has = take(rest, 1);
    if (has == NULL) {
        return false;
    }
    if ((*has & HAS_FACTS) != 0) {
        const uint8_t *at = take(rest, FACTS_BYTES);
        ret->has_facts = at != NULL && facts_decode(at, &ret->facts) == ST_OK;
        if (!ret->has_facts) {
            return false;
        }
    }
    if ((*has & HAS_IDENTITY) != 0) {
        const uint8_t *at = take(rest, IDENTITY_BYTES);
        if (at == NULL) {
            return false;
        }
        ret->has_identity = true;
        ret->kind = at[0];
        ret->birthday = get_le16(at + 1);
        ret->wedding = get_le16(at + 3);
        ret->expires = get_le16(at + 5);
    }
    if ((*has & HAS_CODE) != 0) {
        const uint8_t *at = take(rest, CODE_BYTES);
        if (at == NULL) {
            return false;
        }
        ret->code = *at;
    }
    if ((*has & HAS_PLACE) != 0) {
        const uint8_t *at = take(rest, PLACE_BYTES);
        if (at == NULL) {
            return false;
        }
        ret->merchant = get_le32(at);
        ret->branch = get_le32(at + 4);
    }
    /* A part that is announced and empty is not how it is written. */
    return ((*has & HAS_LINES) == 0 || take_lines(rest, ret)) &&
           ((*has & HAS_ACTIONS) == 0 || take_actions(rest, ret)) &&
           ((*has & HAS_PEER) == 0 || take_peer(rest, ret)) &&
           ((*has & HAS_OWNER) == 0 || take_owner(rest, ret)) && rest->size == 0 &&
           *has == what_is_there(ret);
}

enum st occasion_decode(const uint8_t *bytes, size_t size, struct occasion *ret)
{
    struct rest rest = {.at = bytes, .size = size};
    struct occasion occasion;
    memset(&occasion, 0, sizeof occasion);
    if (!take_all(&rest, &occasion) || !occasion_is_valid(&occasion)) {
        return ST_FOREIGN;
    }
    *ret = occasion;
    return ST_OK;
}
