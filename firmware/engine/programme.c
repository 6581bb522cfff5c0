#include "firmware/engine/programme.h"

#include <assert.h>

static bool is_within(int64_t value, int64_t min, int64_t max)
{
    return value >= min && value <= max;
}

/* Sums the awards on `earning`. ST_FULL: more than 64 bits, which only an invalid programme does.
 */
static enum st earn(const struct programme *programme, struct money earning, struct points *ret)
{
    struct points sum = {0};
    for (size_t i = 0; i < programme->award_count; i += 1) {
        const struct programme_award *award = &programme->awards[i];
        struct points points;
        if (points_per_block(earning, award->block, award->points, &points) != ST_OK ||
            points_add(sum, points, &sum) != ST_OK) {
            return ST_FULL;
        }
    }
    *ret = sum;
    return ST_OK;
}

static bool limits_are_valid(const struct programme *programme)
{
    return is_within(programme->sale_max.rials, 1, MONEY_MAX_RIALS) &&
           is_within(programme->credit_max.rials, 1, MONEY_MAX_RIALS) &&
           is_within(programme->load_max.rials, 1, programme->credit_max.rials) &&
           is_within(programme->load_min.rials, 1, programme->load_max.rials) &&
           is_within(programme->opening_max.rials, 0, programme->credit_max.rials) &&
           is_within(programme->points_max.n, 0, POINTS_MAX);
}

bool programme_is_valid(const struct programme *programme)
{
    if (!is_within(programme->version, 1, INT32_MAX) ||
        programme->award_count > PROGRAMME_RULES_MAX ||
        !is_within((int64_t)programme->unit, UNIT_RIAL, UNIT_TOMAN) ||
        !is_within(programme->point_value.rials, 0, PROGRAMME_POINT_VALUE_MAX) ||
        !limits_are_valid(programme)) {
        return false;
    }
    for (size_t i = 0; i < programme->award_count; i += 1) {
        if (!is_within(programme->awards[i].block.rials, 1, MONEY_MAX_RIALS) ||
            !is_within(programme->awards[i].points.n, 0, POINTS_MAX)) {
            return false;
        }
    }
    struct points most;
    return earn(programme, programme->sale_max, &most) == ST_OK && most.n <= POINTS_MAX;
}

struct points programme_earn(const struct programme *programme, struct money earning)
{
    assert(earning.rials >= 0 && earning.rials <= programme->sale_max.rials);

    struct points points = {0};
    enum st st = earn(programme, earning, &points);

    assert(st == ST_OK && points.n <= POINTS_MAX);
    return points;
}
