/* amount.h - amounts, dates and times as people write them on a command line or in an examples
 * file.
 *
 * Pure. Latin, Persian and Arabic digits. What could be read in two ways is refused with what to
 * write instead: ten times too much is the error to fear (invariant I6). */
#ifndef TOOLS_PROGRAMME_AMOUNT_H
#define TOOLS_PROGRAMME_AMOUNT_H

#include <stdint.h>

#include "firmware/engine/money.h"
#include "firmware/engine/programme.h"
#include "hal/base/status.h"

/* "100,000 toman", "1000000rial", "۱۰۰٬۰۰۰ تومان"; bare digits are rials. 0..MONEY_MAX_RIALS.
 * ST_FOREIGN  no whole amount, separators without a unit or not before each three digits, a unit
 *             that is neither: fault says what to write. */
ST_CHECK enum st amount_read(const char *text, struct money *ret, struct fault *fault);

/* A Jalali date, "1405-07-03" (or with slashes), as calendar.h's day. */
ST_CHECK enum st date_read(const char *text, int32_t *ret, struct fault *fault);

/* A Jalali date and local time, "1405-07-03 18:30" (without a time: 12:00), as the card's minute,
 * UTC. From 2024-01-02 on, local. */
ST_CHECK enum st time_read(const struct programme *programme, const char *text, uint32_t *ret,
                           struct fault *fault);

#endif
