/* What a Linux board with a PN532 on a serial line is composed of. Boards differ in names only:
 * board_names() is in the board's folder, or in linux_names.c. */
#include "hal/board.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/card/card_families.h"
#include "drivers/reader/reader.h"
#include "hal/base/bytes.h"
#include "hal/keystore.h"

static const char reader_program[] = "vafa-reader";

struct board {
    struct keystore *keystore;
    struct reader_driver *reader;
    struct card_families families;
    struct card_port cards;
};

/* Beside our own program, so that a build folder and an installation both work as they are. */
static enum st open_reader(struct board *board, const struct board_config *config,
                           struct fault *fault)
{
    char folder[READER_PROGRAM_MAX + 1], program[READER_PROGRAM_MAX + 1];
    (void)snprintf(folder, sizeof folder, "%s", config->program);
    int size = strchr(config->program, '/') == NULL
                   ? snprintf(program, sizeof program, "%s", reader_program)
                   : snprintf(program, sizeof program, "%s/%s", dirname(folder), reader_program);
    if (size < 0 || (size_t)size >= sizeof program || strlen(config->program) >= sizeof folder) {
        fault_say(fault, "The path of this program is longer than %d bytes: move it.",
                  READER_PROGRAM_MAX);
        return ST_REFUSED;
    }
    const struct reader_config reader = {
        .program = program, .connection = config->reader, .keep_stderr = false};
    return reader_open(&reader, &board->reader, fault);
}

enum st board_open(const struct board_config *config, struct board **ret, struct fault *fault)
{
    struct board *board = calloc(1, sizeof *board);
    if (board == NULL) {
        fault_say(fault, "There is no memory left: restart the terminal.");
        return ST_FULL;
    }
    enum st st = keystore_open(config->keys, &board->keystore, fault);
    if (st == ST_OK) {
        st = open_reader(board, config, fault);
    }
    if (st != ST_OK) {
        board_close(board);
        return st;
    }
    board->cards =
        card_families_open(&board->families, reader_seam(board->reader), board->keystore);
    *ret = board;
    return ST_OK;
}

void board_close(struct board *board)
{
    if (board == NULL) {
        return;
    }
    if (board->reader != NULL) {
        reader_close(board->reader);
    }
    keystore_close(board->keystore);
    bytes_wipe(board, sizeof *board);
    free(board);
}

struct card_port board_cards(struct board *board)
{
    return board->cards;
}

const struct keystore *board_keys(const struct board *board)
{
    return board->keystore;
}

const char *board_reader_say(struct board *board)
{
    if (reader_is_up(board->reader)) {
        return "";
    }
    const char *say = reader_fault(board->reader);
    return say[0] != '\0' ? say : "The card reader is being started.";
}
