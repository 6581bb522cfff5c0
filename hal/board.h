/* board.h - what a board must supply to the terminal: its devices and its names.
 *
 * Link-time seam: boards/<board>/board.c implements it, and board.mk lists the drivers that it
 * picks. How to bring up another board: docs/porting.md. One thread. */
#ifndef HAL_BOARD_H
#define HAL_BOARD_H

#include "hal/base/status.h"
#include "hal/card.h"
#include "hal/keystore.h"

/* Where things are on this board unless the command line says otherwise. */
struct board_names {
    const char *board;    /* "sim" */
    const char *database; /* the terminal's database file */
    const char *keys;     /* the key store, as keystore_open() takes it */
    const char *reader;   /* libnfc connection string */
    const char *socket;   /* the till's socket */
};
const struct board_names *board_names(void);

struct board_config {
    const char *program; /* argv[0]: helper programs are looked for beside it */
    const char *keys, *reader;
};

struct board;

/* Opens the key store and starts the reader, without waiting for it: it may come later.
 * ST_OK   the caller owns *ret.
 * Others  *fault says what is missing and how to make it: keystore_open(), the reader's. */
ST_CHECK enum st board_open(const struct board_config *config, struct board **ret,
                            struct fault *fault);
/* Accepts NULL. Keys are wiped, the reader's process is ended. */
void board_close(struct board *board);

/* The member cards that this board serves; valid until board_close(). */
struct card_port board_cards(struct board *board);
/* The key store, for what no card driver asks of it; valid until board_close(). */
const struct keystore *board_keys(const struct board *board);
/* "" when the reader is up, else a sentence on what to do. Moves its supervision on, so call it a
 * few times a second. Valid until the next call. */
const char *board_reader_say(struct board *board);

#endif
