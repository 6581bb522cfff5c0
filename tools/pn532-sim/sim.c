#include "tools/pn532-sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *sim_open(struct sim *sim, const char *link, const char *cards)
{
    sim->link = link;
    sim->line.chip_fd = -1;
    sim->line.host_fd = -1;
    pn532_init(&sim->chip, &sim->log);
    const char *problem = store_open(&sim->store, cards);
    return problem != NULL ? problem : line_plug(&sim->line, link);
}

static void save(struct sim *sim)
{
    const char *problem = store_save_written(&sim->store);
    if (problem != NULL) {
        fprintf(stderr, "pn532-sim: %s\n", problem);
    }
}

void sim_close(struct sim *sim)
{
    save(sim);
    line_unplug(&sim->line);
}

static void send_pending(struct sim *sim, struct sim_pending *pending)
{
    line_write(&sim->line, pending->bytes, pending->count);
    pending->count = 0;
}

/* Sends what is due and keeps what is to be late. */
static void deliver(struct sim *sim, const struct pn532_output *output, uint64_t now_us)
{
    if (output->is_abort) {
        sim->answer.count = 0;
        sim->give_up_at_us = 0;
    }
    line_write(&sim->line, output->now, output->now_bytes);
    if (output->give_up_ms > 0) {
        sim->give_up_at_us = now_us + output->give_up_ms * UINT64_C(1000);
    }
    if (output->later_bytes > 0) {
        struct sim_pending *pending = output->late_ms > 0 ? &sim->late : &sim->answer;
        memcpy(pending->bytes, output->later, output->later_bytes);
        pending->count = output->later_bytes;
        pending->due_us = now_us + output->late_ms * UINT64_C(1000);
        if (sim->is_real_time) {
            pending->due_us += output->delay_us;
        }
    }
}

/* Sends at once what is due at once: the next command must not abort it. */
static void send_due(struct sim *sim, uint64_t now_us)
{
    if (sim->answer.count > 0 && sim->answer.due_us <= now_us) {
        send_pending(sim, &sim->answer);
    }
    if (sim->late.count > 0 && sim->late.due_us <= now_us) {
        send_pending(sim, &sim->late);
    }
}

void sim_receive(struct sim *sim, uint64_t now_us)
{
    uint8_t bytes[512];
    struct pn532_output output;
    const size_t count = line_read(&sim->line, bytes, sizeof bytes);

    if (count == 0) {
        return;
    }
    if (sim->is_strict_baud && line_host_baud(&sim->line) != sim->chip.baud) {
        return;
    }
    pn532_receive(&sim->chip, bytes, count);
    while (pn532_next(&sim->chip, &output)) {
        deliver(sim, &output, now_us);
        send_due(sim, now_us);
    }
    sim->quiet_at_us = now_us + PN532_FRAME_TIMEOUT_MS * UINT64_C(1000);
    save(sim);
}

void sim_tick(struct sim *sim, uint64_t now_us)
{
    struct pn532_output output;

    send_due(sim, now_us);
    if (sim->give_up_at_us != 0 && sim->give_up_at_us <= now_us) {
        sim->give_up_at_us = 0;
        if (pn532_give_up(&sim->chip, &output)) {
            deliver(sim, &output, now_us);
            send_due(sim, now_us);
        }
    }
    if (sim->quiet_at_us != 0 && sim->quiet_at_us <= now_us) {
        sim->quiet_at_us = 0;
        pn532_quiet(&sim->chip);
    }
}

static uint64_t earlier(uint64_t a_us, uint64_t b_us)
{
    return a_us == 0 || (b_us != 0 && b_us < a_us) ? b_us : a_us;
}

int sim_sleep_ms(const struct sim *sim, uint64_t now_us)
{
    uint64_t due_us = earlier(sim->give_up_at_us, sim->quiet_at_us);
    if (sim->answer.count > 0) {
        due_us = earlier(due_us, sim->answer.due_us);
    }
    if (sim->late.count > 0) {
        due_us = earlier(due_us, sim->late.due_us);
    }
    if (due_us == 0) {
        return -1;
    }
    return due_us <= now_us ? 0 : (int)((due_us - now_us + 999) / 1000);
}

bool sim_has_card(const struct sim *sim)
{
    return sim->placed != NULL && !card_is_away(store_card(sim->placed));
}

bool sim_has_beside(const struct sim *sim)
{
    return sim->beside != NULL && !card_is_away(store_card(sim->beside));
}

/* Plans on the card itself, and remembers where to look for the outcome. */
static void plan_on_card(struct sim *sim, struct card card, struct classic_cut cut)
{
    sim->cut_card = card;
    sim->cuts_before = card_cuts_taken(card);
    card_plan_cut(card, cut);
}

/* A command that waits for a card gets its answer. */
static void answer_what_waits(struct sim *sim, uint64_t now_us)
{
    struct pn532_output output;
    if (pn532_try_again(&sim->chip, &output)) {
        sim->give_up_at_us = 0;
        deliver(sim, &output, now_us);
        send_due(sim, now_us);
    }
}

void sim_insert(struct sim *sim, struct stored_card *stored, uint64_t now_us)
{
    assert(!sim_has_card(sim) && stored != sim->beside);
    if (sim->placed != NULL) {
        pn532_take_card(&sim->chip, store_card(sim->placed)); /* a cut took it */
    }
    sim->placed = stored;
    pn532_place_card(&sim->chip, store_card(stored));
    if (sim->plan.when != CLASSIC_CUT_NEVER) {
        plan_on_card(sim, store_card(stored), sim->plan);
        sim->plan.when = CLASSIC_CUT_NEVER;
    }
    answer_what_waits(sim, now_us);
}

void sim_insert_beside(struct sim *sim, struct stored_card *stored, uint64_t now_us)
{
    assert(sim_has_card(sim) && !sim_has_beside(sim));
    if (sim->beside != NULL) {
        pn532_take_card(&sim->chip, store_card(sim->beside)); /* a cut took it */
    }
    sim->beside = stored;
    pn532_place_card(&sim->chip, store_card(stored));
    answer_what_waits(sim, now_us);
}

void sim_remove(struct sim *sim)
{
    pn532_take(&sim->chip);
    sim->beside = NULL;
}

/* When the first goes, the second is the one that lies there. */
void sim_remove_card(struct sim *sim, struct stored_card *stored)
{
    pn532_take_card(&sim->chip, store_card(stored));
    if (stored == sim->placed && sim_has_beside(sim)) {
        sim->placed = sim->beside;
        sim->beside = NULL;
    } else if (stored == sim->beside) {
        sim->beside = NULL;
    }
}

void sim_plan_cut(struct sim *sim, struct classic_cut cut)
{
    sim->plan.when = CLASSIC_CUT_NEVER;
    if (sim_has_card(sim)) {
        plan_on_card(sim, store_card(sim->placed), cut);
        return;
    }
    if (sim->placed != NULL) {
        card_plan_cut(store_card(sim->placed), (struct classic_cut){.when = CLASSIC_CUT_NEVER});
    }
    sim->cut_card = (struct card){.kind = CARD_NONE};
    sim->plan = cut;
}

bool sim_cut_is_done(const struct sim *sim)
{
    return sim->cut_card.kind != CARD_NONE && card_cuts_taken(sim->cut_card) != sim->cuts_before;
}

bool sim_cut_is_planned(const struct sim *sim)
{
    return sim->plan.when != CLASSIC_CUT_NEVER || card_has_plan(sim->cut_card);
}

void sim_unplug(struct sim *sim)
{
    line_unplug(&sim->line);
    pn532_reset(&sim->chip);
    sim->answer.count = 0;
    sim->late.count = 0;
    sim->give_up_at_us = 0;
    sim->quiet_at_us = 0;
}

const char *sim_plug(struct sim *sim)
{
    return line_plug(&sim->line, sim->link);
}
