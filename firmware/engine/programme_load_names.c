/* Names of the loader: found in a list, or the nearest one suggested. */
#include <string.h>

#include "firmware/engine/programme_load_priv.h"

enum { LIKE_MAX = PROGRAMME_FACT_PATH_MAX };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be put in, taken out, changed or swapped with their neighbour to make b of
 * a (optimal string alignment). SIZE_MAX: too long for a slip. */
static size_t distance(const char *a, const char *b)
{
    size_t m = strlen(a);
    size_t n = strlen(b);
    size_t rows[3][LIKE_MAX + 1];
    if (m > LIKE_MAX || n > LIKE_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= n; j += 1) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= m; i += 1) {
        size_t *row = rows[i % 3];
        const size_t *up = rows[(i + 2) % 3];
        const size_t *up2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n; j += 1) {
            row[j] = least(least(up[j], row[j - 1]) + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], up2[j - 2] + 1);
            }
        }
    }
    return rows[m % 3][n];
}

/* A slip is at most one letter in three, and not all of a short word. */
static bool is_slip(size_t wrong, const char *name)
{
    size_t length = strlen(name);
    return wrong <= (length + 1) / 3 && wrong < length;
}

static const char *name_at(const struct names *names, size_t place)
{
    return (const char *)names->first + place * names->stride;
}

size_t names_find(const struct names *names, const char *id)
{
    size_t place = 0;
    while (place < names->count && strcmp(name_at(names, place), id) != 0) {
        place += 1;
    }
    return place;
}

const char *names_suggest(const struct names *names, const char *name)
{
    const char *best = NULL;
    size_t best_wrong = SIZE_MAX;
    for (size_t i = 0; i < names->count; i += 1) {
        size_t wrong = distance(name_at(names, i), name);
        if (wrong < best_wrong) {
            best_wrong = wrong;
            best = name_at(names, i);
        }
    }
    return best != NULL && is_slip(best_wrong, name) ? best : NULL;
}

const char *words_suggest(const char *known, const char *name, char ret[PROGRAMME_ID_MAX])
{
    char words[PROGRAMME_ID_MAX][PROGRAMME_ID_MAX];
    struct names names = {.first = words, .stride = PROGRAMME_ID_MAX};
    const char *at = known;
    while (*at != '\0' && names.count < PROGRAMME_ID_MAX) {
        size_t length = strcspn(at, " ");
        if (length < PROGRAMME_ID_MAX) {
            memcpy(words[names.count], at, length);
            words[names.count][length] = '\0';
            names.count += 1;
        }
        at += length;
        at += strspn(at, " ");
    }
    const char *like = names_suggest(&names, name);
    if (like == NULL) {
        return NULL;
    }
    memcpy(ret, like, PROGRAMME_ID_MAX);
    return ret;
}

enum st read_name(const struct part *part, const char *field, const struct names *names,
                  size_t *ret)
{
    const char *id = json_string_value(json_object_get(part->object, field));
    if (id == NULL) {
        return part_refuse(part, field, ST_FOREIGN, "must be the id of a %s", names->what);
    }
    size_t place = names_find(names, id);
    if (place == names->count) {
        const char *like = names_suggest(names, id);
        if (like != NULL) {
            return part_refuse(part, field, ST_FOREIGN,
                               "is " SHOWN ", which is no %s; did you mean \"%s\"?", id,
                               names->what, like);
        }
        return part_refuse(part, field, ST_FOREIGN,
                           "is " SHOWN ", which is in no list of %ss: add it or correct it", id,
                           names->what);
    }
    *ret = place;
    return ST_OK;
}

struct names products_of(const struct programme *programme)
{
    return (struct names){"product", programme->products, programme->product_count,
                          sizeof programme->products[0]};
}

struct names groups_of(const struct programme *programme)
{
    return (struct names){"group", programme->groups, programme->group_count,
                          sizeof programme->groups[0]};
}

struct names kinds_of(const struct programme *programme)
{
    return (struct names){"kind", programme->kinds, programme->kind_count,
                          sizeof programme->kinds[0]};
}

struct names tiers_of(const struct programme *programme)
{
    return (struct names){"tier", programme->tiers, programme->tier_count,
                          sizeof programme->tiers[0]};
}

struct names marks_of(const struct programme *programme)
{
    return (struct names){"mark", programme->marks, programme->mark_count,
                          sizeof programme->marks[0]};
}
