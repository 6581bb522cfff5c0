/* standing.h - what the club has told this terminal: its number, its programme, its card numbers.
 *
 * Read from the store, where vafa-sync puts it at enrolment and at every sync, while the terminal
 * runs. The caller owns the struct; one thread. Names of the settings: docs/till.md. */
#ifndef FIRMWARE_TERMINAL_STANDING_H
#define FIRMWARE_TERMINAL_STANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/engine/programme.h"
#include "storage/store.h"

enum { STANDING_NAME_MAX = 97, TERMINAL_NUMBER_MAX = (1 << 20) - 1 };

struct standing {
    uint32_t terminal;                                           /* 0 = not enrolled */
    char merchant[STANDING_NAME_MAX], branch[STANDING_NAME_MAX]; /* "" = not told */
    uint32_t merchant_no, branch_no; /* the club's numbers for them; 0 = not told */
    struct programme *programme;     /* NULL = none; standing_finish() frees it */
    struct fault programme_say;      /* why the stored one is not in force; "" = nothing is wrong */
};

/* Brings `standing` up to date; the programme is only parsed when its version changed. A stored
 * programme that this firmware cannot load leaves the old one in force and says so.
 * Another version replaces and frees the old one: not while a tap uses it.
 * ST_OK, or the store's status. Start with a zeroed struct. */
ST_CHECK enum st standing_load(struct store *store, struct standing *standing);

/* Frees what `standing` holds. A zeroed one is fine. */
void standing_finish(struct standing *standing);

/* Next free card number, Luhn digit included; 0 = no range is set or it is used up. */
ST_CHECK enum st standing_free_number(struct store *store, uint64_t *ret_number);
/* Burns a card number for ever, durably, before it is used: a cut after this costs a number and
 * never gives one out twice. */
ST_CHECK enum st standing_use_number(struct store *store, uint64_t number);
/* How many numbers are left. */
ST_CHECK enum st standing_numbers_left(struct store *store, uint64_t *ret_left);

/* Puts the programme in the file at `path` in force, when it is newer than the stored one.
 * ST_OK       in force, durable.
 * ST_REFUSED  not newer: the stored one stays; nothing to do.
 * ST_IO       the file cannot be read. ST_FOREIGN, ST_UNSUPPORTED as programme_load(). */
ST_CHECK enum st standing_load_file(struct store *store, const char *path, struct fault *fault);

#endif
