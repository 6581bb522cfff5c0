/* The card that an example begins with. */
#include <assert.h>
#include <string.h>

#include "tools/programme/amount.h"
#include "tools/programme/field.h"
#include "tools/programme/play_priv.h"

enum {
    QUARTERS = 4,
    THOUSAND = 1000,
    MINUTES_OF_A_DAY = 1440,
    LONG_AGO_DAYS = 60, /* beyond any hold_days */
    VISITS_MAX = 4095,  /* of facts.h */
    INTERVAL_MAX = 2047,
    BASKET_MAX = (1 << 22) - 1,
    SPEND_MAX = (1 << 27) - 1,
    EARNED_MAX = (1 << 23) - 1,
};

static enum st read_day(const json_t *object, const char *name, uint16_t *ret, struct fault *fault)
{
    int32_t day = 0;
    bool has = false;
    enum st st = field_date(object, name, &day, &has, fault);
    if (st == ST_OK && has) {
        if (day + CALENDAR_DAYS_1900 < 1 || day + CALENDAR_DAYS_1900 > UINT16_MAX) {
            return field_refuse(fault, "%s is before 1900 or too late.", name);
        }
        *ret = (uint16_t)(day + CALENDAR_DAYS_1900);
    }
    return st;
}

static enum st read_identity(struct play *play, const json_t *card, struct fault *fault)
{
    const struct programme *programme = play->programme;
    struct occasion *occasion = &play->occasion;
    size_t place = 0;
    bool has = false;
    enum st st = field_named(card, "kind", programme->kinds, programme->kind_count,
                             sizeof programme->kinds[0], &place, &has, fault);
    occasion->has_identity = true;
    if (st == ST_OK && has) {
        occasion->kind = programme->kinds[place].number;
    }
    if (st == ST_OK) {
        st = read_day(card, "birthday", &occasion->birthday, fault);
    }
    return st == ST_OK ? read_day(card, "wedding", &occasion->wedding, fault) : st;
}

static bool purses_fit(const struct snapshot *snapshot)
{
    return snapshot->purse[PURSE_GIFT].rials <= snapshot_purse_max(PURSE_GIFT) &&
           snapshot->purse[PURSE_VOUCHER].rials <= snapshot_purse_max(PURSE_VOUCHER);
}

static enum st read_balances(struct play *play, const json_t *card, struct snapshot *snapshot,
                             struct fault *fault)
{
    const struct programme *programme = play->programme;
    size_t place = 0;
    bool has = false;
    int64_t stamps = 0;
    enum st st = field_whole(card, "points", POINTS_MAX, &snapshot->points.n, fault);
    if (st == ST_OK) {
        st = field_amount(card, "credit", &snapshot->purse[PURSE_CREDIT], fault);
    }
    if (st == ST_OK) {
        st = field_amount(card, "gift", &snapshot->purse[PURSE_GIFT], fault);
    }
    if (st == ST_OK) {
        st = field_amount(card, "voucher", &snapshot->purse[PURSE_VOUCHER], fault);
    }
    if (st == ST_OK && !purses_fit(snapshot)) {
        return field_refuse(fault, "card.gift and card.voucher hold at most 1,073,741,823 rials.");
    }
    if (st == ST_OK) {
        st = field_whole(card, "stamps", SNAPSHOT_STAMPS_MAX, &stamps, fault);
    }
    if (st == ST_OK) {
        snapshot->stamps = (uint8_t)stamps;
        st = field_named(card, "tier", programme->tiers, programme->tier_count,
                         sizeof programme->tiers[0], &place, &has, fault);
        snapshot->tier = st == ST_OK && has ? (uint8_t)(1 + place) : 0;
    }
    if (st == ST_OK) {
        st = field_named(card, "group", programme->groups, programme->group_count,
                         sizeof programme->groups[0], &place, &has, fault);
        snapshot->group = st == ST_OK && has ? programme->groups[place].number : 0;
    }
    return st;
}

static enum st read_marks(const struct play *play, const json_t *marks, struct facts *facts,
                          struct fault *fault)
{
    const struct programme *programme = play->programme;
    size_t i;
    json_t *mark;
    if (marks != NULL && !json_is_array(marks)) {
        return field_refuse(fault, "facts.marks must be a list of ids.");
    }
    json_array_foreach(marks, i, mark)
    {
        size_t place = 0;
        if (!json_is_string(mark)) {
            return field_refuse(fault, "facts.marks must be a list of ids.");
        }
        enum st st =
            field_place_of("mark", json_string_value(mark), programme->marks, programme->mark_count,
                           sizeof programme->marks[0], &place, fault);
        if (st != ST_OK) {
            return st;
        }
        unsigned number = programme->marks[place].number;
        if (number <= MARKS_YEAR) {
            facts->marks_year = (uint16_t)(facts->marks_year | 1U << (number - 1));
        } else {
            facts->marks_ever = (uint16_t)(facts->marks_ever | 1U << (number - MARKS_YEAR - 1));
        }
    }
    return ST_OK;
}

static struct facts_rules rules_of(const struct programme *programme)
{
    return (struct facts_rules){.utc_offset_minutes = programme->utc_offset_minutes,
                                .tiers = programme->tier_period,
                                .expiry = programme->expiry};
}

static enum st read_numbers(const json_t *from, struct facts *facts, struct fault *fault)
{
    int64_t visits = 0;
    int64_t earned = 0;
    struct money basket = {0};
    struct money spend = {0};
    const json_t *interval = json_object_get(from, "mean_interval");
    double days = interval == NULL ? 0 : json_number_value(interval);
    enum st st = field_whole(from, "visits", VISITS_MAX, &visits, fault);
    if (st == ST_OK && interval != NULL &&
        (!json_is_number(interval) || days < 0 || days * QUARTERS > INTERVAL_MAX)) {
        return field_refuse(fault, "facts.mean_interval must be days from 0 to 511.75.");
    }
    if (st == ST_OK) {
        st = field_whole(from, "period_earned", EARNED_MAX, &earned, fault);
    }
    if (st == ST_OK) {
        st = field_amount(from, "mean_basket", &basket, fault);
    }
    if (st == ST_OK) {
        st = field_amount(from, "period_spend", &spend, fault);
    }
    if (st == ST_OK && (basket.rials % THOUSAND != 0 || spend.rials % THOUSAND != 0)) {
        return field_refuse(fault,
                            "facts: a card keeps mean_basket and period_spend in 1,000 rials.");
    }
    if (st == ST_OK &&
        (basket.rials / THOUSAND > BASKET_MAX || spend.rials / THOUSAND > SPEND_MAX)) {
        return field_refuse(fault, "facts: mean_basket or period_spend is more than a card keeps.");
    }
    if (st == ST_OK) {
        facts->visits = (uint16_t)visits;
        facts->earned = (uint32_t)earned;
        facts->interval = (uint16_t)(days * QUARTERS);
        facts->basket = (uint32_t)(basket.rials / THOUSAND);
        facts->spend = (uint32_t)(spend.rials / THOUSAND);
    }
    return st;
}

static enum st read_facts(struct play *play, const json_t *from, struct facts *facts,
                          struct fault *fault)
{
    const struct facts_rules rules = rules_of(play->programme);
    const json_t *known = json_object_get(from, "known");
    int32_t last = 0;
    bool has_last = false;
    enum st st = read_numbers(from, facts, fault);
    if (st == ST_OK) {
        st = field_date(from, "last_visit", &last, &has_last, fault);
    }
    if (st == ST_OK && known != NULL && !json_is_boolean(known)) {
        return field_refuse(fault, "facts.known must be true or false.");
    }
    if (st == ST_OK && facts->visits > 0 && !has_last) {
        return field_refuse(fault,
                            "A card with visits needs the date of the last one, last_visit.");
    }
    if (st == ST_OK && has_last && (last < 0 || last + 1 > facts_day(&rules, play->minute))) {
        return field_refuse(fault, "last_visit must be between 1402-10-11 and the day of \"at\".");
    }
    if (st != ST_OK) {
        return st;
    }
    facts->last_day = has_last ? (uint16_t)(last + 1) : 0;
    facts->roll = facts_roll(&rules, has_last ? facts->last_day : facts_day(&rules, play->minute));
    play->occasion.has_facts = known == NULL || json_is_true(known);
    return read_marks(play, json_object_get(from, "marks"), facts, fault);
}

enum st play_read_at(struct play *play, const json_t *from, struct fault *fault)
{
    const char *at = json_string_value(json_object_get(from, "at"));
    if (json_object_get(from, "at") == NULL) {
        return ST_OK;
    }
    if (at == NULL) {
        return field_refuse(fault, "at must be a time, \"1405-07-03 18:30\".");
    }
    return time_read(play->programme, at, &play->minute, fault);
}

/* The state that the example's card is in: by an adjustment of the club's, long ago. */
static void put_card(struct play *play, struct snapshot *snapshot, struct facts *facts)
{
    uint32_t ago = LONG_AGO_DAYS * MINUTES_OF_A_DAY;
    snapshot->layout = SNAPSHOT_LAYOUT_FIRST;
    snapshot->status = CARD_ACTIVE;
    snapshot->counter = facts->visits + 2U;
    snapshot->last.kind = TRANSACTION_ADJUST;
    snapshot->last.minute = play->minute > ago ? play->minute - ago : 1;
    snapshot->last.terminal = PLAY_TERMINAL;
    snapshot->last.sequence = 1;
    facts->counter = snapshot->counter;
    assert(snapshot_is_valid(snapshot));
    play->occasion.facts = *facts;
    play->history[0] = *snapshot;
    play->count = 1;
    play->sequence = 1;
}

enum st play_begin(struct play *play, const struct programme *programme, const json_t *example,
                   struct fault *fault)
{
    const json_t *card = json_object_get(example, "card");
    const json_t *from = json_object_get(example, "facts");
    struct snapshot snapshot;
    struct facts facts;
    memset(play, 0, sizeof *play);
    memset(&snapshot, 0, sizeof snapshot);
    memset(&facts, 0, sizeof facts);
    play->programme = programme;
    if (json_object_get(example, "at") == NULL) {
        return field_refuse(fault, "\"at\" is missing: the time, as \"1405-07-03 18:30\".");
    }
    enum st st = play_read_at(play, example, fault);
    if (st == ST_OK) {
        st = field_known(card, "card",
                         " points credit gift voucher stamps tier group kind birthday wedding ",
                         fault);
    }
    if (st == ST_OK) {
        st = field_known(from, "facts",
                         " known visits last_visit mean_interval mean_basket period_spend "
                         "period_earned marks ",
                         fault);
    }
    if (st == ST_OK) {
        st = read_identity(play, card, fault);
    }
    if (st == ST_OK) {
        st = read_balances(play, card, &snapshot, fault);
    }
    if (st == ST_OK) {
        st = read_facts(play, from, &facts, fault);
    }
    if (st == ST_OK) {
        put_card(play, &snapshot, &facts);
    }
    return st;
}
