/* Tests of firmware/terminal/gate.h: what is asked of a card, and when the gate opens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/terminal/gate.h"

static struct gate gate;
static struct fault say;

static int begin(void **state)
{
    (void)state;
    gate = (struct gate){.fee = 50000, .again_s = 0, .wait_ms = 1000};
    return 0;
}

/* What the next request says of `field`; -1: nothing. */
static json_int_t asked(const char *field)
{
    json_t *request = gate_request(&gate);
    const json_t *value = json_object_get(request, field);
    const json_int_t number = json_is_true(value) ? 1
                              : value == NULL     ? -1
                                                  : json_integer_value(value);
    json_decref(request);
    return number;
}

static void assert_asks(const char *what)
{
    json_t *request = gate_request(&gate);
    assert_string_equal(json_string_value(json_object_get(request, "do")), what);
    json_decref(request);
}

static enum gate_verdict takes(const char *text, int64_t now_s)
{
    json_t *answer = json_loads(text, 0, NULL);
    assert_non_null(answer);
    const enum gate_verdict verdict = gate_take(&gate, answer, now_s, &say);
    json_decref(answer);
    return verdict;
}

#define BALANCE(purses)                                                                            \
    "{\"final\":true,\"state\":\"done\",\"status\":\"active\",\"card\":"                           \
    "\"1111222233334444\"," purses "}"
static const char rich[] = BALANCE("\"voucher\":0,\"gift\":0,\"credit\":900000");
static const char done[] = "{\"final\":true,\"state\":\"done\",\"card\":\"1111222233334444\"}";

static void a_passage_is_a_balance_of_a_fresh_card_and_a_sale(void **state)
{
    (void)state;
    assert_asks("balance");
    assert_int_equal(asked("fresh"), 1);
    assert_int_equal(asked("amount"), -1);
    assert_int_equal(takes(rich, 10), GATE_WAIT);
    assert_asks("sale");
    assert_int_equal(asked("fresh"), -1);
    assert_int_equal(asked("amount"), 50000);
    assert_int_equal(asked("pay_credit"), 50000);
    assert_int_equal(asked("pay_gift"), -1);
    assert_int_equal(takes(done, 11), GATE_OPEN);
    assert_asks("balance");
}

static void what_was_given_pays_first_and_to_the_rial(void **state)
{
    (void)state;
    static const struct {
        const char *balance;
        json_int_t voucher, gift, credit; /* -1: not asked */
    } cases[] = {
        {BALANCE("\"voucher\":60000,\"gift\":60000,\"credit\":60000"), 50000, -1, -1},
        {BALANCE("\"voucher\":50000,\"gift\":0,\"credit\":0"), 50000, -1, -1},
        {BALANCE("\"voucher\":49999,\"gift\":1,\"credit\":0"), 49999, 1, -1},
        {BALANCE("\"voucher\":20000,\"gift\":20000,\"credit\":10000"), 20000, 20000, 10000},
        {BALANCE("\"voucher\":0,\"gift\":30000,\"credit\":90000"), -1, 30000, 20000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)begin(state);
        assert_int_equal(takes(cases[i].balance, 1), GATE_WAIT);
        assert_int_equal(asked("pay_voucher"), cases[i].voucher);
        assert_int_equal(asked("pay_gift"), cases[i].gift);
        assert_int_equal(asked("pay_credit"), cases[i].credit);
    }
    (void)begin(state);
    assert_int_equal(takes(BALANCE("\"voucher\":20000,\"gift\":20000,\"credit\":9999"), 1),
                     GATE_CLOSED);
    assert_non_null(strstr(say.say, "50000"));
    assert_asks("balance");
}

static void blocked_listed_and_refused_cards_stay_out(void **state)
{
    (void)state;
    assert_int_equal(
        takes("{\"state\":\"done\",\"status\":\"blocked\",\"card\":\"1111222233334444\","
              "\"credit\":900000}",
              1),
        GATE_CLOSED);
    assert_int_equal(takes(BALANCE("\"credit\":900000,\"listed\":\"lost\""), 1), GATE_CLOSED);
    assert_int_equal(
        takes("{\"state\":\"not_done\",\"reason\":\"foreign\",\"say\":\"Not ours.\"}", 1),
        GATE_CLOSED);
    assert_string_equal(say.say, "Not ours.");
    assert_int_equal(takes(rich, 2), GATE_WAIT);
    assert_int_equal(
        takes("{\"state\":\"not_done\",\"reason\":\"refused\",\"say\":\"Too much.\"}", 2),
        GATE_CLOSED);
    assert_asks("balance");
}

static void nobody_there_says_nothing(void **state)
{
    (void)state;
    static const char nobody[] =
        "{\"state\":\"not_done\",\"reason\":\"no_card\",\"say\":\"No card.\"}";
    assert_int_equal(takes(nobody, 1), GATE_WAIT);
    assert_asks("balance");
    assert_int_equal(takes(rich, 2), GATE_WAIT);
    assert_int_equal(takes(nobody, 3), GATE_WAIT); /* it left between the two */
    assert_asks("balance");
}

static void who_left_in_doubt_is_let_in_once_when_it_turns_out_paid(void **state)
{
    (void)state;
    assert_int_equal(takes(rich, 1), GATE_WAIT);
    assert_int_equal(takes("{\"state\":\"hold_again\",\"say\":\"Hold it again.\"}", 2),
                     GATE_CLOSED);
    assert_asks("balance");
    static const char paid[] =
        BALANCE("\"credit\":850000,\"settled\":{\"verdict\":\"done\",\"kind\":\"sale\","
                "\"amount\":50000,\"counter\":7}");
    assert_int_equal(takes(paid, 3), GATE_OPEN);
    static const char other[] =
        BALANCE("\"credit\":850000,\"settled\":{\"verdict\":\"done\",\"kind\":\"sale\","
                "\"amount\":70000,\"counter\":7}");
    assert_int_equal(takes(other, 4), GATE_WAIT); /* not a fee: pays */
    assert_asks("sale");
    (void)begin(state);
    static const char unpaid[] =
        BALANCE("\"credit\":900000,\"settled\":{\"verdict\":\"not_done\",\"kind\":\"sale\","
                "\"amount\":50000,\"counter\":7}");
    assert_int_equal(takes(unpaid, 5), GATE_WAIT);
    assert_asks("sale");
}

static void the_same_card_waits_its_time(void **state)
{
    (void)state;
    gate.again_s = 30;
    assert_int_equal(takes(rich, 100), GATE_WAIT);
    assert_int_equal(takes(done, 101), GATE_OPEN);
    assert_int_equal(takes(rich, 130), GATE_CLOSED);
    assert_non_null(strstr(say.say, "29 seconds"));
    assert_int_equal(takes(BALANCE("\"credit\":1"), 130), GATE_CLOSED);
    static const char other[] = "{\"state\":\"done\",\"status\":\"active\",\"card\":"
                                "\"5555666677778888\",\"credit\":50000}";
    assert_int_equal(takes(other, 130), GATE_WAIT); /* another card need not */
    (void)begin(state);
    gate.again_s = 30;
    assert_int_equal(takes(rich, 100), GATE_WAIT);
    assert_int_equal(takes(done, 101), GATE_OPEN);
    assert_int_equal(takes(rich, 131), GATE_WAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_passage_is_a_balance_of_a_fresh_card_and_a_sale, begin),
        cmocka_unit_test_setup(what_was_given_pays_first_and_to_the_rial, begin),
        cmocka_unit_test_setup(blocked_listed_and_refused_cards_stay_out, begin),
        cmocka_unit_test_setup(nobody_there_says_nothing, begin),
        cmocka_unit_test_setup(who_left_in_doubt_is_let_in_once_when_it_turns_out_paid, begin),
        cmocka_unit_test_setup(the_same_card_waits_its_time, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
