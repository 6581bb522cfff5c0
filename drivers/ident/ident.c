#include "drivers/ident/ident.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "drivers/ident/em4100_serial.h"
#include "drivers/ident/ident_device.h"
#include "drivers/ident/scanner_serial.h"
#include "drivers/ident/wedge.h"
#include "hal/base/bytes.h"
#include "hal/clock.h"

enum {
    INPUT_EVENTS = 64,
    INPUT_BYTES = INPUT_EVENTS * (int)sizeof(struct input_event),
    FILLS_MAX =
        16, /* reads of the device in one call: one that floods us may not keep the caller */
    NO_DEVICE = -1,
};

_Static_assert((int)WEDGE_GAP_MS == (int)IDENT_GAP_MS, "one gap for all devices");

struct ident_driver {
    struct ident_device device;
    struct media_range own;

    int poll; /* an epoll descriptor over timer and device, so that it outlives the device */
    int timer;
    int fd;
    bool was_told;     /* that the device is away */
    int64_t reopen_ms; /* when to look for it */
    struct fault away; /* why */

    _Alignas(struct input_event) uint8_t input[INPUT_BYTES];
    size_t input_size, input_at;
    int64_t input_ms; /* when the last bytes came */

    struct em4100_serial tag_line;
    struct wedge wedge; /* its scan serves scanner lines as well */

    /* The last event that was told, for repeats. */
    enum st last_st;
    struct identifier last;
    struct fault last_fault;
    int64_t last_ms;
};

/* --- time ------------------------------------------------------------------------------------ */

/* Makes the descriptor readable after `ms` (> 0). */
static void arm(const struct ident_driver *driver, int64_t ms)
{
    const struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000L}};
    const int rc = timerfd_settime(driver->timer, 0, &when, NULL);
    assert(rc == 0);
}

static void disarm(const struct ident_driver *driver)
{
    uint64_t expirations;
    (void)!read(driver->timer, &expirations, sizeof expirations);
}

/* --- scans ----------------------------------------------------------------------------------- */

static void reset_input(struct ident_driver *driver)
{
    bytes_wipe(driver->input, sizeof driver->input);
    driver->input_size = driver->input_at = 0;
    em4100_serial_reset(&driver->tag_line);
    wedge_reset(&driver->wedge);
}

static enum media_source source_of(enum ident_kind kind)
{
    switch (kind) {
    case IDENT_EM4100_SERIAL:
    case IDENT_EM4100_KEYS:
        return MEDIA_SOURCE_EM4100;
    case IDENT_MAGSTRIPE_KEYS:
        return MEDIA_SOURCE_MAGSTRIPE;
    case IDENT_SCANNER_SERIAL:
    case IDENT_SCANNER_KEYS:
        return MEDIA_SOURCE_SCANNER;
    }
    const bool is_in_the_enum = false;
    assert(is_in_the_enum);
    return MEDIA_SOURCE_KEYS;
}

/* Judges the scan that has ended, and wipes it. */
static enum st judge(struct ident_driver *driver, struct identifier *ret, struct fault *fault)
{
    struct scan *scan = &driver->wedge.scan;
    enum st st = ST_FOREIGN;
    if (scan->is_spoiled) {
        fault_say(fault, "This could not be read as text: try again, or use a member card.");
    } else {
        st = media_classify(source_of(driver->device.kind), scan->text, scan->size, &driver->own,
                            ret, fault);
    }
    scan_clear(scan);
    return st;
}

/* True when this was told within the last half second: a tag that lies there, the second track of
 * the same swipe. A stripe's other tracks are often empty: that is no news either. */
static bool is_repeat(struct ident_driver *driver, enum st st, const struct identifier *id,
                      const struct fault *fault)
{
    const int64_t now_ms = clock_monotonic_ms();
    const bool is_recent =
        driver->last_st != ST_AGAIN && now_ms - driver->last_ms < IDENT_REPEAT_MS;
    const bool is_same =
        st == driver->last_st &&
        (st == ST_OK ? id->kind == driver->last.kind && strcmp(id->text, driver->last.text) == 0
                     : strcmp(fault->say, driver->last_fault.say) == 0);
    const bool is_empty_track = st == ST_FOREIGN && driver->last_st != ST_FOREIGN &&
                                driver->device.kind == IDENT_MAGSTRIPE_KEYS;
    if (is_recent && (is_same || is_empty_track)) {
        driver->last_ms = is_same ? now_ms : driver->last_ms;
        return true;
    }
    driver->last_st = st;
    driver->last = st == ST_OK ? *id : (struct identifier){0};
    driver->last_fault = st == ST_OK ? (struct fault){""} : *fault;
    driver->last_ms = now_ms;
    return false;
}

/* Feeds one byte, or one key event, of the input. ST_AGAIN: nothing has ended with it. */
static enum st feed_one(struct ident_driver *driver, struct identifier *ret, struct fault *fault)
{
    const uint8_t *at = driver->input + driver->input_at;
    size_t taken = 1;
    enum st st = ST_AGAIN;
    if (ident_device_is_keys(&driver->device)) {
        struct input_event event;
        memcpy(&event, at, sizeof event);
        const enum wedge_step step = wedge_feed(&driver->wedge, &event);
        bytes_wipe(&event, sizeof event);
        taken = step == WEDGE_SCAN_BEFORE ? 0 : sizeof event;
        st = step == WEDGE_MORE ? ST_AGAIN : judge(driver, ret, fault);
    } else if (driver->device.kind == IDENT_SCANNER_SERIAL) {
        if (scanner_serial_feed(&driver->wedge.scan, *at)) {
            st = judge(driver, ret, fault);
        }
    } else {
        uint64_t id = 0;
        if (em4100_serial_feed(&driver->tag_line, *at, &id)) {
            media_from_em4100(id, ret);
            st = ST_OK;
        }
    }
    bytes_wipe(driver->input + driver->input_at, taken);
    driver->input_at += taken;
    return st;
}

static bool has_input(const struct ident_driver *driver)
{
    const size_t unit = ident_device_is_keys(&driver->device) ? sizeof(struct input_event) : 1;
    return driver->input_size - driver->input_at >= unit;
}

/* --- the device ------------------------------------------------------------------------------ */

static void lose(struct ident_driver *driver)
{
    if (driver->fd != NO_DEVICE) {
        (void)close(driver->fd); /* leaves the epoll set with it */
        driver->fd = NO_DEVICE;
    }
    reset_input(driver);
    driver->reopen_ms = clock_monotonic_ms() + IDENT_REOPEN_MS;
    arm(driver, IDENT_REOPEN_MS);
}

/* Looks for a device that is away, when it is time to. */
static void find(struct ident_driver *driver)
{
    const int64_t now_ms = clock_monotonic_ms();
    if (now_ms < driver->reopen_ms) {
        arm(driver, driver->reopen_ms - now_ms);
        return;
    }
    int fd = NO_DEVICE;
    if (ident_device_open(&driver->device, &fd, &driver->away) == ST_OK) {
        struct epoll_event watch = {.events = EPOLLIN};
        driver->fd = fd;
        if (epoll_ctl(driver->poll, EPOLL_CTL_ADD, fd, &watch) == 0) {
            driver->was_told = false;
            driver->away.say[0] = '\0';
            return;
        }
        fault_say(&driver->away, "%.80s cannot be waited for: it is not a device.",
                  driver->device.path);
    }
    lose(driver);
}

/* Tells once that the device is away. */
static enum st tell_away(struct ident_driver *driver, struct fault *fault)
{
    if (driver->was_told) {
        return ST_AGAIN;
    }
    driver->was_told = true;
    fault_say(fault, "%s", driver->away.say);
    return ST_IO;
}

/* Reads what the device has. ST_OK: something came; ST_AGAIN: nothing; ST_IO: it has gone. */
static enum st fill(struct ident_driver *driver)
{
    /* A part of an event stays, and moves to the front. */
    const size_t rest = driver->input_size - driver->input_at;
    memmove(driver->input, driver->input + driver->input_at, rest);
    bytes_wipe(driver->input + rest, driver->input_size - rest);
    driver->input_size = rest;
    driver->input_at = 0;

    /* First poll: a FIFO that nobody has opened yet reads as ended, though it is not. */
    struct pollfd look = {.fd = driver->fd, .events = POLLIN};
    if (poll(&look, 1, 0) == 0) {
        return ST_AGAIN;
    }
    const ssize_t size = read(driver->fd, driver->input + rest, sizeof driver->input - rest);
    if (size > 0) {
        driver->input_size += (size_t)size;
        driver->input_ms = clock_monotonic_ms();
        return ST_OK;
    }
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return ST_AGAIN;
    }
    fault_say(&driver->away, "%.80s was unplugged: plug it in again.", driver->device.path);
    lose(driver);
    return ST_IO;
}

/* Nothing more came: ends what has been silent for long enough, or sees to it that we come back. */
static enum st end_by_silence(struct ident_driver *driver, struct identifier *ret,
                              struct fault *fault)
{
    const bool has_scan = scan_has_begun(&driver->wedge.scan);
    if (!has_scan && driver->tag_line.count == 0 && driver->tag_line.is_aligned) {
        return ST_AGAIN;
    }
    const int64_t silent_ms = clock_monotonic_ms() - driver->input_ms;
    if (silent_ms < IDENT_GAP_MS) {
        arm(driver, IDENT_GAP_MS - silent_ms);
        return ST_AGAIN;
    }
    em4100_serial_reset(&driver->tag_line);
    return has_scan ? judge(driver, ret, fault) : ST_AGAIN;
}

/* --- the port -------------------------------------------------------------------------------- */

static int port_descriptor(void *ctx)
{
    return ((const struct ident_driver *)ctx)->poll;
}

static enum st port_read(void *ctx, struct identifier *ret, struct fault *fault)
{
    struct ident_driver *driver = ctx;
    struct identifier id = {0};
    struct fault why = {""};

    disarm(driver);
    for (unsigned fills = 0; fills < FILLS_MAX;) {
        enum st st = ST_AGAIN;
        if (driver->fd == NO_DEVICE) {
            find(driver);
            if (driver->fd == NO_DEVICE) {
                return tell_away(driver, fault);
            }
        }
        if (has_input(driver)) {
            st = feed_one(driver, &id, &why);
        } else {
            fills += 1;
            st = fill(driver);
            if (st == ST_IO) {
                return tell_away(driver, fault);
            }
            if (st == ST_OK) {
                continue;
            }
            st = end_by_silence(driver, &id, &why);
            if (st == ST_AGAIN) {
                return ST_AGAIN;
            }
        }
        if (st != ST_AGAIN && !is_repeat(driver, st, &id, &why)) {
            if (st == ST_OK) {
                *ret = id;
            } else {
                fault_say(fault, "%s", why.say);
            }
            return st;
        }
    }
    arm(driver, 1);
    return ST_AGAIN;
}

static const char *port_say(void *ctx)
{
    return ((const struct ident_driver *)ctx)->away.say;
}

static const struct ident_ops ops = {
    .descriptor = port_descriptor, .read = port_read, .say = port_say};

enum st ident_open(const struct ident_config *config, struct ident_driver **ret,
                   struct fault *fault)
{
    struct ident_device device;
    const enum st st = ident_device_parse(config->device, &device, fault);
    if (st != ST_OK) {
        return st;
    }
    struct ident_driver *driver = calloc(1, sizeof *driver);
    if (driver == NULL) {
        fault_say(fault, "There is no memory left: restart the terminal.");
        return ST_FULL;
    }
    *driver = (struct ident_driver){
        .device = device, .own = config->own, .fd = NO_DEVICE, .last_st = ST_AGAIN};
    driver->poll = epoll_create1(EPOLL_CLOEXEC);
    driver->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event watch = {.events = EPOLLIN};
    if (driver->poll < 0 || driver->timer < 0 ||
        epoll_ctl(driver->poll, EPOLL_CTL_ADD, driver->timer, &watch) != 0) {
        fault_say(fault, "No descriptor is left: restart the terminal.");
        ident_close(driver);
        return ST_IO;
    }
    reset_input(driver);
    find(driver);
    if (driver->fd == NO_DEVICE) {
        arm(driver, 1); /* so that the first poll brings the news */
    }
    *ret = driver;
    return ST_OK;
}

void ident_close(struct ident_driver *driver)
{
    if (driver == NULL) {
        return;
    }
    const int descriptors[] = {driver->fd, driver->timer, driver->poll};
    for (size_t i = 0; i < sizeof descriptors / sizeof descriptors[0]; i += 1) {
        if (descriptors[i] >= 0) {
            (void)close(descriptors[i]);
        }
    }
    bytes_wipe(driver, sizeof *driver);
    free(driver);
}

struct ident ident_port(struct ident_driver *driver)
{
    return (struct ident){.ops = &ops, .ctx = driver};
}
