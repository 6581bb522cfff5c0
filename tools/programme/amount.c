#include "tools/programme/amount.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "firmware/engine/calendar.h"

enum { PLAIN_MAX = 64, MINUTES_OF_A_DAY = 1440, MINUTE_MAX = (1 << 24) - 1 };

/* The text with digits and separators of Persian and Arabic as Latin ones. False: too long. */
static bool plain_of(const char *text, char ret[PLAIN_MAX])
{
    static const char *const separators[] = {"٬", "،"};
    size_t used = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        if (used + 1 >= PLAIN_MAX) {
            return false;
        }
        if (at[0] == 0xdb && at[1] >= 0xb0 && at[1] <= 0xb9) { /* U+06F0..U+06F9 */
            ret[used] = (char)('0' + (at[1] - 0xb0));
            at += 2;
        } else if (at[0] == 0xd9 && at[1] >= 0xa0 && at[1] <= 0xa9) { /* U+0660..U+0669 */
            ret[used] = (char)('0' + (at[1] - 0xa0));
            at += 2;
        } else if (memcmp(at, separators[0], 2) == 0 || memcmp(at, separators[1], 2) == 0) {
            ret[used] = ',';
            at += 2;
        } else {
            ret[used] = (char)*at;
            at += 1;
        }
        used += 1;
    }
    ret[used] = '\0';
    return true;
}

/* Rials in one of the unit, 0 = no such unit; "" is bare. */
static int64_t unit_of(const char *unit)
{
    static const struct {
        const char *name;
        int64_t rials;
    } units[] = {{"rial", 1},   {"rials", 1},   {"ریال", 1},
                 {"toman", 10}, {"tomans", 10}, {"تومان", 10}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i += 1) {
        if (strcmp(unit, units[i].name) == 0) {
            return units[i].rials;
        }
    }
    return 0;
}

static enum st refuse(const char *text, const char *why, struct fault *fault)
{
    fault_say(fault, "\"%.40s\" %s", text, why);
    return ST_FOREIGN;
}

enum st amount_read(const char *text, struct money *ret, struct fault *fault)
{
    char plain[PLAIN_MAX];
    int64_t n = 0;
    size_t digits = 0; /* since the last separator */
    bool has_separator = false;
    if (!plain_of(text, plain)) {
        return refuse(text, "is too long for an amount.", fault);
    }
    const char *at = plain + strspn(plain, " ");
    if (!isdigit((unsigned char)*at)) {
        return refuse(text, "is no amount: write 100,000toman, or 1000000rial.", fault);
    }
    for (; isdigit((unsigned char)*at) || *at == ','; at += 1) {
        if (*at == ',') {
            if (digits > 3 || digits == 0 || (has_separator && digits != 3)) {
                return refuse(text, "has a separator that is not before three digits.", fault);
            }
            has_separator = true;
            digits = 0;
            continue;
        }
        digits += 1;
        n = n * 10 + (*at - '0');
        if (n > MONEY_MAX_RIALS) {
            return refuse(text, "is more than a card can hold, 68,719,476,735 rials.", fault);
        }
    }
    if (has_separator && digits != 3) {
        return refuse(text, "has a separator that is not before three digits.", fault);
    }
    if (*at == '.') {
        return refuse(text, "has a point: amounts are whole; separate thousands with commas.",
                      fault);
    }
    at += strspn(at, " ");
    if (*at == '\0' && has_separator) {
        return refuse(text, "has no unit: write toman or rial behind it.", fault);
    }
    int64_t rials = *at == '\0' ? 1 : unit_of(at);
    if (rials == 0) {
        return refuse(text, "has an unknown unit: it is toman or rial.", fault);
    }
    if (n > MONEY_MAX_RIALS / rials) {
        return refuse(text, "is more than a card can hold, 68,719,476,735 rials.", fault);
    }
    ret->rials = n * rials;
    return ST_OK;
}

/* --- dates ---------------------------------------------------------------------------------- */

/* Reads the date at the beginning; *ret_rest is what follows. */
static enum st date_at(const char *text, const char *plain, int32_t *ret, const char **ret_rest,
                       struct fault *fault)
{
    int year = 0;
    int month = 0;
    int day = 0;
    int used = 0;
    if (sscanf(plain, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 &&
        sscanf(plain, "%4d/%2d/%2d%n", &year, &month, &day, &used) != 3) {
        return refuse(text, "is no date: write 1405-07-03.", fault);
    }
    struct date date = {(int16_t)year, (uint8_t)month, (uint8_t)day};
    if (month < 1 || month > 12 || day < 1 || day > 31 || year < 0 ||
        !calendar_jalali_is_valid(date)) {
        return refuse(text, "is no day of the Jalali calendar, 1278 to 1499.", fault);
    }
    *ret = calendar_day_of_jalali(date);
    *ret_rest = plain + used;
    return ST_OK;
}

enum st date_read(const char *text, int32_t *ret, struct fault *fault)
{
    char plain[PLAIN_MAX];
    const char *rest;
    int32_t day;
    if (!plain_of(text, plain)) {
        return refuse(text, "is no date: write 1405-07-03.", fault);
    }
    enum st st = date_at(text, plain, &day, &rest, fault);
    if (st == ST_OK && *rest != '\0') {
        return refuse(text, "is no date: write 1405-07-03.", fault);
    }
    if (st == ST_OK) {
        *ret = day;
    }
    return st;
}

enum st time_read(const struct programme *programme, const char *text, uint32_t *ret,
                  struct fault *fault)
{
    char plain[PLAIN_MAX];
    const char *rest;
    int32_t day;
    int hour = 12;
    int minute = 0;
    int used = 0;
    if (!plain_of(text, plain)) {
        return refuse(text, "is no time: write \"1405-07-03 18:30\".", fault);
    }
    enum st st = date_at(text, plain, &day, &rest, fault);
    if (st != ST_OK) {
        return st;
    }
    if (*rest != '\0' &&
        (sscanf(rest, " %2d:%2d%n", &hour, &minute, &used) != 2 || rest[used] != '\0')) {
        return refuse(text, "is no time: write \"1405-07-03 18:30\".", fault);
    }
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return refuse(text, "is no time of a day, 00:00 to 23:59.", fault);
    }
    int64_t card =
        (int64_t)day * MINUTES_OF_A_DAY + hour * 60 + minute - programme->utc_offset_minutes;
    if (day < 1 || card < 1 || card > MINUTE_MAX) {
        return refuse(text, "is outside what a card's clock can hold, 1402-10-12 to 1434.", fault);
    }
    *ret = (uint32_t)card;
    return ST_OK;
}
