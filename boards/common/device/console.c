#include "boards/common/device/console.h"

#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Each byte as it comes, none shown, none a command to the kernel: neither Ctrl-S nor a BREAK. What
 * came before is thrown away, such as what somebody typed of a half. */
static void listen_to(struct console *console, int64_t now_ms)
{
    struct termios line;
    if (tcgetattr(console->fd, &line) == 0) {
        line.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ECHONL | ISIG | IEXTEN);
        line.c_iflag &=
            (tcflag_t) ~(IXON | IXOFF | ICRNL | INLCR | IGNCR | BRKINT | PARMRK | ISTRIP);
        line.c_iflag |= IGNBRK;
        line.c_cc[VMIN] = 0;
        line.c_cc[VTIME] = 0;
        (void)tcsetattr(console->fd, TCSANOW, &line);
    }
    (void)tcflush(console->fd, TCIFLUSH);
    typing_init(&console->typing, now_ms);
}

void console_init(struct console *console, int fd, struct unit *ceremony, struct log *log,
                  int64_t now_ms)
{
    *console = (struct console){.fd = fd, .log = log, .ceremony = ceremony};
    ceremony->start_at_ms = INT64_MAX;
    listen_to(console, now_ms);
}

int console_fd(const struct console *console, int64_t now_ms)
{
    return console->is_lent || now_ms < console->listen_ms ? -1 : console->fd;
}

void console_hear(struct console *console, int64_t now_ms)
{
    char bytes[256];
    const ssize_t got = read(console->fd, bytes, sizeof bytes);
    if (got <= 0) {
        console->listen_ms = now_ms + CONSOLE_DEAF_MS; /* hung up: poll() would not wait any more */
        return;
    }
    typing_take(&console->typing, bytes, (size_t)got, now_ms);
}

static void lend(struct console *console, int64_t now_ms)
{
    log_say(console->log, "device", "the key ceremony begins at the console");
    log_hold(console->log);
    console->is_lent = true;
    console->ceremony->start_at_ms = now_ms;
}

static void say_prompt(struct console *console, int64_t now_ms)
{
    if (now_ms >= console->say_ms) {
        console->say_ms = now_ms + CONSOLE_SAY_AGAIN_MS;
        log_tell(console->log, "device", "no keys yet: press Enter here to hold the key ceremony");
    }
}

void console_step(struct console *console, bool has_keys, int64_t now_ms)
{
    if (console->is_lent) {
        if (console->ceremony->pid != 0 &&
            now_ms - console->ceremony->started_ms >= CONSOLE_LONGEST_MS) {
            (void)kill(console->ceremony->pid, SIGKILL);
        }
        return;
    }
    const enum typing_wish wish = typing_wish(&console->typing, now_ms);
    if (wish == TYPING_KEYS || (wish == TYPING_ENTER && !has_keys)) {
        lend(console, now_ms);
    } else if (wish == TYPING_ENTER) {
        log_tell(console->log, "device",
                 "to change the keys of this terminal type " TYPING_WORD " and Enter");
    } else if (!has_keys) {
        say_prompt(console, now_ms);
    }
}

void console_ended(struct console *console, int wait_status, int64_t now_ms)
{
    const bool is_done = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    console->is_lent = false;
    console->say_ms = now_ms;
    listen_to(console, now_ms);
    log_release(console->log);
    log_say(console->log, "device",
            is_done ? "the key ceremony is done"
                    : "the key ceremony was not finished: the keys are as they were");
}
