/* bundle.h - the bundle that vafa-sync has fetched: when it is installed, and how it becomes root's
 * alone before anybody looks into it.
 *
 * The folder belongs to the user of vafa-sync, who may have been broken into: nothing in it is
 * followed, and of the offer beside the bundle only numbers are read. What the bundle is worth
 * RAUC's check of its signature says. */
#ifndef BOARDS_COMMON_DEVICE_BUNDLE_H
#define BOARDS_COMMON_DEVICE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "boards/common/device/conf.h"
#include "hal/base/status.h"

enum {
    BUNDLE_QUIET_S = 10 * 60, /* unless the technician's file says otherwise */
    /* A terminal that is silent for so long sells nothing, and the watchdog resets the device after
     * as long again: WATCH_FAILS_MS. */
    BUNDLE_SILENT_S = 5 * 60,
    BUNDLE_RETRY_MS = 60 * 60 * 1000,
    BUNDLE_PATH_MAX = 200,
};

/* What lies in the folder. */
struct bundle_offer {
    uint32_t version;            /* 0 = nothing that is whole */
    unsigned from_hour, to_hour; /* 0..23; equal: at any hour */
};

/* Looks for the offer and the bundle that it names. */
struct bundle_offer bundle_look(const char *folder);

struct bundle_facts {
    struct bundle_offer offer;
    uint32_t running, failed; /* versions; failed: fell back, 0 = none */
    bool is_good;             /* the running slot is something to fall back to */
    bool is_ceremony_on;      /* custodians at the console are not disturbed */
    int64_t quiet_s;          /* since somebody used the till; -1 = not known */
    int64_t silent_s;         /* since the terminal gave a sign of life */
    int64_t quiet_min_s;
    int hour; /* here, -1 = the clock was not set, or the terminal does not tell */
};

/* Is it to be installed now? Also when the terminal does not start any more: what was fetched may
 * be what mends it. A version that fell back is never installed by itself again. */
bool bundle_is_time(const struct bundle_facts *facts);

/* Takes the bundle of `version` away from `owner`: from then on it is the caller's (root's), can be
 * written by nobody, and has the name `to` as well, which lies in a folder of the caller's alone on
 * the same file system. The same file as was looked at, whatever its first name means by then.
 * ST_REFUSED: it is no file of `owner`'s, or somebody writes to it. ST_IO: the file system failed.
 */
ST_CHECK enum st bundle_take(const char *folder, uint32_t version, uid_t owner, const char *to,
                             struct fault *fault);

#endif
