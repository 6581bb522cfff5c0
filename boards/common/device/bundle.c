#include "boards/common/device/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boards/common/device/conf.h"
#include "boards/common/device/watch.h"

enum { HOURS = 24, DIGITS_MAX = 10 };

/* A line of the offer as a number up to `max`. */
static bool number_of(const struct conf *offer, const char *name, unsigned long max,
                      unsigned long *ret)
{
    char text[DIGITS_MAX + 1], *end = NULL;
    const bool is_there = conf_get(offer, name, text, sizeof text);
    *ret = is_there ? strtoul(text, &end, 10) : 0;
    return is_there && text[0] >= '0' && text[0] <= '9' && *end == '\0' && *ret <= max;
}

static void path_of(const char *folder, uint32_t version, char ret[BUNDLE_PATH_MAX])
{
    (void)snprintf(ret, BUNDLE_PATH_MAX, "%s/%" PRIu32 ".raucb", folder, version);
}

struct bundle_offer bundle_look(const char *folder)
{
    static const struct bundle_offer none = {.version = 0};
    struct conf conf;
    struct stat about;
    char path[BUNDLE_PATH_MAX];
    unsigned long version = 0, from = 0, to = 0;
    (void)snprintf(path, sizeof path, "%s/offer", folder);
    if (!conf_load_foreign(path, &conf) || !number_of(&conf, "version", INT32_MAX, &version) ||
        !number_of(&conf, "from_hour", HOURS - 1, &from) ||
        !number_of(&conf, "to_hour", HOURS - 1, &to)) {
        return none;
    }
    path_of(folder, (uint32_t)version, path);
    return lstat(path, &about) != 0 ? none
                                    : (struct bundle_offer){.version = (uint32_t)version,
                                                            .from_hour = (unsigned)from,
                                                            .to_hour = (unsigned)to};
}

static bool is_in_hours(const struct bundle_offer *offer, int hour)
{
    const unsigned now = (unsigned)hour;
    const unsigned from = offer->from_hour, to = offer->to_hour;
    return hour < 0 || from == to ||
           (from < to ? now >= from && now < to : now >= from || now < to);
}

_Static_assert(2 * 1000 * BUNDLE_SILENT_S <= WATCH_FAILS_MS, "there is time to install it");

static bool disturbs_nobody(const struct bundle_facts *facts)
{
    return facts->quiet_s >= facts->quiet_min_s || facts->silent_s >= BUNDLE_SILENT_S;
}

bool bundle_is_time(const struct bundle_facts *facts)
{
    return facts->is_good && !facts->is_ceremony_on && facts->offer.version > facts->running &&
           facts->offer.version != facts->failed && disturbs_nobody(facts) &&
           is_in_hours(&facts->offer, facts->hour);
}

/* Owner and rights first: after that nobody can begin to write, and the lease is given only when
 * nobody has begun before. */
static enum st seize(int fd, uid_t owner, struct fault *fault)
{
    struct stat about;
    const uid_t us = geteuid();
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) ||
        (about.st_uid != owner && about.st_uid != us)) {
        fault_say(fault, "it is no file that vafa-sync has written.");
        return ST_REFUSED;
    }
    if (fchown(fd, us, getegid()) != 0 || fchmod(fd, S_IRUSR) != 0) {
        fault_say(fault, "it cannot be taken: %s.", strerror(errno));
        return ST_IO;
    }
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) {
        const bool is_written = errno == EAGAIN;
        fault_say(fault, is_written ? "somebody still writes to it." : "it cannot be taken: %s.",
                  strerror(errno));
        return is_written ? ST_REFUSED : ST_IO;
    }
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return ST_OK;
}

enum st bundle_take(const char *folder, uint32_t version, uid_t owner, const char *to,
                    struct fault *fault)
{
    char path[BUNDLE_PATH_MAX], itself[40];
    path_of(folder, version, path);
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        fault_say(fault, "it cannot be opened: %s.", strerror(errno));
        return errno == ELOOP || errno == EACCES ? ST_REFUSED : ST_IO;
    }
    enum st st = seize(fd, owner, fault);
    (void)snprintf(itself, sizeof itself, "/proc/self/fd/%d", fd);
    (void)unlink(to);
    if (st == ST_OK && linkat(AT_FDCWD, itself, AT_FDCWD, to, AT_SYMLINK_FOLLOW) != 0) {
        fault_say(fault, "it cannot be taken: %s.", strerror(errno));
        st = ST_IO;
    }
    (void)close(fd);
    return st;
}
