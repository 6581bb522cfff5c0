#include "tools/programme/examples.h"

#include <stdlib.h>
#include <string.h>

#include "tools/programme/amount.h"
#include "tools/programme/document.h"
#include "tools/programme/field.h"
#include "tools/programme/play.h"
#include "tools/programme/show.h"

enum { EXAMPLES_FORMAT = 1, DIFFERENCES_MAX = 4096 };

/* --- the file ------------------------------------------------------------------------------- */

static enum st open_file(const char *path, json_t **ret, struct fault *fault)
{
    char *text = NULL;
    size_t size;
    json_error_t error;
    enum st st = file_read(path, &text, &size, fault);
    if (st != ST_OK) {
        return st;
    }
    json_t *file = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (file == NULL) {
        return field_refuse(fault, "%.60s, line %d: %.60s", path, error.line, error.text);
    }
    if (json_integer_value(json_object_get(file, "vafa_examples")) != EXAMPLES_FORMAT ||
        !json_is_array(json_object_get(file, "examples"))) {
        json_decref(file);
        return field_refuse(fault, "%.60s: must have \"vafa_examples\": 1 and a list \"examples\".",
                            path);
    }
    *ret = file;
    return ST_OK;
}

enum st examples_find(const char *path, const char *name, json_t **ret, struct fault *fault)
{
    json_t *file = NULL;
    json_t *example;
    size_t i;
    enum st st = open_file(path, &file, fault);
    if (st != ST_OK) {
        return st;
    }
    st = field_refuse(fault, "%.60s has no example \"%.60s\".", path, name == NULL ? "" : name);
    json_array_foreach(json_object_get(file, "examples"), i, example)
    {
        const char *own = json_string_value(json_object_get(example, "name"));
        if (st != ST_OK && (name == NULL || (own != NULL && strcmp(own, name) == 0))) {
            *ret = json_incref(example);
            st = ST_OK;
        }
    }
    json_decref(file);
    return st;
}

/* --- what is expected ----------------------------------------------------------------------- */

enum unit { UNIT_MONEY, UNIT_COUNT, UNIT_ID };

/* One figure of a planned step. */
struct figure {
    const char *name;
    enum unit unit;
    int64_t number;
    const char *id;
};

enum { FIGURES = 19 };

static const char *mark_of(const struct programme *programme, uint8_t number)
{
    for (size_t i = 0; i < programme->mark_count; i += 1) {
        if (programme->marks[i].number == number) {
            return programme->marks[i].id;
        }
    }
    return "";
}

static void figures_of(const struct play *play, struct figure ret[FIGURES])
{
    const struct programme *programme = play->programme;
    const struct breakdown *parts = &play->plan.parts;
    const struct snapshot *next = &play->plan.next;
    const struct figure figures[FIGURES] = {
        {"amount", UNIT_MONEY, parts->amount.rials, NULL},
        {"rebate", UNIT_MONEY, parts->rebate.rials, NULL},
        {"net", UNIT_MONEY, parts->amount.rials - parts->rebate.rials, NULL},
        {"payment", UNIT_MONEY, parts->payment.rials, NULL},
        {"redeemed", UNIT_COUNT, parts->redeemed.n, NULL},
        {"due", UNIT_MONEY, parts->due.rials, NULL},
        {"award", UNIT_COUNT, parts->award.n, NULL},
        {"cashback", UNIT_MONEY, parts->load.rials, NULL},
        {"paid_gift", UNIT_MONEY, parts->gift.rials, NULL},
        {"paid_voucher", UNIT_MONEY, parts->voucher.rials, NULL},
        {"expired", UNIT_COUNT, play->expired, NULL},
        {"points", UNIT_COUNT, next->points.n, NULL},
        {"credit", UNIT_MONEY, next->purse[PURSE_CREDIT].rials, NULL},
        {"gift", UNIT_MONEY, next->purse[PURSE_GIFT].rials, NULL},
        {"voucher", UNIT_MONEY, next->purse[PURSE_VOUCHER].rials, NULL},
        {"stamps", UNIT_COUNT, next->stamps, NULL},
        {"tier", UNIT_ID, 0, programme_tier_id(programme, next->tier)},
        {"group", UNIT_ID, 0, programme_group_id(programme, next->group)},
        {"mark", UNIT_ID, 0, mark_of(programme, next->last.offer)},
    };
    memcpy(ret, figures, sizeof figures);
}

static const struct figure *figure_of(const struct figure figures[FIGURES], const char *name)
{
    for (size_t i = 0; i < FIGURES; i += 1) {
        if (strcmp(figures[i].name, name) == 0) {
            return &figures[i];
        }
    }
    return NULL;
}

/* Compares one figure; a difference is a line of `out`. */
static enum st compare_one(const struct programme *programme, const struct figure *figure,
                           const json_t *want, size_t step, FILE *out, struct fault *fault)
{
    char text[2][EXPLAIN_AMOUNT_MAX];
    struct money money = {0};
    if (figure->unit == UNIT_ID) {
        if (!json_is_string(want)) {
            return field_refuse(fault, "expect.%s must be an id, in quotes.", figure->name);
        }
        if (strcmp(json_string_value(want), figure->id) != 0) {
            fprintf(out, "# step %zu, %s: expected \"%s\", got \"%s\"\n", step, figure->name,
                    json_string_value(want), figure->id);
        }
        return ST_OK;
    }
    if (figure->unit == UNIT_COUNT) {
        if (!json_is_integer(want)) {
            return field_refuse(fault, "expect.%s must be a whole number.", figure->name);
        }
        if (json_integer_value(want) != figure->number) {
            fprintf(out, "# step %zu, %s: expected %lld, got %lld\n", step, figure->name,
                    (long long)json_integer_value(want), (long long)figure->number);
        }
        return ST_OK;
    }
    if (json_is_integer(want)) {
        money.rials = json_integer_value(want);
    } else if (!json_is_string(want)) {
        return field_refuse(fault, "expect.%s must be rials, or as \"100,000 toman\".",
                            figure->name);
    } else {
        enum st st = amount_read(json_string_value(want), &money, fault);
        if (st != ST_OK) {
            return st;
        }
    }
    if (money.rials != figure->number) {
        explain_money(programme, EXPLAIN_EN, money, text[0]);
        explain_money(programme, EXPLAIN_EN, (struct money){figure->number}, text[1]);
        fprintf(out, "# step %zu, %s: expected %s, got %s\n", step, figure->name, text[0], text[1]);
    }
    return ST_OK;
}

static enum st compare(const struct play *play, const json_t *step, size_t number, FILE *out,
                       struct fault *fault)
{
    const json_t *expect = json_object_get(step, "expect");
    const json_t *refused = json_object_get(step, "refused");
    struct figure figures[FIGURES];
    const char *name;
    json_t *want;
    if ((expect == NULL) == (refused == NULL) ||
        (expect != NULL && json_object_size(expect) == 0) ||
        (refused != NULL && !json_is_string(refused))) {
        return field_refuse(fault, "Step %zu needs \"expect\": {...} or \"refused\": \"why\".",
                            number);
    }
    const char *why = explain_refusal_word(play->plan.refusal);
    if (play->st != ST_OK || refused != NULL) {
        const char *wanted = refused == NULL ? "done" : json_string_value(refused);
        const char *got = play->st == ST_OK ? "done" : why;
        if (strcmp(wanted, got) != 0) {
            fprintf(out, "# step %zu: expected %s, got %s%s%s\n", number, wanted, got,
                    play->st == ST_OK ? "" : ": ", play->st == ST_OK ? "" : play->plan.why.say);
        }
        return ST_OK;
    }
    figures_of(play, figures);
    json_object_foreach((json_t *)expect, name, want)
    {
        const struct figure *figure = figure_of(figures, name);
        if (figure == NULL) {
            return field_refuse(
                fault,
                "expect.%.20s is unknown; known are: amount rebate net payment redeemed "
                "due award cashback expired points credit stamps tier group mark",
                name);
        }
        enum st st = compare_one(play->programme, figure, want, number, out, fault);
        if (st != ST_OK) {
            return st;
        }
    }
    return ST_OK;
}

/* --- playing -------------------------------------------------------------------------------- */

/* The example's steps; an example of one step is that step itself. */
static size_t step_count(const json_t *example)
{
    const json_t *steps = json_object_get(example, "steps");
    return steps == NULL ? 1 : json_array_size(steps);
}

static const json_t *step_at(const json_t *example, size_t i)
{
    const json_t *steps = json_object_get(example, "steps");
    return steps == NULL ? example : json_array_get(steps, i);
}

static enum st test_fields(const json_t *example, struct fault *fault)
{
    const json_t *steps = json_object_get(example, "steps");
    if (steps == NULL) {
        return field_known(
            example, "the example",
            " name comment at card facts sale refund load unload issue expect refused ", fault);
    }
    enum st st = field_known(example, "the example", " name comment at card facts steps ", fault);
    if (st == ST_OK && (!json_is_array(steps) || json_array_size(steps) == 0)) {
        return field_refuse(fault, "steps must be a list of at least one.");
    }
    for (size_t i = 0; st == ST_OK && i < json_array_size(steps); i += 1) {
        st = field_known(json_array_get(steps, i), "a step",
                         " comment at sale refund load unload issue expect refused ", fault);
    }
    return st;
}

/* Plays an example; its differences, one a line, to `out`. */
static enum st test_one(const struct programme *programme, const json_t *example, FILE *out,
                        struct fault *fault)
{
    struct play *play = malloc(sizeof *play);
    if (play == NULL) {
        return ST_FULL;
    }
    enum st st = test_fields(example, fault);
    if (st == ST_OK) {
        st = play_begin(play, programme, example, fault);
    }
    for (size_t i = 0; st == ST_OK && i < step_count(example); i += 1) {
        st = play_step(play, step_at(example, i), fault);
        if (st == ST_OK) {
            st = compare(play, step_at(example, i), i + 1, out, fault);
            play_keep(play);
        }
    }
    free(play);
    return st;
}

enum st examples_test(FILE *out, const struct programme *programme, const char *path,
                      size_t *ret_failed, struct fault *fault)
{
    json_t *file = NULL;
    json_t *example;
    size_t i;
    enum st st = open_file(path, &file, fault);
    *ret_failed = 0;
    if (st != ST_OK) {
        return st;
    }
    const json_t *examples = json_object_get(file, "examples");
    fprintf(out, "1..%zu\n", json_array_size(examples));
    json_array_foreach(examples, i, example)
    {
        char *differences = NULL;
        size_t size = 0;
        const char *name = json_string_value(json_object_get(example, "name"));
        FILE *to = open_memstream(&differences, &size);
        struct fault why = {{0}};
        if (to == NULL) {
            st = ST_FULL;
            break;
        }
        st = name == NULL ? field_refuse(&why, "name is missing.")
                          : test_one(programme, example, to, &why);
        (void)fclose(to);
        if (st != ST_OK) {
            (void)field_refuse(fault, "Example %zu, %.40s: %.100s", i + 1, name == NULL ? "" : name,
                               why.say);
            free(differences);
            break;
        }
        fprintf(out, "%sok %zu - %s\n%s", size == 0 ? "" : "not ", i + 1, name, differences);
        *ret_failed += size > 0;
        free(differences);
    }
    json_decref(file);
    return st;
}

enum st examples_try(FILE *out, const struct programme *programme, const json_t *example,
                     enum explain_language language, bool *ret_refused, struct fault *fault)
{
    struct play *play = malloc(sizeof *play);
    if (play == NULL) {
        return ST_FULL;
    }
    *ret_refused = false;
    enum st st = play_begin(play, programme, example, fault);
    for (size_t i = 0; st == ST_OK && i < step_count(example); i += 1) {
        st = play_step(play, step_at(example, i), fault);
        if (st != ST_OK) {
            break;
        }
        if (play->expired > 0) {
            char points[EXPLAIN_AMOUNT_MAX];
            explain_points(language, play->expired, points);
            fprintf(out, explain_pick(language, "  %s expired\n", "  %s منقضی شد\n"), points);
        }
        if (play->st == ST_OK) {
            show_plan(out, &play->input, &play->plan, language);
        } else {
            *ret_refused = true;
            fprintf(
                out, explain_pick(language, "  Refused: %s\n", "  انجام نشد: %s\n"),
                explain_pick(language, play->plan.why.say, explain_refusal_fa(play->plan.refusal)));
        }
        if (i + 1 < step_count(example)) {
            fputs("\n", out);
        }
        play_keep(play);
    }
    free(play);
    return st;
}
