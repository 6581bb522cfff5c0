/* members_priv.h - what the parts of members share: members.c (rows), members_list.c (what people
 * see), members_post.c (what terminals bring; for the ledger). */
#ifndef SERVER_MEMBERS_PRIV_H
#define SERVER_MEMBERS_PRIV_H

#include "server/actions.h"
#include "server/members.h"

/* Columns of a member in the order that member_read() takes them. */
#define MEMBER_COLUMNS                                                                             \
    "account, joined_at, term_id, term_seq, kind, route, consent, grp, card_kind, birthday,"       \
    " wedding, expires, invited_by, national_code, phone, name, length(box)"
struct db_stmt;
/* ST_CORRUPT: a row that we did not write. Cards are not read. */
ST_CHECK enum st member_read(struct db_stmt *stmt, struct member *ret);
ST_CHECK enum st member_read_cards(struct db *db, struct member *member);

/* The member with this account's or card's number. */
ST_CHECK enum st member_get(struct db *db, uint64_t number, struct member *ret, bool *ret_found);
/* Inside the caller's write transaction. `box` NULL: opened, or there was none. */
ST_CHECK enum st member_put(struct db *db, const struct member *member, const uint8_t *key_id,
                            const uint8_t *box, size_t box_size);
ST_CHECK enum st member_put_particulars(struct db *db, uint64_t account,
                                        const struct particulars *particulars);
/* The account of an account's or card's number; 0: nobody's. */
ST_CHECK enum st member_account_of(struct db *db, uint64_t number, uint64_t *ret_account);
/* Another account with that national code; 0: none. */
ST_CHECK enum st member_with_code(struct db *db, const char *national_code, uint64_t but,
                                  uint64_t *ret_account);
/* The member's newest card that is not on the hotlist; 0: none. */
ST_CHECK enum st member_newest_card(struct db *db, uint64_t account, uint64_t *ret_card);
/* Inside the caller's write transaction: the card takes the group at its next tap. */
ST_CHECK enum st member_send_group(struct actions *actions, uint64_t card, uint8_t group,
                                   int64_t now_s, struct fault *fault);
ST_CHECK enum st access_note(struct db *db, const char *who, const char *what, uint64_t account,
                             int64_t now_s);

#endif
