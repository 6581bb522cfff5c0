/* What terminals are told of the cards that they reported (docs/sync.md, "Lost cards"). */
#include "server/card_view.h"
#include "server/lost_priv.h"
#include "server/members_priv.h"

/* What goes on with a new card: the card's own word, and the member's, as far as the club may read
 * it. Kind and last day are the card's: the programme may have chosen them. */
static enum st put_member(struct db *db, struct wire_vouch *vouch)
{
    struct member member;
    struct action_particulars card;
    bool found = false, is_known = false;
    enum st st = card_said(db, vouch->card_number, &card, &is_known);
    if (st == ST_OK) {
        st = member_get(db, vouch->card_number, &member, &found);
    }
    if (st == ST_OK && found) {
        vouch->account = member.account;
    }
    if (st == ST_OK && found && !member.is_sealed) {
        const struct particulars *said = &member.particulars;
        vouch->kind = said->kind;
        vouch->birthday = said->birthday;
        vouch->wedding = said->wedding;
        vouch->expires = said->expires;
    }
    if (st == ST_OK && is_known) {
        vouch->kind = card.kind;
        vouch->expires = card.expires;
        vouch->birthday = vouch->birthday != 0 ? vouch->birthday : card.birthday;
        vouch->wedding = vouch->wedding != 0 ? vouch->wedding : card.wedding;
    }
    return st;
}

static enum st vouch_of(struct db *db, const struct lost_row *row, struct wire_vouch *ret)
{
    struct standing standing;
    int64_t behind = 0;
    *ret = (struct wire_vouch){.card_number = row->card,
                               .replaced_by = row->new_card,
                               .is_settled = row->found_at == 0 && row->settled_at != 0};
    enum st st = standing_get(db, row->card, &standing);
    if (st == ST_OK && standing.is_there) {
        ret->status = (uint8_t)standing.snapshot.status;
        ret->tier = standing.snapshot.tier;
        ret->group = standing.snapshot.group;
        ret->points = standing.balance[BOOK_POINTS];
        ret->credit = standing.balance[BOOK_CREDIT];
        ret->gift = standing.balance[BOOK_GIFT];
        ret->voucher = standing.balance[BOOK_VOUCHER];
    }
    if (st == ST_OK) {
        st = books_as_of(db, &ret->as_of_s, &behind);
    }
    return st == ST_OK ? put_member(db, ret) : st;
}

/* The terminal's reports above `after`, in order, into ret; *cursor is the last one that was told.
 * `settled`: up to the first that is not settled yet. A card that was found needs no vouch. */
static enum st tell(struct db *db, uint32_t terminal, uint32_t after, bool settled,
                    uint32_t *cursor, struct wire_lost *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT term_seq, card_no FROM lostrep WHERE term_id = $1"
                            " AND term_seq > $2 AND event = 1 ORDER BY term_seq LIMIT $3",
                            "iii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal, (int64_t)after,
                      (int64_t)(WIRE_VOUCHES_MAX - ret->count));
    }
    while (st == ST_OK && row) {
        struct lost_row lost;
        st = lost_get(db, (uint64_t)db_i64(stmt, 1), &lost);
        const bool is_lost = lost.is_there && lost.found_at == 0;
        if (st != ST_OK || (settled && is_lost && lost.settled_at == 0)) {
            break;
        }
        *cursor = (uint32_t)db_i64(stmt, 0);
        if (is_lost) {
            st = vouch_of(db, &lost, &ret->list[ret->count++]);
        }
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    db_finish(stmt);
    return st;
}

/* The cards that were found since it was told of them. */
static enum st tell_found(struct db *db, uint32_t terminal, struct wire_lost *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT no, card_no FROM lost_again WHERE term_id = $1 AND no > $2"
                            " ORDER BY no LIMIT $3",
                            "iii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal, ret->again,
                      (int64_t)(WIRE_VOUCHES_MAX - ret->count));
    }
    while (st == ST_OK && row) {
        struct lost_row lost;
        ret->again = db_i64(stmt, 0);
        st = lost_get(db, (uint64_t)db_i64(stmt, 1), &lost);
        if (st == ST_OK) {
            st = vouch_of(db, &lost, &ret->list[ret->count++]);
        }
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    db_finish(stmt);
    return st;
}

enum st lost_news(struct db *db, uint32_t terminal, const struct wire_lost_have *have,
                  struct wire_lost *ret)
{
    *ret = (struct wire_lost){.known = have->known, .settled = have->settled, .again = have->again};
    enum st st = tell_found(db, terminal, ret);
    if (st == ST_OK && ret->count < WIRE_VOUCHES_MAX) {
        st = tell(db, terminal, have->settled, true, &ret->settled, ret);
    }
    ret->known = ret->known > ret->settled ? ret->known : ret->settled;
    if (st == ST_OK && ret->count < WIRE_VOUCHES_MAX) {
        st = tell(db, terminal, ret->known, false, &ret->known, ret);
    }
    ret->is_there = st == ST_OK && (ret->known != have->known || ret->settled != have->settled ||
                                    ret->again != have->again);
    return st;
}
