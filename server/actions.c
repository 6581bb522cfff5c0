#include "server/actions.h"

#include <gnutls/crypto.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "server/actions_priv.h"
#include "server/lost.h"
#include "server/settled.h"

enum st actions_end(struct actions *actions, enum st st, struct fault *fault)
{
    st = st == ST_OK ? db_commit(actions->db) : st;
    if (st != ST_OK) {
        if (fault->say[0] == '\0') {
            fault_say(fault, "%s", db_fault(actions->db)->say);
        }
        books_forget(actions);
        db_rollback(actions->db);
    }
    return st;
}

enum st actions_look(struct actions *actions)
{
    actions->layout = 0;
    return settled_is_forgetful(actions->db, true, &actions->is_held);
}

/* --- what an order must say ---------------------------------------------------------------- */

static int64_t amount_max(enum action_kind kind)
{
    switch (kind) {
    case ACTION_CREDIT:
    case ACTION_TAKE_CREDIT:
        return snapshot_purse_max(PURSE_CREDIT);
    case ACTION_GIFT:
        return snapshot_purse_max(PURSE_GIFT);
    case ACTION_VOUCHER:
        return snapshot_purse_max(PURSE_VOUCHER);
    case ACTION_POINTS:
        return POINTS_MAX;
    case ACTION_TAKE_POINTS:
        return REDEEMED_MAX;
    case ACTION_VOID:
    case ACTION_TIER:
    case ACTION_GROUP:
    case ACTION_BLOCK:
    case ACTION_UNBLOCK:
    case ACTION_OFFER:
    case ACTION_STAMPS:
    case ACTION_PARTICULARS:
    case ACTION_LAYOUT:
        break;
    }
    return 0;
}

/* UTF-8 of min..max bytes without control characters. */
static bool text_is_good(const char *text, size_t min, size_t max)
{
    const size_t size = strlen(text);
    json_t *value = size >= min && size <= max ? json_stringn(text, size) : NULL;
    bool is_good = value != NULL;
    for (size_t i = 0; i < size && is_good; i++) {
        is_good = (unsigned char)text[i] >= ' ' && text[i] != 0x7f;
    }
    json_decref(value);
    return is_good;
}

static enum st check_order(const struct action_order *order, int64_t now_s, struct fault *fault)
{
    const struct action *action = &order->action;
    struct action tried = *action;
    const int64_t most = amount_max(action->kind);
    tried.number = 1;
    tried.id = 1;
    if (!text_is_good(order->ref, 1, ACTIONS_REF_MAX) ||
        !text_is_good(order->giver, 0, ACTIONS_GIVER_MAX)) {
        fault_say(fault, "A reference has 1 to %d bytes of text, a giver at most %d.",
                  ACTIONS_REF_MAX, ACTIONS_GIVER_MAX);
    } else if (action->kind == ACTION_VOID) {
        fault_say(fault, "A void is the club's own: withdraw the action instead.");
    } else if (most > 0 && (action->amount < 1 || action->amount > most)) {
        fault_say(fault, "The amount of %s is from 1 to %" PRId64 ", not %" PRId64 ".",
                  action_kind_word(action->kind), most, action->amount);
    } else if (!action_is_valid(&tried)) {
        fault_say(fault,
                  "This is not an action that a card can take: look at the kind's value "
                  "(docs/club.md), at the text, at most %d bytes, and that particulars have no "
                  "last day of their own.",
                  ACTION_TEXT_BYTES);
    } else if (action->until_s != 0 && action->until_s < now_s) {
        fault_say(fault, "It would end before it begins: its last day is past.");
        return ST_REFUSED;
    } else {
        return ST_OK;
    }
    return ST_FOREIGN;
}

/* The same order always has the same number, also at a club that was restored and forgot it. */
static uint64_t id_of(enum action_origin origin, const char *ref)
{
    uint8_t text[1 + ACTIONS_REF_MAX], hash[32];
    const size_t size = strlen(ref);
    text[0] = (uint8_t)origin;
    memcpy(text + 1, ref, size);
    int rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, text, 1 + size, hash);
    assert(rc == 0 && "SHA-256 of memory cannot fail");
    return get_le64(hash) >> 1;
}

const char *actions_say_own(enum action_origin origin)
{
    return origin == ORIGIN_TRANSFER
               ? "Actions of origin transfer are the club's own: see vafa-club transfer release."
           : origin == ORIGIN_REPLACEMENT
               ? "Actions of origin replacement are the club's own: they bring what a lost card "
                 "carried (vafa-club lost show). For anything else say correction."
               : NULL;
}

/* --- making -------------------------------------------------------------------------------- */

static enum st ref_get(struct actions *actions, uint64_t id, uint64_t *ret_card, bool *ret_found)
{
    struct db_stmt *stmt = actions->sql[ASQL_REF_GET];
    enum st st = db_first(stmt, ret_found, (int64_t)id);
    *ret_card = st == ST_OK && *ret_found ? (uint64_t)db_i64(stmt, 0) : 0;
    db_reset(stmt);
    return st;
}

enum st row_by_ref(struct actions *actions, enum action_origin origin, const char *ref,
                   struct action_row *ret, bool *ret_found)
{
    const uint64_t id = id_of(origin, ref);
    uint64_t card = 0;
    const enum st st = ref_get(actions, id, &card, ret_found);
    return st == ST_OK && *ret_found ? row_get(actions, card, id, ret, ret_found) : st;
}

static bool is_same_order(const struct action_row *row, const struct action_order *order)
{
    const struct action *a = &row->action, *b = &order->action;
    return a->kind == b->kind && a->value == b->value && a->amount == b->amount &&
           a->until_s == b->until_s && strcmp(a->text, b->text) == 0 &&
           (row->state == ACTION_STRAY || strcmp(row->ref, order->ref) == 0);
}

/* A card had taken it before the club knew of it: a backup had made it forget the order. Its money
 * comes from the giver after all, or goes there: what it took off the card. */
static enum st adopt(struct actions *actions, const struct action_order *order,
                     struct action_row *row)
{
    enum book book;
    (void)snprintf(row->ref, sizeof row->ref, "%s", order->ref);
    (void)snprintf(row->giver, sizeof row->giver, "%s", order->giver);
    row->charge = order->charge;
    row->state = ACTION_APPLIED;
    row->was = ACTION_WAITING;
    if (!row_money(&row->action, &book)) {
        book = row->action.kind == ACTION_TAKE_POINTS ? BOOK_POINTS : BOOK_CREDIT;
    }
    books_move(actions, book, source_of(row->action.origin), row->account, row->done);
    row->account = source_of(row->action.origin);
    return row_set(actions, row);
}

static enum st make_again(struct actions *actions, const struct action_order *order, uint64_t id,
                          uint64_t card, struct action_made *ret, struct fault *fault)
{
    struct action_row row;
    bool found = false;
    enum st st = row_get(actions, card, id, &row, &found);
    if (st == ST_OK && !found) {
        return ST_CORRUPT;
    }
    if (st == ST_OK && (card != order->action.card_number || !is_same_order(&row, order))) {
        fault_say(fault,
                  "Reference \"%.40s\" stands for another action already, of card %016" PRIu64
                  ": give this one a reference of its own.",
                  order->ref, card);
        return ST_REFUSED;
    }
    if (st == ST_OK && row.state == ACTION_STRAY) {
        st = adopt(actions, order, &row);
    }
    *ret = (struct action_made){.id = id, .number = row.action.number};
    return st;
}

static enum st card_is_known(struct actions *actions, uint64_t card, struct fault *fault)
{
    struct db_stmt *stmt = actions->sql[ASQL_CARD_SEEN];
    bool found = false;
    const enum st st = db_first(stmt, &found, (int64_t)card);
    db_reset(stmt);
    if (st == ST_OK && !found) {
        fault_say(fault,
                  "The club has never heard of card %016" PRIu64
                  ": sync the terminal that issued it, or look at the number again.",
                  card);
        return ST_REFUSED;
    }
    return st;
}

/* --- layouts ------------------------------------------------------------------------------- */

/* What the terminals told. Once in a transaction: a charge asks for each of its cards. */
static enum st look_at_readers(struct actions *actions)
{
    struct db_stmt *stmt = actions->sql[ASQL_READERS];
    bool found = false;
    if (actions->layout != 0) {
        return ST_OK;
    }
    const enum st st = db_first(stmt, &found);
    if (st == ST_OK) {
        actions->layout = found ? (uint8_t)db_i64(stmt, 0) : SNAPSHOT_LAYOUT_MAX;
        actions->behind = found ? (uint32_t)db_i64(stmt, 1) : 0;
    }
    db_reset(stmt);
    return st;
}

/* A terminal refuses each card of a layout that it cannot read, so none is brought to such a one.
 */
static enum st check_readers(struct actions *actions, const struct action *action,
                             struct fault *fault)
{
    if (action->kind != ACTION_LAYOUT) {
        return ST_OK;
    }
    const enum st st = look_at_readers(actions);
    if (st == ST_OK && actions->layout < action->value) {
        fault_say(fault,
                  "Terminal %u does not read cards of layout %u, or has not said yet that it does: "
                  "update it and let it sync, or revoke it.",
                  actions->behind, action->value);
        return ST_REFUSED;
    }
    return st;
}

/* --- new orders ---------------------------------------------------------------------------- */

/* `asked`: the card that the giver named; another one may be in its place. */
static enum st make_new(struct actions *actions, const struct action_order *order, uint64_t id,
                        uint64_t asked, int64_t now_s, struct action_made *ret, struct fault *fault)
{
    struct action_row row = {.action = order->action,
                             .charge = order->charge,
                             .made_at = now_s,
                             .state = ACTION_WAITING,
                             .was = ACTION_WAITING,
                             .is_due = true};
    enum book book;
    row.action.id = id;
    row.action.number = 0;
    (void)snprintf(row.ref, sizeof row.ref, "%s", order->ref);
    (void)snprintf(row.giver, sizeof row.giver, "%s", order->giver);
    enum st st =
        order->is_unseen_fine ? ST_OK : card_is_known(actions, row.action.card_number, fault);
    if (st == ST_OK) {
        st = check_readers(actions, &row.action, fault);
    }
    if (st == ST_OK) {
        st = db_run(actions->sql[ASQL_REF_PUT], (int64_t)id, (int64_t)row.action.card_number,
                    (int64_t)(asked == row.action.card_number ? 0 : asked));
    }
    if (st == ST_OK) {
        st = row_put(actions, &row);
    }
    if (st == ST_OK && row_money(&row.action, &book)) {
        books_move(actions, book, source_of(row.action.origin), ACCOUNT_PENDING, row.action.amount);
    }
    if (st == ST_OK && actions->signer != NULL && !actions->is_held) {
        st = row_offer(actions, &row, now_s, fault);
    }
    *ret = (struct action_made){.id = id, .is_new = true, .number = row.action.number};
    return st;
}

/* The same order for the card that is in the ordered one's place now. Whether a card is blocked is
 * that card's own affair. */
static enum st follow(struct actions *actions, struct action_order *order)
{
    const enum action_kind kind = order->action.kind;
    return kind == ACTION_BLOCK || kind == ACTION_UNBLOCK
               ? ST_OK
               : card_taker(actions->db, order->action.card_number, &order->action.card_number);
}

enum st order_take(struct actions *actions, const struct action_order *order, int64_t now_s,
                   struct action_made *ret, struct fault *fault)
{
    struct action_order now = *order;
    uint64_t card = 0;
    bool found = false;
    enum st st = check_order(order, now_s, fault);
    const uint64_t id = st == ST_OK ? id_of(order->action.origin, order->ref) : 0;
    if (st == ST_OK) {
        st = ref_get(actions, id, &card, &found);
    }
    if (st == ST_OK && !(found && card == order->action.card_number)) {
        st = follow(actions, &now);
    }
    if (st != ST_OK) {
        return st;
    }
    return found ? make_again(actions, &now, id, card, ret, fault)
                 : make_new(actions, &now, id, order->action.card_number, now_s, ret, fault);
}

enum st actions_make_within(struct actions *actions, const struct action_order *order,
                            int64_t now_s, struct action_made *ret, struct fault *fault)
{
    enum st st = actions_look(actions);
    if (st == ST_OK) {
        st = order_take(actions, order, now_s, ret, fault);
    }
    if (st == ST_OK) {
        st = books_flush(actions, now_s);
    }
    if (st != ST_OK) {
        books_forget(actions);
    }
    return st;
}

enum st actions_can_seal(const struct actions *actions, struct fault *fault)
{
    if (actions->signer != NULL) {
        return ST_OK;
    }
    fault_say(fault, "Actions are sealed with the club's key, which is not here.");
    return ST_REFUSED;
}

enum st actions_begin(struct actions *actions, struct fault *fault)
{
    enum st st = actions_can_seal(actions, fault);
    if (st != ST_OK) {
        return st;
    }
    st = db_begin_write(actions->db);
    if (st == ST_OK) {
        st = actions_look(actions);
    }
    return st == ST_OK ? ST_OK : actions_end(actions, st, fault);
}

enum st actions_finish(struct actions *actions, enum st st, int64_t now_s, struct fault *fault)
{
    if (st == ST_OK) {
        st = books_flush(actions, now_s);
    }
    return actions_end(actions, st, fault);
}

enum st actions_make(struct actions *actions, const struct action_order *orders, size_t count,
                     int64_t now_s, struct action_made *ret, struct fault *fault)
{
    enum st st = actions_begin(actions, fault);
    if (st != ST_OK) {
        return st;
    }
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        st = order_take(actions, &orders[i], now_s, &ret[i], fault);
    }
    return actions_finish(actions, st, now_s, fault);
}

/* --- withdrawing --------------------------------------------------------------------------- */

static enum st withdraw(struct actions *actions, enum action_origin origin, const char *ref,
                        int64_t now_s, struct fault *fault)
{
    struct action_row row = {.offer = 0};
    struct action_card numbers;
    bool found = false;
    enum st st = row_by_ref(actions, origin, ref, &row, &found);
    if (st == ST_OK && !found) {
        fault_say(fault, "There is no action with reference \"%.60s\" of that origin.", ref);
        return ST_REFUSED;
    }
    const uint64_t card = row.action.card_number;
    if (st == ST_OK) {
        st = numbers_get(actions, card, &numbers);
    }
    if (st != ST_OK || row.state == ACTION_ENDED || row.state == ACTION_RETURNED) {
        return st;
    }
    if (row.state != ACTION_WAITING ||
        (row.action.number != 0 && row.action.number <= numbers.passed)) {
        fault_say(fault, "Card %016" PRIu64 " has taken this action already (its number %u).", card,
                  row.action.number);
        return ST_REFUSED;
    }
    if (row.action.kind == ACTION_PARTICULARS && row.action.number != 0) {
        fault_say(fault, "A card may say these particulars by half already: give it an action with "
                         "the right ones instead.");
        return ST_REFUSED;
    }
    st = row_end(actions, &row);
    return st == ST_OK && row.is_due ? row_offer(actions, &row, now_s, fault) : st;
}

/* Nothing has changed when it is refused. */
static enum st check_withdraw(const struct actions *actions, const char *ref, struct fault *fault)
{
    if (!text_is_good(ref, 1, ACTIONS_REF_MAX)) {
        fault_say(fault, "A reference has 1 to %d bytes of text.", ACTIONS_REF_MAX);
        return ST_FOREIGN;
    }
    return actions_can_seal(actions, fault);
}

enum st actions_withdraw_within(struct actions *actions, enum action_origin origin, const char *ref,
                                int64_t now_s, struct fault *fault)
{
    enum st st = check_withdraw(actions, ref, fault);
    if (st == ST_OK) {
        st = withdraw(actions, origin, ref, now_s, fault);
    }
    if (st == ST_OK) {
        st = books_flush(actions, now_s);
    }
    if (st != ST_OK) {
        books_forget(actions);
    }
    return st;
}

enum st actions_withdraw(struct actions *actions, enum action_origin origin, const char *ref,
                         int64_t now_s, struct fault *fault)
{
    enum st st = check_withdraw(actions, ref, fault);
    if (st != ST_OK) {
        return st;
    }
    st = db_begin_write(actions->db);
    if (st == ST_OK) {
        st = actions_withdraw_within(actions, origin, ref, now_s, fault);
    }
    return actions_end(actions, st, fault);
}
