#include "boards/common/device/stick.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 20 }; /* a healthy one answers within a few */
/* Of FAT: where the label stands in the first sector, by the width of its table; behind it the
 * file system's name, which exFAT has at its beginning. */
enum {
    LABEL_AT_FAT16 = 43,
    LABEL_AT_FAT32 = 71,
    LABEL_BYTES = 11,
    EXFAT_AT = 3,
    SECTOR = 512,
    PATH_BYTES = 320
};
static const char label[LABEL_BYTES + 1] = "VAFA-UPDATE";

/* What the process that reads answers. */
struct answer {
    unsigned char place; /* in `seen` */
    unsigned char found; /* enum stick_found */
};

void stick_init(struct stick *stick, const char *block, const char *devices)
{
    *stick = (struct stick){.block = block, .devices = devices, .asked_fd = -1};
}

static bool read_file(const char *folder, const char *name, const char *file, void *ret,
                      size_t size)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s%s", folder, name, file);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const bool is_read = read(fd, ret, size) == (ssize_t)size;
    (void)close(fd);
    return is_read;
}

/* A partition's folder lies in its disk's, which says so. */
static bool can_be_pulled(const struct stick *stick, const char *name)
{
    char word = '0';
    return (read_file(stick->block, name, "/removable", &word, 1) ||
            read_file(stick->block, name, "/../removable", &word, 1)) &&
           word == '1';
}

static bool is_fat(const unsigned char *sector)
{
    return memcmp(sector + LABEL_AT_FAT16 + LABEL_BYTES, "FAT", 3) == 0 ||
           memcmp(sector + LABEL_AT_FAT32 + LABEL_BYTES, "FAT", 3) == 0 ||
           memcmp(sector + EXFAT_AT, "EXFAT", 5) == 0;
}

static enum stick_found look_at(const struct stick *stick, const char *name)
{
    unsigned char sector[SECTOR];
    if (!read_file(stick->devices, name, "", sector, sizeof sector) || sector[SECTOR - 2] != 0x55 ||
        sector[SECTOR - 1] != 0xaa) {
        return STICK_NONE;
    }
    if (memcmp(sector + LABEL_AT_FAT16, label, LABEL_BYTES) == 0 ||
        memcmp(sector + LABEL_AT_FAT32, label, LABEL_BYTES) == 0) {
        return STICK_OURS;
    }
    return is_fat(sector) && can_be_pulled(stick, name) ? STICK_OTHER : STICK_NONE;
}

bool stick_is_there(const struct stick *stick, const char *name)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", stick->block, name);
    return access(path, F_OK) == 0;
}

void stick_notice_pulled(struct stick *stick)
{
    size_t kept = 0;
    if (stick->asked_fd >= 0) {
        return; /* whoever reads them answers with a place among them */
    }
    for (size_t n = 0; n < stick->seen_count; n++) {
        if (stick_is_there(stick, stick->seen[n])) {
            memmove(stick->seen[kept++], stick->seen[n], sizeof stick->seen[0]);
        }
    }
    stick->seen_count = kept;
}

/* Unless it was seen before, or there is no room to remember it. */
static void note(struct stick *stick, const char *name)
{
    for (size_t n = 0; n < stick->seen_count; n++) {
        if (strcmp(stick->seen[n], name) == 0) {
            return;
        }
    }
    if (name[0] != '.' && strlen(name) <= STICK_NAME_MAX && stick->seen_count < STICK_SEEN_MAX) {
        memcpy(stick->seen[stick->seen_count++], name, strlen(name) + 1);
    }
}

static void note_new(struct stick *stick)
{
    stick_notice_pulled(stick);
    stick->asked_from = stick->seen_count;
    DIR *folder = opendir(stick->block);
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        note(stick, entry->d_name);
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

/* In a process of its own: answers with the first that there is something to say of, if one is. */
static _Noreturn void read_labels(const struct stick *stick, int answer_fd)
{
    for (size_t n = stick->asked_from; n < stick->seen_count; n++) {
        const struct answer answer = {.place = (unsigned char)n,
                                      .found = (unsigned char)look_at(stick, stick->seen[n])};
        if (answer.found != STICK_NONE) {
            _exit(write(answer_fd, &answer, sizeof answer) == (ssize_t)sizeof answer ? 0 : 1);
        }
    }
    _exit(0);
}

static void ask(struct stick *stick)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) != 0) {
        stick->seen_count = stick->asked_from; /* the next time */
        return;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        read_labels(stick, pair[1]);
    }
    (void)close(pair[1]);
    if (pid < 0) {
        (void)close(pair[0]);
        stick->seen_count = stick->asked_from;
        return;
    }
    stick->asked_fd = pair[0];
}

/* Of those behind the one that was found nothing is known yet: they are new the next time. */
static enum stick_found take_answer(struct stick *stick, char ret_name[STICK_NAME_MAX + 1])
{
    struct answer answer = {0};
    struct pollfd polled = {.fd = stick->asked_fd, .events = POLLIN};
    (void)poll(&polled, 1, PATIENCE_MS);
    const ssize_t got = read(stick->asked_fd, &answer, sizeof answer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return STICK_NONE;
    }
    (void)close(stick->asked_fd);
    stick->asked_fd = -1;
    if (got != (ssize_t)sizeof answer || answer.place >= stick->seen_count) {
        return STICK_NONE;
    }
    memcpy(ret_name, stick->seen[answer.place], sizeof stick->seen[answer.place]);
    stick->seen_count = (size_t)answer.place + 1;
    return (enum stick_found)answer.found;
}

enum stick_found stick_look(struct stick *stick, char ret_name[STICK_NAME_MAX + 1])
{
    if (stick->asked_fd < 0) {
        note_new(stick);
        if (stick->seen_count > stick->asked_from) {
            ask(stick);
        }
    }
    return stick->asked_fd >= 0 ? take_answer(stick, ret_name) : STICK_NONE;
}
