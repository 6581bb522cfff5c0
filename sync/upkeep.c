#include "sync/upkeep.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hal/clock.h"
#include "storage/support.h"
#include "sync/device.h"
#include "sync/fetch.h"
#include "sync/logs.h"

enum { LOG_BYTES_MAX = 512 * 1024, LOG_BYTES_MIN = 1024, PATH_BYTES = 64 };

struct upkeep {
    struct upkeep_config config;
    struct fetch *fetch; /* NULL: none are fetched */
    struct wire_device device;
    bool is_clock_off;           /* as upkeep_sets_clock() says it */
    bool was_clock_off;          /* it has said so */
    bool is_untold;              /* the device cannot be told the club's time */
    uint32_t sent_logs;          /* the number that the club has, or will not have; 0 = none */
    int64_t log_due_ms;          /* not before that, by clock_monotonic_ms() */
    char said[WIRE_SAY_MAX + 1]; /* of the bundle, last */
    struct fault device_said;
    char text[WIRE_REQUEST_MAX];
};

enum st upkeep_open(const struct upkeep_config *config, struct upkeep **ret, struct fault *fault)
{
    struct upkeep *upkeep = calloc(1, sizeof *upkeep);
    if (upkeep == NULL) {
        fault_say(fault, "There is no memory left.");
        return ST_IO;
    }
    upkeep->config = *config;
    (void)snprintf(upkeep->said, sizeof upkeep->said, "none");
    if (config->updates != NULL) {
        const struct fetch_config fetch = {
            .folder = config->updates, .rate = config->rate, .spare_bytes = FETCH_SPARE_BYTES};
        const enum st st = fetch_open(&fetch, &upkeep->fetch, fault);
        if (st != ST_OK) {
            free(upkeep);
            return st;
        }
    }
    *ret = upkeep;
    return ST_OK;
}

void upkeep_close(struct upkeep *upkeep)
{
    if (upkeep != NULL) {
        fetch_close(upkeep->fetch);
    }
    free(upkeep);
}

/* --- what the device says --------------------------------------------------------------------- */

static bool has_consent(struct upkeep *upkeep)
{
    enum clock_quality quality;
    return support_left_s(upkeep->config.store, clock_now_s(&quality)) > 0;
}

/* Of the bundle, when it has changed. */
static void say_update(struct upkeep *upkeep)
{
    struct wire_device now = {.update = "none"};
    char text[WIRE_SAY_MAX + 16];
    fetch_tell(upkeep->fetch, &now);
    if (strcmp(now.update, upkeep->said) != 0) {
        memcpy(upkeep->said, now.update, sizeof upkeep->said);
        (void)snprintf(text, sizeof text, "update: %s", now.update);
        upkeep->config.say(text);
    }
}

void upkeep_before(struct upkeep *upkeep)
{
    struct fault fault = {""};
    upkeep->device = (struct wire_device){.is_there = false, .update = "none"};
    if (upkeep->config.device != NULL &&
        device_read(upkeep->config.device, &upkeep->device, &fault) != ST_OK &&
        strcmp(fault.say, upkeep->device_said.say) != 0) {
        upkeep->config.say(fault.say);
    }
    upkeep->device_said = fault;
    upkeep->device.has_consent = has_consent(upkeep);
    if (upkeep->fetch != NULL) {
        fetch_tell(upkeep->fetch, &upkeep->device);
    }
    client_set_device(upkeep->config.client, &upkeep->device);
}

/* --- its log ---------------------------------------------------------------------------------- */

/* Half as much of it as long as that is too large when it is packed. */
static enum st post_log(struct upkeep *upkeep, uint32_t number, struct line_answer *ret,
                        struct fault *fault)
{
    const struct logs_about about = {.number = number,
                                     .store = upkeep->config.store,
                                     .firmware = upkeep->config.firmware,
                                     .device = upkeep->config.device,
                                     .log = upkeep->config.log};
    char path[PATH_BYTES];
    bool is_too_large = true;
    enum st st = ST_FULL;
    (void)snprintf(path, sizeof path, WIRE_PATH_LOGS "%" PRIu32, number);
    for (size_t most = LOG_BYTES_MAX; is_too_large && most >= LOG_BYTES_MIN; most /= 2) {
        const size_t size = logs_write(&about, most, upkeep->text, sizeof upkeep->text);
        st = line_post(upkeep->config.line, path, upkeep->text, size, ret, &is_too_large, fault);
    }
    return st;
}

/* The same log again would be answered the same. */
static bool is_final(int status)
{
    return status == 200 || status == 400 || status == 404 || status == 413 || status == 415;
}

static void send_log(struct upkeep *upkeep, uint32_t number)
{
    struct line_answer answer = {0};
    struct fault fault = {""};
    char text[100];
    if (number == 0) {
        upkeep->sent_logs = 0; /* a club that was restored gives numbers again */
        return;
    }
    if (number == upkeep->sent_logs || !has_consent(upkeep) ||
        clock_monotonic_ms() < upkeep->log_due_ms) {
        return;
    }
    if (upkeep->config.log != NULL && access(upkeep->config.log, R_OK) != 0) {
        return; /* the device opens it a moment after support was switched on: at the next contact
                 */
    }
    const enum st st = post_log(upkeep, number, &answer, &fault);
    if (st != ST_OK) {
        upkeep->config.say(fault.say); /* again after the next contact, if the club still asks */
        return;
    }
    if (is_final(answer.status)) {
        upkeep->sent_logs = number;
    }
    upkeep->log_due_ms = clock_monotonic_ms() + (int64_t)answer.retry_after_s * 1000;
    (void)snprintf(text, sizeof text, "log %" PRIu32 ": the club %s (%d)", number,
                   answer.status == 200      ? "has it"
                   : is_final(answer.status) ? "does not take it"
                                             : "does not take it now",
                   answer.status);
    upkeep->config.say(text);
}

/* --- its clock -------------------------------------------------------------------------------- */

/* Whole or not at all, for the device, which reads it at any time. */
static bool write_claim(const char *path, const struct client_report *report)
{
    char beside[PATH_MAX];
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "we");
    if (file == NULL) {
        return false;
    }
    const bool is_written = fprintf(file, "club_s=%" PRId64 "\nat_ms=%" PRId64 "\n", report->club_s,
                                    report->heard_ms) > 0;
    return fclose(file) == 0 && is_written && rename(beside, path) == 0;
}

/* What the club's clock says. Whether the device takes it is the device's. */
static void tell_clock(struct upkeep *upkeep, const struct client_report *report)
{
    enum clock_quality quality;
    if (upkeep->config.clock == NULL) {
        return;
    }
    const bool is_told = write_claim(upkeep->config.clock, report);
    if (!is_told && !upkeep->is_untold) {
        upkeep->config.say("The device cannot be told what the club's clock says.");
    }
    upkeep->is_untold = !is_told;
    const int64_t off_s = report->club_s - clock_now_s(&quality);
    upkeep->is_clock_off = is_told && (off_s > CLOCK_OFF_S || off_s < -CLOCK_OFF_S);
}

bool upkeep_sets_clock(struct upkeep *upkeep)
{
    const bool is_news = upkeep->is_clock_off && !upkeep->was_clock_off;
    upkeep->was_clock_off |= upkeep->is_clock_off;
    return is_news;
}

/* --- the bundle ------------------------------------------------------------------------------- */

void upkeep_after(struct upkeep *upkeep, const struct client_report *report)
{
    if (!report->is_answered) {
        return;
    }
    tell_clock(upkeep, report);
    if (upkeep->fetch != NULL) {
        fetch_take(upkeep->fetch, &report->update, &upkeep->device, clock_monotonic_ms());
        say_update(upkeep);
    }
    send_log(upkeep, report->logs);
}

int64_t upkeep_due_ms(const struct upkeep *upkeep)
{
    struct fetch_piece piece;
    return upkeep->fetch == NULL ? INT64_MAX : fetch_due_ms(upkeep->fetch, &piece);
}

enum upkeep_next upkeep_step(struct upkeep *upkeep)
{
    struct fetch_piece piece;
    struct line_answer answer = {0};
    struct fault fault = {""};
    char path[PATH_BYTES];
    if (fetch_due_ms(upkeep->fetch, &piece) == INT64_MAX) {
        return UPKEEP_LATER;
    }
    if (client_has_unsent(upkeep->config.client)) {
        return UPKEEP_CONTACT;
    }
    (void)snprintf(path, sizeof path, WIRE_PATH_UPDATE "%" PRIu32 "?from=%" PRId64 "&bytes=%zu",
                   piece.version, piece.from, piece.bytes);
    const enum st st = line_get(upkeep->config.line, path, piece.bytes, &answer, &fault);
    if (st != ST_OK || answer.status != 200) {
        return UPKEEP_LATER; /* no line, or no such bundle any more: the next contact tells */
    }
    fetch_add(upkeep->fetch, answer.text, answer.size, clock_monotonic_ms());
    say_update(upkeep);
    return UPKEEP_ON;
}
