#include "boards/common/device/stick.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of FAT: where the label stands in the first sector, by the width of its table. */
enum { LABEL_AT_FAT16 = 43, LABEL_AT_FAT32 = 71, LABEL_BYTES = 11, SECTOR = 512, PATH_BYTES = 320 };
static const char label[LABEL_BYTES + 1] = "VAFA-UPDATE";

void stick_init(struct stick *stick, const char *block, const char *devices)
{
    *stick = (struct stick){.block = block, .devices = devices};
}

static bool has_label(const struct stick *stick, const char *name)
{
    char path[PATH_BYTES];
    unsigned char sector[SECTOR];
    (void)snprintf(path, sizeof path, "%s/%s", stick->devices, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    const bool is_read = read(fd, sector, sizeof sector) == (ssize_t)sizeof sector;
    (void)close(fd);
    return is_read && sector[SECTOR - 2] == 0x55 && sector[SECTOR - 1] == 0xaa &&
           (memcmp(sector + LABEL_AT_FAT16, label, LABEL_BYTES) == 0 ||
            memcmp(sector + LABEL_AT_FAT32, label, LABEL_BYTES) == 0);
}

/* What was pulled is new when it comes back. */
static void forget_pulled(struct stick *stick)
{
    size_t kept = 0;
    for (size_t n = 0; n < stick->seen_count; n++) {
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof path, "%s/%s", stick->block, stick->seen[n]);
        if (access(path, F_OK) == 0) {
            memmove(stick->seen[kept++], stick->seen[n], sizeof stick->seen[0]);
        }
    }
    stick->seen_count = kept;
}

/* False: it was seen before, or there is no room to remember it. */
static bool is_new(struct stick *stick, const char *name)
{
    for (size_t n = 0; n < stick->seen_count; n++) {
        if (strcmp(stick->seen[n], name) == 0) {
            return false;
        }
    }
    if (name[0] == '.' || strlen(name) > STICK_NAME_MAX || stick->seen_count == STICK_SEEN_MAX) {
        return false;
    }
    memcpy(stick->seen[stick->seen_count++], name, strlen(name) + 1);
    return true;
}

bool stick_look(struct stick *stick, char ret_name[STICK_NAME_MAX + 1])
{
    bool is_found = false;
    forget_pulled(stick);
    DIR *folder = opendir(stick->block);
    const struct dirent *entry;
    while (folder != NULL && !is_found && (entry = readdir(folder)) != NULL) {
        if (is_new(stick, entry->d_name) && has_label(stick, entry->d_name)) {
            memcpy(ret_name, entry->d_name, strlen(entry->d_name) + 1);
            is_found = true;
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return is_found;
}
