/* test_till_transfers.c - the till's lines about transfers that wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/terminal/till_wire.h"

static enum st decode(const char *line, struct till_request *ret)
{
    struct fault fault = {{0}};
    enum st st = till_decode(line, strlen(line), ret, &fault);
    assert_true((st == ST_OK) == (fault.say[0] == '\0'));
    return st;
}

static void a_release_names_a_transfer_and_perhaps_a_card(void **unused)
{
    (void)unused;
    static const char *const wrong[] = {
        "{\"v\":1,\"do\":\"release\"}",
        "{\"v\":1,\"do\":\"release\",\"number\":0}",
        "{\"v\":1,\"do\":\"release\",\"number\":16777216}",
        "{\"v\":1,\"do\":\"release\",\"number\":\"7\"}",
        "{\"v\":1,\"do\":\"release\",\"number\":7,\"amount\":5}",
        "{\"v\":1,\"do\":\"release\",\"number\":7,\"to\":\"9364000001000001\"}",
        "{\"v\":1,\"do\":\"release\",\"number\":7,\"to\":\"93640000\"}",
        "{\"v\":1,\"do\":\"transfers\",\"number\":7}",
        "{\"v\":1,\"do\":\"transfers\",\"to\":\"9364000001000000\"}",
        "{\"v\":1,\"do\":\"transfer\",\"amount\":5,\"number\":7}",
        "{\"v\":1,\"do\":\"unlock\",\"number\":7,\"to\":\"9364000001000000\"}",
    };
    static struct till_request got;
    assert_int_equal(
        decode("{\"v\":1,\"do\":\"release\",\"number\":16777215,\"operator\":9}", &got), ST_OK);
    assert_int_equal(got.desk.what, DESK_RELEASE);
    assert_int_equal(got.desk.number, 16777215);
    assert_int_equal(got.desk.tap.operator_no, 9);
    assert_true(got.desk.card_number == 0);
    assert_int_equal(
        decode("{\"v\":1,\"do\":\"release\",\"number\":7,\"to\":\"9364000001000000\"}", &got),
        ST_OK);
    assert_true(got.desk.card_number == UINT64_C(9364000001000000));
    assert_int_equal(decode("{\"v\":1,\"do\":\"transfers\",\"wait_ms\":5}", &got), ST_OK);
    assert_int_equal(got.desk.what, DESK_WAITING);
    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
        if (decode(wrong[n], &got) != ST_FOREIGN) {
            fail_msg("taken: %s", wrong[n]);
        }
    }
}

static void the_longest_list_fits_into_an_answer(void **unused)
{
    (void)unused;
    static struct desk_answer answer;
    static char line[TILL_ANSWER_MAX];
    answer = (struct desk_answer){.has_waiting = true};
    answer.waiting.count = WAITING_MAX;
    answer.waiting.sums =
        (struct waiting_sums){.count = UINT32_MAX, .amount = {INT64_MAX}, .oldest_s = 1};
    for (size_t n = 0; n < WAITING_MAX; n++) {
        answer.waiting.rows[n] = (struct waiting){.sequence = (uint32_t)((1 << 24) - 1),
                                                  .since_s = INT64_C(253402300799),
                                                  .amount = {MONEY_MAX_RIALS},
                                                  .card_number = UINT64_C(9999999999999995),
                                                  .state = WAITING_IN_DOUBT};
    }
    const size_t size = till_encode_waiting(&answer, line);
    assert_true(size < TILL_ANSWER_MAX);
    json_t *object = json_loadb(line, size, 0, NULL);
    const json_t *rows = json_object_get(object, "waiting");
    const json_t *last = json_array_get(rows, WAITING_MAX - 1);
    assert_int_equal(json_array_size(rows), WAITING_MAX);
    assert_true(json_integer_value(json_object_get(object, "transfers")) == UINT32_MAX);
    assert_true(json_integer_value(json_object_get(last, "amount")) == 68719476735);
    assert_string_equal(json_string_value(json_object_get(last, "card")), "9999999999999995");
    assert_string_equal(json_string_value(json_object_get(last, "state")), "in_doubt");
    json_decref(object);
}

static void a_release_says_what_goes_where(void **unused)
{
    (void)unused;
    static struct desk_answer answer;
    static char line[TILL_ANSWER_MAX];
    answer = (struct desk_answer){.has_release = true};
    answer.release = (struct handover){.sequence = 12,
                                       .card_number = UINT64_C(9364000001000000),
                                       .entry = 40,
                                       .amount = {300000},
                                       .is_earlier = true};
    json_t *object = json_loadb(line, till_encode_release(&answer, line), 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(object, "sequence")), 12);
    assert_int_equal(json_integer_value(json_object_get(object, "amount")), 300000);
    assert_int_equal(json_integer_value(json_object_get(object, "entry")), 40);
    assert_string_equal(json_string_value(json_object_get(object, "to")), "9364000001000000");
    assert_true(json_is_true(json_object_get(object, "earlier")));
    assert_string_equal(json_string_value(json_object_get(object, "state")), "done");
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_names_a_transfer_and_perhaps_a_card),
        cmocka_unit_test(the_longest_list_fits_into_an_answer),
        cmocka_unit_test(a_release_says_what_goes_where),
    };
    return cmocka_run_group_tests_name("till_transfers", tests, NULL, NULL);
}
