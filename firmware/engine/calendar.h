/* calendar.h - local days, the Jalali and the Gregorian date of one, and periods of the Jalali
 * year.
 *
 * Pure. A day is a whole number of local days since 2024-01-01, which is day 0 (11 Dey 1402). Leap
 * years of the Jalali calendar go by the 33-year rule, as in ICU and jcal: a year y is a leap year
 * when (25 y + 11) mod 33 < 8. ICU 78 corrects that by the astronomical calendar, which is Iran's
 * official one, from 1502 on; before, both are the same day by day (tests/vectors/calendar.json was
 * made with it). */
#ifndef FIRMWARE_ENGINE_CALENDAR_H
#define FIRMWARE_ENGINE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/base/status.h"

enum {
    CALENDAR_JALALI_MIN = 1278, /* years that this module serves: 1900-01-01 is in 1278 */
    CALENDAR_JALALI_MAX = 1499,
    CALENDAR_DAYS_1900 = 45290, /* from 1900-01-01 to day 0 */
    CALENDAR_DAYS_1970 = 19723, /* from 1970-01-01 to day 0 */
    CALENDAR_DAY_MIN = -45290,  /* 1900-01-01 */
    CALENDAR_DAY_MAX = 35507,   /* 29 Esfand 1499 */
    CALENDAR_DAY_S = 86400,
    CALENDAR_ZONE_S = 12600, /* Iran's days: UTC+03:30 the year round since 2022 */
};

/* Periods of the Jalali year. Values are in programmes, not on cards. */
enum period { PERIOD_NONE, PERIOD_MONTH, PERIOD_QUARTER, PERIOD_HALF, PERIOD_YEAR };

struct date {
    int16_t year;
    uint8_t month; /* 1..12 */
    uint8_t day;   /* 1..31 */
};

/* Iran's day of a moment, in seconds since 1970; any moment. */
int64_t calendar_day_at(int64_t time_s);

/* True for a date that is in the Jalali calendar, in the years above. */
bool calendar_jalali_is_valid(struct date date);
/* The day of a valid Jalali date; another one is a bug. */
int32_t calendar_day_of_jalali(struct date date);

/* The same of Gregorian dates, in the years 1900 to 2120. */
bool calendar_gregorian_is_valid(struct date date);
int32_t calendar_day_of_gregorian(struct date date);

/* Reads a day as people write it: YYYY-MM-DD or YYYY/MM/DD, Jalali when the year is below 1500,
 * else Gregorian; Persian and Arabic-Indic digits are digits. ST_FOREIGN  no such day. */
ST_CHECK enum st calendar_read(const char *text, int32_t *ret_day);

/* The dates of a day in CALENDAR_DAY_MIN..CALENDAR_DAY_MAX; beyond is a bug. */
struct date calendar_jalali(int32_t day);
struct date calendar_gregorian(int32_t day);

/* 0 = Saturday .. 6 = Friday. Any day. */
uint8_t calendar_weekday(int32_t day);

/* The number of the period that the day is in, counted from 1402-01-01: 0 is the first one. Year:
 * year - 1402; half, quarter, month: 2, 4, 12 of them a year. Before 1402 it is negative.
 * PERIOD_NONE is a bug. */
int32_t calendar_period(enum period period, int32_t day);

/* Days from `today` to the next anniversary, by the Jalali calendar, 0 = today, at most 366. The
 * day is given as on cards, in days since 1900-01-01. The anniversary of 30 Esfand is on 29 Esfand
 * in a year that has no 30th. */
int32_t calendar_days_to_anniversary(uint16_t days_since_1900, int32_t today);
/* Whole Jalali years from that day to `today`; negative when it is yet to come. */
int32_t calendar_years_since(uint16_t days_since_1900, int32_t today);

#endif
