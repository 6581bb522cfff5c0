/* programme_load_priv.h - what the parts of the loader share; nobody else includes it.
 *
 * Each reader takes a field of one object of the document, tests it and gives its value; what it
 * refuses it says with line, rule and field. They all return ST_OK, or a status and a sentence that
 * programme_load() hands on. *ret is untouched unless ST_OK. */
#ifndef FIRMWARE_ENGINE_PROGRAMME_LOAD_PRIV_H
#define FIRMWARE_ENGINE_PROGRAMME_LOAD_PRIV_H

#include <jansson.h>

#include "firmware/engine/programme.h"
#include "firmware/engine/programme_facts.h"

/* The document's strings are foreign: a sentence shows this much of one. */
#define SHOWN "\"%.40s\""

enum { LOAD_PATH_MAX = 64 };

/* One loading, on the heap: it is large. */
struct load {
    const char *text; /* the document */
    size_t size;
    json_t *root;
    struct fault *fault;
    struct programme programme;   /* so far */
    struct programme_rule *rules; /* rule_count of them */
    struct logic_pool *pool;      /* their conditions; NULL = none yet */
    char *say;                    /* their sentences, each with its NUL */
    size_t say_size, say_used;    /* bytes */
    struct programme_facts facts; /* made from the lists before the rules are read */
    enum fact_scope scope;        /* of the condition being read */
};

/* One object of the document. */
struct part {
    struct load *load;
    json_t *object;
    const char *rule;         /* id of the rule that it belongs to; NULL = none */
    char path[LOAD_PATH_MAX]; /* "", "limits.", "products[3].", "do.award." */
};

/* Refuses `field` of the part (NULL: the part itself) with a formatted sentence about it, which
 * follows "Programme, line 7, rule x: path.field ". Returns `st`. */
enum st part_refuse(const struct part *part, const char *field, enum st st, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same, for the item at `place` of the list `field`, or of the list `array` anywhere below. */
enum st item_refuse(const struct part *part, const char *field, json_t *container, size_t place,
                    enum st st, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* The line, from 1, of the value at `place` (its place in an object or list) of `container`, or of
 * the container itself when place is SIZE_MAX. */
size_t load_line(const struct load *load, json_t *container, size_t place);
/* The place of a field in its object; SIZE_MAX when it is missing. */
size_t field_place(json_t *object, const char *field);

/* Refuses fields that are not among the words of `known`, which blanks separate. */
ST_CHECK enum st part_fields(const struct part *part, const char *known);
/* Takes the object `name` of `in`, which may hold the fields `known` only. */
ST_CHECK enum st part_open(const struct part *in, const char *name, const char *known,
                           struct part *ret);
/* Takes a list of at most `max`. */
ST_CHECK enum st list_open(const struct part *in, const char *name, size_t max, json_t **ret);
/* Takes the object at `place` of the list `name` of `in`. */
ST_CHECK enum st item_open(const struct part *in, const char *name, json_t *list, size_t place,
                           const char *known, struct part *ret);

bool part_has(const struct part *part, const char *name);
ST_CHECK enum st read_number(const struct part *part, const char *name, int64_t min, int64_t max,
                             int64_t *ret);
ST_CHECK enum st read_bool(const struct part *part, const char *name, bool *ret);
/* A percent of 0 to 100 with up to two decimals, in hundredths. */
ST_CHECK enum st read_percent(const struct part *part, const char *name, uint16_t *ret);
/* Text of 1 to ret_size - 1 bytes without control characters. */
ST_CHECK enum st read_text(const struct part *part, const char *name, char *ret, size_t ret_size);
ST_CHECK enum st read_id(const struct part *part, char ret[PROGRAMME_ID_MAX]);
/* The place of `name` among the words of `known`, which blanks separate; SIZE_MAX = not there. */
size_t word_place(const char *known, const char *name);
/* One of the words of `known`; gives its place. */
ST_CHECK enum st read_word(const struct part *part, const char *name, const char *known,
                           size_t *ret);
/* "month", "quarter", "half" or "year". */
ST_CHECK enum st read_period(const struct part *part, const char *name, enum period *ret);

/* A list of structs that begin with their id. */
struct names {
    const char *what; /* "product" */
    const void *first;
    size_t count, stride;
};

/* The place of `id`; names.count when it is in no list. */
size_t names_find(const struct names *names, const char *id);
/* The name most like `name`, when it is near enough to be a slip; else NULL. */
const char *names_suggest(const struct names *names, const char *name);
/* The same among words that blanks separate. */
const char *words_suggest(const char *known, const char *name, char ret[PROGRAMME_ID_MAX]);
/* Takes an id that must be in the list. */
ST_CHECK enum st read_name(const struct part *part, const char *field, const struct names *names,
                           size_t *ret);

/* programme_load_lists.c: modules, tiers, groups, kinds, products, calendars, codes, marks. */
ST_CHECK enum st load_modules(const struct part *root);
ST_CHECK enum st load_lists(const struct part *root);
/* programme_load_kinds.c: what is said of a card kind beside id and number; the steps of "credit";
 * "gift" and "voucher" of "award_on". */
ST_CHECK enum st load_kind_terms(const struct part *kind, struct programme_kind_terms *ret);
ST_CHECK enum st load_bonus(const struct part *credit);
ST_CHECK enum st load_award_on_purses(const struct part *award_on);
/* programme_load_limits.c: the optional limits of a day, `name` of "limits"; absent: none is set.
 */
ST_CHECK enum st load_limits_day(const struct part *limits, const char *name, struct limits *ret);
/* What a card in the place of a lost one may carry; absent: nothing. */
ST_CHECK enum st load_provisional(const struct part *limits);
/* programme_load_lists.c: the groups' rules; needs the lists and the facts. */
ST_CHECK enum st load_group_rules(const struct part *root);
/* programme_load_rules.c: needs all of the above and the limits. */
ST_CHECK enum st load_rules(const struct part *root);
/* programme_load_when.c: compiles the condition of a rule or group, which may ask what the scope
 * has; 0 = always. */
ST_CHECK enum st load_when(const struct part *rule, enum fact_scope scope, uint16_t *ret_root);

struct names products_of(const struct programme *programme);
struct names groups_of(const struct programme *programme);
struct names kinds_of(const struct programme *programme);
struct names tiers_of(const struct programme *programme);
struct names marks_of(const struct programme *programme);

#endif
