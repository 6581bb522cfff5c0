#include "sync/waiting.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "firmware/engine/snapshot.h"
#include "hal/base/bytes.h"
#include "storage/actions.h"
#include "sync/stream.h"

static const char setting_have[] = "actions.have";
static const char nothing[] = "0 0000000000000000 0";

enum { MARK_DIGITS = 2 * WIRE_ACTION_MARK_BYTES, TEXT_MAX = 64 };

enum st waiting_have(struct store *store, struct wire_actions_have *ret)
{
    char text[TEXT_MAX], mark[MARK_DIGITS + 1];
    int used = 0;
    struct wire_actions_have have = {.is_there = true, .layout = SNAPSHOT_LAYOUT_MAX};
    const enum st st = stream_read(store, setting_have, text, sizeof text);
    if (st != ST_OK) {
        return st;
    }
    *ret = have;
    if (sscanf(text, "%10" SCNu32 " %16[0-9a-f] %10" SCNu32 "%n", &have.no, mark, &have.start,
               &used) == 3 &&
        text[used] == '\0' && have.no <= INT32_MAX && have.start <= INT32_MAX &&
        hex_decode(mark, have.mark, sizeof have.mark) == ST_OK) {
        *ret = have;
    }
    return ST_OK;
}

/* From 0 the club begins anew. The setting goes first: cut before the rows are gone, it all comes
 * again; the other way round the club would go on where it was, and what was dropped were lost. */
static enum st begin_anew(struct store *store)
{
    const enum st st = setting_put(store, setting_have, nothing);
    return st == ST_OK ? actions_drop(store) : st;
}

static enum st take_rows(struct store *store, const struct wire_actions *news)
{
    static struct club_action rows[CLUB_ACTIONS_MAX];
    _Static_assert((int)CLUB_ACTION_IMAGE_BYTES == (int)ACTION_BYTES &&
                       (int)CLUB_ACTION_SEAL_BYTES == (int)ACTION_SEAL_BYTES,
                   "the store keeps them as they come");
    enum st st = ST_OK;
    for (uint32_t at = 0; at < news->count && st == ST_OK;) {
        size_t count = 0;
        for (; count < CLUB_ACTIONS_MAX && at < news->count; count += 1, at += 1) {
            const struct wire_action *item = &news->list[at];
            rows[count] = (struct club_action){
                .card_number = item->card_number, .number = item->number, .is_past = item->is_past};
            memcpy(rows[count].image, item->image, sizeof rows[count].image);
            memcpy(rows[count].seal, item->seal, sizeof rows[count].seal);
        }
        st = actions_take(store, rows, count);
    }
    return st;
}

enum st waiting_take(struct store *store, const struct wire_actions *news, bool *ret_more)
{
    char text[TEXT_MAX], mark[MARK_DIGITS + 1];
    enum st st = news->from == 0 ? begin_anew(store) : ST_OK;
    if (st == ST_OK) {
        st = take_rows(store, news);
    }
    if (st != ST_OK) {
        return st;
    }
    hex_encode(news->mark, sizeof news->mark, mark);
    (void)snprintf(text, sizeof text, "%" PRIu32 " %s %" PRIu32, news->to, mark, news->start);
    *ret_more = news->count == WIRE_ACTIONS_MAX;
    return setting_put(store, setting_have, text);
}
