#include "firmware/terminal/witness.h"

#include <assert.h>
#include <string.h>

static struct witness_owed *find_owed(struct witness *witness, uint64_t number)
{
    for (size_t n = 0; n < WITNESS_OWED_MAX; n += 1) {
        if (number != 0 && witness->owed[n].number == number) {
            return &witness->owed[n];
        }
    }
    return NULL;
}

void witness_begin(struct witness *witness)
{
    witness->number = 0;
    witness->floor = 0;
}

void witness_look(struct witness *witness, uint64_t number, uint32_t seen)
{
    if (witness->number == number) {
        return;
    }
    const struct witness_owed *owed = find_owed(witness, number);
    witness->number = number;
    const bool is_owed = owed != NULL && owed->floor < seen;
    witness->floor = is_owed ? owed->floor : seen;
    witness->low = is_owed ? owed->low : 0;
    witness->high = is_owed ? owed->high : 0;
}

size_t witness_wants(const struct witness *witness, const struct snapshot *newest, uint32_t noted,
                     uint32_t terminal)
{
    /* Behind a transaction of our own lies one that our intent shows. */
    const bool is_own = newest->last.terminal == terminal;
    const uint32_t shown = is_own ? 2 : newest->counter <= noted ? 1 : 0;
    if (newest->counter <= witness->floor + shown) {
        return 0;
    }
    const uint32_t count = newest->counter - witness->floor;
    return count < CARD_HISTORY_MAX ? count : CARD_HISTORY_MAX;
}

size_t witness_make(const struct witness *witness, const struct card_view *view,
                    const struct snapshot *ring, size_t count, uint32_t noted, uint32_t terminal,
                    struct entry ret[CARD_HISTORY_MAX])
{
    size_t made = 0;
    assert(count <= CARD_HISTORY_MAX && view->uid_bytes <= ENTRY_UID_MAX);
    for (size_t i = count; i-- > 0;) {
        const bool is_ours =
            ring[i].last.terminal == terminal || (i > 0 && ring[i - 1].last.terminal == terminal);
        const bool is_noted = (witness->low != 0 && ring[i].counter >= witness->low &&
                               ring[i].counter <= witness->high) ||
                              (i == 0 && ring[0].counter <= noted);
        if (ring[i].counter <= witness->floor || is_ours || is_noted) {
            continue;
        }
        struct entry *entry = &ret[made++];
        *entry = (struct entry){.kind = ENTRY_SIGHTING,
                                .sighting = {.card_number = view->number,
                                             .family = (uint8_t)view->family,
                                             .uid_bytes = (uint8_t)view->uid_bytes,
                                             .shown = i == 0 ? SHOWN_NEWEST : SHOWN_OLDER,
                                             .snapshot = ring[i]}};
        memcpy(entry->sighting.uid, view->uid, view->uid_bytes);
    }
    return made;
}

void witness_end(struct witness *witness, bool is_whole, uint32_t low, uint32_t high)
{
    struct witness_owed *owed = find_owed(witness, witness->number);
    if (is_whole) {
        if (owed != NULL) {
            owed->number = 0;
        }
        return;
    }
    if (owed == NULL) {
        owed = &witness->owed[witness->owed_next];
        witness->owed_next = (witness->owed_next + 1) % WITNESS_OWED_MAX;
    }
    owed->number = witness->number;
    owed->floor = witness->floor;
    /* Of two pieces the newer one is remembered: the other may be noted twice, which is harmless.
     */
    owed->low = low != 0 ? low : witness->low;
    owed->high = low != 0 ? high : witness->high;
}
