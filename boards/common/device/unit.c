#include "boards/common/device/unit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void unit_init(struct unit *unit)
{
    unit->pid = 0;
    unit->out_fd = -1;
    unit->start_at_ms = 0;
    unit->delay_ms = UNIT_DELAY_FIRST_MS;
    unit->line_bytes = 0;
    unit->hear_at_ms = unit->works_ms = 0;
    unit->left_out = 0;
    unit->gave_up = unit->is_killed = false;
    ration_init(&unit->ration, 0);
}

static bool own_device(const struct unit *unit)
{
    return unit->device == NULL || (chown(unit->device, unit->user, unit->group) == 0 &&
                                    chmod(unit->device, S_IRUSR | S_IWUSR) == 0);
}

/* In the child: everything of ours is laid down before the program begins. */
static bool take_rights(const struct unit *unit)
{
    const struct rlimit none = {0, 0}, few = {UNIT_PROCESSES_MAX, UNIT_PROCESSES_MAX};
    bool is_good = setrlimit(RLIMIT_CORE, &none) == 0;
    if (!unit->is_root) {
        is_good = setrlimit(RLIMIT_NPROC, &few) == 0 && is_good;
        for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c) >= 0; c++) {
            is_good = prctl(PR_CAPBSET_DROP, c) == 0 && is_good;
        }
    }
    is_good = setgroups(unit->groups_count, unit->groups) == 0 && is_good;
    is_good = setresgid(unit->group, unit->group, unit->group) == 0 && is_good;
    is_good = setresuid(unit->user, unit->user, unit->user) == 0 && is_good;
    return is_good && (unit->may_change_user || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

static _Noreturn void become(const struct unit *unit, int out_fd)
{
    char *environment[] = {"PATH=/usr/sbin:/usr/bin", NULL};
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
    const int in_fd =
        open(unit->console != NULL ? unit->console : "/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
    out_fd = unit->console != NULL ? in_fd : out_fd;
    if (in_fd >= 0 && dup2(in_fd, 0) == 0 && dup2(out_fd, 1) == 1 && dup2(out_fd, 2) == 2 &&
        own_device(unit) && take_rights(unit)) {
        (void)execve(unit->arguments[0], (char *const *)unit->arguments, environment);
    }
    (void)dprintf(2, "cannot be started: %s\n", strerror(errno));
    _exit(127);
}

void unit_step(struct unit *unit, struct log *log, int64_t now_ms)
{
    int pair[2];
    if (unit->pid != 0 || now_ms < unit->start_at_ms) {
        return;
    }
    assert(unit->arguments[0] != NULL);
    if (unit->device != NULL && access(unit->device, F_OK) != 0) {
        unit->start_at_ms = now_ms + UNIT_LOOK_MS;
        return;
    }
    unit->start_at_ms = now_ms + unit->delay_ms; /* also when this start fails */
    if (pipe2(pair, O_CLOEXEC) != 0) {
        log_say(log, unit->name, "cannot be started: no descriptors are left");
        return;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        become(unit, pair[1]);
    }
    (void)close(pair[1]);
    if (pid < 0) {
        log_say(log, unit->name, "cannot be started: no memory is left");
        (void)close(pair[0]);
        return;
    }
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    if (unit->out_fd >= 0) {
        (void)close(unit->out_fd); /* a child of the last one may still hold it */
    }
    unit->pid = pid;
    unit->out_fd = pair[0];
    unit->started_ms = now_ms;
    unit->works_ms = unit->hear_at_ms = 0;
    unit->is_killed = false;
    unit->line_bytes = 0;
}

static void say_line(struct unit *unit, struct log *log, int64_t now_ms)
{
    char text[60];
    const bool was_out = unit->ration.is_out;
    const bool is_kept = ration_take(&unit->ration, unit->line_bytes, now_ms);
    unit->line[unit->line_bytes] = '\0';
    if (strstr(unit->line, UNIT_WORKS) != NULL) {
        unit->works_ms = now_ms;
    }
    if (was_out && is_kept) {
        (void)snprintf(text, sizeof text, "%" PRIu32 " lines of it were left out", unit->left_out);
        log_say(log, unit->name, text);
    } else if (!was_out && !is_kept) {
        log_say(log, unit->name, "says too much: lines of it are left out");
    }
    if (is_kept) {
        log_say(log, unit->name, unit->line);
    }
    unit->left_out = is_kept ? 0 : unit->left_out + 1;
    unit->line_bytes = 0;
}

static void take_bytes(struct unit *unit, const char *bytes, size_t size, struct log *log,
                       int64_t now_ms)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' || unit->line_bytes == sizeof unit->line - 1) {
            say_line(unit, log, now_ms);
        }
        if (bytes[i] != '\n') {
            unit->line[unit->line_bytes++] = log_shown(bytes[i]);
        }
    }
}

int unit_fd(const struct unit *unit, int64_t now_ms)
{
    return now_ms < unit->hear_at_ms ? -1 : unit->out_fd;
}

/* True: there may be more than `max` bytes. */
static bool hear(struct unit *unit, size_t max, struct log *log, int64_t now_ms)
{
    char bytes[4096];
    for (size_t heard = 0; heard < max;) {
        const ssize_t got = read(unit->out_fd, bytes, sizeof bytes);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return false;
        }
        if (got <= 0) {
            (void)close(unit->out_fd);
            unit->out_fd = -1;
            return false;
        }
        take_bytes(unit, bytes, (size_t)got, log, now_ms);
        heard += (size_t)got;
    }
    return true;
}

void unit_hear(struct unit *unit, struct log *log, int64_t now_ms)
{
    if (hear(unit, UNIT_HEAR_MAX, log, now_ms)) {
        unit->hear_at_ms = now_ms + UNIT_PAUSE_MS;
    }
}

void unit_kill(struct unit *unit, struct log *log, const char *why)
{
    if (unit->pid != 0 && !unit->is_killed) {
        unit->is_killed = true;
        log_say(log, unit->name, why);
        (void)kill(unit->pid, SIGKILL);
    }
}

void unit_ended(struct unit *unit, int wait_status, struct log *log, int64_t now_ms)
{
    char text[80];
    assert(unit->pid > 1);
    if (WIFSIGNALED(wait_status)) {
        (void)snprintf(text, sizeof text, "ended by signal %d", WTERMSIG(wait_status));
    } else {
        (void)snprintf(text, sizeof text, "ended with %d", WEXITSTATUS(wait_status));
    }
    unit->gave_up = WIFEXITED(wait_status) || WTERMSIG(wait_status) != SIGKILL;
    (void)kill(-unit->pid, SIGKILL); /* it led a session of its own */
    if (unit->out_fd >= 0) {
        (void)hear(unit, UNIT_PIPE_MAX, log, now_ms);
    }
    if (unit->line_bytes > 0) {
        say_line(unit, log, now_ms);
    }
    log_say(log, unit->name, text);
    if (now_ms - unit->started_ms >= UNIT_WELL_MS) {
        unit->delay_ms = UNIT_DELAY_FIRST_MS;
    }
    unit->start_at_ms = unit->is_once ? INT64_MAX : now_ms + unit->delay_ms;
    unit->delay_ms =
        unit->delay_ms * 2 < UNIT_DELAY_MAX_MS ? unit->delay_ms * 2 : UNIT_DELAY_MAX_MS;
    unit->pid = 0;
}
