#include "drivers/ident/scanner_serial.h"

bool scanner_serial_feed(struct scan *scan, uint8_t byte)
{
    if (byte == '\r' || byte == '\n' || byte == '\t') {
        return scan_has_begun(scan);
    }
    scan_add(scan, (char)byte);
    return false;
}
