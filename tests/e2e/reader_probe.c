/* reader-probe - serves cards over drivers/reader for ever and prints each change of state.
 *
 *     reader-probe VAFA-READER CONNECTION [TIMEOUT_MS]
 *
 * To serve a card is to select it, authenticate block 4 with the factory key, read it and let the
 * card go. A line is the date in milliseconds, a word and more:
 *     1700000000000 away SENTENCE      each time the driver says ST_IO with another sentence
 *     1700000000000 empty              the reader is well and sees no card
 *     1700000000000 served UID HEX     each time
 *     1700000000000 gone|denied UID    each time */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers/reader/reader.h"
#include "hal/base/bytes.h"

enum { BLOCK = 4, BLOCK_BYTES = 16, EXCHANGE_MS = 300, SELECT_MS = 500 };

static volatile sig_atomic_t is_over;

static void end(int number)
{
    (void)number;
    is_over = 1;
}

static void say(const char *word, const char *more)
{
    static char last[256];
    char line[256];
    (void)snprintf(line, sizeof line, "%s %s", word, more);
    const bool is_event = strcmp(word, "away") != 0 && strcmp(word, "empty") != 0;
    if (strcmp(line, last) == 0 && !is_event) {
        return;
    }
    memcpy(last, line, sizeof last);
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)printf("%lld %s\n", (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000, line);
    (void)fflush(stdout);
}

static enum st serve(struct reader reader, unsigned select_ms, char *ret_text, size_t text_bytes)
{
    struct reader_target target;
    enum st st = reader.ops->select(reader.ctx, NULL, 0, select_ms, &target);
    if (st != ST_OK) {
        return st;
    }
    char uid[2 * READER_UID_MAX + 1];
    hex_encode(target.uid, target.uid_bytes, uid);
    (void)snprintf(ret_text, text_bytes, "%s", uid);

    uint8_t auth[12] = {0x60, BLOCK, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    memcpy(auth + 8, target.uid + target.uid_bytes - 4, 4);
    uint8_t rx[BLOCK_BYTES];
    size_t rx_bytes = 0;
    st = reader.ops->transceive(reader.ctx, auth, sizeof auth, EXCHANGE_MS, rx, sizeof rx,
                                &rx_bytes);
    if (st != ST_OK) {
        return st;
    }
    const uint8_t read[] = {0x30, BLOCK};
    st = reader.ops->transceive(reader.ctx, read, sizeof read, EXCHANGE_MS, rx, sizeof rx,
                                &rx_bytes);
    if (st != ST_OK) {
        return st;
    }
    char block[2 * BLOCK_BYTES + 1];
    hex_encode(rx, rx_bytes, block);
    (void)snprintf(ret_text, text_bytes, "%s %s", uid, block);
    return reader.ops->deselect(reader.ctx, EXCHANGE_MS);
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        (void)fprintf(stderr, "reader-probe VAFA-READER CONNECTION [TIMEOUT_MS]\n");
        return 2;
    }
    const unsigned select_ms = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : SELECT_MS;
    const struct reader_config config = {
        .program = argv[1], .connection = argv[2], .keep_stderr = true};
    struct reader_driver *driver = NULL;
    struct fault fault;
    if (select_ms == 0 || reader_open(&config, &driver, &fault) != ST_OK) {
        return 2;
    }
    (void)signal(SIGTERM, end);
    (void)signal(SIGINT, end);
    while (!is_over) {
        char text[64] = "";
        const enum st st = serve(reader_seam(driver), select_ms, text, sizeof text);
        if (st == ST_OK) {
            say("served", text);
        } else if (st == ST_AGAIN) {
            say("empty", "");
        } else if (st == ST_IO) {
            say("away", reader_fault(driver));
        } else {
            say(st_word(st), text);
        }
    }
    (void)printf("# the reader's program was started %u times\n", reader_starts(driver));
    reader_close(driver);
    return 0;
}
