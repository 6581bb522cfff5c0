/* pn532.h - a model of the PN532 on its serial line: bytes in, frames out, one card or two in the
 * field.
 *
 * Pure: no I/O and no clock; the owner moves the bytes and honours the delays. The card belongs to
 * the owner too and may be exchanged at any time with pn532_place and pn532_take.
 * Sources: UM0701-02 (6.2 host link, 7.1 status bytes, 7.2 and 7.3 commands). Where the manual is
 * silent: a card's NAK is reported as status 13h, and an InDataExchange whose first byte is no
 * MIFARE command, with a card of that family, as 27h. */
#ifndef TOOLS_PN532_SIM_PN532_H
#define TOOLS_PN532_SIM_PN532_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pn532-sim/card.h"
#include "tools/pn532-sim/pn532_frame.h"
#include "tools/pn532-sim/timing.h"

/* UM0701-02, 7.1. */
enum pn532_status {
    PN532_OK = 0x00,
    PN532_TIMEOUT = 0x01,
    PN532_BAD_PARAMETER = 0x10,
    PN532_BAD_FORMAT = 0x13,
    PN532_AUTH_ERROR = 0x14,
    PN532_BAD_CONTEXT = 0x27,
};

enum {
    PN532_NO_STATUS = -1,
    PN532_GARBAGE_MAX = 256,
    /* A frame not complete after this time is forgotten (UM0701-02, table 11, at 115200). */
    PN532_FRAME_TIMEOUT_MS = 89,
};

/* What goes wrong on the line. `is_mute` stays until taken back; the others strike once, at the
 * next command, and clear themselves. */
struct pn532_faults {
    bool is_mute;           /* The chip hears and does nothing at all. */
    bool no_ack;            /* The command is done, only its ACK frame is missing. */
    bool bad_dcs;           /* The answer's checksum is wrong. */
    bool half_frame;        /* The answer breaks off in its middle. */
    uint16_t garbage_bytes; /* Random bytes precede the ACK. */
    uint32_t late_ms;       /* The answer comes so much later, even into the next command. */
    int status;             /* Status of the next InDataExchange; the card does not see it. */
};

/* A target of InListPassiveTarget. */
struct pn532_target {
    struct card card; /* CARD_NONE: none of that number */
    struct card_identity identity;
    uint8_t ats[DESFIRE_ATS_BYTES_MAX];
    size_t ats_bytes;
};

struct pn532 {
    struct card card;  /* the one that was selected last; CARD_NONE: nothing lies on the reader */
    struct card other; /* a second one beside it, or CARD_NONE */
    struct timing_log *log;
    struct pn532_faults faults;
    uint32_t firmware_us; /* assumed thinking time per command, reported apart */

    struct pn532_stream stream;
    bool field_is_on;
    bool target_is_known;        /* `card` is target `number` of the last InListPassiveTarget */
    uint8_t number;              /* 1 or 2 */
    struct card_identity target; /* as it was selected */
    uint8_t ats[DESFIRE_ATS_BYTES_MAX];
    size_t ats_bytes;           /* 0: the target is not activated (ISO 14443-4) */
    struct pn532_target parked; /* the target of the other number: `other`, asleep */
    uint8_t parameters;         /* SetParameters; bit 4: RATS follows the select */
    uint8_t last_error;
    uint8_t select_retries;    /* MxRtyPassiveActivation; FF is for ever */
    uint32_t reply_timeout_us; /* RFConfiguration 02, 51.2 ms at reset */
    uint32_t baud;
    uint32_t baud_wanted;     /* SetSerialBaudRate; in force after the host's ACK. 0: none */
    uint8_t registers[65536]; /* all read 00 at reset */

    /* A command that waits for a card, for ever or some time. */
    uint8_t waiting[PN532_DATA_MAX];
    size_t waiting_bytes; /* 0: none */

    uint8_t reply[PN532_FRAME_MAX]; /* the last one, for NACK */
    size_t reply_bytes;
    size_t command_frame_bytes;
    uint32_t random;
};

/* What the owner has to send. */
struct pn532_output {
    uint8_t now[PN532_GARBAGE_MAX + PN532_ACK_BYTES]; /* garbage, ACK: at once */
    size_t now_bytes;
    uint8_t later[PN532_FRAME_MAX]; /* the answer */
    size_t later_bytes;             /* 0: there is none (yet) */
    uint32_t delay_us;              /* what the model says the answer takes */
    uint32_t late_ms;               /* from the fault of that name */
    uint32_t give_up_ms;            /* > 0: call pn532_give_up after this time, see below */
    bool is_abort;                  /* Drop an answer that is not sent yet, unless it is late. */
};

/* Powers the chip up. `log` must outlive it. */
void pn532_init(struct pn532 *chip, struct timing_log *log);

/* Power off and on again: field off, targets and settings forgotten; card and faults stay. */
void pn532_reset(struct pn532 *chip);

/* A card is laid on the reader (in place of none, or as the second), or all are taken from it. */
void pn532_place_card(struct pn532 *chip, struct card card);
void pn532_place(struct pn532 *chip, struct classic *card); /* the same for a Classic */
void pn532_take(struct pn532 *chip);
void pn532_take_card(struct pn532 *chip, struct card card); /* that one, if it lies there */

/* Bytes from the host. Afterwards call pn532_next until it says false. */
void pn532_receive(struct pn532 *chip, const uint8_t *bytes, size_t count);

/* Does the next command. False: there was none, *ret_output is not set. */
bool pn532_next(struct pn532 *chip, struct pn532_output *ret_output);

/* A command waits for a card (InListPassiveTarget without end, InAutoPoll): tries again; true
 * with the answer in *ret_output when a card is there now. Call it after pn532_place. */
bool pn532_try_again(struct pn532 *chip, struct pn532_output *ret_output);

/* The time of a waiting InAutoPoll is over: answers "no target". False when none waits. */
bool pn532_give_up(struct pn532 *chip, struct pn532_output *ret_output);

/* The line was quiet for PN532_FRAME_TIMEOUT_MS: forgets a frame that is not complete. */
void pn532_quiet(struct pn532 *chip);

#endif
