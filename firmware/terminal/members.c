#include "firmware/terminal/members.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "hal/box.h"
#include "hal/clock.h"
#include "storage/ranges.h"

_Static_assert((int)MEMBER_BOX_BYTES == (int)PARTICULARS_BYTES + (int)BOX_EXTRA_BYTES,
               "an entry has room for a box");
_Static_assert((int)MEMBER_KEY_ID_BYTES == (int)BOX_KEY_ID_BYTES, "and for the key's name");

static const struct media_range own = MEDIA_RANGE_CLUB;

/* --- finding --------------------------------------------------------------------------------- */

bool members_shows_number(const struct identifier *id)
{
    return id->number != 0 && (id->kind == MEDIA_MAGSTRIPE || id->kind == MEDIA_BARCODE ||
                               id->kind == MEDIA_CARD_NUMBER);
}

uint8_t members_key_version(const struct keystore *keys)
{
    for (uint8_t version = KEYSTORE_VERSIONS; version > 0 && keys != NULL;) {
        version--;
        if (keystore_has_media(keys, version)) {
            return version;
        }
    }
    return KEYSTORE_VERSIONS;
}

enum st members_find(const struct members *members, const struct identifier *id,
                     uint64_t *ret_number)
{
    enum st st = ST_UNSUPPORTED;
    for (uint8_t version = KEYSTORE_VERSIONS; version > 0 && members->keys != NULL;) {
        uint8_t tag[KEYSTORE_MEDIUM_TAG_BYTES];
        version--;
        if (!keystore_has_media(members->keys, version)) {
            continue;
        }
        if (keystore_medium_tag(members->keys, version, (uint8_t)id->kind, id->text, tag) !=
            ST_OK) {
            return ST_GONE;
        }
        st = links_find(members->store, version, tag, ret_number);
        if (st != ST_REFUSED) {
            return st;
        }
    }
    return st;
}

static struct identifier identifier_of(enum media_kind kind, const char *text)
{
    struct identifier id = {.kind = kind};
    (void)snprintf(id.text, sizeof id.text, "%s", text);
    return id;
}

/* --- what the club is to learn -----------------------------------------------------------------
 */

static enum st say_store(const struct members *members, enum st st, struct fault *fault)
{
    *fault = *store_fault(members->store);
    return st;
}

/* Seals the particulars to the club's key. */
static enum st seal(const struct members *members, const struct particulars *particulars,
                    struct entry_member *ret, struct fault *fault)
{
    char pem[SETTING_VALUE_MAX];
    struct box_key *key = NULL;
    uint8_t image[PARTICULARS_BYTES];
    enum st st = setting_get(members->store, "member.key", pem, sizeof pem);
    if (st == ST_REFUSED || (st == ST_OK && pem[0] == '\0')) {
        fault_say(fault, "The club has given this terminal no key for members' particulars: issue "
                         "without them, or enrol it again.");
        return ST_REFUSED;
    }
    if (st != ST_OK) {
        return say_store(members, st, fault);
    }
    if (box_key_read_public(pem, &key, fault) != ST_OK) {
        fault_say(fault, "The club's key for particulars cannot be read: enrol this terminal "
                         "again.");
        return ST_REFUSED;
    }
    particulars_encode(particulars, image);
    st = box_seal(key, PARTICULARS_INFO, NULL, 0, image, sizeof image, ret->box);
    box_key_id(key, ret->key_id);
    box_key_free(key);
    bytes_wipe(image, sizeof image);
    ret->has_box = st == ST_OK;
    if (st != ST_OK) {
        memset(ret->key_id, 0, sizeof ret->key_id);
        fault_say(fault, "The system gives no random numbers: restart the terminal.");
    }
    return st == ST_OK ? ST_OK : ST_REFUSED;
}

static enum st hash(const struct members *members, struct entry_member *entry, enum media_kind kind,
                    const char *text, uint8_t ret_tag[MEMBER_TAG_BYTES], struct fault *fault)
{
    const uint8_t version = members_key_version(members->keys);
    if (version == KEYSTORE_VERSIONS) {
        fault_say(fault, "This terminal has no key for media, so nobody could be found by code or "
                         "phone: have the custodians add it (vafa-keys ceremony, role media).");
        return ST_REFUSED;
    }
    if (keystore_medium_tag(members->keys, version, (uint8_t)kind, text, ret_tag) != ST_OK) {
        fault_say(fault, "The key store does not answer: ask again.");
        return ST_REFUSED;
    }
    entry->key_version = version;
    return ST_OK;
}

/* --- is it a member already? ---------------------------------------------------------------------
 */

static void say_member(uint64_t number, bool has_card, struct fault *fault)
{
    fault_say(fault,
              has_card ? "This national code is a member's already, card *%04" PRIu64
                         ". A lost card is replaced, not issued anew."
                       : "This national code is a member's already, number %016" PRIu64
                         ", who has no card yet: issue --member gives one.",
              has_card ? number % 10000 : number);
}

/* The national code finds `number`. An issue of ours that never came to a card goes on with its
 * account; everybody else is a member already. */
static enum st judge_found(const struct members *members, const struct identifier *code,
                           uint64_t number, uint64_t *ret_account, struct fault *fault)
{
    const uint8_t version = members_key_version(members->keys);
    uint8_t tag[KEYSTORE_MEDIUM_TAG_BYTES];
    struct entry_member entry = {.account = 0};
    struct snapshot seen;
    if (version == KEYSTORE_VERSIONS ||
        keystore_medium_tag(members->keys, version, (uint8_t)code->kind, code->text, tag) !=
            ST_OK) {
        return ST_REFUSED;
    }
    enum st st = links_find_member(members->store, version, tag, &entry);
    if (st == ST_OK && entry.account == number && entry.card_number != 0) {
        st = cards_seen(members->store, entry.card_number, &seen);
        if (st == ST_REFUSED) {
            *ret_account = number;
            return ST_OK;
        }
    }
    if (st != ST_OK && st != ST_REFUSED) {
        return say_store(members, st, fault);
    }
    say_member(number, !(entry.account == number && entry.card_number == 0), fault);
    return ST_REFUSED;
}

/* The national code: nobody's yet, and then found by it; or that of an issue that goes on. */
static enum st take_code(const struct members *members, const struct particulars *particulars,
                         struct entry_member *entry, struct fault *fault)
{
    if (particulars->national_code[0] == '\0') {
        return ST_OK;
    }
    const struct identifier code = identifier_of(MEDIA_NATIONAL_CODE, particulars->national_code);
    uint64_t number = 0;
    const enum st found = members_find(members, &code, &number);
    if (found == ST_OK) {
        return judge_found(members, &code, number, &entry->account, fault);
    }
    if (found != ST_REFUSED && found != ST_UNSUPPORTED && found != ST_GONE) {
        return say_store(members, found, fault);
    }
    const enum st st =
        hash(members, entry, MEDIA_NATIONAL_CODE, code.text, entry->national_code, fault);
    entry->has_national_code = st == ST_OK;
    return st;
}

/* A phone that finds somebody already, of the family say, goes on finding them. */
static enum st take_phone(const struct members *members, const struct particulars *particulars,
                          struct entry_member *entry, struct fault *fault)
{
    if (particulars->phone[0] == '\0') {
        return ST_OK;
    }
    const struct identifier phone = identifier_of(MEDIA_PHONE, particulars->phone);
    uint64_t number = 0;
    const enum st found = members_find(members, &phone, &number);
    if (found == ST_OK) {
        return ST_OK;
    }
    if (found != ST_REFUSED && found != ST_UNSUPPORTED && found != ST_GONE) {
        return say_store(members, found, fault);
    }
    const enum st st = hash(members, entry, MEDIA_PHONE, phone.text, entry->phone, fault);
    entry->has_phone = st == ST_OK;
    return st;
}

/* The entry of a new member, whose numbers are not known yet; or, when an issue goes on, of a card
 * for its account. */
static enum st make_entry(const struct members *members, const struct particulars *particulars,
                          struct entry_member *ret, struct fault *fault)
{
    *ret = (struct entry_member){.account = 0};
    enum st st = take_code(members, particulars, ret, fault);
    if (st != ST_OK || ret->account != 0) {
        return st;
    }
    st = take_phone(members, particulars, ret, fault);
    return st == ST_OK ? seal(members, particulars, ret, fault) : st;
}

/* --- the words of the programme ------------------------------------------------------------------
 */

static bool number_of_word(const char *word, const struct programme_name *names, size_t count,
                           unsigned most, uint8_t *ret)
{
    char *end = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i].id, word) == 0) {
            *ret = names[i].number;
            return true;
        }
    }
    const unsigned long number = strtoul(word, &end, 10);
    *ret = (uint8_t)number;
    return word[0] >= '0' && word[0] <= '9' && *end == '\0' && number <= most;
}

static enum st resolve_words(const struct members *members, struct joining *joining,
                             struct fault *fault)
{
    const struct programme *programme = terminal_standing(members->terminal)->programme;
    struct particulars *particulars = &joining->particulars;
    if (programme == NULL) {
        return joining->group[0] == '\0' && joining->kind[0] == '\0' ? ST_OK : ST_REFUSED;
    }
    if (joining->group[0] != '\0' &&
        !number_of_word(joining->group, programme->groups, programme->group_count, UINT8_MAX,
                        &particulars->group)) {
        particulars->group = 0;
    }
    if (joining->group[0] != '\0' && !programme_has_group(programme, particulars->group)) {
        fault_say(fault, "The club has no group \"%.32s\".", joining->group);
        return ST_REFUSED;
    }
    if (joining->kind[0] != '\0' &&
        !number_of_word(joining->kind, programme->kinds, programme->kind_count, 15,
                        &particulars->kind)) {
        fault_say(fault, "The club has no kind of card \"%.32s\".", joining->kind);
        return ST_REFUSED;
    }
    return ST_OK;
}

/* --- consent ------------------------------------------------------------------------------------
 */

static enum st check_consent(const struct particulars *particulars, struct fault *fault)
{
    if (particulars_lack_consent(particulars)) {
        fault_say(fault, "Ask them first: with their consent (membership, or all) the club keeps "
                         "what they say. Without it, issue the card without name, code, phone and "
                         "days.");
        return ST_REFUSED;
    }
    return ST_OK;
}

/* --- the group -----------------------------------------------------------------------------------
 */

/* Who joins, as the rules of groups see it. Of a member who gets a card later nothing is known here
 * but the group that was named: the club knows theirs. */
static void fill_newcomer(const struct members *members, const struct joining *joining,
                          struct occasion *ret)
{
    const struct programme *programme = terminal_standing(members->terminal)->programme;
    const struct particulars *particulars = &joining->particulars;
    const bool is_known = joining->account == 0;
    ret->has_newcomer = programme != NULL && (particulars->group != 0 ||
                                              (is_known && programme_has_group_rules(programme)));
    if (ret->has_newcomer) {
        ret->newcomer = (struct newcomer){.account = is_known ? particulars->account : 0,
                                          .route = is_known ? particulars->route : 0,
                                          .group = particulars->group};
    }
}

/* The group that the club is to note: the one that the card gets, or would get now. */
static void choose_group(const struct members *members, const struct occasion *who,
                         struct particulars *particulars)
{
    const struct standing *standing = terminal_standing(members->terminal);
    struct occasion occasion = *who;
    enum clock_quality quality;
    const int64_t now_s = clock_now_s(&quality);
    if (!who->has_newcomer) {
        return;
    }
    occasion.has_identity = true;
    occasion.kind = particulars->kind;
    occasion.birthday = particulars->birthday;
    occasion.wedding = particulars->wedding;
    occasion.merchant = standing->merchant_no;
    occasion.branch = standing->branch_no;
    particulars->group =
        plan_group_of(standing->programme, &occasion,
                      quality == CLOCK_UNSET ? 0 : snapshot_minute(now_s), standing->terminal);
}

/* --- the card ------------------------------------------------------------------------------------
 */

/* The longest beginning of the name that fits and does not cut a character. */
static void copy_name(const char *name, char ret[CARD_NAME_BYTES_MAX + 1])
{
    size_t size = strlen(name);
    if (size > CARD_NAME_BYTES_MAX) {
        size = CARD_NAME_BYTES_MAX;
        while (((uint8_t)name[size] & 0xC0) == 0x80) {
            size--;
        }
    }
    memset(ret, 0, CARD_NAME_BYTES_MAX + 1);
    memcpy(ret, name, size);
}

static void fill_identity(const struct particulars *particulars, struct card_identity *ret)
{
    enum clock_quality quality;
    const int64_t today = clock_now_s(&quality) / 86400 + 25567; /* 1900-01-01 to 1970-01-01 */
    ret->kind = particulars->kind;
    ret->birthday = particulars->birthday;
    ret->wedding = particulars->wedding;
    ret->expires = particulars->expires;
    ret->issued = quality == CLOCK_UNSET || today > UINT16_MAX ? 0 : (uint16_t)today;
    copy_name(particulars->name, ret->name);
}

/* A member who gets a card must be one of whom this terminal can know. */
static enum st check_account(uint64_t account, struct fault *fault)
{
    if (!media_number_is_own(account, &own)) {
        fault_say(fault, "--member is an account's number, 16 digits, as join prints it.");
        return ST_REFUSED;
    }
    return ST_OK;
}

/* Whoever issues a stack of cards has noted which number this one takes. */
static enum st check_number(const struct members *members, uint64_t number, struct fault *fault)
{
    uint64_t next = 0;
    if (number == 0) {
        return ST_OK;
    }
    const enum st st = standing_free_number(members->store, &next);
    if (st != ST_OK) {
        return say_store(members, st, fault);
    }
    if (next != number) {
        fault_say(fault, "Another card number is next, %016" PRIu64 ": ask for it and try again.",
                  next);
        return ST_REFUSED;
    }
    /* The card that was issued before may lie there still. */
    terminal_forget_released(members->terminal);
    return ST_OK;
}

enum st members_prepare(const struct members *members, struct joining *joining,
                        struct tap_request *tap, struct entry_member *ret, bool *ret_has_entry,
                        struct fault *fault)
{
    *ret_has_entry = false;
    *ret = (struct entry_member){.account = 0};
    enum st st = check_number(members, joining->number, fault);
    if (st == ST_OK) {
        st = resolve_words(members, joining, fault);
    }
    if (st == ST_OK) {
        st = check_consent(&joining->particulars, fault);
    }
    const bool is_new =
        joining->is_there && joining->account == 0 && !particulars_are_empty(&joining->particulars);
    if (st == ST_OK) {
        fill_newcomer(members, joining, &tap->basket);
        choose_group(members, &tap->basket, &joining->particulars);
    }
    if (st == ST_OK && joining->account != 0) {
        st = check_account(joining->account, fault);
        ret->account = joining->account;
        *ret_has_entry = st == ST_OK;
    } else if (st == ST_OK && is_new) {
        st = make_entry(members, &joining->particulars, ret, fault);
        *ret_has_entry = st == ST_OK;
    }
    if (st == ST_OK) {
        fill_identity(&joining->particulars, &tap->identity);
    }
    bytes_wipe(&joining->particulars, sizeof joining->particulars);
    particulars_init(&joining->particulars);
    return st;
}

/* --- joining without a card
 * ------------------------------------------------------------------------ */

static enum st say_no_number(struct fault *fault)
{
    fault_say(fault, "The card numbers reserved for this terminal are used up: sync to get more.");
    return ST_REFUSED;
}

enum st members_join(const struct members *members, struct joining *joining, uint32_t operator_no,
                     uint64_t *ret_account, struct fault *fault)
{
    struct entry entry = {.kind = ENTRY_MEMBER, .operator_no = operator_no};
    struct particulars *particulars = &joining->particulars;
    uint64_t number = 0;
    enum st st = resolve_words(members, joining, fault);
    if (st == ST_OK && particulars->national_code[0] == '\0' && particulars->phone[0] == '\0') {
        fault_say(fault, "Who joins without a card is found by a national code or a phone: give "
                         "one.");
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = check_consent(particulars, fault);
    }
    if (st == ST_OK) {
        struct occasion who = {.has_newcomer = false};
        fill_newcomer(members, joining, &who);
        choose_group(members, &who, particulars);
        st = make_entry(members, particulars, &entry.member, fault);
    }
    bytes_wipe(particulars, sizeof *particulars);
    particulars_init(particulars);
    if (st == ST_OK && entry.member.account != 0) {
        *ret_account = entry.member.account; /* an issue that never came to a card: a member */
        return ST_OK;
    }
    if (st == ST_OK) {
        st = standing_free_number(members->store, &number);
        st = st == ST_OK && number == 0 ? say_no_number(fault)
             : st != ST_OK              ? say_store(members, st, fault)
                                        : st;
    }
    if (st == ST_OK) {
        st = standing_use_number(members->store, number);
        st = st == ST_OK ? ST_OK : say_store(members, st, fault);
    }
    if (st == ST_OK) {
        entry.member.account = number;
        st = terminal_append(members->terminal, &entry, fault);
    }
    if (st == ST_OK) {
        *ret_account = number;
    }
    return st;
}

/* --- a stack of cards ----------------------------------------------------------------------------
 */

enum st members_number(const struct members *members, uint64_t number, enum number_state *ret,
                       uint64_t *ret_next)
{
    struct ranges ranges;
    struct snapshot seen;
    struct entry pending;
    enum st st = ranges_load(members->store, &ranges);
    if (st == ST_OK) {
        st = standing_free_number(members->store, ret_next);
    }
    if (st != ST_OK) {
        return st;
    }
    *ret = NUMBER_OTHER;
    if (!ranges_have(&ranges, number / 10)) {
        return ST_OK;
    }
    st = cards_seen(members->store, number, &seen);
    if (st == ST_OK) {
        *ret = NUMBER_DONE;
        return ST_OK;
    }
    if (st == ST_REFUSED) {
        st = journal_pending(members->store, number, &pending);
        *ret = st == ST_OK                            ? NUMBER_DOUBT
               : ranges_is_used(&ranges, number / 10) ? NUMBER_BURNED
                                                      : NUMBER_FREE;
    }
    return st == ST_REFUSED ? ST_OK : st;
}
