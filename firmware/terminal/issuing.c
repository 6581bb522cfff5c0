#include "firmware/terminal/issuing.h"

#include <stdio.h>
#include <string.h>

void issuing_note(struct issuing *issuing, uint32_t sequence, const char *name)
{
    issuing->sequence = sequence;
    (void)snprintf(issuing->name, sizeof issuing->name, "%s", name);
}

/* What the club was told of the member: the entry that was appended with the intent.
 * ST_REFUSED: there is none. */
static enum st find_member(struct store *store, const struct entry *intent,
                           struct entry_member *ret)
{
    struct entry next;
    const enum st st = journal_find(store, intent->sequence + 1, &next);
    if (st == ST_OK &&
        (next.kind != ENTRY_MEMBER || next.member.card_number != intent->intent.card_number)) {
        return ST_REFUSED;
    }
    if (st == ST_OK) {
        *ret = next.member;
    }
    return st;
}

enum st issuing_account(struct store *store, const struct entry *intent, uint64_t *ret)
{
    struct entry_member member = {.account = 0};
    const enum st st = find_member(store, intent, &member);
    *ret = member.account;
    return st == ST_REFUSED ? ST_OK : st;
}

/* A code or phone that finds its member since the first request is not hashed again. */
static bool is_other_tag(bool has_a, const uint8_t *a, bool has_b, const uint8_t *b)
{
    return has_b && (!has_a || memcmp(a, b, MEMBER_TAG_BYTES) != 0);
}

static bool is_other_member(const struct entry_member *noted, const struct entry_member *asked)
{
    const uint64_t account = asked->account != 0 ? asked->account : noted->card_number;
    return account != noted->account ||
           is_other_tag(noted->has_national_code, noted->national_code, asked->has_national_code,
                        asked->national_code) ||
           is_other_tag(noted->has_phone, noted->phone, asked->has_phone, asked->phone);
}

static bool is_other_identity(const struct occasion *planned, const struct card_identity *asked)
{
    return planned->kind != asked->kind || planned->birthday != asked->birthday ||
           planned->wedding != asked->wedding ||
           (asked->expires != 0 && planned->expires != asked->expires);
}

enum st issuing_is_anothers(struct store *store, const struct issuing *issuing,
                            const struct entry *intent, const struct card_identity *identity,
                            const struct entry_member *member, bool *ret)
{
    struct entry_member noted;
    const bool has_other_name =
        issuing->sequence == intent->sequence && strcmp(issuing->name, identity->name) != 0;
    *ret = true;
    if (has_other_name || is_other_identity(&intent->intent.occasion, identity)) {
        return ST_OK;
    }
    const enum st st = find_member(store, intent, &noted);
    *ret = st == ST_OK ? member == NULL || is_other_member(&noted, member) : member != NULL;
    return st == ST_REFUSED ? ST_OK : st;
}
