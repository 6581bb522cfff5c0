#include <inttypes.h>
#include <string.h>

#include "firmware/engine/programme.h"

/* A list of ids with numbers, whatever its items are besides. */
struct list {
    const char *what;
    const void *items;
    size_t count, size;
    size_t number_at; /* of the byte that holds the number */
};

static const char *id_at(const struct list *list, size_t i)
{
    return (const char *)list->items + i * list->size; /* every item begins with its id */
}

static uint8_t number_at(const struct list *list, size_t i)
{
    return *((const uint8_t *)list->items + i * list->size + list->number_at);
}

_Static_assert(offsetof(struct programme_name, id) == 0, "id_at() looks there");
_Static_assert(offsetof(struct programme_product, id) == 0, "id_at() looks there");

static enum st list_follows(const struct list *old, const struct list *next, struct fault *fault)
{
    for (size_t i = 0; i < next->count; i += 1) {
        for (size_t k = 0; k < old->count; k += 1) {
            bool same_id = strcmp(id_at(next, i), id_at(old, k)) == 0;
            bool same_number = number_at(next, i) == number_at(old, k);
            if (same_id && !same_number) {
                fault_say(fault, "%s \"%s\" had number %u and cannot become %u: cards carry it.",
                          next->what, id_at(next, i), number_at(old, k), number_at(next, i));
                return ST_REFUSED;
            }
            if (same_number && !same_id) {
                fault_say(fault,
                          "%s number %u was \"%s\" and cannot become \"%s\": take a new "
                          "number.",
                          next->what, number_at(old, k), id_at(old, k), id_at(next, i));
                return ST_REFUSED;
            }
        }
    }
    return ST_OK;
}

static struct list names_of(const char *what, const struct programme_name *names, size_t count)
{
    return (struct list){what, names, count, sizeof names[0],
                         offsetof(struct programme_name, number)};
}

static struct list products_of(const struct programme *programme)
{
    return (struct list){"Product", programme->products, programme->product_count,
                         sizeof programme->products[0], offsetof(struct programme_product, number)};
}

static enum st tiers_follow(const struct programme *old, const struct programme *next,
                            struct fault *fault)
{
    for (size_t i = 0; i < old->tier_count && i < next->tier_count; i += 1) {
        if (strcmp(old->tiers[i].id, next->tiers[i].id) != 0) {
            fault_say(fault, "Tier %zu was \"%s\" and cannot become \"%s\": cards carry its place.",
                      i + 1, old->tiers[i].id, next->tiers[i].id);
            return ST_REFUSED;
        }
    }
    return ST_OK;
}

enum st programme_follows(const struct programme *old, const struct programme *next,
                          struct fault *fault)
{
    if (next->version <= old->version) {
        fault_say(fault, "Version %" PRIu32 " is not newer than %" PRIu32 ": raise \"version\".",
                  next->version, old->version);
        return ST_REFUSED;
    }
    if (old->expiry != PERIOD_NONE && next->expiry != PERIOD_NONE && old->expiry != next->expiry) {
        fault_say(fault, "The period of purses.points.expiry cannot change: cards count the age of "
                         "points in it.");
        return ST_REFUSED;
    }
    const struct list before[] = {
        names_of("Group", old->groups, old->group_count),
        names_of("Kind", old->kinds, old->kind_count),
        names_of("Mark", old->marks, old->mark_count),
        products_of(old),
    };
    const struct list after[] = {
        names_of("Group", next->groups, next->group_count),
        names_of("Kind", next->kinds, next->kind_count),
        names_of("Mark", next->marks, next->mark_count),
        products_of(next),
    };
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i += 1) {
        enum st st = list_follows(&before[i], &after[i], fault);
        if (st != ST_OK) {
            return st;
        }
    }
    return tiers_follow(old, next, fault);
}
