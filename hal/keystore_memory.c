#include "hal/keystore_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "hal/base/bytes.h"

enum st keystore_memory_allocate(size_t size, void **ret_memory, struct fault *fault)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        fault_say(fault, "No memory for the key store: %s.", strerror(errno));
        return ST_IO;
    }
    /* Without the lock there is no store: a master on a swap partition outlives every wipe. */
    if (mlock(memory, size) != 0 || madvise(memory, size, MADV_DONTDUMP) != 0 ||
        prctl(PR_SET_DUMPABLE, 0) != 0) {
        fault_say(fault, "The key store's memory cannot be locked: %s. Raise the limit memlock.",
                  strerror(errno));
        munmap(memory, size);
        return ST_IO;
    }
    *ret_memory = memory;
    return ST_OK;
}

void keystore_memory_free(void *memory, size_t size)
{
    if (memory != NULL) {
        bytes_wipe(memory, size);
        munmap(memory, size); /* also takes the lock off */
    }
}
