/* What a programme says of card kinds, and of the purses gift, voucher and a load's bonus. */
#include <string.h>

#include "firmware/engine/programme_load_priv.h"

/* --- kinds ---------------------------------------------------------------------------------- */

static enum st read_kind_name(const struct part *kind, struct programme_kind_terms *ret)
{
    struct part name;
    if (!part_has(kind, "name")) {
        return ST_OK;
    }
    enum st st = part_open(kind, "name", "fa en", &name);
    if (st == ST_OK) {
        st = read_text(&name, "fa", ret->name_fa, sizeof ret->name_fa);
    }
    return st == ST_OK ? read_text(&name, "en", ret->name_en, sizeof ret->name_en) : st;
}

/* "opening_gift": {"min_rials": 1000000, "max_rials": 1000000}. */
static enum st read_opening(const struct part *kind, const char *field, uint32_t module,
                            const char *module_word, struct money max, struct opening *ret)
{
    struct part opening;
    if (!part_has(kind, field)) {
        return ST_OK;
    }
    if (!programme_has(&kind->load->programme, module)) {
        return part_refuse(kind, field, ST_FOREIGN, "needs \"%s\" in modules", module_word);
    }
    enum st st = part_open(kind, field, "min_rials max_rials", &opening);
    if (st == ST_OK) {
        st = read_number(&opening, "max_rials", 0, max.rials, &ret->max.rials);
    }
    if (st == ST_OK) {
        st = read_number(&opening, "min_rials", 0, ret->max.rials, &ret->min.rials);
    }
    ret->is_set = st == ST_OK;
    return st;
}

static enum st read_branches(const struct part *kind, struct programme_kind_terms *ret)
{
    json_t *list;
    if (!part_has(kind, "branches")) {
        return ST_OK;
    }
    enum st st = list_open(kind, "branches", PROGRAMME_BRANCHES_MAX, &list);
    if (st == ST_OK && json_array_size(list) == 0) {
        return part_refuse(kind, "branches", ST_FOREIGN,
                           "must name a branch: leave it out for all of them");
    }
    for (size_t i = 0; st == ST_OK && i < json_array_size(list); i += 1) {
        json_t *value = json_array_get(list, i);
        json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
        if (number < 1 || number > UINT32_MAX) {
            return item_refuse(kind, "branches", list, i, ST_FOREIGN,
                               "must have the club's numbers of branches, from 1");
        }
        ret->branches[i] = (uint32_t)number;
        ret->branch_count = (uint8_t)(i + 1);
    }
    return st;
}

enum st load_kind_terms(const struct part *kind, struct programme_kind_terms *ret)
{
    const struct programme *programme = &kind->load->programme;
    int64_t days = 0;
    enum st st = read_kind_name(kind, ret);
    if (st == ST_OK) {
        st = read_opening(kind, "opening_credit", MODULE_CREDIT, "credit",
                          programme->purse_max[PURSE_CREDIT], &ret->credit);
    }
    if (st == ST_OK) {
        st = read_opening(kind, "opening_gift", MODULE_GIFT, "gift",
                          programme->purse_max[PURSE_GIFT], &ret->gift);
    }
    if (st == ST_OK && part_has(kind, "valid_days")) {
        st = read_number(kind, "valid_days", 1, PROGRAMME_VALID_DAYS_MAX, &days);
        ret->valid_days = (uint16_t)days;
    }
    return st == ST_OK ? read_branches(kind, ret) : st;
}

/* --- a load's bonus ------------------------------------------------------------------------- */

enum st load_bonus(const struct part *credit)
{
    struct programme *programme = &credit->load->programme;
    json_t *list;
    if (!part_has(credit, "bonus")) {
        return ST_OK;
    }
    if (!programme_has(programme, MODULE_CREDIT)) {
        return part_refuse(credit, "bonus", ST_FOREIGN, "needs \"credit\" in modules");
    }
    enum st st = list_open(credit, "bonus", PROGRAMME_BONUS_MAX, &list);
    for (size_t i = 0; st == ST_OK && i < json_array_size(list); i += 1) {
        struct programme_bonus *step = &programme->bonus[i];
        struct part item;
        st = item_open(credit, "bonus", list, i, "from_rials percent", &item);
        if (st == ST_OK) {
            st = read_number(&item, "from_rials", 1, MONEY_MAX_RIALS, &step->from.rials);
        }
        if (st == ST_OK && i > 0 && step->from.rials <= step[-1].from.rials) {
            st = part_refuse(&item, "from_rials", ST_FOREIGN,
                             "must be more than the %lld of the step before it",
                             (long long)step[-1].from.rials);
        }
        if (st == ST_OK) {
            st = read_percent(&item, "percent", &step->percent_hundredths);
        }
        programme->bonus_count = i + 1;
    }
    return st;
}

/* --- do gift and voucher earn? -------------------------------------------------------------- */

/* Said exactly where the module is on. */
static enum st read_earns(const struct part *award_on, const char *name, uint32_t module, bool *ret)
{
    bool is_on = programme_has(&award_on->load->programme, module);
    if (is_on == part_has(award_on, name)) {
        return is_on ? read_bool(award_on, name, ret) : ST_OK;
    }
    return part_refuse(award_on, name, ST_FOREIGN,
                       is_on ? "must be true or false, since \"%s\" is in modules"
                             : "must be left out, since \"%s\" is not in modules",
                       name);
}

enum st load_award_on_purses(const struct part *award_on)
{
    struct programme *programme = &award_on->load->programme;
    enum st st = read_earns(award_on, "gift", MODULE_GIFT, &programme->award_on_gift);
    return st == ST_OK
               ? read_earns(award_on, "voucher", MODULE_VOUCHER, &programme->award_on_voucher)
               : st;
}
