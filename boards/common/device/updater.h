/* updater.h - what there is to install on this device, a technician's stick or a bundle that
 * vafa-sync has fetched, and when the script `update` is started for it. Only in a slot that is
 * good: what runs now must be what to fall back to. One thread. */
#ifndef BOARDS_COMMON_DEVICE_UPDATER_H
#define BOARDS_COMMON_DEVICE_UPDATER_H

#include "boards/common/device/bundle.h"
#include "boards/common/device/log.h"
#include "boards/common/device/stick.h"
#include "boards/common/device/unit.h"

#define UPDATER_SAYS    "/run/vafa/update"         /* how an update is getting on: one line */
#define UPDATER_BUNDLES "/data/update"             /* where vafa-sync brings them */
#define UPDATER_INSTALL "/data/install/vafa.raucb" /* root's own, while it is installed */
#define UPDATER_TRIED                                                                              \
    "/data/install/tried" /* by `update`: what a stick that is still in brought                    \
                           */

/* Where all of that is: a test has other places. */
struct updater_places {
    const char *says, *bundles, *install, *tried;
    const char *block, *devices; /* as of stick.h */
};

struct updater {
    struct updater_places at;
    struct unit *unit; /* runs `update` once each time; the caller's */
    struct log *log;
    struct stick stick;
    char stick_name[STICK_NAME_MAX + 1]; /* that was tried last; "": it was pulled since */
    char from[BUNDLE_PATH_MAX]; /* a stick's device, or UPDATER_INSTALL; an argument of the unit */
    int64_t look_at_ms, again_ms, quiet_min_s;
    uint32_t tried; /* the version of the bundle that was tried last; 0 = none */
};

/* `ident` may say for how many seconds a till is quiet: quiet=N. `places`: NULL, a device's. */
void updater_init(struct updater *updater, struct unit *unit, const struct conf *ident,
                  const struct updater_places *places, struct log *log);
/* Starts the unit when it is time to; `facts` is asked for all but the offer and quiet_min_s. */
void updater_step(struct updater *updater, const struct bundle_facts *facts, int64_t now_ms);
/* The unit has ended. */
void updater_ended(const struct updater *updater);

#endif
