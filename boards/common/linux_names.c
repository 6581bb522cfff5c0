/* Names of a board that boots one of our images. BOARD_NAME and BOARD_READER are in its board.conf;
 * where things are is the same on all of them: docs/porting.md, "The device". */
#include "hal/board.h"

const struct board_names *board_names(void)
{
    static const struct board_names names = {
        .board = BOARD_NAME,
        .database = "/data/terminal/terminal.db",
        .keys = "/data/keys/keys",
        .reader = BOARD_READER,
        .socket = "/run/till/till.sock",
    };
    return &names;
}
