#include "hal/base/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

const char *st_word(enum st st)
{
    switch (st) {
    case ST_OK:
        return "ok";
    case ST_REFUSED:
        return "refused";
    case ST_AGAIN:
        return "again";
    case ST_GONE:
        return "gone";
    case ST_DENIED:
        return "denied";
    case ST_FOREIGN:
        return "foreign";
    case ST_FULL:
        return "full";
    case ST_IO:
        return "io";
    case ST_CORRUPT:
        return "corrupt";
    case ST_UNSUPPORTED:
        return "unsupported";
    }
    const bool is_in_the_enum = false;
    assert(is_in_the_enum);
    return "";
}

void fault_say(struct fault *fault, const char *format, ...)
{
    if (fault == NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fault->say, sizeof fault->say, format, args);
    va_end(args);
}
