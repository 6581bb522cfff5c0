/* keystore_memory.h - memory for keys: neither swapped nor dumped, and wiped when given back. */
#ifndef HAL_KEYSTORE_MEMORY_H
#define HAL_KEYSTORE_MEMORY_H

#include <stddef.h>

#include "hal/base/status.h"

/* Gives `size` zero bytes, and takes from the whole process the right to leave a core file: keys
 * also pass through stacks. *ret_memory goes back through keystore_memory_free().
 * ST_IO  there is no memory that can be locked (fault: what to raise). */
ST_CHECK enum st keystore_memory_allocate(size_t size, void **ret_memory, struct fault *fault);
/* Accepts NULL. `size` as allocated. */
void keystore_memory_free(void *memory, size_t size);

#endif
