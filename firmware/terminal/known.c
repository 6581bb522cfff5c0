#include "firmware/terminal/known.h"

#include <assert.h>

struct facts_rules known_rules(const struct programme *programme)
{
    return (struct facts_rules){.utc_offset_minutes = programme->utc_offset_minutes,
                                .tiers = programme->tier_period,
                                .expiry = programme->expiry};
}

static void fill_identity(const struct known *known, const struct card_view *view,
                          struct occasion *occasion)
{
    for (size_t n = 0; n < KNOWN_MAX; n += 1) {
        if (known->cards[n].number == view->number &&
            known->cards[n].action == view->snapshot.action) {
            occasion->has_identity = true;
            occasion->kind = known->cards[n].kind;
            occasion->birthday = known->cards[n].birthday;
            occasion->wedding = known->cards[n].wedding;
            occasion->expires = known->cards[n].expires;
        }
    }
}

enum st known_fill(const struct known *known, struct store *store,
                   const struct programme *programme, const struct card_view *view,
                   struct occasion *occasion)
{
    assert(view->condition == CARD_MEMBER);
    if (programme == NULL) {
        return ST_OK;
    }
    if ((programme->uses & USES_IDENTITY) != 0) {
        fill_identity(known, view, occasion);
    }
    if ((programme->uses & USES_FACTS) == 0) {
        return ST_OK;
    }
    const struct facts_rules rules = known_rules(programme);
    const enum st st = cards_facts(store, view->number, &view->snapshot, &rules, &occasion->facts);
    occasion->has_facts = st == ST_OK;
    return st == ST_REFUSED ? ST_OK : st;
}

static void keep(struct known *known, const struct card_identity *identity, uint16_t action)
{
    known->cards[known->next] = (struct known_card){.number = identity->number,
                                                    .action = action,
                                                    .kind = identity->kind,
                                                    .birthday = identity->birthday,
                                                    .wedding = identity->wedding,
                                                    .expires = identity->expires};
    known->next = (known->next + 1) % KNOWN_MAX;
}

enum st known_ask(struct known *known, const struct card_port *card,
                  const struct programme *programme, const struct tap_act *act, uint16_t action,
                  struct tap_known *ret)
{
    assert(act->kind == TAP_ACT_KNOW && programme != NULL);
    enum st st = ST_OK;
    *ret = (struct tap_known){.has_facts = false};
    if (act->asks_identity) {
        st = card->ops->identity(card->ctx, &ret->identity);
        ret->has_identity = st == ST_OK;
        if (st == ST_OK) {
            keep(known, &ret->identity, action);
        }
    }
    if (st == ST_GONE || st == ST_IO) {
        return st;
    }
    if (act->asks_facts) {
        const struct facts_rules rules = known_rules(programme);
        st = card->ops->facts(card->ctx, &rules, &ret->facts);
        ret->has_facts = st == ST_OK;
    }
    return st == ST_GONE || st == ST_IO ? st : ST_OK;
}
