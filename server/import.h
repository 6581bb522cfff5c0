/* import.h - balances of cards that come from another club's system, in one file.
 *
 * A file is CSV with a header line, or JSON Lines: `card` (16 digits, one of this club's numbers)
 * and any of `points`, `credit`, `gift`, `voucher`, and of what a member says of themselves, by the
 * fields' names (firmware/engine/particulars.h): then the card is that new member's. Money has no
 * unit of its own: the caller says whether the file is in rials or toman. Reading says what is
 * wrong with each line and what would be right; nothing is imported unless every line is good. A
 * balance becomes an action of origin `import` (server/actions.h), which the card collects at its
 * next tap. Format and commands: docs/import.md. */
#ifndef SERVER_IMPORT_H
#define SERVER_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "firmware/engine/particulars.h"
#include "server/accounts.h"
#include "server/db.h"

enum {
    IMPORT_LINES_MAX = 1000000,
    IMPORT_LINE_BYTES_MAX = 4096,
    IMPORT_SHA256_BYTES = 32,
    IMPORT_NAME_MAX = 96,
    IMPORT_BY_MAX = 64,
};

/* What one line says. */
struct import_line {
    uint32_t line; /* from 1, the header counted */
    uint64_t card;
    int64_t balance[CARD_BOOKS]; /* points, then rials; each >= 0 */
    int64_t person;              /* whose card it is, in import_file.people; -1: it is not said */
};

struct import_file {
    struct import_line *lines; /* the good ones, in the file's order */
    size_t count, held, bad;
    struct particulars *people;
    size_t people_count, people_held;
    int64_t total[CARD_BOOKS];
    uint8_t sha256[IMPORT_SHA256_BYTES];
};

/* Reads the whole file. `rials` is what one unit of money in it is: 1, or 10 for toman. Every bad
 * line is said on `say`: its number, the reason, what would be right.
 * ST_FOREIGN  not such a file at all (no header, unknown columns, a line too long, too many):
 * fault. ST_IO       it cannot be read. *ret must be freed after any status. */
ST_CHECK enum st import_read(FILE *from, int64_t rials, FILE *say, struct import_file *ret,
                             struct fault *fault);
void import_free(struct import_file *file);

/* Of the file's cards, how many the books do not know yet: theirs waits until the card is seen. */
ST_CHECK enum st import_unknown(struct db *db, const struct import_file *file, size_t *ret);

/* Holds the file's people against the books: a national code that is another member's or stands in
 * two lines, a card that is somebody's already. Each is said on `say` and counted in file->bad. */
ST_CHECK enum st import_check_people(struct db *db, struct import_file *file, FILE *say);

struct import_order {
    const char *name; /* of the file, for the list */
    const char *by;   /* who imports it */
    const char *text; /* what the card's holder reads; at most 24 bytes */
};
/* Makes the actions of a file without a bad line and writes it down as the next import. In pieces,
 * each a write transaction with a pause behind it, so that terminals sync meanwhile: cut short, the
 * same file goes on where it was. They are sealed and offered as the club tends its actions.
 * ST_REFUSED  this very file was imported before, and not undone; or begun in the other unit; it is
 * being undone; or an action was refused. */
ST_CHECK enum st import_commit(struct db *db, const struct import_file *file,
                               const struct import_order *order, int64_t now_s, int64_t *ret_number,
                               struct fault *fault);

struct import_undone {
    int64_t withdrawn[CARD_BOOKS], collected[CARD_BOOKS];
    int64_t withdrawn_count, collected_count; /* actions */
};
/* Stops the import, if it was cut short, and withdraws what no card has collected; members stay;
 * says on `say` what cards have, line by line: that is not undone. Again is fine. `key`: the club's
 * private key, or NULL when it is in `dir`. ST_REFUSED: there is no such import, or no key. */
ST_CHECK enum st import_undo(struct db *db, const char *dir, const char *key, int64_t number,
                             const char *by, int64_t now_s, FILE *say, struct import_undone *ret,
                             struct fault *fault);

/* The imports, a line each, or as JSON. */
ST_CHECK enum st import_list(struct db *db, bool as_json, FILE *out);

#endif
