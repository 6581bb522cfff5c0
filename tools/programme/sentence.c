#include "tools/programme/sentence.h"

#include <math.h>
#include <string.h>

#include "tools/programme/operation.h"
#include "tools/programme/sentence_priv.h"

static const char *pick(const struct writing *w, const char *english, const char *persian)
{
    return explain_pick(w->language, english, persian);
}

static enum kind kind_within(const json_t *value);
static void write_value(const struct writing *w, const json_t *value, enum kind kind);
static void write_condition(const struct writing *w, const json_t *value, bool is_part);

/* --- values --------------------------------------------------------------------------------- */

static void write_number(const struct writing *w, double number, enum kind kind)
{
    char text[EXPLAIN_AMOUNT_MAX];
    long long scaled = llround(number * LOGIC_ONE);
    long long n = scaled / LOGIC_ONE;
    bool is_whole = scaled % LOGIC_ONE == 0;
    if (kind == KIND_WEEKDAY && is_whole && n >= 0 && n <= 6) {
        fputs(sentence_weekday(w->language, (size_t)n), w->out);
        return;
    }
    if (kind == KIND_TEXT && is_whole) { /* a year, a number of a place: no separators */
        char digits[24];
        (void)snprintf(digits, sizeof digits, "%lld", n);
        for (const char *at = digits; *at != '\0'; at += 1) {
            explain_number(w->language, *at - '0', text);
            fputs(*at == '-' ? "-" : text, w->out);
        }
        return;
    }
    if (kind == KIND_MONEY && is_whole) {
        explain_money(w->programme, w->language, (struct money){n}, text);
    } else if (kind == KIND_POINTS && is_whole) {
        explain_number(w->language, n, text);
    } else {
        explain_decimal(w->language, scaled, LOGIC_DECIMALS, text);
    }
    fputs(text, w->out);
    if (kind == KIND_DAYS) {
        fputs(pick(w, scaled == LOGIC_ONE ? " day" : " days", " روز"), w->out);
    }
}

static const char *sign_of(const char *op)
{
    static const char *const signs[][2] = {{"*", "×"},  {"/", "÷"},   {"==", "="}, {"===", "="},
                                           {"!=", "≠"}, {"!==", "≠"}, {"<=", "≤"}, {">=", "≥"}};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i += 1) {
        if (strcmp(op, signs[i][0]) == 0) {
            return signs[i][1];
        }
    }
    return op;
}

static void write_list(const struct writing *w, const json_t *list, enum kind kind)
{
    size_t i;
    json_t *item;
    fputs(json_array_size(list) == 0 ? pick(w, "nothing", "هیچ چیز") : "", w->out);
    json_array_foreach(list, i, item)
    {
        fputs(i == 0 ? "" : pick(w, ", ", "، "), w->out);
        write_value(w, item, kind);
    }
}

/* --- kinds of formulas ---------------------------------------------------------------------- */

static bool is_among(const char *op, const char *ops)
{
    char word[24];
    (void)snprintf(word, sizeof word, " %.20s ", op);
    return strstr(ops, word) != NULL;
}

/* The first kind but a plain number among the values from `place` on, each `step`-th. */
static enum kind kind_among(const json_t *value, size_t place, size_t step)
{
    enum kind kind = KIND_NUMBER;
    for (; place < operation_count(value) && kind == KIND_NUMBER; place += step) {
        kind = kind_within(operation_value(value, place));
    }
    return kind;
}

/* What the value is: an amount stays one when it is multiplied or divided by a plain number, and an
 * amount in an amount is a plain number. */
static enum kind kind_within(const json_t *value)
{
    const char *op = operation_name(value);
    if (operation_path(value) != NULL) {
        return sentence_kind(value);
    }
    if (op == NULL) {
        return KIND_NUMBER;
    }
    if (is_among(op, " == === != !== < <= > >= and or ! !! in missing missing_some ")) {
        return KIND_BOOL;
    }
    if (strcmp(op, "/") == 0) {
        enum kind kind = kind_within(operation_value(value, 0));
        return kind == kind_within(operation_value(value, 1)) ? KIND_NUMBER : kind;
    }
    if (strcmp(op, "if") == 0 || strcmp(op, "?:") == 0) {
        enum kind kind = kind_among(value, 1, 2);
        return kind == KIND_NUMBER ? kind_within(operation_value(value, operation_count(value) - 1))
                                   : kind;
    }
    return kind_among(value, 0, 1);
}

/* What a formula's value at `place` is written as, when the formula is of `kind`. */
static enum kind kind_at(const json_t *value, size_t place, enum kind kind)
{
    const char *op = operation_name(value);
    enum kind own = kind_within(operation_value(value, place));
    if (strcmp(op, "*") == 0) {
        return own; /* 2 x the basket: the factor has no unit */
    }
    if (strcmp(op, "/") == 0) {
        bool is_share = place == 0 && own == KIND_NUMBER &&
                        kind_within(operation_value(value, 1)) == KIND_MONEY;
        return is_share ? KIND_MONEY : own;
    }
    return kind;
}

/* "(a + b)", "max(a, b)": what has no words of its own. */
static void write_formula(const struct writing *w, const json_t *value, enum kind kind)
{
    const char *op = operation_name(value);
    size_t count = operation_count(value);
    bool is_infix = count >= 2 && strchr("+-*/%", op[0]) != NULL;
    fprintf(w->out, is_infix ? "(" : "%s(", op);
    for (size_t i = 0; i < count; i += 1) {
        if (i > 0 && is_infix) {
            fprintf(w->out, " %s ", sign_of(op));
        } else if (i > 0) {
            fputs(pick(w, ", ", "، "), w->out);
        }
        write_value(w, operation_value(value, i), kind_at(value, i, kind));
    }
    fputc(')', w->out);
}

static void write_if(const struct writing *w, const json_t *value, enum kind kind)
{
    size_t count = operation_count(value);
    fputc('(', w->out);
    for (size_t i = 0; i + 1 < count; i += 2) {
        fputs(i == 0 ? pick(w, "if ", "اگر ") : pick(w, ", else if ", "، وگرنه اگر "), w->out);
        write_condition(w, operation_value(value, i), true);
        fputs(pick(w, ": ", ": "), w->out);
        write_value(w, operation_value(value, i + 1), kind);
    }
    if (count % 2 == 1) {
        fputs(pick(w, ", else ", "، وگرنه "), w->out);
        write_value(w, operation_value(value, count - 1), kind);
    }
    fputc(')', w->out);
}

/* An operation that is no condition, where `kind` is due. What is no amount is said to be in rials,
 * which it is taken as: the sentence must not be ten times off. */
static void write_operation(const struct writing *w, const json_t *value, enum kind kind)
{
    enum kind own = kind_within(value);
    bool is_factor = strchr("*/%", operation_name(value)[0]) != NULL;
    enum kind within = own == KIND_NUMBER && !is_factor ? kind : own;
    if (operation_is(value, "if") || operation_is(value, "?:")) {
        write_if(w, value, within);
    } else {
        write_formula(w, value, within);
    }
    if (kind == KIND_MONEY && within != KIND_MONEY) {
        fputs(pick(w, " in rials", " به ریال"), w->out);
    }
}

static void write_value(const struct writing *w, const json_t *value, enum kind kind)
{
    const char *path = operation_path(value);
    if (path != NULL) {
        bool is_amount = kind != KIND_MONEY || sentence_kind(value) == KIND_MONEY;
        sentence_fact(w, path);
        fputs(is_amount ? "" : pick(w, " in rials", " به ریال"), w->out);
    } else if (json_is_number(value)) {
        write_number(w, json_number_value(value), kind);
    } else if (json_is_string(value)) {
        bool is_empty = json_string_length(value) == 0;
        fputs(is_empty ? pick(w, "none", "هیچ") : json_string_value(value), w->out);
    } else if (json_is_boolean(value)) {
        fputs(json_is_true(value) ? pick(w, "true", "درست") : pick(w, "false", "نادرست"), w->out);
    } else if (json_is_array(value)) {
        write_list(w, value, kind);
    } else if (operation_name(value) == NULL) {
        fputs(pick(w, "nothing", "هیچ"), w->out);
    } else if (kind_within(value) == KIND_BOOL) {
        write_condition(w, value, true);
    } else {
        write_operation(w, value, kind);
    }
}

/* --- comparisons ---------------------------------------------------------------------------- */

/* The words around the second value. */
struct comparison {
    const char *op, *flipped;
    const char *english;
    const char *persian, *persian_end;
};

static const struct comparison comparisons[] = {
    {"==", "==", " is ", " ", " باشد"},
    {"===", "===", " is ", " ", " باشد"},
    {"!=", "!=", " is not ", " ", " نباشد"},
    {"!==", "!==", " is not ", " ", " نباشد"},
    {">=", "<=", " is at least ", " دست‌کم ", " باشد"},
    {"<=", ">=", " is at most ", " حداکثر ", " باشد"},
    {">", "<", " is more than ", " بیش از ", " باشد"},
    {"<", ">", " is less than ", " کمتر از ", " باشد"},
};

static const struct comparison *comparison_of(const char *op)
{
    for (size_t i = 0; op != NULL && i < sizeof comparisons / sizeof comparisons[0]; i += 1) {
        if (strcmp(comparisons[i].op, op) == 0) {
            return &comparisons[i];
        }
    }
    return NULL;
}

/* What counts in days has words for 0, in the places that matter most. True: written. */
static bool write_day(const struct writing *w, const char *path, const char *op,
                      const json_t *value)
{
    static const struct {
        const char *path, *op;
        const char *english, *persian;
    } words[] = {
        {"history.days_since_visit", "!=", "this is the first visit today",
         "نخستین مراجعهٔ امروز باشد"},
        {"history.days_since_visit", "==", "there was a visit today",
         "امروز مراجعه‌ای بوده باشد"},
        {"member.days_to_birthday", "==", "today is the birthday", "امروز روز تولد باشد"},
        {"member.days_to_wedding", "==", "today is the wedding day", "امروز سالروز ازدواج باشد"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i += 1) {
        if (path != NULL && json_is_integer(value) && json_integer_value(value) == 0 &&
            strcmp(path, words[i].path) == 0 && strcmp(op, words[i].op) == 0) {
            fputs(pick(w, words[i].english, words[i].persian), w->out);
            return true;
        }
    }
    return false;
}

static void write_range(const struct writing *w, const json_t *least, const json_t *of,
                        const json_t *most)
{
    enum kind kind = kind_within(of);
    write_value(w, of, kind);
    fputs(pick(w, " is from ", " از "), w->out);
    write_value(w, least, kind);
    fputs(pick(w, " to ", " تا "), w->out);
    write_value(w, most, kind);
    fputs(pick(w, "", " باشد"), w->out);
}

static void write_comparison(const struct writing *w, const json_t *value)
{
    const char *op = operation_name(value);
    const struct comparison *words = comparison_of(op);
    const json_t *first = operation_value(value, 0);
    const json_t *second = operation_value(value, 1);
    if (operation_count(value) == 3 && strcmp(op, "<=") == 0) {
        write_range(w, first, second, operation_value(value, 2));
        return;
    }
    if (operation_count(value) != 2) {
        write_formula(w, value, kind_within(second));
        return;
    }
    if (!json_is_object(first) && json_is_object(second)) { /* 3 <= visits: said from the fact */
        const json_t *swap = first;
        first = second;
        second = swap;
        words = comparison_of(words->flipped);
    }
    if (write_day(w, operation_path(first), words->op, second)) {
        return;
    }
    if (json_is_boolean(second)) { /* a clause, or its contrary */
        bool holds = json_is_true(second) == (words->op[0] == '=');
        fputs(holds ? "" : pick(w, "not (", "چنین نباشد که ("), w->out);
        write_condition(w, first, holds);
        fputs(holds ? "" : ")", w->out);
        return;
    }
    enum kind kind = kind_within(first);
    if (kind == KIND_NUMBER) {
        kind = kind_within(second);
    }
    write_value(w, first, kind);
    fputs(pick(w, words->english, words->persian), w->out);
    write_value(w, second, kind);
    fputs(pick(w, "", words->persian_end), w->out);
}

/* --- and, or, not --------------------------------------------------------------------------- */

/* Is it `op` between the fact at `path` and a number? Gives the number. */
static const json_t *bound(const json_t *value, const char *op, const char *path)
{
    const char *own = operation_is(value, op) && operation_count(value) == 2
                          ? operation_path(operation_value(value, 0))
                          : NULL;
    bool is_it = own != NULL && (path == NULL || strcmp(own, path) == 0);
    return is_it && json_is_number(operation_value(value, 1)) ? operation_value(value, 1) : NULL;
}

/* "at least a" and then "at most b" of the same fact are one clause. */
static bool write_pair(const struct writing *w, const json_t *one, const json_t *other)
{
    const json_t *least = bound(one, ">=", NULL);
    const json_t *most =
        least == NULL ? NULL : bound(other, "<=", operation_path(operation_value(one, 0)));
    if (most == NULL) {
        return false;
    }
    write_range(w, least, operation_value(one, 0), most);
    return true;
}

static void write_joined(const struct writing *w, const json_t *value, bool is_part)
{
    bool is_and = operation_is(value, "and");
    size_t count = operation_count(value);
    bool has_brackets = is_part && count > 1;
    fputs(has_brackets ? "(" : "", w->out);
    for (size_t i = 0; i < count; i += 1) {
        if (i > 0) {
            fputs(is_and ? pick(w, " and ", " و ") : pick(w, " or ", " یا "), w->out);
        }
        if (is_and && i + 1 < count &&
            write_pair(w, operation_value(value, i), operation_value(value, i + 1))) {
            i += 1;
            continue;
        }
        write_condition(w, operation_value(value, i), true);
    }
    fputs(has_brackets ? ")" : "", w->out);
}

static void write_in(const struct writing *w, const json_t *value)
{
    enum kind kind = kind_within(operation_value(value, 0));
    write_value(w, operation_value(value, 0), kind);
    fputs(pick(w, " is one of ", " یکی از "), w->out);
    write_value(w, operation_value(value, 1), kind);
    fputs(pick(w, "", " باشد"), w->out);
}

/* As a clause: what stands for a truth. `is_part`: of a larger one, so "and" needs brackets. */
static void write_condition(const struct writing *w, const json_t *value, bool is_part)
{
    if (operation_is(value, "and") || operation_is(value, "or")) {
        write_joined(w, value, is_part);
    } else if (operation_is(value, "!")) {
        fputs(pick(w, "not (", "چنین نباشد که ("), w->out);
        write_condition(w, operation_value(value, 0), false);
        fputc(')', w->out);
    } else if (operation_is(value, "!!")) {
        write_condition(w, operation_value(value, 0), is_part);
    } else if (operation_is(value, "in") && json_is_array(operation_value(value, 1))) {
        write_in(w, value);
    } else if (comparison_of(operation_name(value)) != NULL) {
        write_comparison(w, value);
    } else if (operation_is(value, "if") || operation_is(value, "?:")) {
        write_if(w, value, kind_within(value));
    } else if (json_is_boolean(value)) {
        fputs(json_is_true(value) ? pick(w, "always", "همیشه") : pick(w, "never", "هرگز"), w->out);
    } else {
        if (kind_within(value) == KIND_BOOL && operation_path(value) == NULL) {
            write_formula(w, value, kind_among(value, 0, 1)); /* in a text, missing */
        } else {
            write_value(w, value, kind_within(value));
        }
        if (sentence_is_thing(operation_path(value))) { /* a number or text taken as a truth */
            fputs(pick(w, " is not nothing", " خالی نباشد"), w->out);
        }
    }
}

void sentence_condition(FILE *out, const struct programme *programme, const json_t *condition,
                        enum explain_language language)
{
    const struct writing w = {.out = out, .programme = programme, .language = language};
    write_condition(&w, condition, false);
}
