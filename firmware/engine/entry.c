#include "firmware/engine/entry.h"

#include <assert.h>
#include <string.h>

#include "firmware/engine/media.h"
#include "hal/base/bytes.h"

/* Offsets of docs/journal.md. The head is the same for every kind. */
enum {
    AT_VERSION = 0,
    AT_KIND = 1,
    AT_FLAGS = 2,
    AT_SEQUENCE = 4,
    AT_TIME = 8,
    AT_TERMINAL = 16,
    AT_OPERATOR = 20,
    HEAD_BYTES = 24,

    /* Intent and sighting begin alike. */
    AT_CARD = 24,
    AT_FAMILY = 32,
    AT_UID_BYTES = 33,
    AT_UID = 34,

    PARTS = 10,
    AT_PROGRAMME = 44,
    AT_BEFORE = 48,
    AT_AFTER = 88,
    AT_PARTS = 128,
    AT_REFERS = 208,
    AT_HAS_BEFORE = 212,
    AT_OCCASION = 216,

    AT_INTENT_SEQUENCE = 24,
    AT_COUNTER = 28,
    AT_OUTCOME_CARD = 32,
    AT_VERDICT = 40,
    AT_EVIDENCE = 41,
    OUTCOME_BYTES = 48,

    AT_SHOWN = 44,
    AT_SIGHTED = 48,
    SIGHTING_BYTES = 88,

    AT_FIRMWARE = 24,
    FIRMWARE_BYTES = 16,
    START_BYTES = 40,

    AT_MEDIUM = 44,
    AT_KEY_VERSION = 45,
    AT_TAG = 48,
    LINK_BYTES = 64,

    AT_BON = 24,
    AT_BACK = 48,
    AT_RECEIPT = 49,
    BON_ENTRY_BYTES = 64,

    AT_REPORTED = 24,
    AT_REPORT_EVENT = 32,
    AT_REPORT_HOW = 33,
    REPORT_BYTES = 48,

    AT_NUMBER = 24,
    AT_EVENT = 28,
    AT_ROLE = 29,
    AT_OPERATOR_CARD = 32,
    AT_UNLOCKS = 40,
    OPERATOR_BYTES = 48,

    AT_OUT = 24,
    AT_RELEASE_CARD = 32,
    RELEASE_BYTES = 40,
};
_Static_assert(AT_OCCASION + (int)OCCASION_BYTES_MAX <= (int)ENTRY_BYTES_MAX,
               "the largest kind fits");
_Static_assert(AT_UID + (int)ENTRY_UID_MAX == (int)AT_PROGRAMME, "the UID ends at the programme");
_Static_assert(AT_BEFORE + (int)SNAPSHOT_IMAGE_BYTES == (int)AT_AFTER, "before ends at after");
_Static_assert(AT_AFTER + (int)SNAPSHOT_IMAGE_BYTES == (int)AT_PARTS, "after ends at the parts");
_Static_assert(AT_PARTS + 8 * PARTS == AT_REFERS, "all parts");
_Static_assert(AT_TAG + (int)ENTRY_TAG_BYTES == (int)LINK_BYTES, "a link ends with its tag");
_Static_assert(AT_SIGHTED + (int)SNAPSHOT_IMAGE_BYTES == (int)SIGHTING_BYTES,
               "a sighting ends there");

_Static_assert(AT_BON + (int)BON_BYTES == (int)AT_BACK, "the bon ends there");
_Static_assert(AT_RECEIPT + (int)ENTRY_RECEIPT_MAX == (int)BON_ENTRY_BYTES,
               "the entry ends with its receipt");

#define TIME_MAX_S    INT64_C(253402300799) /* 9999-12-31 23:59:59 UTC */
#define PROGRAMME_MAX UINT32_C(0x7fffffff)

/* Of an intent, an accrual: without its occasion. Of a member: with a box. */
static size_t size_of(enum entry_kind kind)
{
    switch (kind) {
    case ENTRY_INTENT:
        return AT_OCCASION;
    case ENTRY_OUTCOME:
        return OUTCOME_BYTES;
    case ENTRY_SIGHTING:
        return SIGHTING_BYTES;
    case ENTRY_START:
        return START_BYTES;
    case ENTRY_LINK:
        return LINK_BYTES;
    case ENTRY_BON:
        return BON_ENTRY_BYTES;
    case ENTRY_MEMBER:
        return ENTRY_MEMBER_BYTES_MAX;
    case ENTRY_REPORT:
        return REPORT_BYTES;
    case ENTRY_ACCRUAL:
        return ENTRY_ACCRUAL_BYTES_MIN;
    case ENTRY_RELEASE:
        return RELEASE_BYTES;
    case ENTRY_OPERATOR:
        return OPERATOR_BYTES;
    case ENTRY_REFUSED:
        return ENTRY_REFUSED_BYTES;
    }
    return 0; /* A kind from foreign bytes. */
}

/* --- what is valid ------------------------------------------------------------------------- */

static bool medium_is_valid(uint64_t card_number, uint8_t family, uint8_t uid_bytes,
                            const uint8_t uid[ENTRY_UID_MAX])
{
    if (uid_bytes != 4 && uid_bytes != 7 && uid_bytes != 10) {
        return false;
    }
    for (size_t i = uid_bytes; i < ENTRY_UID_MAX; i += 1) {
        if (uid[i] != 0) {
            return false;
        }
    }
    return card_number_is_valid(card_number) && (family == 1 || family == 2);
}

static bool money_is_within(struct money money)
{
    return money.rials >= 0 && money.rials <= MONEY_MAX_RIALS;
}

static bool parts_are_valid(const struct breakdown *parts)
{
    return money_is_within(parts->amount) && money_is_within(parts->rebate) &&
           parts->redeemed.n >= 0 && parts->redeemed.n <= REDEEMED_MAX &&
           money_is_within(parts->redeemed_value) && money_is_within(parts->payment) &&
           money_is_within(parts->load) && parts->award.n >= 0 && parts->award.n <= POINTS_MAX &&
           money_is_within(parts->due) && money_is_within(parts->gift) &&
           money_is_within(parts->voucher);
}

/* Actions are this card's and stand only in an ACTION, a peer only in an operation of two cards;
 * whoever takes another's place names it. */
static bool occasion_is_of(const struct entry_intent *intent)
{
    const struct occasion *occasion = &intent->occasion;
    const enum transaction_kind kind = intent->after.last.kind;
    bool has_peer = kind == TRANSACTION_TRANSFER || kind == TRANSACTION_DUPLICATE;

    return (occasion->action_count > 0) == (kind == TRANSACTION_ACTION) &&
           (!occasion->has_newcomer || kind == TRANSACTION_ACTIVATE) &&
           (occasion->action_count == 0 ||
            occasion->actions[0].card_number == intent->card_number) &&
           (occasion->peer.direction != PEER_NONE) == has_peer &&
           occasion->peer.card_number != intent->card_number &&
           (kind != TRANSACTION_DUPLICATE || occasion->peer.direction != PEER_IN ||
            occasion->peer.card_number != 0) &&
           (occasion->account == 0 || kind == TRANSACTION_DUPLICATE);
}

/* The facts are the card's before the transaction; a card that takes another's place begins with
 * what that one remembered. */
static bool facts_are_of(const struct entry_intent *intent)
{
    const uint32_t counter = intent->occasion.facts.counter;
    if (intent->has_before != 0) {
        return counter == intent->before.counter;
    }
    return counter == 1 && intent->after.last.kind == TRANSACTION_DUPLICATE &&
           intent->occasion.peer.direction == PEER_IN;
}

static bool intent_is_valid(const struct entry_intent *intent)
{
    const struct occasion *occasion = &intent->occasion;
    return medium_is_valid(intent->card_number, intent->family, intent->uid_bytes, intent->uid) &&
           intent->programme <= PROGRAMME_MAX && intent->has_before <= 1 &&
           (intent->has_before == 0 || snapshot_is_valid(&intent->before)) &&
           snapshot_is_valid(&intent->after) && parts_are_valid(&intent->parts) &&
           intent->refers_counter <= SNAPSHOT_COUNTER_MAX && occasion_is_valid(occasion) &&
           occasion_is_of(intent) && (!occasion->has_facts || facts_are_of(intent));
}

static bool outcome_is_valid(const struct entry_outcome *outcome, uint32_t sequence)
{
    return outcome->intent_sequence >= 1 && outcome->intent_sequence < sequence &&
           outcome->verdict >= VERDICT_DONE && outcome->verdict <= VERDICT_LEFT &&
           outcome->evidence >= EVIDENCE_READ_BACK && outcome->evidence <= EVIDENCE_LOST &&
           (outcome->evidence != EVIDENCE_LOST || outcome->verdict == VERDICT_DONE) &&
           card_number_is_valid(outcome->card_number) && outcome->counter >= 1 &&
           outcome->counter <= SNAPSHOT_COUNTER_MAX;
}

/* Printable ASCII without blanks, at least one character, then zeros to the end. */
static bool word_is_valid(const char *word, size_t size)
{
    size_t length = strnlen(word, size);
    if (length == 0 || length == size) {
        return false;
    }
    for (size_t i = 0; i < size; i += 1) {
        char c = word[i];
        if (i < length ? c < '!' || c > '~' : c != '\0') {
            return false;
        }
    }
    return true;
}

bool entry_receipt_is_valid(const char *text)
{
    char word[ENTRY_RECEIPT_MAX + 1] = "";
    size_t length = strlen(text);
    if (length < sizeof word) {
        memcpy(word, text, length);
    }
    return word_is_valid(word, sizeof word);
}

static bool bon_entry_is_valid(const struct entry_bon *entry)
{
    return bon_is_valid(&entry->bon) && entry->is_back <= 1 &&
           word_is_valid(entry->receipt, sizeof entry->receipt);
}

/* What carries the card's own number needs no link. */
static bool link_is_valid(const struct entry_link *link)
{
    return medium_is_valid(link->card_number, link->family, link->uid_bytes, link->uid) &&
           link->medium >= MEDIA_UID && link->medium <= MEDIA_PHONE &&
           link->medium != MEDIA_MAGSTRIPE && link->key_version < 16;
}

static bool report_is_valid(const struct entry_report *report)
{
    return card_number_is_valid(report->card_number) && report->event >= REPORT_LOST &&
           report->event <= REPORT_FOUND && report->how >= REPORT_BY_NUMBER &&
           report->how <= REPORT_BY_CARD;
}

static bool operator_is_valid(const struct entry_operator *operator_event)
{
    return operator_event->number >= 1 && operator_event->number <= UINT16_MAX &&
           operator_event->event >= OPERATOR_IN && operator_event->event < OPERATOR_EVENTS &&
           operator_event->role >= ROLE_CASHIER && operator_event->role < ROLES &&
           (operator_event->card_number == 0 || card_number_is_valid(operator_event->card_number));
}

static bool release_is_valid(const struct entry_release *release, uint32_t sequence)
{
    return release->out_sequence >= 1 && release->out_sequence < sequence &&
           (release->card_number == 0 || card_number_is_valid(release->card_number));
}

bool entry_is_valid(const struct entry *entry)
{
    if (entry->sequence < 1 || entry->sequence > SNAPSHOT_SEQUENCE_MAX || entry->time_s < 0 ||
        entry->time_s > TIME_MAX_S || entry->clock_quality > 2 || entry->terminal < 1 ||
        entry->terminal > SNAPSHOT_TERMINAL_MAX) {
        return false;
    }
    switch (entry->kind) {
    case ENTRY_INTENT:
        return intent_is_valid(&entry->intent);
    case ENTRY_OUTCOME:
        return outcome_is_valid(&entry->outcome, entry->sequence);
    case ENTRY_SIGHTING:
        return medium_is_valid(entry->sighting.card_number, entry->sighting.family,
                               entry->sighting.uid_bytes, entry->sighting.uid) &&
               entry->sighting.shown <= SHOWN_BACK && snapshot_is_valid(&entry->sighting.snapshot);
    case ENTRY_START:
        return word_is_valid(entry->start.firmware, FIRMWARE_BYTES);
    case ENTRY_LINK:
        return link_is_valid(&entry->link);
    case ENTRY_BON:
        return bon_entry_is_valid(&entry->bon);
    case ENTRY_MEMBER:
        return entry_member_is_valid(&entry->member);
    case ENTRY_REPORT:
        return report_is_valid(&entry->report);
    case ENTRY_ACCRUAL:
        return entry_accrual_is_valid(&entry->accrual) &&
               entry->accrual.refers_sequence < entry->sequence;
    case ENTRY_RELEASE:
        return release_is_valid(&entry->release, entry->sequence);
    case ENTRY_OPERATOR:
        return operator_is_valid(&entry->operator_event);
    case ENTRY_REFUSED:
        return entry_refused_is_valid(&entry->refused);
    }
    return false;
}

/* --- struct to bytes ----------------------------------------------------------------------- */

static void put_medium(uint8_t *bytes, uint64_t card_number, uint8_t family, uint8_t uid_bytes,
                       const uint8_t uid[ENTRY_UID_MAX])
{
    put_le64(bytes + AT_CARD, card_number);
    bytes[AT_FAMILY] = family;
    bytes[AT_UID_BYTES] = uid_bytes;
    memcpy(bytes + AT_UID, uid, ENTRY_UID_MAX);
}

static void put_parts(uint8_t *at, const struct breakdown *parts)
{
    const int64_t values[PARTS] = {
        parts->amount.rials,  parts->rebate.rials,  parts->redeemed.n, parts->redeemed_value.rials,
        parts->payment.rials, parts->load.rials,    parts->award.n,    parts->due.rials,
        parts->gift.rials,    parts->voucher.rials,
    };
    for (size_t i = 0; i < PARTS; i += 1) {
        put_le64(at + 8 * i, (uint64_t)values[i]);
    }
}

static void put_intent(uint8_t *bytes, const struct entry_intent *intent)
{
    put_medium(bytes, intent->card_number, intent->family, intent->uid_bytes, intent->uid);
    put_le32(bytes + AT_PROGRAMME, intent->programme);
    if (intent->has_before != 0) {
        snapshot_encode(&intent->before, bytes + AT_BEFORE);
    }
    snapshot_encode(&intent->after, bytes + AT_AFTER);
    put_parts(bytes + AT_PARTS, &intent->parts);
    put_le32(bytes + AT_REFERS, intent->refers_counter);
    bytes[AT_HAS_BEFORE] = intent->has_before;
}

static void put_outcome(uint8_t *bytes, const struct entry_outcome *outcome)
{
    put_le32(bytes + AT_INTENT_SEQUENCE, outcome->intent_sequence);
    put_le32(bytes + AT_COUNTER, outcome->counter);
    put_le64(bytes + AT_OUTCOME_CARD, outcome->card_number);
    bytes[AT_VERDICT] = (uint8_t)outcome->verdict;
    bytes[AT_EVIDENCE] = (uint8_t)outcome->evidence;
}

static void put_report(uint8_t *bytes, const struct entry_report *report)
{
    put_le64(bytes + AT_REPORTED, report->card_number);
    bytes[AT_REPORT_EVENT] = report->event;
    bytes[AT_REPORT_HOW] = report->how;
}

static void put_operator(uint8_t *bytes, const struct entry_operator *operator_event)
{
    put_le32(bytes + AT_NUMBER, operator_event->number);
    bytes[AT_EVENT] = operator_event->event;
    bytes[AT_ROLE] = operator_event->role;
    put_le64(bytes + AT_OPERATOR_CARD, operator_event->card_number);
    put_le32(bytes + AT_UNLOCKS, operator_event->unlocks);
}

size_t entry_encode(const struct entry *entry, uint8_t ret_bytes[ENTRY_BYTES_MAX])
{
    assert(entry_is_valid(entry));

    size_t size = size_of(entry->kind);
    memset(ret_bytes, 0, size);
    ret_bytes[AT_VERSION] = ENTRY_VERSION;
    ret_bytes[AT_KIND] = (uint8_t)entry->kind;
    put_le16(ret_bytes + AT_FLAGS, entry->clock_quality);
    put_le32(ret_bytes + AT_SEQUENCE, entry->sequence);
    put_le64(ret_bytes + AT_TIME, (uint64_t)entry->time_s);
    put_le32(ret_bytes + AT_TERMINAL, entry->terminal);
    put_le32(ret_bytes + AT_OPERATOR, entry->operator_no);

    switch (entry->kind) {
    case ENTRY_INTENT:
        put_intent(ret_bytes, &entry->intent);
        size += occasion_encode(&entry->intent.occasion, ret_bytes + AT_OCCASION);
        break;
    case ENTRY_OUTCOME:
        put_outcome(ret_bytes, &entry->outcome);
        break;
    case ENTRY_SIGHTING:
        put_medium(ret_bytes, entry->sighting.card_number, entry->sighting.family,
                   entry->sighting.uid_bytes, entry->sighting.uid);
        ret_bytes[AT_SHOWN] = entry->sighting.shown;
        snapshot_encode(&entry->sighting.snapshot, ret_bytes + AT_SIGHTED);
        break;
    case ENTRY_START:
        memcpy(ret_bytes + AT_FIRMWARE, entry->start.firmware, FIRMWARE_BYTES);
        break;
    case ENTRY_LINK:
        put_medium(ret_bytes, entry->link.card_number, entry->link.family, entry->link.uid_bytes,
                   entry->link.uid);
        ret_bytes[AT_MEDIUM] = entry->link.medium;
        ret_bytes[AT_KEY_VERSION] = entry->link.key_version;
        memcpy(ret_bytes + AT_TAG, entry->link.tag, ENTRY_TAG_BYTES);
        break;
    case ENTRY_BON:
        bon_encode(&entry->bon.bon, ret_bytes + AT_BON);
        ret_bytes[AT_BACK] = entry->bon.is_back;
        memcpy(ret_bytes + AT_RECEIPT, entry->bon.receipt, ENTRY_RECEIPT_MAX);
        break;
    case ENTRY_MEMBER:
        size = entry_member_encode(&entry->member, ret_bytes);
        break;
    case ENTRY_REPORT:
        put_report(ret_bytes, &entry->report);
        break;
    case ENTRY_ACCRUAL:
        size = entry_accrual_encode(&entry->accrual, ret_bytes);
        break;
    case ENTRY_RELEASE:
        put_le32(ret_bytes + AT_OUT, entry->release.out_sequence);
        put_le64(ret_bytes + AT_RELEASE_CARD, entry->release.card_number);
        break;
    case ENTRY_OPERATOR:
        put_operator(ret_bytes, &entry->operator_event);
        break;
    case ENTRY_REFUSED:
        entry_refused_encode(&entry->refused, ret_bytes);
        break;
    }
    return size;
}

/* --- bytes to struct ----------------------------------------------------------------------- */

static void get_parts(const uint8_t *at, struct breakdown *ret)
{
    int64_t values[PARTS];
    for (size_t i = 0; i < PARTS; i += 1) {
        values[i] = (int64_t)get_le64(at + 8 * i);
    }
    ret->amount.rials = values[0];
    ret->rebate.rials = values[1];
    ret->redeemed.n = values[2];
    ret->redeemed_value.rials = values[3];
    ret->payment.rials = values[4];
    ret->load.rials = values[5];
    ret->award.n = values[6];
    ret->due.rials = values[7];
    ret->gift.rials = values[8];
    ret->voucher.rials = values[9];
}

static enum st get_intent(const uint8_t *bytes, size_t size, struct entry_intent *ret)
{
    ret->card_number = get_le64(bytes + AT_CARD);
    ret->family = bytes[AT_FAMILY];
    ret->uid_bytes = bytes[AT_UID_BYTES];
    memcpy(ret->uid, bytes + AT_UID, ENTRY_UID_MAX);
    ret->programme = get_le32(bytes + AT_PROGRAMME);
    ret->has_before = bytes[AT_HAS_BEFORE];
    if (ret->has_before != 0 && snapshot_decode(bytes + AT_BEFORE, &ret->before) != ST_OK) {
        return ST_FOREIGN;
    }
    if (snapshot_decode(bytes + AT_AFTER, &ret->after) != ST_OK) {
        return ST_FOREIGN;
    }
    get_parts(bytes + AT_PARTS, &ret->parts);
    ret->refers_counter = get_le32(bytes + AT_REFERS);
    return occasion_decode(bytes + AT_OCCASION, size - AT_OCCASION, &ret->occasion);
}

static void get_outcome(const uint8_t *bytes, struct entry_outcome *ret)
{
    ret->intent_sequence = get_le32(bytes + AT_INTENT_SEQUENCE);
    ret->verdict = (enum entry_verdict)bytes[AT_VERDICT];
    ret->evidence = (enum entry_evidence)bytes[AT_EVIDENCE];
    ret->card_number = get_le64(bytes + AT_OUTCOME_CARD);
    ret->counter = get_le32(bytes + AT_COUNTER);
}

static enum st get_sighting(const uint8_t *bytes, struct entry_sighting *ret)
{
    ret->card_number = get_le64(bytes + AT_CARD);
    ret->family = bytes[AT_FAMILY];
    ret->uid_bytes = bytes[AT_UID_BYTES];
    ret->shown = bytes[AT_SHOWN];
    memcpy(ret->uid, bytes + AT_UID, ENTRY_UID_MAX);
    return snapshot_decode(bytes + AT_SIGHTED, &ret->snapshot) == ST_OK ? ST_OK : ST_FOREIGN;
}

static void get_link(const uint8_t *bytes, struct entry_link *ret)
{
    ret->card_number = get_le64(bytes + AT_CARD);
    ret->family = bytes[AT_FAMILY];
    ret->uid_bytes = bytes[AT_UID_BYTES];
    memcpy(ret->uid, bytes + AT_UID, ENTRY_UID_MAX);
    ret->medium = bytes[AT_MEDIUM];
    ret->key_version = bytes[AT_KEY_VERSION];
    memcpy(ret->tag, bytes + AT_TAG, ENTRY_TAG_BYTES);
}

static void get_operator(const uint8_t *bytes, struct entry_operator *ret)
{
    ret->number = get_le32(bytes + AT_NUMBER);
    ret->event = bytes[AT_EVENT];
    ret->role = bytes[AT_ROLE];
    ret->card_number = get_le64(bytes + AT_OPERATOR_CARD);
    ret->unlocks = get_le32(bytes + AT_UNLOCKS);
}

static enum st get_body(const uint8_t *bytes, size_t size, struct entry *ret)
{
    switch (ret->kind) {
    case ENTRY_INTENT:
        return get_intent(bytes, size, &ret->intent);
    case ENTRY_OUTCOME:
        get_outcome(bytes, &ret->outcome);
        return ST_OK;
    case ENTRY_SIGHTING:
        return get_sighting(bytes, &ret->sighting);
    case ENTRY_START:
        memcpy(ret->start.firmware, bytes + AT_FIRMWARE, FIRMWARE_BYTES);
        return ST_OK;
    case ENTRY_LINK:
        get_link(bytes, &ret->link);
        return ST_OK;
    case ENTRY_BON:
        ret->bon.is_back = bytes[AT_BACK];
        memcpy(ret->bon.receipt, bytes + AT_RECEIPT, ENTRY_RECEIPT_MAX);
        return bon_decode(bytes + AT_BON, &ret->bon.bon);
    case ENTRY_MEMBER:
        entry_member_decode(bytes, size, &ret->member);
        return ST_OK;
    case ENTRY_REPORT:
        ret->report = (struct entry_report){.card_number = get_le64(bytes + AT_REPORTED),
                                            .event = bytes[AT_REPORT_EVENT],
                                            .how = bytes[AT_REPORT_HOW]};
        return ST_OK;
    case ENTRY_ACCRUAL:
        return entry_accrual_decode(bytes, size, &ret->accrual);
    case ENTRY_RELEASE:
        ret->release.out_sequence = get_le32(bytes + AT_OUT);
        ret->release.card_number = get_le64(bytes + AT_RELEASE_CARD);
        return ST_OK;
    case ENTRY_OPERATOR:
        get_operator(bytes, &ret->operator_event);
        return ST_OK;
    case ENTRY_REFUSED:
        entry_refused_decode(bytes, &ret->refused);
        return ST_OK;
    }
    return ST_FOREIGN;
}

static bool size_is_valid(enum entry_kind kind, size_t size)
{
    const size_t fixed = size_of(kind);
    switch (kind) {
    case ENTRY_INTENT:
        return size > fixed && size <= fixed + OCCASION_BYTES_MAX;
    case ENTRY_MEMBER:
        return entry_member_size_is_valid(size);
    case ENTRY_ACCRUAL:
        return entry_accrual_size_is_valid(size);
    case ENTRY_OUTCOME:
    case ENTRY_SIGHTING:
    case ENTRY_START:
    case ENTRY_LINK:
    case ENTRY_REPORT:
    case ENTRY_BON:
    case ENTRY_RELEASE:
    case ENTRY_OPERATOR:
    case ENTRY_REFUSED:
        break;
    }
    return fixed != 0 && size == fixed;
}

enum st entry_decode(const uint8_t *bytes, size_t size, struct entry *ret)
{
    if (size < HEAD_BYTES || bytes[AT_VERSION] != ENTRY_VERSION ||
        !size_is_valid((enum entry_kind)bytes[AT_KIND], size)) {
        return ST_FOREIGN;
    }
    struct entry entry;
    memset(&entry, 0, sizeof entry);
    entry.kind = (enum entry_kind)bytes[AT_KIND];
    entry.clock_quality = bytes[AT_FLAGS];
    entry.sequence = get_le32(bytes + AT_SEQUENCE);
    entry.time_s = (int64_t)get_le64(bytes + AT_TIME);
    entry.terminal = get_le32(bytes + AT_TERMINAL);
    entry.operator_no = get_le32(bytes + AT_OPERATOR);
    if (get_body(bytes, size, &entry) != ST_OK || !entry_is_valid(&entry)) {
        return ST_FOREIGN;
    }

    /* Spare bits and bytes: rather than test each, compare with what we would have written. */
    uint8_t canonical[ENTRY_BYTES_MAX];
    size_t canonical_size = entry_encode(&entry, canonical);
    if (canonical_size != size || memcmp(canonical, bytes, size) != 0) {
        return ST_FOREIGN;
    }
    *ret = entry;
    return ST_OK;
}
