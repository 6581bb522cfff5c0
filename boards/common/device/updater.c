#include "boards/common/device/updater.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "boards/common/device/report.h"
#include "boards/common/device/rights.h"

enum { LOOK_EVERY_MS = 2000, WORD_MAX = 24 };

void updater_init(struct updater *updater, struct unit *unit, const struct conf *ident,
                  struct log *log)
{
    char quiet[WORD_MAX];
    *updater = (struct updater){.unit = unit, .log = log};
    updater->quiet_min_s =
        conf_get(ident, "quiet", quiet, sizeof quiet) ? strtoll(quiet, NULL, 10) : BUNDLE_QUIET_S;
    stick_init(&updater->stick, "/sys/class/block", "/dev");
    unit->start_at_ms = INT64_MAX; /* until something is there */
    (void)unlink(UPDATER_INSTALL); /* of an installation that was cut */
}

static void refuse(struct updater *updater, const char *why)
{
    char text[300];
    (void)snprintf(text, sizeof text, "refused %" PRIu32 ": %s", updater->tried, why);
    log_say(updater->log, "update", text);
    if (!report_put_line(UPDATER_SAYS, text)) {
        log_say(updater->log, "device", UPDATER_SAYS " cannot be written");
    }
}

/* One that was refused is tried again later, for what was in its way may be gone; vafa-sync takes
 * it away when the club does not want it any more. */
static void look_for_bundle(struct updater *updater, struct bundle_facts facts, int64_t now_ms)
{
    struct fault why = {""};
    facts.offer = bundle_look(UPDATER_BUNDLES);
    facts.quiet_min_s = updater->quiet_min_s;
    if (facts.offer.version == 0 && updater->tried != 0) {
        (void)unlink(UPDATER_SAYS);
        updater->tried = 0;
    }
    if (!bundle_is_time(&facts) ||
        (facts.offer.version == updater->tried && now_ms < updater->again_ms)) {
        return;
    }
    updater->tried = facts.offer.version;
    updater->again_ms = now_ms + BUNDLE_RETRY_MS;
    if (bundle_take(UPDATER_BUNDLES, updater->tried, RIGHTS_SYNC, UPDATER_INSTALL, &why) != ST_OK) {
        refuse(updater, why.say);
        return;
    }
    (void)snprintf(updater->from, sizeof updater->from, "%s", UPDATER_INSTALL);
    updater->unit->start_at_ms = now_ms;
}

void updater_step(struct updater *updater, const struct bundle_facts *facts, int64_t now_ms)
{
    char name[STICK_NAME_MAX + 1];
    if (!facts->is_good || updater->unit->pid != 0 || updater->unit->start_at_ms != INT64_MAX ||
        now_ms < updater->look_at_ms) {
        return;
    }
    updater->look_at_ms = now_ms + LOOK_EVERY_MS;
    if (stick_look(&updater->stick, name)) {
        (void)snprintf(updater->from, sizeof updater->from, "/dev/%s", name);
        updater->unit->start_at_ms = now_ms;
        return;
    }
    look_for_bundle(updater, *facts, now_ms);
}

void updater_ended(void)
{
    (void)unlink(UPDATER_INSTALL);
}
