#include "firmware/engine/replace.h"

#include "firmware/engine/plan_priv.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void replace_share(const struct programme *programme, const struct lost_card *lost,
                   struct replacement *ret)
{
    *ret = (struct replacement){.inherits = {.tier = lost->tier, .group = lost->group}};
    if (lost->source == LOST_SETTLED) {
        ret->inherits.points = lost->points;
        for (int purse = 0; purse < PURSES; purse += 1) {
            ret->purse[purse] = lost->purse[purse];
        }
        return;
    }
    const struct money credit = {
        smaller(lost->purse[PURSE_CREDIT].rials, programme->provisional_credit.rials)};
    const struct points points = {smaller(lost->points.n, programme->provisional_points.n)};
    ret->purse[PURSE_CREDIT] = ret->loss = credit;
    ret->inherits.points = ret->loss_points = points;
    /* 28 bits of points, each worth at most PROGRAMME_POINT_VALUE_MAX: below 2^63. */
    ret->of_points.rials = points.n * plan_point_value(programme).rials;
}
