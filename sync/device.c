#include "sync/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 4096 };

/* The value of a line, cut at the size of `ret`; "" when there is no such line. */
static void value_of(const char *text, const char *name, char *ret, size_t max)
{
    const size_t name_bytes = strlen(name);
    ret[0] = '\0';
    for (const char *line = text; *line != '\0'; line += *line == '\n') {
        const size_t bytes = strcspn(line, "\n");
        if (bytes > name_bytes && memcmp(line, name, name_bytes) == 0 && line[name_bytes] == '=') {
            const size_t size = bytes - name_bytes - 1;
            (void)snprintf(ret, max, "%.*s", (int)(size < max ? size : max - 1),
                           line + name_bytes + 1);
            return;
        }
        line += bytes;
    }
}

/* A sentence for the club's JSON. Ours are English: any other byte may be half a letter. */
static void sentence_of(const char *text, const char *name, char *ret, size_t max)
{
    value_of(text, name, ret, max);
    for (char *at = ret; *at != '\0'; at += 1) {
        if (*at < ' ' || *at > '~') {
            *at = '?';
        }
    }
}

static bool number_of(const char *text, const char *name, int64_t max, int64_t *ret)
{
    char value[24], *end = NULL;
    value_of(text, name, value, sizeof value);
    const long long number = strtoll(value, &end, 10);
    *ret = number;
    return value[0] >= '0' && value[0] <= '9' && *end == '\0' && number <= max;
}

static enum st load(const char *path, char ret[FILE_BYTES_MAX + 1], struct fault *fault)
{
    FILE *file = fopen(path, "re");
    const size_t size = file == NULL ? 0 : fread(ret, 1, FILE_BYTES_MAX, file);
    const bool is_read = file != NULL && ferror(file) == 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    ret[size] = '\0';
    if (!is_read) {
        fault_say(fault, "What the device says of itself, %s, cannot be read.", path);
        return ST_IO;
    }
    return ST_OK;
}

enum st device_read(const char *path, struct wire_device *ret, struct fault *fault)
{
    char text[FILE_BYTES_MAX + 1], slot[4];
    int64_t version = 0, good = 0, other = 0, failed = 0;
    struct wire_device device = {.is_there = true};
    const enum st st = load(path, text, fault);
    if (st != ST_OK) {
        return st;
    }
    sentence_of(text, "board", device.board, sizeof device.board);
    sentence_of(text, "self_test", device.self_test, sizeof device.self_test);
    sentence_of(text, "update", device.update, sizeof device.update);
    value_of(text, "slot", slot, sizeof slot);
    device.slot = slot[0] != '\0' && slot[1] == '\0' ? slot[0] : '?';
    const bool is_good = number_of(text, "version", WIRE_IMAGE_MAX, &version) &&
                         number_of(text, "good", 1, &good) &&
                         number_of(text, "other", WIRE_IMAGE_MAX, &other) &&
                         number_of(text, "failed", WIRE_IMAGE_MAX, &failed) &&
                         number_of(text, "data_free", INT64_MAX, &device.free_bytes);
    device.version = (uint32_t)version;
    device.is_good = good == 1;
    device.other = (uint32_t)other;
    device.failed = (uint32_t)failed;
    if (!is_good || !wire_device_is_valid(&device)) {
        fault_say(fault, "What the device says of itself, %s, is not whole.", path);
        return ST_FOREIGN;
    }
    *ret = device;
    return ST_OK;
}
