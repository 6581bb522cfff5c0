/* posting-batches - prints a terminal's journal as the bodies of POST /v1/sync, one a line.
 *
 *   posting-batches TERMINAL TRANSACTIONS PER_BATCH [FIRST_CARD]
 *
 * For tests that play a terminal with curl: an activation for each of ten cards, then sales, loads
 * and refunds, all as the engine plans them by programmes/base.json. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/posting_model.h"

enum { CARDS = 10, FILE_MAX = 65536 };

static struct wire_sync batch;
static char body[WIRE_REQUEST_MAX];

static void load_programme(struct programme **ret)
{
    static char text[FILE_MAX];
    struct fault fault = {""};
    FILE *file = fopen("programmes/base.json", "r");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof text, file);
    if (programme_load(text, size, ret, &fault) != ST_OK) {
        fprintf(stderr, "posting-batches: programmes/base.json: %s\n", fault.say);
        exit(1);
    }
    (void)fclose(file);
}

static struct wish wish_of(const struct model_card *card, uint32_t n)
{
    if (card->count == 0) {
        return (struct wish){.kind = TRANSACTION_ACTIVATE, .amount = {1000000}};
    }
    if (n % 7 == 0) {
        return (struct wish){.kind = TRANSACTION_LOAD, .amount = {200000 + n}};
    }
    if (n % 11 == 0 && card->count > 2 && card->history[0].last.kind == TRANSACTION_SALE) {
        return (struct wish){.kind = TRANSACTION_REFUND,
                             .refers_counter = card->history[0].counter};
    }
    return (struct wish){.kind = TRANSACTION_SALE, .amount = {500000 + 9973 * n}};
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: posting-batches TERMINAL TRANSACTIONS PER_BATCH [FIRST_CARD]\n");
        return 2;
    }
    uint32_t number = (uint32_t)atoi(argv[1]), transactions = (uint32_t)atoi(argv[2]);
    uint32_t step = 2 * (uint32_t)atoi(argv[3]);
    uint64_t first_card = argc > 4 ? (uint64_t)atoll(argv[4]) : 0;
    struct programme *programme = NULL;
    struct model_terminal terminal;
    struct model_card cards[CARDS] = {0};
    load_programme(&programme);
    model_terminal_init(&terminal, number, 2 * transactions);
    for (uint32_t n = 0; n < transactions; n++) {
        struct model_card *card = &cards[n % CARDS];
        card->number = model_number(first_card + n % CARDS);
        (void)model_tap(&terminal, card, programme, wish_of(card, n));
    }
    for (uint32_t after = 0; after < terminal.count; after += step) {
        uint32_t left = terminal.count - after;
        size_t size = 0;
        model_batch(&terminal, after, left < step ? left : step, &batch);
        if (wire_sync_encode(&batch, body, sizeof body, &size) != ST_OK) {
            fprintf(stderr, "posting-batches: a batch is too large\n");
            return 1;
        }
        (void)fwrite(body, 1, size, stdout);
        (void)putchar('\n');
    }
    model_terminal_finish(&terminal);
    programme_free(programme);
    return 0;
}
