#include "boards/common/device/clockset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/rtc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "boards/common/device/conf.h"
#include "boards/common/device/places.h"
#include "hal/clock.h"

enum { DIGITS_MAX = 18, TIME_BYTES = 32 };

static bool set_system(int64_t seconds_s)
{
    const struct timespec to = {.tv_sec = (time_t)seconds_s};
    if ((int64_t)to.tv_sec != seconds_s) {
        errno = EOVERFLOW;
        return false;
    }
    return clock_settime(CLOCK_REALTIME, &to) == 0;
}

static const struct clockset_places on_a_device = {
    .claim = CLOCK_CLAIM, .battery = "/dev/rtc0", .set = set_system};

/* --- the claim ------------------------------------------------------------------------------ */

static bool number_of(const struct conf *conf, const char *name, int64_t *ret)
{
    char text[DIGITS_MAX + 1], *end = NULL;
    const bool is_there = conf_get(conf, name, text, sizeof text);
    *ret = is_there ? strtoll(text, &end, 10) : 0;
    return is_there && text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

bool clockset_read(const char *path, struct clockset_claim *ret)
{
    struct conf conf;
    return conf_load_foreign(path, &conf) && number_of(&conf, "club_s", &ret->club_s) &&
           number_of(&conf, "at_ms", &ret->at_ms);
}

static bool is_plausible(int64_t time_s)
{
    return time_s >= CLOCK_FIRST_S && time_s < CLOCKSET_END_S;
}

bool clockset_decide(const struct clockset_claim *claim, int64_t now_ms, int64_t clock_s,
                     int64_t *ret_s)
{
    if (!is_plausible(claim->club_s) || claim->at_ms < 0 || claim->at_ms > now_ms) {
        return false;
    }
    *ret_s = claim->club_s + (now_ms - claim->at_ms) / 1000;
    return is_plausible(*ret_s) && llabs(*ret_s - clock_s) > CLOCK_OFF_S;
}

/* --- setting it ----------------------------------------------------------------------------- */

/* "": there is none. */
static const char *set_battery(const char *path, int64_t time_s)
{
    const time_t at = (time_t)time_s;
    struct tm parts = {0};
    (void)gmtime_r(&at, &parts);
    const struct rtc_time battery = {.tm_sec = parts.tm_sec,
                                     .tm_min = parts.tm_min,
                                     .tm_hour = parts.tm_hour,
                                     .tm_mday = parts.tm_mday,
                                     .tm_mon = parts.tm_mon,
                                     .tm_year = parts.tm_year};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return "";
    }
    const bool is_set = ioctl(fd, RTC_SET_TIME, &battery) == 0;
    (void)close(fd);
    return is_set ? "; its battery's clock, too" : "; its battery's clock could not be set";
}

static void write_time(int64_t time_s, char ret[TIME_BYTES])
{
    const time_t at = (time_t)time_s;
    struct tm parts = {0};
    (void)gmtime_r(&at, &parts);
    ret[strftime(ret, TIME_BYTES, "%Y-%m-%d %H:%M:%S", &parts)] = '\0';
}

static bool set(struct clockset *clock, int64_t from_s, int64_t to_s, struct log *log)
{
    char text[200], from[TIME_BYTES], to[TIME_BYTES];
    const bool is_set = clock->at.set(to_s);
    if (is_set) {
        clock->started_s += to_s - from_s;
        write_time(from_s, from);
        write_time(to_s, to);
        (void)snprintf(text, sizeof text, "the clock was set by the club's, from %s to %s UTC%s",
                       from, to, set_battery(clock->at.battery, to_s));
    } else {
        (void)snprintf(text, sizeof text, "the clock cannot be set: %s", strerror(errno));
    }
    log_say(log, "device", text);
    return is_set;
}

void clockset_init(struct clockset *clock, const struct clockset_places *places)
{
    *clock = (struct clockset){
        .at = places != NULL ? *places : on_a_device,
        .started_s = clock_now_s(&(enum clock_quality){CLOCK_UNSET}),
    };
}

bool clockset_step(struct clockset *clock, struct log *log, int64_t now_ms)
{
    struct clockset_claim claim;
    int64_t to_s = 0;
    if (clock->is_done || now_ms < clock->look_at_ms) {
        return false;
    }
    clock->look_at_ms = now_ms + CLOCKSET_LOOK_MS;
    const int64_t from_s = clock_now_s(&(enum clock_quality){CLOCK_UNSET});
    if (!clockset_read(clock->at.claim, &claim) ||
        !clockset_decide(&claim, now_ms, from_s, &to_s)) {
        return false;
    }
    clock->is_done = true;
    return set(clock, from_s, to_s, log);
}

bool clockset_look(const struct clockset *clock, int64_t *ret_up_ms)
{
    enum clock_quality quality;
    *ret_up_ms = (clock_now_s(&quality) - clock->started_s) * 1000;
    return quality != CLOCK_UNSET;
}
