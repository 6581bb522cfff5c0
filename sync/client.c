#include "sync/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/clock.h"
#include "storage/lost.h"
#include "storage/mandates.h"
#include "storage/rules.h"
#include "sync/batch.h"
#include "sync/bons.h"
#include "sync/links.h"
#include "sync/list.h"
#include "sync/lost.h"
#include "sync/numbers.h"
#include "sync/stream.h"
#include "sync/waiting.h"

struct client {
    struct store *store;
    struct line *line;
    uint32_t batch; /* shrinks when a batch, packed, is larger than allowed */
    const char *firmware;
    struct list list;
    int64_t time_offset_s; /* as last stored */
    bool has_time_offset;
    struct journal_row rows[WIRE_ENTRIES_MAX + 1];
    struct wire_sync request;
    char text[WIRE_REQUEST_MAX];
    struct wire_room room; /* of the answer */
};

enum st client_open(const struct client_config *config, struct client **ret)
{
    assert(config->batch >= 1 && config->batch <= WIRE_ENTRIES_MAX);
    assert(strlen(config->firmware) <= WIRE_FIRMWARE_MAX);

    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return ST_IO;
    }
    client->store = config->store;
    client->line = config->line;
    client->batch = config->batch;
    client->firmware = config->firmware;
    list_init(&client->list, config->database);
    *ret = client;
    return ST_OK;
}

void client_close(struct client *client)
{
    if (client != NULL) {
        list_finish(&client->list);
    }
    free(client);
}

void client_set_device(struct client *client, const struct wire_device *device)
{
    client->request.device = *device;
}

bool client_needs_person(enum st st)
{
    return st == ST_DENIED || st == ST_REFUSED || st == ST_CORRUPT;
}

/* Passes on what the store says. */
static enum st store_says(const struct client *client, enum st st, struct fault *fault)
{
    return batch_store_says(client->store, st, fault);
}

/* --- what the club numbers -------------------------------------------------------------------- */

static enum st read_streams(struct client *client, struct fault *fault)
{
    struct wire_sync *request = &client->request;
    enum st st = links_have(client->store, &request->links);
    if (st == ST_OK) {
        st = waiting_have(client->store, &request->actions);
    }
    if (st == ST_OK) {
        st = bons_have(client->store, &request->bons);
    }
    if (st == ST_OK) {
        st = lost_have(client->store, &request->lost);
    }
    return st == ST_OK ? ST_OK : store_says(client, st, fault);
}

static enum st take_links(struct client *client, const struct wire_links *news,
                          struct client_report *report, struct fault *fault)
{
    bool has_more = false;
    const enum st st = links_receive(client->store, news, &has_more);
    report->has_more |= has_more;
    return st == ST_OK ? ST_OK : store_says(client, st, fault);
}

static enum st take_actions(struct client *client, const struct wire_actions *news,
                            struct client_report *report, struct fault *fault)
{
    bool has_more = false;
    enum st st = stream_check("actions", news->from, client->request.actions.no, fault);
    if (st != ST_OK) {
        return st;
    }
    st = waiting_take(client->store, news, &has_more);
    report->has_more |= has_more;
    return st == ST_OK ? ST_OK : store_says(client, st, fault);
}

/* --- the mandate ----------------------------------------------------------------------------- */

static enum st read_mandate_have(struct client *client, struct fault *fault)
{
    const enum st st = mandate_version(client->store, &client->request.mandate);
    return st == ST_OK ? ST_OK : store_says(client, st, fault);
}

/* One that is refused is not a failure of the sync: the old one stays, and why is noted for a
 * person. */
static enum st take_mandate(struct client *client, const char *text, bool *ret_is_taken,
                            struct fault *fault)
{
    struct fault why = {""};
    enum st st = mandate_take(client->store, text, &why);
    const bool is_refused =
        st == ST_FOREIGN || st == ST_UNSUPPORTED || st == ST_DENIED || st == ST_REFUSED;
    *ret_is_taken = st == ST_OK;
    if (st == ST_OK || is_refused) {
        st = setting_put(client->store, "mandate.refused", why.say);
        why = *store_fault(client->store);
    }
    if (st != ST_OK) {
        *fault = why;
    }
    return st;
}

/* --- card numbers --------------------------------------------------------------------------- */

static enum st read_numbers_have(struct client *client, struct fault *fault)
{
    const enum st st = numbers_have(client->store, &client->request.numbers);
    return st == ST_OK ? ST_OK : store_says(client, st, fault);
}

/* --- the request ------------------------------------------------------------------------------ */

static enum st read_programme_version(struct client *client, uint32_t *ret, struct fault *fault)
{
    char *text = NULL;
    enum st st = programme_get(client->store, ret, &text);
    if (st == ST_OK) {
        free(text);
    } else if (st == ST_REFUSED) {
        *ret = 0;
    } else {
        return store_says(client, st, fault);
    }
    return ST_OK;
}

static enum st read_counts(struct client *client, struct client_report *report,
                           struct journal_counts *ret, struct fault *fault)
{
    enum st st = journal_counts(client->store, ret);
    if (st == ST_OK) {
        report->entries = ret->entries;
        st = sync_acknowledged(client->store, &report->acknowledged);
    }
    return st == ST_OK ? ST_OK : store_says(client, st, fault);
}

bool client_has_unsent(struct client *client)
{
    struct client_report report = {0};
    struct journal_counts counts;
    struct fault ignored;
    return read_counts(client, &report, &counts, &ignored) != ST_OK ||
           report.acknowledged != report.entries;
}

static enum st read_request(struct client *client, struct client_report *report,
                            struct fault *fault)
{
    struct wire_sync *request = &client->request;
    struct journal_counts counts = {0};
    enum clock_quality quality = CLOCK_UNSET;
    const int64_t now_s = clock_now_s(&quality);
    enum st st = batch_terminal(client->store, &request->terminal, fault);
    if (st != ST_OK || (st = read_counts(client, report, &counts, fault)) != ST_OK ||
        (st = read_programme_version(client, &request->programme, fault)) != ST_OK ||
        (st = read_streams(client, fault)) != ST_OK ||
        (st = read_numbers_have(client, fault)) != ST_OK ||
        (st = read_mandate_have(client, fault)) != ST_OK ||
        (st = batch_entries(client->store, report->acknowledged, client->batch, client->rows,
                            request, fault)) != ST_OK) {
        return st;
    }
    request->has_list = list_have(&client->list, &request->list);
    request->health = (struct wire_health){
        .unsent = counts.unsent,
        .pending = counts.pending,
        .oldest_s = counts.oldest_unsent_s > 0 ? counts.oldest_unsent_s : 0,
        .clock = (uint8_t)quality,
        .now_s = now_s > 0 ? now_s : 0,
    };
    (void)snprintf(request->health.firmware, sizeof request->health.firmware, "%s",
                   client->firmware); /* client_open() tested the length */
    return ST_OK;
}

/* --- the answer ------------------------------------------------------------------------------- */

/* Takes the club's number as the truth, unless it is impossible. */
static enum st take_acknowledged(struct client *client, uint32_t acknowledged,
                                 struct client_report *report, struct fault *fault)
{
    struct journal_counts counts;
    enum st st = read_counts(client, report, &counts, fault);
    if (st != ST_OK) {
        return st;
    }
    if (acknowledged > report->entries) {
        fault_say(fault,
                  "The club has %" PRIu32 " entries of this terminal, which has only %" PRIu32
                  ": its database is an old copy. Stop selling, call for help.",
                  acknowledged, report->entries);
        return ST_CORRUPT;
    }
    if (acknowledged < report->acknowledged) { /* a club that was restored: its lists are others */
        st = lost_note_list(client->store, acknowledged, 0, 0);
        if (st != ST_OK) {
            return store_says(client, st, fault);
        }
    }
    if (acknowledged != report->acknowledged) {
        st = sync_set_acknowledged(client->store, acknowledged);
        if (st != ST_OK) {
            return store_says(client, st, fault);
        }
        report->acknowledged = acknowledged;
    }
    return ST_OK;
}

/* The club does not offer it to this process again: its answers with a programme bring no links and
 * no list. The next process, which may be newer firmware, is offered it once more.
 * A programme that is refused is not a failure of the sync: the old one stays, the trouble is noted
 * for a person, and the club sees from `have` that it was not taken. */
static enum st take_programme(struct client *client, const struct wire_sync_answer *answer,
                              struct fault *fault)
{
    enum st st =
        rules_take(client->store, answer->programme, strlen(answer->programme), NULL, fault);
    switch (st) {
    case ST_FOREIGN:
    case ST_UNSUPPORTED:
    case ST_DENIED:
    case ST_REFUSED:
        client->request.refused = answer->programme_version;
        (void)snprintf(client->request.refused_say, sizeof client->request.refused_say, "%s",
                       fault->say);
        return ST_OK;
    case ST_OK:
    case ST_AGAIN:
    case ST_GONE:
    case ST_FULL:
    case ST_IO:
    case ST_CORRUPT:
        break;
    }
    return st;
}

/* Stores how far the club's clock is from ours. A change of a second is the line's delay. From a
 * clock that was never set nothing is measured: it would not hold when it is set. */
static enum st take_time(struct client *client, int64_t club_s, struct fault *fault)
{
    char text[32];
    enum clock_quality quality;
    int64_t offset_s = 0;
    const int64_t now_s = clock_now_s(&quality);
    if ((quality != CLOCK_UNSET && __builtin_sub_overflow(club_s, now_s, &offset_s)) ||
        (client->has_time_offset && llabs(offset_s - client->time_offset_s) <= 1)) {
        return ST_OK;
    }
    (void)snprintf(text, sizeof text, "%" PRId64, offset_s); /* 20 characters at most */
    enum st st = setting_put(client->store, "club.time_offset", text);
    if (st != ST_OK) {
        return store_says(client, st, fault);
    }
    client->time_offset_s = offset_s;
    client->has_time_offset = true;
    return ST_OK;
}

/* Last, and without a say in how the sync went: the journal is more than the list. A clock that was
 * never set is going to be the club's. */
static enum st take_list(struct client *client, const struct wire_sync_answer *news,
                         struct client_report *report, struct fault *fault)
{
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    enum st st = ST_OK;
    if (news->has_list) {
        report->has_more |=
            list_take(&client->list, &news->list, quality == CLOCK_UNSET ? news->time_s : now_s);
        st = list_note_made(&client->list, client->store, &news->list, news->acknowledged);
    }
    st = st == ST_OK ? list_note(&client->list, client->store) : st;
    return st == ST_OK ? ST_OK : store_says(client, st, fault);
}

static enum st take_answer(struct client *client, const struct line_answer *answer,
                           struct client_report *report, struct fault *fault)
{
    struct wire_sync_answer news;
    struct fault why;
    enum st st = wire_sync_answer_decode(answer->text, answer->size, &news, &client->room, &why);
    if (st != ST_OK) {
        fault_say(fault, "The club's answer makes no sense: %s", why.say);
        return st;
    }
    report->is_answered = true;
    report->club_s = news.time_s;
    report->heard_ms = clock_monotonic_ms();
    report->update = news.update;
    report->logs = news.logs;
    if ((news.links.is_there &&
         (st = stream_check("links", news.links.from, client->request.links.no, fault)) != ST_OK) ||
        (st = take_acknowledged(client, news.acknowledged, report, fault)) != ST_OK ||
        (st = take_time(client, news.time_s, fault)) != ST_OK) {
        return st;
    }
    if (news.links.is_there && (st = take_links(client, &news.links, report, fault)) != ST_OK) {
        return st;
    }
    if ((st = numbers_take(client->store, &news.numbers, fault)) != ST_OK) {
        return st;
    }
    bool is_taken = false;
    if (news.mandate != NULL &&
        (st = take_mandate(client, news.mandate, &is_taken, fault)) != ST_OK) {
        return st;
    }
    report->has_more |= is_taken; /* the list comes without it */
    if (news.actions.is_there &&
        (st = take_actions(client, &news.actions, report, fault)) != ST_OK) {
        return st;
    }
    bool has_more = false;
    st = bons_receive(client->store, &client->request.bons, &news.bons, &has_more, fault);
    if (st != ST_OK) {
        return st;
    }
    report->has_more |= has_more;
    if ((st = lost_receive(client->store, &news.lost, &has_more, fault)) != ST_OK) {
        return st;
    }
    report->has_more |= has_more;
    report->has_more |= news.programme != NULL; /* the rest comes without a programme */
    if (news.programme != NULL && (st = take_programme(client, &news, fault)) != ST_OK) {
        return st;
    }
    return take_list(client, &news, report, fault);
}

/* Every status but 200. */
static enum st take_error(struct client *client, const struct line_answer *answer,
                          struct client_report *report, struct fault *fault)
{
    struct wire_error error = {0};
    struct fault why;
    if (wire_error_decode(answer->text, answer->size, &error, &why) != ST_OK) {
        error = (struct wire_error){.error = "?"}; /* a proxy's page: the status must do */
    }
    report->retry_after_s = answer->retry_after_s;
    memcpy(report->refusal, error.error, sizeof report->refusal);
    fault_say(fault, "The club answered %d (%s): %s", answer->status, error.error, error.say);
    switch (answer->status) {
    case 409:
        if (strcmp(error.error, "behind") == 0 && error.has_acknowledged) {
            return take_acknowledged(client, error.acknowledged, report, fault);
        }
        return strcmp(error.error, "chain") == 0 ? ST_CORRUPT : ST_FOREIGN;
    case 401:
    case 403:
        return ST_DENIED;
    case 400:
    case 413:
        return ST_REFUSED;
    case 429:
    case 503:
        return ST_AGAIN;
    default:
        return ST_FOREIGN;
    }
}

/* --- round trips ------------------------------------------------------------------------------ */

enum st client_sync(struct client *client, struct client_report *ret, struct fault *fault)
{
    struct line_answer answer = {0};
    struct fault ignored;
    fault = fault != NULL ? fault : &ignored;
    *ret = (struct client_report){0};
    for (;;) {
        size_t size = 0;
        bool too_large = false;
        enum st st = read_request(client, ret, fault);
        if (st != ST_OK) {
            return st;
        }
        st = wire_sync_encode(&client->request, client->text, sizeof client->text, &size);
        if (st != ST_OK) {
            fault_say(fault, "The request could not be written: %s.", st_word(st));
            return st;
        }
        st =
            line_post(client->line, WIRE_PATH_SYNC, client->text, size, &answer, &too_large, fault);
        if (st == ST_OK) {
            break;
        }
        if (!too_large || client->batch == 1) {
            return st;
        }
        client->batch /= 2; /* so the loop ends after ten turns at most */
    }
    return answer.status == 200 ? take_answer(client, &answer, ret, fault)
                                : take_error(client, &answer, ret, fault);
}

enum st client_catch_up(struct client *client, struct client_report *ret, struct fault *fault)
{
    enum { NEWS_TURNS_MAX = 1000 }; /* ten million cards of the hotlist */
    uint64_t turns_max = 8;
    for (uint64_t turn = 0; turn < turns_max; turn += 1) {
        enum st st = client_sync(client, ret, fault);
        const bool is_sent = ret->acknowledged == ret->entries;
        if (st != ST_OK || (is_sent && !ret->has_more)) {
            return st;
        }
        if (is_sent) {
            if (turn + 1 == NEWS_TURNS_MAX) {
                return ST_OK; /* the rest comes with the next sync */
            }
            turns_max = turn + 2;
            continue;
        }
        /* Twice the journal, for a club that was restored meanwhile, and then some. */
        turns_max = 8 + 2 * ((uint64_t)ret->entries / client->batch + 1);
    }
    fault_say(fault,
              "The club answers but does not take the entries in (%" PRIu32 " of %" PRIu32 ").",
              ret->acknowledged, ret->entries);
    return ST_FOREIGN;
}

enum st client_note(struct client *client, enum st st, const struct fault *fault)
{
    const char *say = st == ST_OK ? "" : fault->say;
    char before[sizeof fault->say + 1];
    enum st rc = ST_OK;
    if (st == ST_OK) {
        char text[32];
        enum clock_quality quality;
        (void)snprintf(text, sizeof text, "%" PRId64, clock_now_s(&quality)); /* 20 at most */
        rc = setting_put(client->store, "sync.last_ok", text);
    }
    /* Written only when it changes: a shop without a line must not wear out its disk. */
    if (rc == ST_OK && (setting_get(client->store, "sync.say", before, sizeof before) != ST_OK ||
                        strcmp(before, say) != 0)) {
        rc = setting_put(client->store, "sync.say", say);
    }
    return rc;
}
