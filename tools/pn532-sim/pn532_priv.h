/* pn532_priv.h - between the parts of pn532.h: pn532_commands.c does the commands, pn532_exchange.c
 * those that carry bytes to the card, pn532.c keeps the host's line. For nobody else. */
#ifndef TOOLS_PN532_SIM_PN532_PRIV_H
#define TOOLS_PN532_SIM_PN532_PRIV_H

#include "tools/pn532-sim/pn532.h"

enum {
    PN532_FOR_EVER = 0xFF,  /* a retry or poll count that never ends */
    PN532_TX_MODE = 0x6302, /* 7.2.5 and its table of registers; bit 7: the chip makes CRCs */
    PN532_RX_MODE = 0x6303,
    PN532_MODE_CRC = 0x80,
};

/* What a command comes to. `data` starts with the command code plus 1. */
struct pn532_answer {
    uint8_t data[PN532_DATA_MAX];
    size_t bytes;
    struct timing_cost cost;
    uint8_t status;
    bool is_syntax_error; /* answer with the error frame */
    bool waits;           /* no answer before a card comes */
    bool is_empty_poll;
    uint32_t give_up_ms;
};

/* Does one command (code and parameters, without TFI). */
void pn532_run(struct pn532 *chip, const uint8_t *data, size_t bytes,
               struct pn532_answer *ret_answer);

/* Appends to an answer. */
void pn532_add(struct pn532_answer *answer, uint8_t byte);
void pn532_add_bytes(struct pn532_answer *answer, const uint8_t *bytes, size_t count);
void pn532_add_status(struct pn532_answer *answer, uint8_t status);

/* A card of ISO 14443-4 that answers there. */
bool pn532_is_activated(const struct pn532 *chip);

/* InDataExchange and InCommunicateThru. */
void pn532_exchange(struct pn532 *chip, const uint8_t *data, size_t bytes,
                    struct pn532_answer *answer);
void pn532_communicate_thru(struct pn532 *chip, const uint8_t *data, size_t bytes,
                            struct pn532_answer *answer);

/* Makes target `number` the selected one: sends the other to sleep and wakes this one (7.3.8), and
 * adds what that takes to *cost. False: there is no such target, or it is gone. */
bool pn532_use_target(struct pn532 *chip, uint8_t number, struct timing_cost *cost);

/* Switches the field; off, the targets are forgotten. */
void pn532_set_field(struct pn532 *chip, bool is_on);

#endif
