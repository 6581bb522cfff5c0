/* fault_tap_scope.h - which family a group of tests is about, and how much of it is asked for. */
#ifndef TESTS_FAULT_FAULT_TAP_SCOPE_H
#define TESTS_FAULT_FAULT_TAP_SCOPE_H

#include <stdbool.h>

#include "hal/card.h"

struct scope {
    bool is_full;     /* FULL=1: all that there is, for hours */
    bool is_sanitize; /* PROFILE=sanitize, which is some five times slower */
    const char *only; /* FAULT_TAP_ONLY=issue: that operation alone, NULL = not so */
    enum card_family family;
    const char *family_name;
};
extern struct scope scope;

/* cmocka's set-up of a group: the scope and a world of that family. */
int prepare_classic(void **unused);
int prepare_desfire(void **unused);

#endif
