#include "drivers/ident/scan.h"

#include "hal/base/bytes.h"

void scan_clear(struct scan *scan)
{
    bytes_wipe(scan, sizeof *scan);
}

void scan_add(struct scan *scan, char c)
{
    if (scan->size == sizeof scan->text) {
        scan->is_spoiled = true;
        return;
    }
    scan->text[scan->size] = c;
    scan->size += 1;
}

bool scan_has_begun(const struct scan *scan)
{
    return scan->size > 0 || scan->is_spoiled;
}
