/* Conditions of rules: compiled by logic_load(); looked through here for what they ask. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/particulars.h"
#include "firmware/engine/programme_load_priv.h"

_Static_assert((int)PROGRAMME_FACTS_MAX <= (int)LOGIC_NAMES_MAX, "every fact has a slot");

/* --- one fact ------------------------------------------------------------------------------- */

/* Tests the path that `container` has at `place`, and notes what a terminal must read for it. */
static enum st use_fact(const struct part *rule, json_t *container, size_t place, const char *path)
{
    struct load *load = rule->load;
    const struct programme_facts *facts = &load->facts;
    struct names names = {"fact", facts->paths, facts->count, sizeof facts->paths[0]};
    size_t slot = names_find(&names, path);
    if (path[0] == '\0') {
        return ST_OK; /* The item of a list; elsewhere logic_load() refuses it. */
    }
    if (slot == facts->count) {
        const char *like = names_suggest(&names, path);
        if (like != NULL) {
            return item_refuse(rule, "when", container, place, ST_UNSUPPORTED,
                               "asks for " SHOWN ", which is no fact; did you mean \"%s\"?", path,
                               like);
        }
        return item_refuse(rule, "when", container, place, ST_UNSUPPORTED,
                           "asks for " SHOWN ", which is no fact of this firmware", path);
    }
    if (!programme_has(&load->programme, facts->modules[slot])) {
        return item_refuse(rule, "when", container, place, ST_FOREIGN,
                           "asks for " SHOWN ", whose module is not in modules", path);
    }
    if ((facts->scopes[slot] & load->scope) == 0) {
        return item_refuse(rule, "when", container, place, ST_FOREIGN,
                           load->scope == SCOPE_SALE
                               ? "asks for " SHOWN ", which only a group's rule can know"
                               : "asks for " SHOWN ", which nobody knows when a member joins",
                           path);
    }
    /* A new card brings what is asked of it: only for sales must a terminal read more. */
    load->programme.uses |= load->scope == SCOPE_SALE ? facts->uses[slot] : 0U;
    return ST_OK;
}

/* The path in {"var": path} or {"var": [path, default]}; NULL = none that is written out. */
static const char *var_path(const json_t *value, json_t **ret_container, size_t *ret_place)
{
    json_t *path = json_object_get(value, "var");
    *ret_container = (json_t *)value;
    *ret_place = 0;
    if (json_is_array(path)) {
        *ret_container = path;
        path = json_array_get(path, 0);
    }
    return json_string_value(path);
}

/* --- names of tiers, groups and kinds ------------------------------------------------------- */

/* What particulars.h calls them. */
static const char accounts[][PROGRAMME_ID_MAX] = {"customer", "colleague", "agent", "partner",
                                                  "staff"};
static const char routes[][PROGRAMME_ID_MAX] = {"counter",        "web",    "app",  "invitation",
                                                "first_purchase", "import", "batch"};
_Static_assert(sizeof accounts / sizeof accounts[0] == ACCOUNT_STAFF, "every account kind");
_Static_assert(sizeof routes / sizeof routes[0] == ROUTE_BATCH, "every route");

static bool names_of_fact(const struct programme *programme, const char *path, struct names *ret)
{
    if (strcmp(path, "member.tier") == 0) {
        *ret = tiers_of(programme);
    } else if (strcmp(path, "member.group") == 0) {
        *ret = groups_of(programme);
    } else if (strcmp(path, "card.kind") == 0) {
        *ret = kinds_of(programme);
    } else if (strcmp(path, "member.account") == 0) {
        *ret = (struct names){"account", accounts, ACCOUNT_STAFF, sizeof accounts[0]};
    } else if (strcmp(path, "member.route") == 0) {
        *ret = (struct names){"route", routes, ROUTE_BATCH, sizeof routes[0]};
    } else {
        return false;
    }
    return true;
}

static enum st is_name(const struct part *rule, const struct names *names, json_t *container,
                       size_t place)
{
    const char *text = json_string_value(json_array_get(container, place));
    if (text == NULL || *text == '\0' || names_find(names, text) < names->count) {
        return ST_OK;
    }
    const char *like = names_suggest(names, text);
    if (like != NULL) {
        return item_refuse(rule, "when", container, place, ST_FOREIGN,
                           "has " SHOWN ", which is no %s; did you mean \"%s\"?", text, names->what,
                           like);
    }
    return item_refuse(rule, "when", container, place, ST_FOREIGN,
                       "has " SHOWN ", which is in no list of %ss", text, names->what);
}

/* In a comparison with a tier, group or kind, a text must be one: a slip would be false for ever.
 */
static enum st compares_names(const struct part *rule, const char *op, json_t *args)
{
    struct names names;
    json_t *container;
    size_t ignored;
    bool is_in = strcmp(op, "in") == 0;
    if (!json_is_array(args) || json_array_size(args) != 2 ||
        (!is_in && word_place("== === != !==", op) == SIZE_MAX)) {
        return ST_OK;
    }
    enum st st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < 2; i += 1) {
        const char *path = var_path(json_array_get(args, i), &container, &ignored);
        if (path == NULL || !names_of_fact(&rule->load->programme, path, &names)) {
            continue;
        }
        json_t *other = json_array_get(args, 1 - i);
        if (!is_in) {
            st = is_name(rule, &names, args, 1 - i);
        } else if (i == 0 && json_is_array(other)) {
            for (size_t j = 0; st == ST_OK && j < json_array_size(other); j += 1) {
                st = is_name(rule, &names, other, j);
            }
        }
    }
    return st;
}

/* --- the whole condition -------------------------------------------------------------------- */

static enum st look(const struct part *rule, json_t *value);

static enum st look_at_all(const struct part *rule, json_t *list, size_t count)
{
    enum st st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < count && i < json_array_size(list); i += 1) {
        st = look(rule, json_array_get(list, i));
    }
    return st;
}

/* "missing" has paths as its values, "missing_some" in the list that is its second. */
static enum st look_at_paths(const struct part *rule, json_t *container, size_t place)
{
    json_t *paths = json_is_array(container) ? json_array_get(container, place)
                                             : json_object_iter_value(json_object_iter(container));
    if (json_is_string(paths)) {
        return use_fact(rule, container, place, json_string_value(paths));
    }
    enum st st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < json_array_size(paths); i += 1) {
        json_t *path = json_array_get(paths, i);
        st = json_is_string(path) ? use_fact(rule, paths, i, json_string_value(path))
                                  : look(rule, path);
    }
    return st;
}

static enum st look_at_operator(const struct part *rule, json_t *value, const char *op,
                                json_t *args)
{
    if (strcmp(op, "var") == 0) {
        json_t *container;
        size_t place;
        const char *path = var_path(value, &container, &place);
        enum st st = path == NULL ? ST_OK : use_fact(rule, container, place, path);
        return st == ST_OK ? look(rule, args) : st;
    }
    if (strcmp(op, "missing") == 0) {
        return look_at_paths(rule, value, 0);
    }
    if (strcmp(op, "missing_some") == 0 && json_is_array(args)) {
        return look_at_paths(rule, args, 1);
    }
    if (word_place("all some none", op) != SIZE_MAX) {
        return look_at_all(rule, args, 1); /* The second sees the item, not the facts. */
    }
    enum st st = compares_names(rule, op, args);
    return st == ST_OK ? look(rule, args) : st;
}

/* Recursion ends: the document's depth was tested. What is no condition, logic_load() refuses. */
static enum st look(const struct part *rule, json_t *value)
{
    if (json_is_array(value)) {
        return look_at_all(rule, value, SIZE_MAX);
    }
    if (json_is_object(value) && json_object_size(value) == 1) {
        void *iter = json_object_iter(value);
        return look_at_operator(rule, value, json_object_iter_key(iter),
                                json_object_iter_value(iter));
    }
    return ST_OK;
}

/* Half a megabyte, which a programme without conditions does without. */
static enum st open_pool(struct load *load)
{
    if (load->pool == NULL) {
        load->pool = malloc(sizeof *load->pool);
        if (load->pool == NULL) {
            fault_say(load->fault, "Programme: no memory for its conditions.");
            return ST_FULL;
        }
        logic_init(load->pool);
    }
    return ST_OK;
}

/* The line of the part of the condition that a sentence of logic_load() begins with, such as
 * "when.and[1].>=[0]: ..."; of the condition where that cannot be followed (it was cut short). */
static size_t line_of_place(const struct part *rule, json_t *when, const char *sentence)
{
    json_t *container = rule->object, *node = when;
    size_t place = field_place(container, "when");
    const size_t whole = load_line(rule->load, container, place);
    const char *at = sentence + strcspn(sentence, ".:");

    while (*at == '.') {
        char word[64];
        size_t index = 0;
        int bytes = 0;
        if (sscanf(at, ".%63[^[][%zu]%n", word, &index, &bytes) != 2 || bytes == 0) {
            word[0] = '\0';
            if (sscanf(at, ".[%zu]%n", &index, &bytes) != 1 || bytes == 0) {
                return whole;
            }
        }
        if (json_is_object(node) && json_object_get(node, word) != NULL) {
            container = node;
            place = field_place(node, word);
            node = json_object_get(node, word);
        }
        if (json_is_array(node)) {
            container = node;
            place = index;
            node = json_array_get(node, index);
        }
        at += bytes;
    }
    return *at == ':' && node != NULL ? load_line(rule->load, container, place) : whole;
}

enum st load_when(const struct part *rule, enum fact_scope scope, uint16_t *ret_root)
{
    struct load *load = rule->load;
    load->scope = scope;
    json_t *when = json_object_get(rule->object, "when");
    /* JsonLogic takes any value; a text or number here can only be a slip. */
    if (!json_is_boolean(when) && !json_is_object(when)) {
        return part_refuse(rule, "when", ST_FOREIGN,
                           "must be a condition, such as {\"var\": ...}; true = always");
    }
    if (json_is_true(when)) {
        *ret_root = 0;
        return ST_OK;
    }
    enum st st = look(rule, when);
    if (st != ST_OK) {
        return st;
    }
    st = open_pool(load);
    if (st != ST_OK) {
        return st;
    }
    const struct logic_facts facts = {load->facts.table, load->facts.count};
    struct fault why = {{0}};
    st = logic_load(load->pool, when, &facts, "when", ret_root, &why);
    if (st != ST_OK) {
        fault_say(load->fault, "Programme, line %zu%s%s: %s%s", line_of_place(rule, when, why.say),
                  rule->rule != NULL ? ", rule " : "", rule->rule != NULL ? rule->rule : "",
                  rule->rule != NULL ? "" : rule->path, why.say);
        /* A pool that is full is the document's fault, not a lack of memory. */
        return st == ST_FULL ? ST_FOREIGN : st;
    }
    return ST_OK;
}
