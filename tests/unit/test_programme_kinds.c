/* Tests of what a programme says of card kinds, gift, voucher and a load's bonus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/programme_text.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* The example of the page with module gift, a bonus and a gift card. */
static const char with_gift[] =
    "{\"modules\": [\"points\", \"redemption\", \"credit\", \"rebate\", \"cashback\", \"stamps\","
    "  \"tiers\", \"marks\", \"codes\", \"expiry\", \"gift\"],"
    " \"purses\": {\"gift\": {\"max_rials\": 50000000},"
    "  \"credit\": {\"bonus\": [{\"from_rials\": 5000000, \"percent\": 5},"
    "                        {\"from_rials\": 20000000, \"percent\": 8}]}},"
    " \"award_on\": {\"gift\": true},"
    " \"kinds\": [{\"id\": \"member\", \"number\": 0}, {\"id\": \"discount10\", \"number\": 1},"
    "  {\"id\": \"gift500\", \"number\": 2, \"name\": {\"fa\": \"کارت هدیه\", \"en\": \"Gift "
    "card\"},"
    "   \"opening_credit\": {\"min_rials\": 0, \"max_rials\": 0},"
    "   \"opening_gift\": {\"min_rials\": 5000000, \"max_rials\": 5000000},"
    "   \"valid_days\": 365, \"branches\": [1, 4]}]}";

static int open_with_gift(void **state)
{
    int rc = programme_text_open(state);
    json_t *patch = json_loads(with_gift, 0, NULL);
    if (rc != 0 || json_object_update_recursive(programme_text_example(), patch) != 0) {
        rc = -1;
    }
    json_decref(patch);
    return rc;
}

static void the_example_says_what_a_gift_card_carries(void **state)
{
    (void)state;
    struct programme *p = NULL;
    struct fault fault;
    assert_int_equal(programme_text_load("version", "7", &p, &fault), ST_OK);
    const struct programme_kind_terms *gift = programme_kind_terms(p, 2);
    assert_non_null(gift);
    assert_string_equal(gift->name_en, "Gift card");
    assert_string_equal(gift->name_fa, "کارت هدیه");
    assert_true(gift->gift.is_set && gift->credit.is_set);
    assert_int_equal(gift->gift.min.rials, 5000000);
    assert_int_equal(gift->gift.max.rials, 5000000);
    assert_int_equal(gift->credit.max.rials, 0);
    assert_int_equal(gift->valid_days, 365);
    assert_int_equal(gift->branch_count, 2);
    assert_int_equal(gift->branches[1], 4);
    const struct programme_kind_terms *member = programme_kind_terms(p, 0);
    assert_false(member->gift.is_set || member->credit.is_set);
    assert_int_equal(member->valid_days + member->branch_count, 0);
    assert_null(programme_kind_terms(p, 9));
    assert_true(programme_has(p, MODULE_GIFT));
    assert_false(programme_has(p, MODULE_VOUCHER));
    assert_true(p->award_on_gift);
    assert_true((p->uses & USES_IDENTITY) != 0);
    assert_int_equal(p->bonus_count, 2);
    assert_int_equal(p->bonus[1].from.rials, 20000000);
    assert_int_equal(p->bonus[1].percent_hundredths, 800);
    programme_free(p);
}

static void what_a_kind_says_wrongly_is_foreign(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"kinds.2.name", "\"x\"", ST_FOREIGN, "kinds[2].name must be an object"},
        {"kinds.2.name.fa", "\"\"", ST_FOREIGN, "1 to 95 bytes"},
        {"kinds.2.opening_gift", "5000000", ST_FOREIGN, "must be an object"},
        {"kinds.2.opening_gift.max_rials", "50000001", ST_FOREIGN, "from 0 to 50000000"},
        {"kinds.2.opening_gift.min_rials", "5000001", ST_FOREIGN, "from 0 to 5000000"},
        {"kinds.2.opening_gift.min_rials", "-1", ST_FOREIGN, "from 0 to"},
        {"~kinds.2.opening_gift.min_rials", NULL, ST_FOREIGN, "min_rials"},
        {"kinds.2.opening_credit.max_rials", "2000000001", ST_FOREIGN, "2000000000"},
        {"kinds.2.valid_days", "0", ST_FOREIGN, "from 1 to 36500"},
        {"kinds.2.valid_days", "36501", ST_FOREIGN, "from 1 to 36500"},
        {"kinds.2.branches", "[]", ST_FOREIGN, "must name a branch"},
        {"kinds.2.branches", "4", ST_FOREIGN, "must be a list"},
        {"kinds.2.branches.1", "0", ST_FOREIGN, "numbers of branches, from 1"},
        {"kinds.2.branches.0", "4294967296", ST_FOREIGN, "numbers of branches"},
        {"kinds.2.branches", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", ST_FOREIGN, "16"},
        {"kinds.2.opening_voucher", "{}", ST_UNSUPPORTED, "opening_voucher is unknown"},
        {"purses.gift.bonus", "[]", ST_UNSUPPORTED, "purses.gift.bonus is unknown"},
        {"purses.credit.bonus", "{}", ST_FOREIGN, "must be a list"},
        {"purses.credit.bonus.0.from_rials", "0", ST_FOREIGN, "from 1"},
        {"purses.credit.bonus.1.from_rials", "5000000", ST_FOREIGN, "more than the 5000000"},
        {"purses.credit.bonus.0.percent", "100.01", ST_FOREIGN, "percent"},
        {"award_on.voucher", "true", ST_FOREIGN, "must be left out"},
        {"~award_on.gift", NULL, ST_FOREIGN, "award_on.gift must be true or false"},
        {"award_on.gift", "1", ST_FOREIGN, "true or false"},
        {"~modules",
         "[\"points\",\"redemption\",\"rebate\",\"stamps\",\"tiers\",\"marks\",\"codes\","
         "\"expiry\",\"gift\"]",
         ST_FOREIGN, "bonus needs \"credit\""},
    };
    programme_text_refuses(changes, COUNT(changes));
    static const struct change edges[] = {
        {.path = "kinds.2.branches.0", .value = "4294967295"},
        {.path = "kinds.2.valid_days", .value = "36500"},
        {.path = "kinds.2.opening_gift.max_rials", .value = "50000000"},
        {.path = "kinds.2.name", .value = NULL},
        {.path = "kinds.2.branches", .value = NULL},
        {.path = "purses.credit.bonus", .value = NULL},
        {.path = "purses.credit.bonus.0.percent", .value = "100"},
    };
    programme_text_takes(edges, COUNT(edges));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_says_what_a_gift_card_carries),
        cmocka_unit_test(what_a_kind_says_wrongly_is_foreign),
    };
    return cmocka_run_group_tests_name("programme_kinds", tests, open_with_gift,
                                       programme_text_close);
}
