#include "firmware/engine/explain_action.h"

#include <inttypes.h>
#include <stdio.h>

/* Where it comes from, when the club gave it no text of its own. */
static const char *say_origin(enum action_origin origin, enum explain_language language)
{
    switch (origin) {
    case ORIGIN_BANK:
        return explain_pick(language, "By bank", "از بانک");
    case ORIGIN_WEB:
        return explain_pick(language, "On the web", "از وب");
    case ORIGIN_GROUP_CHARGE:
        return explain_pick(language, "Group charge", "شارژ گروهی");
    case ORIGIN_TRANSFER:
        return explain_pick(language, "Transfer", "انتقال");
    case ORIGIN_PRIZE:
        return explain_pick(language, "Prize", "جایزه");
    case ORIGIN_REFUND:
        return explain_pick(language, "Refund", "برگشت خرید");
    case ORIGIN_REPLACEMENT:
        return explain_pick(language, "From the lost card", "از کارت گم‌شده");
    case ORIGIN_CORRECTION:
        return explain_pick(language, "Correction", "اصلاح");
    case ORIGIN_ACCRUAL:
        return explain_pick(language, "Earned without a card", "خرید بدون کارت");
    case ORIGIN_IMPORT:
        return explain_pick(language, "Carried over", "انتقال از سامانهٔ قبلی");
    }
    return "";
}

static const char *say_kind(enum action_kind kind, enum explain_language language)
{
    switch (kind) {
    case ACTION_CREDIT:
        return explain_pick(language, "credit", "اعتبار");
    case ACTION_GIFT:
        return explain_pick(language, "gift credit", "اعتبار هدیه");
    case ACTION_VOUCHER:
        return explain_pick(language, "voucher", "بن");
    case ACTION_POINTS:
        return explain_pick(language, "points", "امتیاز");
    case ACTION_TAKE_CREDIT:
        return explain_pick(language, "credit taken off", "برداشت از اعتبار");
    case ACTION_TAKE_POINTS:
        return explain_pick(language, "points taken off", "برداشت از امتیاز");
    case ACTION_TIER:
        return explain_pick(language, "tier", "سطح");
    case ACTION_GROUP:
        return explain_pick(language, "group", "گروه");
    case ACTION_BLOCK:
        return explain_pick(language, "the card is blocked", "کارت مسدود شد");
    case ACTION_UNBLOCK:
        return explain_pick(language, "the card is free again", "کارت آزاد شد");
    case ACTION_OFFER:
        return explain_pick(language, "an offer can be used again", "پیشنهاد دوباره در دسترس است");
    case ACTION_STAMPS:
        return explain_pick(language, "stamps", "مهر");
    case ACTION_PARTICULARS:
        return explain_pick(language, "the card's particulars are new",
                            "مشخصات کارت به‌روز شد");
    case ACTION_LAYOUT:
        return explain_pick(language, "the card is brought up to date",
                            "کارت به‌روز شد");
    case ACTION_VOID:
        break;
    }
    return "";
}

static void say_money(const struct programme *programme, enum explain_language language,
                      int64_t rials, char ret[EXPLAIN_AMOUNT_MAX])
{
    static const struct programme in_rials = {.unit = UNIT_RIAL};
    explain_money(programme != NULL ? programme : &in_rials, language, (struct money){rials}, ret);
}

/* A name that the programme has for the number, or the number. */
static void say_name(const char *name, enum explain_language language, unsigned number,
                     char ret[EXPLAIN_AMOUNT_MAX])
{
    if (name != NULL && name[0] != '\0') {
        (void)snprintf(ret, EXPLAIN_AMOUNT_MAX, "%s", name);
    } else {
        explain_number(language, number, ret);
    }
}

bool explain_action(const struct programme *programme, const struct action *action, int64_t moved,
                    enum explain_language language, char ret_text[EXPLAIN_TEXT_MAX],
                    char ret_result[EXPLAIN_AMOUNT_MAX])
{
    const char *source =
        action->text[0] != '\0' ? action->text : say_origin(action->origin, language);
    (void)snprintf(ret_text, EXPLAIN_TEXT_MAX, "%s: %s", source, say_kind(action->kind, language));
    ret_result[0] = '\0';
    switch (action->kind) {
    case ACTION_CREDIT:
    case ACTION_GIFT:
    case ACTION_VOUCHER:
    case ACTION_TAKE_CREDIT:
        say_money(programme, language, moved, ret_result);
        break;
    case ACTION_POINTS:
    case ACTION_TAKE_POINTS:
        explain_points(language, moved, ret_result);
        break;
    case ACTION_TIER:
        say_name(programme == NULL ? NULL : programme_tier_id(programme, (uint8_t)action->value),
                 language, action->value, ret_result);
        break;
    case ACTION_GROUP:
        say_name(programme == NULL ? NULL : programme_group_id(programme, (uint8_t)action->value),
                 language, action->value, ret_result);
        break;
    case ACTION_STAMPS:
        explain_number(language, action->value, ret_result);
        break;
    case ACTION_BLOCK:
    case ACTION_UNBLOCK:
    case ACTION_OFFER:
    case ACTION_PARTICULARS:
    case ACTION_LAYOUT:
        break;
    case ACTION_VOID:
        return false;
    }
    return true;
}
