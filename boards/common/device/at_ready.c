#include "boards/common/device/at_ready.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boards/common/device/memory.h"

enum {
    PATH_BYTES = 400,
    NAME_MAX_BYTES = 300,
    LINE_BYTES = 300,
    NAME_BYTES = 16,
    PROCESSES_MAX = 64,
    TCP_LISTENS = 10
};

/* What has no room is left out. */
static void add(char *say, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(char *say, const char *format, ...)
{
    const size_t at = strlen(say);
    va_list words;
    va_start(words, format);
    (void)vsnprintf(say + at, AT_READY_SAY_MAX - at, format, words);
    va_end(words);
}

static FILE *open_in(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "re");
}

/* --- ports ---------------------------------------------------------------------------------- */

/* Adds those that one of the kernel's tables has. False: there is no such table. */
static bool add_ports(const char *net, const char *table, char *say)
{
    char line[LINE_BYTES];
    FILE *file = open_in(net, table);
    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned port = 0, other_port = 0, state = 0, user = 0;
        if (sscanf(line, "%*u: %*[0-9A-Fa-f]:%4x %*[0-9A-Fa-f]:%4x %2x %*8x:%*8x %*2x:%*8x %*8x %u",
                   &port, &other_port, &state, &user) == 4 &&
            (table[0] == 't' ? state == TCP_LISTENS : other_port == 0)) {
            add(say, "%s %s %u of user %u", say[0] == '\0' ? "open ports:" : ",", table, port,
                user);
        }
    }
    (void)fclose(file);
    return true;
}

bool at_ready_ports(const char *net, char ret_say[AT_READY_SAY_MAX])
{
    ret_say[0] = '\0';
    const bool has_tcp = add_ports(net, "tcp", ret_say), has_udp = add_ports(net, "udp", ret_say);
    (void)add_ports(net, "tcp6", ret_say); /* a kernel without IPv6 has neither */
    (void)add_ports(net, "udp6", ret_say);
    if (ret_say[0] != '\0') {
        return false;
    }
    add(ret_say, "%s",
        has_tcp && has_udp ? "no port is open" : "the kernel does not say which ports are open");
    return has_tcp && has_udp;
}

/* --- users ---------------------------------------------------------------------------------- */

struct process {
    uint32_t user, lowest; /* effective; of all that it has */
    char name[NAME_BYTES];
};

/* False: it has ended, or is a thread of the kernel, which has no memory of its own. */
static bool read_process(const char *proc, const char *pid, struct process *ret)
{
    char line[LINE_BYTES], name[NAME_MAX_BYTES];
    uint32_t users[4]; /* real, effective, saved, of files */
    bool has_memory = false, has_user = false;
    *ret = (struct process){.user = 0};
    (void)snprintf(name, sizeof name, "%s/status", pid);
    FILE *file = open_in(proc, name);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "Name: %15s", ret->name);
        has_memory |= strncmp(line, "VmSize:", strlen("VmSize:")) == 0;
        if (sscanf(line, "Uid: %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu32, &users[0], &users[1],
                   &users[2], &users[3]) == 4) {
            has_user = true;
            ret->user = ret->lowest = users[1];
            for (size_t n = 0; n < sizeof users / sizeof users[0]; n++) {
                ret->lowest = users[n] < ret->lowest ? users[n] : ret->lowest;
            }
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    for (char *c = ret->name; *c != '\0'; c++) {
        *c = log_shown(*c); /* a process names itself */
    }
    return has_memory && has_user;
}

static int by_user(const void *one, const void *two)
{
    const struct process *a = one, *b = two;
    return a->user != b->user ? (a->user > b->user) - (a->user < b->user)
                              : strcmp(a->name, b->name);
}

static size_t read_processes(const char *proc, struct process ret[PROCESSES_MAX])
{
    size_t count = 0;
    struct dirent *entry;
    DIR *folder = opendir(proc);
    while (folder != NULL && count < PROCESSES_MAX && (entry = readdir(folder)) != NULL) {
        const bool is_pid = strspn(entry->d_name, "0123456789") == strlen(entry->d_name);
        count += is_pid && read_process(proc, entry->d_name, &ret[count]);
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    qsort(ret, count, sizeof ret[0], by_user);
    return count;
}

void at_ready_users(const char *proc, char ret_say[AT_READY_SAY_MAX])
{
    struct process processes[PROCESSES_MAX];
    const size_t count = read_processes(proc, processes);
    ret_say[0] = '\0';
    add(ret_say, "%s", count == 0 ? "the kernel does not say who runs as which user" : "users:");
    for (size_t n = 0; n < count; n++) {
        if (n == 0 || processes[n].user != processes[n - 1].user) {
            add(ret_say, "%s %" PRIu32, n == 0 ? "" : ",", processes[n].user);
        }
        add(ret_say, " %s", processes[n].name);
        if (processes[n].lowest != processes[n].user) {
            add(ret_say, "(%" PRIu32 ")", processes[n].lowest);
        }
    }
}

/* --- all of it ------------------------------------------------------------------------------ */

void at_ready_say(struct log *log)
{
    char say[AT_READY_SAY_MAX], warning[AT_READY_SAY_MAX + 20];
    log_say(log, "device", memory_say("/proc/meminfo"));
    at_ready_users("/proc", say);
    log_say(log, "device", say);
    if (at_ready_ports("/proc/net", say)) {
        log_say(log, "device", say);
    } else {
        (void)snprintf(warning, sizeof warning, "self-test warns: %s", say);
        log_say(log, "vafa", warning);
    }
}
