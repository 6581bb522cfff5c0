#include "tools/programme/lint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/explain_text.h"
#include "firmware/engine/programme_facts.h"
#include "tools/programme/operation.h"

/* What one fact can still be. */
struct range {
    int64_t lo, hi;         /* numbers, scaled */
    bool is_whole;          /* of these only whole ones */
    bool may_hold, may_not; /* true or false */
    const char *is;         /* a text; NULL = any */
};

struct state {
    const struct programme_facts *facts;
    struct range ranges[PROGRAMME_FACTS_MAX];
};

static bool narrow(struct state *state, const json_t *value, bool want);

/* --- JSON ----------------------------------------------------------------------------------- */

static bool is_word(const char *word, const char *words)
{
    size_t length = strlen(word);
    const char *at = strstr(words, word);
    while (at != NULL && (at[-1] != ' ' || at[length] != ' ')) {
        at = strstr(at + 1, word);
    }
    return at != NULL;
}

/* The fact that {"var": path} names; NULL = it is something else. */
static struct range *range_of(struct state *state, const json_t *value)
{
    const char *path = operation_path(value);
    for (size_t i = 0; path != NULL && i < state->facts->count; i += 1) {
        if (strcmp(state->facts->table[i].path, path) == 0) {
            return &state->ranges[i];
        }
    }
    return NULL;
}

/* --- what can hold -------------------------------------------------------------------------- */

static bool narrow_number(struct range *range, const char *op, int64_t n)
{
    if (strcmp(op, ">=") == 0) {
        range->lo = range->lo > n ? range->lo : n;
    } else if (strcmp(op, ">") == 0) {
        range->lo = range->lo > n ? range->lo : n + 1;
    } else if (strcmp(op, "<=") == 0) {
        range->hi = range->hi < n ? range->hi : n;
    } else if (strcmp(op, "<") == 0) {
        range->hi = range->hi < n ? range->hi : n - 1;
    } else if (op[0] == '=') {
        range->lo = range->lo > n ? range->lo : n;
        range->hi = range->hi < n ? range->hi : n;
    } else {
        return !(range->lo == n && range->hi == n);
    }
    if (range->is_whole) { /* LOGIC_ONE and its multiples: up from lo, down from hi */
        int64_t above = range->lo % LOGIC_ONE;
        int64_t below = range->hi % LOGIC_ONE;
        range->lo += above > 0 ? LOGIC_ONE - above : -above;
        range->hi -= below < 0 ? LOGIC_ONE + below : below;
    }
    return range->lo <= range->hi;
}

static bool narrow_text(struct range *range, const char *op, const char *text)
{
    if (op[0] == '=') {
        bool is_possible = range->is == NULL || strcmp(range->is, text) == 0;
        range->is = text;
        return is_possible;
    }
    return op[0] != '!' || range->is == NULL || strcmp(range->is, text) != 0;
}

/* The same comparison from the other side, and what is true when it is false. */
static const char *turned(const char *op, bool flip, bool negate)
{
    static const char *const table[][3] = {
        {"==", "==", "!="}, {"===", "==", "!="}, {"!=", "!=", "=="}, {"!==", "!=", "=="},
        {"<", ">", ">="},   {">", "<", "<="},    {"<=", ">=", ">"},  {">=", "<=", "<"},
    };
    const char *result = op;
    for (size_t pass = 0; pass < 2; pass += 1) {
        bool is_on = pass == 0 ? flip : negate;
        for (size_t i = 0; is_on && i < sizeof table / sizeof table[0]; i += 1) {
            if (strcmp(table[i][0], result) == 0) {
                result = table[i][pass == 0 ? 1 : 2];
                break;
            }
        }
    }
    return result;
}

static bool compare(struct state *state, const char *op, const json_t *first, const json_t *second,
                    bool want)
{
    bool flip = range_of(state, first) == NULL;
    struct range *range = range_of(state, flip ? second : first);
    const json_t *literal = flip ? first : second;
    const char *turn = turned(op, flip, !want);
    if (range == NULL) {
        return true;
    }
    if (json_is_number(literal)) {
        double scaled = json_number_value(literal) * LOGIC_ONE;
        return fabs(scaled) > 9e18 || narrow_number(range, turn, llround(scaled));
    }
    return !json_is_string(literal) || narrow_text(range, turn, json_string_value(literal));
}

static bool narrow_comparison(struct state *state, const json_t *value, bool want)
{
    const char *op = operation_name(value);
    const json_t *third = operation_value(value, 2);
    if (third == NULL) {
        return compare(state, op, operation_value(value, 0), operation_value(value, 1), want);
    }
    return !want ||
           (compare(state, op, operation_value(value, 0), operation_value(value, 1), true) &&
            compare(state, op, operation_value(value, 1), third, true));
}

static bool narrow_in(struct state *state, const json_t *value, bool want)
{
    const json_t *list = operation_value(value, 1);
    size_t i;
    json_t *item;
    if (!json_is_array(list) || !want) {
        return true;
    }
    json_array_foreach(list, i, item)
    {
        struct state branch = *state;
        if (compare(&branch, "==", operation_value(value, 0), item, true)) {
            return true;
        }
    }
    return false;
}

/* All must hold: `want` of "and", not wanted of "or". */
static bool narrow_all(struct state *state, const json_t *value, bool want)
{
    for (size_t i = 0; operation_value(value, i) != NULL; i += 1) {
        if (!narrow(state, operation_value(value, i), want)) {
            return false;
        }
    }
    return true;
}

static bool narrow_any(struct state *state, const json_t *value, bool want)
{
    for (size_t i = 0; operation_value(value, i) != NULL; i += 1) {
        struct state branch = *state;
        if (narrow(&branch, operation_value(value, i), want)) {
            return true;
        }
    }
    return false;
}

/* Takes it that `value` is (not) true; false: that cannot be. What it does not understand can be.
 */
static bool narrow(struct state *state, const json_t *value, bool want)
{
    const char *op = operation_name(value);
    if (json_is_boolean(value)) {
        return json_is_true(value) == want;
    }
    if (op == NULL) {
        return true;
    }
    if (strcmp(op, "!") == 0) {
        return narrow(state, operation_value(value, 0), !want);
    }
    if (strcmp(op, "and") == 0) {
        return want ? narrow_all(state, value, true) : narrow_any(state, value, false);
    }
    if (strcmp(op, "or") == 0) {
        return want ? narrow_any(state, value, true) : narrow_all(state, value, false);
    }
    if (is_word(op, " == === != !== < <= > >= ")) {
        return narrow_comparison(state, value, want);
    }
    if (strcmp(op, "in") == 0) {
        return narrow_in(state, value, want);
    }
    struct range *range = range_of(state, value);
    if (range == NULL) {
        return true;
    }
    bool is_possible = want ? range->may_hold : range->may_not;
    range->may_hold = range->may_hold && want;
    range->may_not = range->may_not && !want;
    return is_possible;
}

/* All numbers of docs/programme.md, section 2, are whole but these. */
static bool is_whole(const char *path)
{
    const char *end = strrchr(path, '.');
    return strcmp(path, "history.mean_interval") != 0 && strcmp(end, ".quantity") != 0;
}

static bool can_hold(const struct programme_facts *facts, const json_t *when)
{
    static struct state state; /* large */
    state.facts = facts;
    for (size_t i = 0; i < facts->count; i += 1) {
        state.ranges[i] = (struct range){.lo = facts->table[i].lo,
                                         .hi = facts->table[i].hi,
                                         .is_whole = is_whole(facts->table[i].path),
                                         .may_hold = true,
                                         .may_not = true};
    }
    return narrow(&state, when, true);
}

/* --- what is used --------------------------------------------------------------------------- */

/* Does any text below `value` equal `path`, or begin with `path` and a point? */
static bool names(const json_t *value, const char *path)
{
    size_t length = strlen(path);
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        return strncmp(text, path, length) == 0 && (text[length] == '\0' || text[length] == '.');
    }
    json_object_foreach((json_t *)value, key, item)
    {
        if (names(item, path)) {
            return true;
        }
    }
    json_array_foreach(value, i, item)
    {
        if (names(item, path)) {
            return true;
        }
    }
    return false;
}

static bool when_names(const json_t *rules, const char *prefix, const char *id)
{
    char path[PROGRAMME_FACT_PATH_MAX];
    size_t i;
    json_t *rule;
    (void)snprintf(path, sizeof path, "%s.%s", prefix, id);
    json_array_foreach(rules, i, rule)
    {
        if (names(json_object_get(rule, "when"), path)) {
            return true;
        }
    }
    return false;
}

static bool rules_use_product(const struct programme *programme, size_t place)
{
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        const struct programme_rule *rule = &programme->rules[i];
        if ((rule->rebate.is_set && rule->rebate.of == place + 1) ||
            (rule->award.is_set && rule->award.of == place + 1) ||
            (rule->cashback.is_set && rule->cashback.of == place + 1)) {
            return true;
        }
    }
    return false;
}

static bool rules_use_mark(const struct programme *programme, uint8_t number)
{
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        if (programme->rules[i].once == number) {
            return true;
        }
    }
    return false;
}

static size_t unused(FILE *out, const char *what, const char *id)
{
    fprintf(out, "warning: %s %s is not used by any rule\n", what, id);
    return 1;
}

static size_t lint_lists(FILE *out, const struct programme *programme, const json_t *document)
{
    const json_t *rules = json_object_get(document, "rules");
    const json_t *groups = json_object_get(document, "groups");
    size_t count = 0;
    for (size_t i = 0; i < programme->mark_count; i += 1) {
        const struct programme_name *mark = &programme->marks[i];
        if (!rules_use_mark(programme, mark->number) && !when_names(rules, "mark", mark->id)) {
            count += unused(out, "mark", mark->id);
        }
    }
    for (size_t i = 0; i < programme->product_count; i += 1) {
        const struct programme_product *product = &programme->products[i];
        if (product->earns && !rules_use_product(programme, i) &&
            !when_names(rules, "lines", product->id)) {
            count += unused(out, "product", product->id);
        }
    }
    for (size_t i = 0; i < programme->calendar_count; i += 1) {
        const char *id = programme->calendars[i].id;
        if (!when_names(rules, "on", id) && !when_names(groups, "on", id)) {
            count += unused(out, "calendar", id);
        }
    }
    for (size_t i = 0; i < programme->code_count; i += 1) {
        if (!when_names(rules, "code", programme->codes[i].id)) {
            count += unused(out, "code", programme->codes[i].id);
        }
    }
    return count;
}

static size_t lint_calendars(FILE *out, const struct programme *programme, int32_t today)
{
    size_t count = 0;
    for (size_t i = 0; i < programme->calendar_count; i += 1) {
        const struct programme_calendar *calendar = &programme->calendars[i];
        char last[EXPLAIN_DATE_MAX];
        if (calendar->to_day < today) {
            explain_date(EXPLAIN_EN, calendar->to_day, last);
            fprintf(out, "warning: calendar %s is over; its last day was %s\n", calendar->id, last);
            count += 1;
        }
    }
    return count;
}

/* Is there a day in it with one of its weekdays? */
static size_t lint_empty(FILE *out, const struct programme *programme)
{
    size_t count = 0;
    for (size_t i = 0; i < programme->calendar_count; i += 1) {
        const struct programme_calendar *calendar = &programme->calendars[i];
        bool has = false;
        for (int32_t day = calendar->from_day;
             !has && day <= calendar->to_day && day < calendar->from_day + 7; day += 1) {
            has = programme_calendar_has(calendar, day);
        }
        if (!has) {
            fprintf(out, "warning: calendar %s has no day with one of its weekdays\n",
                    calendar->id);
            count += 1;
        }
    }
    return count;
}

/* Conditions of rules and groups that nothing fulfils. */
static size_t lint_conditions(FILE *out, const struct programme_facts *facts, const char *what,
                              const json_t *list)
{
    size_t count = 0, i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        const json_t *when = json_object_get(item, "when");
        if (when != NULL && !can_hold(facts, when)) {
            fprintf(out,
                    "warning: %s %s can never hold: its condition contradicts itself or "
                    "asks for what a fact is never\n",
                    what, json_string_value(json_object_get(item, "id")));
            count += 1;
        }
    }
    return count;
}

size_t lint(FILE *out, const struct programme *programme, const json_t *document, int32_t today)
{
    struct programme_facts *facts = malloc(sizeof *facts);
    if (facts == NULL) {
        return 0;
    }
    programme_facts_table(programme, facts);
    size_t count = lint_conditions(out, facts, "rule", json_object_get(document, "rules")) +
                   lint_conditions(out, facts, "group", json_object_get(document, "groups"));
    free(facts);
    count += lint_lists(out, programme, document);
    count += lint_empty(out, programme);
    return count + lint_calendars(out, programme, today);
}
