#include "firmware/terminal/say.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "firmware/engine/explain_text.h"
#include "firmware/engine/listing.h"

const char *tap_reason_word(enum tap_reason reason)
{
    static const char *const words[] = {
        [TAP_REASON_NONE] = "",
        [TAP_REASON_REFUSED] = "refused",
        [TAP_REASON_NO_CARD] = "no_card",
        [TAP_REASON_BLANK] = "blank",
        [TAP_REASON_FOREIGN] = "foreign",
        [TAP_REASON_DAMAGED] = "damaged",
        [TAP_REASON_TAMPERED] = "tampered",
        [TAP_REASON_READER] = "reader",
        [TAP_REASON_DISK] = "disk",
        [TAP_REASON_BUSY] = "busy",
        [TAP_REASON_BAD_REQUEST] = "bad_request",
        [TAP_REASON_PROGRAMME] = "programme",
        [TAP_REASON_HOTLISTED] = "hotlisted",
        [TAP_REASON_MEDIUM] = "medium",
        [TAP_REASON_LIMIT] = "limit",
        [TAP_REASON_SIGN_IN] = "sign_in",
        [TAP_REASON_NOT_LINKED] = "not_linked",
        [TAP_REASON_CONFIRM] = "confirm",
    };
    return words[reason];
}

void say_reason(enum tap_reason reason, struct fault *ret_say)
{
    static const char *const sentences[] = {
        [TAP_REASON_NONE] = "",
        [TAP_REASON_REFUSED] = "This is not allowed on this card.",
        [TAP_REASON_NO_CARD] = "No card was held on the reader long enough: ask again.",
        [TAP_REASON_BLANK] = "This card is not issued, or its issue was cut: issue it.",
        [TAP_REASON_FOREIGN] = "This is not a member card of this club.",
        [TAP_REASON_DAMAGED] = "This card is damaged: replace it.",
        [TAP_REASON_TAMPERED] = "This card contradicts what this terminal has seen of it: keep "
                                "it back and call the club.",
        [TAP_REASON_READER] = "The card reader does not answer: check its cable, then ask again.",
        [TAP_REASON_DISK] = "The journal cannot be written: make room on the disk or call the "
                            "service; nothing is sold until then.",
        [TAP_REASON_BUSY] = "Another request has the card: wait for its answer.",
        [TAP_REASON_BAD_REQUEST] = "This request is not understood.",
        [TAP_REASON_HOTLISTED] = "The club refuses this card: keep it back and call the club.",
        [TAP_REASON_PROGRAMME] = "No programme is loaded: connect the terminal to the club, or "
                                 "start it with --programme FILE.",
        [TAP_REASON_MEDIUM] = "This only says who the member is and carries nothing: hold the "
                              "card for points and credit.",
        [TAP_REASON_LIMIT] = "A limit of the club would be passed.",
        [TAP_REASON_SIGN_IN] = "Nobody is signed in who may do this.",
        [TAP_REASON_NOT_LINKED] =
            "No card is linked to this here. With the member's card, link it; "
            "else hold the card.",
        [TAP_REASON_CONFIRM] = "Nothing is done yet: confirm it.",
    };
    fault_say(ret_say, "%s", sentences[reason]);
}

void say_issue_first(bool is_issue, struct fault *ret_say)
{
    if (!is_issue) {
        say_reason(TAP_REASON_BLANK, ret_say);
        return;
    }
    fault_say(ret_say, "The issue of this card was cut, and was for another request: ask for that "
                       "one again, or take another blank card.");
}

void say_no_identity(struct fault *ret_say)
{
    fault_say(ret_say,
              "The card's kind and last day cannot be read, so gift and voucher stay on "
              "it. Sync the terminal and hold it again; if that does not help, replace it.");
}

void say_in_doubt(struct fault *ret_say)
{
    fault_say(ret_say, "It is not known whether the card was changed. Hand nothing over: hold "
                       "the same card again.");
}

void say_left(struct fault *ret_say)
{
    fault_say(ret_say, "The card was used elsewhere since: only the club can tell whether this "
                       "was done. Hand nothing over.");
}

const char *say_kind(enum transaction_kind kind)
{
    static const char *const words[] = {
        [TRANSACTION_ACTIVATE] = "issue",    [TRANSACTION_SALE] = "sale",
        [TRANSACTION_REFUND] = "refund",     [TRANSACTION_LOAD] = "load",
        [TRANSACTION_UNLOAD] = "unload",     [TRANSACTION_ACTION] = "action",
        [TRANSACTION_BLOCK] = "block",       [TRANSACTION_UNBLOCK] = "unblock",
        [TRANSACTION_TRANSFER] = "transfer", [TRANSACTION_EXPIRE] = "expire",
        [TRANSACTION_ADJUST] = "adjust",     [TRANSACTION_DUPLICATE] = "duplicate",
    };
    assert(kind >= TRANSACTION_ACTIVATE && kind <= TRANSACTION_DUPLICATE);
    return words[kind];
}

/* One half of a duplicate, or a replacement. */
static void say_moved(const struct programme *programme, const struct entry *intent,
                      bool is_earlier, struct fault *ret_say)
{
    const struct entry_intent *i = &intent->intent;
    const struct peer *peer = &i->occasion.peer;
    const char *earlier = is_earlier ? "Done before, not twice: " : "";
    char credit[EXPLAIN_AMOUNT_MAX];
    if (peer->direction == PEER_OUT) {
        fault_say(ret_say,
                  "%sAll that card *%04" PRIu64 " had has left it, and it is closed. Now a blank "
                  "card takes it: duplicate, from number %" PRIu32 ".",
                  earlier, i->card_number % 10000, intent->sequence);
        return;
    }
    explain_money(programme, EXPLAIN_EN, i->parts.load, credit);
    fault_say(ret_say,
              "%sCard *%04" PRIu64 " takes the place of card *%04" PRIu64 ", with %s of credit and "
              "%" PRId64 " points.",
              earlier, i->card_number % 10000, peer->card_number % 10000, credit, i->parts.award.n);
}

void say_done(const struct programme *programme, const struct entry *intent, bool is_earlier,
              struct fault *ret_say)
{
    char amount[EXPLAIN_AMOUNT_MAX], due[EXPLAIN_AMOUNT_MAX];
    const struct entry_intent *i = &intent->intent;
    if (i->after.last.kind == TRANSACTION_DUPLICATE) {
        say_moved(programme, intent, is_earlier, ret_say);
        return;
    }
    bool is_back =
        i->after.last.kind == TRANSACTION_REFUND || i->after.last.kind == TRANSACTION_UNLOAD;
    char points[48] = "";
    if (i->parts.award.n > 0) {
        (void)snprintf(points, sizeof points, " Points %s: %" PRId64 ".",
                       is_back ? "taken back" : "earned", i->parts.award.n);
    }
    explain_money(programme, EXPLAIN_EN, i->parts.amount, amount);
    explain_money(programme, EXPLAIN_EN, i->parts.due, due);
    fault_say(ret_say, "%s %s of %s is on the card.%s %s: %s.",
              is_earlier ? "Done before, not twice: the" : "Done: the",
              say_kind(i->after.last.kind), amount, points, is_back ? "To hand back" : "To collect",
              due);
}

void say_listed(uint8_t listing, struct fault *ret_say)
{
    fault_say(ret_say, "The club refuses this card (%s): keep it back and call the club.",
              listing_word(listing));
}

void say_list_old(const struct programme *programme, struct money spend_max, struct fault *ret_say)
{
    char most[EXPLAIN_AMOUNT_MAX];
    explain_money(programme, EXPLAIN_EN, spend_max, most);
    fault_say(ret_say,
              "At most %s can be paid from a card, or leave it, until this terminal has met the "
              "club: its "
              "list of refused cards is old.",
              most);
}

void say_balance(const struct programme *programme, const struct snapshot *snapshot,
                 struct fault *ret_say)
{
    static const char *const states[] = {[CARD_ACTIVE] = "",
                                         [CARD_BLOCKED] = " The card is blocked.",
                                         [CARD_CLOSED] = " The card is closed."};
    char promised[2 * EXPLAIN_AMOUNT_MAX + 32] = "";
    char text[PURSES][EXPLAIN_AMOUNT_MAX];
    explain_money(programme, EXPLAIN_EN, snapshot->purse[PURSE_CREDIT], text[PURSE_CREDIT]);
    if (snapshot->purse[PURSE_GIFT].rials != 0 || snapshot->purse[PURSE_VOUCHER].rials != 0) {
        explain_amount(programme, EXPLAIN_EN, snapshot->purse[PURSE_GIFT], text[PURSE_GIFT]);
        explain_amount(programme, EXPLAIN_EN, snapshot->purse[PURSE_VOUCHER], text[PURSE_VOUCHER]);
        (void)snprintf(promised, sizeof promised, ", %s of gift, %s of voucher", text[PURSE_GIFT],
                       text[PURSE_VOUCHER]);
    }
    fault_say(ret_say, "%" PRId64 " points, %s of credit%s.%s", snapshot->points.n,
              text[PURSE_CREDIT], promised, states[snapshot->status]);
}

void say_found(const struct programme *programme, const struct snapshot *state, uint8_t listing,
               struct fault *ret_say)
{
    char credit[EXPLAIN_AMOUNT_MAX];
    if (listing != LISTING_NONE) {
        fault_say(ret_say, "Found, but the club refuses this card (%s): call the club.",
                  listing_word(listing));
        return;
    }
    if (state == NULL) {
        fault_say(ret_say, "Found, but this terminal has not seen the card yet. To earn or spend, "
                           "hold the card.");
        return;
    }
    explain_money(programme, EXPLAIN_EN, state->purse[PURSE_CREDIT], credit);
    fault_say(ret_say,
              "Found. When last seen here: %" PRId64 " points, %s of credit%s. To earn or spend, "
              "hold the card.",
              state->points.n, credit, state->status == CARD_ACTIVE ? "" : ", not active");
}

const char *say_meanwhile(enum tap_say say)
{
    switch (say) {
    case TAP_SAY_HOLD:
        return "Hold the card on the reader.";
    case TAP_SAY_HOLD_AGAIN:
        return "Hold the same card again: it is not known yet whether it was changed.";
    case TAP_SAY_TOO_EARLY:
        return "The card left too early; nothing has changed. Hold the same card again.";
    case TAP_SAY_READER:
        return "The card reader does not answer; it is being restarted. Check its cable.";
    case TAP_SAY_WORKING:
        return "Keep the card on the reader.";
    case TAP_SAY_SCAN:
        return "Scan the tag or code, or hold it on the reader.";
    }
    assert(false && "a word outside its enum");
    return "";
}
