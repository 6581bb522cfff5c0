#include "storage/ranges.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SETTING_FIRST "cards.first"
#define SETTING_LAST  "cards.last"
#define SETTING_MORE  "cards.more"
#define SETTING_USED  "cards.used"

enum { RANGE_TEXT_MAX = 2 * 16 + 2, MORE_MAX = RANGES_MAX * RANGE_TEXT_MAX + 1 };

/* A setting that is not there, or too long for one of ours, is empty: whoever wrote it tested it, a
 * wrong one gives no numbers. */
static enum st text_get(struct store *store, const char *name, char *ret, size_t max)
{
    const enum st st = setting_get(store, name, ret, max);
    if (st == ST_REFUSED || st == ST_FULL) {
        ret[0] = '\0';
        return ST_OK;
    }
    return st;
}

static void add(struct ranges *ranges, uint64_t first, uint64_t last)
{
    if (first >= 1 && first <= last && ranges->count < RANGES_MAX) {
        ranges->list[ranges->count].first = first;
        ranges->list[ranges->count].last = last;
        ranges->count++;
    }
}

/* Where the terminal stands: behind the last number used, in its range or at the next one's
 * beginning. */
static void find_next(struct ranges *ranges, uint64_t used_first, uint64_t used)
{
    ranges->at = 0;
    ranges->next = ranges->count > 0 ? ranges->list[0].first : 0;
    for (size_t i = 0; i < ranges->count; i++) {
        if (ranges->list[i].first != used_first || used < used_first) {
            continue;
        }
        const bool has_more = used < ranges->list[i].last;
        ranges->at = has_more ? i : i + 1;
        ranges->next = has_more ? used + 1 : i + 1 < ranges->count ? ranges->list[i + 1].first : 0;
    }
}

enum st ranges_load(struct store *store, struct ranges *ret)
{
    char first[32], last[32], used[64], more[MORE_MAX];
    *ret = (struct ranges){.count = 0};
    enum st st = text_get(store, SETTING_FIRST, first, sizeof first);
    if (st == ST_OK) {
        st = text_get(store, SETTING_LAST, last, sizeof last);
    }
    if (st == ST_OK) {
        st = text_get(store, SETTING_MORE, more, sizeof more);
    }
    if (st == ST_OK) {
        st = text_get(store, SETTING_USED, used, sizeof used);
    }
    if (st != ST_OK) {
        return st;
    }
    uint64_t from = 0, to = 0, used_first = 0, used_last = 0;
    if (sscanf(first, "%" SCNu64, &from) == 1 && sscanf(last, "%" SCNu64, &to) == 1) {
        add(ret, from, to);
    }
    int size = 0;
    for (const char *at = more; sscanf(at, "%" SCNu64 "-%" SCNu64 "%n", &from, &to, &size) == 2;
         at += size) {
        add(ret, from, to);
    }
    const bool has_used = sscanf(used, "%" SCNu64 " %" SCNu64, &used_first, &used_last) == 2;
    find_next(ret, has_used ? used_first : 0, used_last);
    return ST_OK;
}

uint64_t ranges_left(const struct ranges *ranges)
{
    uint64_t left = 0;
    for (size_t i = ranges->at; i < ranges->count; i++) {
        const uint64_t from = i == ranges->at ? ranges->next : ranges->list[i].first;
        left += ranges->list[i].last - from + 1;
    }
    return left;
}

bool ranges_have(const struct ranges *ranges, uint64_t payload)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if (payload >= ranges->list[i].first && payload <= ranges->list[i].last) {
            return true;
        }
    }
    return false;
}

bool ranges_is_used(const struct ranges *ranges, uint64_t payload)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if (payload >= ranges->list[i].first && payload <= ranges->list[i].last) {
            return i < ranges->at || (i == ranges->at && payload < ranges->next);
        }
    }
    return false;
}

enum st ranges_use(struct store *store, const struct ranges *ranges)
{
    char text[64];
    assert(ranges->at < ranges->count && ranges->next != 0);
    (void)snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, ranges->list[ranges->at].first,
                   ranges->next);
    return setting_put(store, SETTING_USED, text);
}

/* The range in work must stay in the list, since cards.used names it; the enrolment's is not in
 * cards.more. */
static enum st put_more(struct store *store, const struct ranges *ranges)
{
    char text[MORE_MAX] = "";
    size_t size = 0;
    for (size_t i = 1; i < ranges->count; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%" PRIu64 "-%" PRIu64,
                                 size > 0 ? " " : "", ranges->list[i].first, ranges->list[i].last);
        assert(size < sizeof text);
    }
    return setting_put(store, SETTING_MORE, text);
}

enum st ranges_add(struct store *store, uint64_t first, uint64_t last)
{
    struct ranges ranges;
    assert(first >= 1 && first <= last);
    const enum st st = ranges_load(store, &ranges);
    if (st != ST_OK) {
        return st;
    }
    for (size_t i = 0; i < ranges.count; i++) {
        if (ranges.list[i].first == first) {
            return ST_OK;
        }
    }
    /* The terminal may go on to the next range meanwhile: one before the one in work is kept. */
    while (ranges.count == RANGES_MAX && ranges.at > 2) {
        memmove(&ranges.list[1], &ranges.list[2], (ranges.count - 2) * sizeof ranges.list[0]);
        ranges.count--;
        ranges.at--;
    }
    if (ranges.count == RANGES_MAX) {
        return ST_FULL;
    }
    add(&ranges, first, last);
    return put_more(store, &ranges);
}
