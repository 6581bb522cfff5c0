#include "boards/common/device/conf.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum st conf_load(const char *path, struct conf *ret)
{
    ret->text[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return ST_IO;
    }
    const size_t size = fread(ret->text, 1, sizeof ret->text, file);
    const bool is_read = ferror(file) == 0;
    (void)fclose(file);
    const bool fits = size < sizeof ret->text;
    ret->text[is_read && fits ? size : 0] = '\0';
    return !is_read ? ST_IO : fits ? ST_OK : ST_FOREIGN;
}

bool conf_load_foreign(const char *path, struct conf *ret)
{
    struct stat about;
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t size = -1;
    if (fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
        size = read(fd, ret->text, CONF_BYTES_MAX);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    ret->text[size > 0 ? size : 0] = '\0';
    return size > 0;
}

bool conf_get(const struct conf *conf, const char *name, char *ret, size_t size)
{
    const size_t name_bytes = strlen(name);
    ret[0] = '\0';
    for (const char *line = conf->text; *line != '\0'; line += *line == '\n') {
        const size_t bytes = strcspn(line, "\n");
        if (bytes > name_bytes && strncmp(line, name, name_bytes) == 0 && line[name_bytes] == '=') {
            const char *value = line + name_bytes + 1;
            const size_t value_bytes = bytes - name_bytes - 1;
            const bool is_none = value_bytes == 4 && strncmp(value, "none", 4) == 0;
            if (value_bytes == 0 || is_none || value_bytes >= size) {
                return false;
            }
            memcpy(ret, value, value_bytes);
            ret[value_bytes] = '\0';
            return true;
        }
        line += bytes;
    }
    return false;
}
