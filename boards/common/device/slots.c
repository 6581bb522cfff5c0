#include "boards/common/device/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* U-Boot's format of a copy: CRC-32 over the rest, little-endian, then NAME=VALUE, each ended by a
 * zero byte, after the last one another. */
enum { COPY_BYTES = 0x4000, SUM_BYTES = 4 };

static uint32_t crc32_of(const unsigned char *bytes, size_t size)
{
    uint32_t sum = UINT32_MAX;
    for (size_t n = 0; n < size; n++) {
        sum ^= bytes[n];
        for (int bit = 0; bit < 8; bit++) {
            sum = (sum >> 1) ^ ((sum & 1) != 0 ? UINT32_C(0xedb88320) : 0);
        }
    }
    return ~sum;
}

/* One byte more than the copy has, so that its last word ends. */
static bool read_copy(const char *folder, const char *name, char ret[COPY_BYTES + 1])
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const bool is_read = fread(ret, 1, COPY_BYTES, file) == COPY_BYTES;
    (void)fclose(file);
    ret[COPY_BYTES] = '\0';
    const unsigned char *bytes = (const unsigned char *)ret;
    const uint32_t sum = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                         (uint32_t)bytes[3] << 24;
    return is_read && sum == crc32_of(bytes + SUM_BYTES, COPY_BYTES - SUM_BYTES);
}

static unsigned number_of(const char *copy, const char *name, int base)
{
    const size_t name_bytes = strlen(name);
    for (const char *word = copy + SUM_BYTES; *word != '\0'; word += strlen(word) + 1) {
        if (strncmp(word, name, name_bytes) == 0 && word[name_bytes] == '=') {
            return (unsigned)strtoul(word + name_bytes + 1, NULL, base);
        }
    }
    return 0;
}

static int running_of(const char *cmdline)
{
    static const char word[] = "vafa.slot=";
    const char *slot = strstr(cmdline, word);
    const char letter = slot != NULL ? slot[sizeof word - 1] : '\0';
    return letter == 'a' ? 0 : letter == 'b' ? 1 : SLOTS_UNKNOWN;
}

void slots_read(const char *cmdline, const char *folder, struct slots *ret)
{
    static char copy[COPY_BYTES + 1];
    *ret = (struct slots){.running = running_of(cmdline)};
    if (read_copy(folder, "env1", copy) || read_copy(folder, "env2", copy)) {
        ret->left[0] = number_of(copy, "BOOT_A_LEFT", 16); /* U-Boot counts in hexadecimal */
        ret->left[1] = number_of(copy, "BOOT_B_LEFT", 16);
        ret->tried = number_of(copy, "BOOT_TRIED", 10);
    }
}

bool slots_on_trial(const struct slots *slots)
{
    return slots->running == SLOTS_UNKNOWN || slots->left[slots->running] <= SLOTS_ON_TRIAL;
}

bool slots_other_boots(const struct slots *slots)
{
    return slots->running != SLOTS_UNKNOWN && slots->left[1 - slots->running] > 0;
}

char slots_letter(int slot)
{
    return slot == SLOTS_UNKNOWN ? '?' : (char)('A' + slot);
}
