#include "tools/programme/sentence.h"

#include <math.h>
#include <string.h>

#include "tools/programme/operation.h"

enum kind { KIND_NUMBER, KIND_MONEY, KIND_POINTS, KIND_DAYS, KIND_WEEKDAY, KIND_TEXT, KIND_BOOL };

/* What a condition can ask, as a noun that "is" follows; a fact that is true or false as a clause.
 */
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

/* One condition while it is written. */
struct writing {
    FILE *out;
    const struct programme *programme;
    enum explain_language language;
};

static const char *pick(const struct writing *w, const char *english, const char *persian)
{
    return explain_pick(w->language, english, persian);
}

static void write_value(const struct writing *w, const json_t *value, enum kind kind);
static void write_condition(const struct writing *w, const json_t *value, bool is_part);

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

static enum kind kind_of(const json_t *value)
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
static void write_fact(const struct writing *w, const char *path)
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

/* --- values --------------------------------------------------------------------------------- */

static void write_number(const struct writing *w, double number, enum kind kind)
{
    char text[EXPLAIN_AMOUNT_MAX];
    long long scaled = llround(number * LOGIC_ONE);
    long long n = scaled / LOGIC_ONE;
    bool is_whole = scaled % LOGIC_ONE == 0;
    if (kind == KIND_WEEKDAY && is_whole && n >= 0 && n <= 6) {
        fputs(pick(w, weekdays_english[n], weekdays_persian[n]), w->out);
        return;
    }
    if (kind == KIND_TEXT && is_whole) { /* a year, a number of a place: no separators */
        fprintf(w->out, "%lld", n);
        return;
    }
    if (kind == KIND_MONEY && is_whole) {
        explain_money(w->programme, w->language, (struct money){n}, text);
    } else if (kind == KIND_POINTS && is_whole) {
        explain_number(w->language, n, text);
    } else {
        explain_decimal(w->language, scaled, LOGIC_DECIMALS, text);
    }
    fputs(text, w->out);
    if (kind == KIND_DAYS) {
        fputs(pick(w, scaled == LOGIC_ONE ? " day" : " days", " روز"), w->out);
    }
}

static const char *sign_of(const char *op)
{
    static const char *const signs[][2] = {{"*", "×"},  {"/", "÷"},   {"==", "="}, {"===", "="},
                                           {"!=", "≠"}, {"!==", "≠"}, {"<=", "≤"}, {">=", "≥"}};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i += 1) {
        if (strcmp(op, signs[i][0]) == 0) {
            return signs[i][1];
        }
    }
    return op;
}

static void write_list(const struct writing *w, const json_t *list, enum kind kind)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        fputs(i == 0 ? "" : pick(w, ", ", "، "), w->out);
        write_value(w, item, kind);
    }
}

/* "(a + b)", "max(a, b)": what has no words of its own. */
static void write_formula(const struct writing *w, const json_t *value, enum kind kind)
{
    const char *op = operation_name(value);
    size_t count = operation_count(value);
    bool is_infix = count >= 2 && strchr("+-*/%<>=!", op[0]) != NULL;
    if (is_infix) {
        fputc('(', w->out);
        for (size_t i = 0; i < count; i += 1) {
            if (i > 0) {
                fprintf(w->out, " %s ", sign_of(op));
            }
            write_value(w, operation_value(value, i), kind);
        }
        fputc(')', w->out);
        return;
    }
    fprintf(w->out, "%s(", op);
    for (size_t i = 0; i < count; i += 1) {
        fputs(i == 0 ? "" : pick(w, ", ", "، "), w->out);
        write_value(w, operation_value(value, i), kind);
    }
    fputc(')', w->out);
}

static void write_if(const struct writing *w, const json_t *value, enum kind kind)
{
    size_t count = operation_count(value);
    fputc('(', w->out);
    for (size_t i = 0; i + 1 < count; i += 2) {
        fputs(i == 0 ? pick(w, "if ", "اگر ") : pick(w, ", else if ", "، وگرنه اگر "), w->out);
        write_condition(w, operation_value(value, i), true);
        fputs(pick(w, ": ", ": "), w->out);
        write_value(w, operation_value(value, i + 1), kind);
    }
    if (count % 2 == 1) {
        fputs(pick(w, ", else ", "، وگرنه "), w->out);
        write_value(w, operation_value(value, count - 1), kind);
    }
    fputc(')', w->out);
}

/* The kind of what a sum is made of: the first of its facts that has one. */
static enum kind kind_within(const json_t *value)
{
    enum kind kind = KIND_NUMBER;
    if (operation_path(value) != NULL) {
        return kind_of(value);
    }
    if (operation_name(value) == NULL || strchr("*/%", operation_name(value)[0]) != NULL) {
        return kind; /* a factor has no unit */
    }
    for (size_t i = 0; i < operation_count(value) && kind == KIND_NUMBER; i += 1) {
        kind = kind_within(operation_value(value, i));
    }
    return kind;
}

static void write_value(const struct writing *w, const json_t *value, enum kind kind)
{
    const char *path = operation_path(value);
    if (path != NULL) {
        write_fact(w, path);
    } else if (json_is_number(value)) {
        write_number(w, json_number_value(value), kind);
    } else if (json_is_string(value)) {
        bool is_empty = json_string_length(value) == 0;
        fputs(is_empty ? pick(w, "none", "هیچ") : json_string_value(value), w->out);
    } else if (json_is_boolean(value)) {
        fputs(json_is_true(value) ? pick(w, "true", "درست") : pick(w, "false", "نادرست"), w->out);
    } else if (json_is_array(value)) {
        write_list(w, value, kind);
    } else if (operation_name(value) == NULL) {
        fputs(pick(w, "nothing", "هیچ"), w->out);
    } else if (operation_is(value, "if") || operation_is(value, "?:")) {
        write_if(w, value, kind);
    } else {
        const char *op = operation_name(value);
        write_formula(w, value, strchr("*/%", op[0]) != NULL ? KIND_NUMBER : kind);
    }
}

/* --- comparisons ---------------------------------------------------------------------------- */

/* The words around the second value. */
struct comparison {
    const char *op, *flipped;
    const char *english;
    const char *persian, *persian_end;
};

static const struct comparison comparisons[] = {
    {"==", "==", " is ", " ", " باشد"},
    {"===", "===", " is ", " ", " باشد"},
    {"!=", "!=", " is not ", " ", " نباشد"},
    {"!==", "!==", " is not ", " ", " نباشد"},
    {">=", "<=", " is at least ", " دست‌کم ", " باشد"},
    {"<=", ">=", " is at most ", " حداکثر ", " باشد"},
    {">", "<", " is more than ", " بیش از ", " باشد"},
    {"<", ">", " is less than ", " کمتر از ", " باشد"},
};

static const struct comparison *comparison_of(const char *op)
{
    for (size_t i = 0; op != NULL && i < sizeof comparisons / sizeof comparisons[0]; i += 1) {
        if (strcmp(comparisons[i].op, op) == 0) {
            return &comparisons[i];
        }
    }
    return NULL;
}

/* What counts in days has words for 0, in the places that matter most. True: written. */
static bool write_day(const struct writing *w, const char *path, const char *op,
                      const json_t *value)
{
    static const struct {
        const char *path, *op;
        const char *english, *persian;
    } words[] = {
        {"history.days_since_visit", "!=", "this is the first visit today",
         "نخستین مراجعهٔ امروز باشد"},
        {"history.days_since_visit", "==", "there was a visit today",
         "امروز مراجعه‌ای بوده باشد"},
        {"member.days_to_birthday", "==", "today is the birthday", "امروز روز تولد باشد"},
        {"member.days_to_wedding", "==", "today is the wedding day", "امروز سالروز ازدواج باشد"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i += 1) {
        if (path != NULL && json_is_integer(value) && json_integer_value(value) == 0 &&
            strcmp(path, words[i].path) == 0 && strcmp(op, words[i].op) == 0) {
            fputs(pick(w, words[i].english, words[i].persian), w->out);
            return true;
        }
    }
    return false;
}

static void write_range(const struct writing *w, const json_t *least, const json_t *of,
                        const json_t *most)
{
    enum kind kind = kind_within(of);
    write_value(w, of, kind);
    fputs(pick(w, " is from ", " از "), w->out);
    write_value(w, least, kind);
    fputs(pick(w, " to ", " تا "), w->out);
    write_value(w, most, kind);
    fputs(pick(w, "", " باشد"), w->out);
}

static void write_comparison(const struct writing *w, const json_t *value)
{
    const char *op = operation_name(value);
    const struct comparison *words = comparison_of(op);
    const json_t *first = operation_value(value, 0);
    const json_t *second = operation_value(value, 1);
    if (operation_count(value) == 3 && strcmp(op, "<=") == 0) {
        write_range(w, first, second, operation_value(value, 2));
        return;
    }
    if (operation_count(value) != 2) {
        write_formula(w, value, kind_within(second));
        return;
    }
    if (!json_is_object(first) && json_is_object(second)) { /* 3 <= visits: said from the fact */
        const json_t *swap = first;
        first = second;
        second = swap;
        words = comparison_of(words->flipped);
    }
    if (write_day(w, operation_path(first), words->op, second)) {
        return;
    }
    enum kind kind = kind_within(first);
    if (kind == KIND_NUMBER) {
        kind = kind_within(second);
    }
    write_value(w, first, kind);
    fputs(pick(w, words->english, words->persian), w->out);
    write_value(w, second, kind);
    fputs(pick(w, "", words->persian_end), w->out);
}

/* --- and, or, not --------------------------------------------------------------------------- */

/* Is it `op` between the fact at `path` and a number? Gives the number. */
static const json_t *bound(const json_t *value, const char *op, const char *path)
{
    const char *own = operation_is(value, op) && operation_count(value) == 2
                          ? operation_path(operation_value(value, 0))
                          : NULL;
    bool is_it = own != NULL && (path == NULL || strcmp(own, path) == 0);
    return is_it && json_is_number(operation_value(value, 1)) ? operation_value(value, 1) : NULL;
}

/* "at least a" and then "at most b" of the same fact are one clause. */
static bool write_pair(const struct writing *w, const json_t *one, const json_t *other)
{
    const json_t *least = bound(one, ">=", NULL);
    const json_t *most =
        least == NULL ? NULL : bound(other, "<=", operation_path(operation_value(one, 0)));
    if (most == NULL) {
        return false;
    }
    write_range(w, least, operation_value(one, 0), most);
    return true;
}

static void write_joined(const struct writing *w, const json_t *value, bool is_part)
{
    bool is_and = operation_is(value, "and");
    size_t count = operation_count(value);
    bool has_brackets = is_part && count > 1;
    fputs(has_brackets ? "(" : "", w->out);
    for (size_t i = 0; i < count; i += 1) {
        if (i > 0) {
            fputs(is_and ? pick(w, " and ", " و ") : pick(w, " or ", " یا "), w->out);
        }
        if (is_and && i + 1 < count &&
            write_pair(w, operation_value(value, i), operation_value(value, i + 1))) {
            i += 1;
            continue;
        }
        write_condition(w, operation_value(value, i), true);
    }
    fputs(has_brackets ? ")" : "", w->out);
}

static void write_in(const struct writing *w, const json_t *value)
{
    enum kind kind = kind_within(operation_value(value, 0));
    write_value(w, operation_value(value, 0), kind);
    fputs(pick(w, " is one of ", " یکی از "), w->out);
    write_value(w, operation_value(value, 1), kind);
    fputs(pick(w, "", " باشد"), w->out);
}

/* As a clause: what stands for a truth. `is_part`: of a larger one, so "and" needs brackets. */
static void write_condition(const struct writing *w, const json_t *value, bool is_part)
{
    if (operation_is(value, "and") || operation_is(value, "or")) {
        write_joined(w, value, is_part);
    } else if (operation_is(value, "!")) {
        fputs(pick(w, "not (", "چنین نباشد که ("), w->out);
        write_condition(w, operation_value(value, 0), false);
        fputc(')', w->out);
    } else if (operation_is(value, "!!")) {
        write_condition(w, operation_value(value, 0), is_part);
    } else if (operation_is(value, "in") && json_is_array(operation_value(value, 1))) {
        write_in(w, value);
    } else if (comparison_of(operation_name(value)) != NULL) {
        write_comparison(w, value);
    } else if (json_is_boolean(value)) {
        fputs(json_is_true(value) ? pick(w, "always", "همیشه") : pick(w, "never", "هرگز"), w->out);
    } else {
        const struct noun *noun = noun_of(operation_path(value));
        write_value(w, value, KIND_NUMBER);
        if (noun != NULL && noun->kind != KIND_BOOL) { /* a number or text taken as a truth */
            fputs(pick(w, " is not nothing", " خالی نباشد"), w->out);
        }
    }
}

void sentence_condition(FILE *out, const struct programme *programme, const json_t *condition,
                        enum explain_language language)
{
    const struct writing w = {.out = out, .programme = programme, .language = language};
    write_condition(&w, condition, false);
}
