/* members.h - who the members are: what they said of themselves, their account, their cards.
 *
 * An account is a number for life, which is also the member's first card's number; who joined
 * without a card has one that no card has. Posted by the ledger from the terminals' journals; made
 * here for who joins without a terminal (web, import). Every call that shows or changes particulars
 * names who asks (an operator, a program's key) and leaves a row in `access`: personal data is not
 * looked at unseen. Functions on the database; each write is one transaction of its own, unless it
 * says otherwise. db's statuses (server/db.h) besides those named. Why so:
 * docs/decisions/0012-members.md. */
#ifndef SERVER_MEMBERS_H
#define SERVER_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "firmware/engine/particulars.h"
#include "hal/base/status.h"
#include "hal/box.h"
#include "server/actions.h"
#include "server/db.h"

enum { MEMBERS_WHO_MAX = 64, MEMBERS_CARDS_MAX = 16 };

struct member {
    uint64_t account;               /* a card number */
    int64_t joined_at;              /* by the terminal's clock; seconds since 1970 */
    uint32_t terminal, sequence;    /* the entry that brought it; 0, 0: joined without a terminal */
    bool is_sealed;                 /* particulars have not been opened: what follows is empty */
    struct particulars particulars; /* valid; account kind and route are always set */
    size_t card_count;              /* newest first; at most MEMBERS_CARDS_MAX of them */
    uint64_t cards[MEMBERS_CARDS_MAX];
};

/* --- looking -------------------------------------------------------------------------------- */

/* The member whose account or card has this number. *ret_found false: there is none. */
ST_CHECK enum st members_get(struct db *db, const char *who, uint64_t number, int64_t now_s,
                             struct member *ret, bool *ret_found);

/* What a list is narrowed to; zeros and NULL: whatever. */
struct members_filter {
    const char *text;       /* a national code, a phone, an account or card number, or a part of the
                               name (any letter case that SQLite's LIKE folds) */
    bool may_be_written_to; /* they have agreed to messages, and have a phone */
    uint8_t account_kind;   /* enum account_kind */
    uint8_t route;          /* enum join_route */
    bool has_group;
    uint8_t group;
    uint64_t after; /* accounts above this one only */
    uint32_t max;   /* at most so many; 0 = all */
};

/* Calls `each` for the members that fit, by account; ends early with what it returns unless ST_OK.
 * One row of `access` for the whole list. */
ST_CHECK enum st members_each(struct db *db, const char *who, const struct members_filter *filter,
                              int64_t now_s, enum st (*each)(void *ctx, const struct member *),
                              void *ctx);

/* --- changing ------------------------------------------------------------------------------- */

/* A new member who joined without a terminal: gets a number of the club's own range, and where none
 * was named, the group that the programme's rules choose (groups.h).
 * ST_REFUSED  the national code is another member's: *ret_account is theirs; or 0, and they have
 * not agreed that the club keeps what they say. */
ST_CHECK enum st members_add(struct db *db, const char *who, const struct particulars *particulars,
                             int64_t now_s, uint64_t *ret_account, struct fault *fault);
/* The same inside the caller's write transaction (an import). */
ST_CHECK enum st members_add_within(struct db *db, const char *who,
                                    const struct particulars *particulars, int64_t now_s,
                                    uint64_t *ret_account, struct fault *fault);
/* Sets one field from what a person wrote (particulars_set()). A group goes by members_move(), so
 * that the cards learn it. Who takes back the consent to membership is forgotten at once: all that
 * needs it is cleared (particulars_forget()).
 * ST_REFUSED  no such member, still sealed, the national code is another member's, or they have not
 *             agreed that the club keeps this.
 * ST_FOREIGN  the text is not right, ST_UNSUPPORTED  no such field: fault says what would be. */
ST_CHECK enum st members_set(struct db *db, const char *who, uint64_t number, const char *field,
                             const char *text, int64_t now_s, struct fault *fault);
/* Moves a member to another group (the programme's number; 0 = none): noted here at once, and on
 * their newest card at its next tap, by an action. ST_REFUSED: no such member, or still sealed. */
ST_CHECK enum st members_move(struct db *db, struct actions *actions, const char *who,
                              uint64_t number, uint8_t group, int64_t now_s, struct fault *fault);
/* Notes that a card belongs to the account. ST_REFUSED: it is another member's. Inside the caller's
 * write transaction. */
ST_CHECK enum st members_card_within(struct db *db, uint64_t account, uint64_t card, int64_t now_s,
                                     struct fault *fault);

/* Opens what is sealed, with a key that was kept elsewhere. *ret_opened: how many were.
 * *ret_left: how many are for another key. */
ST_CHECK enum st members_open(struct db *db, const char *who, const struct box_key *key,
                              int64_t now_s, uint32_t *ret_opened, uint32_t *ret_left);

/* --- lists ---------------------------------------------------------------------------------- */

/* Writes members as text (national code and phone shortened), or whole as one JSON array. */
ST_CHECK enum st members_write(struct db *db, const char *who, const struct members_filter *filter,
                               bool as_json, int64_t now_s, FILE *out);
/* One member with all that is known, not shortened. ST_REFUSED: there is none. */
ST_CHECK enum st members_show(struct db *db, const char *who, uint64_t number, bool as_json,
                              int64_t now_s, FILE *out, struct fault *fault);
/* Who looked at or changed what, the newest first. */
ST_CHECK enum st members_write_access(struct db *db, uint32_t max, bool as_json, FILE *out);
/* One JSON object, without a line's end. */
ST_CHECK enum st member_write_json(const struct member *member, FILE *out);

#endif
