#include "firmware/engine/calendar.h"

#include <assert.h>

enum {
    MONTH_MAX = 12,
    /* 1 Farvardin 1402 is 2023-03-21, 286 days before day 0. */
    DAY_OF_1402 = -286,
    FIRST_PERIOD_YEAR = 1402,
    DAYS_OF_FIRST_HALF = 6 * 31,
};

static bool is_leap(int32_t year)
{
    return (25 * year + 11) % 33 < 8;
}

/* Leap years before `year`, from year 1 on: the rule summed up. */
static int32_t leaps_before(int32_t year)
{
    return (8 * year + 21) / 33;
}

static int32_t first_day(int32_t year)
{
    return DAY_OF_1402 + 365 * (year - FIRST_PERIOD_YEAR) + leaps_before(year) -
           leaps_before(FIRST_PERIOD_YEAR);
}

static uint8_t days_of_month(int32_t year, uint8_t month)
{
    if (month <= 6) {
        return 31;
    }
    return month < MONTH_MAX || is_leap(year) ? 30 : 29;
}

int64_t calendar_day_at(int64_t time_s)
{
    const int64_t local_s = time_s + CALENDAR_ZONE_S;
    const int64_t day = local_s / CALENDAR_DAY_S - (local_s % CALENDAR_DAY_S < 0);
    return day - CALENDAR_DAYS_1970;
}

bool calendar_jalali_is_valid(struct date date)
{
    return date.year >= CALENDAR_JALALI_MIN && date.year <= CALENDAR_JALALI_MAX &&
           date.month >= 1 && date.month <= MONTH_MAX && date.day >= 1 &&
           date.day <= days_of_month(date.year, date.month);
}

int32_t calendar_day_of_jalali(struct date date)
{
    assert(calendar_jalali_is_valid(date));
    int32_t before = date.month <= 6 ? 31 * (date.month - 1) : 30 * (date.month - 1) + 6;
    return first_day(date.year) + before + date.day - 1;
}

struct date calendar_jalali(int32_t day)
{
    assert(day >= CALENDAR_DAY_MIN && day <= CALENDAR_DAY_MAX);

    /* A year is at least 365 days long, so this is the year or a later one. */
    int32_t year = CALENDAR_JALALI_MIN + (day - first_day(CALENDAR_JALALI_MIN)) / 365;
    while (first_day(year) > day) {
        year -= 1;
    }
    int32_t left = day - first_day(year);
    if (left < DAYS_OF_FIRST_HALF) {
        return (struct date){(int16_t)year, (uint8_t)(1 + left / 31), (uint8_t)(1 + left % 31)};
    }
    left -= DAYS_OF_FIRST_HALF;
    return (struct date){(int16_t)year, (uint8_t)(7 + left / 30), (uint8_t)(1 + left % 30)};
}

/* --- Gregorian: the year is reckoned from 1 March, so that a leap day is its last; 0000-03-01 is
 * the origin --- */

enum {
    DAY_0_FROM_MARCH_0000 = 739191,
    DAYS_OF_400 = 146097,
    DAYS_OF_100 = 36524,
    GREGORIAN_MIN = 1900,
    GREGORIAN_MAX = 2120,
};

bool calendar_gregorian_is_valid(struct date date)
{
    static const uint8_t days[MONTH_MAX] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap_year = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
    return date.year >= GREGORIAN_MIN && date.year <= GREGORIAN_MAX && date.month >= 1 &&
           date.month <= MONTH_MAX && date.day >= 1 &&
           date.day <= days[date.month - 1] + (date.month == 2 && is_leap_year ? 1 : 0);
}

int32_t calendar_day_of_gregorian(struct date date)
{
    assert(calendar_gregorian_is_valid(date));
    const int32_t year = date.month <= 2 ? date.year - 1 : date.year;
    const int32_t month = (date.month + 9) % 12;
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + date.day - 1 -
           DAY_0_FROM_MARCH_0000;
}

/* The value of the digit at *at, which then moves behind it; -1: none. */
static int take_digit(const char **at)
{
    const uint8_t *bytes = (const uint8_t *)*at;
    if (bytes[0] >= '0' && bytes[0] <= '9') {
        *at += 1;
        return bytes[0] - '0';
    }
    /* U+0660..0669 are D9 A0..A9, U+06F0..06F9 are DB B0..B9. */
    const int first = bytes[0] == 0xD9 ? 0xA0 : bytes[0] == 0xDB ? 0xB0 : 0;
    if (first != 0 && bytes[1] >= first && bytes[1] <= first + 9) {
        *at += 2;
        return bytes[1] - first;
    }
    return -1;
}

/* A number of `digits` digits; -1: none. */
static int16_t take_number(const char **at, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i += 1) {
        const int digit = take_digit(at);
        if (digit < 0) {
            return -1;
        }
        value = 10 * value + digit;
    }
    return (int16_t)value;
}

static bool take_separator(const char **at, char separator)
{
    const bool is_there = **at == separator;
    *at += is_there ? 1 : 0;
    return is_there;
}

enum st calendar_read(const char *text, int32_t *ret_day)
{
    const char *at = text;
    struct date date = {.year = take_number(&at, 4)};
    const char separator = *at == '/' ? '/' : '-';
    const int16_t month = take_separator(&at, separator) ? take_number(&at, 2) : -1;
    const int16_t day = take_separator(&at, separator) ? take_number(&at, 2) : -1;
    if (date.year < 0 || month < 0 || day < 0 || *at != '\0') {
        return ST_FOREIGN;
    }
    date.month = (uint8_t)month;
    date.day = (uint8_t)day;
    if (calendar_jalali_is_valid(date)) {
        *ret_day = calendar_day_of_jalali(date);
        return ST_OK;
    }
    if (calendar_gregorian_is_valid(date)) {
        *ret_day = calendar_day_of_gregorian(date);
        return ST_OK;
    }
    return ST_FOREIGN;
}

struct date calendar_gregorian(int32_t day)
{
    assert(day >= CALENDAR_DAY_MIN && day <= CALENDAR_DAY_MAX);

    int32_t left = day + DAY_0_FROM_MARCH_0000;
    int32_t year = 400 * (left / DAYS_OF_400);
    left %= DAYS_OF_400;
    int32_t hundreds = left / DAYS_OF_100 < 4 ? left / DAYS_OF_100 : 3;
    left -= hundreds * DAYS_OF_100;
    int32_t fours = left / 1461;
    left %= 1461;
    int32_t ones = left / 365 < 4 ? left / 365 : 3;
    left -= ones * 365;
    year += 100 * hundreds + 4 * fours + ones;

    /* Months from March have 31 30 31 30 31 days twice, then 31 and the rest: 153 days in five. */
    int32_t month = (5 * left + 2) / 153;
    left -= (153 * month + 2) / 5;
    return (struct date){(int16_t)(month < 10 ? year : year + 1),
                         (uint8_t)(month < 10 ? month + 3 : month - 9), (uint8_t)(left + 1)};
}

uint8_t calendar_weekday(int32_t day)
{
    /* Day 0 was a Monday. */
    return (uint8_t)(((day % 7) + 7 + 2) % 7);
}

int32_t calendar_period(enum period period, int32_t day)
{
    struct date date = calendar_jalali(day);
    int32_t year = date.year - FIRST_PERIOD_YEAR;
    int32_t month = date.month - 1;

    switch (period) {
    case PERIOD_MONTH:
        return 12 * year + month;
    case PERIOD_QUARTER:
        return 4 * year + month / 3;
    case PERIOD_HALF:
        return 2 * year + month / 6;
    case PERIOD_YEAR:
        return year;
    case PERIOD_NONE:
        break;
    }
    bool is_period = false;
    assert(is_period);
    return 0;
}

/* The day of the anniversary in `year`. */
static int32_t anniversary(struct date date, int16_t year)
{
    uint8_t last = days_of_month(year, date.month);
    return calendar_day_of_jalali(
        (struct date){year, date.month, date.day < last ? date.day : last});
}

int32_t calendar_days_to_anniversary(uint16_t days_since_1900, int32_t today)
{
    struct date date = calendar_jalali((int32_t)days_since_1900 - CALENDAR_DAYS_1900);
    int16_t year = calendar_jalali(today).year;
    int32_t day = anniversary(date, year);
    assert(day >= today || year < CALENDAR_JALALI_MAX);
    return (day >= today ? day : anniversary(date, (int16_t)(year + 1))) - today;
}

int32_t calendar_years_since(uint16_t days_since_1900, int32_t today)
{
    const struct date from = calendar_jalali((int32_t)days_since_1900 - CALENDAR_DAYS_1900);
    const struct date to = calendar_jalali(today);
    const bool is_short = to.month < from.month || (to.month == from.month && to.day < from.day);
    return to.year - from.year - (is_short ? 1 : 0);
}
