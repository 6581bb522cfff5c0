#include <inttypes.h>
#include <string.h>

#include "firmware/engine/media.h"
#include "hal/base/bytes.h"
#include "server/ledger_priv.h"
#include "server/members_priv.h"
#include "server/numbers.h"

/* --- particulars ------------------------------------------------------------------------------ */

/* Opens the box as far as the key is here. False: it stays sealed; *ret_is_bad says that it is for
 * our key and yet does not open, or not to particulars. */
static bool open_box(const struct ledger *ledger, const struct entry_member *entry,
                     struct particulars *ret, bool *ret_is_bad)
{
    uint8_t id[BOX_KEY_ID_BYTES], image[PARTICULARS_BYTES];
    *ret_is_bad = false;
    if (ledger->opener == NULL) {
        return false;
    }
    box_key_id(ledger->opener, id);
    if (memcmp(id, entry->key_id, sizeof id) != 0) {
        return false;
    }
    const bool is_good = box_open(ledger->opener, PARTICULARS_INFO, NULL, 0, entry->box,
                                  sizeof entry->box, image) == ST_OK &&
                         particulars_decode(image, ret) == ST_OK;
    bytes_wipe(image, sizeof image);
    *ret_is_bad = !is_good;
    return is_good;
}

static enum st say_bad_box(struct ledger *ledger, const struct item *item)
{
    return case_open(ledger, "member", item, item->entry.member.account, 0,
                     "What member %016" PRIu64 " said (entry %u of terminal %u) does not open with "
                     "the club's key: ask them again.",
                     item->entry.member.account, item->entry.sequence, item->entry.terminal);
}

/* Another account with the same national code: both stay, a person decides. */
static enum st say_double(struct ledger *ledger, const struct item *item, uint64_t other)
{
    return case_open(ledger, "member", item, item->entry.member.account, 0,
                     "Member %016" PRIu64 " (entry %u of terminal %u) has the national code of "
                     "member %016" PRIu64 ", whom it finds: ask them which account is to stay.",
                     item->entry.member.account, item->entry.sequence, item->entry.terminal, other);
}

/* They said it, the terminal took it, and they have not agreed to that. */
static enum st say_unasked(struct ledger *ledger, const struct item *item)
{
    return case_open(ledger, "member", item, item->entry.member.account, 0,
                     "Entry %u of terminal %u has particulars of member %016" PRIu64
                     " without their consent: the club has not kept them. Update that terminal.",
                     item->entry.sequence, item->entry.terminal, item->entry.member.account);
}

/* *ret_is_unasked: nothing that finds them may be kept either. */
static enum st new_member(struct ledger *ledger, const struct item *item, bool *ret_is_unasked)
{
    const struct entry_member *entry = &item->entry.member;
    struct member member = {.account = entry->account,
                            .joined_at = item->entry.time_s,
                            .terminal = item->entry.terminal,
                            .sequence = item->entry.sequence};
    bool is_bad = false, is_ours = false;
    uint64_t other = 0;
    particulars_init(&member.particulars);
    const bool is_open = entry->has_box && open_box(ledger, entry, &member.particulars, &is_bad);
    const bool is_sealed = entry->has_box && !is_open;
    if (is_sealed) {
        particulars_init(&member.particulars);
    }
    *ret_is_unasked = particulars_lack_consent(&member.particulars);
    if (*ret_is_unasked) {
        particulars_forget(&member.particulars);
    }
    enum st st = member_put(ledger->db, &member, entry->key_id, is_sealed ? entry->box : NULL,
                            sizeof entry->box);
    if (st == ST_OK && is_bad) {
        st = say_bad_box(ledger, item);
    }
    if (st == ST_OK && *ret_is_unasked) {
        st = say_unasked(ledger, item);
    }
    if (st == ST_OK) {
        st = member_with_code(ledger->db, member.particulars.national_code, entry->account, &other);
    }
    if (st == ST_OK && other != 0) {
        st = say_double(ledger, item, other);
    }
    if (st == ST_OK) {
        st = numbers_are_of(ledger->db, item->entry.terminal, entry->account, &is_ours);
    }
    bytes_wipe(&member, sizeof member);
    if (st == ST_OK && !is_ours) {
        st = case_open(ledger, "number", item, entry->account, 0,
                       "Entry %u of terminal %u gives a member number %016" PRIu64
                       ", which is not reserved for that terminal.",
                       item->entry.sequence, item->entry.terminal, entry->account);
    }
    return st;
}

/* --- cards and hashes ---------------------------------------------------------------------------
 */

/* A terminal that does not know the account of the card that is replaced names that card. */
static enum st post_card(struct ledger *ledger, const struct item *item)
{
    const struct entry_member *entry = &item->entry.member;
    struct fault fault = {""};
    uint64_t account = 0;
    if (entry->card_number == 0) {
        return ST_OK;
    }
    enum st st = member_account_of(ledger->db, entry->account, &account);
    if (st == ST_OK) {
        st = members_card_within(ledger->db, account == 0 ? entry->account : account,
                                 entry->card_number, item->entry.time_s, &fault);
    }
    return st == ST_REFUSED
               ? case_open(ledger, "member", item, entry->card_number, 0,
                           "Entry %u of terminal %u gives it to member %016" PRIu64 ": %s",
                           item->entry.sequence, item->entry.terminal, entry->account, fault.say)
               : st;
}

/* The number that a keyed hash finds stays with whoever it found first. */
static enum st post_hash(struct ledger *ledger, const struct item *item, enum media_kind kind,
                         const uint8_t tag[MEMBER_TAG_BYTES])
{
    const struct entry_member *entry = &item->entry.member;
    uint64_t first = 0, other = 0;
    enum st st =
        links_claim(ledger, item, (uint8_t)kind, entry->key_version, tag, entry->account, &first);
    if (st == ST_OK && first != entry->account && kind == MEDIA_NATIONAL_CODE) {
        st = member_account_of(ledger->db, first, &other);
        if (st == ST_OK && other != entry->account) {
            st = say_double(ledger, item, other == 0 ? first : other);
        }
    }
    return st;
}

/* The group that the card was issued with: the intent stands right before its member's entry. */
static enum st group_of_card(struct ledger *ledger, const struct item *item, uint8_t *ret)
{
    const struct item *intent = item > ledger->items ? item - 1 : NULL;
    struct item *earlier = NULL;
    enum st st = ST_OK;
    *ret = 0;
    if (intent == NULL && item->entry.sequence > 1) {
        st = record_load(ledger, item->entry.terminal, item->entry.sequence - 1, &earlier);
        intent = earlier;
    }
    if (st == ST_OK && intent != NULL && intent->entry.kind == ENTRY_INTENT &&
        intent->entry.intent.card_number == item->entry.member.card_number) {
        *ret = intent->entry.intent.after.group;
    }
    ledger->earlier_count -= earlier != NULL;
    return st;
}

/* A member's group reaches the card that they got at its next tap, unless it began with it. */
static enum st post_group(struct ledger *ledger, const struct item *item)
{
    const struct entry_member *entry = &item->entry.member;
    struct member member;
    struct fault fault = {""};
    bool found = false;
    uint8_t on_card = 0;
    enum st st = member_get(ledger->db, entry->account, &member, &found);
    if (st == ST_OK && found && entry->card_number != 0) {
        st = group_of_card(ledger, item, &on_card);
    }
    const uint8_t group = found ? member.particulars.group : 0;
    if (st != ST_OK || group == 0 || entry->card_number == 0 || group == on_card) {
        return st;
    }
    return member_send_group(ledger->actions, entry->card_number, group, ledger->now_s, &fault);
}

enum st members_post(struct ledger *ledger, const struct item *item)
{
    const struct entry_member *entry = &item->entry.member;
    struct member known;
    bool is_known = false, is_unasked = false;
    /* Without particulars it is a card for a member, whom another terminal may bring later. */
    enum st st = entry->has_box ? member_get(ledger->db, entry->account, &known, &is_known) : ST_OK;
    if (st == ST_OK && is_known) {
        return case_open(ledger, "member", item, entry->account, 0,
                         "Entry %u of terminal %u makes a member of number %016" PRIu64
                         ", which is a member's already: the first stays.",
                         item->entry.sequence, item->entry.terminal, entry->account);
    }
    if (st == ST_OK && entry->has_box) {
        st = new_member(ledger, item, &is_unasked);
    }
    if (st == ST_OK && entry->has_national_code && !is_unasked) {
        st = post_hash(ledger, item, MEDIA_NATIONAL_CODE, entry->national_code);
    }
    if (st == ST_OK && entry->has_phone && !is_unasked) {
        st = post_hash(ledger, item, MEDIA_PHONE, entry->phone);
    }
    if (st == ST_OK) {
        st = post_card(ledger, item);
    }
    if (st == ST_OK) {
        st = post_group(ledger, item);
    }
    return st == ST_OK ? accruals_deliver(ledger, entry->account) : st;
}
