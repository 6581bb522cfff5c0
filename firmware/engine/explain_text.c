#include "firmware/engine/explain_text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS_MAX = 24 };

const char *explain_pick(enum explain_language language, const char *english, const char *persian)
{
    return language == EXPLAIN_FA ? persian : english;
}

/* --- numbers -------------------------------------------------------------------------------- */

/* Appends one text. */
static void put(char *ret, size_t size, const char *text)
{
    size_t used = strlen(ret);
    size_t bytes = strlen(text);
    if (bytes >= size - used) {
        bytes = size - used - 1;
        while (bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80) {
            bytes -= 1; /* not within a letter */
        }
    }
    memcpy(ret + used, text, bytes);
    ret[used + bytes] = '\0';
}

static void put_digit(enum explain_language language, char digit, char ret[EXPLAIN_AMOUNT_MAX])
{
    static const char *const persian[] = {"۰", "۱", "۲", "۳", "۴", "۵", "۶", "۷", "۸", "۹"};
    const char latin[] = {digit, '\0'};
    put(ret, EXPLAIN_AMOUNT_MAX, explain_pick(language, latin, persian[digit - '0']));
}

static void put_digits(enum explain_language language, const char *digits, bool groups,
                       char ret[EXPLAIN_AMOUNT_MAX])
{
    size_t count = strlen(digits);
    for (size_t i = 0; i < count; i += 1) {
        if (groups && i > 0 && (count - i) % 3 == 0) {
            put(ret, EXPLAIN_AMOUNT_MAX, explain_pick(language, ",", "٬"));
        }
        put_digit(language, digits[i], ret);
    }
}

void explain_decimal(enum explain_language language, int64_t n, unsigned decimals,
                     char ret[EXPLAIN_AMOUNT_MAX])
{
    char digits[DIGITS_MAX];
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    uint64_t one = 1;
    for (unsigned i = 0; i < decimals; i += 1) {
        one *= 10;
    }
    uint64_t fraction = size % one;
    ret[0] = '\0';
    put(ret, EXPLAIN_AMOUNT_MAX, n < 0 ? explain_pick(language, "-", "منفی ") : "");
    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)(size / one));
    put_digits(language, digits, true, ret);
    if (fraction == 0) {
        return;
    }
    (void)snprintf(digits, sizeof digits, "%0*llu", (int)decimals, (unsigned long long)fraction);
    for (size_t end = strlen(digits); digits[end - 1] == '0'; end -= 1) {
        digits[end - 1] = '\0';
    }
    put(ret, EXPLAIN_AMOUNT_MAX, explain_pick(language, ".", "٫"));
    put_digits(language, digits, false, ret);
}

void explain_number(enum explain_language language, int64_t n, char ret[EXPLAIN_AMOUNT_MAX])
{
    explain_decimal(language, n, 0, ret);
}

static bool is_in_toman(const struct programme *programme)
{
    return programme != NULL && programme->unit == UNIT_TOMAN;
}

void explain_amount(const struct programme *programme, enum explain_language language,
                    struct money money, char ret[EXPLAIN_AMOUNT_MAX])
{
    explain_decimal(language, money.rials, is_in_toman(programme) ? 1 : 0, ret);
}

void explain_money(const struct programme *programme, enum explain_language language,
                   struct money money, char ret[EXPLAIN_AMOUNT_MAX])
{
    explain_amount(programme, language, money, ret);
    put(ret, EXPLAIN_AMOUNT_MAX,
        is_in_toman(programme) ? explain_pick(language, " toman", " تومان")
                               : explain_pick(language, " rials", " ریال"));
}

void explain_points(enum explain_language language, int64_t points, char ret[EXPLAIN_AMOUNT_MAX])
{
    explain_number(language, points, ret);
    put(ret, EXPLAIN_AMOUNT_MAX,
        explain_pick(language, points == 1 ? " point" : " points", " امتیاز"));
}

void explain_percent(enum explain_language language, int64_t hundredths,
                     char ret[EXPLAIN_AMOUNT_MAX])
{
    explain_decimal(language, hundredths, 2, ret);
    put(ret, EXPLAIN_AMOUNT_MAX, explain_pick(language, " percent", " درصد"));
}

void explain_date(enum explain_language language, int32_t day, char ret[EXPLAIN_DATE_MAX])
{
    static const char *const english[] = {"Farvardin", "Ordibehesht", "Khordad", "Tir",
                                          "Mordad",    "Shahrivar",   "Mehr",    "Aban",
                                          "Azar",      "Dey",         "Bahman",  "Esfand"};
    static const char *const persian[] = {"فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور",
                                          "مهر",     "آبان",     "آذر",   "دی",  "بهمن",  "اسفند"};
    struct date date = calendar_jalali(day);
    char day_text[EXPLAIN_AMOUNT_MAX];
    char year[EXPLAIN_AMOUNT_MAX] = "";
    char digits[DIGITS_MAX];

    explain_number(language, date.day, day_text);
    (void)snprintf(digits, sizeof digits, "%d", date.year);
    put_digits(language, digits, false, year);
    ret[0] = '\0';
    put(ret, EXPLAIN_DATE_MAX, day_text);
    put(ret, EXPLAIN_DATE_MAX, " ");
    put(ret, EXPLAIN_DATE_MAX,
        explain_pick(language, english[date.month - 1], persian[date.month - 1]));
    put(ret, EXPLAIN_DATE_MAX, " ");
    put(ret, EXPLAIN_DATE_MAX, year);
}

/* --- effects -------------------------------------------------------------------------------- */

static const char *base_of(const struct programme *programme, uint8_t of,
                           enum explain_language language)
{
    return of == 0 ? explain_pick(language, "the basket", "کل خرید")
                   : programme->products[of - 1].id;
}

static void say_money(const struct programme *programme, const struct effect_money *effect,
                      bool is_rebate, enum explain_language language, const char *of,
                      char ret[EXPLAIN_TEXT_MAX])
{
    char amount[EXPLAIN_AMOUNT_MAX];
    const char *format =
        is_rebate ? explain_pick(language, "%s off %s", "%s تخفیف از %s")
        : effect->is_percent
            ? explain_pick(language, "%s of %s back as credit", "%s از %s به صورت اعتبار")
            : explain_pick(language, "%s back as credit for %s", "%s اعتبار برای %s");
    if (effect->is_percent) {
        explain_percent(language, effect->percent_hundredths, amount);
    } else {
        explain_money(programme, language, effect->fixed, amount);
    }
    (void)snprintf(ret, EXPLAIN_TEXT_MAX, format, amount,
                   of != NULL ? of : base_of(programme, effect->of, language));
    if (effect->max.rials > 0) {
        explain_money(programme, language, effect->max, amount);
        put(ret, EXPLAIN_TEXT_MAX, explain_pick(language, ", at most ", "، حداکثر "));
        put(ret, EXPLAIN_TEXT_MAX, amount);
    }
}

static void say_award(const struct programme *programme, const struct effect_award *effect,
                      enum explain_language language, const char *of, char ret[EXPLAIN_TEXT_MAX])
{
    char points[EXPLAIN_AMOUNT_MAX];
    char per[EXPLAIN_AMOUNT_MAX];
    const char *base = of != NULL ? of : base_of(programme, effect->of, language);
    explain_points(language, effect->points.n, points);
    if (effect->per.rials == 0) {
        (void)snprintf(ret, EXPLAIN_TEXT_MAX, explain_pick(language, "%s for %s", "%s برای %s"),
                       points, base);
    } else {
        explain_money(programme, language, effect->per, per);
        (void)snprintf(
            ret, EXPLAIN_TEXT_MAX,
            explain_pick(language, "%s for each full %s of %s", "%s برای هر %s کامل از %s"), points,
            per, base);
    }
    if (effect->max.n > 0) {
        explain_points(language, effect->max.n, points);
        put(ret, EXPLAIN_TEXT_MAX, explain_pick(language, ", at most ", "، حداکثر "));
        put(ret, EXPLAIN_TEXT_MAX, points);
    }
}

static void say_stamps(const struct effect_stamps *effect, enum explain_language language,
                       char ret[EXPLAIN_TEXT_MAX])
{
    char count[EXPLAIN_AMOUNT_MAX];
    explain_number(language, effect->n, count);
    const char *format =
        !effect->adds
            ? explain_pick(language, "the stamps become %s", "شمار مهرها %s می‌شود")
            : explain_pick(language, effect->n == 1 ? "%s stamp" : "%s stamps", "%s مهر");
    (void)snprintf(ret, EXPLAIN_TEXT_MAX, format, count);
}

void explain_effect(const struct programme *programme, const struct programme_rule *rule,
                    enum effect_kind effect, enum explain_language language, const char *of,
                    char ret[EXPLAIN_TEXT_MAX])
{
    switch (effect) {
    case EFFECT_REBATE:
        assert(rule->rebate.is_set);
        say_money(programme, &rule->rebate, true, language, of, ret);
        return;
    case EFFECT_CASHBACK:
        assert(rule->cashback.is_set);
        say_money(programme, &rule->cashback, false, language, of, ret);
        return;
    case EFFECT_AWARD:
        assert(rule->award.is_set);
        say_award(programme, &rule->award, language, of, ret);
        return;
    case EFFECT_STAMPS:
        assert(rule->stamps.is_set);
        say_stamps(&rule->stamps, language, ret);
        return;
    case EFFECT_GROUP:
        assert(rule->sets_group);
        if (rule->group == 0) {
            (void)snprintf(ret, EXPLAIN_TEXT_MAX, "%s",
                           explain_pick(language, "the member leaves the group",
                                        "عضو از گروه خارج می‌شود"));
        } else {
            (void)snprintf(ret, EXPLAIN_TEXT_MAX,
                           explain_pick(language, "the member's group becomes %s",
                                        "گروه عضو %s می‌شود"),
                           programme_group_id(programme, rule->group));
        }
        return;
    case EFFECT_CONDITION:
    default:
        assert(false); /* no effect of a rule */
    }
}

/* --- refusals ------------------------------------------------------------------------------- */

struct refusal_text {
    const char *word, *persian;
};

static struct refusal_text refusal_text(enum refusal refusal)
{
    switch (refusal) {
    case REFUSAL_NONE:
        break;
    case REFUSAL_CARD_BLOCKED:
        return (struct refusal_text){"card_blocked", "کارت مسدود است."};
    case REFUSAL_CARD_CLOSED:
        return (struct refusal_text){"card_closed", "این کارت بسته شده است."};
    case REFUSAL_CREDIT_SHORT:
        return (struct refusal_text){"credit_short", "اعتبار کارت کافی نیست."};
    case REFUSAL_POINTS_SHORT:
        return (struct refusal_text){"points_short", "امتیاز کارت کافی نیست."};
    case REFUSAL_REDEMPTION_OFF:
        return (struct refusal_text){
            "redemption_off", "در این باشگاه امتیاز خرج نمی‌شود."};
    case REFUSAL_PAYS_TOO_MUCH:
        return (struct refusal_text){"pays_too_much", "امتیاز و اعتبار بیش از مبلغ خرید است."};
    case REFUSAL_AMOUNT_RANGE:
        return (struct refusal_text){"amount_range", "مبلغ در محدودهٔ مجاز نیست."};
    case REFUSAL_CREDIT_CEILING:
        return (struct refusal_text){"credit_ceiling",
                                     "اعتبار کارت از سقف می‌گذرد."};
    case REFUSAL_POINTS_CEILING:
        return (struct refusal_text){"points_ceiling",
                                     "امتیاز کارت از سقف می‌گذرد."};
    case REFUSAL_COUNTER_USED_UP:
        return (struct refusal_text){"counter_used_up", "کارت پر شده است؛ آن را عوض کنید."};
    case REFUSAL_NOT_IN_HISTORY:
        return (struct refusal_text){"not_in_history", "این تراکنش روی کارت نیست."};
    case REFUSAL_NOT_A_SALE:
        return (struct refusal_text){"not_a_sale", "این تراکنش از نوع دیگری است."};
    case REFUSAL_ALREADY_REFUNDED:
        return (struct refusal_text){
            "already_refunded",
            "این مبلغ پیش‌تر بازگردانده شده است."};
    case REFUSAL_POINTS_SPENT:
        return (struct refusal_text){"points_spent", "امتیاز این خرید خرج شده است."};
    case REFUSAL_CREDIT_SPENT:
        return (struct refusal_text){"credit_spent", "این اعتبار خرج شده است."};
    case REFUSAL_POINT_VALUE_CHANGED:
        return (struct refusal_text){"point_value_changed", "ارزش امتیاز عوض شده است."};
    case REFUSAL_CREDIT_OFF:
        return (struct refusal_text){"credit_off", "این باشگاه اعتبار ندارد."};
    case REFUSAL_CODES_OFF:
        return (struct refusal_text){"codes_off", "این باشگاه کد تخفیف ندارد."};
    case REFUSAL_LINES_DIFFER:
        return (struct refusal_text){
            "lines_differ", "جمع قلم‌ها با مبلغ خرید یکی نیست."};
    case REFUSAL_CODE_UNKNOWN:
        return (struct refusal_text){"code_unknown", "این کد تخفیف شناخته نیست."};
    case REFUSAL_REDEMPTION_RANGE:
        return (struct refusal_text){
            "redemption_range",
            "این شمار امتیاز در این خرید خرج نمی‌شود."};
    case REFUSAL_POINTS_HELD:
        return (struct refusal_text){"points_held", "امتیازها هنوز قابل خرج نیستند."};
    case REFUSAL_ASK_SELLER:
        return (struct refusal_text){"ask_seller", "به فروشندهٔ همان خرید مراجعه کنید."};
    case REFUSAL_CASHBACK_SPENT:
        return (struct refusal_text){"cashback_spent", "اعتبار این خرید خرج شده است."};
    case REFUSAL_NOTHING_EXPIRES:
        return (struct refusal_text){"nothing_expires",
                                     "امتیازی منقضی نمی‌شود."};
    case REFUSAL_PURSE_OFF:
        return (struct refusal_text){"purse_off", "این باشگاه چنین کیفی ندارد."};
    case REFUSAL_PURSE_SHORT:
        return (struct refusal_text){"purse_short", "موجودی هدیه یا بن کارت کافی نیست."};
    case REFUSAL_PURSE_CEILING:
        return (struct refusal_text){"purse_ceiling",
                                     "از سقف هدیه یا بن کارت می‌گذرد."};
    case REFUSAL_PURSE_SPENT:
        return (struct refusal_text){"purse_spent", "هدیه یا بن این شارژ خرج شده است."};
    case REFUSAL_CARD_EXPIRED:
        return (struct refusal_text){"card_expired", "مهلت هدیه و بن این کارت گذشته است."};
    case REFUSAL_CARD_BRANCH:
        return (struct refusal_text){"card_branch", "هدیه و بن این کارت برای شعبهٔ دیگر است."};
    case REFUSAL_GROUP_UNKNOWN:
        return (struct refusal_text){"group_unknown", "این باشگاه چنین گروهی ندارد."};
    case REFUSAL_ACTION_ORDER:
        return (struct refusal_text){"action_order",
                                     "نوبت این دستور باشگاه نیست: دستگاه را همگام کنید."};
    case REFUSAL_ACTION_LATE:
        return (struct refusal_text){
            "action_late", "مهلت دستور باشگاه گذشته یا ساعت تنظیم نیست: دستگاه را همگام کنید."};
    case REFUSAL_ACTION_CEILING:
        return (struct refusal_text){
            "action_ceiling", "کارت برای آنچه باشگاه فرستاده جا ندارد: نخست از آن خرج کنید."};
    case REFUSAL_ACTION_NEXT:
        return (struct refusal_text){
            "action_next", "بقیه در تراکنش بعدی انجام می‌شود."};
    }
    return (struct refusal_text){"none", ""};
}

const char *explain_refusal_fa(enum refusal refusal)
{
    return refusal_text(refusal).persian;
}

const char *explain_refusal_word(enum refusal refusal)
{
    return refusal_text(refusal).word;
}
