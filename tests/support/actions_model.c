#include "tests/support/actions_model.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/store_model.h"

enum { NUMBERS = 12, DROP_EVERY = 9, SCATTER = 7 };

/* New actions, some in the place of others, and then the news that a card is past some. */
size_t actions_model_batch(uint32_t n, struct club_action ret[ACTIONS_MODEL_BATCH])
{
    if (n % DROP_EVERY == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < ACTIONS_MODEL_BATCH; i++) {
        ret[i] = (struct club_action){.card_number = model_card((n + i) % MODEL_CARDS),
                                      .number = (uint16_t)(1 + (n * SCATTER + i) % NUMBERS),
                                      .is_past = i == ACTIONS_MODEL_BATCH - 1};
        memset(ret[i].image, (int)(n % 251), sizeof ret[i].image);
        memset(ret[i].seal, (int)(i + 1), sizeof ret[i].seal);
    }
    return ACTIONS_MODEL_BATCH;
}

enum st actions_model_take(uint32_t n, struct store *store)
{
    struct club_action batch[ACTIONS_MODEL_BATCH];
    const size_t count = actions_model_batch(n, batch);
    return count == 0 ? actions_drop(store) : actions_take(store, batch, count);
}

/* One cell a card and number: the change and place in it that it is from; 0 = nothing is there. */
struct held {
    struct club_action action[MODEL_CARDS][NUMBERS + 1];
};

static void change(struct held *held, const struct club_action *news)
{
    for (uint32_t card = 0; card < MODEL_CARDS; card++) {
        if (model_card(card) != news->card_number) {
            continue;
        }
        for (uint16_t number = 1; number <= NUMBERS; number++) {
            struct club_action *cell = &held->action[card][number];
            if (news->is_past && number <= news->number) {
                cell->number = 0;
            }
            if (!news->is_past && number == news->number) {
                *cell = *news;
            }
        }
    }
}

static bool card_agrees(const struct held *held, uint32_t card, struct store *store)
{
    struct club_action found[NUMBERS + 1];
    for (uint16_t after = 0; after < NUMBERS; after = (uint16_t)(after + NUMBERS / 2)) {
        size_t count = 0, at = 0;
        if (actions_waiting(store, model_card(card), after, found, NUMBERS + 1, &count) != ST_OK) {
            return false;
        }
        for (uint16_t number = (uint16_t)(after + 1); number <= NUMBERS; number++) {
            const struct club_action *cell = &held->action[card][number];
            if (cell->number == 0) {
                continue;
            }
            if (at == count || found[at].number != number || found[at].is_past ||
                found[at].card_number != model_card(card) ||
                memcmp(found[at].image, cell->image, sizeof cell->image) != 0 ||
                memcmp(found[at].seal, cell->seal, sizeof cell->seal) != 0) {
                return false;
            }
            at += 1;
        }
        if (at != count) {
            return false;
        }
    }
    return true;
}

bool actions_model_agrees(uint32_t n, struct store *store)
{
    struct held held = {0};
    uint32_t rows = 0, expected = 0;
    for (uint32_t i = 1; i <= n; i++) {
        struct club_action batch[ACTIONS_MODEL_BATCH];
        const size_t count = actions_model_batch(i, batch);
        if (count == 0) {
            held = (struct held){0};
        }
        for (size_t k = 0; k < count; k++) {
            change(&held, &batch[k]);
        }
    }
    for (uint32_t card = 0; card < MODEL_CARDS; card++) {
        for (uint16_t number = 1; number <= NUMBERS; number++) {
            expected += held.action[card][number].number != 0;
        }
        if (!card_agrees(&held, card, store)) {
            printf("actions of card %u after %u changes differ: %s\n", card, n,
                   store_fault(store)->say);
            return false;
        }
    }
    if (actions_count(store, &rows) != ST_OK || rows != expected) {
        printf("%u actions are held after %u changes, not %u\n", rows, n, expected);
        return false;
    }
    return true;
}
