/* The rules of a programme: their effects and sentences. Conditions: programme_load_when.c. */
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/programme_load_priv.h"

#define RULE_FIELDS   "id when once do say"
#define EFFECT_FIELDS "rebate award cashback stamps group"
#define MONEY_FIELDS  "percent rials of max_rials"

static enum st needs_module(const struct part *part, const char *field, uint32_t module,
                            const char *name)
{
    if (programme_has(&part->load->programme, module)) {
        return ST_OK;
    }
    return part_refuse(part, field, ST_FOREIGN, "needs \"%s\" in modules", name);
}

/* --- effects -------------------------------------------------------------------------------- */

/* What the effect's base is: 0 = the basket, else 1 + place of a product. */
static enum st read_of(const struct part *effect, uint8_t *ret)
{
    const char *text = json_string_value(json_object_get(effect->object, "of"));
    struct names products = products_of(&effect->load->programme);
    size_t place;
    *ret = 0;
    if (!part_has(effect, "of") || (text != NULL && strcmp(text, "basket") == 0)) {
        return ST_OK;
    }
    enum st st = read_name(effect, "of", &products, &place);
    if (st == ST_OK) {
        *ret = (uint8_t)(place + 1);
    }
    return st;
}

/* A ceiling, which may be left out. */
static enum st read_max(const struct part *effect, const char *name, int64_t max, int64_t *ret)
{
    return part_has(effect, name) ? read_number(effect, name, 1, max, ret) : ST_OK;
}

static enum st load_money(const struct part *effects, const char *name, struct effect_money *ret)
{
    struct part effect;
    struct effect_money money = {.is_set = true};
    enum st st = part_open(effects, name, MONEY_FIELDS, &effect);
    if (st != ST_OK) {
        return st;
    }
    money.is_percent = part_has(&effect, "percent");
    if (money.is_percent == part_has(&effect, "rials")) {
        return part_refuse(&effect, NULL, ST_FOREIGN, "must have one of percent and rials");
    }
    st = money.is_percent ? read_percent(&effect, "percent", &money.percent_hundredths)
                          : read_number(&effect, "rials", 0, MONEY_MAX_RIALS, &money.fixed.rials);
    if (st == ST_OK) {
        st = read_max(&effect, "max_rials", MONEY_MAX_RIALS, &money.max.rials);
    }
    if (st == ST_OK) {
        st = read_of(&effect, &money.of);
    }
    if (st == ST_OK) {
        *ret = money;
    }
    return st;
}

static enum st load_award(const struct part *effects, struct effect_award *ret)
{
    struct part effect;
    struct effect_award award = {.is_set = true};
    enum st st = part_open(effects, "award", "points per_rials of max_points", &effect);
    if (st == ST_OK) {
        st = read_number(&effect, "points", 0, POINTS_MAX, &award.points.n);
    }
    if (st == ST_OK) {
        st = read_max(&effect, "per_rials", MONEY_MAX_RIALS, &award.per.rials);
    }
    if (st == ST_OK) {
        st = read_max(&effect, "max_points", POINTS_MAX, &award.max.n);
    }
    if (st == ST_OK) {
        st = read_of(&effect, &award.of);
    }
    if (st == ST_OK) {
        *ret = award;
    }
    return st;
}

static enum st load_stamps(const struct part *effects, struct effect_stamps *ret)
{
    struct part effect;
    int64_t n;
    enum st st = part_open(effects, "stamps", "add set", &effect);
    if (st != ST_OK) {
        return st;
    }
    bool adds = part_has(&effect, "add");
    if (adds == part_has(&effect, "set")) {
        return part_refuse(&effect, NULL, ST_FOREIGN, "must have one of add and set");
    }
    st = read_number(&effect, adds ? "add" : "set", adds, PROGRAMME_STAMPS_MAX, &n);
    if (st == ST_OK) {
        *ret = (struct effect_stamps){.is_set = true, .adds = adds, .n = (uint8_t)n};
    }
    return st;
}

static enum st load_group(const struct part *effects, struct programme_rule *rule)
{
    const struct programme *programme = &effects->load->programme;
    const char *text = json_string_value(json_object_get(effects->object, "group"));
    struct names groups = groups_of(programme);
    size_t place;
    rule->sets_group = true;
    if (text != NULL && *text == '\0') {
        return ST_OK; /* No group: 0. */
    }
    enum st st = read_name(effects, "group", &groups, &place);
    if (st == ST_OK) {
        rule->group = programme->groups[place].number;
    }
    return st;
}

static enum st load_effects(const struct part *part, struct programme_rule *rule)
{
    struct part effects;
    enum st st = part_open(part, "do", EFFECT_FIELDS, &effects);
    if (st == ST_OK && json_object_size(effects.object) == 0) {
        return part_refuse(part, "do", ST_FOREIGN, "must have at least one of: " EFFECT_FIELDS);
    }
    if (st == ST_OK && part_has(&effects, "rebate")) {
        st = needs_module(&effects, "rebate", MODULE_REBATE, "rebate");
        st = st == ST_OK ? load_money(&effects, "rebate", &rule->rebate) : st;
    }
    if (st == ST_OK && part_has(&effects, "award")) {
        st = needs_module(&effects, "award", MODULE_POINTS, "points");
        st = st == ST_OK ? load_award(&effects, &rule->award) : st;
    }
    if (st == ST_OK && part_has(&effects, "cashback")) {
        st = needs_module(&effects, "cashback", MODULE_CASHBACK, "cashback");
        st = st == ST_OK ? load_money(&effects, "cashback", &rule->cashback) : st;
    }
    if (st == ST_OK && part_has(&effects, "stamps")) {
        st = needs_module(&effects, "stamps", MODULE_STAMPS, "stamps");
        st = st == ST_OK ? load_stamps(&effects, &rule->stamps) : st;
    }
    if (st == ST_OK && part_has(&effects, "group")) {
        st = load_group(&effects, rule);
    }
    return st;
}

/* --- the rest of a rule --------------------------------------------------------------------- */

/* Puts one sentence behind those that are there; the room was counted before. */
static enum st keep_say(const struct part *say, const char *name, const char **ret)
{
    struct load *load = say->load;
    char text[PROGRAMME_SAY_MAX];
    enum st st = read_text(say, name, text, sizeof text);
    if (st != ST_OK) {
        return st;
    }
    size_t size = strlen(text) + 1;
    assert(size <= load->say_size - load->say_used);
    char *at = load->say + load->say_used;
    memcpy(at, text, size);
    load->say_used += size;
    *ret = at;
    return ST_OK;
}

static enum st load_say(const struct part *part, struct programme_rule *rule)
{
    struct part say;
    if (!part_has(part, "say")) {
        return ST_OK;
    }
    enum st st = part_open(part, "say", "fa en", &say);
    if (st == ST_OK) {
        st = keep_say(&say, "fa", &rule->say_fa);
    }
    return st == ST_OK ? keep_say(&say, "en", &rule->say_en) : st;
}

static enum st load_once(const struct part *part, struct programme_rule *rule)
{
    struct names marks = marks_of(&part->load->programme);
    size_t place;
    if (!part_has(part, "once")) {
        return ST_OK;
    }
    enum st st = needs_module(part, "once", MODULE_MARKS, "marks");
    if (st == ST_OK) {
        st = read_name(part, "once", &marks, &place);
    }
    if (st == ST_OK) {
        rule->once = part->load->programme.marks[place].number;
        part->load->programme.uses |= USES_FACTS;
    }
    return st;
}

/* `part` is the rule; from here on it is named by its id. */
static enum st load_rule(struct part *part, struct programme_rule *rule)
{
    struct names before = {"rule", part->load->rules, part->load->programme.rule_count,
                           sizeof part->load->rules[0]};
    char id[PROGRAMME_ID_MAX];
    enum st st = read_id(part, id);
    if (st != ST_OK) {
        return st;
    }
    if (names_find(&before, id) < before.count) {
        return part_refuse(part, "id", ST_FOREIGN,
                           "is %s, and so is an earlier rule's: each needs its own", id);
    }
    memcpy(rule->id, id, sizeof id);
    part->rule = rule->id;
    part->path[0] = '\0';
    st = part_fields(part, RULE_FIELDS);
    if (st == ST_OK) {
        st = load_when(part, SCOPE_SALE, &rule->when);
    }
    if (st == ST_OK) {
        st = load_once(part, rule);
    }
    if (st == ST_OK) {
        st = load_effects(part, rule);
    }
    return st == ST_OK ? load_say(part, rule) : st;
}

/* Room for each sentence in the document: those that are too long are refused before they are kept.
 */
static size_t say_bytes(json_t *rules)
{
    size_t bytes = 0;
    size_t i;
    json_t *rule;
    json_array_foreach(rules, i, rule)
    {
        json_t *say = json_object_get(rule, "say");
        const char *name;
        json_t *text;
        json_object_foreach(say, name, text)
        {
            (void)name;
            bytes += json_string_length(text) + 1;
        }
    }
    return bytes;
}

enum st load_rules(const struct part *root)
{
    struct load *load = root->load;
    json_t *list;
    enum st st = list_open(root, "rules", PROGRAMME_RULES_MAX, &list);
    if (st != ST_OK) {
        return st;
    }
    size_t count = json_array_size(list);
    load->say_size = say_bytes(list);
    load->rules = calloc(count + 1, sizeof *load->rules);
    load->say = malloc(load->say_size + 1);
    if (load->rules == NULL || load->say == NULL) {
        fault_say(load->fault, "Programme: no memory for %zu rules.", count);
        return ST_FULL;
    }
    for (size_t i = 0; st == ST_OK && i < count; i += 1) {
        struct part part;
        st = item_open(root, "rules", list, i, RULE_FIELDS, &part);
        if (st == ST_OK) {
            st = load_rule(&part, &load->rules[i]);
        }
        load->programme.rule_count = i + 1;
    }
    load->programme.rules = load->rules;
    return st;
}
