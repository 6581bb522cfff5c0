/* desfire_layout.h - what Vafa writes on a MIFARE DESFire card: its application, files and keys.
 *
 * Pure. Bytes and reasons: docs/card-layout.md, "DESFire", and docs/decisions/0004-desfire.md.
 * Numbers of commands and statuses: libfreefare 0.4.0 mifare_desfire.c, NXP MF3ICD81 short data
 * sheet. Multi-byte numbers on the wire are little-endian. */
#ifndef DRIVERS_CARD_DESFIRE_LAYOUT_H
#define DRIVERS_CARD_DESFIRE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/snapshot.h"
#include "hal/card.h"

enum {
    DESFIRE_LAYOUT = 1,
    DESFIRE_RECORDS = 32,      /* that can be read */
    DESFIRE_RECORDS_ROOM = 33, /* one more is being written: a cyclic file of N holds N - 1 */
    DESFIRE_ROOM_BYTES = 2048, /* free on a card that we issue into; needed are some 1,800 */
    DESFIRE_KEY_SETTINGS = 0xEB /* a key changes itself; files by key 0; listing free */,
    DESFIRE_KEYS = 0x83, /* three, AES */
};

/* A value file is a signed 32-bit number, so this much credit and no more. */
#define DESFIRE_CREDIT_MAX INT64_C(2147483647)

/* F, then the directory entry of MIFARE Classic (mad.h), then 0: AN10787's way to give a
 * directory entry its place among the application identifiers. As on the wire. */
extern const uint8_t desfire_aid[3];
extern const uint8_t desfire_card_level[3];

/* Rights are nibbles: read, write, read and write, change; a key's number or F, never. */
enum desfire_layout_file {
    DESFIRE_CREDIT = 1,   /* value file, enciphered: 1 debits, 2 credits */
    DESFIRE_HISTORY = 2,  /* cyclic record file, MACed: 1 and 2 read and write */
    DESFIRE_IDENTITY = 3, /* standard file, MACed: 1 reads, 0 writes */
    DESFIRE_FACTS = 4,    /* file with backup, MACed: 1 and 2 read and write */
};
enum { DESFIRE_LAYOUT_FILES = 4 };

/* The command that makes a file, and the settings that GetFileSettings must then give: so many
 * first bytes are fixed, the rest moves. */
struct desfire_file_plan {
    uint8_t number;
    uint8_t create[20];
    uint8_t create_bytes;
    uint8_t settings[20];
    uint8_t settings_bytes;
};
extern const struct desfire_file_plan desfire_file_plans[DESFIRE_LAYOUT_FILES];

enum {
    DESFIRE_IDENTITY_PART = 40, /* the identity, and likewise the name behind it */
    DESFIRE_NUMBER_BYTES = 8,   /* layout, kind and number stand first */
};
_Static_assert((int)DESFIRE_IDENTITY_PART == (int)CARD_NAME_BYTES_MAX, "a name fills its part");

void desfire_identity_encode(const struct card_identity *identity,
                             uint8_t ret_bytes[DESFIRE_IDENTITY_PART]);
/* Fills all but the name. ST_FOREIGN  never written. ST_UNSUPPORTED  a newer layout. */
ST_CHECK enum st desfire_identity_decode(const uint8_t bytes[DESFIRE_IDENTITY_PART],
                                         struct card_identity *ret);
/* The same for the first 8 bytes alone. */
ST_CHECK enum st desfire_number_decode(const uint8_t bytes[DESFIRE_NUMBER_BYTES],
                                       uint64_t *ret_number);

#endif
