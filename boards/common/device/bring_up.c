#include "boards/common/device/bring_up.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "boards/common/device/command.h"
#include "boards/common/device/disk.h"
#include "boards/common/device/owner.h"
#include "boards/common/device/rights.h"
#include "hal/board.h"

#define LABELS "/dev/disk/by-partlabel"

static void say_errno(struct log *log, const char *what, const char *path)
{
    char text[200];
    (void)snprintf(text, sizeof text, "%s %s: %s", what, path, strerror(errno));
    log_say(log, "device", text);
}

static bool mount_at(const char *from, const char *to, const char *type, unsigned long flags,
                     const char *options, struct log *log)
{
    if (mount(from, to, type, flags, options) == 0 || errno == EBUSY) {
        return true;
    }
    say_errno(log, "cannot mount", to);
    return false;
}

/* What comes in at the console is for us: a BREAK and a letter, which noise makes as well, would
 * remount /data read-only or end this process; so would a keyboard's Ctrl-Alt-Del. */
static void deafen_kernel(struct log *log)
{
    static const char magic[] = "/proc/sys/kernel/sysrq";
    const int fd = open(magic, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1) {
        say_errno(log, "cannot write", magic);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    (void)reboot(LINUX_REBOOT_CMD_CAD_OFF);
}

bool bring_up_kernel(struct log *log)
{
    const unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    const bool is_up =
        mount_at("proc", "/proc", "proc", plain, NULL, log) &&
        mount_at("sysfs", "/sys", "sysfs", plain, NULL, log) &&
        mount_at("devtmpfs", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755", log) &&
        mount_at("tmpfs", "/run", "tmpfs", plain, "mode=0755,size=16m", log);
    deafen_kernel(log);
    return is_up;
}

/* --- devices -------------------------------------------------------------------------------- */

static void load_modules(struct log *log)
{
    char name[200];
    FILE *list = fopen("/lib/modules/load", "re");
    while (list != NULL && fgets(name, sizeof name, list) != NULL) {
        char path[220];
        name[strcspn(name, "\n")] = '\0';
        (void)snprintf(path, sizeof path, "/lib/modules/%s", name);
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST)) {
            say_errno(log, "cannot load", path);
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    if (list != NULL) {
        (void)fclose(list);
    }
}

/* The partition's name is in the kernel's words about the device. */
static void link_label(const char *device)
{
    static const char field[] = "PARTNAME=";
    char path[300], line[200], target[300];
    (void)snprintf(path, sizeof path, "/sys/class/block/%s/uevent", device);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, field, sizeof field - 1) == 0) {
            (void)snprintf(path, sizeof path, LABELS "/%s", line + sizeof field - 1);
            (void)snprintf(target, sizeof target, "/dev/%s", device);
            (void)!symlink(target, path); /* it may be there */
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

void bring_up_devices(struct log *log)
{
    load_modules(log);
    (void)mkdir("/dev/disk", 0755);
    (void)mkdir(LABELS, 0755);
    DIR *folder = opendir("/sys/class/block");
    for (const struct dirent *entry = folder != NULL ? readdir(folder) : NULL; entry != NULL;
         entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            link_label(entry->d_name);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

/* --- file systems --------------------------------------------------------------------------- */

static void repair(const char *device, const struct watchdog *watchdog, struct log *log)
{
    const char *const arguments[] = {"/usr/sbin/e2fsck", "-y", device, NULL};
    char text[80];
    log_say(log, "device", "/data is repaired");
    const int code = command_run(arguments, watchdog, log);
    (void)snprintf(text, sizeof text, "/data was repaired: e2fsck ended with %d", code);
    log_say(log, "device", text);
}

bool bring_up_data(const char *device, const struct watchdog *watchdog, struct log *log)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME;
    /* The twentieth part that ext4 keeps back is the terminal's: whoever breaks into another
     * process and fills the disk does not keep a sale from its journal. */
    char options[60];
    (void)snprintf(options, sizeof options, "errors=remount-ro,resuid=%d", RIGHTS_TERMINAL);
    const bool has_errors = disk_has_errors(device);
    if (has_errors) {
        repair(device, watchdog, log);
    }
    if (mount_at(device, "/data", "ext4", flags, options, log)) {
        return true;
    }
    if (has_errors || access(device, F_OK) != 0) {
        return false;
    }
    repair(device, watchdog, log);
    return mount_at(device, "/data", "ext4", flags, options, log);
}

bool bring_up_ident(struct log *log)
{
    const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mount(LABELS "/ident", "/ident", "squashfs", flags, NULL) == 0) {
        return true;
    }
    log_say(log, "device", "no identity was written to this device yet");
    return false;
}

static uint32_t version_in(char slot)
{
    static const char folder[] = "/run/vafa/other";
    char device[80];
    struct conf version;
    (void)snprintf(device, sizeof device, LABELS "/root_%c", slot == 'A' ? 'a' : 'b');
    (void)mkdir(folder, 0700);
    if (mount(device, folder, "squashfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) !=
        0) {
        return 0;
    }
    const bool is_read = conf_load("/run/vafa/other/etc/vafa/version", &version) == ST_OK;
    (void)umount2(folder, MNT_DETACH);
    return is_read ? (uint32_t)strtoul(version.text, NULL, 10) : 0;
}

void bring_up_version(struct slots *slots, struct report *report, struct log *log)
{
    struct conf version;
    char cmdline[600] = "", text[200];
    FILE *file = fopen("/proc/cmdline", "re");
    if (file != NULL) {
        cmdline[fread(cmdline, 1, sizeof cmdline - 1, file)] = '\0';
        (void)fclose(file);
    }
    slots_read(cmdline, LABELS, slots);
    if (conf_load("/etc/vafa/version", &version) != ST_OK) {
        log_say(log, "device", "/etc/vafa/version is missing");
    }
    report->version = (uint32_t)strtoul(version.text, NULL, 10);
    report->slot = slots_letter(slots->running);
    report->is_good = !slots_on_trial(slots);
    (void)snprintf(report->board, sizeof report->board, "%s", board_names()->board);
    (void)snprintf(report->self_test, sizeof report->self_test, "running");
    if (slots_other_boots(slots)) {
        report->other = version_in(slots_letter(1 - slots->running));
    }
    report->failed = slots->tried != report->version ? slots->tried : 0;
    (void)snprintf(text, sizeof text, "slot %c, version %" PRIu32 "%s",
                   slots->running == SLOTS_UNKNOWN ? '?' : 'a' + slots->running, report->version,
                   report->is_good ? "" : ", on trial");
    log_say(log, "device", text);
}

/* --- owners --------------------------------------------------------------------------------- */

static void own_folder(const char *path, uid_t user, gid_t group, mode_t mode, struct log *log)
{
    (void)mkdir(path, 0700);
    if (chown(path, user, group) != 0 || chmod(path, mode) != 0) {
        say_errno(log, "cannot own", path);
    }
}

/* A file system of its own: who fills it leaves the device's report its room. */
static void own_folder_of_run(const char *path, uid_t user, gid_t group, mode_t mode,
                              struct log *log)
{
    (void)mkdir(path, 0700);
    (void)mount_at("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                   "mode=0700,size=64k,nr_inodes=16", log);
    own_folder(path, user, group, mode, log);
}

static void own_file(const char *path, uid_t user, gid_t group, mode_t mode, struct log *log)
{
    if (!owner_set(path, user, group, mode)) {
        say_errno(log, "cannot own", path);
    }
}

/* In /dev, which is root's alone. */
static void own_device(const char *path, uid_t user, gid_t group, mode_t mode, struct log *log)
{
    if (access(path, F_OK) == 0 && (chown(path, user, group) != 0 || chmod(path, mode) != 0)) {
        say_errno(log, "cannot own", path);
    }
}

void bring_up_owners(const struct conf *board, struct log *log)
{
    char line[100];
    own_folder("/data/terminal", RIGHTS_TERMINAL, RIGHTS_JOURNAL, 02770, log);
    own_folder("/data/keys", RIGHTS_TERMINAL, RIGHTS_TERMINAL, 0700, log);
    own_folder("/data/identity", RIGHTS_SYNC, RIGHTS_SYNC, 0700, log);
    own_folder("/data/update", RIGHTS_SYNC, RIGHTS_SYNC, 0700, log);
    own_folder("/data/install", 0, 0, 0700, log);
    own_folder("/data/log", 0, RIGHTS_SYNC, 02700, log); /* sync may look while support is on */
    own_file("/data/log/device", 0, RIGHTS_SYNC, 0640, log);
    own_file("/data/log/device.old", 0, RIGHTS_SYNC, 0640, log);
    own_folder_of_run("/run/till", RIGHTS_TERMINAL, RIGHTS_TILL, 02750, log);
    own_folder_of_run("/run/clock", RIGHTS_SYNC, RIGHTS_SYNC, 0700, log);
    own_file("/data/keys/keys", RIGHTS_TERMINAL, RIGHTS_TERMINAL, 0600, log);
    own_file("/data/keys/keys.device", RIGHTS_TERMINAL, RIGHTS_TERMINAL, 0600, log);
    /* Made here, so that both processes may write it and what SQLite lays beside it. */
    const int fd =
        open("/data/terminal/terminal.db", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
    if (fd >= 0) {
        (void)close(fd);
    }
    own_file("/data/terminal/terminal.db", RIGHTS_TERMINAL, RIGHTS_JOURNAL, 0660, log);
    if (conf_get(board, "reader_line", line, sizeof line)) {
        own_device(line, RIGHTS_READER, RIGHTS_READER, 0600, log);
    }
}
