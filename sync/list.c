#include "sync/list.h"

#include <string.h>

#include "storage/lost.h"

static const char setting_say[] = "hotlist.say";

void list_init(struct list *list, const char *database)
{
    *list = (struct list){.database = database};
}

void list_finish(struct list *list)
{
    hotlist_close(list->hotlist);
    list->hotlist = NULL;
}

/* After trouble the file is opened anew at the next contact; a damaged one is made anew, for
 * nothing is in it that the club does not have. A foreign one is somebody else's: left alone. */
static void give_up(struct list *list, enum st st, const struct fault *fault)
{
    list->say = *fault;
    list_finish(list);
    if (st == ST_CORRUPT) {
        struct fault why;
        if (hotlist_discard(list->database, &why) != ST_OK) {
            list->say = why;
        }
    }
}

static enum st open_list(struct list *list)
{
    const struct hotlist_config config = {.database = list->database, .create = true};
    struct fault fault = {""};
    enum st st = ST_OK;
    for (int tries = 0; tries < 2 && list->hotlist == NULL; tries++) {
        st = hotlist_open(&config, &list->hotlist, &fault);
        if (st == ST_OK) {
            return ST_OK;
        }
        list->hotlist = NULL;
        give_up(list, st, &fault);
        if (st != ST_CORRUPT) {
            break;
        }
    }
    return st;
}

bool list_have(struct list *list, struct wire_list_have *ret)
{
    struct hotlist_head head;
    if (list->database == NULL) {
        return false;
    }
    if (list->hotlist != NULL && !hotlist_is_current(list->hotlist)) {
        list_finish(list);
    }
    if (open_list(list) != ST_OK) {
        return false;
    }
    const enum st st = hotlist_head(list->hotlist, &head);
    if (st != ST_OK) {
        const struct fault fault = *hotlist_fault(list->hotlist);
        give_up(list, st, &fault);
        return false;
    }
    *ret = (struct wire_list_have){.version = head.version,
                                   .mark = head.mark,
                                   .has_next = head.has_next,
                                   .next_version = head.next_version,
                                   .next_mark = head.next_mark,
                                   .next_after = head.next_after};
    return true;
}

/* True when there is nothing in it but what was written down lately. */
static bool is_noted(struct list *list, const struct wire_list *news, int64_t made_s)
{
    struct hotlist_head head;
    return news->from == news->to && hotlist_head(list->hotlist, &head) == ST_OK &&
           head.version == news->to && head.mark == news->to_mark &&
           (made_s == 0 || (made_s >= head.made_s && made_s - head.made_s < LIST_MADE_STEP_S));
}

static enum st take(struct list *list, const struct wire_list *news, int64_t now_s)
{
    if (news->is_piece) {
        const struct hotlist_piece piece = {.version = news->to,
                                            .mark = news->to_mark,
                                            .after = news->after,
                                            .is_last = news->is_last,
                                            .cards = news->changes,
                                            .count = news->count};
        return hotlist_load(list->hotlist, &piece);
    }
    const struct hotlist_delta delta = {.from = news->from,
                                        .from_mark = news->from_mark,
                                        .to = news->to,
                                        .to_mark = news->to_mark,
                                        .made_s = news->is_newest ? now_s : 0,
                                        .changes = news->changes,
                                        .count = news->count};
    return is_noted(list, news, delta.made_s) ? ST_OK : hotlist_apply(list->hotlist, &delta);
}

bool list_take(struct list *list, const struct wire_list *news, int64_t now_s)
{
    if (list->hotlist == NULL) {
        return false;
    }
    const enum st st = take(list, news, now_s);
    if (st != ST_OK) {
        const struct fault fault = *hotlist_fault(list->hotlist);
        give_up(list, st, &fault);
        return false;
    }
    list->say = (struct fault){""};
    const bool is_progress = news->is_piece || news->to > news->from;
    return is_progress && (news->is_piece || !news->is_newest);
}

enum st list_note_made(struct list *list, struct store *store, const struct wire_list *news,
                       uint32_t acknowledged)
{
    struct hotlist_head head;
    if (news->is_piece || !news->is_newest || list->hotlist == NULL ||
        hotlist_head(list->hotlist, &head) != ST_OK || head.version != news->to ||
        head.mark != news->to_mark) {
        return ST_OK; /* it could not be taken in, or there is more to come */
    }
    return lost_note_list(store, acknowledged, head.version, head.mark);
}

enum st list_note(struct list *list, struct store *store)
{
    char before[sizeof list->say.say + 1];
    enum st st = setting_get(store, setting_say, before, sizeof before);
    if (st == ST_OK && strcmp(before, list->say.say) == 0) {
        return ST_OK;
    }
    if (st == ST_REFUSED && list->say.say[0] == '\0') {
        return ST_OK; /* never set, and nothing to say */
    }
    return setting_put(store, setting_say, list->say.say);
}
