#include "tools/pn532-sim/card.h"

#include <assert.h>
#include <string.h>

/* One switch for each thing all kinds do: `CALL(field_on)` names the function of the kind. */
#define CALL(verb)                                                                                 \
    switch (card.kind) {                                                                           \
    case CARD_NONE:                                                                                \
        break;                                                                                     \
    case CARD_CLASSIC:                                                                             \
        classic_##verb(card.classic);                                                              \
        break;                                                                                     \
    case CARD_DESFIRE:                                                                             \
        desfire_##verb(card.desfire);                                                              \
        break;                                                                                     \
    case CARD_ULTRALIGHT:                                                                          \
        ultralight_##verb(card.ultralight);                                                        \
        break;                                                                                     \
    }

/* A field that all models have, or `none`. */
#define FIELD(field, none)                                                                         \
    (card.kind == CARD_CLASSIC      ? card.classic->field                                          \
     : card.kind == CARD_DESFIRE    ? card.desfire->field                                          \
     : card.kind == CARD_ULTRALIGHT ? card.ultralight->field                                       \
                                    : (none))

struct card_identity card_identify(struct card card)
{
    struct card_identity identity = {.uid_bytes = 0};
    switch (card.kind) {
    case CARD_NONE:
        break;
    case CARD_CLASSIC:
        classic_identify(card.classic, identity.atqa, &identity.sak);
        identity.uid_bytes = card.classic->uid_bytes;
        memcpy(identity.uid, card.classic->uid, identity.uid_bytes);
        break;
    case CARD_DESFIRE:
        desfire_identify(card.desfire, identity.atqa, &identity.sak);
        identity.uid_bytes = desfire_uid(card.desfire, identity.uid);
        break;
    case CARD_ULTRALIGHT:
        identity.atqa[1] = 0x44;
        identity.uid_bytes = ULTRALIGHT_UID_BYTES;
        ultralight_uid(card.ultralight, identity.uid);
        break;
    }
    return identity;
}

bool card_is_same(struct card a, struct card b)
{
    return a.kind == b.kind && a.classic == b.classic && a.desfire == b.desfire &&
           a.ultralight == b.ultralight;
}

bool card_is_away(struct card card)
{
    return FIELD(is_away, true);
}

void card_field_on(struct card card)
{
    CALL(field_on)
}

void card_field_off(struct card card)
{
    CALL(field_off)
}

void card_insert(struct card card)
{
    CALL(insert)
}

void card_remove(struct card card)
{
    CALL(remove)
}

void card_halt(struct card card)
{
    CALL(halt)
}

bool card_select(struct card card, enum classic_call call, unsigned tries)
{
    switch (card.kind) {
    case CARD_NONE:
        return false;
    case CARD_CLASSIC:
        return classic_select(card.classic, call, tries);
    case CARD_DESFIRE:
        return desfire_select(card.desfire, call == CLASSIC_WUPA ? DESFIRE_WUPA : DESFIRE_REQA,
                              tries);
    case CARD_ULTRALIGHT:
        return ultralight_select(card.ultralight, call == CLASSIC_WUPA, tries);
    }
    return false;
}

static struct desfire_cut desfire_cut_of(struct classic_cut cut)
{
    static const enum desfire_cut_when whens[] = {
        [CLASSIC_CUT_NEVER] = DESFIRE_CUT_NEVER,
        [CLASSIC_CUT_AFTER] = DESFIRE_CUT_AFTER,
        [CLASSIC_CUT_WRITE] = DESFIRE_CUT_WRITE,
    };
    return (struct desfire_cut){
        .when = whens[cut.when],
        .n = cut.n,
        .tear = cut.tear == CLASSIC_TEAR_OLD   ? DESFIRE_TEAR_OLD
                : cut.tear == CLASSIC_TEAR_NEW ? DESFIRE_TEAR_NEW
                                               : DESFIRE_TEAR_HALF,
    };
}

static struct ultralight_cut ultralight_cut_of(struct classic_cut cut)
{
    static const enum ultralight_cut_when whens[] = {
        [CLASSIC_CUT_NEVER] = ULTRALIGHT_CUT_NEVER,
        [CLASSIC_CUT_AFTER] = ULTRALIGHT_CUT_AFTER,
        [CLASSIC_CUT_WRITE] = ULTRALIGHT_CUT_WRITE,
    };
    return (struct ultralight_cut){
        .when = whens[cut.when],
        .n = cut.n,
        .tear = cut.tear == CLASSIC_TEAR_OLD   ? ULTRALIGHT_TEAR_OLD
                : cut.tear == CLASSIC_TEAR_NEW ? ULTRALIGHT_TEAR_NEW
                                               : ULTRALIGHT_TEAR_HALF,
    };
}

void card_plan_cut(struct card card, struct classic_cut cut)
{
    switch (card.kind) {
    case CARD_NONE:
        assert(false);
        break;
    case CARD_CLASSIC:
        classic_plan_cut(card.classic, cut);
        break;
    case CARD_DESFIRE:
        desfire_plan_cut(card.desfire, desfire_cut_of(cut));
        break;
    case CARD_ULTRALIGHT:
        ultralight_plan_cut(card.ultralight, ultralight_cut_of(cut));
        break;
    }
}

bool card_has_plan(struct card card)
{
    switch (card.kind) {
    case CARD_NONE:
        return false;
    case CARD_CLASSIC:
        return card.classic->cut.when != CLASSIC_CUT_NEVER;
    case CARD_DESFIRE:
        return card.desfire->cut.when != DESFIRE_CUT_NEVER;
    case CARD_ULTRALIGHT:
        return card.ultralight->cut.when != ULTRALIGHT_CUT_NEVER;
    }
    return false;
}

uint32_t card_commands(struct card card)
{
    return FIELD(commands, 0);
}

uint32_t card_writes(struct card card)
{
    return FIELD(writes, 0);
}

uint32_t card_cuts_taken(struct card card)
{
    return FIELD(cuts_taken, 0);
}

void card_reset_counters(struct card card)
{
    switch (card.kind) {
    case CARD_NONE:
        break;
    case CARD_CLASSIC:
        card.classic->commands = 0;
        card.classic->writes = 0;
        memset(card.classic->block_writes, 0, sizeof card.classic->block_writes);
        break;
    case CARD_DESFIRE:
        card.desfire->commands = 0;
        card.desfire->writes = 0;
        card.desfire->commits = 0;
        break;
    case CARD_ULTRALIGHT:
        card.ultralight->commands = 0;
        card.ultralight->writes = 0;
        break;
    }
}

bool card_hears(struct card card, enum classic_call call)
{
    return strcmp(card_state_word(card), "idle") == 0 ||
           (call == CLASSIC_WUPA && card_is_halted(card));
}

/* The UID as it goes through the air, level by level. */
static void air_uid(struct card card, uint8_t ret_uid[8])
{
    const struct card_identity identity = card_identify(card);
    const bool is_long = identity.uid_bytes == 7;
    memset(ret_uid, 0, 8);
    ret_uid[0] = 0x88;
    memcpy(ret_uid + is_long, identity.uid, identity.uid_bytes);
}

struct card card_winner(struct card a, struct card b)
{
    uint8_t uid_a[8], uid_b[8];
    air_uid(a, uid_a);
    air_uid(b, uid_b);
    for (size_t i = 0; i < sizeof uid_a; i++) {
        const unsigned differing = uid_a[i] ^ uid_b[i];
        if (differing != 0) {
            const unsigned first = differing & (~differing + 1U); /* bit 0 goes first */
            return (uid_a[i] & first) != 0 ? a : b;
        }
    }
    return a;
}

bool card_is_halted(struct card card)
{
    return strcmp(card_state_word(card), "halt") == 0;
}

const char *card_state_word(struct card card)
{
    static const char *const classic_words[] = {
        [CLASSIC_OFF] = "off",
        [CLASSIC_IDLE] = "idle",
        [CLASSIC_ACTIVE] = "active",
        [CLASSIC_HALT] = "halt",
        [CLASSIC_AUTHENTICATED] = "authenticated",
    };
    static const char *const desfire_words[] = {
        [DESFIRE_OFF] = "off",       [DESFIRE_IDLE] = "idle", [DESFIRE_READY] = "ready",
        [DESFIRE_ACTIVE] = "active", [DESFIRE_HALT] = "halt",
    };
    static const char *const ultralight_words[] = {
        [ULTRALIGHT_OFF] = "off",
        [ULTRALIGHT_IDLE] = "idle",
        [ULTRALIGHT_ACTIVE] = "active",
        [ULTRALIGHT_HALT] = "halt",
    };
    switch (card.kind) {
    case CARD_NONE:
        return "none";
    case CARD_CLASSIC:
        return classic_words[card.classic->state];
    case CARD_DESFIRE:
        return desfire_words[card.desfire->state];
    case CARD_ULTRALIGHT:
        return ultralight_words[card.ultralight->state];
    }
    return "none";
}
