#include "boards/common/device/command.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hal/clock.h"

enum { STEP_MS = 20 };

static _Noreturn void become(const char *const *arguments)
{
    char *environment[] = {"PATH=/usr/sbin:/usr/bin", NULL};
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execve(arguments[0], (char *const *)arguments, environment);
    _exit(127);
}

static void say_goes_on(const char *program, int64_t took_ms, struct log *log)
{
    char text[100];
    (void)snprintf(text, sizeof text, "%.60s works, for %" PRId64 " s now", program,
                   took_ms / 1000);
    log_say(log, "device", text);
}

int command_run(const char *const *arguments, const struct watchdog *watchdog, struct log *log)
{
    const int64_t began_ms = clock_monotonic_ms();
    int64_t say_ms = began_ms + COMMAND_SAYS_EVERY_MS;
    int status = 0;
    pid_t ended = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        become(arguments);
    }
    while (pid > 0 && (ended = waitpid(pid, &status, WNOHANG)) == 0) {
        const int64_t now_ms = clock_monotonic_ms();
        if (now_ms - began_ms >= COMMAND_MAX_MS) {
            (void)kill(pid, SIGKILL);
            ended = waitpid(pid, &status, 0);
            break;
        }
        if (now_ms >= say_ms) {
            say_goes_on(arguments[0], now_ms - began_ms, log);
            say_ms = now_ms + COMMAND_SAYS_EVERY_MS;
        }
        watchdog_feed(watchdog);
        (void)poll(NULL, 0, STEP_MS);
    }
    const bool has_ended = pid > 0 && ended == pid && WIFEXITED(status);
    return has_ended && WEXITSTATUS(status) != 127 ? WEXITSTATUS(status) : -1;
}
