/* One card's place is taken by another: duplicates (two halves at one terminal), and replacements
 * of lost cards (the second half alone), as terminals say it. lost.h has what follows. */
#include <inttypes.h>
#include <string.h>

#include "server/actions_priv.h"
#include "server/duplicates_priv.h"
#include "server/hotlist.h"

/* --- cases ----------------------------------------------------------------------------------- */

static enum st say_odd(struct ledger *ledger, const struct item *item, const char *what)
{
    const struct entry_intent *intent = &item->entry.intent;
    return case_open(ledger, "duplicate", item, intent->card_number, intent->after.counter,
                     "Card %016" PRIu64 " has a half of a duplicate (entry %u of terminal %u): %s.",
                     intent->card_number, item->entry.sequence, item->entry.terminal, what);
}

/* The new card is another member's: ST_REFUSED becomes a case. */
static enum st say_member(struct ledger *ledger, const struct item *item, uint64_t old,
                          uint64_t card, enum st st, const struct fault *fault)
{
    return st == ST_REFUSED
               ? case_open(ledger, "member", item, card, 0,
                           "Card %016" PRIu64 " takes the place of card %016" PRIu64 ": %s", card,
                           old, fault->say)
               : st;
}

enum st duplicates_say_gone(struct ledger *ledger, const struct item *item, uint64_t old,
                            uint64_t card, int64_t count)
{
    return count == 0 ? ST_OK
                      : case_open(ledger, "mistaken", item, card, 1,
                                  "Card %016" PRIu64 " did not take the place of card %016" PRIu64
                                  ", as the club took it: %" PRId64
                                  " actions that were for that card it has got, or they are "
                                  "withdrawn. Give them again.",
                                  card, old, count);
}

/* --- both halves of a duplicate ------------------------------------------------------------- */

/* A person had given it to another card, for this one had not been heard of: what that one has not
 * taken yet is withdrawn, and this one is refused until somebody has looked. */
static enum st refuse_given(struct ledger *ledger, const struct item *item, const struct pair *pair,
                            uint64_t card)
{
    uint64_t to = 0;
    enum st st = duplicates_take_back(ledger->actions, pair);
    if (st == ST_OK) {
        st = card_successor(ledger->db, pair->old, &to);
    }
    if (st == ST_OK) {
        st = hotlist_refuse_within(ledger->db, card, LISTING_BLOCKED, ledger->now_s);
    }
    return st == ST_OK ? case_open(ledger, "duplicate", item, card, 1,
                                   "Card %016" PRIu64 " has what left card %016" PRIu64
                                   " at terminal %u, which the club has given to card %016" PRIu64
                                   ": it is refused from now on, and what that one has not taken "
                                   "is withdrawn.",
                                   card, pair->old, pair->terminal, to)
                       : st;
}

/* Both halves are posted, and the second one's entry, or a person, says that they are one. */
static enum st join(struct ledger *ledger, const struct item *item, struct pair *pair,
                    uint64_t card, uint32_t in_sequence, enum pair_how how)
{
    enum place place = PLACE_FREE;
    bool is_given = false;
    struct fault fault = {""};
    enum st st = pair_join(ledger->db, pair, card, in_sequence, how, item->entry.time_s, &fault);
    st = say_member(ledger, item, pair->old, card, st, &fault);
    if (st == ST_OK) {
        st = successor_place(ledger->db, pair->old, card, &place);
    }
    if (st == ST_OK) {
        st = duplicates_given(ledger->actions, pair, &is_given);
    }
    if (st == ST_OK && is_given) {
        return refuse_given(ledger, item, pair, card);
    }
    return st != ST_OK || place == PLACE_SAME
               ? st
               : say_odd(ledger, item,
                         place == PLACE_RING ? "the old card had taken the new one's place"
                                             : "another card has taken the old one's place");
}

static enum st put_second(struct ledger *ledger, const struct item *item, struct pair *pair)
{
    const struct entry_intent *intent = &item->entry.intent;
    snapshot_balances(&intent->after, pair->in);
    if (!pair->is_out) {
        pair->card = intent->card_number;
        pair->in_sequence = item->entry.sequence;
        return pair_put(ledger->db, pair);
    }
    return memcmp(pair->out, pair->in, sizeof pair->out) != 0
               ? say_odd(ledger, item, "what came to the new card is not what left the old one")
               : join(ledger, item, pair, intent->card_number, item->entry.sequence, PAIR_JOURNAL);
}

/* `first` and `old`: the first half, and whose it was, by this one's own entry. */
static enum st post_in(struct ledger *ledger, const struct item *item, uint32_t first, uint64_t old)
{
    struct pair pair;
    int64_t gone = 0;
    enum st st = pair_get(ledger->db, item->entry.terminal, first, &pair);
    if (st == ST_OK && pair.how != PAIR_JOURNAL && pair.in_sequence != item->entry.sequence) {
        const uint64_t taken = pair.card;
        st = pair_part(ledger->actions, &pair, &gone);
        st = st == ST_OK ? duplicates_say_gone(ledger, item, pair.old, taken, gone) : st;
    }
    if (st != ST_OK) {
        return st;
    }
    if (pair.card != 0 && pair.in_sequence != item->entry.sequence) {
        return say_odd(ledger, item, "another card has it already");
    }
    if (pair.is_there && pair.old != old) {
        return say_odd(ledger, item, "it left another card");
    }
    pair.old = old;
    return put_second(ledger, item, &pair);
}

/* A person had said that a card is in this one's place, before it was known that it went there
 * whole: what was booked for a lost card is taken back. */
static enum st join_named(struct ledger *ledger, const struct item *item, struct pair *pair)
{
    struct replacement named;
    int64_t gone = 0;
    enum st st = replacement_named(ledger->db, pair->old, &named);
    if (st != ST_OK || !named.is_there || named.terminal != pair->terminal ||
        named.sequence <= pair->sequence || memcmp(named.part, pair->out, sizeof named.part) != 0) {
        return st;
    }
    st = lost_unname(ledger->actions, &named, pair->old, ledger->now_s, &gone);
    return st == ST_OK ? join(ledger, item, pair, named.card, named.sequence, PAIR_NAMED) : st;
}

static enum st post_out(struct ledger *ledger, const struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    struct pair pair;
    enum st st = pair_get(ledger->db, item->entry.terminal, item->entry.sequence, &pair);
    if (st == ST_OK && pair.is_there && pair.old != intent->card_number) {
        return say_odd(ledger, item, "it left another card");
    }
    pair.is_out = true;
    pair.old = intent->card_number;
    pair.at_s = intent->after.last.minute == 0 ? 0 : item->entry.time_s;
    if (intent->has_before) {
        snapshot_balances(&intent->before, pair.out);
        pair.look = pair_look(&intent->before);
    }
    if (st == ST_OK && pair.card != 0 && memcmp(pair.out, pair.in, sizeof pair.out) != 0) {
        return say_odd(ledger, item, "what came to the new card is not what left the old one");
    }
    if (st == ST_OK && pair.card != 0) {
        return join(ledger, item, &pair, pair.card, pair.in_sequence, pair.how);
    }
    if (st == ST_OK) {
        st = pair_put(ledger->db, &pair);
    }
    return st == ST_OK ? join_named(ledger, item, &pair) : st;
}

/* --- replacements --------------------------------------------------------------------------- */

/* `old` 0: read off the card, which does not tell. */
static enum st note_new(struct ledger *ledger, const struct item *item, uint64_t old,
                        bool is_second)
{
    const struct snapshot *after = &item->entry.intent.after;
    struct replacement replacement = {.card = item->entry.intent.card_number,
                                      .old = old,
                                      .terminal = item->entry.terminal,
                                      .sequence = item->entry.sequence,
                                      .at = item->entry.time_s,
                                      .is_second = is_second,
                                      .look = pair_look(after)};
    snapshot_balances(after, replacement.part);
    return replacement_put(ledger->db, &replacement);
}

/* The second card for one lost card, or one for a card that is in its own place: it carries what it
 * was given, and is refused from now on. */
static enum st second(struct ledger *ledger, const struct item *item, uint64_t old, uint64_t first)
{
    const struct entry_intent *intent = &item->entry.intent;
    enum st st =
        hotlist_refuse_within(ledger->db, intent->card_number, LISTING_BLOCKED, ledger->now_s);
    if (st == ST_OK && first == old) {
        return case_open(ledger, "replaced", item, intent->card_number, 1,
                         "Card %016" PRIu64 " was made at terminal %u in place of card %016" PRIu64
                         ", which is said to be in its own place: it is refused from now on.",
                         intent->card_number, item->entry.terminal, old);
    }
    return st == ST_OK ? case_open(ledger, "replaced", item, intent->card_number, 1,
                                   "Card %016" PRIu64 " was made at terminal %u in place of card "
                                   "%016" PRIu64 ", which card %016" PRIu64
                                   " had replaced: it is refused from now on.",
                                   intent->card_number, item->entry.terminal, old, first)
                       : st;
}

static enum st replace(struct ledger *ledger, const struct item *item, uint64_t old)
{
    const uint64_t card = item->entry.intent.card_number;
    int64_t part[CARD_BOOKS];
    enum place place = PLACE_FREE;
    uint64_t now = 0;
    struct fault fault = {""};
    enum st st = successor_place(ledger->db, old, card, &place);
    const bool is_second = place == PLACE_TAKEN || place == PLACE_RING;
    snapshot_balances(&item->entry.intent.after, part);
    if (st == ST_OK) {
        st = card_successor(ledger->db, old, &now);
    }
    if (st == ST_OK) {
        st = note_new(ledger, item, old, is_second);
    }
    if (st != ST_OK || is_second) {
        return st == ST_OK ? second(ledger, item, old, now) : st;
    }
    ledger->has_lost = true;
    st = lost_replaced(ledger->db, old, card, part, item->entry.terminal, item->entry.sequence,
                       ledger->now_s);
    if (st == ST_OK && place == PLACE_FREE) {
        st = successor_follow(ledger->db, old, card, false, item->entry.time_s, &fault);
        st = say_member(ledger, item, old, card, st, &fault);
    }
    return st;
}

/* --- posting -------------------------------------------------------------------------------- */

bool duplicates_is_replacement(const struct entry_intent *intent)
{
    const struct peer *peer = &intent->occasion.peer;
    return intent->after.last.kind == TRANSACTION_DUPLICATE && peer->direction == PEER_IN &&
           peer->sequence == 0;
}

enum st duplicates_post(struct ledger *ledger, const struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    const struct peer *peer = &intent->occasion.peer;
    ledger->has_pairs = ledger->has_pairs || ledger->is_rebuilding;
    if (intent->after.last.flags == TRANSFER_OUT) {
        return post_out(ledger, item);
    }
    if (peer->direction != PEER_IN) {
        return note_new(ledger, item, 0, false); /* duplicates_tell() looks for the other half */
    }
    if (duplicates_is_replacement(intent)) {
        return replace(ledger, item, peer->card_number);
    }
    return peer->terminal == item->entry.terminal
               ? post_in(ledger, item, peer->sequence, peer->card_number)
               : say_odd(ledger, item, "its first half is said to be another terminal's");
}

/* It was read off the card, and joined with a half that its own entry does not name. */
static enum st unguess(struct ledger *ledger, const struct item *item, int64_t *ret_gone,
                       uint64_t *ret_old)
{
    const struct peer *peer = &item->entry.intent.occasion.peer;
    struct pair pair;
    const enum st st = pair_with(ledger->db, item->entry.intent.card_number, &pair);
    *ret_old = pair.old;
    return st == ST_OK && pair.is_there && pair.how != PAIR_JOURNAL &&
                   (pair.old != peer->card_number || pair.sequence != peer->sequence)
               ? pair_part(ledger->actions, &pair, ret_gone)
               : st;
}

enum st duplicates_undo(struct ledger *ledger, const struct item *item)
{
    const struct entry_intent *intent = &item->entry.intent;
    struct replacement noted;
    int64_t gone = 0;
    uint64_t old = 0;
    if (intent->after.last.flags == TRANSFER_OUT) {
        return ST_OK; /* the same entry says the same again */
    }
    enum st st = replacement_get(ledger->db, intent->card_number, &noted);
    if (st != ST_OK || !noted.is_there) {
        return st;
    }
    old = noted.old;
    if (old != 0) {
        ledger->has_lost = true;
        st = lost_unname(ledger->actions, &noted, intent->occasion.peer.card_number, ledger->now_s,
                         &gone);
    } else {
        st = unguess(ledger, item, &gone, &old);
    }
    if (st == ST_OK) {
        st = duplicates_say_gone(ledger, item, old, intent->card_number, gone);
    }
    return st == ST_OK ? replacement_drop(ledger->db, intent->card_number) : st;
}
