#include "boards/common/device/memory.h"

#include <inttypes.h>
#include <stdio.h>

const char *memory_say(const char *path)
{
    static char say[80];
    char line[80];
    uint64_t total = 0, available = UINT64_MAX;
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "MemTotal: %" SCNu64 " kB", &total);
        (void)sscanf(line, "MemAvailable: %" SCNu64 " kB", &available);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (available > total) {
        return "the kernel does not say how much memory is in use";
    }
    (void)snprintf(say, sizeof say, "%" PRIu64 " of %" PRIu64 " KiB of memory are in use",
                   total - available, total);
    return say;
}
