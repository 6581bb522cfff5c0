/* scanner_serial.h - the bytes of a barcode or QR scanner on a serial line (USB CDC-ACM, RS-232).
 *
 * Pure; one struct a line. A scan is text that ends with CR, LF or Tab, as the scanner's setup
 * sheet has it, or with 100 ms of silence, which the caller sees. 9600 8N1 unless set otherwise. */
#ifndef DRIVERS_IDENT_SCANNER_SERIAL_H
#define DRIVERS_IDENT_SCANNER_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/ident/scan.h"

/* Takes one byte. True: the scan has ended; the caller judges it and clears it. An end where
 * nothing came before it (the LF of CR LF) is none. */
bool scanner_serial_feed(struct scan *scan, uint8_t byte);

#endif
