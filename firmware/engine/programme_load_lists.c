/* The lists of a programme: modules, tiers, groups, kinds, products, calendars, codes, marks. */
#include <string.h>

#include "firmware/engine/programme_load_priv.h"

#define GROUP_FIELDS "id number when"

/* --- ids and numbers ------------------------------------------------------------------------ */

/* An item's id, which none before it has. */
static enum st item_id(const struct part *item, const struct names *before,
                       char ret[PROGRAMME_ID_MAX])
{
    char id[PROGRAMME_ID_MAX];
    enum st st = read_id(item, id);
    if (st != ST_OK) {
        return st;
    }
    if (names_find(before, id) < before->count) {
        return part_refuse(item, "id", ST_FOREIGN,
                           "is %s, and so is an earlier %s: each needs its own", id, before->what);
    }
    memcpy(ret, id, sizeof id);
    return ST_OK;
}

/* An item's number, which none before it has; `used` has a place for each. */
static enum st item_number(const struct part *item, int64_t min, int64_t max, bool used[256],
                           uint8_t *ret)
{
    int64_t number;
    enum st st = read_number(item, "number", min, max, &number);
    if (st != ST_OK) {
        return st;
    }
    if (used[number]) {
        return part_refuse(item, "number", ST_FOREIGN,
                           "is %lld, and so is an earlier one: each needs its own",
                           (long long)number);
    }
    used[number] = true;
    *ret = (uint8_t)number;
    return ST_OK;
}

/* Their rules ask for facts, which need the other lists: load_group_rules() comes later. */
static enum st load_groups(const struct part *root)
{
    struct programme *programme = &root->load->programme;
    json_t *list;
    bool used[256] = {false};
    enum st st = list_open(root, "groups", PROGRAMME_GROUPS_MAX, &list);
    for (size_t i = 0; st == ST_OK && i < json_array_size(list); i += 1) {
        struct programme_name *group = &programme->groups[i];
        struct names before = groups_of(programme);
        struct part item;
        st = item_open(root, "groups", list, i, GROUP_FIELDS, &item);
        if (st == ST_OK) {
            st = item_id(&item, &before, group->id);
        }
        if (st == ST_OK) {
            st = item_number(&item, 1, UINT8_MAX, used, &group->number);
        }
        programme->group_count = i + 1;
    }
    return st;
}

enum st load_group_rules(const struct part *root)
{
    struct programme *programme = &root->load->programme;
    json_t *list;
    enum st st = list_open(root, "groups", PROGRAMME_GROUPS_MAX, &list);
    for (size_t i = 0; st == ST_OK && i < programme->group_count; i += 1) {
        struct programme_group_rule *rule = &programme->group_rules[i];
        struct part item;
        st = item_open(root, "groups", list, i, GROUP_FIELDS, &item);
        rule->is_set = st == ST_OK && part_has(&item, "when");
        if (rule->is_set) {
            st = load_when(&item, SCOPE_NEWCOMER, &rule->when);
        }
    }
    return st;
}

static enum st load_kinds(const struct part *root)
{
    struct programme *programme = &root->load->programme;
    json_t *list;
    bool used[256] = {false};
    enum st st = list_open(root, "kinds", PROGRAMME_KINDS_MAX, &list);
    for (size_t i = 0; st == ST_OK && i < json_array_size(list); i += 1) {
        struct programme_name *kind = &programme->kinds[i];
        struct names before = kinds_of(programme);
        struct part item;
        st = item_open(root, "kinds", list, i,
                       "id number name opening_credit opening_gift valid_days branches", &item);
        if (st == ST_OK) {
            st = item_id(&item, &before, kind->id);
        }
        if (st == ST_OK) {
            st = item_number(&item, 0, 15, used, &kind->number);
        }
        if (st == ST_OK) {
            st = load_kind_terms(&item, &programme->kind_terms[i]);
        }
        programme->kind_count = i + 1;
    }
    return st;
}

static enum st load_products(const struct part *root)
{
    struct programme *programme = &root->load->programme;
    json_t *list;
    bool used[256] = {false};
    enum st st = list_open(root, "products", PROGRAMME_PRODUCTS_MAX, &list);
    for (size_t i = 0; st == ST_OK && i < json_array_size(list); i += 1) {
        struct programme_product *product = &programme->products[i];
        struct names before = products_of(programme);
        struct part item;
        st = item_open(root, "products", list, i, "id number earns", &item);
        if (st == ST_OK) {
            st = item_id(&item, &before, product->id);
        }
        if (st == ST_OK) {
            st = item_number(&item, 1, UINT8_MAX, used, &product->number);
        }
        if (st == ST_OK) {
            st = read_bool(&item, "earns", &product->earns);
        }
        programme->product_count = i + 1;
    }
    return st;
}

/* Marks that end with the Jalali year have other numbers than those for ever: a card keeps them
 * apart (facts.h). */
static enum st load_marks(const struct part *root)
{
    struct programme *programme = &root->load->programme;
    json_t *list;
    bool used[256] = {false};
    enum st st = list_open(root, "marks", PROGRAMME_MARKS_MAX, &list);
    for (size_t i = 0; st == ST_OK && i < json_array_size(list); i += 1) {
        struct programme_name *mark = &programme->marks[i];
        struct names before = marks_of(programme);
        struct part item;
        size_t is_ever = 0;
        st = item_open(root, "marks", list, i, "id number per", &item);
        if (st == ST_OK) {
            st = item_id(&item, &before, mark->id);
        }
        if (st == ST_OK) {
            st = read_word(&item, "per", "year ever", &is_ever);
        }
        if (st == ST_OK) {
            st = is_ever ? item_number(&item, PROGRAMME_MARKS_YEAR + 1, PROGRAMME_MARKS_MAX, used,
                                       &mark->number)
                         : item_number(&item, 1, PROGRAMME_MARKS_YEAR, used, &mark->number);
        }
        programme->mark_count = i + 1;
    }
    if (st == ST_OK && programme->mark_count > 0 && !programme_has(programme, MODULE_MARKS)) {
        return part_refuse(root, "marks", ST_FOREIGN, "needs \"marks\" in modules, or must be []");
    }
    return st;
}

/* --- codes ---------------------------------------------------------------------------------- */

static enum st load_code(const struct part *item, const struct programme *programme,
                         struct programme_code *ret)
{
    struct names before = {"code", programme->codes, programme->code_count,
                           sizeof programme->codes[0]};
    char code[PROGRAMME_CODE_MAX];
    enum st st = item_id(item, &before, ret->id);
    if (st != ST_OK) {
        return st;
    }
    const char *text = json_string_value(json_object_get(item->object, "code"));
    size_t length = text == NULL ? 0 : strlen(text);
    if (length < 1 || length >= PROGRAMME_CODE_MAX ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != length) {
        return part_refuse(item, "code", ST_FOREIGN, "must be 1 to %d of A-Z 0-9 -",
                           PROGRAMME_CODE_MAX - 1);
    }
    memset(code, 0, sizeof code);
    memcpy(code, text, length);
    if (programme_code_place(programme, code) >= 0) {
        return part_refuse(item, "code", ST_FOREIGN,
                           "is %s, and so is an earlier one: each needs its own", code);
    }
    memcpy(ret->code, code, sizeof code);
    return ST_OK;
}

static enum st load_codes(const struct part *root)
{
    struct programme *programme = &root->load->programme;
    json_t *list;
    enum st st = list_open(root, "codes", PROGRAMME_CODES_MAX, &list);
    for (size_t i = 0; st == ST_OK && i < json_array_size(list); i += 1) {
        struct part item;
        st = item_open(root, "codes", list, i, "id code", &item);
        if (st == ST_OK) {
            st = load_code(&item, programme, &programme->codes[i]);
        }
        programme->code_count = i + 1;
    }
    if (st == ST_OK && programme->code_count > 0 && !programme_has(programme, MODULE_CODES)) {
        return part_refuse(root, "codes", ST_FOREIGN, "needs \"codes\" in modules, or must be []");
    }
    return st;
}

/* --- calendars ------------------------------------------------------------------------------ */

/* Two digits. */
static int pair(const char *digits)
{
    return (digits[0] - '0') * 10 + (digits[1] - '0');
}

static enum st read_day(const struct part *item, const char *name, int32_t *ret)
{
    static const char shape[] = "0000-00-00";
    const char *text = json_string_value(json_object_get(item->object, name));
    bool is_date = text != NULL && strlen(text) == strlen(shape);
    for (size_t i = 0; is_date && shape[i] != '\0'; i += 1) {
        is_date = shape[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == '-';
    }
    struct date date = {0};
    if (is_date) {
        date.year = (int16_t)(pair(text) * 100 + pair(text + 2));
        date.month = (uint8_t)pair(text + 5);
        date.day = (uint8_t)pair(text + 8);
    }
    if (!is_date || date.year < 1400 || date.year > 1499 || !calendar_jalali_is_valid(date)) {
        return part_refuse(item, name, ST_FOREIGN,
                           "must be a Jalali date from 1400-01-01 to 1499-12-29, YYYY-MM-DD");
    }
    *ret = calendar_day_of_jalali(date);
    return ST_OK;
}

static enum st read_weekdays(const struct part *item, uint8_t *ret)
{
    json_t *list;
    uint8_t days = 0;
    if (!part_has(item, "weekdays")) {
        *ret = 0x7f;
        return ST_OK;
    }
    enum st st = list_open(item, "weekdays", 7, &list);
    if (st != ST_OK) {
        return st;
    }
    for (size_t i = 0; i < json_array_size(list); i += 1) {
        json_t *value = json_array_get(list, i);
        json_int_t day = json_is_integer(value) ? json_integer_value(value) : -1;
        if (day < 0 || day > 6 || (days & 1 << day) != 0) {
            return item_refuse(item, "weekdays", list, i, ST_FOREIGN,
                               "must have each of 0 (Saturday) to 6 (Friday) once at most");
        }
        days = (uint8_t)(days | 1 << day);
    }
    if (days == 0) {
        return part_refuse(item, "weekdays", ST_FOREIGN,
                           "must name a day: leave it out for all of them");
    }
    *ret = days;
    return ST_OK;
}

static enum st load_calendar(const struct part *item, const struct programme *programme,
                             struct programme_calendar *ret)
{
    struct names before = {"calendar", programme->calendars, programme->calendar_count,
                           sizeof programme->calendars[0]};
    enum st st = item_id(item, &before, ret->id);
    if (st == ST_OK) {
        st = read_day(item, "from", &ret->from_day);
    }
    if (st == ST_OK) {
        st = read_day(item, "to", &ret->to_day);
    }
    if (st == ST_OK && ret->to_day < ret->from_day) {
        return part_refuse(item, "to", ST_FOREIGN, "must not be before from");
    }
    return st == ST_OK ? read_weekdays(item, &ret->weekdays) : st;
}

static enum st load_calendars(const struct part *root)
{
    struct programme *programme = &root->load->programme;
    json_t *list;
    enum st st = list_open(root, "calendars", PROGRAMME_CALENDARS_MAX, &list);
    for (size_t i = 0; st == ST_OK && i < json_array_size(list); i += 1) {
        struct part item;
        st = item_open(root, "calendars", list, i, "id from to weekdays", &item);
        if (st == ST_OK) {
            st = load_calendar(&item, programme, &programme->calendars[i]);
        }
        programme->calendar_count = i + 1;
    }
    return st;
}

/* --- tiers ---------------------------------------------------------------------------------- */

static enum st load_tier(const struct part *item, const struct programme *programme,
                         struct programme_tier *ret)
{
    struct names before = tiers_of(programme);
    size_t place = programme->tier_count;
    int64_t max = programme->measure == MEASURE_SPEND ? MONEY_MAX_RIALS : POINTS_MAX;
    enum st st = item_id(item, &before, ret->id);
    if (st == ST_OK) {
        st = read_number(item, "from", 0, max, &ret->from);
    }
    if (st != ST_OK) {
        return st;
    }
    if (place == 0 && ret->from != 0) {
        return part_refuse(item, "from", ST_FOREIGN, "must be 0 in the first tier");
    }
    if (place > 0 && ret->from <= programme->tiers[place - 1].from) {
        return part_refuse(item, "from", ST_FOREIGN,
                           "must be more than the %lld of the tier before it",
                           (long long)programme->tiers[place - 1].from);
    }
    return ST_OK;
}

static enum st load_tier_list(const struct part *tiers)
{
    struct programme *programme = &tiers->load->programme;
    json_t *list;
    enum st st = list_open(tiers, "list", PROGRAMME_TIERS_MAX, &list);
    if (st == ST_OK && json_array_size(list) == 0) {
        return part_refuse(tiers, "list", ST_FOREIGN, "must have at least one tier");
    }
    for (size_t i = 0; st == ST_OK && i < json_array_size(list); i += 1) {
        struct part item;
        st = item_open(tiers, "list", list, i, "id from", &item);
        if (st == ST_OK) {
            st = load_tier(&item, programme, &programme->tiers[i]);
        }
        programme->tier_count = i + 1;
    }
    return st;
}

static enum st load_tiers(const struct part *root)
{
    static const enum measure measures[] = {MEASURE_EARNED, MEASURE_SPEND, MEASURE_POINTS};
    struct programme *programme = &root->load->programme;
    bool is_on = programme_has(programme, MODULE_TIERS);
    struct part tiers;
    size_t measure;

    programme->tier_period = PERIOD_YEAR;
    if (!is_on && json_is_null(json_object_get(root->object, "tiers"))) {
        return ST_OK;
    }
    if (!is_on || !json_is_object(json_object_get(root->object, "tiers"))) {
        return part_refuse(root, "tiers", ST_FOREIGN,
                           is_on ? "must be an object, since \"tiers\" is in modules"
                                 : "must be null, since \"tiers\" is not in modules");
    }
    enum st st = part_open(root, "tiers", "measure period falls list", &tiers);
    if (st == ST_OK) {
        st = read_word(&tiers, "measure", "earned spend points", &measure);
    }
    if (st == ST_OK) {
        programme->measure = measures[measure];
        st = read_period(&tiers, "period", &programme->tier_period);
    }
    if (st == ST_OK) {
        st = read_bool(&tiers, "falls", &programme->tiers_fall);
    }
    if (st == ST_OK && programme->measure != MEASURE_SPEND &&
        !programme_has(programme, MODULE_POINTS)) {
        return part_refuse(&tiers, "measure", ST_FOREIGN, "needs \"points\" in modules");
    }
    return st == ST_OK ? load_tier_list(&tiers) : st;
}

/* --- modules, and all of it ----------------------------------------------------------------- */

enum { MODULES = 12 };
#define MODULE_WORDS                                                                               \
    "points redemption credit rebate cashback stamps tiers marks codes expiry gift voucher"

enum st load_modules(const struct part *root)
{
    /* The second is of no use without the first. */
    static const struct {
        uint32_t base, needs;
        const char *say;
    } pairs[] = {
        {MODULE_REDEMPTION, MODULE_POINTS, "has \"redemption\", which needs \"points\""},
        {MODULE_EXPIRY, MODULE_POINTS, "has \"expiry\", which needs \"points\""},
        {MODULE_CASHBACK, MODULE_CREDIT, "has \"cashback\", which needs \"credit\""},
    };
    struct programme *programme = &root->load->programme;
    json_t *list;
    enum st st = list_open(root, "modules", MODULES, &list);
    if (st != ST_OK) {
        return st;
    }
    for (size_t i = 0; i < json_array_size(list); i += 1) {
        const char *name = json_string_value(json_array_get(list, i));
        size_t place = name == NULL ? SIZE_MAX : word_place(MODULE_WORDS, name);
        if (place == SIZE_MAX) {
            return item_refuse(root, "modules", list, i, name == NULL ? ST_FOREIGN : ST_UNSUPPORTED,
                               "has one that is none of: " MODULE_WORDS);
        }
        uint32_t bit = UINT32_C(1) << place; /* enum module has the order of the words */
        if (programme_has(programme, bit)) {
            return item_refuse(root, "modules", list, i, ST_FOREIGN, "has \"%s\" twice", name);
        }
        programme->modules |= bit;
    }
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i += 1) {
        if (programme_has(programme, pairs[i].base) && !programme_has(programme, pairs[i].needs)) {
            return part_refuse(root, "modules", ST_FOREIGN, "%s", pairs[i].say);
        }
    }
    return ST_OK;
}

enum st load_lists(const struct part *root)
{
    enum st st = load_tiers(root);
    if (st == ST_OK) {
        st = load_groups(root);
    }
    if (st == ST_OK) {
        st = load_kinds(root);
    }
    if (st == ST_OK) {
        st = load_products(root);
    }
    if (st == ST_OK) {
        st = load_calendars(root);
    }
    if (st == ST_OK) {
        st = load_codes(root);
    }
    return st == ST_OK ? load_marks(root) : st;
}
