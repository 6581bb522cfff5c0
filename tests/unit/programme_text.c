#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/programme_text.h"

#define MARKER "@@here@@"

static json_t *example;

int programme_text_open(void **state)
{
    (void)state;
    static char page[65536];
    FILE *file = fopen("docs/programme.md", "r");
    if (file == NULL) {
        return -1;
    }
    size_t size = fread(page, 1, sizeof page - 1, file);
    (void)fclose(file);
    page[size] = '\0';
    char *begin = strstr(page, "```json\n");
    char *end = begin == NULL ? NULL : strstr(begin + 8, "```");
    if (end == NULL) {
        return -1;
    }
    *end = '\0';
    json_error_t error;
    example = json_loads(begin + 8, JSON_REJECT_DUPLICATES, &error);
    if (example == NULL) {
        print_error("docs/programme.md: %s\n", error.text);
    }
    return example == NULL ? -1 : 0;
}

int programme_text_close(void **state)
{
    (void)state;
    json_decref(example);
    return 0;
}

json_t *programme_text_example(void)
{
    return example;
}

static json_t *child(json_t *at, const char *name)
{
    return json_is_array(at) ? json_array_get(at, (size_t)atoi(name)) : json_object_get(at, name);
}

static void put(json_t *at, const char *name, const char *value)
{
    json_t *parsed = value == NULL ? NULL : json_loads(value, JSON_DECODE_ANY, NULL);
    assert_true(value == NULL || parsed != NULL);
    if (strcmp(name, "+") == 0) {
        assert_int_equal(json_array_append_new(at, parsed), 0);
    } else if (json_is_array(at)) {
        assert_int_equal(value == NULL ? json_array_remove(at, (size_t)atoi(name))
                                       : json_array_set_new(at, (size_t)atoi(name), parsed),
                         0);
    } else {
        assert_int_equal(
            value == NULL ? json_object_del(at, name) : json_object_set_new(at, name, parsed), 0);
    }
}

char *programme_text_changed(const char *path, const char *value)
{
    json_t *root = json_deep_copy(example);
    json_t *at = root;
    char copy[128];
    (void)snprintf(copy, sizeof copy, "%s", path);
    char *name = copy;
    for (char *dot = strchr(name, '.'); dot != NULL; dot = strchr(name, '.')) {
        *dot = '\0';
        at = child(at, name);
        assert_non_null(at);
        name = dot + 1;
    }
    put(at, name, value);
    char *text = json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    assert_non_null(text);
    return text;
}

enum st programme_text_load(const char *path, const char *value, struct programme **ret,
                            struct fault *fault)
{
    char *text = programme_text_changed(path, value);
    *ret = NULL;
    fault->say[0] = '\0';
    enum st st = programme_load(text, strlen(text), ret, fault);
    free(text);
    assert_true((*ret != NULL) == (st == ST_OK));
    return st;
}

static size_t newlines(const char *from, const char *to)
{
    size_t count = 0;
    for (; from < to; from += 1) {
        count += *from == '\n';
    }
    return count;
}

/* The lines that the changed value takes in the text, found by putting a marker in its place. */
static void lines_of(const char *path, const char *value, size_t *ret_first, size_t *ret_last)
{
    char *text = programme_text_changed(path, "\"" MARKER "\"");
    json_t *parsed = json_loads(value, JSON_DECODE_ANY, NULL);
    char *alone = json_dumps(parsed, JSON_INDENT(1) | JSON_ENCODE_ANY);
    *ret_first = 1 + newlines(text, strstr(text, MARKER));
    *ret_last = *ret_first + newlines(alone, alone + strlen(alone));
    free(alone);
    json_decref(parsed);
    free(text);
}

void programme_text_refuses(const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i += 1) {
        const struct change *change = &changes[i];
        bool is_elsewhere = change->path[0] == '~';
        const char *path = change->path + is_elsewhere;
        struct programme *programme;
        struct fault fault;
        enum st st = programme_text_load(path, change->value, &programme, &fault);
        size_t line = 0;
        size_t first = 1;
        size_t last = SIZE_MAX;
        if (!is_elsewhere && change->value != NULL) {
            lines_of(path, change->value, &first, &last);
        }
        bool has_line = sscanf(fault.say, "Programme, line %zu", &line) == 1;
        if (st != change->st || strstr(fault.say, change->says) == NULL || !has_line ||
            line < first || line > last) {
            fail_msg("%s = %s (lines %zu to %zu) is %s: %s", change->path,
                     change->value == NULL ? "(absent)" : change->value, first, last, st_word(st),
                     fault.say);
        }
    }
}

void programme_text_takes(const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i += 1) {
        struct programme *programme;
        struct fault fault;
        if (programme_text_load(changes[i].path, changes[i].value, &programme, &fault) != ST_OK) {
            fail_msg("%s = %s: %s", changes[i].path, changes[i].value, fault.say);
        }
        assert_true(programme_is_valid(programme));
        programme_free(programme);
    }
}
