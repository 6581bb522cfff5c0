#include "sync/numbers.h"

#include <inttypes.h>

#include "firmware/engine/media.h"
#include "storage/ranges.h"

enum st numbers_have(struct store *store, struct wire_numbers_have *ret)
{
    struct ranges ranges;
    *ret = (struct wire_numbers_have){.is_there = false};
    const enum st st = ranges_load(store, &ranges);
    if (st == ST_OK && ranges.count > 0) {
        *ret = (struct wire_numbers_have){.is_there = true,
                                          .left = ranges_left(&ranges),
                                          .last = ranges.list[ranges.count - 1].last};
    }
    return st;
}

enum st numbers_take(struct store *store, const struct wire_numbers *news, struct fault *fault)
{
    static const struct media_range own = MEDIA_RANGE_CLUB;
    if (!news->is_there) {
        return ST_OK;
    }
    if (news->first < own.first || news->last > own.last) {
        fault_say(fault,
                  "The club's answer makes no sense: card numbers %" PRIu64 " to %" PRIu64
                  " are not a club's.",
                  news->first, news->last);
        return ST_FOREIGN;
    }
    const enum st st = ranges_add(store, news->first, news->last);
    if (st != ST_OK) {
        *fault = *store_fault(store);
    }
    return st;
}
