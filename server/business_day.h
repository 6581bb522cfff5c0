/* business_day.h - the club's business days: Iran's, UTC+03:30 the year round since 2022.
 *
 * Pure. A day is counted from 1970-01-01, as in the ledger's `jrn.day`. People may say a day by
 * either calendar; both are written out. */
#ifndef SERVER_BUSINESS_DAY_H
#define SERVER_BUSINESS_DAY_H

#include <stdint.h>

#include "firmware/engine/calendar.h"
#include "hal/base/status.h"

enum {
    BUSINESS_DAY_S = CALENDAR_DAY_S,
    BUSINESS_ZONE_S = CALENDAR_ZONE_S,
    BUSINESS_DAY_TEXT = 11, /* "2026-11-22" and a NUL */
    /* The days that have a date here: 1900-01-01 to 29 Esfand 1499. */
    BUSINESS_DAY_MIN = CALENDAR_DAY_MIN + CALENDAR_DAYS_1970,
    BUSINESS_DAY_MAX = CALENDAR_DAY_MAX + CALENDAR_DAYS_1970,
};

/* The day of a moment, in seconds since 1970. */
int64_t business_day(int64_t time_s);
/* Its last second. */
int64_t business_day_end(int64_t day);
/* 202611 for November 2026, by the business day: any moment. */
int64_t business_month(int64_t time_s);

/* "2026-11-22" or, when the year is below 1500, by the Jalali calendar "1405-09-01".
 * ST_FOREIGN  no such day: the fault says so. */
ST_CHECK enum st business_day_read(const char *text, int64_t *ret_day, struct fault *fault);
/* A day as cards have it: days since 1900-01-01; "none": 0, not given. ST_FOREIGN as above. */
ST_CHECK enum st business_day_read_card(const char *text, uint16_t *ret, struct fault *fault);
/* And back: the date, or "none". */
void business_day_card_text(uint16_t day, char ret[BUSINESS_DAY_TEXT]);
/* The date of a day in BUSINESS_DAY_MIN..MAX. */
void business_day_text(int64_t day, char ret[BUSINESS_DAY_TEXT]);
void business_day_jalali(int64_t day, char ret[BUSINESS_DAY_TEXT]);

#endif
