/* What a card says of itself, as the club knows it, and that a new card says it, too (lost_priv.h).
 *
 * A counter that makes a card in the place of a lost one may not know its kind and its last day.
 * What these bind is gift and voucher, and none of that is on a new card before the books have
 * settled: so the club writes them first (docs/decisions/0016-particulars.md). */
#include <inttypes.h>
#include <stdio.h>

#include "server/actions_priv.h"
#include "server/lost_priv.h"

/* What was planned for the card when it was made. */
static enum st said_at_first(struct db *db, uint64_t card, struct action_particulars *ret,
                             bool *ret_known)
{
    struct entry entry;
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT r.raw FROM txn t JOIN rec r ON r.term_id = t.term_id"
                            " AND r.term_seq = t.term_seq WHERE t.card_no = $1 AND t.card_ctr = 1",
                            "i", &stmt);
    *ret_known = false;
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)card);
    }
    if (st == ST_OK && row) {
        size_t size = 0;
        const void *raw = db_bytes(stmt, 0, &size);
        const struct occasion *occasion = &entry.intent.occasion;
        *ret_known = entry_decode(raw, size, &entry) == ST_OK && entry.kind == ENTRY_INTENT &&
                     occasion->has_identity;
        if (*ret_known) {
            *ret = (struct action_particulars){.kind = occasion->kind,
                                               .birthday = occasion->birthday,
                                               .wedding = occasion->wedding,
                                               .expires = occasion->expires};
        }
    }
    db_finish(stmt);
    return st;
}

enum st card_said(struct db *db, uint64_t card, struct action_particulars *ret, bool *ret_known)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = said_at_first(db, card, ret, ret_known);
    if (st == ST_OK) {
        st = db_prepare(db,
                        "SELECT amount FROM action WHERE card_no = $1 AND kind = $2 AND state = $3"
                        " ORDER BY number DESC LIMIT 1",
                        "iii", &stmt);
    }
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)card, (int64_t)ACTION_PARTICULARS,
                      (int64_t)ACTION_APPLIED);
    }
    if (st == ST_OK && row) {
        *ret = action_particulars(db_i64(stmt, 0));
        *ret_known = true;
    }
    db_finish(stmt);
    return st;
}

/* What a card in the place of `old` has to say, where the counter did not know: and never a later
 * last day than that one's. */
static struct action_particulars heir(const struct action_particulars *old,
                                      const struct action_particulars *said)
{
    struct action_particulars all = *said;
    all.kind = all.kind != 0 ? all.kind : old->kind;
    all.birthday = all.birthday != 0 ? all.birthday : old->birthday;
    all.wedding = all.wedding != 0 ? all.wedding : old->wedding;
    if (old->expires != 0 && (all.expires == 0 || all.expires > old->expires)) {
        all.expires = old->expires;
    }
    return all;
}

enum st lost_follow_said(struct actions *actions, const struct lost_row *row, int64_t now_s,
                         struct fault *fault)
{
    struct action_particulars old, said = {.kind = 0};
    struct action_made made;
    struct action_row made_before;
    bool is_known = false, is_there = false;
    char ref[ACTIONS_REF_MAX + 1];
    enum st st = card_said(actions->db, row->card, &old, &is_known);
    if (st != ST_OK || !is_known) {
        return st;
    }
    st = card_said(actions->db, row->new_card, &said, &is_known);
    const struct action_particulars wanted = heir(&old, &said);
    const int64_t amount = action_particulars_pack(&wanted);
    if (st != ST_OK || amount == action_particulars_pack(&said)) {
        return st;
    }
    (void)snprintf(ref, sizeof ref, "%016" PRIu64 "/%s", row->card,
                   action_kind_word(ACTION_PARTICULARS));
    st = row_by_ref(actions, ORIGIN_REPLACEMENT, ref, &made_before, &is_there);
    if (st != ST_OK || (is_there && made_before.state != ACTION_STRAY)) {
        return st; /* on its way, or a person said something else since */
    }
    const struct action_order order = {
        .action = {.kind = ACTION_PARTICULARS,
                   .origin = ORIGIN_REPLACEMENT,
                   .card_number = row->new_card,
                   .amount = is_there ? made_before.action.amount : amount},
        .ref = ref,
        .giver = "",
        .is_unseen_fine = true};
    st = order_take(actions, &order, now_s, &made, fault);
    return st == ST_REFUSED ? ST_OK : st; /* no number is left: as a release (lost_tend.c) */
}
