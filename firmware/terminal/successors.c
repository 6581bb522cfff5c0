#include "firmware/terminal/successors.h"

#include <inttypes.h>

#include "firmware/engine/listing.h"
#include "storage/lost.h"

/* --- is it refused? --------------------------------------------------------------------------- */

/* The list in force is by a club that had the report: that counts from then on, also when the card
 * is not on it any more. A list that was taken in after the report need not be: it may have been
 * asked for before. */
static enum st is_told(struct store *store, const struct hotcheck *hotcheck,
                       const struct lost_report *report, bool *ret)
{
    *ret = false;
    return hotcheck->hotlist == NULL
               ? ST_OK
               : lost_is_in_list(store, report, hotcheck->head.version, hotcheck->head.mark, ret);
}

enum st successors_listing(struct store *store, struct hotcheck *hotcheck, uint64_t card,
                           uint8_t *ret)
{
    struct lost_report report;
    bool is_over = false;
    *ret = hotcheck_find(hotcheck, card);
    if (*ret != LISTING_NONE) {
        return ST_OK;
    }
    enum st st = lost_reported(store, card, &report);
    if (st == ST_REFUSED || (st == ST_OK && !report.is_lost)) {
        return ST_OK;
    }
    if (st == ST_OK) {
        st = is_told(store, hotcheck, &report, &is_over);
    }
    if (st == ST_OK && !is_over) {
        *ret = LISTING_LOST;
    }
    return st;
}

/* --- may a card take its place? --------------------------------------------------------------- */

enum st successors_find(struct store *store, uint64_t card, uint64_t *ret_number)
{
    struct entry successor;
    const enum st st = lost_successor(store, card, &successor);
    *ret_number = st == ST_OK ? successor.intent.card_number : 0;
    return st == ST_REFUSED ? ST_OK : st;
}

/* The card that it left shows just this intent as its last one, for ever: it is closed. */
static enum st has_left(struct store *store, const struct peer *peer, bool *ret)
{
    struct snapshot seen;
    const enum st st = cards_seen(store, peer->card_number, &seen);
    *ret = st == ST_OK && seen.status == CARD_CLOSED && seen.last.terminal == peer->terminal &&
           seen.last.sequence == peer->sequence;
    return st == ST_REFUSED ? ST_OK : st;
}

static void say_taken(struct store *store, uint64_t card, const struct entry *successor,
                      struct fault *ret_why)
{
    const uint64_t number = successor->intent.card_number;
    struct entry pending;
    const bool is_doubted = journal_pending(store, number, &pending) == ST_OK;
    if (is_doubted) {
        fault_say(ret_why,
                  "Card *%04" PRIu64 " may be in the place of card *%04" PRIu64 " already: hold "
                  "that one once more. If it is gone for good: vafa-till report-lost %016" PRIu64
                  ", then replace it.",
                  number % 10000, card % 10000, number);
        return;
    }
    fault_say(ret_why, "Card *%04" PRIu64 " is in the place of card *%04" PRIu64 " already.",
              number % 10000, card % 10000);
}

enum st successors_look(struct store *store, const struct wish *wish, struct fault *ret_why)
{
    const struct peer *peer = &wish->peer;
    struct entry successor;
    bool is_ready = true;
    *ret_why = (struct fault){""};
    if (wish->kind != TRANSACTION_DUPLICATE || peer->direction != PEER_IN) {
        return ST_OK;
    }
    enum st st = lost_successor(store, peer->card_number, &successor);
    if (st == ST_OK) {
        say_taken(store, peer->card_number, &successor, ret_why);
        return ST_OK;
    }
    st = st == ST_REFUSED ? ST_OK : st;
    if (st == ST_OK && peer->sequence != 0) {
        st = has_left(store, peer, &is_ready);
    }
    if (st == ST_OK && !is_ready) {
        fault_say(ret_why,
                  "It is not known that everything has left card *%04" PRIu64
                  ": hold that one once more first (vafa-till duplicate).",
                  peer->card_number % 10000);
    }
    return st;
}

/* --- the second half -------------------------------------------------------------------------- */

static void take_from(const struct entry *out, struct tap_request *tap)
{
    const struct entry_intent *intent = &out->intent;
    const struct occasion *occasion = &intent->occasion;
    tap->wish = (struct wish){.kind = TRANSACTION_DUPLICATE,
                              .amount = intent->parts.payment,
                              .gift = intent->parts.gift,
                              .voucher = intent->parts.voucher,
                              .peer = {.direction = PEER_IN,
                                       .card_number = intent->card_number,
                                       .terminal = out->terminal,
                                       .sequence = out->sequence},
                              .inherits = {.points = intent->parts.award,
                                           .tier = intent->after.tier,
                                           .group = intent->after.group,
                                           .stamps = intent->after.stamps}};
    tap->identity = (struct card_identity){.kind = occasion->kind,
                                           .birthday = occasion->birthday,
                                           .wedding = occasion->wedding,
                                           .expires = occasion->expires};
    tap->legacy = (struct tap_legacy){
        .has_facts = occasion->has_facts, .facts = occasion->facts, .account = occasion->account};
    tap->legacy.facts.counter = occasion->has_facts ? 1 : 0;
}

enum st successors_prepare(struct store *store, uint32_t sequence, struct tap_request *tap,
                           struct fault *ret_why)
{
    struct entry out;
    const enum st st = journal_find(store, sequence, &out);
    if (st == ST_REFUSED || (st == ST_OK && (out.kind != ENTRY_INTENT ||
                                             out.intent.after.last.kind != TRANSACTION_DUPLICATE ||
                                             out.intent.occasion.peer.direction != PEER_OUT))) {
        fault_say(ret_why,
                  "Entry %" PRIu32 " of this terminal moved no card: look for the number in the "
                  "answer of the first half.",
                  sequence);
        return ST_REFUSED;
    }
    if (st != ST_OK) {
        *ret_why = *store_fault(store);
        return st;
    }
    take_from(&out, tap);
    return ST_OK;
}
