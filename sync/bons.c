#include "sync/bons.h"

#include <inttypes.h>
#include <stdio.h>

#include "storage/bons.h"
#include "sync/stream.h"

/* The number of the last change and the change itself: "NO SERIES SERIAL USED TERMINAL SEQUENCE".
 */
static const char setting[] = "bons.have";

enum st bons_have(struct store *store, struct wire_bons_have *ret)
{
    char text[96];
    const enum st st = stream_read(store, setting, text, sizeof text);
    *ret = (struct wire_bons_have){.is_there = true};
    if (st != ST_OK) {
        return st;
    }
    unsigned used = 0;
    struct wire_bons_have have = {.is_there = true};
    struct wire_bon *last = &have.last;
    if (sscanf(text, "%" SCNu32 " %" SCNu32 " %" SCNu32 " %u %" SCNu32 " %" SCNu32, &have.no,
               &last->series, &last->serial, &used, &last->terminal, &last->sequence) == 6 &&
        have.no >= 1 && have.no <= INT32_MAX && last->series >= 1 && last->serial >= 1 &&
        last->terminal >= 1 && last->sequence >= 1) {
        last->is_used = used != 0;
        *ret = have;
    }
    return ST_OK;
}

static enum st note(struct store *store, const struct wire_bons *news)
{
    char text[96] = "0";
    if (news->count > 0) {
        const struct wire_bon *last = &news->list[news->count - 1];
        (void)snprintf(text, sizeof text,
                       "%" PRIu32 " %" PRIu32 " %" PRIu32 " %d %" PRIu32 " %" PRIu32,
                       news->from + news->count, last->series, last->serial, last->is_used,
                       last->terminal, last->sequence);
    }
    return setting_put(store, setting, text);
}

enum st bons_receive(struct store *store, const struct wire_bons_have *have,
                     const struct wire_bons *news, bool *ret_has_more, struct fault *fault)
{
    struct club_bon bons[WIRE_BONS_MAX];
    _Static_assert((int)WIRE_BONS_MAX <= (int)CLUB_BONS_MAX, "one answer is one transaction");
    *ret_has_more = false;
    if (!news->is_there) {
        return ST_OK;
    }
    if (stream_check("vouchers", news->from, have->no, fault) != ST_OK) {
        return ST_FOREIGN;
    }
    for (uint32_t i = 0; i < news->count; i += 1) {
        bons[i] = (struct club_bon){.series = news->list[i].series,
                                    .serial = news->list[i].serial,
                                    .is_used = news->list[i].is_used,
                                    .terminal = news->list[i].terminal,
                                    .sequence = news->list[i].sequence};
    }
    enum st st = bons_take(store, bons, news->count);
    if (st == ST_OK) {
        st = note(store, news);
    }
    if (st != ST_OK) {
        *fault = *store_fault(store);
    }
    *ret_has_more = news->count == WIRE_BONS_MAX;
    return st;
}
