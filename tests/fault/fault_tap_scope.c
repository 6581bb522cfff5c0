#include "tests/fault/fault_tap_scope.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fault/fault_tap_world.h"

struct scope scope;

static bool is_set(const char *variable, const char *value)
{
    const char *text = getenv(variable);
    return text != NULL && strcmp(text, value) == 0;
}

static int prepare(enum card_family family, const char *name)
{
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 20); /* the disk's files come and go in memory */
    (void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
    scope = (struct scope){.is_full = is_set("FULL", "1"),
                           .is_sanitize = is_set("PROFILE", "sanitize"),
                           .only = getenv("FAULT_TAP_ONLY"),
                           .family = family,
                           .family_name = name};
    world_prepare(family);
    return 0;
}

int prepare_classic(void **unused)
{
    (void)unused;
    return prepare(CARD_CLASSIC, "Classic");
}

int prepare_desfire(void **unused)
{
    (void)unused;
    return prepare(CARD_DESFIRE, "DESFire");
}
