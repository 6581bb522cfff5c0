#include "tools/pn532-sim/line.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* Replaces the link in one step. Anything else of that name stays: it may be a real device. */
static bool point_link(const struct line *line)
{
    char aside[4096];
    struct stat about;

    if (line->link == NULL) {
        return true;
    }
    if (lstat(line->link, &about) == 0 && !S_ISLNK(about.st_mode)) {
        return false;
    }
    const int length = snprintf(aside, sizeof aside, "%s.new", line->link);
    if (length < 0 || (size_t)length >= sizeof aside) {
        return false;
    }
    unlink(aside);
    return symlink(line->device, aside) == 0 && rename(aside, line->link) == 0;
}

const char *line_plug(struct line *line, const char *link)
{
    struct termios raw;

    line->link = link;
    if (openpty(&line->chip_fd, &line->host_fd, line->device, NULL, NULL) != 0) {
        line->chip_fd = -1;
        return "no pseudo terminal can be opened: see that /dev/pts is mounted";
    }
    if (tcgetattr(line->host_fd, &raw) == 0) {
        cfmakeraw(&raw);
        cfsetspeed(&raw, B115200);
        tcsetattr(line->host_fd, TCSANOW, &raw);
    }
    fcntl(line->chip_fd, F_SETFL, O_NONBLOCK);
    fcntl(line->chip_fd, F_SETFD, FD_CLOEXEC);
    fcntl(line->host_fd, F_SETFD, FD_CLOEXEC);
    if (!point_link(line)) {
        line_unplug(line);
        return "the link cannot be made: --link must name a new file or an old link";
    }
    return NULL;
}

void line_unplug(struct line *line)
{
    char target[sizeof line->device];

    if (line->chip_fd < 0) {
        return;
    }
    if (line->link != NULL) {
        /* Only our own link goes: another simulator may have taken the name over. */
        const ssize_t length = readlink(line->link, target, sizeof target - 1);
        if (length > 0) {
            target[length] = '\0';
            if (strcmp(target, line->device) == 0) {
                unlink(line->link);
            }
        }
    }
    close(line->chip_fd);
    close(line->host_fd);
    line->chip_fd = -1;
    line->host_fd = -1;
}

size_t line_read(struct line *line, uint8_t *bytes, size_t bytes_max)
{
    if (line->chip_fd < 0) {
        return 0;
    }
    const ssize_t count = read(line->chip_fd, bytes, bytes_max);
    return count > 0 ? (size_t)count : 0;
}

void line_write(struct line *line, const uint8_t *bytes, size_t count)
{
    while (line->chip_fd >= 0 && count > 0) {
        const ssize_t written = write(line->chip_fd, bytes, count);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return;
        }
        bytes += written;
        count -= (size_t)written;
    }
}

uint32_t line_host_baud(const struct line *line)
{
    static const struct {
        speed_t speed;
        uint32_t baud;
    } speeds[] = {
        {B9600, 9600},     {B19200, 19200},   {B38400, 38400},   {B57600, 57600},
        {B115200, 115200}, {B230400, 230400}, {B460800, 460800}, {B921600, 921600},
    };
    struct termios settings;

    if (line->host_fd < 0 || tcgetattr(line->host_fd, &settings) != 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i].speed == cfgetospeed(&settings)) {
            return speeds[i].baud;
        }
    }
    return 0;
}
