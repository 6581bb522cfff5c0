/* What came from the club, as the till's answer has it: fields, and lines in two languages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/terminal/till_arrived.h"
#include "firmware/terminal/till_wire.h"

static const struct programme in_toman = {
    .unit = UNIT_TOMAN, .tier_count = 2, .tiers = {{.id = "silver"}, {.id = "gold", .from = 5}}};

static void add(struct tap_answer *answer, enum action_kind kind, enum action_origin origin,
                int64_t moved, uint16_t value, const char *text)
{
    struct tap_arrived *arrived = &answer->arrived[answer->arrived_count++];
    assert_true(answer->arrived_count <= TAP_ARRIVED_MAX);
    *arrived = (struct tap_arrived){
        .action = {.kind = kind,
                   .origin = origin,
                   .number = (uint16_t)answer->arrived_count,
                   .value = value,
                   .amount = moved},
        .moved = moved,
    };
    memcpy(arrived->action.text, text, strlen(text) + 1);
}

/* The field of the encoded answer, as compact JSON; the caller frees it. */
static char *field_of(const struct tap_answer *answer, const char *name)
{
    static char line[TILL_ANSWER_MAX];
    (void)till_encode_answer(answer, line);
    json_t *object = json_loads(line, 0, NULL);
    assert_non_null(object);
    char *text = json_dumps(json_object_get(object, name), JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(object);
    return text;
}

static void assert_field(const struct tap_answer *answer, const char *name, const char *expected)
{
    char *text = field_of(answer, name);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void each_that_came_has_its_field_and_its_line(void **unused)
{
    (void)unused;
    struct tap_answer answer = {.outcome = TAP_DONE, .programme = &in_toman};
    add(&answer, ACTION_CREDIT, ORIGIN_BANK, 500000, 0, "Nowruz");
    add(&answer, ACTION_POINTS, ORIGIN_PRIZE, 30, 0, "");
    add(&answer, ACTION_TAKE_CREDIT, ORIGIN_CORRECTION, 1000, 0, "");
    add(&answer, ACTION_TIER, ORIGIN_WEB, 0, 2, "");
    answer.arrived_more = 3;
    assert_field(
        &answer, "arrived",
        "[{\"number\":1,\"kind\":\"credit\",\"origin\":\"bank\",\"amount\":500000,"
        "\"text\":\"Nowruz\"},"
        "{\"number\":2,\"kind\":\"points\",\"origin\":\"prize\",\"amount\":30},"
        "{\"number\":3,\"kind\":\"take_credit\",\"origin\":\"correction\",\"amount\":1000},"
        "{\"number\":4,\"kind\":\"tier\",\"origin\":\"web\",\"amount\":0,\"value\":2}]");
    assert_field(&answer, "arrived_more", "3");
    assert_field(&answer, "lang", "\"en\"");
    assert_field(
        &answer, "lines",
        "[{\"kind\":\"arrived\",\"text\":\"Nowruz: credit\",\"result\":\"50,000 toman\"},"
        "{\"kind\":\"arrived\",\"text\":\"Prize: points\",\"result\":\"30 points\"},"
        "{\"kind\":\"arrived\",\"text\":\"Correction: credit taken off\",\"result\":\"100 toman\"},"
        "{\"kind\":\"arrived\",\"text\":\"On the web: tier\",\"result\":\"gold\"}]");
    answer.language = EXPLAIN_FA;
    assert_field(
        &answer, "lines",
        "[{\"kind\":\"arrived\",\"text\":\"Nowruz: اعتبار\",\"result\":\"۵۰٬۰۰۰ تومان\"},"
        "{\"kind\":\"arrived\",\"text\":\"جایزه: امتیاز\",\"result\":\"۳۰ امتیاز\"},"
        "{\"kind\":\"arrived\",\"text\":\"اصلاح: برداشت از اعتبار\",\"result\":\"۱۰۰ تومان\"},"
        "{\"kind\":\"arrived\",\"text\":\"از وب: سطح\",\"result\":\"gold\"}]");
}

/* A balance at a terminal that has no programme. */
static void without_a_programme_amounts_are_rials(void **unused)
{
    (void)unused;
    struct tap_answer answer = {.outcome = TAP_DONE};
    add(&answer, ACTION_GIFT, ORIGIN_TRANSFER, 1234, 0, "");
    add(&answer, ACTION_GROUP, ORIGIN_GROUP_CHARGE, 0, 7, "");
    add(&answer, ACTION_STAMPS, ORIGIN_IMPORT, 0, 0, "");
    add(&answer, ACTION_UNBLOCK, ORIGIN_REFUND, 0, 0, "");
    add(&answer, ACTION_PARTICULARS, ORIGIN_CORRECTION, 0, 0, "");
    assert_field(&answer, "lines",
                 "[{\"kind\":\"arrived\",\"text\":\"Transfer: gift credit\",\"result\":\"1,234 "
                 "rials\"},"
                 "{\"kind\":\"arrived\",\"text\":\"Group charge: group\",\"result\":\"7\"},"
                 "{\"kind\":\"arrived\",\"text\":\"Carried over: stamps\",\"result\":\"0\"},"
                 "{\"kind\":\"arrived\",\"text\":\"Refund: the card is free again\"},"
                 "{\"kind\":\"arrived\",\"text\":\"Correction: the card's particulars are new\"}]");
}

static void nothing_came_and_nothing_is_said(void **unused)
{
    (void)unused;
    struct tap_answer answer = {.outcome = TAP_DONE};
    static const char *const names[] = {"arrived", "arrived_more", "waits", "lines", "lang"};
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        char *text = field_of(&answer, names[n]);
        assert_null(text);
        free(text);
    }
    fault_say(&answer.waits.say, "Wait.");
    assert_field(&answer, "waits", "\"Wait.\"");
}

static size_t bytes_of(const struct tap_answer *answer)
{
    static char line[TILL_ANSWER_MAX];
    return till_encode_answer(answer, line);
}

static void the_most_that_can_come_has_room(void **unused)
{
    (void)unused;
    struct tap_answer answer = {.outcome = TAP_DONE, .programme = &in_toman};
    size_t longest = 0;
    const size_t empty = bytes_of(&answer);
    for (int kind = ACTION_CREDIT; kind <= ACTION_LAYOUT; kind++) {
        for (int language = EXPLAIN_EN; language <= EXPLAIN_FA; language++) {
            answer.arrived_count = 0;
            answer.arrived_more = 4095;
            answer.language = (enum explain_language)language;
            memset(answer.waits.say.say, '"', sizeof answer.waits.say.say - 1);
            while (answer.arrived_count < TAP_ARRIVED_MAX) {
                add(&answer, (enum action_kind)kind, ORIGIN_ACCRUAL, MONEY_MAX_RIALS, 255,
                    "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"");
            }
            const size_t bytes = bytes_of(&answer) - empty;
            longest = bytes > longest ? bytes : longest;
        }
    }
    print_message("# the most that can come takes %zu bytes\n", longest);
    assert_true(longest <= TILL_ARRIVED_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_that_came_has_its_field_and_its_line),
        cmocka_unit_test(without_a_programme_amounts_are_rials),
        cmocka_unit_test(nothing_came_and_nothing_is_said),
        cmocka_unit_test(the_most_that_can_come_has_room),
    };
    return cmocka_run_group_tests_name("test_till_arrived", tests, NULL, NULL);
}
