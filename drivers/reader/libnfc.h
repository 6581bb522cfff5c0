/* libnfc.h - one PN532 over libnfc 1.8, for vafa-reader only: the one user of <nfc/nfc.h>.
 *
 * One device, one caller. libnfc may abort() (a status byte with bit 7 set, chips/pn53x.c:235),
 * crash (an ATS of length 0, chips/pn53x.c:507) or never come back (a chain of empty answers with
 * the "more" bit, chips/pn53x.c:270): that is why it lives in a process of its own, and why
 * nothing here tries to heal it. Each call returns an enum reader_exit: READER_EXIT_ORDERLY means
 * that the reader answered, anything else that the process should end with it.
 * Line numbers are those of the tag libnfc-1.8.0. */
#ifndef DRIVERS_READER_LIBNFC_H
#define DRIVERS_READER_LIBNFC_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/reader/message.h"
#include "hal/reader.h"

struct libnfc; /* the open device */

/* Opens the reader and prepares it so that each later call is one PN532 command: RF on,
 * InListPassiveTarget with three tries, no automatic RATS, InDataExchange framing.
 * `connection` is libnfc's ("pn532_uart:/dev/ttyS1"; with ":460800" the chip is raised to that). */
enum reader_exit libnfc_open(const char *connection, struct libnfc **ret_libnfc);

/* Looks for one card, for at most `timeout_ms` but at least once.
 * *ret_result is OK with *ret_target, or NO_CARD. */
enum reader_exit libnfc_select(struct libnfc *libnfc, const uint8_t *uid, size_t uid_bytes,
                               unsigned timeout_ms, enum reader_result *ret_result,
                               struct reader_target *ret_target);

/* *ret_result is OK with the answer, DENIED or GONE. `timeout_ms` > 0: libnfc takes 0 for "for
 * ever" (chips/pn53x.c:181) and re-arms it for each piece of an answer (buses/uart.c:326), so the
 * parent keeps a deadline of its own. */
enum reader_exit libnfc_transceive(struct libnfc *libnfc, const uint8_t *tx, size_t tx_bytes,
                                   unsigned timeout_ms, enum reader_result *ret_result,
                                   uint8_t ret_rx[READER_FRAME_MAX], size_t *ret_rx_bytes);

/* Halts the selected card, if there is one. */
enum reader_exit libnfc_deselect(struct libnfc *libnfc);

/* Field off, chip to sleep, port closed. Takes about two seconds when the reader is mute (three
 * commands, 350 ms and more each), so not after trouble. */
void libnfc_close(struct libnfc *libnfc);

#endif
