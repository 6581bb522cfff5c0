/* vafa-init - the first process of a device that boots one of our images: it mounts, starts the
 * others with their own users, starts them anew when they end, keeps their words, and feeds the
 * hardware watchdog while the tap loop answers. docs/decisions/0017-image.md, "On the device". */
#include <fcntl.h>
#include <linux/reboot.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boards/common/device/at_ready.h"
#include "boards/common/device/bring_down.h"
#include "boards/common/device/bring_up.h"
#include "boards/common/device/clockset.h"
#include "boards/common/device/conf.h"
#include "boards/common/device/console.h"
#include "boards/common/device/disk.h"
#include "boards/common/device/grow.h"
#include "boards/common/device/log.h"
#include "boards/common/device/places.h"
#include "boards/common/device/probe.h"
#include "boards/common/device/report.h"
#include "boards/common/device/rights.h"
#include "boards/common/device/selftest.h"
#include "boards/common/device/slots.h"
#include "boards/common/device/sync_words.h"
#include "boards/common/device/unit.h"
#include "boards/common/device/updater.h"
#include "boards/common/device/vault.h"
#include "boards/common/device/watch.h"
#include "boards/common/device/watchdog.h"
#include "hal/clock.h"

enum {
    UNITS_MAX = 7,
    REPORT_EVERY_MS = 5000,
    DISK_EVERY_MS = 5000,
    MARK_AGAIN_MS = 10000,
    EAGER_MS = 50,
    CALM_MS = 500,
    WORD_MAX = 100,
    ENDED_MAX = 64,        /* processes and signals, in one turn of the loop */
    TERMINAL_TRIAL_AT = 9, /* "--trial" among its arguments, or NULL */
};

struct device {
    struct log log;
    struct conf board, ident;
    struct vault vault;
    struct probe probe;
    struct unit units[UNITS_MAX];
    size_t units_count;
    struct unit *terminal; /* NULL: no key store, nothing to serve */
    struct unit *sync;     /* NULL: no club was named */
    struct unit *update;   /* runs once for each stick or bundle; NULL: there is no /data */
    struct unit *mark;     /* runs once: the slot is marked good */
    struct unit *ceremony; /* runs once for each key ceremony */
    struct console console;
    struct updater updater;
    bool is_support_on, has_disk_failed;
    bool is_installed; /* a version, in the other slot */
    int signal_fd;
    struct watchdog watchdog;
    struct slots slots;
    struct report report;
    struct clockset clock;
    int64_t report_at_ms, disk_at_ms, started_ms;
    int64_t works_ms;            /* when the self-test went well last, or the start of the device */
    bool has_passed, has_failed; /* the self-test's last word on the console */
    bool was_ready;
    struct selftest_facts facts;
    struct sync_words sync_words;
    char reader[WORD_MAX], register_line[WORD_MAX];
};

/* False: the disk was taken to another board, say. */
static bool has_data(const struct device *device)
{
    return device->vault.device != NULL;
}

/* It was not set up yet. */
static bool is_new(const struct device *device)
{
    return has_data(device) && device->terminal == NULL;
}

/* --- the units ------------------------------------------------------------------------------ */

static struct unit *add(struct device *device, struct unit unit)
{
    struct unit *at = &device->units[device->units_count++];
    *at = unit;
    unit_init(at);
    return at;
}

static void add_terminal(struct device *device)
{
    if (access(KEYS, F_OK) != 0) {
        log_say(&device->log, "device", "no keys yet");
        return;
    }
    device->terminal = add(
        device, (struct unit){.name = "terminal",
                              .arguments = {"/usr/bin/vafa-terminal", "--db", DATABASE, "--keys",
                                            KEYS, "--reader", device->reader, "--socket", SOCKET,
                                            device->report.is_good ? NULL : "--trial"},
                              .user = RIGHTS_TERMINAL,
                              .group = RIGHTS_TERMINAL,
                              .groups = {RIGHTS_JOURNAL, RIGHTS_TILL},
                              .groups_count = 2,
                              .may_change_user = true});
}

static void add_register(struct device *device)
{
    if (conf_get(&device->board, "register_line", device->register_line,
                 sizeof device->register_line)) {
        (void)add(device, (struct unit){.name = "register",
                                        .arguments = {"/usr/bin/vafa-register",
                                                      device->register_line, SOCKET},
                                        .user = RIGHTS_REGISTER,
                                        .group = RIGHTS_REGISTER,
                                        .groups = {RIGHTS_TILL},
                                        .groups_count = 1,
                                        .device = device->register_line});
    }
}

static void set_sync_arguments(struct device *device)
{
    sync_words_fill(&device->sync_words, device->report.board, device->sync->arguments);
}

static void add_sync(struct device *device)
{
    if (!sync_words_read(&device->ident, &device->sync_words)) {
        log_say(&device->log, "device", "no club was written to this device: it works alone");
        return;
    }
    (void)add(device, (struct unit){.name = "network",
                                    .arguments = {"/usr/bin/busybox", "udhcpc", "-f", "-i", "eth0",
                                                  "-s", "/usr/lib/vafa/dhcp"},
                                    .is_root = true});
    device->sync = add(device, (struct unit){.name = "sync",
                                             .user = RIGHTS_SYNC,
                                             .group = RIGHTS_SYNC,
                                             .groups = {RIGHTS_JOURNAL},
                                             .groups_count = 1});
    set_sync_arguments(device);
}

static void add_update(struct device *device)
{
    device->update =
        add(device, (struct unit){.name = "update",
                                  .arguments = {"/usr/lib/vafa/update", device->updater.from},
                                  .is_root = true,
                                  .is_once = true});
    updater_init(&device->updater, device->update, &device->ident, NULL, &device->log);
}

/* A slot that was marked before gets back what this boot took. */
static void add_mark(struct device *device)
{
    device->mark = add(device, (struct unit){.name = "slot",
                                             .arguments = {"/usr/lib/vafa/slot", "good"},
                                             .is_root = true,
                                             .is_once = true});
    device->mark->start_at_ms = device->report.is_good ? 0 : INT64_MAX;
}

/* It has the console, and what the terminal's user has. */
static void add_ceremony(struct device *device, int64_t now_ms)
{
    device->ceremony =
        add(device, (struct unit){.name = "ceremony",
                                  .arguments = {"/usr/bin/vafa-keys", "console", KEYS},
                                  .user = RIGHTS_TERMINAL,
                                  .group = RIGHTS_TERMINAL,
                                  .console = "/dev/console",
                                  .is_once = true});
    console_init(&device->console, STDIN_FILENO, device->ceremony, &device->log, now_ms);
}

static struct watch_facts watched(const struct device *device, int64_t now_ms)
{
    static const struct unit none = {.name = ""};
    const struct unit *terminal = device->terminal != NULL ? device->terminal : &none;
    return (struct watch_facts){.has_keys = device->terminal != NULL,
                                .now_ms = now_ms,
                                .answered_ms = device->probe.answered_ms,
                                .started_ms = terminal->started_ms,
                                .works_ms = terminal->works_ms,
                                .gave_up = terminal->gave_up};
}

/* A device that is not set up has no till. */
static void look_for_update(struct device *device, int64_t now_ms)
{
    if (device->update == NULL) {
        return;
    }
    if (device->is_installed && !device->console.is_lent) {
        bring_down(&device->log, LINUX_REBOOT_CMD_RESTART); /* into the other slot */
    }
    const struct probe *probe = &device->probe;
    const struct watch_facts life = watched(device, now_ms);
    const struct bundle_facts facts = {.running = device->report.version,
                                       .failed = device->report.failed,
                                       .is_good = device->report.is_good,
                                       .is_ceremony_on = device->console.is_lent,
                                       .quiet_s = device->terminal == NULL
                                                      ? (now_ms - device->started_ms) / 1000
                                                  : probe->is_heard ? probe->said.quiet_s
                                                                    : -1,
                                       .silent_s = watch_silent_ms(&life) / 1000,
                                       .hour = probe->is_heard ? probe->said.hour : -1};
    updater_step(&device->updater, &facts, now_ms);
}

/* The log can be read by vafa-sync while somebody at the till agrees to it, and only then. */
static void follow_support(struct device *device)
{
    const bool is_on = device->probe.is_heard && device->probe.said.support_s > 0;
    if (is_on != device->is_support_on && chmod("/data/log", is_on ? 02750 : 02700) == 0) {
        device->is_support_on = is_on;
        log_say(&device->log, "device",
                is_on ? "support is on: the club may take this log" : "support is off");
    }
}

/* --- the watchdog and the slot -------------------------------------------------------------- */

static void watch(struct device *device, int64_t now_ms)
{
    const struct watch_facts facts = watched(device, now_ms);
    switch (watch_decide(&facts)) {
    case WATCH_FEED:
        watchdog_feed(&device->watchdog);
        break;
    case WATCH_RESTART:
        watchdog_feed(&device->watchdog);
        unit_kill(device->terminal, &device->log, "does not answer: it is started anew");
        break;
    case WATCH_STARVE:
        break;
    }
}

/* Notes it for the boot loader; the report says so once it is written. */
static void mark_good(struct device *device, int64_t now_ms)
{
    if (!device->report.is_good && device->mark->start_at_ms == INT64_MAX) {
        device->mark->start_at_ms = now_ms;
    }
}

/* The next start repairs the file system; who sells nothing loses nothing by it. */
static void look_at_disk(struct device *device, int64_t now_ms)
{
    const bool is_well = device->terminal == NULL || device->probe.said.is_disk_ok;
    if (is_well || now_ms < device->disk_at_ms) {
        return;
    }
    device->disk_at_ms = now_ms + DISK_EVERY_MS;
    if (!disk_has_failed("/data/log")) {
        return;
    }
    if (!device->has_disk_failed) {
        device->has_disk_failed = true;
        log_say(&device->log, "device", "/data takes no writes any more: a restart repairs it");
    }
    if (now_ms - device->started_ms >= DISK_RESTART_AFTER_MS) {
        bring_down(&device->log, LINUX_REBOOT_CMD_RESTART);
    }
}

/* --- the self-test -------------------------------------------------------------------------- */

static enum selftest_verdict judge(struct device *device, int64_t now_ms,
                                   char ret_say[SELFTEST_SAY_MAX])
{
    struct selftest_facts *facts = &device->facts;
    facts->data_say = device->vault.say;
    facts->has_keys = device->terminal != NULL;
    facts->is_heard = device->probe.is_heard;
    facts->said = &device->probe.said;
    facts->up_ms = now_ms - device->started_ms;
    device->report.is_clock_set = clockset_look(&device->clock, &facts->clock_up_ms);
    return selftest_judge(facts, ret_say);
}

static void say_failed(struct device *device, const char *why)
{
    char text[SELFTEST_SAY_MAX + 40];
    (void)snprintf(text, sizeof text, "self-test failed: %s", why);
    log_say(&device->log, "vafa", text);
    (void)snprintf(device->report.self_test, sizeof device->report.self_test, "%s", why);
    device->has_failed = true;
    device->has_passed = false;
}

static void say_passed(struct device *device)
{
    log_say(&device->log, "vafa",
            device->report.is_clock_set ? "self-test ok"
                                        : "self-test ok (the clock was never set)");
    (void)snprintf(device->report.self_test, sizeof device->report.self_test, "ok");
    device->has_passed = true;
    device->has_failed = false;
}

static void test_self(struct device *device, int64_t now_ms)
{
    char why[SELFTEST_SAY_MAX];
    const enum selftest_verdict verdict = judge(device, now_ms, why);
    const struct watch_facts life = watched(device, now_ms);
    if (verdict == SELFTEST_WORKS || watch_is_at_work(&life)) {
        device->works_ms = now_ms;
    }
    const struct selftest_course course = {.verdict = verdict,
                                           .since_works_ms = now_ms - device->works_ms,
                                           .has_data = has_data(device),
                                           .is_new = is_new(device),
                                           .is_good = device->report.is_good,
                                           .can_leave = slots_other_boots(&device->slots) &&
                                                        device->report.other != 0,
                                           .has_passed = device->has_passed,
                                           .has_failed = device->has_failed};
    const struct selftest_acts acts = selftest_decide(&course);
    if (acts.says_passed) {
        say_passed(device);
    }
    if (acts.says_failed) {
        say_failed(device, why);
    }
    if (acts.marks_good) {
        mark_good(device, now_ms);
    }
    if (acts.leaves) {
        bring_down(&device->log, LINUX_REBOOT_CMD_RESTART);
    }
}

/* For who stands before it: that it can sell, or why it does not. */
static void say_ready(struct device *device)
{
    if (!device->was_ready && (device->probe.said.is_ready || device->terminal == NULL)) {
        device->was_ready = true;
        log_say(&device->log, "device",
                is_new(device)     ? "waits to be set up"
                : has_data(device) ? "ready to serve cards"
                                   : "serves nothing: it has no /data");
        at_ready_say(&device->log);
    }
}

static void write_report(struct device *device, int64_t now_ms)
{
    struct statvfs data;
    struct report *report = &device->report;
    if (now_ms < device->report_at_ms) {
        return;
    }
    device->report_at_ms = now_ms + REPORT_EVERY_MS;
    report->data_free = statvfs("/data", &data) == 0 ? (uint64_t)data.f_bavail * data.f_frsize : 0;
    report->unsent = device->probe.said.is_disk_ok ? device->probe.said.unsent
                     : is_new(device)              ? 0 /* without keys nothing is ever sold */
                                                   : -1;
    report_take_line(UPDATER_SAYS, "none", report->update);
    if (!report_write(report, REPORT)) {
        log_say(&device->log, "device", "/run/vafa/device cannot be written");
    }
}

/* --- the loop ------------------------------------------------------------------------------- */

/* One that waits for the end of its trial has nothing to do until the slot is marked good. */
static void terminal_ended(struct device *device, int status, int64_t now_ms)
{
    probe_drop(&device->probe);
    selftest_terminal_ended(&device->facts, status, device->terminal->line);
    if (device->facts.waits_for_trial) {
        device->terminal->start_at_ms = device->report.is_good ? now_ms : INT64_MAX;
    }
}

/* The slot is marked good, or could not be: then it stays on trial. */
static void marking_ended(struct device *device, int status, int64_t now_ms)
{
    device->report.is_good = status == 0;
    device->report_at_ms = 0;
    device->mark->start_at_ms = status == 0 ? INT64_MAX : now_ms + MARK_AGAIN_MS;
    if (device->report.is_good && device->terminal != NULL) {
        device->terminal->arguments[TERMINAL_TRIAL_AT] = NULL; /* from its next start */
        device->terminal->start_at_ms =
            device->facts.waits_for_trial ? now_ms : device->terminal->start_at_ms;
    }
}

/* Keys came, or more of them: the terminal opens its store when it starts. Its watch and its
 * self-test begin now. */
static void ceremony_ended(struct device *device, int status, int64_t now_ms)
{
    console_ended(&device->console, status, now_ms);
    if (device->terminal != NULL && status == 0 && device->terminal->pid != 0) {
        (void)kill(device->terminal->pid, SIGTERM);
    } else if (device->terminal == NULL && access(KEYS, F_OK) == 0) {
        add_terminal(device);
        probe_init(&device->probe, SOCKET, now_ms);
        device->works_ms = now_ms;
        device->has_failed = device->was_ready = false;
        (void)snprintf(device->report.self_test, sizeof device->report.self_test, "running");
    }
}

static void unit_was_reaped(struct device *device, struct unit *unit, int status, int64_t now_ms)
{
    unit_ended(unit, status, &device->log, now_ms);
    if (unit == device->terminal) {
        terminal_ended(device, status, now_ms);
    } else if (unit == device->mark) {
        marking_ended(device, status, now_ms);
    } else if (unit == device->update) {
        updater_ended(&device->updater);
        device->is_installed = status == 0;
    } else if (unit == device->sync) {
        set_sync_arguments(device); /* it may have enrolled */
    } else if (unit == device->ceremony) {
        ceremony_ended(device, status, now_ms);
    }
}

/* Of processes that somebody starts faster than they can be reaped, some wait for the next turn. */
static void reap(struct device *device, int64_t now_ms)
{
    int status;
    pid_t pid;
    for (int left = ENDED_MAX; left > 0 && (pid = waitpid(-1, &status, WNOHANG)) > 0; left--) {
        for (size_t n = 0; n < device->units_count; n++) {
            if (device->units[n].pid == pid) {
                unit_was_reaped(device, &device->units[n], status, now_ms);
            }
        }
    }
}

static void take_signals(struct device *device, int64_t now_ms)
{
    struct signalfd_siginfo info;
    for (int left = ENDED_MAX;
         left > 0 && read(device->signal_fd, &info, sizeof info) == (ssize_t)sizeof info; left--) {
        if (info.ssi_signo == SIGTERM) {
            bring_down(&device->log, LINUX_REBOOT_CMD_RESTART);
        } else if (info.ssi_signo == SIGUSR2) {
            bring_down(&device->log, LINUX_REBOOT_CMD_POWER_OFF);
        }
    }
    reap(device, now_ms);
}

static void wait_and_hear(struct device *device)
{
    const int64_t now_ms = clock_monotonic_ms();
    struct pollfd polled[2 + UNITS_MAX] = {
        {.fd = device->signal_fd, .events = POLLIN},
        {.fd = console_fd(&device->console, now_ms), .events = POLLIN}};
    for (size_t n = 0; n < device->units_count; n++) {
        polled[2 + n] = (struct pollfd){.fd = unit_fd(&device->units[n], now_ms), .events = POLLIN};
    }
    (void)poll(polled, 2 + device->units_count, device->was_ready ? CALM_MS : EAGER_MS);
    for (size_t n = 0; n < device->units_count; n++) {
        if (polled[2 + n].revents != 0) {
            unit_hear(&device->units[n], &device->log, clock_monotonic_ms());
        }
    }
    if (polled[1].revents != 0) {
        console_hear(&device->console, clock_monotonic_ms());
    }
    take_signals(device, clock_monotonic_ms());
}

static void serve(struct device *device)
{
    for (;;) {
        const int64_t now_ms = clock_monotonic_ms();
        for (size_t n = 0; n < device->units_count; n++) {
            unit_step(&device->units[n], &device->log, now_ms);
        }
        if (device->terminal != NULL) {
            probe_step(&device->probe, now_ms);
        }
        look_for_update(device, now_ms);
        follow_support(device);
        watch(device, now_ms);
        look_at_disk(device, now_ms);
        if (has_data(device)) {
            console_step(&device->console, device->terminal != NULL, now_ms);
        }
        device->has_passed &=
            !clockset_step(&device->clock, &device->log, now_ms); /* say it anew */
        test_self(device, now_ms);
        say_ready(device);
        write_report(device, now_ms);
        wait_and_hear(device);
    }
}

/* A disk that this board cannot open is nothing that a restart or another slot would mend. */
static void mount_data(struct device *device)
{
    struct vault *vault = &device->vault;
    vault_open(&device->board, &device->watchdog, &device->log, vault);
    device->report.data = !has_data(device)      ? "shut"
                          : vault->is_enciphered ? "enciphered"
                                                 : "plain";
    if (!has_data(device)) {
        return;
    }
    if (!bring_up_data(vault->device, &device->watchdog, &device->log)) {
        /* A few times, then the other slot tries. */
        bring_down(&device->log, LINUX_REBOOT_CMD_RESTART);
    }
    (void)mkdir("/data/log", 0700);
    log_open(&device->log, LOG);
    grow_fill("/data", &device->log);
}

/* All processes that need /data. */
static void add_all(struct device *device)
{
    bring_up_owners(&device->board, &device->log);
    (void)conf_get(&device->board, "reader", device->reader, sizeof device->reader);
    add_terminal(device);
    add_register(device);
    add_sync(device);
    add_update(device);
}

static int open_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGUSR2);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(void)
{
    static struct device device; /* too large for a stack */
    if (getpid() != 1) {
        (void)fprintf(stderr,
                      "vafa-init is a device's first process: it is not started by hand.\n");
        return 2;
    }
    log_init(&device.log);
    log_console(STDOUT_FILENO);
    device.signal_fd = open_signals();
    (void)umask(022);
    if (!bring_up_kernel(&device.log) ||
        conf_load("/etc/vafa/board.conf", &device.board) != ST_OK) {
        bring_down(&device.log, LINUX_REBOOT_CMD_RESTART);
    }
    bring_up_devices(&device.log);
    watchdog_open(&device.watchdog, &device.board, &device.log);
    mount_data(&device);
    (void)mkdir("/run/vafa", 0755);
    bring_up_version(&device.slots, &device.report, &device.log);
    if (!bring_up_ident(&device.log) || conf_load("/ident/terminal.conf", &device.ident) != ST_OK) {
        log_say(&device.log, "device", "/ident/terminal.conf is missing: tools/image/provision");
    }
    if (has_data(&device)) {
        add_all(&device);
    }
    add_mark(&device);
    add_ceremony(&device, clock_monotonic_ms());
    device.works_ms = device.started_ms = clock_monotonic_ms();
    device.disk_at_ms = device.started_ms + DISK_EVERY_MS;
    clockset_init(&device.clock, NULL);
    probe_init(&device.probe, SOCKET, clock_monotonic_ms());
    serve(&device);
}
