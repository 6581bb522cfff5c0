/* issuing.h - for whom a card is being made, as far as this terminal can tell later.
 *
 * A half-issued card goes on as what it was begun as. The intent says what the card is to say of
 * itself, the entry behind it whose it is; the name is on no disk, so it is known to the process
 * that began only. One thread; the caller owns the struct. */
#ifndef FIRMWARE_TERMINAL_ISSUING_H
#define FIRMWARE_TERMINAL_ISSUING_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/card.h"
#include "storage/store.h"

/* The newest issue that this process began; all zeros: none. */
struct issuing {
    uint32_t sequence; /* of its intent */
    char name[CARD_NAME_BYTES_MAX + 1];
};

void issuing_note(struct issuing *issuing, uint32_t sequence, const char *name);

/* The account of the member whose card `intent`, an issue of this terminal, makes: what the club
 * was told with it; 0 = it goes by its card's own number. The store's statuses. */
ST_CHECK enum st issuing_account(struct store *store, const struct entry *intent, uint64_t *ret);

/* Whether a request to issue a card for `identity` and `member` (NULL: nobody's in particular) is
 * for somebody else than the issue `intent` is. What cannot be told counts as the same. The store's
 * statuses. */
ST_CHECK enum st issuing_is_anothers(struct store *store, const struct issuing *issuing,
                                     const struct entry *intent,
                                     const struct card_identity *identity,
                                     const struct entry_member *member, bool *ret);

#endif
