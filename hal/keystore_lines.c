#include "hal/keystore_lines.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "hal/base/bytes.h"
#include "hal/clock.h"

enum { CTRL_C = 0x03, CTRL_D = 0x04, BACKSPACE = 0x08, CTRL_U = 0x15, DELETE = 0x7f };

/* A line while it comes. */
struct coming {
    size_t size;
    bool is_long, is_shown, is_whole, has_ended;
};

/* --- the terminal --------------------------------------------------------------------------- */

static struct termios as_it_was; /* for the signals, too */

/* A terminal must not stay mute because somebody ended the program. */
static void on_signal(int signal_number)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &as_it_was);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void lines_open(struct lines *lines, unsigned patience_s)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

    *lines = (struct lines){.patience_s = patience_s};
    lines->is_terminal = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &as_it_was) == 0;
    if (lines->is_terminal) {
        for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i += 1) {
            signal(signals[i], on_signal);
        }
        struct termios mute = as_it_was;
        mute.c_lflag &= (tcflag_t) ~(ECHO | ECHONL);
        tcsetattr(STDIN_FILENO, TCSANOW, &mute);
    }
}

void lines_close(const struct lines *lines)
{
    if (lines->is_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
    }
}

/* Each byte at once, none of them a command to the kernel: Ctrl-S would stop the screen, Ctrl-Z
 * would leave a shell with half a half. What was typed before the question is thrown away. */
static void listen(void)
{
    struct termios each = as_it_was;
    each.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    each.c_iflag &= (tcflag_t) ~(IXON | ICRNL | INLCR | IGNCR | BRKINT | PARMRK | ISTRIP);
    each.c_iflag |= IGNBRK;
    each.c_cc[VMIN] = 1;
    each.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &each);
}

static void listen_no_more(void)
{
    struct termios mute = as_it_was;
    mute.c_lflag &= (tcflag_t) ~(ECHO | ECHONL);
    tcsetattr(STDIN_FILENO, TCSANOW, &mute);
    fputc('\n', stderr);
}

/* --- one line ------------------------------------------------------------------------------- */

static void append(struct lines *lines, struct coming *coming, char c)
{
    coming->is_long = coming->is_long || coming->size == LINES_TEXT_MAX;
    if (!coming->is_long) {
        lines->text[coming->size] = c;
        coming->size += 1;
    }
}

static void take_back(struct lines *lines, struct coming *coming)
{
    if (coming->size > 0) {
        coming->size -= 1;
        lines->text[coming->size] = '\0';
        if (coming->is_shown) {
            fputs("\b \b", stderr);
        }
    }
}

static void take_key(struct lines *lines, struct coming *coming, char c)
{
    const bool is_second = c == '\n' && lines->was_return && coming->size == 0;

    lines->was_return = c == '\r';
    if (c == '\r' || c == '\n') {
        coming->is_whole = !is_second;
    } else if (c == CTRL_C) {
        raise(SIGINT);
    } else if (c == CTRL_D) {
        coming->has_ended = coming->size == 0;
    } else if (c == BACKSPACE || c == DELETE) {
        take_back(lines, coming);
    } else if (c == CTRL_U) {
        while (coming->size > 0) {
            take_back(lines, coming);
        }
    } else if (c >= ' ' && c <= '~') {
        append(lines, coming, c);
        if (coming->is_shown) {
            fputc(c, stderr);
        }
    }
}

/* True: something is there to read, or the end of it. */
static bool wait_until(const struct lines *lines, int64_t end_ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int got = 0;

    do {
        const int64_t left_ms = end_ms - clock_monotonic_ms();
        if (lines->patience_s > 0 && left_ms <= 0) {
            return false;
        }
        got = poll(&input, 1, lines->patience_s > 0 ? (int)left_ms : -1);
    } while (got == 0 || (got < 0 && errno == EINTR));
    return true;
}

/* False: nobody has finished it in time. */
static bool read_bytes(struct lines *lines, struct coming *coming)
{
    const int64_t end_ms = clock_monotonic_ms() + (int64_t)lines->patience_s * 1000;

    while (!coming->is_whole && !coming->has_ended) {
        char c = '\0';
        if (!wait_until(lines, end_ms)) {
            return false;
        }
        const ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got == 1 && lines->is_terminal) {
            take_key(lines, coming, c);
        } else if (got == 1 && c == '\n') {
            coming->is_whole = true;
        } else if (got == 1) {
            append(lines, coming, c);
        } else {
            coming->has_ended = got == 0 || errno != EINTR;
        }
    }
    return true;
}

enum st lines_read(struct lines *lines, bool is_shown, struct fault *fault)
{
    struct coming coming = {.is_shown = is_shown};

    bytes_wipe(lines->text, sizeof lines->text);
    if (lines->is_terminal) {
        listen();
    }
    const bool is_in_time = read_bytes(lines, &coming);
    if (lines->is_terminal) {
        listen_no_more();
    }
    if (!is_in_time) {
        bytes_wipe(lines->text, sizeof lines->text);
        fault_say(fault, "Nobody finished a line for %u seconds. Nothing was written.",
                  lines->patience_s);
        return ST_GONE;
    }
    if (coming.has_ended && coming.size == 0) {
        fault_say(fault, "The input ended too early. Nothing was written.");
        return ST_GONE;
    }
    if (coming.is_long) {
        fault_say(fault, "A line is too long. Nothing was written.");
        return ST_REFUSED;
    }
    return ST_OK;
}

void lines_squeeze(struct lines *lines)
{
    size_t size = 0;

    for (const char *at = lines->text; *at != '\0'; at += 1) {
        if (!isspace((unsigned char)*at)) {
            lines->text[size] = *at;
            size += 1;
        }
    }
    bytes_wipe(lines->text + size, sizeof lines->text - size);
}
