#include "server/members.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/entry.h"
#include "hal/base/bytes.h"
#include "server/groups.h"
#include "server/members_priv.h"
#include "server/numbers.h"

/* Prepares, binds, runs and finishes a statement that runs once. */
#define ONCE(st, db, sql, types, ...)                                                              \
    do {                                                                                           \
        struct db_stmt *once = NULL;                                                               \
        (st) = db_prepare(db, sql, types, &once);                                                  \
        if ((st) == ST_OK) {                                                                       \
            (st) = db_run(once, __VA_ARGS__);                                                      \
        }                                                                                          \
        db_finish(once);                                                                           \
    } while (0)

/* One number out of one row; 0 when there is none. */
static enum st read_number(struct db *db, const char *sql, const char *types, int64_t a,
                           const char *text, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db, sql, types, &stmt);
    if (st == ST_OK) {
        st = text != NULL ? db_first(stmt, &row, text, a) : db_first(stmt, &row, a);
    }
    *ret = st == ST_OK && row ? db_i64(stmt, 0) : 0;
    db_finish(stmt);
    return st;
}

/* --- rows ------------------------------------------------------------------------------------ */

static void copy_text(char *to, size_t max, const char *from)
{
    (void)snprintf(to, max, "%s", from == NULL ? "" : from);
}

enum st member_read(struct db_stmt *stmt, struct member *ret)
{
    *ret = (struct member){.account = (uint64_t)db_i64(stmt, 0),
                           .joined_at = db_i64(stmt, 1),
                           .terminal = (uint32_t)db_i64(stmt, 2),
                           .sequence = (uint32_t)db_i64(stmt, 3),
                           .is_sealed = db_i64(stmt, 16) > 0};
    ret->particulars = (struct particulars){.account = (uint8_t)db_i64(stmt, 4),
                                            .route = (uint8_t)db_i64(stmt, 5),
                                            .consent = (uint8_t)db_i64(stmt, 6),
                                            .group = (uint8_t)db_i64(stmt, 7),
                                            .kind = (uint8_t)db_i64(stmt, 8),
                                            .birthday = (uint16_t)db_i64(stmt, 9),
                                            .wedding = (uint16_t)db_i64(stmt, 10),
                                            .expires = (uint16_t)db_i64(stmt, 11),
                                            .invited_by = (uint64_t)db_i64(stmt, 12)};
    copy_text(ret->particulars.national_code, sizeof ret->particulars.national_code,
              db_text(stmt, 13));
    copy_text(ret->particulars.phone, sizeof ret->particulars.phone, db_text(stmt, 14));
    copy_text(ret->particulars.name, sizeof ret->particulars.name, db_text(stmt, 15));
    return particulars_are_valid(&ret->particulars) ? ST_OK : ST_CORRUPT;
}

enum st member_read_cards(struct db *db, struct member *member)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT card_no FROM member_card WHERE account = $1"
                            " ORDER BY at DESC, card_no DESC LIMIT $2",
                            "ii", &stmt);
    member->card_count = 0;
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)member->account, (int64_t)MEMBERS_CARDS_MAX);
    }
    while (st == ST_OK && row && member->card_count < MEMBERS_CARDS_MAX) {
        member->cards[member->card_count++] = (uint64_t)db_i64(stmt, 0);
        st = db_step(stmt, &row);
    }
    db_finish(stmt);
    return st;
}

enum st member_put(struct db *db, const struct member *member, const uint8_t *key_id,
                   const uint8_t *box, size_t box_size)
{
    const struct particulars *particulars = &member->particulars;
    enum st st = ST_OK;
    assert(particulars_are_valid(particulars));
    ONCE(st, db,
         "INSERT INTO member (account, joined_at, term_id, term_seq, kind, route, consent, grp,"
         " card_kind, birthday, wedding, expires, invited_by, national_code, phone, name, key_id,"
         " box) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
         " $18)",
         "iiiiiiiiiiiiitttbb", (int64_t)member->account, member->joined_at,
         (int64_t)member->terminal, (int64_t)member->sequence, (int64_t)particulars->account,
         (int64_t)particulars->route, (int64_t)particulars->consent, (int64_t)particulars->group,
         (int64_t)particulars->kind, (int64_t)particulars->birthday, (int64_t)particulars->wedding,
         (int64_t)particulars->expires, (int64_t)particulars->invited_by,
         particulars->national_code, particulars->phone, particulars->name,
         box == NULL ? (const uint8_t *)"" : key_id,
         box == NULL ? (size_t)0 : (size_t)BOX_KEY_ID_BYTES,
         box == NULL ? (const uint8_t *)"" : box, box == NULL ? (size_t)0 : box_size);
    return st;
}

enum st member_put_particulars(struct db *db, uint64_t account,
                               const struct particulars *particulars)
{
    enum st st = ST_OK;
    assert(particulars_are_valid(particulars));
    ONCE(st, db,
         "UPDATE member SET kind = $2, route = $3, consent = $4, grp = $5, card_kind = $6,"
         " birthday = $7, wedding = $8, expires = $9, invited_by = $10, national_code = $11,"
         " phone = $12, name = $13, key_id = $14, box = $14 WHERE account = $1",
         "iiiiiiiiiitttb", (int64_t)account, (int64_t)particulars->account,
         (int64_t)particulars->route, (int64_t)particulars->consent, (int64_t)particulars->group,
         (int64_t)particulars->kind, (int64_t)particulars->birthday, (int64_t)particulars->wedding,
         (int64_t)particulars->expires, (int64_t)particulars->invited_by,
         particulars->national_code, particulars->phone, particulars->name, (const uint8_t *)"",
         (size_t)0);
    return st;
}

enum st member_account_of(struct db *db, uint64_t number, uint64_t *ret_account)
{
    int64_t found = 0;
    enum st st = read_number(db, "SELECT account FROM member WHERE account = $1", "i",
                             (int64_t)number, NULL, &found);
    if (st == ST_OK && found == 0) {
        st = read_number(db, "SELECT account FROM member_card WHERE card_no = $1", "i",
                         (int64_t)number, NULL, &found);
    }
    *ret_account = (uint64_t)found;
    return st;
}

enum st member_with_code(struct db *db, const char *national_code, uint64_t but,
                         uint64_t *ret_account)
{
    int64_t found = 0;
    const enum st st = national_code[0] == '\0'
                           ? ST_OK
                           : read_number(db,
                                         "SELECT account FROM member WHERE national_code = $1"
                                         " AND account <> $2 ORDER BY joined_at LIMIT 1",
                                         "ti", (int64_t)but, national_code, &found);
    *ret_account = (uint64_t)found;
    return st;
}

enum st member_newest_card(struct db *db, uint64_t account, uint64_t *ret_card)
{
    int64_t found = 0;
    const enum st st =
        read_number(db,
                    "SELECT card_no FROM member_card WHERE account = $1 AND card_no NOT IN"
                    " (SELECT card_no FROM hotlist WHERE card_no IN"
                    " (SELECT card_no FROM member_card WHERE account = $1))"
                    " ORDER BY at DESC, card_no DESC LIMIT 1",
                    "i", (int64_t)account, NULL, &found);
    *ret_card = (uint64_t)found;
    return st;
}

enum st access_note(struct db *db, const char *who, const char *what, uint64_t account,
                    int64_t now_s)
{
    enum st st = ST_OK;
    assert(who[0] != '\0' && strlen(who) <= MEMBERS_WHO_MAX);
    ONCE(st, db,
         "INSERT INTO access (no, at, who, what, account)"
         " SELECT COALESCE(max(no), 0) + 1, $1, $2, $3, $4 FROM access",
         "itti", now_s, who, what, (int64_t)account);
    return st;
}

/* --- transactions ----------------------------------------------------------------------------- */

static enum st begin(struct db *db, struct fault *fault)
{
    const enum st st = db_begin_write(db);
    if (st != ST_OK && fault != NULL) {
        *fault = *db_fault(db);
    }
    return st;
}

static enum st end(struct db *db, enum st st)
{
    if (st == ST_OK) {
        st = db_commit(db);
    }
    if (st != ST_OK) {
        db_rollback(db);
    }
    return st;
}

/* --- looking ---------------------------------------------------------------------------------- */

enum st member_get(struct db *db, uint64_t number, struct member *ret, bool *ret_found)
{
    uint64_t account = 0;
    struct db_stmt *stmt = NULL;
    *ret_found = false;
    enum st st = member_account_of(db, number, &account);
    if (st != ST_OK || account == 0) {
        return st;
    }
    st = db_prepare(db, "SELECT " MEMBER_COLUMNS " FROM member WHERE account = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret_found, (int64_t)account);
    }
    if (st == ST_OK && *ret_found) {
        st = member_read(stmt, ret);
    }
    db_finish(stmt);
    return st == ST_OK && *ret_found ? member_read_cards(db, ret) : st;
}

enum st members_get(struct db *db, const char *who, uint64_t number, int64_t now_s,
                    struct member *ret, bool *ret_found)
{
    enum st st = begin(db, NULL);
    if (st != ST_OK) {
        return st;
    }
    st = member_get(db, number, ret, ret_found);
    if (st == ST_OK && *ret_found) {
        st = access_note(db, who, "show", ret->account, now_s);
    }
    return end(db, st);
}

/* --- changing --------------------------------------------------------------------------------- */

static enum st refuse_unasked(const struct particulars *particulars, struct fault *fault)
{
    if (particulars_lack_consent(particulars)) {
        fault_say(fault, "They have not agreed that the club keeps this: set consent to membership "
                         "or all when they have.");
        return ST_REFUSED;
    }
    return ST_OK;
}

static enum st refuse_code(struct db *db, const char *code, uint64_t but, uint64_t *ret_account,
                           struct fault *fault)
{
    const enum st st = member_with_code(db, code, but, ret_account);
    if (st == ST_OK && *ret_account != 0) {
        fault_say(fault, "This national code is the member's with account %016" PRIu64 ".",
                  *ret_account);
        return ST_REFUSED;
    }
    return st;
}

enum st members_add_within(struct db *db, const char *who, const struct particulars *particulars,
                           int64_t now_s, uint64_t *ret_account, struct fault *fault)
{
    struct member member = {.joined_at = now_s, .particulars = *particulars};
    uint64_t other = 0;
    enum st st = refuse_unasked(particulars, fault);
    if (st != ST_OK) {
        *ret_account = 0;
        return st;
    }
    st = refuse_code(db, particulars->national_code, 0, &other, fault);
    if (st == ST_REFUSED) {
        *ret_account = other;
    }
    if (st == ST_OK && particulars->group == 0) {
        st = groups_choose(db, &member.particulars, now_s);
    }
    if (st == ST_OK) {
        st = numbers_take(db, now_s, &member.account);
    }
    if (st == ST_OK) {
        st = member_put(db, &member, NULL, NULL, 0);
    }
    if (st == ST_OK) {
        st = access_note(db, who, "add", member.account, now_s);
    }
    if (st == ST_OK) {
        *ret_account = member.account;
    }
    return st;
}

enum st members_add(struct db *db, const char *who, const struct particulars *particulars,
                    int64_t now_s, uint64_t *ret_account, struct fault *fault)
{
    const enum st st = begin(db, fault);
    return st != ST_OK
               ? st
               : end(db, members_add_within(db, who, particulars, now_s, ret_account, fault));
}

static enum st set_within(struct db *db, const char *who, uint64_t number, const char *field,
                          const char *text, int64_t now_s, struct fault *fault)
{
    struct member member;
    bool found = false;
    uint64_t other = 0;
    char what[64];
    enum st st = member_get(db, number, &member, &found);
    if (st == ST_OK && (!found || member.is_sealed)) {
        fault_say(fault, found ? "What this member said is sealed still: open it first."
                               : "There is no member with this account or card.");
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = particulars_set(&member.particulars, field, text, fault);
        st = st == ST_REFUSED ? ST_FOREIGN : st;
    }
    if (st == ST_OK && strcmp(field, "consent") == 0 &&
        particulars_lack_consent(&member.particulars)) {
        particulars_forget(&member.particulars);
    } else if (st == ST_OK) {
        st = refuse_unasked(&member.particulars, fault);
    }
    if (st == ST_OK && strcmp(field, "national_code") == 0) {
        st = refuse_code(db, member.particulars.national_code, member.account, &other, fault);
    }
    if (st == ST_OK) {
        st = member_put_particulars(db, member.account, &member.particulars);
    }
    (void)snprintf(what, sizeof what, "set %.40s", field);
    return st == ST_OK ? access_note(db, who, what, member.account, now_s) : st;
}

enum st members_set(struct db *db, const char *who, uint64_t number, const char *field,
                    const char *text, int64_t now_s, struct fault *fault)
{
    const enum st st = begin(db, fault);
    return st != ST_OK ? st : end(db, set_within(db, who, number, field, text, now_s, fault));
}

enum st member_send_group(struct actions *actions, uint64_t card, uint8_t group, int64_t now_s,
                          struct fault *fault)
{
    char ref[ACTIONS_REF_MAX + 1];
    const struct action_order order = {.action = {.kind = ACTION_GROUP,
                                                  .origin = ORIGIN_CORRECTION,
                                                  .card_number = card,
                                                  .value = group},
                                       .ref = ref,
                                       .giver = "",
                                       .is_unseen_fine = true};
    struct action_made made;
    (void)snprintf(ref, sizeof ref, "group/%" PRIu64 "/%u/%" PRId64, card, group, now_s);
    return actions_make_within(actions, &order, now_s, &made, fault);
}

static enum st move_within(struct db *db, struct actions *actions, const char *who, uint64_t number,
                           uint8_t group, int64_t now_s, struct fault *fault)
{
    char text[8];
    uint64_t account = 0, card = 0;
    (void)snprintf(text, sizeof text, "%u", group);
    enum st st = set_within(db, who, number, "group", text, now_s, fault);
    if (st == ST_OK) {
        st = member_account_of(db, number, &account);
    }
    if (st == ST_OK) {
        st = member_newest_card(db, account, &card);
    }
    return st == ST_OK && card != 0 ? member_send_group(actions, card, group, now_s, fault) : st;
}

enum st members_move(struct db *db, struct actions *actions, const char *who, uint64_t number,
                     uint8_t group, int64_t now_s, struct fault *fault)
{
    const enum st st = begin(db, fault);
    return st != ST_OK ? st : end(db, move_within(db, actions, who, number, group, now_s, fault));
}

enum st members_card_within(struct db *db, uint64_t account, uint64_t card, int64_t now_s,
                            struct fault *fault)
{
    int64_t owner = 0;
    enum st st = read_number(db, "SELECT account FROM member_card WHERE card_no = $1", "i",
                             (int64_t)card, NULL, &owner);
    if (st != ST_OK || owner == (int64_t)account) {
        return st;
    }
    if (owner != 0) {
        fault_say(fault, "Card %016" PRIu64 " is the member's with account %016" PRId64 ".", card,
                  owner);
        return ST_REFUSED;
    }
    ONCE(st, db, "INSERT INTO member_card (card_no, account, at) VALUES ($1, $2, $3)", "iii",
         (int64_t)card, (int64_t)account, now_s);
    return st;
}

/* --- opening ---------------------------------------------------------------------------------- */

struct sealed {
    uint64_t account;
    uint8_t key_id[BOX_KEY_ID_BYTES];
    uint8_t box[MEMBER_BOX_BYTES];
};

static enum st next_sealed(struct db *db, uint64_t after, struct sealed *ret, bool *ret_found)
{
    struct db_stmt *stmt = NULL;
    size_t id_size = 0, box_size = 0;
    enum st st = db_prepare(db,
                            "SELECT account, key_id, box FROM member WHERE length(box) > 0"
                            " AND account > $1 ORDER BY account LIMIT 1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret_found, (int64_t)after);
    }
    if (st == ST_OK && *ret_found) {
        const void *id = db_bytes(stmt, 1, &id_size), *box = db_bytes(stmt, 2, &box_size);
        ret->account = (uint64_t)db_i64(stmt, 0);
        if (id_size != sizeof ret->key_id || box_size != sizeof ret->box) {
            st = ST_CORRUPT;
        } else {
            memcpy(ret->key_id, id, id_size);
            memcpy(ret->box, box, box_size);
        }
    }
    db_finish(stmt);
    return st;
}

/* ST_DENIED: for another key, or damaged: it stays sealed. */
static enum st open_one(struct db *db, const char *who, const struct box_key *key,
                        const struct sealed *sealed, int64_t now_s)
{
    uint8_t image[PARTICULARS_BYTES];
    struct particulars particulars;
    enum st st = box_open(key, PARTICULARS_INFO, NULL, 0, sealed->box, sizeof sealed->box, image);
    if (st == ST_OK && particulars_decode(image, &particulars) != ST_OK) {
        st = ST_DENIED;
    }
    bytes_wipe(image, sizeof image);
    if (st != ST_OK) {
        return st;
    }
    if (particulars_lack_consent(&particulars)) {
        particulars_forget(&particulars); /* a terminal that takes it all the same */
    }
    st = begin(db, NULL);
    if (st != ST_OK) {
        return st;
    }
    st = member_put_particulars(db, sealed->account, &particulars);
    if (st == ST_OK) {
        st = access_note(db, who, "open", sealed->account, now_s);
    }
    return end(db, st);
}

enum st members_open(struct db *db, const char *who, const struct box_key *key, int64_t now_s,
                     uint32_t *ret_opened, uint32_t *ret_left)
{
    struct sealed sealed = {.account = 0};
    bool found = true;
    enum st st = ST_OK;
    *ret_opened = *ret_left = 0;
    while (st == ST_OK && found) {
        st = next_sealed(db, sealed.account, &sealed, &found);
        if (st == ST_OK && found) {
            st = open_one(db, who, key, &sealed, now_s);
            *ret_opened += st == ST_OK;
            *ret_left += st == ST_DENIED;
            st = st == ST_DENIED ? ST_OK : st;
        }
    }
    return st;
}
