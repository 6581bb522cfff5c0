/* desfire.h - a model of one MIFARE DESFire EV1 card: bytes in, bytes out, and cuts.
 *
 * Pure: no I/O, no clock, no allocation, no pointers inside the struct, so a test may keep a card
 * in shared memory. One thread at a time. Its cryptography is its own (on mbedTLS's AES and DES
 * blocks) and shares nothing with the drivers: two implementations judge each other.
 *
 * How a reader uses it:
 *     desfire_init, desfire_field_on, desfire_select, desfire_activate, desfire_exchange ...,
 *     desfire_halt,
 * and after the card left: desfire_insert, desfire_field_on, desfire_select ...
 * One desfire_exchange is one command and one answer of ISO 14443-4 without the block protocol,
 * as InDataExchange of a PN532 carries it. Native bytes (`6C 01` -> `00 ...`) and bytes wrapped
 * for ISO 7816-4 (`90 6C 00 00 01 01 00` -> `... 91 00`) are both understood.
 *
 * Sources: NXP MF3ICD81 short data sheet (files, rights, anti-tear), libfreefare 0.4.0
 * mifare_desfire.c and mifare_desfire_crypto.c (layouts, secure messaging), Elmue, "DESFire EV1
 * Communication Examples" (a real card's bytes), ISO 14443-3 and -4.
 * What the model decides where these are silent is in README.md. */
#ifndef TOOLS_PN532_SIM_DESFIRE_H
#define TOOLS_PN532_SIM_DESFIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DESFIRE_UID_BYTES = 7,
    DESFIRE_APPLICATIONS_MAX = 8, /* beside the card's own level, AID 000000 */
    DESFIRE_FILES_MAX = 16,       /* in each application */
    DESFIRE_KEYS_MAX = 14,        /* in each application */
    DESFIRE_POOL_BYTES = 7936,    /* what FreeMem of a new EV1 8K card says */
    DESFIRE_FRAME_BYTES = 61,     /* ATS: frames of 64 with prologue and CRC */
    DESFIRE_PART_BYTES = 59,      /* data in one frame of an answer */
    DESFIRE_MESSAGE_BYTES = 8192, /* the longest command or answer, its frames put together */
    DESFIRE_ATS_BYTES_MAX = 20,
    DESFIRE_MODEL_RANDOM_BYTES = 16,
};

enum desfire_state {
    DESFIRE_OFF, /* no power: no field, or away from it */
    DESFIRE_IDLE,
    DESFIRE_READY,  /* selected (ISO 14443-3), waits for RATS */
    DESFIRE_ACTIVE, /* activated (ISO 14443-4), takes commands */
    DESFIRE_HALT,   /* answers WUPA only */
};

/* What the reader saw. A command the card refuses is an answer too: its status is in rx. */
enum desfire_answer {
    DESFIRE_OK,
    DESFIRE_TIMEOUT, /* Silence: off, away, not activated, or gone during this command. */
};

enum desfire_call {
    DESFIRE_REQA,
    DESFIRE_WUPA,
};

/* Status bytes, the last of a wrapped answer (91 xx) and the first of a native one. */
enum desfire_status {
    DESFIRE_DONE = 0x00,
    DESFIRE_NO_CHANGES = 0x0C,
    DESFIRE_OUT_OF_MEMORY = 0x0E,
    DESFIRE_ILLEGAL_COMMAND = 0x1C,
    DESFIRE_INTEGRITY_ERROR = 0x1E,
    DESFIRE_NO_SUCH_KEY = 0x40,
    DESFIRE_LENGTH_ERROR = 0x7E,
    DESFIRE_PERMISSION_DENIED = 0x9D,
    DESFIRE_PARAMETER_ERROR = 0x9E,
    DESFIRE_NO_APPLICATION = 0xA0,
    DESFIRE_AUTHENTICATION_ERROR = 0xAE,
    DESFIRE_MORE = 0xAF,
    DESFIRE_BOUNDARY_ERROR = 0xBE,
    DESFIRE_ABORTED = 0xCA,
    DESFIRE_COUNT_ERROR = 0xCE,
    DESFIRE_DUPLICATE = 0xDE,
    DESFIRE_NO_FILE = 0xF0,
};

enum desfire_generation {
    DESFIRE_EV1, /* they differ in the bytes of GetVersion only */
    DESFIRE_EV2,
    DESFIRE_EV3,
};

enum desfire_cipher {
    DESFIRE_DES, /* 16 bytes: DES when both halves are equal but for parity, else 2K3DES */
    DESFIRE_3K3DES,
    DESFIRE_AES,
};

struct desfire_key {
    enum desfire_cipher cipher;
    uint8_t version;
    uint8_t bytes[24]; /* 16 of them used unless 3K3DES */
};

enum desfire_file_kind {
    DESFIRE_STANDARD = 0, /* the byte in GetFileSettings */
    DESFIRE_BACKUP = 1,
    DESFIRE_VALUE = 2,
    DESFIRE_LINEAR = 3,
    DESFIRE_CYCLIC = 4,
};

struct desfire_file {
    bool exists;
    enum desfire_file_kind kind;
    uint8_t number; /* 00..1F */
    bool has_iso_id;
    uint16_t iso_id;
    uint8_t mode;    /* 0 plain, 1 MACed, 3 enciphered */
    uint16_t rights; /* nibbles Read, Write, Read&Write, Change; E is free, F is never */

    uint32_t at;    /* in the pool */
    uint32_t bytes; /* STANDARD and BACKUP: size; records: of one record */

    uint32_t records_max; /* of a cyclic file one fewer can be read */
    uint32_t records;     /* that can be read */
    uint32_t next;        /* slot of the next record */

    int32_t lower;
    int32_t upper;
    int32_t value;
    int32_t limited; /* what a LimitedCredit may give back: the debits of the last transaction */
    uint8_t options; /* bit 0 LimitedCredit enabled, bit 1 GetValue free */
};

struct desfire_model_application {
    bool exists;
    uint8_t aid[3];   /* least significant byte first, as on the line */
    uint8_t settings; /* key settings 1 */
    enum desfire_cipher cipher;
    uint8_t keys_count;
    bool has_iso_ids; /* key settings 2, bit 5 */
    bool has_iso_id;
    uint16_t iso_id;
    uint8_t name_bytes;
    uint8_t name[16];
    struct desfire_key keys[DESFIRE_KEYS_MAX];
    struct desfire_file files[DESFIRE_FILES_MAX];
};

/* All that outlives the loss of power, and nothing else. */
struct desfire_memory {
    uint8_t uid[DESFIRE_UID_BYTES];
    enum desfire_generation generation;
    struct desfire_key master; /* of the card; DES, zero at the factory */
    uint8_t settings;          /* of the card's level */
    uint8_t configuration;     /* SetConfiguration 00: bit 0 no format, bit 1 random UID */
    bool is_dead;              /* GetDFNames in a session: an EV1 never answers again */
    struct desfire_key default_key;
    uint8_t ats_bytes;
    uint8_t ats[DESFIRE_ATS_BYTES_MAX];
    uint32_t pool_used; /* freed by FormatPICC alone */
    uint8_t pool[DESFIRE_POOL_BYTES];
    struct desfire_model_application applications[DESFIRE_APPLICATIONS_MAX];
};

/* What a file will be after CommitTransaction. */
struct desfire_pending {
    bool is_written; /* BACKUP: its second half in the pool; records: the slot `next` */
    bool is_cleared; /* records: ClearRecordFile */
    bool is_changed; /* VALUE */
    int32_t value;
    int64_t debits;
    bool has_debit;
    bool has_limited_credit;
};

enum desfire_scheme {
    DESFIRE_NO_SESSION,
    DESFIRE_D40,  /* after Authenticate 0A: 4-byte MAC, CRC16 */
    DESFIRE_CMAC, /* after 1A and AA: EV1's, 8-byte MAC, CRC32 */
};

/* Lost with power, with a select, an authentication, and with an error in the scheme CMAC. */
struct desfire_session {
    enum desfire_scheme scheme;
    bool is_wrapped; /* native and wrapped commands do not mix within it */
    enum desfire_cipher cipher;
    uint8_t key_number;
    uint8_t key[24]; /* the session key */
    uint8_t iv[16];  /* chained from message to message */
};

/* What the next frame AF continues. */
enum desfire_chain {
    DESFIRE_CHAIN_NONE,
    DESFIRE_CHAIN_COMMAND, /* more bytes of a command */
    DESFIRE_CHAIN_ANSWER,  /* more bytes of an answer */
    DESFIRE_CHAIN_AUTHENTICATE,
};

/* What power lost in an EEPROM write or commit leaves. Neither is ever torn but a WriteData to a
 * STANDARD file, which has no backup (MF3ICD81 short data sheet: anti-tear for files with backup).
 */
enum desfire_tear {
    DESFIRE_TEAR_OLD,  /* nothing happened */
    DESFIRE_TEAR_NEW,  /* all happened, only the answer is lost */
    DESFIRE_TEAR_HALF, /* WriteData to a STANDARD file: the first half; else as OLD */
    DESFIRE_TEARS,
};

enum desfire_cut_when {
    DESFIRE_CUT_NEVER,
    DESFIRE_CUT_AFTER, /* The n-th command from now is done and answered; then the card leaves. */
    DESFIRE_CUT_WRITE, /* The card leaves in the n-th EEPROM write; the reader hears nothing. */
};

/* The fault plan. Set it with desfire_plan_cut. A command is each select the card answers, each
 * activation, each exchange (a frame AF is one too) and each halt. An EEPROM write is a command
 * that changes what outlives power: CommitTransaction, WriteData to a STANDARD file, ChangeKey,
 * and whatever creates, deletes, formats or configures. */
struct desfire_cut {
    enum desfire_cut_when when;
    uint32_t n;             /* AFTER: 0.. (0: the card leaves before the next); WRITE: 1.. */
    enum desfire_tear tear; /* WRITE only */
};

struct desfire {
    struct desfire_memory memory;

    /* Volatile. */
    bool is_away;
    enum desfire_state state;
    bool was_halted;
    uint8_t current; /* application: its index, or DESFIRE_APPLICATIONS_MAX for the card's level */
    struct desfire_session session;
    struct desfire_pending pending[DESFIRE_FILES_MAX]; /* of the current application */

    uint8_t random_uid[4];

    /* The command under way, over all its frames. */
    enum desfire_chain chain;
    bool is_wrapped;
    uint8_t command; /* its code */
    uint8_t auth_key;
    uint8_t auth_random[16]; /* the card's challenge, in clear */
    uint8_t auth_iv[16];
    size_t message_bytes;
    size_t message_expected;
    size_t reply_bytes;
    size_t reply_sent;
    uint8_t parts; /* answers that break where they want: GetVersion, GetDFNames */
    uint8_t parts_sent;
    uint8_t part_bytes[DESFIRE_APPLICATIONS_MAX];
    uint8_t message[DESFIRE_MESSAGE_BYTES]; /* the code first */
    uint8_t reply[DESFIRE_MESSAGE_BYTES];   /* without status */

    /* Random numbers: these bytes first, then a generator that `random` seeds. */
    uint32_t random;
    uint8_t random_bytes;
    uint8_t random_next[DESFIRE_MODEL_RANDOM_BYTES];

    bool is_striking; /* the planned cut strikes in the write under way, which is done whole */

    /* Since desfire_init, or since the owner set them to 0. */
    uint32_t commands;
    uint32_t writes;
    uint32_t commits; /* of the writes, those by CommitTransaction */

    struct desfire_cut cut;
    uint32_t cuts_taken;
};
_Static_assert(sizeof(struct desfire) < 65536, "a card fits a test's stack and shared memory");

/* Makes a card as it leaves the factory: master key DES zero, settings 0F, no application. */
void desfire_init(struct desfire *card, const uint8_t uid[DESFIRE_UID_BYTES]);

/* Gives the card another memory, as from a dump; it loses power. False, and nothing happens, when
 * that memory contradicts itself. */
bool desfire_restore(struct desfire *card, const struct desfire_memory *memory);

/* Seeds the challenges; the next one is `bytes` when they are given (not NULL). */
void desfire_set_random(struct desfire *card, uint32_t seed,
                        const uint8_t bytes[DESFIRE_MODEL_RANDOM_BYTES]);

/* As the reader gets them: ATQA 0344 (most significant first), SAK 20. */
void desfire_identify(const struct desfire *card, uint8_t ret_atqa[2], uint8_t *ret_sak);

/* The UID of anticollision: 7 bytes, or a random one of 4 bytes (08 xx xx xx) when
 * SetConfiguration says so. Returns its length. */
uint8_t desfire_uid(const struct desfire *card, uint8_t ret_uid[DESFIRE_UID_BYTES]);

/* As classic.h has them: losing power forgets session and pending transaction. */
void desfire_field_on(struct desfire *card);
void desfire_field_off(struct desfire *card);
void desfire_remove(struct desfire *card);
void desfire_insert(struct desfire *card);
void desfire_plan_cut(struct desfire *card, struct desfire_cut cut);

/* Calls and selects the card, up to `tries` times. True when the card is now READY. */
bool desfire_select(struct desfire *card, enum desfire_call call, unsigned tries);

/* RATS. True when the card is now ACTIVE; `ret_ats` has *ret_ats_bytes bytes, its length first. */
bool desfire_activate(struct desfire *card, uint8_t ret_ats[DESFIRE_ATS_BYTES_MAX],
                      size_t *ret_ats_bytes);

/* The reader asks R(NAK) whether the card is there; an ACTIVE card says R(ACK). No command. */
bool desfire_is_present(const struct desfire *card);

/* DESELECT of an activated card, HLTA of a selected one: it sleeps until WUPA. */
void desfire_halt(struct desfire *card);

/* Sends one frame. `rx_max` is at least DESFIRE_FRAME_BYTES. *ret_rx_bytes is always set. */
enum desfire_answer desfire_exchange(struct desfire *card, const uint8_t *tx, size_t tx_bytes,
                                     uint8_t *rx, size_t rx_max, size_t *ret_rx_bytes);

/* The name of a command as timing and logs say it ("debit", "commit" ...); a literal. */
const char *desfire_command_name(const uint8_t *tx, size_t tx_bytes);

/* For tests, past all rights: the file, or NULL. */
struct desfire_file *desfire_find_file(struct desfire *card, const uint8_t aid[3], uint8_t number);

/* A file's committed content: `record` 0 is the newest; of a data file it is 0. Returns bytes
 * copied, 0 when there are none such. */
size_t desfire_peek(struct desfire *card, const uint8_t aid[3], uint8_t number, uint32_t record,
                    uint8_t *ret_bytes, size_t bytes_max);

#endif
