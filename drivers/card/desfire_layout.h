/* desfire_layout.h - what Vafa writes on a MIFARE DESFire card: its application, files and keys.
 *
 * Pure. Bytes and reasons: docs/card-layout.md, "DESFire", and docs/decisions/0004-desfire.md.
 * Numbers of commands and statuses: libfreefare 0.4.0 mifare_desfire.c, NXP MF3ICD81 short data
 * sheet. Multi-byte numbers on the wire are little-endian. */
#ifndef DRIVERS_CARD_DESFIRE_LAYOUT_H
#define DRIVERS_CARD_DESFIRE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/facts.h"
#include "firmware/engine/snapshot.h"
#include "hal/card.h"

enum {
    DESFIRE_LAYOUT = 1,
    DESFIRE_RECORDS = 32,      /* that can be read */
    DESFIRE_RECORDS_ROOM = 33, /* one more is being written: a cyclic file of N holds N - 1 */
    DESFIRE_ROOM_BYTES = 2144, /* free on a card that we issue into; needed are some 2,050 */
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
    DESFIRE_IDENTITY = 3, /* file with backup, MACed: 1 reads, 2 reads and writes */
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

/* Whatever we write ends with a check sum over the card's UID, its number and the content: it tells
 * what cells that went bad made of it. Who may write is for the chip to say. */
enum {
    DESFIRE_SUM_BYTES = 4,
    DESFIRE_RECORD_BYTES = SNAPSHOT_IMAGE_BYTES + DESFIRE_SUM_BYTES,
    DESFIRE_FACTS_BYTES = FACTS_BYTES + DESFIRE_SUM_BYTES,
    /* The identity, and likewise the name behind it. */
    DESFIRE_IDENTITY_PART = CARD_NAME_BYTES_MAX + DESFIRE_SUM_BYTES,
    DESFIRE_NUMBER_BYTES = 8, /* layout and number stand first */
};

/* Whose content it is. */
struct desfire_owner {
    uint8_t uid[CARD_UID_MAX];
    size_t uid_bytes;
    uint64_t number;
};

/* For each of them: ST_DENIED  the sum is wrong. ST_FOREIGN  the sum is right and the content makes
 * no sense. ST_UNSUPPORTED  a newer layout. *ret is untouched unless ST_OK. */
void desfire_record_encode(const struct desfire_owner *owner, const struct snapshot *snapshot,
                           uint8_t ret_bytes[DESFIRE_RECORD_BYTES]);
ST_CHECK enum st desfire_record_decode(const struct desfire_owner *owner,
                                       const uint8_t bytes[DESFIRE_RECORD_BYTES],
                                       struct snapshot *ret);
void desfire_facts_encode(const struct desfire_owner *owner, const struct facts *facts,
                          uint8_t ret_bytes[DESFIRE_FACTS_BYTES]);
ST_CHECK enum st desfire_facts_decode(const struct desfire_owner *owner,
                                      const uint8_t bytes[DESFIRE_FACTS_BYTES], struct facts *ret);
/* Identity and name; the number in it is the owner's (else a bug; read: ST_FOREIGN). */
void desfire_identity_encode(const struct desfire_owner *owner,
                             const struct card_identity *identity,
                             uint8_t ret_bytes[2 * DESFIRE_IDENTITY_PART]);
ST_CHECK enum st desfire_identity_decode(const struct desfire_owner *owner,
                                         const uint8_t bytes[2 * DESFIRE_IDENTITY_PART],
                                         struct card_identity *ret);

/* The number, from the first 8 bytes of the identity; the sum of each record bears it out.
 * ST_FOREIGN  never written. ST_UNSUPPORTED  a newer layout. */
ST_CHECK enum st desfire_number_decode(const uint8_t bytes[DESFIRE_NUMBER_BYTES],
                                       uint64_t *ret_number);

#endif
