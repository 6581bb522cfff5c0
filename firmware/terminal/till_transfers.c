#include "firmware/terminal/till_transfers.h"

#include <assert.h>
#include <inttypes.h>

static void put(json_t *object, const char *name, json_t *value)
{
    const int rc = json_object_set_new(object, name, value);
    assert(rc == 0); /* out of memory: nothing sensible can be answered */
}

static json_t *waiting_object(const struct waiting *waiting)
{
    static const char *const states[] = {
        [WAITING_OPEN] = "open", [WAITING_IN_DOUBT] = "in_doubt", [WAITING_CLUB] = "club"};
    json_t *object = json_object();
    put(object, "sequence", json_integer(waiting->sequence));
    put(object, "since", json_integer(waiting->since_s));
    put(object, "amount", json_integer(waiting->amount.rials));
    put(object, "card", json_sprintf("%016" PRIu64, waiting->card_number));
    put(object, "state", json_string(states[waiting->state]));
    put(object, "what", json_string(waiting->is_card ? "card" : "transfer"));
    if (waiting->into != 0) {
        put(object, "into", json_sprintf("%016" PRIu64, waiting->into));
    }
    return object;
}

void till_put_waiting_sums(json_t *object, const struct waiting_sums *sums)
{
    put(object, "transfers", json_integer(sums->count));
    put(object, "transfers_amount", json_integer(sums->amount.rials));
    put(object, "transfers_oldest", json_integer(sums->oldest_s));
}

void till_put_waiting(json_t *object, const struct waiting_list *list)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const int rc = json_array_append_new(rows, waiting_object(&list->rows[i]));
        assert(rc == 0);
    }
    put(object, "waiting", rows);
    till_put_waiting_sums(object, &list->sums);
}

void till_put_handover(json_t *object, const struct handover *handover)
{
    put(object, "sequence", json_integer(handover->sequence));
    put(object, "amount", json_integer(handover->amount.rials));
    put(object, "to", json_sprintf("%016" PRIu64, handover->card_number));
    put(object, "entry", json_integer(handover->entry));
    if (handover->is_earlier) {
        put(object, "earlier", json_true());
    }
}
