#include "server/business_day.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { JALALI_YEARS_END = 1500 };

int64_t business_day(int64_t time_s)
{
    return calendar_day_at(time_s) + CALENDAR_DAYS_1970;
}

int64_t business_day_end(int64_t day)
{
    return (day + 1) * BUSINESS_DAY_S - BUSINESS_ZONE_S - 1;
}

int64_t business_month(int64_t time_s)
{
    const time_t local = (time_t)(time_s + BUSINESS_ZONE_S);
    struct tm tm;
    if (gmtime_r(&local, &tm) == NULL) {
        return 0;
    }
    return (tm.tm_year + INT64_C(1900)) * 100 + tm.tm_mon + 1;
}

/* "YYYY-MM-DD", digits only. */
static bool read_date(const char *text, struct date *ret)
{
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-' ||
        strspn(text, "0123456789-") != 10) {
        return false;
    }
    int year = 0, month = 0, day = 0;
    if (sscanf(text, "%4d-%2d-%2d", &year, &month, &day) != 3 || year < 0 || month < 1 || day < 1) {
        return false;
    }
    *ret = (struct date){(int16_t)year, (uint8_t)month, (uint8_t)day};
    return true;
}

enum st business_day_read(const char *text, int64_t *ret_day, struct fault *fault)
{
    struct date date;
    if (!read_date(text, &date)) {
        fault_say(fault, "\"%.40s\" is not a day: write it as 2026-11-22, or 1405-09-01.", text);
        return ST_FOREIGN;
    }
    int64_t day = BUSINESS_DAY_MIN - 1;
    if (date.year < JALALI_YEARS_END && calendar_jalali_is_valid(date)) {
        day = calendar_day_of_jalali(date) + CALENDAR_DAYS_1970;
    } else if (date.year >= JALALI_YEARS_END) {
        struct tm tm = {.tm_year = date.year - 1900, .tm_mon = date.month - 1, .tm_mday = date.day};
        day = (int64_t)timegm(&tm) / BUSINESS_DAY_S;
        char again[BUSINESS_DAY_TEXT]; /* 2026-02-30 has become 2 March by now */
        if (day >= BUSINESS_DAY_MIN && day <= BUSINESS_DAY_MAX) {
            business_day_text(day, again);
            day = strcmp(again, text) == 0 ? day : BUSINESS_DAY_MIN - 1;
        }
    }
    if (day < BUSINESS_DAY_MIN || day > BUSINESS_DAY_MAX) {
        fault_say(fault, "There is no day %.40s.", text);
        return ST_FOREIGN;
    }
    *ret_day = day;
    return ST_OK;
}

enum st business_day_read_card(const char *text, uint16_t *ret, struct fault *fault)
{
    int64_t day = BUSINESS_DAY_MIN;
    const enum st st = strcmp(text, "none") == 0 ? ST_OK : business_day_read(text, &day, fault);
    if (st == ST_OK && day - BUSINESS_DAY_MIN > UINT16_MAX) {
        fault_say(fault, "A card has no room for the day %.40s.", text);
        return ST_FOREIGN;
    }
    if (st == ST_OK) {
        *ret = (uint16_t)(day - BUSINESS_DAY_MIN);
    }
    return st;
}

static void write_date(struct date date, char ret[BUSINESS_DAY_TEXT])
{
    /* Years have four digits; the widths are said so that the compiler knows, too. */
    (void)snprintf(ret, BUSINESS_DAY_TEXT, "%04u-%02u-%02u", (unsigned)date.year % 10000u,
                   date.month % 100u, date.day % 100u);
}

void business_day_text(int64_t day, char ret[BUSINESS_DAY_TEXT])
{
    assert(day >= BUSINESS_DAY_MIN && day <= BUSINESS_DAY_MAX);
    write_date(calendar_gregorian((int32_t)(day - CALENDAR_DAYS_1970)), ret);
}

void business_day_jalali(int64_t day, char ret[BUSINESS_DAY_TEXT])
{
    assert(day >= BUSINESS_DAY_MIN && day <= BUSINESS_DAY_MAX);
    write_date(calendar_jalali((int32_t)(day - CALENDAR_DAYS_1970)), ret);
}

void business_day_card_text(uint16_t day, char ret[BUSINESS_DAY_TEXT])
{
    if (day == 0) {
        (void)snprintf(ret, BUSINESS_DAY_TEXT, "none");
    } else {
        business_day_text(day + BUSINESS_DAY_MIN, ret);
    }
}
