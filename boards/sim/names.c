/* The simulated board: a PN532 on a pseudo terminal (tools/pn532-sim), all else as on a real one.
 */
#include "hal/board.h"

const struct board_names *board_names(void)
{
    static const struct board_names names = {
        .board = "sim",
        .database = "run/terminal.db",
        .keys = "run/keys",
        .reader = "pn532_uart:run/reader",
        .socket = "run/till.sock",
    };
    return &names;
}
