#include "firmware/terminal/desk_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "firmware/terminal/say.h"

enum st desk_find_link(const struct desk *desk, const struct identifier *id, uint64_t *ret_card)
{
    const struct members members = desk_members(desk);
    return members_find(&members, id, ret_card);
}

static const char say_no_master[] = "This terminal has no key for media: have the custodians add "
                                    "it (vafa-keys ceremony, role media).";

static const char say_keys_silent[] = "The key store does not answer: ask again.";

enum terminal_progress desk_fail_link(struct desk *desk, enum st st)
{
    switch (st) {
    case ST_REFUSED:
        return desk_fail(desk, TAP_REASON_NOT_LINKED, NULL);
    case ST_UNSUPPORTED:
        return desk_fail(desk, TAP_REASON_REFUSED, say_no_master);
    case ST_GONE:
        return desk_fail(desk, TAP_REASON_REFUSED, say_keys_silent);
    case ST_OK:
    case ST_AGAIN:
    case ST_DENIED:
    case ST_FOREIGN:
    case ST_FULL:
    case ST_IO:
    case ST_CORRUPT:
        break;
    }
    return desk_fail_store(desk);
}

void desk_log_found(const struct desk *desk, const char *event, uint64_t card)
{
    char text[64];
    (void)snprintf(text, sizeof text, "medium=%s card=*%04" PRIu64,
                   media_kind_word(desk->request.medium.kind), card % 10000);
    desk_log(desk, event, text);
}

/* Answers with what this terminal knows of the card. */
static enum terminal_progress answer_found(struct desk *desk, uint64_t card)
{
    struct desk_found *found = &desk->answer.found;
    desk->answer = (struct desk_answer){.tap = {.outcome = TAP_DONE}, .has_found = true};
    found->medium = desk->request.medium.kind;
    found->card_number = card;
    const enum st st = cards_seen_at(desk->config.store, card, &found->state, &found->seen_s);
    if (st != ST_OK && st != ST_REFUSED) {
        return desk_fail_store(desk);
    }
    found->has_state = st == ST_OK;
    desk->answer.tap.listing = terminal_listing(desk->config.terminal, card);
    if (desk->request.what == DESK_LINK) {
        fault_say(&desk->answer.tap.say, "Linked: this medium finds the card from now on. It earns "
                                         "and spends nothing: that takes the card.");
    } else {
        say_found(desk_programme(desk), found->has_state ? &found->state : NULL,
                  desk->answer.tap.listing, &desk->answer.tap.say);
    }
    desk_log_found(desk, desk->request.what == DESK_LINK ? "T502" : "T501", card);
    return desk_over(desk);
}

enum terminal_progress desk_find(struct desk *desk)
{
    const struct identifier *id = &desk->request.medium;
    uint64_t card = 0;
    if (members_shows_number(id)) {
        return answer_found(desk, id->number);
    }
    const enum st st = desk_find_link(desk, id, &card);
    return st == ST_OK ? answer_found(desk, card) : desk_fail_link(desk, st);
}

enum terminal_progress desk_begin_link(struct desk *desk)
{
    if (members_shows_number(&desk->request.medium)) {
        return desk_fail(
            desk, TAP_REASON_REFUSED,
            "This shows a card number: it needs no link, find works with it as it is.");
    }
    if (members_key_version(desk->config.keys) == KEYSTORE_VERSIONS) {
        return desk_fail(desk, TAP_REASON_REFUSED, say_no_master);
    }
    desk_end_reading(desk);
    return desk_begin_reading(desk, PHASE_CARD);
}

static enum terminal_progress append_link(struct desk *desk, const struct card_view *card)
{
    struct entry_link link = {.card_number = card->number,
                              .family = (uint8_t)card->family,
                              .uid_bytes = (uint8_t)card->uid_bytes,
                              .medium = (uint8_t)desk->request.medium.kind,
                              .key_version = members_key_version(desk->config.keys)};
    struct fault fault;
    uint32_t sequence = 0;
    memcpy(link.uid, card->uid, card->uid_bytes);
    enum st st = keystore_medium_tag(desk->config.keys, link.key_version, link.medium,
                                     desk->request.medium.text, link.tag);
    if (st != ST_OK) {
        return desk_fail(desk, TAP_REASON_REFUSED, say_keys_silent);
    }
    st = terminal_append_link(desk->config.terminal, &link, desk->request.tap.operator_no,
                              &sequence, &fault);
    return st == ST_OK ? answer_found(desk, card->number)
                       : desk_fail(desk, TAP_REASON_DISK, fault.say);
}

enum terminal_progress desk_link_card(struct desk *desk, const struct tap_answer *tap)
{
    uint64_t before = 0;
    if (tap->snapshot.status != CARD_ACTIVE || tap->listing != LISTING_NONE) {
        return desk_fail(desk, TAP_REASON_REFUSED,
                         "This card is blocked, closed or listed: nothing is linked to it.");
    }
    const enum st st = desk_find_link(desk, &desk->request.medium, &before);
    if (st == ST_OK && before != tap->card_number) {
        return desk_fail(desk, TAP_REASON_REFUSED,
                         "This medium is linked to another card: nothing was "
                         "changed. Call the club.");
    }
    if (st == ST_OK) {
        return answer_found(desk, tap->card_number);
    }
    return st == ST_REFUSED ? append_link(desk, terminal_view(desk->config.terminal))
                            : desk_fail_link(desk, st);
}
