/* An action that a terminal held and refused: a case for a person, with the club's own beside it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/actions_priv.h"
#include "server/ledger_priv.h"

enum { WORDS_BYTES = 64 };

/* "credit of 9000", as far as the image says something. */
static void describe(const uint8_t image[ACTION_BYTES], char ret[WORDS_BYTES])
{
    struct action action;
    if (action_decode(image, &action) == ST_OK) {
        (void)snprintf(ret, WORDS_BYTES, "%s of %" PRId64, action_kind_word(action.kind),
                       action.kind == ACTION_PARTICULARS ? 0
                       : action.amount != 0              ? action.amount
                                                         : action.value);
    } else {
        (void)snprintf(ret, WORDS_BYTES, "no action that is known here");
    }
}

/* What the club has under that number, in words; and whether it is just what was refused. */
static enum st compare(struct ledger *ledger, const struct entry_refused *refused,
                       char ret_words[WORDS_BYTES], bool *ret_is_own)
{
    struct action_row row;
    uint8_t image[ACTION_BYTES];
    bool found = false;
    const enum st st =
        row_by_number(ledger->actions, refused->card_number, refused->number, &row, &found);
    *ret_is_own = false;
    (void)snprintf(ret_words, WORDS_BYTES, "nothing");
    if (st == ST_OK && found) {
        row_image(&row, image);
        describe(image, ret_words);
        *ret_is_own = memcmp(image, refused->image, sizeof image) == 0 &&
                      memcmp(row.seal, refused->seal, sizeof row.seal) == 0;
    }
    return st;
}

/* Somebody looks into that terminal and card already. */
static enum st is_open(struct ledger *ledger, const struct item *item, const char *why, bool *ret)
{
    struct db_stmt *stmt = ledger->sql[SQL_CASE_OPEN];
    const enum st st = db_first(stmt, ret, (int64_t)item->entry.terminal, why,
                                (int64_t)item->entry.refused.card_number);
    db_reset(stmt);
    return st;
}

static const char *sentence(const struct entry_refused *refused, bool is_own)
{
    static const char *const words[] = {
        [REFUSED_SEAL] = "its seal is not the club's: somebody had hands on the terminal's file or "
                         "line",
        [REFUSED_PLACE] = "the club sealed it for another card or number: somebody had hands on "
                          "the terminal's file or line",
        [REFUSED_UNKNOWN] = "the terminal's firmware does not know it: update it",
    };
    return is_own && refused->why != REFUSED_UNKNOWN
               ? "it is just what the club sealed: the terminal has another key for the club"
               : words[refused->why];
}

enum st refused_post(struct ledger *ledger, const struct item *item)
{
    const struct entry_refused *refused = &item->entry.refused;
    const char *const why = refused->why == REFUSED_UNKNOWN ? "unknown" : "forged";
    char held[WORDS_BYTES], own[WORDS_BYTES];
    bool is_own = false, is_known = false;
    describe(refused->image, held);
    enum st st = is_open(ledger, item, why, &is_known);
    if (st == ST_OK && !is_known) {
        st = compare(ledger, refused, own, &is_own);
    }
    if (st != ST_OK || is_known) {
        return st;
    }
    return case_open(ledger, why, item, refused->card_number, 0,
                     "Terminal %u held %s as action %u of card %016" PRIu64
                     " and refused it: %s. The club has %s there.",
                     item->entry.terminal, held, refused->number, refused->card_number,
                     sentence(refused, is_own), own);
}
