#include "firmware/terminal/lostcard.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "firmware/engine/explain_text.h"
#include "firmware/engine/listing.h"
#include "firmware/terminal/successors.h"
#include "storage/lost.h"

static enum st say_store(const struct members *members, enum st st, struct fault *say)
{
    *say = *store_fault(members->store);
    return st;
}

/* --- what speaks against it ---------------------------------------------------------------------
 */

static enum st refuse_replaced(uint64_t card, uint64_t by, struct fault *say)
{
    char successor[32] = "another card";
    if (by != 0) {
        (void)snprintf(successor, sizeof successor, "card *%04" PRIu64, by % 10000);
    }
    fault_say(say, "Card *%04" PRIu64 " was replaced: %s is in its place. Nothing was changed.",
              card % 10000, successor);
    return ST_REFUSED;
}

/* ST_REFUSED: another card is in its place, as far as this terminal knows. `is_pending_fine`: one
 * that is in doubt here does not count, as the same request settles it. */
static enum st check_in_place(const struct members *members, uint64_t card, struct fault *say)
{
    struct club_vouch vouch;
    struct snapshot seen;
    uint64_t by = 0;
    enum st st = successors_find(members->store, card, &by);
    if (st == ST_OK && by != 0) {
        return refuse_replaced(card, by, say);
    }
    if (st == ST_OK && terminal_listing(members->terminal, card) == LISTING_REPLACED) {
        return refuse_replaced(card, 0, say);
    }
    if (st == ST_OK) {
        st = lost_find(members->store, card, &vouch);
        if (st == ST_OK && vouch.replaced_by != 0) {
            return refuse_replaced(card, vouch.replaced_by, say);
        }
        st = st == ST_REFUSED ? ST_OK : st;
    }
    if (st == ST_OK) {
        st = cards_seen(members->store, card, &seen);
        if (st == ST_OK && seen.status == CARD_CLOSED) {
            return refuse_replaced(card, 0, say);
        }
        st = st == ST_REFUSED ? ST_OK : st;
    }
    return st == ST_OK ? ST_OK : say_store(members, st, say);
}

static enum st check_exists(const struct members *members, uint64_t card, struct fault *say)
{
    enum number_state state;
    uint64_t next = 0;
    if (terminal_standing(members->terminal)->terminal == 0) {
        fault_say(say, "This terminal is not enrolled: ask the club for a code and run vafa-sync "
                       "enrol.");
        return ST_REFUSED;
    }
    const enum st st = members_number(members, card, &state, &next);
    if (st != ST_OK) {
        return say_store(members, st, say);
    }
    if (state == NUMBER_FREE || state == NUMBER_BURNED) {
        fault_say(say,
                  "No card has the number %016" PRIu64 ": read it again, or find the card by the "
                  "member's code or phone.",
                  card);
        return ST_REFUSED;
    }
    return ST_OK;
}

/* --- reports ------------------------------------------------------------------------------------
 */

static enum st append_report(const struct members *members, const struct lost_named *named,
                             enum report_event event, struct lost_answer *ret, struct fault *say)
{
    struct entry entry = {.kind = ENTRY_REPORT,
                          .operator_no = named->operator_no,
                          .report = {.card_number = named->card_number,
                                     .event = (uint8_t)event,
                                     .how = (uint8_t)named->how}};
    const enum st st = terminal_append(members->terminal, &entry, say);
    ret->sequence = st == ST_OK ? entry.sequence : 0;
    return st;
}

/* Whether the newest word here is that it is lost. */
static enum st is_reported(const struct members *members, uint64_t card, bool *ret)
{
    struct lost_report report;
    const enum st st = lost_reported(members->store, card, &report);
    *ret = st == ST_OK && report.is_lost;
    return st == ST_REFUSED ? ST_OK : st;
}

/* A new card whose making is in doubt and that never comes back: nobody will know whether it
 * carries what it should. So it is taken to carry it, and refused for ever: then what replaces it
 * is never given twice, whatever the card carries. */
static enum st give_up_making(const struct members *members, const struct lost_named *named,
                              struct fault *say)
{
    struct entry intent;
    const enum st st = journal_pending(members->store, named->card_number, &intent);
    if (st != ST_OK || intent.intent.has_before) {
        return st == ST_OK || st == ST_REFUSED ? ST_OK : say_store(members, st, say);
    }
    struct entry outcome = {.kind = ENTRY_OUTCOME,
                            .operator_no = named->operator_no,
                            .outcome = {.intent_sequence = intent.sequence,
                                        .verdict = VERDICT_DONE,
                                        .evidence = EVIDENCE_LOST,
                                        .card_number = named->card_number,
                                        .counter = intent.intent.after.counter}};
    return terminal_append(members->terminal, &outcome, say);
}

static enum st report_lost(const struct members *members, const struct lost_named *named,
                           struct lost_answer *ret, struct fault *say)
{
    enum st st = is_reported(members, named->card_number, &ret->is_earlier);
    if (st != ST_OK) {
        return say_store(members, st, say);
    }
    if (!ret->is_earlier) {
        st = append_report(members, named, REPORT_LOST, ret, say);
    }
    if (st == ST_OK) { /* once it is refused */
        st = give_up_making(members, named, say);
    }
    if (st == ST_OK) {
        fault_say(say,
                  "Card *%04" PRIu64 " is reported lost%s: it is refused here, and everywhere when "
                  "the club has told the terminals. vafa-till replace gives another one.",
                  named->card_number % 10000, ret->is_earlier ? " already" : "");
    }
    return st;
}

/* When it was last seen here. */
static bool is_blocked(const struct members *members, uint64_t card)
{
    struct snapshot seen;
    return cards_seen(members->store, card, &seen) == ST_OK && seen.status == CARD_BLOCKED;
}

static enum st report_found(const struct members *members, const struct lost_named *named,
                            struct lost_answer *ret, struct fault *say)
{
    const uint64_t card = named->card_number;
    const uint8_t listing = terminal_listing(members->terminal, card);
    bool is_lost = false;
    enum st st = is_reported(members, card, &is_lost);
    if (st != ST_OK) {
        return say_store(members, st, say);
    }
    if (listing != LISTING_NONE && listing != LISTING_LOST) {
        fault_say(say, "The club refuses card *%04" PRIu64 " (%s): keep it back and call the club.",
                  card % 10000, listing_word(listing));
        return ST_REFUSED;
    }
    if (!is_lost && listing == LISTING_NONE) {
        fault_say(say, "Nobody has said that card *%04" PRIu64 " is lost: nothing to take back.",
                  card % 10000);
        return ST_REFUSED;
    }
    st = append_report(members, named, REPORT_FOUND, ret, say);
    if (st == ST_OK && is_blocked(members, card)) {
        fault_say(say,
                  "Card *%04" PRIu64 " was found. It was blocked meanwhile: the club frees it (an "
                  "action unblock), at a tap after the next sync.",
                  card % 10000);
    } else if (st == ST_OK) {
        fault_say(
            say, "Card *%04" PRIu64 " was found: %s", card % 10000,
            terminal_listing(members->terminal, card) == LISTING_NONE
                ? "it is taken here again, and elsewhere when the club has told the terminals."
                : "the club takes it off its list; until then it is refused here, too.");
    }
    return st;
}

enum st lostcard_report(const struct members *members, const struct lost_named *named,
                        enum report_event event, struct lost_answer *ret, struct fault *say)
{
    *ret = (struct lost_answer){.card_number = named->card_number};
    enum st st = check_exists(members, named->card_number, say);
    if (st == ST_OK) {
        st = check_in_place(members, named->card_number, say);
    }
    if (st != ST_OK) {
        return st;
    }
    return event == REPORT_LOST ? report_lost(members, named, ret, say)
                                : report_found(members, named, ret, say);
}

/* --- what is known ------------------------------------------------------------------------------
 */

static void know_vouch(const struct club_vouch *vouch, bool is_list_old, struct lost_card *ret)
{
    *ret =
        (struct lost_card){.source = vouch->is_settled && !is_list_old ? LOST_SETTLED : LOST_TOLD,
                           .as_of_s = vouch->as_of_s,
                           .tier = vouch->tier,
                           .group = vouch->group,
                           .points = {vouch->points},
                           .purse = {[PURSE_CREDIT] = {vouch->credit},
                                     [PURSE_GIFT] = {vouch->gift},
                                     [PURSE_VOUCHER] = {vouch->voucher}}};
}

static void know_seen(const struct snapshot *seen, int64_t seen_s, struct lost_card *ret)
{
    *ret = (struct lost_card){.source = LOST_SEEN,
                              .as_of_s = seen_s,
                              .tier = seen->tier,
                              .group = seen->group,
                              .points = seen->points};
    memcpy(ret->purse, seen->purse, sizeof ret->purse);
}

/* *ret_vouch is all zeros when the club has said nothing. */
static enum st know(const struct members *members, uint64_t card, struct club_vouch *ret_vouch,
                    struct lost_card *ret)
{
    struct snapshot seen;
    int64_t seen_s = 0;
    *ret = (struct lost_card){.source = LOST_UNKNOWN};
    *ret_vouch = (struct club_vouch){.card_number = card};
    enum st st = lost_find(members->store, card, ret_vouch);
    if (st == ST_OK && ret_vouch->status != 0) {
        know_vouch(ret_vouch, terminal_list_is_old(members->terminal), ret);
        return ST_OK;
    }
    if (st == ST_OK || st == ST_REFUSED) {
        st = cards_seen_at(members->store, card, &seen, &seen_s);
        if (st == ST_OK) {
            know_seen(&seen, seen_s, ret);
        }
    }
    return st == ST_REFUSED ? ST_OK : st;
}

static void say_share(const struct programme *programme, const struct lost_answer *answer,
                      bool is_bare, struct fault *say)
{
    const struct replacement *share = &answer->share;
    const struct money sum = {share->loss.rials + share->of_points.rials};
    char credit[EXPLAIN_AMOUNT_MAX], loss[EXPLAIN_AMOUNT_MAX];
    explain_money(programme, EXPLAIN_EN, share->purse[PURSE_CREDIT], credit);
    explain_money(programme, EXPLAIN_EN, sum, loss);
    if (answer->known.source == LOST_SETTLED && !is_bare) {
        fault_say(say,
                  "Onto the new card goes all, %s of credit and %" PRId64
                  " points: the club vouches for it. Confirm it.",
                  credit, share->inherits.points.n);
        return;
    }
    fault_say(say,
              "Onto the new card now: %s, %" PRId64 " points. The club may lose %s by that, spent "
              "on both cards. Confirm it.",
              credit, share->inherits.points.n, loss);
}

static enum st weigh(const struct members *members, const struct lost_named *named,
                     struct club_vouch *ret_vouch, struct lost_answer *ret, struct fault *say)
{
    const struct programme *programme = terminal_standing(members->terminal)->programme;
    *ret = (struct lost_answer){.card_number = named->card_number, .has_share = true};
    if (programme == NULL) {
        fault_say(say, "No programme is loaded: connect the terminal to the club first.");
        return ST_REFUSED;
    }
    const enum st st = know(members, named->card_number, ret_vouch, &ret->known);
    if (st != ST_OK) {
        return say_store(members, st, say);
    }
    replace_share(programme, &ret->known, &ret->share);
    if (named->is_bare) {
        const struct inheritance bare = {.tier = ret->known.tier, .group = ret->known.group};
        ret->share = (struct replacement){.inherits = bare};
    }
    return ST_OK;
}

/* Not while a tap could still tell. */
static enum st check_made(const struct members *members, uint64_t card, struct fault *say)
{
    struct entry intent;
    const enum st st = journal_pending(members->store, card, &intent);
    if (st != ST_OK || intent.intent.has_before) {
        return st == ST_OK || st == ST_REFUSED ? ST_OK : say_store(members, st, say);
    }
    fault_say(say,
              "It is not known whether card *%04" PRIu64 " was made: hold it once more. If it is "
              "gone for good, report it lost first (vafa-till report-lost %016" PRIu64 ").",
              card % 10000, card);
    return ST_REFUSED;
}

/* What the club keeps somebody from is not to be had again by losing the card. A clone's member is
 * helped by a replacement: that one is not refused. */
static enum st check_unreplaced(const struct members *members, uint64_t card, struct fault *say)
{
    const enum st st = check_made(members, card, say);
    if (st != ST_OK) {
        return st;
    }
    if (terminal_listing(members->terminal, card) != LISTING_BLOCKED) {
        return check_in_place(members, card, say);
    }
    fault_say(say,
              "Card *%04" PRIu64 " is blocked by the club: the club must unblock it first. Nothing "
              "was changed.",
              card % 10000);
    return ST_REFUSED;
}

enum st lostcard_weigh(const struct members *members, const struct lost_named *named,
                       struct lost_answer *ret, struct fault *say)
{
    struct club_vouch vouch;
    enum st st = check_exists(members, named->card_number, say);
    if (st == ST_OK) {
        st = check_unreplaced(members, named->card_number, say);
    }
    if (st == ST_OK) {
        st = weigh(members, named, &vouch, ret, say);
    }
    if (st == ST_OK) {
        say_share(terminal_standing(members->terminal)->programme, ret, named->is_bare, say);
    }
    return st;
}

/* --- the new card -------------------------------------------------------------------------------
 */

static bool is_joining(const struct joining *said)
{
    return said->particulars.national_code[0] != '\0' || said->particulars.phone[0] != '\0';
}

/* What the member says of what the card shows comes before what the old card showed. */
static void take_said(const struct card_identity *said, bool has_kind, struct card_identity *ret)
{
    ret->kind = has_kind ? said->kind : ret->kind;
    ret->birthday = said->birthday != 0 ? said->birthday : ret->birthday;
    ret->wedding = said->wedding != 0 ? said->wedding : ret->wedding;
    ret->expires = said->expires != 0 ? said->expires : ret->expires;
    if (said->name[0] != '\0') {
        memcpy(ret->name, said->name, sizeof ret->name);
    }
}

/* The member whose card it is going to be: of `account`, or a new one. */
static enum st attach(const struct members *members, uint64_t account, struct joining *said,
                      struct tap_request *tap, struct fault *say)
{
    struct tap_request spoken = {.what = TAP_ISSUE};
    struct entry_member entry;
    const bool has_kind = said->kind[0] != '\0';
    bool has_entry = false;
    said->account = is_joining(said) ? 0 : account;
    said->number = 0;
    const enum st st = members_prepare(members, said, &spoken, &entry, &has_entry, say);
    if (st != ST_OK) {
        return st;
    }
    take_said(&spoken.identity, has_kind, &tap->identity);
    if (has_entry) {
        terminal_attach_member(members->terminal, &entry);
    }
    return ST_OK;
}

static enum st refuse_joining(struct fault *say)
{
    fault_say(say, "Whose card it is stays as it is: leave national code and phone out.");
    return ST_REFUSED;
}

/* The first time that the card is replaced here, or the same once more, which may be in doubt. */
static enum st check_replaceable(const struct members *members, uint64_t card, struct fault *say)
{
    uint64_t by = 0;
    const enum st st = successors_find(members->store, card, &by);
    if (st != ST_OK) {
        return say_store(members, st, say);
    }
    return by != 0 ? ST_OK /* told when the card was read and its doubts are settled */
                   : check_unreplaced(members, card, say);
}

/* What the lost card says of itself: the club's word, else what this terminal knows. A last day
 * that nobody here knows comes by the club with what it bounds (docs/decisions/0016). */
static enum st know_particulars(const struct members *members, const struct club_vouch *vouch,
                                struct card_identity *ret, struct fault *say)
{
    struct action_particulars known = {.kind = vouch->kind,
                                       .birthday = vouch->birthday,
                                       .wedding = vouch->wedding,
                                       .expires = vouch->expires};
    enum st st = ST_OK;
    if (known.kind == 0 && known.birthday == 0 && known.wedding == 0 && known.expires == 0) {
        st = cards_particulars(members->store, vouch->card_number, &known);
    }
    *ret = (struct card_identity){.kind = known.kind,
                                  .birthday = known.birthday,
                                  .wedding = known.wedding,
                                  .expires = known.expires};
    return st == ST_OK || st == ST_REFUSED ? ST_OK : say_store(members, st, say);
}

enum st lostcard_replace(const struct members *members, const struct lost_named *named,
                         struct joining *said, struct tap_request *tap, struct lost_answer *ret,
                         struct fault *say)
{
    const uint64_t card = named->card_number;
    struct club_vouch vouch = {.card_number = card};
    bool is_lost = false;
    enum st st = is_joining(said) ? refuse_joining(say) : check_exists(members, card, say);
    if (st == ST_OK) {
        st = check_replaceable(members, card, say);
    }
    if (st == ST_OK) { /* before the report, which the club answers anew */
        st = weigh(members, named, &vouch, ret, say);
    }
    if (st == ST_OK) {
        st = know_particulars(members, &vouch, &tap->identity, say);
    }
    if (st == ST_OK) {
        st = is_reported(members, card, &is_lost);
        st = st == ST_OK ? ST_OK : say_store(members, st, say);
    }
    if (st == ST_OK && !is_lost) {
        st = append_report(members, named, REPORT_LOST, ret, say);
    }
    if (st != ST_OK) {
        return st;
    }
    const struct replacement *share = &ret->share;
    tap->what = TAP_TAKE_OVER;
    tap->wish = (struct wish){.kind = TRANSACTION_DUPLICATE,
                              .amount = share->purse[PURSE_CREDIT],
                              .gift = share->purse[PURSE_GIFT],
                              .voucher = share->purse[PURSE_VOUCHER],
                              .peer = {.direction = PEER_IN, .card_number = card},
                              .inherits = share->inherits};
    /* Without the club's word the lost card's number stands for its member. */
    tap->legacy = (struct tap_legacy){.account = vouch.account != 0 ? vouch.account : card};
    return attach(members, tap->legacy.account, said, tap, say);
}

enum st lostcard_duplicate(const struct members *members, uint32_t sequence, const char *name,
                           struct joining *said, struct tap_request *tap, struct fault *say)
{
    const enum st st = successors_prepare(members->store, sequence, tap, say);
    if (st != ST_OK) {
        return st;
    }
    const uint64_t old = tap->wish.peer.card_number;
    if (is_joining(said) && tap->legacy.account != 0 && tap->legacy.account != old) {
        return refuse_joining(say); /* it was a member's already */
    }
    tap->what = TAP_TAKE_OVER;
    (void)snprintf(tap->identity.name, sizeof tap->identity.name, "%s", name);
    return attach(members, tap->legacy.account != 0 ? tap->legacy.account : old, said, tap, say);
}
