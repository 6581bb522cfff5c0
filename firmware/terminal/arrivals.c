#include "firmware/terminal/arrivals.h"

#include <inttypes.h>
#include <string.h>

#include "hal/signed.h"
#include "storage/actions.h"
#include "storage/rules.h"

_Static_assert((int)CLUB_ACTION_IMAGE_BYTES == (int)ACTION_BYTES &&
                   (int)CLUB_ACTION_SEAL_BYTES == (int)SIGNED_SEAL_BYTES,
               "the store keeps what is sealed, and the seal");

static bool is_sealed(const struct signed_key *key, const struct club_action *row)
{
    uint8_t message[ACTION_MESSAGE_BYTES];
    action_message(row->image, message);
    return key != NULL && signed_seal_fits(key, message, sizeof message, row->seal);
}

/* What is wrong with the row, as a sentence; the seal comes first, as without it nothing that the
 * image says is worth a word. */
static bool accept(const struct signed_key *key, const struct club_action *row, struct action *ret,
                   struct tap_waits *waits, uint8_t *ret_why)
{
    if (!is_sealed(key, row)) {
        waits->is_forged = true;
        *ret_why = REFUSED_SEAL;
        fault_say(&waits->say,
                  "Action %u of this card is not sealed by the club: it is left out. "
                  "Call the club.",
                  row->number);
        return false;
    }
    const enum st st = action_decode(row->image, ret);
    if (st == ST_OK && ret->card_number == row->card_number && ret->number == row->number) {
        return true;
    }
    if (st == ST_UNSUPPORTED) {
        *ret_why = REFUSED_UNKNOWN;
        fault_say(&waits->say,
                  "Action %u of this card is of a kind that this firmware does not "
                  "know: update the terminal.",
                  row->number);
        return false;
    }
    waits->is_forged = true; /* sealed, and put in another's place */
    *ret_why = REFUSED_PLACE;
    fault_say(&waits->say, "Action %u of this card is another's: it is left out. Call the club.",
              row->number);
    return false;
}

/* The row, for the club. */
static void note(const struct club_action *row, uint8_t why, struct entry_refused *ret)
{
    *ret =
        (struct entry_refused){.card_number = row->card_number, .number = row->number, .why = why};
    memcpy(ret->image, row->image, sizeof ret->image);
    memcpy(ret->seal, row->seal, sizeof ret->seal);
}

enum st arrivals_find(struct store *store, const struct card_view *view, struct tap_look *ret)
{
    struct club_action rows[ACTION_RUN_MAX];
    struct signed_key *key = NULL;
    struct fault fault;
    size_t count = 0;

    ret->action_count = 0;
    ret->waits = (struct tap_waits){.is_forged = false};
    ret->refused.why = 0;
    enum st st =
        actions_waiting(store, view->number, view->snapshot.action, rows, ACTION_RUN_MAX, &count);
    if (st != ST_OK || count == 0) {
        return st;
    }
    st = rules_key(store, &key, &fault);
    if (st != ST_OK && st != ST_FOREIGN) { /* a key that does not read seals nothing */
        return st;
    }
    uint8_t why = 0;
    while (ret->action_count < count &&
           accept(key, &rows[ret->action_count], &ret->actions[ret->action_count], &ret->waits,
                  &why)) {
        ret->action_count += 1;
    }
    if (why != 0) {
        note(&rows[ret->action_count], why, &ret->refused);
    }
    signed_key_free(key);
    return ST_OK;
}
