/* console_bench - what the first process of a device does about its console, at a pseudo-terminal
 * in place of a UART: prompt, key ceremony, log. For console.py.
 *
 *     console-bench TTY STORE VAFA-KEYS LOG     until SIGTERM; one line into the log every 100 ms
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boards/common/device/console.h"
#include "hal/clock.h"

enum { STEP_MS = 20, TICK_MS = 100 };

static struct log log_;

int main(int argc, char **argv)
{
    if (argc != 5) {
        return 2;
    }
    const int tty = open(argv[1], O_RDWR | O_NOCTTY);
    if (tty < 0 || dup2(tty, 0) < 0 || dup2(tty, 1) < 0 || dup2(tty, 2) < 0) {
        return 1;
    }
    struct unit ceremony = {.name = "ceremony",
                            .arguments = {argv[3], "console", argv[2]},
                            .user = getuid(),
                            .group = getgid(),
                            .console = argv[1],
                            .is_once = true};
    struct console console;
    log_init(&log_);
    log_console(STDOUT_FILENO);
    log_open(&log_, argv[4]);
    unit_init(&ceremony);
    console_init(&console, STDIN_FILENO, &ceremony, &log_, clock_monotonic_ms());
    for (int64_t tick_ms = 0;;) {
        int status = 0;
        const int64_t now_ms = clock_monotonic_ms();
        struct pollfd input = {.fd = console_fd(&console, now_ms), .events = POLLIN};
        if (poll(&input, 1, STEP_MS) > 0) {
            console_hear(&console, now_ms);
        }
        if (now_ms >= tick_ms) {
            log_say(&log_, "bench", "tick");
            tick_ms = now_ms + TICK_MS;
        }
        unit_step(&ceremony, &log_, now_ms);
        console_step(&console, access(argv[2], F_OK) == 0, now_ms);
        if (ceremony.pid != 0 && waitpid(ceremony.pid, &status, WNOHANG) == ceremony.pid) {
            unit_ended(&ceremony, status, &log_, now_ms);
            console_ended(&console, status, now_ms);
        }
    }
}
