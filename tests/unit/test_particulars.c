/* Tests of firmware/engine/particulars.h: what a member says, field by field, and its bytes, which
 * were put together by hand from docs/journal.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/particulars.h"
#include "hal/base/bytes.h"

static void set(struct particulars *particulars, const char *field, const char *text)
{
    struct fault fault;
    assert_int_equal(particulars_set(particulars, field, text, &fault), ST_OK);
}

/* Sara Ahmadi, born 1 Farvardin 1365 = 1986-03-21, which is day 31490; married 2010-10-15 = 40464.
 */
static void fill(struct particulars *ret)
{
    particulars_init(ret);
    set(ret, "name", "سارا احمدی");
    set(ret, "national_code", "۰۰۱۲۳۴۵۶۷۹");
    set(ret, "phone", "+98 912 123 4567");
    set(ret, "birthday", "1365/01/01");
    set(ret, "wedding", "2010-10-15");
    set(ret, "expires", "1408-12-29");
    set(ret, "account", "partner");
    set(ret, "route", "invitation");
    set(ret, "consent", "all");
    set(ret, "invited_by", "9364000001000000");
    set(ret, "group", "7");
    set(ret, "kind", "2");
}

static void fields_read_back_in_one_form(void **state)
{
    static const char *const expected[][2] = {{"name", "سارا احمدی"},
                                              {"national_code", "0012345679"},
                                              {"phone", "09121234567"},
                                              {"birthday", "1986-03-21"},
                                              {"wedding", "2010-10-15"},
                                              {"expires", "2030-03-19"},
                                              {"group", "7"},
                                              {"kind", "2"},
                                              {"account", "partner"},
                                              {"route", "invitation"},
                                              {"consent", "all"},
                                              {"invited_by", "9364000001000000"}};
    struct particulars particulars;
    char text[PARTICULARS_FIELD_MAX];
    (void)state;
    fill(&particulars);
    assert_true(particulars_are_valid(&particulars));
    assert_int_equal(particulars.birthday, 31490);
    assert_int_equal(particulars.wedding, 40464);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i += 1) {
        assert_string_equal(particulars_field(i), expected[i][0]);
        assert_int_equal(particulars_get(&particulars, expected[i][0], text), ST_OK);
        assert_string_equal(text, expected[i][1]);
    }
    assert_null(particulars_field(sizeof expected / sizeof *expected));
    assert_int_equal(particulars_get(&particulars, "shoe_size", text), ST_UNSUPPORTED);
}

static void the_image_is_as_the_journal_page_says(void **state)
{
    /* version, account, route, consent, group, kind; days; 9364000001000000 = 0x21448225bc8240 */
    static const char head[] = "010404030702"
                               "027b"
                               "109e"
                               "c7b9"
                               "4082bc2582442100";
    struct particulars particulars, again;
    uint8_t bytes[PARTICULARS_BYTES], expected[PARTICULARS_BYTES] = {0};
    (void)state;
    fill(&particulars);
    assert_int_equal(hex_decode(head, expected, 20), ST_OK);
    memcpy(expected + 20,
           "0012345679"
           "09121234567"
           "سارا احمدی",
           40);
    particulars_encode(&particulars, bytes);
    assert_memory_equal(bytes, expected, sizeof bytes);
    assert_int_equal(particulars_decode(bytes, &again), ST_OK);
    assert_memory_equal(&again, &particulars, sizeof again);
}

static void no_other_image_is_read(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {{0, 2},     {1, 0},    {1, 6},     {2, 0},    {2, 8},
                 {3, 4},     {5, 16},   {12, 1},    {29, '8'}, {31, '8'},
                 {41, 0x1B}, {61, 'x'}, {136, 'x'}, {137, 1},  {159, 1}};
    struct particulars particulars;
    uint8_t bytes[PARTICULARS_BYTES];
    (void)state;
    fill(&particulars);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i += 1) {
        particulars_encode(&particulars, bytes);
        bytes[wrong[i].at] = wrong[i].value;
        struct particulars found = {.account = 99};
        if (particulars_decode(bytes, &found) != ST_FOREIGN) {
            fail_msg("byte %zu as %u was read", wrong[i].at, wrong[i].value);
        }
        assert_int_equal(found.account, 99);
    }
}

static void what_is_wrong_is_said_and_never_repeated(void **state)
{
    static const char *const wrong[][3] = {
        {"national_code", "0012345678", "check digit"},
        {"national_code", "123", "10 digits"},
        {"phone", "0912123456", "digits"},
        {"birthday", "1986-02-30", "YYYY-MM-DD"},
        {"birthday", "1367-12-30", "Jalali"}, /* 1366 is the leap year */
        {"birthday", "86-03-21", "YYYY-MM-DD"},
        {"birthday", "1986-3-21", "YYYY-MM-DD"},
        {"birthday", "1900-01-01", "1900-01-02"},
        {"wedding", "2079-06-07", "2079-06-06"},
        {"account", "boss", "customer, colleague, agent, partner, staff"},
        {"route", "door", "counter, web, app"},
        {"consent", "maybe", "none, membership, messages, all"},
        {"group", "256", "0 to 255"},
        {"group", "gold", "0 to 255"},
        {"kind", "16", "0 to 15"},
        {"invited_by", "9364000001000001", "16 digits"},
        {"name", "a\tb", "control"},
        {"name", "\xff", "control"}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i += 1) {
        struct particulars particulars;
        struct fault fault = {{0}};
        particulars_init(&particulars);
        const enum st st = particulars_set(&particulars, wrong[i][0], wrong[i][1], &fault);
        assert_int_equal(st, ST_FOREIGN);
        if (strstr(fault.say, wrong[i][2]) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", wrong[i][0], fault.say, wrong[i][2]);
        }
        assert_null(strstr(fault.say, wrong[i][1]));
    }
}

static void a_bank_card_is_no_name_and_a_strange_field_no_field(void **state)
{
    struct particulars particulars;
    struct fault fault;
    (void)state;
    particulars_init(&particulars);
    assert_int_equal(particulars_set(&particulars, "name", "4111111111111111", &fault), ST_REFUSED);
    assert_int_equal(particulars_set(&particulars, "shoe_size", "43", &fault), ST_UNSUPPORTED);
    char longest[PARTICULARS_NAME_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[PARTICULARS_NAME_MAX + 1] = '\0';
    assert_int_equal(particulars_set(&particulars, "name", longest, &fault), ST_FOREIGN);
    longest[PARTICULARS_NAME_MAX] = '\0';
    set(&particulars, "name", longest);
    assert_true(particulars_are_valid(&particulars));
}

static void an_empty_text_clears_a_field(void **state)
{
    struct particulars particulars, empty;
    (void)state;
    particulars_init(&empty);
    assert_true(particulars_are_empty(&empty));
    fill(&particulars);
    assert_false(particulars_are_empty(&particulars));
    for (size_t i = 0; particulars_field(i) != NULL; i += 1) {
        set(&particulars, particulars_field(i), "");
    }
    assert_memory_equal(&particulars, &empty, sizeof empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_read_back_in_one_form),
        cmocka_unit_test(the_image_is_as_the_journal_page_says),
        cmocka_unit_test(no_other_image_is_read),
        cmocka_unit_test(what_is_wrong_is_said_and_never_repeated),
        cmocka_unit_test(a_bank_card_is_no_name_and_a_strange_field_no_field),
        cmocka_unit_test(an_empty_text_clears_a_field),
    };
    return cmocka_run_group_tests_name("particulars", tests, NULL, NULL);
}
