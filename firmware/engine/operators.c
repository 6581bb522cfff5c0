#include "firmware/engine/operators.h"

#include <assert.h>
#include <string.h>

#define BIT(right) (1U << (right))

bool role_may(uint8_t role, enum right right)
{
    static const unsigned cashier = BIT(RIGHT_READ) | BIT(RIGHT_SELL) | BIT(RIGHT_LOAD);
    static const unsigned issuer = BIT(RIGHT_ISSUE) | BIT(RIGHT_REPLACE);
    static const unsigned manager = BIT(RIGHT_REFUND) | BIT(RIGHT_UNLOCK) | BIT(RIGHT_SUPPORT);
    assert(right < RIGHTS);
    switch (role) {
    case ROLE_CASHIER:
        return (cashier & BIT(right)) != 0;
    case ROLE_ISSUER:
        return ((cashier | issuer) & BIT(right)) != 0;
    case ROLE_MANAGER:
        return ((cashier | issuer | manager) & BIT(right)) != 0;
    default: /* the technician, too: he touches nothing of value */
        return right == RIGHT_READ;
    }
}

static const char *const roles[ROLES] = {"", "cashier", "issuer", "manager", "technician"};

const char *role_word(uint8_t role)
{
    return role >= 1 && role < ROLES ? roles[role] : "?";
}

uint8_t role_of_word(const char *word)
{
    for (uint8_t role = 1; role < ROLES; role += 1) {
        if (strcmp(word, roles[role]) == 0) {
            return role;
        }
    }
    return 0;
}

const char *right_word(enum right right)
{
    static const char *const words[RIGHTS] = {"read",    "sell",   "load",   "issue",
                                              "replace", "refund", "unlock", "support"};
    assert(right < RIGHTS);
    return words[right];
}

const char *operator_event_word(uint8_t event)
{
    static const char *const words[OPERATOR_EVENTS] = {"?",         "signed in", "signed out",
                                                       "wrong PIN", "locked",    "unlocked"};
    return event < OPERATOR_EVENTS ? words[event] : words[0];
}

bool pin_verifier_has_form(const char *text)
{
    const size_t size = strlen(text);
    unsigned dots = 0;
    for (size_t i = 0; i < size; i += 1) {
        dots += text[i] == '.';
    }
    return size < PIN_VERIFIER_MAX && size >= 64 && dots == 4 &&
           strspn(text, "0123456789abcdef.") == size;
}
