#include "sync/lost.h"

#include <inttypes.h>
#include <stdio.h>

#include "storage/lost.h"
#include "sync/stream.h"

static const char setting[] = "lost.have";

enum { TEXT_MAX = 64 };

enum st lost_have(struct store *store, struct wire_lost_have *ret)
{
    char text[TEXT_MAX];
    int used = 0;
    struct wire_lost_have have = {.is_there = true};
    *ret = have;
    const enum st st = stream_read(store, setting, text, sizeof text);
    if (st == ST_OK &&
        sscanf(text, "%10" SCNu32 " %10" SCNu32 " %18" SCNd64 "%n", &have.known, &have.settled,
               &have.again, &used) == 3 &&
        text[used] == '\0' && have.known <= WIRE_SEQUENCE_MAX && have.settled <= have.known &&
        have.again >= 0) {
        *ret = have;
    }
    return st;
}

static struct club_vouch vouch_of(const struct wire_vouch *vouch)
{
    return (struct club_vouch){.card_number = vouch->card_number,
                               .replaced_by = vouch->replaced_by,
                               .account = vouch->account,
                               .is_settled = vouch->is_settled,
                               .status = vouch->status,
                               .tier = vouch->tier,
                               .group = vouch->group,
                               .kind = vouch->kind,
                               .birthday = vouch->birthday,
                               .wedding = vouch->wedding,
                               .expires = vouch->expires,
                               .points = vouch->points,
                               .credit = vouch->credit,
                               .gift = vouch->gift,
                               .voucher = vouch->voucher,
                               .as_of_s = vouch->as_of_s};
}

enum st lost_receive(struct store *store, const struct wire_lost *news, bool *ret_has_more,
                     struct fault *fault)
{
    struct club_vouch list[WIRE_VOUCHES_MAX];
    char text[TEXT_MAX];
    _Static_assert((int)WIRE_VOUCHES_MAX <= (int)LOST_TAKE_MAX, "one answer is one transaction");
    *ret_has_more = false;
    if (!news->is_there) {
        return ST_OK;
    }
    for (uint32_t i = 0; i < news->count; i += 1) {
        list[i] = vouch_of(&news->list[i]);
    }
    enum st st = lost_take(store, list, news->count);
    if (st == ST_OK) {
        (void)snprintf(text, sizeof text, "%" PRIu32 " %" PRIu32 " %" PRId64, news->known,
                       news->settled, news->again);
        st = setting_put(store, setting, text);
    }
    if (st != ST_OK) {
        *fault = *store_fault(store);
    }
    *ret_has_more = news->count == WIRE_VOUCHES_MAX;
    return st;
}
