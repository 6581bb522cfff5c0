/* members.h - where people become members at the counter: particulars in, a sealed entry out.
 *
 * Nothing of a person stays here: particulars are sealed to the club's key at once (hal/box.h), and
 * wiped; what finds the member later is a keyed hash. One thread; no state of its own. Why so:
 * docs/decisions/0012-members.md. */
#ifndef FIRMWARE_TERMINAL_MEMBERS_H
#define FIRMWARE_TERMINAL_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/engine/media.h"
#include "firmware/engine/particulars.h"
#include "firmware/terminal/basket.h"
#include "firmware/terminal/service.h"
#include "hal/keystore.h"
#include "storage/store.h"

/* What they are made of; all must outlive the call. */
struct members {
    struct terminal *terminal;
    struct store *store;
    const struct keystore *keys; /* NULL: it has no media master */
};

/* Somebody who becomes a member, or gets a card. */
struct joining {
    bool is_there;                  /* false: a card for nobody in particular */
    struct particulars particulars; /* group and kind are set from the words below */
    char group[PROGRAMME_ID_MAX], kind[PROGRAMME_ID_MAX]; /* ids of the programme, or numbers; "" */
    uint64_t account; /* of a member who gets a card; 0 = a new one */
    uint64_t number;  /* the card number that must be next; 0 = whichever is */
};

/* A medium that shows one of our card numbers needs no link. An EM4100's number is its own. */
bool members_shows_number(const struct identifier *id);
/* The newest version of the media master; KEYSTORE_VERSIONS: the store has none. */
uint8_t members_key_version(const struct keystore *keys);
/* The account or card that the medium is linked to, under the highest version of the master that
 * knows it. ST_REFUSED: none. ST_UNSUPPORTED: no master. ST_GONE: a token fell silent. Others: the
 * store's. */
ST_CHECK enum st members_find(const struct members *members, const struct identifier *id,
                              uint64_t *ret_number);

/* Makes of what was said what an issue needs: identity and newcomer in *tap, and, when the club is
 * to learn something, the entry for terminal_attach_member(). Wipes joining->particulars.
 * ST_REFUSED  fault says why, for the cashier: a member already, no such group, no key of the club.
 * Others      the store's. Nothing has happened. */
ST_CHECK enum st members_prepare(const struct members *members, struct joining *joining,
                                 struct tap_request *tap, struct entry_member *ret,
                                 bool *ret_has_entry, struct fault *fault);

/* Makes a member without a card, durably: *ret_account is their number. Statuses as above. */
ST_CHECK enum st members_join(const struct members *members, struct joining *joining,
                              uint32_t operator_no, uint64_t *ret_account, struct fault *fault);

/* What this terminal knows of one of its card numbers, for who issues a stack of cards. */
enum number_state {
    NUMBER_FREE,   /* not used yet; it or a later one is next */
    NUMBER_DONE,   /* on a card */
    NUMBER_DOUBT,  /* an issue is open: hold the same card again */
    NUMBER_BURNED, /* used up, and on no card that this terminal knows */
    NUMBER_OTHER,  /* not this terminal's */
};
/* *ret_next (may be 0: none is left) is the next number that an issue would take. */
ST_CHECK enum st members_number(const struct members *members, uint64_t number,
                                enum number_state *ret, uint64_t *ret_next);

#endif
