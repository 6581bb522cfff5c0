#include "boards/common/device/updater.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boards/common/device/report.h"
#include "boards/common/device/rights.h"

enum { LOOK_EVERY_MS = 2000, WORD_MAX = 24 };

static const struct updater_places on_a_device = {.says = UPDATER_SAYS,
                                                  .bundles = UPDATER_BUNDLES,
                                                  .install = UPDATER_INSTALL,
                                                  .tried = UPDATER_TRIED,
                                                  .block = "/sys/class/block",
                                                  .devices = "/dev"};

void updater_init(struct updater *updater, struct unit *unit, const struct conf *ident,
                  const struct updater_places *places, struct log *log)
{
    char quiet[WORD_MAX];
    *updater =
        (struct updater){.at = places != NULL ? *places : on_a_device, .unit = unit, .log = log};
    updater->quiet_min_s =
        conf_get(ident, "quiet", quiet, sizeof quiet) ? strtoll(quiet, NULL, 10) : BUNDLE_QUIET_S;
    stick_init(&updater->stick, updater->at.block, updater->at.devices);
    unit->start_at_ms = INT64_MAX;     /* until something is there */
    (void)unlink(updater->at.install); /* of an installation that was cut */
}

static void refuse(struct updater *updater, const char *why)
{
    char text[300];
    (void)snprintf(text, sizeof text, "refused %" PRIu32 ": %s", updater->tried, why);
    log_say(updater->log, "update", text);
    if (!report_put_line(updater->at.says, text)) {
        log_say(updater->log, "device", "what became of the update cannot be written");
    }
}

/* What was said of the one before goes with it. */
static void start(struct updater *updater, int64_t now_ms)
{
    (void)unlink(updater->at.says);
    updater->unit->start_at_ms = now_ms;
}

/* What it brought may be tried once more, though it fell back. */
static void notice_pulled(struct updater *updater)
{
    stick_notice_pulled(&updater->stick);
    if (updater->stick_name[0] != '\0' && !stick_is_there(&updater->stick, updater->stick_name)) {
        updater->stick_name[0] = '\0';
        (void)unlink(updater->at.says);
        (void)unlink(updater->at.tried);
    }
}

static void say_other(const struct updater *updater, const char *name)
{
    char text[200];
    (void)snprintf(text, sizeof text,
                   "the stick %s has no label VAFA-UPDATE: nothing is taken from it. "
                   "docs/flash.md, \"An update by a stick\", says how one is made.",
                   name);
    log_say(updater->log, "update", text);
}

/* True: `update` has a stick to try. */
static bool look_for_stick(struct updater *updater, int64_t now_ms)
{
    char name[STICK_NAME_MAX + 1];
    const enum stick_found found = stick_look(&updater->stick, name);
    if (found == STICK_OTHER) {
        say_other(updater, name);
    }
    if (found != STICK_OURS) {
        return false;
    }
    memcpy(updater->stick_name, name, sizeof updater->stick_name);
    (void)snprintf(updater->from, sizeof updater->from, "%s/%s", updater->at.devices,
                   updater->stick_name);
    start(updater, now_ms);
    return true;
}

/* One that was refused is tried again later, for what was in its way may be gone; vafa-sync takes
 * it away when the club does not want it any more. */
static void look_for_bundle(struct updater *updater, struct bundle_facts facts, int64_t now_ms)
{
    struct fault why = {""};
    facts.offer = bundle_look(updater->at.bundles);
    facts.quiet_min_s = updater->quiet_min_s;
    if (facts.offer.version == 0 && updater->tried != 0) {
        (void)unlink(updater->at.says);
        updater->tried = 0;
    }
    if (!bundle_is_time(&facts) ||
        (facts.offer.version == updater->tried && now_ms < updater->again_ms)) {
        return;
    }
    updater->tried = facts.offer.version;
    updater->again_ms = now_ms + BUNDLE_RETRY_MS;
    if (bundle_take(updater->at.bundles, updater->tried, RIGHTS_SYNC, updater->at.install, &why) !=
        ST_OK) {
        refuse(updater, why.say);
        return;
    }
    (void)snprintf(updater->from, sizeof updater->from, "%s", updater->at.install);
    start(updater, now_ms);
}

void updater_step(struct updater *updater, const struct bundle_facts *facts, int64_t now_ms)
{
    if (!facts->is_good || updater->unit->pid != 0 || updater->unit->start_at_ms != INT64_MAX ||
        now_ms < updater->look_at_ms) {
        return;
    }
    updater->look_at_ms = now_ms + LOOK_EVERY_MS;
    notice_pulled(updater);
    if (!facts->is_ceremony_on && !look_for_stick(updater, now_ms)) {
        look_for_bundle(updater, *facts, now_ms);
    }
}

void updater_ended(const struct updater *updater)
{
    (void)unlink(updater->at.install);
}
