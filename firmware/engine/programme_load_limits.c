/* Loads a programme's limits by the day: {"load": {"rials": 5000000, "count": 3}, ...}, and what a
 * card in the place of a lost one may carry: {"credit_rials": 500000, "points": 100}. */
#include <stdio.h>
#include <string.h>

#include "firmware/engine/programme_load_priv.h"

static enum st read_what(const struct part *day, enum limit_what what, struct limits *ret)
{
    char known[24];
    struct part part;
    (void)snprintf(known, sizeof known, "rials %s", limits_unit_word(what, LIMIT_COUNT));
    enum st st = part_open(day, limits_what_word(what), known, &part);
    if (st == ST_OK && json_object_size(part.object) == 0) {
        return part_refuse(day, limits_what_word(what), ST_FOREIGN,
                           "is empty: say rials or %s, or leave it out",
                           limits_unit_word(what, LIMIT_COUNT));
    }
    for (int unit = 0; unit < LIMIT_UNITS && st == ST_OK; unit += 1) {
        const char *name = limits_unit_word(what, (enum limit_unit)unit);
        struct limit *limit = &ret->of[what][unit];
        if (part_has(&part, name)) {
            limit->is_set = true;
            st = read_number(&part, name, 0, LIMIT_MAX, &limit->max);
        }
    }
    return st;
}

enum st load_limits_day(const struct part *limits, const char *name, struct limits *ret)
{
    struct part day;
    if (!part_has(limits, name)) {
        return ST_OK;
    }
    enum st st = part_open(limits, name, "load spend issue refund earn", &day);
    for (int what = 0; what < LIMIT_WHATS && st == ST_OK; what += 1) {
        if (part_has(&day, limits_what_word((enum limit_what)what))) {
            st = read_what(&day, (enum limit_what)what, ret);
        }
    }
    return st;
}

enum st load_provisional(const struct part *limits)
{
    struct programme *programme = &limits->load->programme;
    struct part part;
    if (!part_has(limits, "provisional")) {
        return ST_OK;
    }
    enum st st = part_open(limits, "provisional", "credit_rials points", &part);
    if (st == ST_OK) {
        st = read_number(&part, "credit_rials", 0, programme->purse_max[PURSE_CREDIT].rials,
                         &programme->provisional_credit.rials);
    }
    return st == ST_OK ? read_number(&part, "points", 0, programme->points_max.n,
                                     &programme->provisional_points.n)
                       : st;
}
