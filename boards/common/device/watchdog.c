#include "boards/common/device/watchdog.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TEXT_MAX = 100 };

/* Some hardware cannot wait that long (the Allwinner H3: 16 s): then it keeps its own time. */
void watchdog_open(struct watchdog *watchdog, const struct conf *board, struct log *log)
{
    char path[TEXT_MAX], text[TEXT_MAX];
    int seconds = WATCHDOG_HARDWARE_S;
    watchdog->fd =
        conf_get(board, "watchdog", path, sizeof path) ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (watchdog->fd < 0) {
        log_say(log, "device", "there is no watchdog");
    } else if (ioctl(watchdog->fd, WDIOC_SETTIMEOUT, &seconds) != 0) {
        (void)ioctl(watchdog->fd, WDIOC_GETTIMEOUT, &seconds);
        (void)snprintf(text, sizeof text, "the watchdog waits %d s", seconds);
        log_say(log, "device", text);
    }
}

void watchdog_feed(const struct watchdog *watchdog)
{
    if (watchdog->fd >= 0) {
        (void)!write(watchdog->fd, "", 1); /* any byte is food */
    }
}
