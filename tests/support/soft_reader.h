/* soft_reader.h - hal/reader.h over the card models, in memory: no process, no line, no waiting.
 *
 * A card of ISO 14443-4 is activated with the select (RATS), a Classic is not. Answers as a PN532
 * behind libnfc does: a refused authentication is ST_DENIED and halts the card; silence and NAK are
 * ST_GONE; selecting with a UID wakes a halted card, selecting without does not. The card and its
 * cut plan belong to the test (classic_plan_cut, classic_insert ...); the card may lie in shared
 * memory, so that a child process can be killed while the card lives on.
 *
 *     struct classic card;              classic_init(&card, CLASSIC_1K, uid, 4);
 *     struct soft_reader soft;          soft_reader_init(&soft, &card);
 *     struct reader reader = soft_reader_port(&soft);
 *     ... use it; after a cut the card is away: soft_reader_tap(&soft) lays it there again. */
#ifndef TESTS_SUPPORT_SOFT_READER_H
#define TESTS_SUPPORT_SOFT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/reader.h"
#include "tools/pn532-sim/classic.h"
#include "tools/pn532-sim/desfire.h"

enum { SOFT_READER_LOG_MAX = 512 };

/* One exchange as it was seen: for tests that count commands. */
struct soft_command {
    const char *name; /* "select", "auth a", "read", "write" ...: a literal */
    int block;        /* or -1 */
    uint32_t us;      /* by the time model of tools/pn532-sim/timing.h: card and wire at 115200 */
    uint32_t card_us; /* of these the card's, and what travels on the wire, both ways with ACK */
    size_t wire_bytes;
};

struct soft_reader {
    struct classic *card;    /* NULL: none lies there */
    struct desfire *desfire; /* the other kind of card; at most one of the two lies there */
    bool is_dead;            /* set by a test: every call answers ST_IO until it is unset */
    uint8_t sak; /* set by a test: what select reports in place of the model's; 0: as it is */
    /* Set by a test: sees and may change each answer of a card before the driver does. */
    void (*spoil)(struct soft_reader *soft, uint8_t *rx, size_t *rx_bytes);
    void *spoil_ctx;
    uint64_t model_us; /* sum over the commands since the test set it to 0 */
    size_t commands;   /* in the log since the test set it to 0; more than fit are only counted */
    struct soft_command log[SOFT_READER_LOG_MAX];
};

/* Lays `card` (or NULL) on a fresh reader with its field on. */
void soft_reader_init(struct soft_reader *soft, struct classic *card);

/* The same with a DESFire card. */
void soft_reader_init_desfire(struct soft_reader *soft, struct desfire *card);

/* Takes the card away, if it is there, and lays it on the reader again: a new tap. */
void soft_reader_tap(struct soft_reader *soft);

/* The port; valid as long as `soft` is. */
struct reader soft_reader_port(struct soft_reader *soft);

#endif
