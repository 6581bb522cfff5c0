/* The readers of the loader: one field each, refused by line, rule and name. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "firmware/engine/programme_load_priv.h"

/* --- lines ---------------------------------------------------------------------------------- */

/* jansson keeps no lines, but it keeps the order. So the value that is the n-th in the tree,
 * parents before children, is the n-th in the text. */
static bool count_to(const json_t *at, const json_t *container, size_t place, size_t *count)
{
    *count += 1;
    if (at == container && place == SIZE_MAX) {
        return true;
    }
    size_t i = 0;
    json_t *value;
    if (json_is_array(at)) {
        json_array_foreach(at, i, value)
        {
            bool is_it = at == container && i == place;
            if (is_it) {
                *count += 1;
            }
            if (is_it || count_to(value, container, place, count)) {
                return true;
            }
        }
    } else if (json_is_object(at)) {
        const char *key;
        json_object_foreach((json_t *)at, key, value)
        {
            (void)key;
            bool is_it = at == container && i == place;
            if (is_it) {
                *count += 1;
            }
            if (is_it || count_to(value, container, place, count)) {
                return true;
            }
            i += 1;
        }
    }
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The place after the string that begins at `at`. */
static size_t skip_string(const char *text, size_t size, size_t at)
{
    for (at += 1; at < size && text[at] != '"'; at += 1) {
        at += text[at] == '\\';
    }
    return at < size ? at + 1 : size;
}

static bool is_key(const char *text, size_t size, size_t after)
{
    while (after < size && is_blank(text[after])) {
        after += 1;
    }
    return after < size && text[after] == ':';
}

/* The line on which the n-th value of the text begins, n from 1. */
static size_t line_of_value(const char *text, size_t size, size_t n)
{
    size_t line = 1;
    size_t at = 0;
    while (at < size) {
        char c = text[at];
        bool is_value = false;
        size_t next = at + 1;
        if (c == '"') {
            next = skip_string(text, size, at);
            is_value = !is_key(text, size, next);
        } else if (c == '\n') {
            line += 1;
        } else if (c == '{' || c == '[') {
            is_value = true;
        } else if (!is_blank(c) && strchr("]},:", c) == NULL) {
            is_value = true;
            while (next < size && !is_blank(text[next]) && strchr("]},", text[next]) == NULL) {
                next += 1;
            }
        }
        n -= is_value;
        if (n == 0) {
            return line;
        }
        at = next;
    }
    return line;
}

size_t load_line(const struct load *load, json_t *container, size_t place)
{
    size_t count = 0;
    (void)count_to(load->root, container, place, &count);
    return line_of_value(load->text, load->size, count);
}

/* --- sentences ------------------------------------------------------------------------------ */

size_t field_place(json_t *object, const char *field)
{
    size_t place = 0;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        (void)value;
        if (field != NULL && strcmp(key, field) == 0) {
            return place;
        }
        place += 1;
    }
    return SIZE_MAX; /* It is missing: the line of the object that lacks it. */
}

static void say(const struct part *part, size_t line, const char *field, const char *format,
                va_list args)
{
    char what[120];
    char name[LOAD_PATH_MAX + 48];
    (void)vsnprintf(what, sizeof what, format, args);
    /* The path of the part itself goes without its dot; the document has no name. */
    size_t length = strlen(part->path);
    (void)snprintf(name, sizeof name, "%.*s%.40s",
                   (int)(field == NULL && length > 0 ? length - 1 : length), part->path,
                   field != NULL ? field
                   : length > 0  ? ""
                                 : "the document");
    length = strlen(what);
    fault_say(part->load->fault, "Programme, line %zu%s%s: %s %s%s", line,
              part->rule == NULL ? "" : ", rule ", part->rule == NULL ? "" : part->rule, name, what,
              length > 0 && what[length - 1] == '?' ? "" : ".");
}

enum st part_refuse(const struct part *part, const char *field, enum st st, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(part, load_line(part->load, part->object, field_place(part->object, field)), field, format,
        args);
    va_end(args);
    return st;
}

enum st item_refuse(const struct part *part, const char *field, json_t *container, size_t place,
                    enum st st, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(part, load_line(part->load, container, place), field, format, args);
    va_end(args);
    return st;
}

/* --- objects and lists ---------------------------------------------------------------------- */

size_t word_place(const char *known, const char *name)
{
    size_t length = strlen(name);
    size_t place = 0;
    for (const char *at = known; *at != '\0'; place += 1) {
        size_t word = strcspn(at, " ");
        if (word == length && memcmp(at, name, word) == 0) {
            return place;
        }
        at += word;
        at += strspn(at, " ");
    }
    return SIZE_MAX;
}

enum st part_fields(const struct part *part, const char *known)
{
    const char *name;
    json_t *value;
    json_object_foreach(part->object, name, value)
    {
        (void)value;
        if (word_place(known, name) != SIZE_MAX) {
            continue;
        }
        char like[PROGRAMME_ID_MAX];
        if (words_suggest(known, name, like) != NULL) {
            return part_refuse(part, name, ST_UNSUPPORTED,
                               "is unknown to this firmware; did you mean \"%s\"?", like);
        }
        return part_refuse(part, name, ST_UNSUPPORTED,
                           "is unknown to this firmware; known here: %.60s", known);
    }
    return ST_OK;
}

static enum st object_open(const struct part *in, struct part *ret, const char *known,
                           const char *field, json_t *container, size_t place)
{
    ret->load = in->load;
    ret->rule = in->rule;
    if (!json_is_object(ret->object)) {
        return item_refuse(in, field, container, place, ST_FOREIGN, "must be an object with: %.70s",
                           known);
    }
    return part_fields(ret, known);
}

enum st part_open(const struct part *in, const char *name, const char *known, struct part *ret)
{
    ret->object = json_object_get(in->object, name);
    (void)snprintf(ret->path, sizeof ret->path, "%.40s%.20s.", in->path, name);
    return object_open(in, ret, known, name, in->object, field_place(in->object, name));
}

enum st list_open(const struct part *in, const char *name, size_t max, json_t **ret)
{
    json_t *list = json_object_get(in->object, name);
    if (!json_is_array(list) || json_array_size(list) > max) {
        return part_refuse(in, name, ST_FOREIGN, "must be a list of at most %zu", max);
    }
    *ret = list;
    return ST_OK;
}

enum st item_open(const struct part *in, const char *name, json_t *list, size_t place,
                  const char *known, struct part *ret)
{
    char field[40];
    (void)snprintf(field, sizeof field, "%.20s[%zu]", name, place);
    ret->object = json_array_get(list, place);
    (void)snprintf(ret->path, sizeof ret->path, "%.20s%s.", in->path, field);
    return object_open(in, ret, known, field, list, place);
}

/* --- fields --------------------------------------------------------------------------------- */

bool part_has(const struct part *part, const char *name)
{
    return json_object_get(part->object, name) != NULL;
}

enum st read_number(const struct part *part, const char *name, int64_t min, int64_t max,
                    int64_t *ret)
{
    json_t *value = json_object_get(part->object, name);
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        return part_refuse(part, name, ST_FOREIGN, "must be a whole number from %lld to %lld",
                           (long long)min, (long long)max);
    }
    *ret = json_integer_value(value);
    return ST_OK;
}

enum st read_bool(const struct part *part, const char *name, bool *ret)
{
    json_t *value = json_object_get(part->object, name);
    if (!json_is_boolean(value)) {
        return part_refuse(part, name, ST_FOREIGN, "must be true or false");
    }
    *ret = json_is_true(value);
    return ST_OK;
}

enum st read_percent(const struct part *part, const char *name, uint16_t *ret)
{
    json_t *value = json_object_get(part->object, name);
    double percent = json_is_number(value) ? json_number_value(value) : -1;
    bool is_within = percent >= 0 && percent <= 100;
    /* A decimal of up to two places is the double nearest to a whole number of hundredths. */
    uint16_t hundredths = is_within ? (uint16_t)(percent * 100 + 0.5) : 0;
    double nearest = (double)hundredths / 100; /* assigned: an x87 rounds to a double only then */
    if (!is_within || nearest != percent) {
        return part_refuse(part, name, ST_FOREIGN,
                           "must be a percent from 0 to 100 with at most two decimals");
    }
    *ret = hundredths;
    return ST_OK;
}

enum st read_text(const struct part *part, const char *name, char *ret, size_t ret_size)
{
    const char *text = json_string_value(json_object_get(part->object, name));
    size_t length = text == NULL ? 0 : strlen(text);
    bool is_plain = length >= 1 && length < ret_size;
    for (size_t i = 0; is_plain && i < length; i += 1) {
        unsigned char c = (unsigned char)text[i];
        /* U+0080 to U+009F are control characters, too: c2 80 to c2 9f in UTF-8. */
        is_plain = c >= ' ' && c != 0x7f && !(c == 0xc2 && (unsigned char)text[i + 1] < 0xa0);
    }
    if (!is_plain) {
        return part_refuse(part, name, ST_FOREIGN,
                           "must be text of 1 to %zu bytes without control characters",
                           ret_size - 1);
    }
    memset(ret, 0, ret_size);
    memcpy(ret, text, length);
    return ST_OK;
}

enum st read_id(const struct part *part, char ret[PROGRAMME_ID_MAX])
{
    const char *text = json_string_value(json_object_get(part->object, "id"));
    size_t length = text == NULL ? 0 : strlen(text);
    if (length < 1 || length >= PROGRAMME_ID_MAX ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") != length) {
        return part_refuse(part, "id", ST_FOREIGN, "must be 1 to %d of a-z 0-9 - _",
                           PROGRAMME_ID_MAX - 1);
    }
    memset(ret, 0, PROGRAMME_ID_MAX);
    memcpy(ret, text, length);
    return ST_OK;
}

enum st read_word(const struct part *part, const char *name, const char *known, size_t *ret)
{
    const char *text = json_string_value(json_object_get(part->object, name));
    size_t place = text == NULL ? SIZE_MAX : word_place(known, text);
    if (place == SIZE_MAX) {
        return part_refuse(part, name, ST_FOREIGN, "must be one of: %s", known);
    }
    *ret = place;
    return ST_OK;
}

enum st read_period(const struct part *part, const char *name, enum period *ret)
{
    static const enum period periods[] = {PERIOD_MONTH, PERIOD_QUARTER, PERIOD_HALF, PERIOD_YEAR};
    size_t place;
    enum st st = read_word(part, name, "month quarter half year", &place);
    if (st == ST_OK) {
        *ret = periods[place];
    }
    return st;
}
