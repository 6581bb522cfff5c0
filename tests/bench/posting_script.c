/* posting-script - plays written transactions and prints the terminals' journals as bodies of
 * POST /v1/sync, one a line after the terminal's number.
 *
 *   posting-script PROGRAMME PER_BATCH < SCRIPT
 *
 * A line of the script: TERMINAL CARD TIME_S KIND AMOUNT [PAY_CREDIT [REDEEM [REFERS_COUNTER]]].
 * CARD counts the model's cards from 1. All as the engine plans it; a line that it refuses ends the
 * run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/posting_model.h"

enum { TERMINALS = 8, CARDS = 64, ROOM = 4096, FILE_MAX = 65536, LINE_MAX_BYTES = 256 };

static struct model_terminal terminals[TERMINALS + 1];
static struct model_card cards[CARDS + 1];
static struct wire_sync batch;
static char body[WIRE_REQUEST_MAX];

static void fail(const char *say, const char *what)
{
    fprintf(stderr, "posting-script: %s: %s\n", say, what);
    exit(1);
}

static struct programme *load_programme(const char *path)
{
    static char text[FILE_MAX];
    struct programme *programme = NULL;
    struct fault fault = {""};
    FILE *file = fopen(path, "r");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof text, file);
    if (programme_load(text, size, &programme, &fault) != ST_OK) {
        fail(path, fault.say);
    }
    (void)fclose(file);
    return programme;
}

static enum transaction_kind kind_of(const char *word)
{
    static const struct {
        const char *word;
        enum transaction_kind kind;
    } kinds[] = {{"activate", TRANSACTION_ACTIVATE},
                 {"sale", TRANSACTION_SALE},
                 {"refund", TRANSACTION_REFUND},
                 {"load", TRANSACTION_LOAD},
                 {"unload", TRANSACTION_UNLOAD}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].word, word) == 0) {
            return kinds[i].kind;
        }
    }
    fail("no such kind", word);
    return TRANSACTION_SALE;
}

static void play(const char *line, const struct programme *programme)
{
    unsigned terminal = 0, card = 0, refers = 0;
    int64_t time_s = 0, amount = 0, pay = 0, redeem = 0;
    char kind[16];
    struct entry intent;
    if (sscanf(line, "%u %u %" SCNd64 " %15s %" SCNd64 " %" SCNd64 " %" SCNd64 " %u", &terminal,
               &card, &time_s, kind, &amount, &pay, &redeem, &refers) < 5 ||
        terminal < 1 || terminal > TERMINALS || card < 1 || card > CARDS) {
        fail("a line that is none", line);
    }
    const struct wish wish = {.kind = kind_of(kind),
                              .amount = {amount},
                              .pay_credit = {pay},
                              .redeem = {redeem},
                              .refers_counter = refers};
    struct model_card *at = &cards[card];
    model_plan(programme, &terminals[terminal], at->number, at->history, at->count, &wish, time_s,
               &intent);
    model_append(&terminals[terminal], &intent);
    model_write(at, &intent);
    model_outcome(&terminals[terminal], &intent, VERDICT_DONE);
}

int main(int argc, char **argv)
{
    char line[LINE_MAX_BYTES];
    if (argc != 3) {
        fprintf(stderr, "usage: posting-script PROGRAMME PER_BATCH < SCRIPT\n");
        return 2;
    }
    struct programme *programme = load_programme(argv[1]);
    const uint32_t step = 2 * (uint32_t)atoi(argv[2]);
    for (uint32_t i = 1; i <= TERMINALS; i++) {
        model_terminal_init(&terminals[i], i, ROOM);
    }
    for (uint32_t i = 1; i <= CARDS; i++) {
        cards[i].number = model_number(i);
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        play(line, programme);
    }
    for (uint32_t i = 1; i <= TERMINALS; i++) {
        for (uint32_t after = 0; after < terminals[i].count; after += step) {
            const uint32_t left = terminals[i].count - after;
            size_t size = 0;
            model_batch(&terminals[i], after, left < step ? left : step, &batch);
            if (wire_sync_encode(&batch, body, sizeof body, &size) != ST_OK) {
                fail("a batch is too large", argv[2]);
            }
            printf("%u %.*s\n", i, (int)size, body);
        }
        model_terminal_finish(&terminals[i]);
    }
    programme_free(programme);
    return 0;
}
