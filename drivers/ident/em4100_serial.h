/* em4100_serial.h - the bytes of 125 kHz readers on a serial line, and the ids in them.
 *
 * Pure; one struct a line. Three formats are told apart by their bytes (docs/media.md):
 *   RDM6300, ID-12   02, 10 hex digits, 2 hex digits, [0D 0A], 03; repeated while the tag is there
 *   EM-18            10 hex digits, 2 hex digits; once, after silence or another whole frame
 *   length and type  02 0A 02, 5 bytes, 1 byte, 03; the check covers length and type as well
 * The check is the XOR of the bytes before it. Lines are 9600 8N1.
 * Sources: RDM6300, EM-18 and ID-12 data sheets; EM4100 data sheet for the 40 bits. */
#ifndef DRIVERS_IDENT_EM4100_SERIAL_H
#define DRIVERS_IDENT_EM4100_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EM4100_SERIAL_FRAME_MAX = 16 };

struct em4100_serial {
    uint8_t bytes[EM4100_SERIAL_FRAME_MAX]; /* the beginning of a frame, perhaps */
    size_t count;
    bool is_aligned; /* a frame may begin at bytes[0] without saying so */
};

/* At the start, and after 100 ms of silence: what has come so far is no frame. */
void em4100_serial_reset(struct em4100_serial *line);

/* Takes one byte. True: a whole frame has ended with it, *ret_id is its id (40 bits, the low 32 not
 * 0). Bytes that are no frame are dropped one by one, so a frame is found behind any garbage. */
bool em4100_serial_feed(struct em4100_serial *line, uint8_t byte, uint64_t *ret_id);

#endif
