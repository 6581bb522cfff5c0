#include "tests/support/card_cuts.h"

void card_chip_save(const struct card_world *world, union card_chip *ret)
{
    if (world->is_desfire) {
        ret->desfire = world->desfire;
    } else {
        ret->classic = world->card;
    }
}

void card_chip_load(struct card_world *world, const union card_chip *chip)
{
    if (world->is_desfire) {
        world->desfire = chip->desfire;
    } else {
        world->card = chip->classic;
    }
}

void card_cut_plan(struct card_world *world, const struct card_cut *cut)
{
    const unsigned n = cut == NULL ? 0 : cut->n, tear = cut == NULL ? 0 : cut->tear;
    if (world->is_desfire) {
        desfire_plan_cut(&world->desfire,
                         (struct desfire_cut){.when = cut == NULL     ? DESFIRE_CUT_NEVER
                                                      : cut->is_write ? DESFIRE_CUT_WRITE
                                                                      : DESFIRE_CUT_AFTER,
                                              .n = n,
                                              .tear = (enum desfire_tear)tear});
        return;
    }
    classic_plan_cut(&world->card, (struct classic_cut){.when = cut == NULL     ? CLASSIC_CUT_NEVER
                                                                : cut->is_write ? CLASSIC_CUT_WRITE
                                                                                : CLASSIC_CUT_AFTER,
                                                        .n = n,
                                                        .tear = (enum classic_tear)tear,
                                                        .head_bytes = 7});
}

bool card_cut_was_taken(struct card_world *world)
{
    const bool was = (world->is_desfire ? world->desfire.cuts_taken : world->card.cuts_taken) > 0;
    world->desfire.cuts_taken = world->card.cuts_taken = 0;
    card_cut_plan(world, NULL);
    return was;
}

bool card_cut_next(const struct card_world *world, struct card_cut *cut, bool was_taken)
{
    const unsigned tears = world->is_desfire ? DESFIRE_TEARS : CLASSIC_TEARS;
    if (!cut->is_write) {
        *cut = was_taken ? (struct card_cut){false, cut->n + 1, 0} : (struct card_cut){true, 1, 0};
        return true;
    }
    *cut = cut->tear + 1 < tears ? (struct card_cut){true, cut->n, cut->tear + 1}
                                 : (struct card_cut){true, cut->n + 1, 0};
    return was_taken;
}

unsigned card_cuts_each(struct card_world *world, card_tap *tap, card_then *then)
{
    struct card_cut cut = {0};
    unsigned cuts = 0;
    bool was_taken = true;
    union card_chip chip;

    card_chip_save(world, &chip);
    do {
        card_chip_load(world, &chip);
        const enum st committed = tap(world, &cut);
        was_taken = card_cut_was_taken(world);
        cuts += was_taken;
        then(world, committed);
    } while (card_cut_next(world, &cut, was_taken));
    return cuts;
}
