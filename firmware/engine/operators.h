/* operators.h - who works at a terminal: roles, and what each may do.
 *
 * Pure. The numbers of roles and events are in journals and databases: never renumber. The table of
 * rights is docs/operators.md; test_operators compares it with this code. */
#ifndef FIRMWARE_ENGINE_OPERATORS_H
#define FIRMWARE_ENGINE_OPERATORS_H

#include <stdbool.h>
#include <stdint.h>

enum operator_role {
    ROLE_CASHIER = 1,
    ROLE_ISSUER = 2,
    ROLE_MANAGER = 3,
    ROLE_TECHNICIAN = 4,
    ROLES,
};

/* What a request at the till takes. */
enum right {
    RIGHT_READ,    /* balance, history, find, status */
    RIGHT_SELL,    /* sales */
    RIGHT_LOAD,    /* money onto a card */
    RIGHT_ISSUE,   /* new cards, links of media */
    RIGHT_REPLACE, /* another card in place of one */
    RIGHT_REFUND,  /* refunds, unloads, transfers between members */
    RIGHT_UNLOCK,  /* another operator's lock after three wrong PINs */
    RIGHT_SUPPORT, /* the device's log may go to the club's support */
    RIGHTS,
};

/* Roles from foreign bytes may do nothing but read. */
bool role_may(uint8_t role, enum right right);

/* What happened, in an entry of kind OPERATOR. */
enum operator_event {
    OPERATOR_IN = 1,       /* signed in */
    OPERATOR_OUT = 2,      /* signed out, or was by the time-out */
    OPERATOR_WRONG = 3,    /* a wrong PIN */
    OPERATOR_LOCKED = 4,   /* the third in a row: this terminal takes no more */
    OPERATOR_UNLOCKED = 5, /* by a manager, whom the entry's head names, or by the club (0) */
    OPERATOR_EVENTS,
};
enum { OPERATOR_TRIES = 3 };

enum { PIN_VERIFIER_MAX = 96 }; /* with its NUL */
/* Has the text the form of what is kept of a PIN (hal/pin.h)? So that nobody stores a PIN itself.
 */
bool pin_verifier_has_form(const char *text);

/* "cashier", ...; "?" for a number that this version does not know. Never NULL. */
const char *role_word(uint8_t role);
/* 0: no such word. */
uint8_t role_of_word(const char *word);
const char *right_word(enum right right);
/* "signed in", ... */
const char *operator_event_word(uint8_t event);

#endif
