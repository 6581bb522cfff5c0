/* Loads a programme: the document as a whole, its single fields, and the one block that is left. */
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/programme_load_priv.h"

#define ROOT_FIELDS                                                                                \
    "vafa_programme version club unit utc_offset_minutes modules purses limits redemption "        \
    "award_on stacking rounding refund tiers groups kinds products calendars codes marks rules"

/* Numbers that only have a range. */
struct number_field {
    const char *name;
    int64_t min, max;
    int64_t *ret;
};

static enum st read_numbers(const struct part *part, const struct number_field *fields,
                            size_t count)
{
    enum st st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < count; i += 1) {
        st = read_number(part, fields[i].name, fields[i].min, fields[i].max, fields[i].ret);
    }
    return st;
}

/* --- head ----------------------------------------------------------------------------------- */

static enum st load_head(const struct part *root)
{
    struct programme *programme = &root->load->programme;
    int64_t format;
    int64_t version;
    int64_t offset;
    size_t is_rial;
    enum st st = read_number(root, "vafa_programme", 1, INT32_MAX, &format);
    if (st != ST_OK) {
        return st;
    }
    if (format != PROGRAMME_FORMAT) {
        return part_refuse(root, "vafa_programme", ST_UNSUPPORTED,
                           "is %lld; this firmware reads format %d only", (long long)format,
                           PROGRAMME_FORMAT);
    }
    st = part_fields(root, ROOT_FIELDS);
    const struct number_field fields[] = {
        {"version", 1, INT32_MAX, &version},
        {"utc_offset_minutes", -720, 840, &offset},
    };
    if (st == ST_OK) {
        st = read_numbers(root, fields, sizeof fields / sizeof fields[0]);
    }
    if (st == ST_OK) {
        st = read_text(root, "club", programme->club, sizeof programme->club);
    }
    if (st == ST_OK) {
        st = read_word(root, "unit", "toman rial", &is_rial);
    }
    if (st == ST_OK) {
        programme->version = (uint32_t)version;
        programme->utc_offset_minutes = (int16_t)offset;
        programme->unit = is_rial ? UNIT_RIAL : UNIT_TOMAN;
    }
    return st;
}

/* --- purses and limits ---------------------------------------------------------------------- */

static enum st load_expiry(const struct part *points)
{
    struct programme *programme = &points->load->programme;
    bool is_on = programme_has(programme, MODULE_EXPIRY);
    struct part expiry;
    if (!is_on && json_is_null(json_object_get(points->object, "expiry"))) {
        return ST_OK;
    }
    if (!is_on || !json_is_object(json_object_get(points->object, "expiry"))) {
        return part_refuse(points, "expiry", ST_FOREIGN,
                           is_on ? "must have a period, since \"expiry\" is in modules"
                                 : "must be null, since \"expiry\" is not in modules");
    }
    enum st st = part_open(points, "expiry", "period", &expiry);
    return st == ST_OK ? read_period(&expiry, "period", &programme->expiry) : st;
}

static enum st load_purses(const struct part *root)
{
    static const struct {
        const char *name;
        enum purse purse;
        int64_t max;
    } money[] = {
        {"credit", PURSE_CREDIT, MONEY_MAX_RIALS},
        {"gift", PURSE_GIFT, PROGRAMME_SMALL_PURSE_MAX},
        {"voucher", PURSE_VOUCHER, PROGRAMME_SMALL_PURSE_MAX},
    };
    struct programme *programme = &root->load->programme;
    struct part purses;
    struct part purse;
    int64_t hold_days;
    enum st st = part_open(root, "purses", "points credit gift voucher", &purses);
    if (st == ST_OK) {
        st = part_open(&purses, "points", "max hold_days expiry", &purse);
    }
    if (st == ST_OK) {
        const struct number_field fields[] = {
            {"max", 0, POINTS_MAX, &programme->points_max.n},
            {"hold_days", 0, PROGRAMME_HOLD_DAYS_MAX, &hold_days},
        };
        st = read_numbers(&purse, fields, sizeof fields / sizeof fields[0]);
    }
    if (st == ST_OK) {
        programme->hold_days = (uint8_t)hold_days;
        st = load_expiry(&purse);
    }
    for (size_t i = 0; st == ST_OK && i < sizeof money / sizeof money[0]; i += 1) {
        bool is_credit = money[i].purse == PURSE_CREDIT;
        st = part_open(&purses, money[i].name, is_credit ? "max_rials bonus" : "max_rials", &purse);
        if (st == ST_OK) {
            st = read_number(&purse, "max_rials", 0, money[i].max,
                             &programme->purse_max[money[i].purse].rials);
        }
        if (st == ST_OK && is_credit) {
            st = load_bonus(&purse);
        }
    }
    return st;
}

static enum st load_limits(const struct part *root)
{
    struct programme *programme = &root->load->programme;
    /* Without credit nothing is loaded, and 0 says so. */
    int64_t load_least = programme_has(programme, MODULE_CREDIT) ? 1 : 0;
    int64_t credit_max = programme->purse_max[PURSE_CREDIT].rials;
    const struct number_field fields[] = {
        {"sale_max_rials", 1, MONEY_MAX_RIALS, &programme->sale_max.rials},
        {"load_min_rials", load_least, MONEY_MAX_RIALS, &programme->load_min.rials},
        {"load_max_rials", load_least, MONEY_MAX_RIALS, &programme->load_max.rials},
        {"opening_max_rials", 0, MONEY_MAX_RIALS, &programme->opening_max.rials},
    };
    struct part limits;
    enum st st = part_open(
        root, "limits",
        "sale_max_rials load_min_rials load_max_rials opening_max_rials card_day operator_day "
        "provisional",
        &limits);
    if (st == ST_OK) {
        st = read_numbers(&limits, fields, sizeof fields / sizeof fields[0]);
    }
    if (st == ST_OK) {
        st = load_limits_day(&limits, "card_day", &programme->card_day);
    }
    if (st == ST_OK) {
        st = load_limits_day(&limits, "operator_day", &programme->operator_day);
    }
    if (st == ST_OK) {
        st = load_provisional(&limits);
    }
    if (st != ST_OK) {
        return st;
    }
    if (programme->load_min.rials > programme->load_max.rials) {
        return part_refuse(&limits, "load_min_rials", ST_FOREIGN,
                           "must not be more than load_max_rials");
    }
    if (programme->load_max.rials > credit_max) {
        return part_refuse(&limits, "load_max_rials", ST_FOREIGN,
                           "must not be more than purses.credit.max_rials");
    }
    if (programme->opening_max.rials > credit_max) {
        return part_refuse(&limits, "opening_max_rials", ST_FOREIGN,
                           "must not be more than purses.credit.max_rials");
    }
    return ST_OK;
}

/* --- how effects count ---------------------------------------------------------------------- */

static enum st load_redemption(const struct part *root)
{
    struct programme *programme = &root->load->programme;
    int64_t value_least = programme_has(programme, MODULE_REDEMPTION) ? 1 : 0;
    const struct number_field fields[] = {
        {"rials_per_point", value_least, PROGRAMME_POINT_VALUE_MAX, &programme->point_value.rials},
        {"min_points", 0, REDEEMED_MAX, &programme->redeem_min.n},
    };
    struct part redemption;
    struct part award_on;
    enum st st =
        part_open(root, "redemption", "rials_per_point min_points max_percent", &redemption);
    if (st == ST_OK) {
        st = read_numbers(&redemption, fields, sizeof fields / sizeof fields[0]);
    }
    if (st == ST_OK) {
        st = read_percent(&redemption, "max_percent", &programme->redeem_max_hundredths);
    }
    if (st == ST_OK) {
        st = part_open(root, "award_on", "redeemed credit gift voucher", &award_on);
    }
    if (st == ST_OK) {
        st = read_bool(&award_on, "redeemed", &programme->award_on_redeemed);
    }
    if (st == ST_OK) {
        st = read_bool(&award_on, "credit", &programme->award_on_credit);
    }
    return st == ST_OK ? load_award_on_purses(&award_on) : st;
}

static enum st load_stacking(const struct part *root)
{
    static const enum stacking stackings[] = {STACK_SUM, STACK_BEST, STACK_FIRST};
    struct programme *programme = &root->load->programme;
    struct {
        const char *name;
        enum stacking *ret;
    } fields[] = {
        {"rebate", &programme->rebate_stacking},
        {"award", &programme->award_stacking},
        {"cashback", &programme->cashback_stacking},
    };
    struct part stacking;
    enum st st = part_open(root, "stacking", "rebate award cashback", &stacking);
    for (size_t i = 0; st == ST_OK && i < sizeof fields / sizeof fields[0]; i += 1) {
        size_t place;
        st = read_word(&stacking, fields[i].name, "sum best first", &place);
        if (st == ST_OK) {
            *fields[i].ret = stackings[place];
        }
    }
    return st;
}

static enum st load_rounding(const struct part *root)
{
    struct programme *programme = &root->load->programme;
    const struct number_field fields[] = {
        {"rebate_rials", 1, PROGRAMME_STEP_MAX, &programme->rebate_step.rials},
        {"cashback_rials", 1, PROGRAMME_STEP_MAX, &programme->cashback_step.rials},
    };
    struct part rounding;
    struct part refund;
    size_t is_lost;
    enum st st = part_open(root, "rounding", "rebate_rials cashback_rials", &rounding);
    if (st == ST_OK) {
        st = read_numbers(&rounding, fields, sizeof fields / sizeof fields[0]);
    }
    if (st == ST_OK) {
        st = part_open(root, "refund", "extras", &refund);
    }
    if (st == ST_OK) {
        st = read_word(&refund, "extras", "share lost", &is_lost);
    }
    if (st == ST_OK) {
        programme->refund_extras_lost = is_lost;
    }
    return st;
}

/* --- the document --------------------------------------------------------------------------- */

/* What all rules together can give, which only the whole programme shows. */
static enum st test_most(const struct part *root)
{
    const struct programme *programme = &root->load->programme;
    if (programme_most_points(programme) > POINTS_MAX) {
        return part_refuse(root, "rules", ST_FOREIGN,
                           "could give more than %lld points on one basket of sale_max_rials",
                           (long long)POINTS_MAX);
    }
    if (programme_most_cashback(programme) > MONEY_MAX_RIALS) {
        return part_refuse(root, "rules", ST_FOREIGN,
                           "could give more than %lld rials of cashback on one basket of "
                           "sale_max_rials",
                           (long long)MONEY_MAX_RIALS);
    }
    return ST_OK;
}

static enum st load_document(const struct part *root)
{
    static enum st (*const loaders[])(const struct part *) = {
        load_head,       load_modules,  load_purses,   load_limits,
        load_redemption, load_stacking, load_rounding, load_lists,
    };
    struct load *load = root->load;
    struct programme *programme = &load->programme;
    enum st st = ST_OK;
    if (!json_is_object(root->object)) {
        fault_say(load->fault, "Programme: the document must be one JSON object.");
        return ST_FOREIGN;
    }
    for (size_t i = 0; st == ST_OK && i < sizeof loaders / sizeof loaders[0]; i += 1) {
        st = loaders[i](root);
    }
    if (st != ST_OK) {
        return st;
    }
    programme->uses |= programme->hold_days > 0 ? USES_HISTORY : 0U;
    programme->uses |= programme_has(programme, MODULE_TIERS) ? USES_FACTS : 0U;
    programme->uses |= programme_has(programme, MODULE_EXPIRY) ? USES_FACTS : 0U;
    programme->uses |= (programme->modules & (MODULE_GIFT | MODULE_VOUCHER)) ? USES_IDENTITY : 0U;
    programme_facts_table(programme, &load->facts);
    st = load_group_rules(root);
    if (st == ST_OK) {
        st = load_rules(root);
    }
    return st == ST_OK ? test_most(root) : st;
}

/* Objects and lists within each other, tested before the parser and our own walks go down there. */
static enum st test_depth(const char *text, size_t size, struct fault *fault)
{
    size_t depth = 0;
    size_t line = 1;
    bool in_string = false;
    for (size_t i = 0; i < size; i += 1) {
        char c = text[i];
        line += c == '\n';
        if (in_string) {
            in_string = c != '"';
            i += c == '\\';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth += 1;
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        }
        if (depth > PROGRAMME_DEPTH_MAX) {
            fault_say(fault, "Programme, line %zu: more than %d objects and lists in each other.",
                      line, PROGRAMME_DEPTH_MAX);
            return ST_FOREIGN;
        }
    }
    return ST_OK;
}

static enum st parse(const char *text, size_t size, json_t **ret, struct fault *fault)
{
    json_error_t error;
    if (size > PROGRAMME_TEXT_MAX) {
        fault_say(fault, "Programme: longer than %d bytes.", PROGRAMME_TEXT_MAX);
        return ST_FOREIGN;
    }
    enum st st = test_depth(text, size, fault);
    if (st != ST_OK) {
        return st;
    }
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        fault_say(fault, "Programme, line %d, column %d: %s.", error.line, error.column,
                  error.text);
        return json_error_code(&error) == json_error_out_of_memory ? ST_FULL : ST_FOREIGN;
    }
    *ret = root;
    return ST_OK;
}

/* --- the block ------------------------------------------------------------------------------ */

/* Each part of the block begins where anything may. */
static size_t aligned(size_t size)
{
    size_t step = _Alignof(max_align_t);
    return (size + step - 1) / step * step;
}

/* Copies what was loaded into one block: programme, rules, conditions, sentences. */
static enum st pack(const struct load *load, struct programme **ret)
{
    const struct programme *from = &load->programme;
    size_t rules_at = aligned(sizeof *from);
    size_t pool_at = rules_at + aligned(from->rule_count * sizeof *load->rules);
    size_t say_at = pool_at + (load->pool != NULL ? aligned(logic_size(load->pool)) : 0);
    size_t size = say_at + load->say_used;
    char *block = malloc(size);
    if (block == NULL) {
        fault_say(load->fault, "Programme: no memory for %zu bytes.", size);
        return ST_FULL;
    }
    struct programme *programme = (struct programme *)(void *)block;
    struct programme_rule *rules = (struct programme_rule *)(void *)(block + rules_at);
    struct logic_pool *pool = (struct logic_pool *)(void *)(block + pool_at);
    memcpy(programme, from, sizeof *programme);
    if (from->rule_count > 0) {
        memcpy(rules, load->rules, from->rule_count * sizeof *rules);
    }
    memcpy(block + say_at, load->say, load->say_used);
    for (size_t i = 0; i < from->rule_count; i += 1) {
        struct programme_rule *rule = &rules[i];
        if (rule->say_fa != NULL) {
            rule->say_fa = block + say_at + (rule->say_fa - load->say);
            rule->say_en = block + say_at + (rule->say_en - load->say);
        }
    }
    if (load->pool != NULL) {
        memcpy(pool, load->pool, logic_size(load->pool));
    }
    programme->rules = rules;
    programme->logic = load->pool != NULL ? pool : NULL;
    programme->memory = size;
    *ret = programme;
    return ST_OK;
}

enum st programme_load(const char *text, size_t size, struct programme **ret, struct fault *fault)
{
    json_t *root;
    enum st st = parse(text, size, &root, fault);
    if (st != ST_OK) {
        return st;
    }
    struct programme *programme = NULL;
    struct load *load = calloc(1, sizeof *load);
    if (load == NULL) {
        fault_say(fault, "Programme: no memory to load it.");
        st = ST_FULL;
    } else {
        load->text = text;
        load->size = size;
        load->root = root;
        load->fault = fault;
        const struct part part = {.load = load, .object = root};
        st = load_document(&part);
        if (st == ST_OK) {
            assert(programme_is_valid(&load->programme));
            st = pack(load, &programme);
        }
        free(load->rules);
        free(load->say);
        free(load->pool);
    }
    free(load);
    json_decref(root);
    if (st == ST_OK) {
        *ret = programme;
    }
    return st;
}

void programme_free(struct programme *programme)
{
    free(programme);
}
