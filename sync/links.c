#include "sync/links.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "sync/stream.h"

/* The number of the last link and the beginning of its hash, or "0". */
static const char setting[] = "links.have";

enum { TEXT_MAX = 64 };

enum st links_have(struct store *store, struct wire_links_have *ret)
{
    char text[TEXT_MAX];
    struct wire_links_have have = {.is_there = true};
    const enum st st = stream_read(store, setting, text, sizeof text);
    if (st != ST_OK) {
        return st;
    }
    *ret = have;
    char *end = text;
    const unsigned long no = strtoul(text, &end, 10);
    if (no >= 1 && no <= INT32_MAX && *end == ' ' &&
        hex_decode(end + 1, have.mark, sizeof have.mark) == ST_OK) {
        have.no = (uint32_t)no;
        *ret = have;
    }
    return ST_OK;
}

enum st links_receive(struct store *store, const struct wire_links *news, bool *ret_has_more)
{
    struct club_link links[WIRE_LINKS_MAX];
    _Static_assert((int)WIRE_LINKS_MAX <= (int)CLUB_LINKS_MAX, "one answer is one transaction");
    for (uint32_t i = 0; i < news->count; i += 1) {
        links[i].key_version = news->list[i].medium[0];
        memcpy(links[i].tag, news->list[i].medium + 1, sizeof links[i].tag);
        links[i].card_number = news->list[i].card_number;
    }
    char text[TEXT_MAX] = "0";
    if (news->count > 0) {
        char mark[2 * WIRE_LINK_MARK_BYTES + 1];
        hex_encode(links[news->count - 1].tag, WIRE_LINK_MARK_BYTES, mark);
        (void)snprintf(text, sizeof text, "%" PRIu32 " %s", news->from + news->count, mark);
    }
    *ret_has_more = news->count == WIRE_LINKS_MAX;
    const enum st st = links_take(store, links, news->count);
    return st == ST_OK ? setting_put(store, setting, text) : st;
}
