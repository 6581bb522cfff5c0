#include "tools/programme/show.h"

#include <string.h>

#include "tools/programme/sentence.h"

/* One programme while it is shown. */
struct showing {
    FILE *out;
    const struct document *document;
    const struct programme *programme;
    enum explain_language language;
};

static const char *pick(const struct showing *s, const char *english, const char *persian)
{
    return explain_pick(s->language, english, persian);
}

/* --- head ----------------------------------------------------------------------------------- */

static void line_money(const struct showing *s, const char *english, const char *persian,
                       int64_t rials)
{
    char text[EXPLAIN_AMOUNT_MAX];
    explain_money(s->programme, s->language, (struct money){rials}, text);
    fprintf(s->out, pick(s, english, persian), text);
}

static void line_points(const struct showing *s, const char *english, const char *persian,
                        int64_t points)
{
    char text[EXPLAIN_AMOUNT_MAX];
    explain_points(s->language, points, text);
    fprintf(s->out, pick(s, english, persian), text);
}

static const char *period(const struct showing *s, enum period of)
{
    switch (of) {
    case PERIOD_MONTH:
        return pick(s, "month", "ماه");
    case PERIOD_QUARTER:
        return pick(s, "quarter", "فصل");
    case PERIOD_HALF:
        return pick(s, "half-year", "نیم‌سال");
    case PERIOD_YEAR:
    case PERIOD_NONE:
        break;
    }
    return pick(s, "year", "سال");
}

static void show_head(const struct showing *s)
{
    const struct programme *p = s->programme;
    char version[EXPLAIN_AMOUNT_MAX];
    explain_number(s->language, p->version, version);
    fprintf(s->out, pick(s, "%s, programme version %s.", "%s، نسخهٔ %s برنامه."), p->club, version);
    if (s->document->is_signed) {
        fputs(s->document->is_verified
                  ? pick(s, " Its signature is right.", " امضای آن درست است.")
                  : pick(s, " It is signed; the signature was NOT checked (--public KEY does).",
                         " امضا دارد، ولی امضا بررسی نشده است (با "
                         "‎--public "
                         "KEY)."),
              s->out);
    }
    fputc('\n', s->out);
    line_money(s, "One basket is at most %s.\n", "هر خرید حداکثر %s است.\n", p->sale_max.rials);
}

static void show_points(const struct showing *s)
{
    const struct programme *p = s->programme;
    char text[EXPLAIN_AMOUNT_MAX];
    if (!programme_has(p, MODULE_POINTS)) {
        fputs(pick(s, "There are no points.\n", "امتیاز ندارد.\n"), s->out);
        return;
    }
    line_points(s, "A card holds at most %s.",
                "هر کارت حداکثر %s نگه می‌دارد.", p->points_max.n);
    if (p->hold_days > 0) {
        explain_number(s->language, p->hold_days, text);
        fprintf(s->out,
                pick(s, " Points can be spent %s days after the sale.",
                     " امتیاز %s روز پس از خرید قابل خرج است."),
                text);
    }
    if (p->expiry != PERIOD_NONE) {
        fprintf(s->out,
                pick(s, " Points are gone at the end of the %s after the one they were earned in.",
                     " امتیاز تا پایان %s بعد از کسب آن اعتبار دارد."),
                period(s, p->expiry));
    }
    fputc('\n', s->out);
    if (!programme_has(p, MODULE_REDEMPTION)) {
        fputs(pick(s, "Points do not pay.\n", "با امتیاز پرداخت نمی‌شود.\n"),
              s->out);
        return;
    }
    line_money(s, "A point pays %s", "هر امتیاز %s می‌پردازد",
               p->point_value.rials);
    if (p->redeem_min.n > 0) {
        line_points(s, ", from %s on", "، از %s به بالا", p->redeem_min.n);
    }
    if (p->redeem_max_hundredths < PERCENT_WHOLE) {
        explain_percent(s->language, p->redeem_max_hundredths, text);
        fprintf(s->out, pick(s, ", at most %s of the price", "، حداکثر %s مبلغ"), text);
    }
    fputs(p->award_on_redeemed ? pick(s, "; that part earns, too.\n",
                                      "؛ آن بخش هم امتیاز می‌گیرد.\n")
                               : pick(s, "; that part earns nothing.\n",
                                      "؛ آن بخش امتیاز نمی‌گیرد.\n"),
          s->out);
}

static void show_credit(const struct showing *s)
{
    const struct programme *p = s->programme;
    if (!programme_has(p, MODULE_CREDIT)) {
        fputs(pick(s, "There is no credit to pay with.\n",
                   "با اعتبار پرداخت نمی‌شود.\n"),
              s->out);
        return;
    }
    line_money(s, "A card holds at most %s of credit", "اعتبار هر کارت حداکثر %s است",
               p->purse_max[PURSE_CREDIT].rials);
    line_money(s, "; one load is from %s", "؛ هر شارژ از %s", p->load_min.rials);
    line_money(s, " to %s", " تا %s", p->load_max.rials);
    fputs(p->award_on_credit ? pick(s, "; what is paid with it earns.\n",
                                    "؛ خرید با آن امتیاز می‌گیرد.\n")
                             : pick(s, "; what is paid with it earns nothing.\n",
                                    "؛ خرید با آن امتیاز نمی‌گیرد.\n"),
          s->out);
}

/* Steps of a load's bonus, from the smallest on. */
static void show_bonus(const struct showing *s)
{
    const struct programme *p = s->programme;
    for (size_t i = 0; i < p->bonus_count; i += 1) {
        char percent[EXPLAIN_AMOUNT_MAX];
        explain_percent(s->language, p->bonus[i].percent_hundredths, percent);
        line_money(s, "A load of %s or more", "شارژ از %s به بالا", p->bonus[i].from.rials);
        fprintf(s->out, pick(s, " earns %s on top.\n", " %s پاداش می‌گیرد.\n"),
                percent);
    }
}

static void show_promise(const struct showing *s, uint32_t module, enum purse purse, bool earns,
                         const char *english, const char *persian)
{
    if (!programme_has(s->programme, module)) {
        return;
    }
    line_money(s, english, persian, s->programme->purse_max[purse].rials);
    fputs(earns ? pick(s, "; what is paid with it earns.\n",
                       "؛ خرید با آن امتیاز می‌گیرد.\n")
                : pick(s, "; what is paid with it earns nothing.\n",
                       "؛ خرید با آن امتیاز نمی‌گیرد.\n"),
          s->out);
}

/* ": " before the first thing that is said of a kind, "; " before the others. */
static const char *joint(const struct showing *s, bool *is_first)
{
    const char *text = *is_first ? ": " : pick(s, "; ", "؛ ");
    *is_first = false;
    return text;
}

static void show_opening(const struct showing *s, const struct opening *opening, bool *is_first,
                         const char *english, const char *persian)
{
    if (!opening->is_set) {
        return;
    }
    fprintf(s->out, "%s%s", joint(s, is_first), pick(s, english, persian));
    if (opening->min.rials != opening->max.rials) {
        line_money(s, " %s", " %s", opening->min.rials);
        line_money(s, " to %s", " تا %s", opening->max.rials);
    } else {
        line_money(s, " %s", " %s", opening->max.rials);
    }
}

static bool says_anything(const struct programme_kind_terms *terms)
{
    return terms->name_en[0] != '\0' || terms->credit.is_set || terms->gift.is_set ||
           terms->valid_days != 0 || terms->branch_count != 0;
}

/* "Card gift500 (Gift card): opens with gift 500,000 toman; gift and voucher for 365 days; spent at
 * branches 1, 4." */
static void show_kinds(const struct showing *s)
{
    const struct programme *p = s->programme;
    for (size_t i = 0; i < p->kind_count; i += 1) {
        const struct programme_kind_terms *terms = &p->kind_terms[i];
        char text[EXPLAIN_AMOUNT_MAX];
        if (!says_anything(terms)) {
            continue;
        }
        fprintf(s->out, pick(s, "Card %s", "کارت %s"), p->kinds[i].id);
        if (terms->name_en[0] != '\0') {
            fprintf(s->out, " (%s)", pick(s, terms->name_en, terms->name_fa));
        }
        bool is_first = true;
        show_opening(s, &terms->credit, &is_first, "opens with credit", "با اعتبار");
        show_opening(s, &terms->gift, &is_first, "opens with gift", "با هدیه");
        if (terms->valid_days != 0) {
            explain_number(s->language, terms->valid_days, text);
            fputs(joint(s, &is_first), s->out);
            fprintf(s->out, pick(s, "gift and voucher for %s days", "هدیه و بن تا %s روز"), text);
        }
        for (size_t b = 0; b < terms->branch_count; b += 1) {
            explain_number(s->language, terms->branches[b], text);
            fputs(b == 0 ? joint(s, &is_first) : pick(s, ", ", "، "), s->out);
            fprintf(s->out,
                    b == 0 ? pick(s, "spent at branches %s", "خرج در شعبه‌های %s")
                           : "%s",
                    text);
        }
        fputs(".\n", s->out);
    }
}

/* "Group staff: who joins and the kind of account is staff. The first group that fits counts." */
static void show_groups(const struct showing *s)
{
    const struct programme *p = s->programme;
    const json_t *groups = json_object_get(s->document->json, "groups");
    for (size_t i = 0; i < p->group_count; i += 1) {
        if (!p->group_rules[i].is_set) {
            continue;
        }
        fprintf(s->out, pick(s, "Group %s: who joins, ", "گروه %s: هر که عضو شود، "),
                p->groups[i].id);
        if (p->group_rules[i].when == 0) {
            fputs(pick(s, "whoever it is", "هر که باشد"), s->out);
        } else {
            fputs(pick(s, "when ", "اگر "), s->out);
            sentence_condition(s->out, p, json_object_get(json_array_get(groups, i), "when"),
                               s->language);
        }
        fputs(".\n", s->out);
    }
    if (programme_has_group_rules(p)) {
        fputs(
            pick(
                s, "The first group that fits counts, unless another is named.\n",
                "نخستین گروهی که جور باشد به حساب می‌آید، مگر "
                "گروهی نام برده شود.\n"),
            s->out);
    }
}

/* "In one day a card: load at most 5,000,000 toman, at most 3 times." */
static void show_limits(const struct showing *s, const char *english, const char *persian,
                        const struct limits *limits)
{
    static const char *const whats[LIMIT_WHATS][2] = {{"load", "شارژ"},
                                                      {"spend", "خرج"},
                                                      {"issue", "صدور کارت"},
                                                      {"refund", "برگشت"},
                                                      {"earn", "پاداش"}};
    if (!limits_any(limits)) {
        return;
    }
    fputs(pick(s, english, persian), s->out);
    for (int what = 0; what < LIMIT_WHATS; what += 1) {
        const struct limit *of = limits->of[what];
        char text[EXPLAIN_AMOUNT_MAX];
        if (!of[LIMIT_RIALS].is_set && !of[LIMIT_COUNT].is_set) {
            continue;
        }
        fprintf(s->out, pick(s, " %s", " %s"), whats[what][s->language == EXPLAIN_EN ? 0 : 1]);
        if (of[LIMIT_RIALS].is_set) {
            line_money(s, " at most %s", " حداکثر %s", of[LIMIT_RIALS].max);
        }
        if (of[LIMIT_COUNT].is_set && what == LIMIT_EARN) {
            line_points(s, " at most %s", " حداکثر %s", of[LIMIT_COUNT].max);
        } else if (of[LIMIT_COUNT].is_set) {
            explain_number(s->language, of[LIMIT_COUNT].max, text);
            fprintf(s->out, pick(s, " at most %s times", " حداکثر %s بار"), text);
        }
        fputs(pick(s, ";", "؛"), s->out);
    }
    fputs(pick(s, " more is refused.\n", " بیش از آن رد می‌شود.\n"), s->out);
}

/* What a card in the place of a lost one carries before the club has vouched for it. */
static void show_provisional(const struct showing *s)
{
    const struct programme *p = s->programme;
    if (p->provisional_credit.rials == 0 && p->provisional_points.n == 0) {
        return;
    }
    fputs(pick(s, "In place of a lost card, at once:",
               "به جای کارت گمشده، بی‌درنگ:"),
          s->out);
    line_money(s, " at most %s", " حداکثر %s", p->provisional_credit.rials);
    line_points(s, " and %s", " و %s", p->provisional_points.n);
    fputs(pick(s, "; the rest when the books have settled.\n", "؛ بقیه پس از تسویهٔ دفترها.\n"),
          s->out);
}

static void show_tiers(const struct showing *s)
{
    const struct programme *p = s->programme;
    if (!programme_has(p, MODULE_TIERS)) {
        return;
    }
    const char *what =
        p->measure == MEASURE_SPEND ? pick(s, "spending in the %s", "خرید %s")
        : p->measure == MEASURE_EARNED
            ? pick(s, "points earned in the %s", "امتیاز کسب‌شده در %s")
            : pick(s, "points on the card", "امتیاز روی کارت");
    fputs(pick(s, "Tiers by ", "سطح‌ها بر پایهٔ "), s->out);
    if (p->measure == MEASURE_POINTS) {
        fputs(what, s->out);
    } else {
        fprintf(s->out, what, period(s, p->tier_period));
    }
    for (size_t i = 0; i < p->tier_count; i += 1) {
        char from[EXPLAIN_AMOUNT_MAX];
        if (p->measure == MEASURE_SPEND) {
            explain_money(p, s->language, (struct money){p->tiers[i].from}, from);
        } else {
            explain_points(s->language, p->tiers[i].from, from);
        }
        fprintf(s->out, pick(s, "%s %s from %s", "%s %s از %s"), i == 0 ? ":" : pick(s, ",", "،"),
                p->tiers[i].id, from);
    }
    fputs(p->tiers_fall
              ? pick(s, "; a tier may fall again.\n", "؛ سطح ممکن است پایین بیاید.\n")
              : pick(s, "; a tier never falls.\n", "؛ سطح پایین نمی‌آید.\n"),
          s->out);
}

static void show_products(const struct showing *s)
{
    const struct programme *p = s->programme;
    for (size_t i = 0; i < p->product_count; i += 1) {
        if (!p->products[i].earns) {
            fprintf(s->out, pick(s, "%s earns nothing.\n", "%s امتیاز نمی‌گیرد.\n"),
                    p->products[i].id);
        }
    }
}

static void show_stacking(const struct showing *s, uint32_t module, enum stacking how,
                          const char *english, const char *persian)
{
    if (!programme_has(s->programme, module)) {
        return;
    }
    const char *format =
        how == STACK_SUM
            ? pick(s, "If several rules give %s, all count.\n",
                   "اگر چند قاعده %s بدهند، همه به حساب می‌آید.\n")
        : how == STACK_BEST ? pick(s, "If several rules give %s, the best one counts.\n",
                                   "اگر چند قاعده %s بدهند، بهترین به حساب "
                                   "می‌آید.\n")
                            : pick(s, "If several rules give %s, the first one counts.\n",
                                   "اگر چند قاعده %s بدهند، نخستین به حساب "
                                   "می‌آید.\n");
    fprintf(s->out, format, pick(s, english, persian));
}

static void show_counting(const struct showing *s)
{
    const struct programme *p = s->programme;
    show_stacking(s, MODULE_REBATE, p->rebate_stacking, "a rebate", "تخفیف");
    show_stacking(s, MODULE_POINTS, p->award_stacking, "points", "امتیاز");
    show_stacking(s, MODULE_CASHBACK, p->cashback_stacking, "credit", "اعتبار");
    if (programme_has(p, MODULE_REBATE) && p->rebate_step.rials > 1) {
        line_money(
            s, "Each rebate is rounded down to a multiple of %s.\n",
            "هر تخفیف به پایین گرد می‌شود، به مضربی از %s.\n",
            p->rebate_step.rials);
    }
    if (programme_has(p, MODULE_CASHBACK) && p->cashback_step.rials > 1) {
        line_money(
            s, "Each credit is rounded down to a multiple of %s.\n",
            "هر اعتبار به پایین گرد می‌شود، به مضربی از %s.\n",
            p->cashback_step.rials);
    }
    fputs(p->refund_extras_lost
              ? pick(s, "A refund takes back all that rules beyond the basic points gave.\n",
                     "با مرجوعی، هر آنچه بیش از امتیاز پایه داده شده پس گرفته "
                     "می‌شود.\n")
              : pick(s, "A refund takes back what the returned part earned, in proportion.\n",
                     "با مرجوعی، سهم بخش مرجوع‌شده پس گرفته "
                     "می‌شود.\n"),
          s->out);
}

/* --- rules ---------------------------------------------------------------------------------- */

static void show_effects(const struct showing *s, const struct programme_rule *rule)
{
    const struct {
        enum effect_kind kind;
        bool is_set;
    } effects[] = {
        {EFFECT_REBATE, rule->rebate.is_set},     {EFFECT_AWARD, rule->award.is_set},
        {EFFECT_CASHBACK, rule->cashback.is_set}, {EFFECT_STAMPS, rule->stamps.is_set},
        {EFFECT_GROUP, rule->sets_group},
    };
    const char *before = "";
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i += 1) {
        char text[EXPLAIN_TEXT_MAX];
        if (effects[i].is_set) {
            explain_effect(s->programme, rule, effects[i].kind, s->language, NULL, text);
            fprintf(s->out, "%s%s", before, text);
            before = pick(s, "; ", "؛ ");
        }
    }
    fputs(".", s->out);
}

static void show_rule(const struct showing *s, size_t place)
{
    const struct programme_rule *rule = &s->programme->rules[place];
    const json_t *rules = json_object_get(s->document->json, "rules");
    fprintf(s->out, "  %s: ", rule->id);
    if (rule->when == 0) {
        fputs(pick(s, "Always: ", "همیشه: "), s->out);
    } else {
        fputs(pick(s, "When ", "اگر "), s->out);
        sentence_condition(s->out, s->programme,
                           json_object_get(json_array_get(rules, place), "when"), s->language);
        fputs(": ", s->out);
    }
    show_effects(s, rule);
    if (rule->once != 0) {
        fputs(rule->once <= PROGRAMME_MARKS_YEAR
                  ? pick(s, " Once a year for each card.", " هر کارت سالی یک بار.")
                  : pick(s, " Once for each card.", " هر کارت فقط یک بار."),
              s->out);
    }
    if (rule->say_fa != NULL) {
        fprintf(s->out, pick(s, " Says \"%s\".", " می‌گوید «%s»."),
                pick(s, rule->say_en, rule->say_fa));
    }
    fputc('\n', s->out);
}

void show_programme(FILE *out, const struct document *document, enum explain_language language)
{
    const struct showing s = {
        .out = out, .document = document, .programme = document->programme, .language = language};
    show_head(&s);
    show_points(&s);
    show_credit(&s);
    show_bonus(&s);
    show_promise(&s, MODULE_GIFT, PURSE_GIFT, s.programme->award_on_gift,
                 "A card holds at most %s of gift", "هدیهٔ هر کارت حداکثر %s است");
    show_promise(&s, MODULE_VOUCHER, PURSE_VOUCHER, s.programme->award_on_voucher,
                 "A card holds at most %s of voucher", "بن هر کارت حداکثر %s است");
    show_kinds(&s);
    show_groups(&s);
    show_limits(&s, "In one day a card:", "هر کارت در یک روز:", &s.programme->card_day);
    show_limits(&s, "In one day an operator:", "هر متصدی در یک روز:", &s.programme->operator_day);
    show_provisional(&s);
    show_tiers(&s);
    show_products(&s);
    show_counting(&s);
    fputs(pick(&s, "Rules:\n", "قاعده‌ها:\n"), out);
    for (size_t i = 0; i < s.programme->rule_count; i += 1) {
        show_rule(&s, i);
    }
}

/* --- plans ---------------------------------------------------------------------------------- */

static void put_line(void *context, const struct explain_line *line)
{
    FILE *out = context;
    bool has_name = line->kind == EXPLAIN_RULE || line->kind == EXPLAIN_ASIDE;
    has_name = has_name && line->name[0] != '\0';
    fprintf(out, "  %s%s%s%s%s\n", has_name ? line->name : "", has_name ? ": " : "", line->text,
            line->result[0] == '\0' ? "" : " = ", line->result);
}

void show_plan(FILE *out, const struct plan_input *input, const struct plan *plan,
               enum explain_language language)
{
    explain(input, plan, language, put_line, out);
}
