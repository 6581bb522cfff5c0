/* baud.h - raises the PN532's serial speed, which libnfc cannot do; for vafa-reader only.
 *
 * libnfc sets the host's speed and never the chip's (no SetSerialBaudRate in its pn53x.c), yet at
 * 115200 baud the wire takes more than half of a MIFARE Classic tap. So before nfc_open this wakes
 * the chip and tells it the speed that the connection string names. The chip keeps it until its
 * reset (UM0701-02 7.2.8), so both speeds are tried each time. */
#ifndef DRIVERS_READER_BAUD_H
#define DRIVERS_READER_BAUD_H

#include <stdbool.h>

/* Brings the chip to the speed of "pn532_uart:/dev/...:SPEED", when that is 230400 or 460800 (the
 * two above the chip's own 115200 that libnfc can set, buses/uart.c:222). Any other connection
 * string is left alone. Blocks about 0.1 s at most. False when the chip answers at neither speed.
 */
bool baud_raise(const char *connection);

#endif
