/* Tests of firmware/engine/calendar.h against ICU (tests/vectors/calendar.json), the C library's
 * gmtime_r() and dates from printed calendars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/calendar.h"

static json_t *vectors;

static int load_vectors(void **state)
{
    (void)state;
    vectors = json_load_file("tests/vectors/calendar.json", JSON_REJECT_DUPLICATES, NULL);
    return vectors == NULL ? -1 : 0;
}

static int free_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static void assert_date(struct date date, int year, int month, int day)
{
    if (date.year != year || date.month != month || date.day != day) {
        fail_msg("%d-%d-%d is not %d-%d-%d", date.year, date.month, date.day, year, month, day);
    }
}

static void assert_month(int year, int month, int length, int32_t first)
{
    for (int day = 0; day <= 33; day += 1) {
        struct date date = {(int16_t)year, (uint8_t)month, (uint8_t)day};
        assert_int_equal(calendar_jalali_is_valid(date), day >= 1 && day <= length);
        int32_t at = first + day - 1;
        if (day < 1 || day > length) {
            continue;
        }
        assert_int_equal(calendar_day_of_jalali(date), at);
        if (at >= CALENDAR_DAY_MIN) {
            assert_date(calendar_jalali(at), year, month, day);
        }
    }
}

static void every_day_from_1278_to_1499_is_as_icu_has_it(void **state)
{
    (void)state;
    size_t index;
    json_t *row;
    json_t *years = json_object_get(vectors, "years");
    assert_int_equal(json_array_size(years), CALENDAR_JALALI_MAX - CALENDAR_JALALI_MIN + 1);
    int32_t day = 0;
    json_array_foreach(years, index, row)
    {
        int year = (int)json_integer_value(json_array_get(row, 0));
        day = (int32_t)json_integer_value(json_array_get(row, 1));
        for (int month = 1; month <= 12; month += 1) {
            int length = (int)json_integer_value(
                json_array_get(json_array_get(row, 2), (size_t)(month - 1)));
            assert_true(length >= 29);
            assert_month(year, month, length, day);
            day += length;
        }
    }
    assert_int_equal(day - 1, CALENDAR_DAY_MAX);
    assert_false(calendar_jalali_is_valid((struct date){1277, 1, 1}));
    assert_false(calendar_jalali_is_valid((struct date){1500, 1, 1}));
    assert_false(calendar_jalali_is_valid((struct date){1405, 0, 1}));
    assert_false(calendar_jalali_is_valid((struct date){1405, 13, 1}));
}

static void every_gregorian_date_and_weekday_is_as_the_c_library_has_it(void **state)
{
    (void)state;
    for (int32_t day = CALENDAR_DAY_MIN; day <= CALENDAR_DAY_MAX; day += 1) {
        time_t seconds = (time_t)(INT64_C(1704067200) + INT64_C(86400) * day);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_date(calendar_gregorian(day), tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
        assert_int_equal(calendar_weekday(day), (tm.tm_wday + 1) % 7);
    }
}

/* date -d '2024-01-01 00:00 +0330' +%s */
static void a_day_begins_at_irans_midnight(void **state)
{
    (void)state;
    assert_int_equal(calendar_day_at(1704054600), 0);
    assert_int_equal(calendar_day_at(1704054599), -1);
    assert_int_equal(calendar_day_at(1704054600 + 86400), 1);
    assert_int_equal(calendar_day_at(0), -19723);
    assert_int_equal(calendar_day_at(-12601), -19724);
}

/* From Iran's official calendars: Nowruz 1403 was 2024-03-20, 1404 2025-03-21, 1405 2026-03-21. */
static void nowruz_is_when_iran_kept_it(void **state)
{
    (void)state;
    assert_int_equal(calendar_day_of_jalali((struct date){1402, 10, 11}), 0);
    assert_date(calendar_gregorian(calendar_day_of_jalali((struct date){1403, 1, 1})), 2024, 3, 20);
    assert_date(calendar_gregorian(calendar_day_of_jalali((struct date){1404, 1, 1})), 2025, 3, 21);
    assert_date(calendar_gregorian(calendar_day_of_jalali((struct date){1405, 1, 1})), 2026, 3, 21);
    assert_date(calendar_gregorian(calendar_day_of_jalali((struct date){1357, 11, 22})), 1979, 2,
                11);
}

static void periods_count_from_1402(void **state)
{
    (void)state;
    const struct {
        struct date date;
        int32_t month, quarter, half, year;
    } rows[] = {
        {{1402, 1, 1}, 0, 0, 0, 0},    {{1402, 6, 31}, 5, 1, 0, 0},
        {{1402, 7, 1}, 6, 2, 1, 0},    {{1402, 12, 29}, 11, 3, 1, 0},
        {{1403, 1, 1}, 12, 4, 2, 1},   {{1403, 3, 31}, 14, 4, 2, 1},
        {{1403, 12, 30}, 23, 7, 3, 1}, {{1405, 9, 1}, 44, 14, 7, 3},
        {{1405, 10, 1}, 45, 15, 7, 3}, {{1401, 12, 29}, -1, -1, -1, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i += 1) {
        int32_t day = calendar_day_of_jalali(rows[i].date);
        assert_int_equal(calendar_period(PERIOD_MONTH, day), rows[i].month);
        assert_int_equal(calendar_period(PERIOD_QUARTER, day), rows[i].quarter);
        assert_int_equal(calendar_period(PERIOD_HALF, day), rows[i].half);
        assert_int_equal(calendar_period(PERIOD_YEAR, day), rows[i].year);
    }
}

static int32_t days_to(struct date born, struct date today)
{
    int32_t since_1900 = calendar_day_of_jalali(born) + CALENDAR_DAYS_1900;
    return calendar_days_to_anniversary((uint16_t)since_1900, calendar_day_of_jalali(today));
}

static void an_anniversary_is_the_next_one_by_the_jalali_calendar(void **state)
{
    (void)state;
    assert_int_equal(days_to((struct date){1370, 9, 2}, (struct date){1405, 9, 2}), 0);
    assert_int_equal(days_to((struct date){1370, 9, 2}, (struct date){1405, 9, 1}), 1);
    /* Azar, Dey, Bahman have 30 days, Esfand 1405 has 29: 29 more days of Azar, and so on. */
    assert_int_equal(days_to((struct date){1370, 9, 2}, (struct date){1405, 9, 3}), 364);
    assert_int_equal(days_to((struct date){1370, 9, 2}, (struct date){1407, 9, 3}), 364);
    assert_int_equal(days_to((struct date){1370, 9, 2}, (struct date){1408, 9, 3}), 365);
    assert_int_equal(days_to((struct date){1370, 1, 1}, (struct date){1405, 12, 29}), 1);
    /* Born on 30 Esfand 1375, a leap year: 1403 and 1408 have that day, 1405 has not. */
    assert_int_equal(days_to((struct date){1375, 12, 30}, (struct date){1405, 12, 29}), 0);
    assert_int_equal(days_to((struct date){1375, 12, 30}, (struct date){1405, 12, 28}), 1);
    assert_int_equal(days_to((struct date){1375, 12, 30}, (struct date){1408, 12, 29}), 1);
    assert_int_equal(days_to((struct date){1375, 12, 30}, (struct date){1408, 12, 30}), 0);
    assert_int_equal(days_to((struct date){1375, 12, 30}, (struct date){1406, 1, 1}), 364);
    assert_int_equal(
        calendar_days_to_anniversary(1, calendar_day_of_jalali((struct date){1405, 10, 12})), 0);
}

static void days_read_as_people_write_them(void **state)
{
    static const struct {
        const char *text;
        int year, month, day; /* Gregorian, from printed calendars */
    } right[] = {{"1357-11-22", 1979, 2, 11}, {"1365/01/01", 1986, 3, 21},
                 {"۱۴۰۳-۱۲-۳۰", 2025, 3, 20}, {"٢٠٢٤/٠٢/٢٩", 2024, 2, 29},
                 {"1900-01-01", 1900, 1, 1},  {"2000-02-29", 2000, 2, 29}};
    static const char *const wrong[] = {"",           "1404-12-30", "1900-02-29",  "2023-02-29",
                                        "2024-2-29",  "2024-02/29", "2024-02-29 ", "24-02-29",
                                        "2024-13-01", "2024-00-10", "2121-01-01",  "1500-01-01",
                                        "1899-12-31", "2024-02-00", "\xdb",        "2024-02-2\xd9"};
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof *right; i += 1) {
        int32_t day = 0;
        assert_int_equal(calendar_read(right[i].text, &day), ST_OK);
        assert_date(calendar_gregorian(day), right[i].year, right[i].month, right[i].day);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i += 1) {
        int32_t day = 77;
        if (calendar_read(wrong[i], &day) != ST_FOREIGN || day != 77) {
            fail_msg("\"%s\" was read", wrong[i]);
        }
    }
    for (int32_t day = CALENDAR_DAY_MIN; day <= 35000; day += 1) {
        assert_int_equal(calendar_day_of_gregorian(calendar_gregorian(day)), day);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_begins_at_irans_midnight),
        cmocka_unit_test(every_day_from_1278_to_1499_is_as_icu_has_it),
        cmocka_unit_test(every_gregorian_date_and_weekday_is_as_the_c_library_has_it),
        cmocka_unit_test(nowruz_is_when_iran_kept_it),
        cmocka_unit_test(periods_count_from_1402),
        cmocka_unit_test(an_anniversary_is_the_next_one_by_the_jalali_calendar),
        cmocka_unit_test(days_read_as_people_write_them),
    };
    return cmocka_run_group_tests_name("calendar", tests, load_vectors, free_vectors);
}
