#include "drivers/ident/ident_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hal/serial.h"

static const struct {
    const char *word;
    enum ident_kind kind;
} kinds[] = {
    {"em4100-serial", IDENT_EM4100_SERIAL},   {"scanner-serial", IDENT_SCANNER_SERIAL},
    {"magstripe-keys", IDENT_MAGSTRIPE_KEYS}, {"scanner-keys", IDENT_SCANNER_KEYS},
    {"em4100-keys", IDENT_EM4100_KEYS},
};

static const struct {
    const char *word;
    speed_t speed;
} speeds[] = {
    {"9600", B9600}, {"19200", B19200}, {"38400", B38400}, {"57600", B57600}, {"115200", B115200},
};

static bool is_word(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(text, word, size) == 0;
}

enum st ident_device_parse(const char *name, struct ident_device *ret, struct fault *fault)
{
    struct ident_device device = {.speed = B9600};
    const size_t kind_size = strcspn(name, ":@");
    const char *at = name + kind_size;
    bool is_known = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && !is_known; i += 1) {
        is_known = is_word(name, kind_size, kinds[i].word);
        device.kind = kinds[i].kind;
    }
    if (is_known && *at == '@') {
        const size_t size = strcspn(at + 1, ":");
        is_known = false;
        for (size_t i = 0; i < sizeof speeds / sizeof speeds[0] && !is_known; i += 1) {
            is_known = is_word(at + 1, size, speeds[i].word);
            device.speed = speeds[i].speed;
        }
        if (!is_known || device.kind != IDENT_SCANNER_SERIAL) {
            fault_say(fault, "Only scanner-serial has a speed: 9600 19200 38400 57600 115200.");
            return ST_REFUSED;
        }
        at += 1 + size;
    }
    if (!is_known || *at != ':') {
        fault_say(fault, "Name the device as KIND:PATH; KIND is one of em4100-serial "
                         "scanner-serial magstripe-keys scanner-keys em4100-keys.");
        return ST_REFUSED;
    }
    at += 1;
    if (*at == '\0' || strlen(at) > IDENT_PATH_MAX) {
        fault_say(fault, "The path of a device has 1 to %d bytes.", IDENT_PATH_MAX);
        return ST_REFUSED;
    }
    memcpy(device.path, at, strlen(at));
    *ret = device;
    return ST_OK;
}

bool ident_device_is_keys(const struct ident_device *device)
{
    switch (device->kind) {
    case IDENT_EM4100_SERIAL:
    case IDENT_SCANNER_SERIAL:
        return false;
    case IDENT_MAGSTRIPE_KEYS:
    case IDENT_SCANNER_KEYS:
    case IDENT_EM4100_KEYS:
        return true;
    }
    const bool is_in_the_enum = false;
    assert(is_in_the_enum);
    return false;
}

/* Without the grab a card's track would also be typed into the console or another program. */
static enum st take_keys(int fd, const char *path, struct fault *fault)
{
    struct stat stat;
    if (fstat(fd, &stat) == 0 && S_ISFIFO(stat.st_mode)) {
        return ST_OK;
    }
    if (ioctl(fd, EVIOCGRAB, 1) != 0) {
        if (errno == EBUSY) {
            fault_say(fault, "Another program has taken %.80s: stop it.", path);
        } else {
            fault_say(fault, "%.80s is not an input event device.", path);
        }
        return ST_IO;
    }
    /* Times that a clock change cannot bend; without it they are good enough. */
    int clock = CLOCK_MONOTONIC;
    (void)ioctl(fd, EVIOCSCLOCKID, &clock);
    return ST_OK;
}

static enum st take_line(int fd, const struct ident_device *device, struct fault *fault)
{
    if (!serial_raw(fd, device->speed)) {
        fault_say(fault,
                  errno == ENOTTY ? "%.80s is not a serial line."
                                  : "%.80s cannot be set to its speed.",
                  device->path);
        return ST_IO;
    }
    (void)ioctl(fd, TIOCEXCL); /* keeps others out from now on; a line that cannot still works */
    return ST_OK;
}

enum st ident_device_open(const struct ident_device *device, int *ret_fd, struct fault *fault)
{
    const bool is_keys = ident_device_is_keys(device);
    const int mode = is_keys ? O_RDONLY : O_RDWR;
    const int fd = open(device->path, mode | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
            fault_say(fault, "%.80s is not there: plug the device in.", device->path);
        } else {
            fault_say(fault, "%.80s cannot be opened: %s.", device->path, strerror(errno));
        }
        return ST_IO;
    }
    const enum st st = is_keys ? take_keys(fd, device->path, fault) : take_line(fd, device, fault);
    if (st != ST_OK) {
        (void)close(fd);
        return st;
    }
    *ret_fd = fd;
    return ST_OK;
}
