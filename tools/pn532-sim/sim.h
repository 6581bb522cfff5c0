/* sim.h - the simulated reader as a whole: chip, line, cards, and what is still to be sent.
 *
 * Times are microseconds of one monotonic clock that the caller reads. One thread. */
#ifndef TOOLS_PN532_SIM_SIM_H
#define TOOLS_PN532_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pn532-sim/line.h"
#include "tools/pn532-sim/pn532.h"
#include "tools/pn532-sim/store.h"
#include "tools/pn532-sim/timing.h"

/* An answer on its way. */
struct sim_pending {
    uint8_t bytes[PN532_FRAME_MAX];
    size_t count; /* 0: none */
    uint64_t due_us;
};

struct sim {
    struct store store;
    struct line line;
    struct timing_log log;
    struct pn532 chip;
    const char *link;
    bool is_real_time;   /* answers take the modelled time */
    bool is_strict_baud; /* a host of another speed than the chip's is not understood */

    struct sim_pending answer;
    struct sim_pending late; /* by the fault `late`: no new command drops it */
    uint64_t give_up_at_us;  /* a waiting InAutoPoll ends; 0: none */
    uint64_t quiet_at_us;    /* an incomplete frame is forgotten; 0: none */

    struct stored_card *placed; /* last laid on the reader; a cut may have taken it away */
    struct stored_card *beside; /* the same of a second card; NULL: none yet */
    struct classic_cut plan;    /* for the next card laid; when = NEVER: none */
    struct card cut_card;       /* the card of the last plan, CARD_NONE: none yet */
    uint32_t cuts_before;       /* its cuts_taken when it was planned */
};

/* Loads the cards and opens the line. NULL, or a sentence for a person. */
const char *sim_open(struct sim *sim, const char *link, const char *cards);
void sim_close(struct sim *sim);

/* The line is readable. */
void sim_receive(struct sim *sim, uint64_t now_us);

/* Does what is due. Call it after each poll(). */
void sim_tick(struct sim *sim, uint64_t now_us);

/* How long poll() may sleep; -1 for ever. */
int sim_sleep_ms(const struct sim *sim, uint64_t now_us);

/* True when a card lies on the reader and no cut took it away. */
bool sim_has_card(const struct sim *sim);

/* Lays a card on the reader, which must be empty (sim_has_card). A plan made before goes with it;
 * a command that waits for a card gets its answer. */
void sim_insert(struct sim *sim, struct stored_card *stored, uint64_t now_us);
void sim_remove(struct sim *sim);

/* Lays a second card beside the one that is there (sim_has_card); takes that one of the two. */
bool sim_has_beside(const struct sim *sim);
void sim_insert_beside(struct sim *sim, struct stored_card *stored, uint64_t now_us);
void sim_remove_card(struct sim *sim, struct stored_card *stored);

/* Plans a cut of the card on the reader, or of the next one laid there. */
void sim_plan_cut(struct sim *sim, struct classic_cut cut);

/* True when the last plan has been carried out. */
bool sim_cut_is_done(const struct sim *sim);
bool sim_cut_is_planned(const struct sim *sim);

/* Pulls the reader's plug (the chip loses power), puts it in again. */
void sim_unplug(struct sim *sim);
const char *sim_plug(struct sim *sim);

#endif
