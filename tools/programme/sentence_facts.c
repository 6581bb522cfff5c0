/* What conditions can ask, in words. */
#include <string.h>

#include "tools/programme/operation.h"
#include "tools/programme/sentence_priv.h"

/* A fact as a noun that "is" follows; one that is true or false as a clause. */
struct noun {
    const char *path, *english, *persian;
    enum kind kind;
};

static const struct noun nouns[] = {
    {"sale.amount", "the basket", "مبلغ خرید", KIND_MONEY},
    {"sale.pay_credit", "the credit to spend", "اعتباری که خرج می‌شود",
     KIND_MONEY},
    {"sale.redeem", "the number of points to spend", "امتیازی که خرج می‌شود",
     KIND_POINTS},
    {"card.points", "the number of points on the card", "امتیاز کارت", KIND_POINTS},
    {"card.credit", "the credit on the card", "اعتبار کارت", KIND_MONEY},
    {"card.gift", "the gift purse", "کیف هدیه", KIND_MONEY},
    {"card.voucher", "the voucher purse", "کیف بن", KIND_MONEY},
    {"card.stamps", "the number of stamps on the card", "شمار مهرهای کارت", KIND_NUMBER},
    {"card.counter", "the card's transaction number", "شمارهٔ تراکنش کارت", KIND_NUMBER},
    {"card.kind", "the kind of card", "نوع کارت", KIND_TEXT},
    {"member.tier", "the tier", "سطح عضو", KIND_TEXT},
    {"member.group", "the group", "گروه عضو", KIND_TEXT},
    {"member.days_to_birthday", "the time to the birthday", "فاصله تا تولد", KIND_DAYS},
    {"member.days_to_wedding", "the time to the wedding day", "فاصله تا سالروز ازدواج", KIND_DAYS},
    {"member.age", "the age", "سن عضو", KIND_NUMBER},
    {"member.account", "the kind of account", "نوع حساب", KIND_TEXT},
    {"member.route", "the way they joined", "راه عضویت", KIND_TEXT},
    {"history.known", "the card's history is known", "سابقهٔ کارت معلوم باشد", KIND_BOOL},
    {"history.visits", "the number of earlier visits", "شمار مراجعات پیشین", KIND_NUMBER},
    {"history.days_since_visit", "the time since the last visit", "فاصله از مراجعهٔ پیشین",
     KIND_DAYS},
    {"history.mean_interval", "the mean time between visits", "میانگین فاصلهٔ مراجعات", KIND_DAYS},
    {"history.mean_basket", "the mean basket", "میانگین خرید", KIND_MONEY},
    {"history.period_spend", "the spending in this period", "خرید این دوره", KIND_MONEY},
    {"history.period_earned", "the number of points earned in this period", "امتیاز این دوره",
     KIND_POINTS},
    {"calendar.known", "the clock is set", "ساعت پایانه تنظیم باشد", KIND_BOOL},
    {"calendar.jalali_year", "the year", "سال", KIND_TEXT},
    {"calendar.jalali_month", "the month", "ماه", KIND_NUMBER},
    {"calendar.jalali_day", "the day of the month", "روز ماه", KIND_NUMBER},
    {"calendar.year", "the Gregorian year", "سال میلادی", KIND_TEXT},
    {"calendar.month", "the Gregorian month", "ماه میلادی", KIND_NUMBER},
    {"calendar.day", "the Gregorian day", "روز میلادی", KIND_NUMBER},
    {"calendar.weekday", "the day of the week", "روز هفته", KIND_WEEKDAY},
    {"calendar.hour", "the hour", "ساعت", KIND_NUMBER},
    {"calendar.minute", "the minute", "دقیقه", KIND_NUMBER},
    {"place.merchant", "the merchant's number", "شمارهٔ پذیرنده", KIND_TEXT},
    {"place.branch", "the branch's number", "شمارهٔ شعبه", KIND_TEXT},
    {"place.terminal", "the terminal's number", "شمارهٔ پایانه", KIND_TEXT},
};

static const char *const weekdays_english[] = {"Saturday",  "Sunday",   "Monday", "Tuesday",
                                               "Wednesday", "Thursday", "Friday"};
static const char *const weekdays_persian[] = {"شنبه",     "یکشنبه",  "دوشنبه", "سه‌شنبه",
                                               "چهارشنبه", "پنجشنبه", "جمعه"};

static const char *pick(const struct writing *w, const char *english, const char *persian)
{
    return explain_pick(w->language, english, persian);
}

const char *sentence_weekday(enum explain_language language, size_t day)
{
    return explain_pick(language, weekdays_english[day], weekdays_persian[day]);
}

/* --- facts ---------------------------------------------------------------------------------- */

static const struct noun *noun_of(const char *path)
{
    for (size_t i = 0; path != NULL && i < sizeof nouns / sizeof nouns[0]; i += 1) {
        if (strcmp(nouns[i].path, path) == 0) {
            return &nouns[i];
        }
    }
    return NULL;
}

enum kind sentence_kind(const json_t *value)
{
    const char *path = operation_path(value);
    const struct noun *noun = noun_of(path);
    if (noun != NULL) {
        return noun->kind;
    }
    const char *end = path == NULL ? NULL : strrchr(path, '.');
    return end != NULL && strncmp(path, "lines.", 6) == 0 && strcmp(end, ".amount") == 0
               ? KIND_MONEY
               : KIND_NUMBER;
}

void sentence_calendar(FILE *out, const struct programme_calendar *calendar,
                       enum explain_language language)
{
    struct date from = calendar_jalali(calendar->from_day);
    struct date to = calendar_jalali(calendar->to_day);
    char date[EXPLAIN_DATE_MAX];
    char day[EXPLAIN_AMOUNT_MAX];
    explain_number(language, from.day, day);
    explain_date(language, calendar->from_day, date);
    if (calendar->to_day != calendar->from_day) { /* "1 to 10 Mehr 1405" */
        fprintf(out, "%s%s", from.year == to.year && from.month == to.month ? day : date,
                explain_pick(language, " to ", " تا "));
        explain_date(language, calendar->to_day, date);
    }
    fputs(date, out);
    const char *before = explain_pick(language, ", on ", "، روزهای ");
    for (size_t i = 0; calendar->weekdays != 0x7f && i < 7; i += 1) {
        if ((calendar->weekdays & 1U << i) != 0) {
            fprintf(out, "%s%s", before,
                    explain_pick(language, weekdays_english[i], weekdays_persian[i]));
            before = explain_pick(language, ", ", "، ");
        }
    }
}

static void write_on(const struct writing *w, const char *id)
{
    fprintf(w->out, pick(w, "today is in %s (", "امروز در %s ("), id);
    for (size_t i = 0; i < w->programme->calendar_count; i += 1) {
        if (strcmp(w->programme->calendars[i].id, id) == 0) {
            sentence_calendar(w->out, &w->programme->calendars[i], w->language);
        }
    }
    fputs(pick(w, ")", ") باشد"), w->out);
}

static void write_code(const struct writing *w, const char *id)
{
    for (size_t i = 0; i < w->programme->code_count; i += 1) {
        if (strcmp(w->programme->codes[i].id, id) == 0) {
            fprintf(w->out, pick(w, "the code %s is given", "کد %s داده شود"),
                    w->programme->codes[i].code);
        }
    }
}

static void write_mark(const struct writing *w, const char *id)
{
    for (size_t i = 0; i < w->programme->mark_count; i += 1) {
        if (strcmp(w->programme->marks[i].id, id) == 0) {
            bool of_year = w->programme->marks[i].number <= PROGRAMME_MARKS_YEAR;
            fprintf(w->out,
                    of_year ? pick(w, "the card has the mark %s of this year",
                                   "کارت نشان %s امسال را داشته باشد")
                            : pick(w, "the card has the mark %s", "کارت نشان %s را داشته باشد"),
                    id);
        }
    }
}

/* lines.<product>.amount or .quantity */
static void write_lines(const struct writing *w, const char *path)
{
    const char *product = path + strlen("lines.");
    const char *end = strrchr(path, '.');
    bool is_amount = strcmp(end, ".amount") == 0;
    fprintf(w->out,
            is_amount ? pick(w, "the part of the basket in %.*s", "خرید از %.*s")
                      : pick(w, "the quantity of %.*s", "تعداد %.*s"),
            (int)(end - product), product);
}

/* A fact: a noun, or a clause when it is true or false. */
void sentence_fact(const struct writing *w, const char *path)
{
    const struct noun *noun = noun_of(path);
    if (noun != NULL) {
        fputs(pick(w, noun->english, noun->persian), w->out);
    } else if (strncmp(path, "on.", 3) == 0) {
        write_on(w, path + 3);
    } else if (strncmp(path, "code.", 5) == 0) {
        write_code(w, path + 5);
    } else if (strncmp(path, "mark.", 5) == 0) {
        write_mark(w, path + 5);
    } else if (strncmp(path, "lines.", 6) == 0) {
        write_lines(w, path);
    } else {
        fputs(path, w->out);
    }
}

bool sentence_is_thing(const char *path)
{
    const struct noun *noun = noun_of(path);
    return noun != NULL && noun->kind != KIND_BOOL;
}
