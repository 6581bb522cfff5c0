/* test_till.c - the till's lines: what is taken, and that every answer fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/listing.h"
#include "firmware/terminal/say.h"
#include "firmware/terminal/till_wire.h"

static enum st decode(const char *line, struct till_request *ret)
{
    struct fault fault = {{0}};
    enum st st = till_decode(line, strlen(line), ret, &fault);
    assert_true((st == ST_OK) == (fault.say[0] == '\0'));
    return st;
}

static void a_request_becomes_the_wish_that_it_names(void **unused)
{
    (void)unused;
    struct till_request got;
    assert_int_equal(decode("{\"v\":1,\"do\":\"sale\",\"amount\":68719476735,\"pay_credit\":7,"
                            "\"redeem\":3,\"wait_ms\":120000,\"operator\":9}",
                            &got),
                     ST_OK);
    assert_int_equal(got.desk.tap.what, TAP_SALE);
    assert_int_equal(got.desk.tap.wish.kind, TRANSACTION_SALE);
    assert_int_equal(got.desk.tap.wish.amount.rials, MONEY_MAX_RIALS);
    assert_int_equal(got.desk.tap.wish.pay_credit.rials, 7);
    assert_int_equal(got.desk.tap.wish.redeem.n, 3);
    assert_int_equal(got.desk.tap.operator_no, 9);
    assert_int_equal(got.wait_ms, 120000);
    assert_int_equal(decode("{\"v\":1,\"do\":\"refund\",\"counter\":5}", &got), ST_OK);
    assert_int_equal(got.desk.tap.wish.refers_counter, 5);
    assert_int_equal(got.desk.tap.wish.amount.rials, 0);
    assert_int_equal(got.wait_ms, TILL_WAIT_MS_DEFAULT);
    assert_int_equal(decode("{\"v\":1,\"do\":\"status\"}", &got), ST_OK);
    assert_true(got.is_status);
    assert_int_equal(decode("{\"v\":1,\"do\":\"support\",\"hours\":24,\"operator\":4}", &got),
                     ST_OK);
    assert_int_equal(got.desk.what, DESK_SUPPORT);
    assert_int_equal(got.desk.number, 24);
    assert_int_equal(got.desk.tap.operator_no, 4);
    assert_int_equal(decode("{\"v\":1,\"do\":\"support\",\"hours\":0}", &got), ST_OK);
    assert_int_equal(decode("{\"v\":1,\"do\":\"support\",\"hours\":73}", &got), ST_FOREIGN);
    assert_int_equal(decode("{\"v\":1,\"do\":\"support\"}", &got), ST_FOREIGN);
    assert_int_equal(decode("{\"v\":1,\"do\":\"sign_out\",\"hours\":1}", &got), ST_FOREIGN);
}

static void a_basket_is_taken_as_the_till_says_it(void **unused)
{
    (void)unused;
    static struct till_request got;
    assert_int_equal(
        decode("{\"v\":1,\"do\":\"sale\",\"amount\":250000,\"code\":\"NOWRUZ-1405\",\"lines\":["
               "{\"product\":\"dairy\",\"amount\":100000,\"quantity\":\"1.5\"},"
               "{\"product\":\"a word that no programme can have as it is far too long\","
               "\"amount\":149999,\"quantity\":2},{\"product\":\"dairy\",\"amount\":1}]}",
               &got),
        ST_OK);
    assert_string_equal(got.desk.basket.code, "NOWRUZ-1405");
    assert_int_equal(got.desk.basket.count, 3);
    assert_string_equal(got.desk.basket.said[0].product, "dairy");
    assert_int_equal(got.desk.basket.said[0].milli, 1500);
    assert_string_equal(got.desk.basket.said[1].product, "");
    assert_int_equal(got.desk.basket.said[1].milli, 2000);
    assert_int_equal(got.desk.basket.said[2].milli, 1000);
    assert_int_equal(got.desk.basket.said[2].amount.rials, 1);
    assert_int_equal(
        decode("{\"v\":1,\"do\":\"sale\",\"amount\":68719476735,\"lines\":[{\"product\":"
               "\"x\",\"amount\":68719476735,\"quantity\":4000000}]}",
               &got),
        ST_OK);
}

static void a_basket_that_is_not_right_is_refused_with_what_would_be(void **unused)
{
    (void)unused;
    static const char *const wrong[][2] = {
        {"\"lines\":[]", "1 to 256"},
        {"\"lines\":{}", "1 to 256"},
        {"\"lines\":[1]", "Line 1"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":999}]", "add up to 999"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1001}]", "add up to 1001"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1000},{\"product\":\"b\",\"amount\":0}]",
         "Line 2"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1001},{\"product\":\"b\",\"amount\":-1}]",
         "Line 2"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1000.0}]", "whole number"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":68719476736}]", "68719476735"},
        {"\"lines\":[{\"product\":\"\",\"amount\":1000}]", "product"},
        {"\"lines\":[{\"amount\":1000}]", "product"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1000,\"price\":3}]", "price"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1000,\"quantity\":1.5}]", "1.5"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1000,\"quantity\":\"1.2345\"}]", "3 decimals"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1000,\"quantity\":\"0\"}]", "above 0"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1000,\"quantity\":\"-1\"}]", "above 0"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1000,\"quantity\":\"1.\"}]", "3 decimals"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1000,\"quantity\":\".5\"}]", "3 decimals"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1000,\"quantity\":\"1e3\"}]", "3 decimals"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":1000,\"quantity\":4000001}]", "4000000"},
        {"\"lines\":[{\"product\":\"a\",\"amount\":999,\"quantity\":4000000},"
         "{\"product\":\"a\",\"amount\":1,\"quantity\":\"0.001\"}]",
         "4000000"},
        {"\"code\":\"\"", "A-Z"},
        {"\"code\":\"nowruz\"", "A-Z"},
        {"\"code\":\"ABCDEFGHIJKLMNOPQRSTUVWXY\"", "24"},
        {"\"code\":7", "A-Z"}};
    static struct till_request got;
    char line[512];
    struct fault fault;
    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
        int size = snprintf(line, sizeof line, "{\"v\":1,\"do\":\"sale\",\"amount\":1000,%s}",
                            wrong[n][0]);
        assert_int_equal(till_decode(line, (size_t)size, &got, &fault), ST_FOREIGN);
        if (strstr(fault.say, wrong[n][1]) == NULL) {
            fail_msg("%s: %s", wrong[n][0], fault.say);
        }
    }
    assert_int_equal(decode("{\"v\":1,\"do\":\"load\",\"amount\":1000,\"code\":\"A\"}", &got),
                     ST_FOREIGN);
}

/* In the programme's numbers: sums by group, rising; what it does not list is of no group. */
static void a_basket_is_summed_by_the_programmes_groups(void **unused)
{
    (void)unused;
    static struct programme programme = {
        .modules = MODULE_CODES,
        .product_count = 2,
        .products = {{.id = "oil", .number = 9}, {.id = "dairy", .number = 4}},
        .code_count = 2,
        .codes = {{"a", "AAA"}, {"b", "BBB"}}};
    static struct basket basket = {.code = "BBB",
                                   .count = 5,
                                   .said = {{"dairy", {100}, 1500},
                                            {"tea", {7}, 1000},
                                            {"oil", {30}, 2000},
                                            {"", {3}, 500},
                                            {"dairy", {60}, 250}}};
    struct occasion occasion;
    struct fault fault;
    assert_int_equal(basket_resolve(&basket, &programme, &occasion, &fault), ST_OK);
    assert_int_equal(occasion.code, 2);
    assert_int_equal(occasion.line_count, 3);
    const struct basket_line expected[] = {{0, {10}, 1500}, {4, {160}, 1750}, {9, {30}, 2000}};
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(occasion.lines[n].product, expected[n].product);
        assert_int_equal(occasion.lines[n].amount.rials, expected[n].amount.rials);
        assert_int_equal(occasion.lines[n].milli, expected[n].milli);
    }
    assert_true(occasion_is_valid(&occasion));
    snprintf(basket.code, sizeof basket.code, "CCC");
    assert_int_equal(basket_resolve(&basket, &programme, &occasion, &fault), ST_REFUSED);
    assert_non_null(strstr(fault.say, "CCC"));
    programme.modules = 0;
    assert_int_equal(basket_resolve(&basket, &programme, &occasion, &fault), ST_REFUSED);
    assert_non_null(strstr(fault.say, "no discount codes"));
}

/* Days since 1900-01-01, counted by Python's datetime: (date(y, m, d) - date(1900, 1, 1)).days */
static void dates_are_days_since_1900(void **unused)
{
    (void)unused;
    static const struct {
        const char *date;
        uint16_t days;
    } known[] = {{"1900-01-02", 1},     {"1900-03-01", 59},    {"1970-01-01", 25567},
                 {"2000-02-29", 36583}, {"2026-11-22", 46346}, {"2078-12-31", 65378}};
    struct till_request got;
    char line[128];
    for (size_t n = 0; n < sizeof known / sizeof *known; n++) {
        snprintf(line, sizeof line, "{\"v\":1,\"do\":\"issue\",\"birthday\":\"%s\"}",
                 known[n].date);
        assert_int_equal(decode(line, &got), ST_OK);
        assert_int_equal(got.desk.joining.particulars.birthday, known[n].days);
    }
    static const char *const wrong[] = {"1900-01-01", "1900-02-29", "2026-13-01", "2026-00-10",
                                        "2026-04-31", "26-04-30",   "2079-06-07", "2026-4-30x",
                                        "2026/04-30", "-026-04-30"};
    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
        snprintf(line, sizeof line, "{\"v\":1,\"do\":\"issue\",\"birthday\":\"%s\"}", wrong[n]);
        assert_int_equal(decode(line, &got), ST_FOREIGN);
    }
}

static void a_name_has_at_most_96_bytes_and_no_zero_in_it(void **unused)
{
    (void)unused;
    struct till_request got;
    char line[192], name[98];
    memset(name, 'a', sizeof name);
    name[97] = '\0';
    (void)snprintf(line, sizeof line, "{\"v\":1,\"do\":\"issue\",\"name\":\"%s\"}", name);
    assert_int_equal(decode(line, &got), ST_FOREIGN);
    name[96] = '\0';
    (void)snprintf(line, sizeof line, "{\"v\":1,\"do\":\"issue\",\"name\":\"%s\"}", name);
    assert_int_equal(decode(line, &got), ST_OK);
    assert_string_equal(got.desk.joining.particulars.name, name);
    assert_int_equal(decode("{\"v\":1,\"do\":\"issue\",\"name\":\"a\\u0000b\"}", &got), ST_FOREIGN);
}

static void who_joins_says_so_in_words_of_the_journal(void **unused)
{
    (void)unused;
    struct till_request got;
    assert_int_equal(decode("{\"v\":1,\"do\":\"join\",\"national_code\":\"0012345679\",\"phone\":"
                            "\"+989121234567\",\"group\":7,\"kind\":\"gold\",\"account\":\"staff\","
                            "\"operator\":12}",
                            &got),
                     ST_OK);
    assert_int_equal(got.desk.what, DESK_JOIN);
    assert_int_equal(got.desk.tap.operator_no, 12);
    const struct joining *joining = &got.desk.joining;
    assert_true(joining->is_there);
    assert_string_equal(joining->particulars.national_code, "0012345679");
    assert_string_equal(joining->particulars.phone, "09121234567");
    assert_int_equal(joining->particulars.account, ACCOUNT_STAFF);
    assert_string_equal(joining->group, "7");
    assert_string_equal(joining->kind, "gold");
    static const char *const wrong[] = {
        "{\"v\":1,\"do\":\"join\",\"national_code\":\"0012345678\"}",
        "{\"v\":1,\"do\":\"join\",\"phone\":912}",
        "{\"v\":1,\"do\":\"join\",\"amount\":1}",
        "{\"v\":1,\"do\":\"join\",\"member\":\"9364000001000000\"}",
        "{\"v\":1,\"do\":\"join\",\"group\":[]}",
        "{\"v\":1,\"do\":\"issue\",\"member\":1001}",
        "{\"v\":1,\"do\":\"issue\",\"member\":\"9364000001000001\"}",
        "{\"v\":1,\"do\":\"issue\",\"card\":\"6362140000000011\"}",
        "{\"v\":1,\"do\":\"number\",\"card\":\"x\"}",
        "{\"v\":1,\"do\":\"number\",\"name\":\"x\"}"};
    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
        if (decode(wrong[n], &got) != ST_FOREIGN) {
            fail_msg("%s was taken", wrong[n]);
        }
    }
    assert_int_equal(decode("{\"v\":1,\"do\":\"issue\",\"name\":\"4111111111111111\"}", &got),
                     ST_REFUSED);
    assert_int_equal(decode("{\"v\":1,\"do\":\"issue\",\"member\":\"9364000001000000\",\"card\":"
                            "\"9364000001000018\"}",
                            &got),
                     ST_OK);
    assert_true(got.desk.joining.account == UINT64_C(9364000001000000));
    assert_true(got.desk.joining.number == UINT64_C(9364000001000018));
}

static void a_sale_to_a_member_without_the_card_spends_nothing(void **unused)
{
    (void)unused;
    struct till_request got;
    assert_int_equal(
        decode("{\"v\":1,\"do\":\"sale\",\"amount\":1000,\"member\":\"0912 123 4567\"}", &got),
        ST_OK);
    assert_int_equal(got.desk.what, DESK_EARN);
    assert_int_equal(got.desk.tap.wish.amount.rials, 1000);
    assert_true(got.desk.has_medium);
    assert_int_equal(got.desk.medium.kind, MEDIA_PHONE);
    assert_int_equal(decode("{\"v\":1,\"do\":\"sale\",\"amount\":1000,\"member\":true}", &got),
                     ST_OK);
    assert_false(got.desk.has_medium);
    static const char *const wrong[] = {
        "{\"v\":1,\"do\":\"sale\",\"amount\":1000,\"member\":true,\"pay_credit\":1}",
        "{\"v\":1,\"do\":\"sale\",\"amount\":1000,\"member\":true,\"redeem\":1}",
        "{\"v\":1,\"do\":\"sale\",\"amount\":1000,\"member\":7}",
        "{\"v\":1,\"do\":\"load\",\"amount\":1000,\"member\":true}"};
    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
        assert_int_equal(decode(wrong[n], &got), ST_FOREIGN);
    }
    assert_int_equal(decode("{\"v\":1,\"do\":\"sale\",\"amount\":1000,\"member\":"
                            "\"4111111111111111\"}",
                            &got),
                     ST_REFUSED);
}

static void what_is_cut_short_anywhere_is_refused(void **unused)
{
    (void)unused;
    static const char line[] = "{\"v\":1,\"do\":\"sale\",\"amount\":1000000,\"redeem\":5}";
    struct till_request got;
    struct fault fault;
    for (size_t size = 0; size < sizeof line - 1; size++) {
        assert_int_equal(till_decode(line, size, &got, &fault), ST_FOREIGN);
    }
}

static void the_longest_history_fits_into_an_answer(void **unused)
{
    (void)unused;
    static struct snapshot history[CARD_HISTORY_MAX];
    static char line[TILL_ANSWER_MAX];
    for (size_t n = 0; n < CARD_HISTORY_MAX; n++) {
        history[n] = (struct snapshot){
            .status = CARD_BLOCKED,
            .counter = (1 << 20) - 1,
            .points = {POINTS_MAX},
            .purse = {[PURSE_CREDIT] = {MONEY_MAX_RIALS}},
            .last = {.kind = TRANSACTION_DUPLICATE,
                     .amount = {MONEY_MAX_RIALS},
                     .redeemed = {REDEEMED_MAX},
                     .minute = (1 << 24) - 1,
                     .terminal = (1 << 20) - 1,
                     .sequence = (1 << 24) - 1},
        };
    }
    struct tap_answer answer = {.outcome = TAP_DONE,
                                .card_number = UINT64_C(9999999999999999),
                                .has_snapshot = true,
                                .snapshot = history[0],
                                .history = history,
                                .history_count = CARD_HISTORY_MAX};
    memset(answer.say.say, 'x', sizeof answer.say.say - 1);
    size_t size = till_encode_answer(&answer, line);
    assert_true(size < TILL_ANSWER_MAX);
    json_t *object = json_loads(line, 0, NULL);
    assert_non_null(object);
    assert_int_equal(json_array_size(json_object_get(object, "history")), CARD_HISTORY_MAX);
    json_decref(object);
}

static void an_answer_carries_amounts_to_the_last_rial(void **unused)
{
    (void)unused;
    static char line[TILL_ANSWER_MAX];
    struct tap_answer answer = {.outcome = TAP_DONE,
                                .card_number = UINT64_C(42),
                                .has_snapshot = true,
                                .has_parts = true,
                                .parts = {.amount = {MONEY_MAX_RIALS}, .due = {1}}};
    answer.snapshot = (struct snapshot){.status = CARD_ACTIVE,
                                        .counter = 1,
                                        .purse = {[PURSE_CREDIT] = {MONEY_MAX_RIALS - 1}},
                                        .last = {.kind = TRANSACTION_LOAD}};
    (void)till_encode_answer(&answer, line);
    assert_non_null(strstr(line, "\"amount\":68719476735,"));
    assert_non_null(strstr(line, "\"credit\":68719476734"));
    assert_non_null(strstr(line, "\"card\":\"0000000000000042\""));
    assert_null(strstr(line, "reason"));
}

static void find_and_link_take_what_was_typed_or_wait_for_a_scan(void **unused)
{
    (void)unused;
    struct till_request got;
    assert_int_equal(decode("{\"v\":1,\"do\":\"find\",\"medium\":\"001-2345679\"}", &got), ST_OK);
    assert_int_equal(got.desk.what, DESK_FIND);
    assert_true(got.desk.has_medium);
    assert_int_equal(got.desk.medium.kind, MEDIA_NATIONAL_CODE);
    assert_string_equal(got.desk.medium.text, "0012345679");
    assert_int_equal(decode("{\"v\":1,\"do\":\"link\",\"wait_ms\":7,\"operator\":3}", &got), ST_OK);
    assert_int_equal(got.desk.what, DESK_LINK);
    assert_false(got.desk.has_medium);
    assert_int_equal(got.wait_ms, 7);
    assert_int_equal(got.desk.tap.operator_no, 3);
    assert_int_equal(decode("{\"v\":1,\"do\":\"find\",\"amount\":1}", &got), ST_FOREIGN);
    assert_int_equal(decode("{\"v\":1,\"do\":\"find\",\"medium\":12345679}", &got), ST_FOREIGN);
    assert_int_equal(decode("{\"v\":1,\"do\":\"sale\",\"amount\":1,\"medium\":\"x\"}", &got),
                     ST_FOREIGN);
}

static void a_bank_card_is_refused_without_a_digit(void **unused)
{
    (void)unused;
    static const char *const lines[] = {
        "{\"v\":1,\"do\":\"find\",\"medium\":\"4111 1111 1111 1111\"}",
        "{\"v\":1,\"do\":\"link\",\"medium\":\";4111111111111111=2912101000001230?\"}",
        "4111111111111111",
        "\"4111111111111111",
        ";4111111111111111=2912101000001230?",
    };
    struct till_request got;
    for (size_t n = 0; n < sizeof lines / sizeof *lines; n++) {
        struct fault fault = {{0}};
        const enum st st = till_decode(lines[n], strlen(lines[n]), &got, &fault);
        assert_int_equal(st, n < 2 ? ST_REFUSED : ST_FOREIGN);
        assert_true(n >= 2 || strstr(fault.say, "bank card") != NULL);
        assert_null(strstr(fault.say, "1111"));
    }
}

static void what_was_found_is_shortened_and_may_not_spend(void **unused)
{
    (void)unused;
    static char line[TILL_ANSWER_MAX];
    struct desk_answer answer = {.has_found = true,
                                 .found = {.medium = MEDIA_PHONE,
                                           .card_number = UINT64_C(9364000001234566),
                                           .has_state = true,
                                           .seen_s = 1790000000}};
    answer.found.state = (struct snapshot){
        .status = CARD_ACTIVE, .counter = 7, .points = {20}, .last = {.kind = TRANSACTION_SALE}};
    (void)till_encode_found(&answer, line);
    json_t *object = json_loads(line, 0, NULL);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "card")), "936400******4566");
    assert_string_equal(json_string_value(json_object_get(object, "medium")), "phone");
    assert_true(json_is_false(json_object_get(object, "may_spend")));
    assert_int_equal(json_integer_value(json_object_get(object, "seen")), 1790000000);
    assert_int_equal(json_integer_value(json_object_get(object, "points")), 20);
    json_decref(object);
    assert_null(strstr(line, "listed"));
    answer.tap.listing = LISTING_LOST;
    (void)till_encode_found(&answer, line);
    assert_non_null(strstr(line, "\"listed\":\"lost\""));
    say_found(NULL, &answer.found.state, LISTING_LOST, &answer.tap.say);
    assert_non_null(strstr(answer.tap.say.say, "refuses this card (lost)"));
    answer.found.has_state = false;
    (void)till_encode_found(&answer, line);
    assert_null(strstr(line, "points"));
    assert_null(strstr(line, "seen\":"));
}

/* --- the receipt ---------------------------------------------------------------------------- */

static const struct programme shop = {
    .version = 1,
    .club = "Test",
    .unit = UNIT_TOMAN,
    .modules = MODULE_POINTS | MODULE_CREDIT,
    .tier_period = PERIOD_YEAR,
    .rebate_step = {1},
    .cashback_step = {1},
    .sale_max = {MONEY_MAX_RIALS},
    .purse_max = {[PURSE_CREDIT] = {MONEY_MAX_RIALS}},
    .points_max = {POINTS_MAX},
};

/* A sale of 250,000 toman to a card with 20 points and 5,000 toman, by these rules. */
static void make_sale(const struct programme_rule *rules, size_t count, struct programme *used,
                      struct receipt *ret, explain_put *put, void *context)
{
    static const struct snapshot card = {.layout = SNAPSHOT_LAYOUT_FIRST,
                                         .status = CARD_ACTIVE,
                                         .counter = 5,
                                         .points = {20},
                                         .purse = {[PURSE_CREDIT] = {50000}},
                                         .last = {.kind = TRANSACTION_LOAD,
                                                  .amount = {50000},
                                                  .minute = 1000,
                                                  .terminal = 17,
                                                  .sequence = 30}};
    static struct plan plan;
    used->rules = rules;
    used->rule_count = count;
    const struct plan_input input = {
        .programme = used,
        .history = &card,
        .history_count = 1,
        .wish = {.kind = TRANSACTION_SALE, .amount = {2500000}, .pay_credit = {30000}},
        .minute = 2000,
        .terminal = 17,
        .sequence = 31,
    };
    assert_int_equal(plan_make(&input, &plan), ST_OK);
    receipt_make(ret, &input, &plan, EXPLAIN_EN);
    if (put != NULL) {
        explain(&input, &plan, EXPLAIN_EN, put, context);
    }
}

static json_t *lines_of(const struct receipt *receipt)
{
    static char line[TILL_ANSWER_MAX];
    struct tap_answer answer = {.outcome = TAP_DONE,
                                .card_number = UINT64_C(9999999999999999),
                                .has_snapshot = true,
                                .snapshot = receipt->of,
                                .has_parts = true,
                                .listing = LISTING_REPLACED,
                                .expired = {POINTS_MAX},
                                .is_earlier = true,
                                .is_unsaved = true,
                                .has_settled = true,
                                .settled = VERDICT_NOT_DONE,
                                .lines = receipt};
    answer.settled_intent.intent.after = receipt->of;
    memset(answer.say.say, '"', sizeof answer.say.say - 1);
    assert_true(till_encode_answer(&answer, line) < TILL_ANSWER_MAX);
    json_t *object = json_loads(line, 0, NULL);
    assert_non_null(object);
    json_t *lines = json_incref(json_object_get(object, "lines"));
    assert_string_equal(json_string_value(json_object_get(object, "lang")), "en");
    json_decref(object);
    assert_non_null(lines);
    return lines;
}

static void a_sales_lines_are_in_its_answer(void **unused)
{
    (void)unused;
    /* By hand: 10 points for each of 2 full 100,000 toman; 250,000 - 3,000 are to be paid. */
    static const char expected[] =
        "[{\"kind\":\"rule\",\"rule\":\"base\",\"text\":\"10 points for each full 100,000 toman of "
        "250,000 toman\",\"result\":\"20 points\"},"
        "{\"kind\":\"say\",\"rule\":\"base\",\"text\":\"Thank \\\"you\\\"\"},"
        "{\"kind\":\"total\",\"text\":\"Basket\",\"result\":\"250,000 toman\"},"
        "{\"kind\":\"total\",\"text\":\"Paid with credit\",\"result\":\"3,000 toman\"},"
        "{\"kind\":\"total\",\"text\":\"To pay\",\"result\":\"247,000 toman\"},"
        "{\"kind\":\"total\",\"text\":\"Points earned\",\"result\":\"20 points\"},"
        "{\"kind\":\"total\",\"text\":\"Points on the card\",\"result\":\"40 points\"},"
        "{\"kind\":\"total\",\"text\":\"Credit on the card\",\"result\":\"2,000 toman\"}]";
    static const struct programme_rule rule = {
        .id = "base",
        .say_fa = "سپاس",
        .say_en = "Thank \"you\"",
        .award = {.is_set = true, .points = {10}, .per = {1000000}}};
    static struct receipt receipt;
    struct programme used = shop;
    used.award_on_credit = true;
    make_sale(&rule, 1, &used, &receipt, NULL, NULL);
    json_t *lines = lines_of(&receipt);
    char *text = json_dumps(lines, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(lines);
}

/* All lines of an explanation, as the till would have them without a limit. */
static void collect(void *context, const struct explain_line *line)
{
    json_t *object = json_pack("{s:s, s:s, s:b, s:b}", "text", line->text, "result", line->result,
                               "must", line->kind == EXPLAIN_TOTAL || line->kind == EXPLAIN_MISSING,
                               "aside", line->kind == EXPLAIN_ASIDE);
    assert_int_equal(json_array_append_new(context, object), 0);
}

static const char *text_in(const json_t *line, const char *field)
{
    const char *text = json_string_value(json_object_get(line, field));
    return text != NULL ? text : "";
}

static bool is_line(const json_t *got, const json_t *line)
{
    return strcmp(text_in(got, "text"), text_in(line, "text")) == 0 &&
           strcmp(text_in(got, "result"), text_in(line, "result")) == 0;
}

static void add_bytes(void *context, const struct receipt_line *line)
{
    *(size_t *)context += receipt_line_bytes(line);
}

static void the_longest_receipt_is_cut_among_its_rules_and_says_so(void **unused)
{
    (void)unused;
    enum { RULES = PLAN_STEPS_MAX };
    static struct programme_rule rules[RULES];
    static struct receipt receipt;
    char say[PROGRAMME_SAY_MAX];
    memset(say, '"', sizeof say - 1);
    say[sizeof say - 1] = '\0';
    for (size_t n = 0; n < RULES; n++) {
        /* Every eighth comes to nothing; another has a sentence that is short enough to slip in. */
        rules[n] = (struct programme_rule){.say_fa = n % 8 == 5 ? "-" : say,
                                           .say_en = n % 8 == 5 ? "-" : say,
                                           .award = {.is_set = true,
                                                     .points = {(int64_t)n + 1},
                                                     .per = {n % 8 == 7 ? 2500001 : 1000}}};
        (void)snprintf(rules[n].id, sizeof rules[n].id, "rule-with-long-id-%02zu", n);
    }
    struct programme used = shop;
    json_t *all = json_array();
    make_sale(rules, RULES, &used, &receipt, collect, all);
    json_t *lines = lines_of(&receipt);
    char *text = json_dumps(lines, JSON_COMPACT);
    assert_in_range(strlen(text), RECEIPT_MAX - 4096,
                    RECEIPT_MAX); /* no more is cut than must be */
    free(text);
    size_t bytes = 0;
    receipt_each(&receipt, add_bytes, &bytes);
    assert_in_range(bytes, RECEIPT_MAX - 1024, RECEIPT_MAX);

    /* What was kept stands in order; what had to stay is there; the rest was counted. */
    size_t at = 0, kept = 0;
    long said = -1;
    bool is_cut = false;
    for (size_t n = 0; n < json_array_size(all); n++) {
        const json_t *line = json_array_get(all, n), *got = json_array_get(lines, at);
        if (strcmp(text_in(got, "text"), "Lines about rules, left out here") == 0) {
            said = strtol(text_in(got, "result"), NULL, 10);
            at++;
            got = json_array_get(lines, at);
        }
        bool is_must = json_is_true(json_object_get(line, "must"));
        bool is_aside = json_is_true(json_object_get(line, "aside"));
        if (is_line(got, line)) {
            assert_false(is_aside || (is_cut && !is_must)); /* the last rules go, and all of them */
            at++;
            kept++;
        } else {
            assert_false(is_must);
            is_cut |= !is_aside;
        }
    }
    assert_int_equal(at, json_array_size(lines));
    assert_int_equal(said, json_array_size(all) - kept);
    assert_true(said > RULES / 8 && is_cut);
    json_decref(lines);
    json_decref(all);
}

static void the_receipts_language_is_persian_unless_it_is_asked_for(void **unused)
{
    (void)unused;
    static const char *const bad[] = {"\"de\"", "\"\"", "1", "null", "\"fa\\u0000\"", "\"FA\""};
    static struct till_request got;
    char line[128];
    assert_int_equal(decode("{\"v\":1,\"do\":\"load\",\"amount\":5}", &got), ST_OK);
    assert_int_equal(got.desk.tap.language, EXPLAIN_FA);
    assert_int_equal(decode("{\"v\":1,\"do\":\"issue\",\"lang\":\"fa\"}", &got), ST_OK);
    assert_int_equal(got.desk.tap.language, EXPLAIN_FA);
    assert_int_equal(decode("{\"v\":1,\"do\":\"refund\",\"counter\":5,\"lang\":\"en\"}", &got),
                     ST_OK);
    assert_int_equal(got.desk.tap.language, EXPLAIN_EN);
    assert_int_equal(decode("{\"v\":1,\"do\":\"balance\",\"lang\":\"en\"}", &got), ST_OK);
    assert_int_equal(decode("{\"v\":1,\"do\":\"find\",\"lang\":\"en\"}", &got), ST_FOREIGN);
    for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) {
        (void)snprintf(line, sizeof line, "{\"v\":1,\"do\":\"load\",\"amount\":5,\"lang\":%s}",
                       bad[n]);
        assert_int_equal(decode(line, &got), ST_FOREIGN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_basket_is_taken_as_the_till_says_it),
        cmocka_unit_test(a_basket_that_is_not_right_is_refused_with_what_would_be),
        cmocka_unit_test(a_basket_is_summed_by_the_programmes_groups),
        cmocka_unit_test(a_request_becomes_the_wish_that_it_names),
        cmocka_unit_test(dates_are_days_since_1900),
        cmocka_unit_test(a_name_has_at_most_96_bytes_and_no_zero_in_it),
        cmocka_unit_test(who_joins_says_so_in_words_of_the_journal),
        cmocka_unit_test(a_sale_to_a_member_without_the_card_spends_nothing),
        cmocka_unit_test(what_is_cut_short_anywhere_is_refused),
        cmocka_unit_test(the_longest_history_fits_into_an_answer),
        cmocka_unit_test(an_answer_carries_amounts_to_the_last_rial),
        cmocka_unit_test(find_and_link_take_what_was_typed_or_wait_for_a_scan),
        cmocka_unit_test(a_bank_card_is_refused_without_a_digit),
        cmocka_unit_test(a_sales_lines_are_in_its_answer),
        cmocka_unit_test(the_longest_receipt_is_cut_among_its_rules_and_says_so),
        cmocka_unit_test(the_receipts_language_is_persian_unless_it_is_asked_for),
        cmocka_unit_test(what_was_found_is_shortened_and_may_not_spend),
    };
    return cmocka_run_group_tests_name("till", tests, NULL, NULL);
}
