/* reader.h - the card reader of hal/reader.h, over a supervised vafa-reader process.
 *
 * The process may abort, crash, hang or talk nonsense at any moment: the call in progress then says
 * ST_IO, the process is killed if need be, and a new one is started at once, later every
 * READER_RETRY_MS_MAX. Nothing runs in the background: each call, reader_is_up too, moves the
 * supervision on by what is due. No call blocks longer than its timeout.
 *
 * How the statuses of hal/reader.h come about here:
 * - A failure is told once, by the call that finds it; reader_fault then holds the sentence for the
 *   till, until a call was answered again. While the process opens, select waits out its timeout
 *   and says ST_IO; transceive and deselect say it at once, since the card is lost anyway.
 * - The PN532 itself takes up to 51.2 ms to see that a card is silent (UM0701-02 7.3.1), so a
 *   timeout below READER_EXCHANGE_MS_MIN or READER_SELECT_MS_MIN may pass with nothing wrong: then
 *   select says ST_AGAIN and transceive ST_GONE, the late answer is dropped, and the process is
 *   only killed when it overruns those times. Use longer timeouts where you can.
 * - After a restart the field was off for a moment, so a card that was halted is seen again.
 *
 * One caller, one thread, and that thread must outlive the driver: the kernel kills the process
 * when the thread that started it ends (PR_SET_PDEATHSIG). A SIGCHLD handler elsewhere may reap. */
#ifndef DRIVERS_READER_READER_H
#define DRIVERS_READER_READER_H

#include <stdbool.h>

#include "hal/base/status.h"
#include "hal/reader.h"

enum {
    READER_CONNECTION_MAX = 255, /* below libnfc's 1024 (nfc/nfc-types.h, NFC_BUFSIZE_CONNSTRING) */
    READER_PROGRAM_MAX = 255,
    /* libnfc waits 300 ms for a select (chips/pn53x.c:1390) and 350 ms for most other commands
     * (chips/pn53x.c:3832); what takes longer than this hangs. */
    READER_SELECT_MS_MIN = 400,
    /* 51.2 ms, the longest frame both ways at 115200 baud (48 ms), and a busy machine. */
    READER_EXCHANGE_MS_MIN = 150,
    /* nfc_open sleeps 50 ms, sends about 14 commands, and gives up on a mute chip after 1000 ms
     * (drivers/pn532_uart.c:327). */
    READER_OPEN_MS_MAX = 1200,
    /* The first restart is immediate, each next one later by this much, up to the maximum. Worst
     * case from the reader's return to a served card: 1200 + 300 ms, and a good open of 150 ms. */
    READER_RETRY_MS_STEP = 100,
    READER_RETRY_MS_MAX = 300,
};

struct reader_config {
    const char *program;    /* path of vafa-reader; copied */
    const char *connection; /* libnfc's: "pn532_uart:/dev/ttyS1", faster with ":460800"; copied */
    bool keep_stderr;       /* the process's one sentence at its end goes to our stderr */
};

struct reader_driver;

/* Starts the process and returns at once; the reader is up some 100 ms later.
 * ST_OK       *ret_driver is owned by the caller until reader_close. That the program or the
 *             reader is missing shows later, as ST_IO: it may come back.
 * ST_REFUSED  a text of the configuration is empty or too long; *fault says which.
 * ST_FULL     no memory. */
ST_CHECK enum st reader_open(const struct reader_config *config, struct reader_driver **ret_driver,
                             struct fault *fault);

/* The seam; valid until reader_close. */
struct reader reader_seam(struct reader_driver *driver);

/* True when the process has the reader open. Does what is due, without waiting. */
bool reader_is_up(struct reader_driver *driver);

/* One sentence on what is wrong, for the till and the log; "" when nothing is. Valid until the next
 * call. */
const char *reader_fault(const struct reader_driver *driver);

/* How often a process was started, the first time included. */
unsigned reader_starts(const struct reader_driver *driver);

/* Field off, process ended; takes at most two seconds. NULL is allowed. */
void reader_close(struct reader_driver *driver);

#endif
