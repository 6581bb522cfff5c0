#include "firmware/engine/media.h"
#include "firmware/terminal/tap_priv.h"

void tap_add_legacy(struct occasion *occasion, const struct tap_request *request)
{
    if (request->what == TAP_DUPLICATE) {
        occasion->peer = request->wish.peer;
    }
    if (request->what != TAP_TAKE_OVER) {
        return;
    }
    occasion->peer = request->wish.peer;
    occasion->account = request->legacy.account;
    occasion->has_facts = request->legacy.has_facts;
    occasion->facts = request->legacy.facts;
}

/* A card carries the account as the member's number: its payload, counted from the club's first.
 * Cards of other numbers carry none. */
uint64_t tap_account_of(const struct card_identity *identity)
{
    static const struct media_range own = MEDIA_RANGE_CLUB;
    const uint64_t payload = own.first + identity->member;
    const bool is_of_range = media_number_is_own(identity->number, &own);
    return is_of_range && payload <= own.last ? card_number_make(payload) : 0;
}

bool tap_has_left(const struct tap *tap)
{
    const struct snapshot *card = &tap->view.snapshot;
    return card->status == CARD_CLOSED && card->last.kind == TRANSACTION_DUPLICATE &&
           card->last.terminal == tap->look.terminal;
}
