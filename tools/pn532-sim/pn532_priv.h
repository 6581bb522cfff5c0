/* pn532_priv.h - between the two halves of pn532.h: pn532_commands.c does the commands, pn532.c
 * keeps the host's line. For nobody else. */
#ifndef TOOLS_PN532_SIM_PN532_PRIV_H
#define TOOLS_PN532_SIM_PN532_PRIV_H

#include "tools/pn532-sim/pn532.h"

enum {
    PN532_FOR_EVER = 0xFF, /* a retry or poll count that never ends */
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

/* Switches the field; off, the target is forgotten. */
void pn532_set_field(struct pn532 *chip, bool is_on);

#endif
