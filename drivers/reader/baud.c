#include "drivers/reader/baud.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    PORT_MAX = 256,
    FRAME_MAX = 32, /* these commands have 5 data bytes at most, and 8 around them */
    /* The chip has 15 ms for its ACK (UM0701-02 6.2.3) and 2 ms to wake up (7.2.11). */
    ANSWER_MS = 40,
    /* At least 200 us between the host's ACK and the new speed (7.2.8). */
    SWITCH_MS = 2,
};

struct speed {
    const char *word;
    speed_t host;
    uint8_t chip; /* BR of SetSerialBaudRate, UM0701-02 7.2.8 */
};
static const struct speed speeds[] = {{"230400", B230400, 0x05}, {"460800", B460800, 0x06}};

/* Splits "pn532_uart:PORT:SPEED". NULL when there is nothing to raise. */
static const struct speed *parse(const char *connection, char ret_port[PORT_MAX])
{
    static const char driver[] = "pn532_uart:";
    if (strncmp(connection, driver, sizeof driver - 1) != 0) {
        return NULL;
    }
    const char *port = connection + sizeof driver - 1;
    const size_t bytes = strcspn(port, ":");
    if (port[bytes] != ':' || bytes >= PORT_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (strcmp(port + bytes + 1, speeds[i].word) == 0) {
            memcpy(ret_port, port, bytes);
            ret_port[bytes] = '\0';
            return &speeds[i];
        }
    }
    return NULL;
}

static bool set_host_speed(int fd, speed_t speed)
{
    struct termios line;
    if (tcgetattr(fd, &line) != 0) {
        return false;
    }
    cfmakeraw(&line);
    line.c_cflag |= CLOCAL | CREAD;
    return cfsetispeed(&line, speed) == 0 && cfsetospeed(&line, speed) == 0 &&
           tcsetattr(fd, TCSADRAIN, &line) == 0;
}

/* Frames as in UM0701-02 6.2.1.1: 00 00 FF LEN LCS D4 ... DCS 00. */
static bool send_frame(int fd, const uint8_t *data, size_t bytes)
{
    assert(bytes > 0 && bytes + 8 <= FRAME_MAX);

    uint8_t frame[FRAME_MAX] = {0x00, 0x00, 0xFF, (uint8_t)(bytes + 1), (uint8_t)(0xFF - bytes),
                                0xD4};
    uint8_t sum = 0xD4;
    for (size_t i = 0; i < bytes; i++) {
        frame[6 + i] = data[i];
        sum = (uint8_t)(sum + data[i]);
    }
    frame[6 + bytes] = (uint8_t)(0x100 - sum);
    frame[7 + bytes] = 0x00;
    return write(fd, frame, bytes + 8) == (ssize_t)(bytes + 8);
}

/* True when the bytes hold the whole frame of an answer to `command`; the ACK before it is passed
 * over. */
static bool has_answer(const uint8_t *bytes, size_t count, uint8_t command)
{
    for (size_t i = 0; i + 7 <= count; i++) {
        const uint8_t *frame = bytes + i;
        const size_t length = frame[3];
        if (frame[0] != 0x00 || frame[1] != 0x00 || frame[2] != 0xFF || length < 2 ||
            (uint8_t)(frame[3] + frame[4]) != 0 || i + 5 + length + 1 > count) {
            continue;
        }
        uint8_t sum = 0;
        for (size_t j = 0; j <= length; j++) { /* the data and its checksum */
            sum = (uint8_t)(sum + frame[5 + j]);
        }
        if (sum == 0 && frame[5] == 0xD5 && frame[6] == command + 1) {
            return true;
        }
    }
    return false;
}

static int64_t now_ms(void)
{
    struct timespec now;
    const int rc = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(rc == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool ask(int fd, const uint8_t *data, size_t bytes)
{
    if (!send_frame(fd, data, bytes)) {
        return false;
    }
    uint8_t got[4 * FRAME_MAX];
    size_t count = 0;
    const int64_t until_ms = now_ms() + ANSWER_MS;
    for (int64_t now = now_ms(); now < until_ms && count < sizeof got; now = now_ms()) {
        struct pollfd input = {.fd = fd, .events = POLLIN};
        if (poll(&input, 1, (int)(until_ms - now)) <= 0) {
            continue;
        }
        const ssize_t rc = read(fd, got + count, sizeof got - count);
        if (rc <= 0) {
            return false;
        }
        count += (size_t)rc;
        if (has_answer(got, count, data[0])) {
            return true;
        }
    }
    return false;
}

/* Wakes the chip (UM0701-02 7.2.11; the same bytes as libnfc's pn532_uart_wakeup) and asks for a
 * sign of life. Out of LowVbat mode it must be SAMConfiguration. */
static bool is_heard(int fd, speed_t speed)
{
    static const uint8_t wake[16] = {0x55, 0x55};
    static const uint8_t sam_configuration[] = {0x14, 0x01}; /* normal mode */
    if (!set_host_speed(fd, speed)) {
        return false;
    }
    (void)tcflush(fd, TCIOFLUSH);
    return write(fd, wake, sizeof wake) == (ssize_t)sizeof wake &&
           ask(fd, sam_configuration, sizeof sam_configuration);
}

static bool switch_to(int fd, const struct speed *speed)
{
    static const uint8_t ack[] = {0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00};
    const uint8_t set_serial_baud_rate[] = {0x10, speed->chip};
    const struct timespec pause = {.tv_nsec = SWITCH_MS * 1000000L};
    /* The chip changes its speed only after the host's ACK. */
    if (!ask(fd, set_serial_baud_rate, sizeof set_serial_baud_rate) ||
        write(fd, ack, sizeof ack) != (ssize_t)sizeof ack || tcdrain(fd) != 0) {
        return false;
    }
    (void)nanosleep(&pause, NULL);
    return is_heard(fd, speed->host);
}

bool baud_raise(const char *connection)
{
    char port[PORT_MAX];
    const struct speed *speed = parse(connection, port);
    if (speed == NULL) {
        return true;
    }
    const int fd = open(port, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    /* The chip's own speed first: a reader that was just plugged in is at it. */
    const bool is_raised = is_heard(fd, B115200) ? switch_to(fd, speed) : is_heard(fd, speed->host);
    (void)close(fd);
    return is_raised;
}
