#include "tools/programme/play.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/calendar.h"
#include "tools/programme/field.h"
#include "tools/programme/play_priv.h"

enum { THOUSAND = 1000 };

/* --- steps ---------------------------------------------------------------------------------- */

/* One line: an amount, or {"amount": ..., "quantity": ...}. */
static enum st read_line(const json_t *value, const char *product, struct basket_line *ret,
                         struct fault *fault)
{
    double quantity = 1;
    const json_t *of = value;
    if (json_is_object(value)) {
        const json_t *count = json_object_get(value, "quantity");
        of = json_object_get(value, "amount");
        quantity = count == NULL ? 1 : json_is_number(count) ? json_number_value(count) : -1;
    }
    if (quantity < 0 || quantity > (double)BASKET_MILLI_MAX / THOUSAND) {
        return field_refuse(fault, "lines.%.32s: quantity must be a number from 0 to 4,000,000.",
                            product);
    }
    ret->milli = (uint32_t)(quantity * THOUSAND + 0.5);
    return field_amount_of(of, "lines", &ret->amount, fault);
}

static int by_product(const void *a, const void *b)
{
    const struct basket_line *one = a;
    const struct basket_line *other = b;
    return (int)one->product - (int)other->product;
}

/* What the lines leave of the amount is of no product; without an amount they are all of it. */
static enum st read_lines(struct play *play, const json_t *lines, bool has_amount,
                          struct money *amount_of_sale, struct fault *fault)
{
    const struct programme *programme = play->programme;
    struct occasion *occasion = &play->occasion;
    const char *product;
    json_t *value;
    int64_t sum = 0;
    if (lines != NULL && !json_is_object(lines)) {
        return field_refuse(fault, "lines must be an object: product and amount.");
    }
    json_object_foreach((json_t *)lines, product, value)
    {
        struct basket_line *line = &occasion->lines[occasion->line_count];
        size_t place = 0;
        enum st st =
            field_place_of("product", product, programme->products, programme->product_count,
                           sizeof programme->products[0], &place, fault);
        if (st == ST_OK) {
            st = read_line(value, product, line, fault);
        }
        if (st != ST_OK) {
            return st;
        }
        line->product = programme->products[place].number;
        sum += line->amount.rials;
        occasion->line_count += 1;
    }
    if (!has_amount) {
        amount_of_sale->rials = sum < MONEY_MAX_RIALS ? sum : MONEY_MAX_RIALS;
    } else if (occasion->line_count > 0 && sum < amount_of_sale->rials) {
        occasion->lines[occasion->line_count] =
            (struct basket_line){.amount = {amount_of_sale->rials - sum}, .milli = THOUSAND};
        occasion->line_count += 1;
    }
    qsort(occasion->lines, occasion->line_count, sizeof occasion->lines[0], by_product);
    return ST_OK;
}

static enum st read_code(struct play *play, const json_t *sale, struct fault *fault)
{
    const json_t *code = json_object_get(sale, "code");
    if (code == NULL) {
        return ST_OK;
    }
    if (!json_is_string(code)) {
        return field_refuse(fault, "code must be a text, as the shopper says it.");
    }
    int place = programme_code_place(play->programme, json_string_value(code));
    /* One that is not there is the plan's to refuse. */
    play->occasion.code = place < 0 ? UINT8_MAX : (uint8_t)(1 + place);
    return ST_OK;
}

static enum st read_sale(struct play *play, const json_t *sale, struct wish *wish,
                         struct fault *fault)
{
    int64_t merchant = 0;
    int64_t branch = 0;
    enum st st = field_known(
        sale, "sale", " amount lines pay_credit pay_gift pay_voucher redeem code merchant branch ",
        fault);
    if (st == ST_OK) {
        st = field_amount(sale, "amount", &wish->amount, fault);
    }
    if (st == ST_OK) {
        st = read_lines(play, json_object_get(sale, "lines"),
                        json_object_get(sale, "amount") != NULL, &wish->amount, fault);
    }
    if (st == ST_OK && wish->amount.rials == 0) {
        return field_refuse(fault, "A sale needs an amount of more than 0.");
    }
    if (st == ST_OK) {
        st = field_amount(sale, "pay_credit", &wish->pay_credit, fault);
    }
    if (st == ST_OK) {
        st = field_amount(sale, "pay_gift", &wish->pay_gift, fault);
    }
    if (st == ST_OK) {
        st = field_amount(sale, "pay_voucher", &wish->pay_voucher, fault);
    }
    if (st == ST_OK) {
        st = field_whole(sale, "redeem", POINTS_MAX, &wish->redeem.n, fault);
    }
    if (st == ST_OK) {
        st = read_code(play, sale, fault);
    }
    if (st == ST_OK) {
        st = field_whole(sale, "merchant", UINT32_MAX, &merchant, fault);
    }
    if (st == ST_OK) {
        st = field_whole(sale, "branch", UINT32_MAX, &branch, fault);
    }
    play->occasion.merchant = (uint32_t)merchant;
    play->occasion.branch = (uint32_t)branch;
    return st;
}

/* A refund or unload says which step of the example it takes back. */
static enum st read_back(const struct play *play, const json_t *from, const char *what,
                         struct wish *wish, struct fault *fault)
{
    int64_t of = 0;
    enum st st = field_known(from, what, " of amount ", fault);
    if (st == ST_OK) {
        st = field_whole(from, "of", PLAY_STEPS_MAX, &of, fault);
    }
    if (st == ST_OK && (of < 1 || (size_t)of > play->step_count)) {
        return field_refuse(fault, "%s.of must be the number of an earlier step, from 1.", what);
    }
    if (st == ST_OK) {
        wish->refers_counter = play->counters[of - 1];
        st = field_amount(from, "amount", &wish->amount, fault); /* 0 = all that is left */
    }
    return st;
}

static enum st read_load(const json_t *from, struct wish *wish, struct fault *fault)
{
    enum st st = field_known(from, "load", " amount gift voucher ", fault);
    if (st == ST_OK) {
        st = field_amount(from, "amount", &wish->amount, fault);
    }
    if (st == ST_OK) {
        st = field_amount(from, "gift", &wish->gift, fault);
    }
    if (st == ST_OK) {
        st = field_amount(from, "voucher", &wish->voucher, fault);
    }
    int purses = (wish->amount.rials > 0) + (wish->gift.rials > 0) + (wish->voucher.rials > 0);
    return st == ST_OK && purses != 1
               ? field_refuse(fault, "A load needs one of amount, gift, voucher of more than 0.")
               : st;
}

/* Who joins: "account", "route" in their words, "group" as its id; left out: not said. */
static enum st read_newcomer(struct play *play, const json_t *from, struct fault *fault)
{
    static const char *const fields[] = {"account", "route"};
    const char *group = json_string_value(json_object_get(from, "group"));
    struct particulars particulars;
    enum st st = ST_OK;
    particulars_init(&particulars);
    for (size_t i = 0; i < 2 && st == ST_OK; i += 1) {
        const json_t *value = json_object_get(from, fields[i]);
        if (value != NULL) {
            const char *text = json_string_value(value);
            st = particulars_set(&particulars, fields[i], text == NULL ? "?" : text, fault);
        }
    }
    play->occasion.has_newcomer = true;
    play->occasion.newcomer =
        (struct newcomer){.account = particulars.account, .route = particulars.route};
    for (size_t i = 0; group != NULL && i < play->programme->group_count; i += 1) {
        if (strcmp(play->programme->groups[i].id, group) == 0) {
            play->occasion.newcomer.group = play->programme->groups[i].number;
        }
    }
    const bool is_bad =
        json_object_get(from, "group") != NULL && play->occasion.newcomer.group == 0;
    return st == ST_OK && is_bad ? field_refuse(fault, "\"group\" is the id of a group.") : st;
}

static enum st read_issue(struct play *play, const json_t *from, struct wish *wish,
                          struct fault *fault)
{
    enum st st = field_known(from, "issue", " credit gift voucher account route group ", fault);
    if (st == ST_OK) {
        st = read_newcomer(play, from, fault);
    }
    if (st == ST_OK) {
        st = field_amount(from, "credit", &wish->amount, fault);
    }
    if (st == ST_OK) {
        st = field_amount(from, "gift", &wish->gift, fault);
    }
    return st == ST_OK ? field_amount(from, "voucher", &wish->voucher, fault) : st;
}

static enum st read_wish(struct play *play, const json_t *step, struct wish *wish,
                         struct fault *fault)
{
    static const struct {
        const char *name;
        enum transaction_kind kind;
    } kinds[] = {{"sale", TRANSACTION_SALE},
                 {"refund", TRANSACTION_REFUND},
                 {"load", TRANSACTION_LOAD},
                 {"unload", TRANSACTION_UNLOAD},
                 {"issue", TRANSACTION_ACTIVATE}};
    const json_t *from = NULL;
    size_t found = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i += 1) {
        const json_t *value = json_object_get(step, kinds[i].name);
        if (value != NULL) {
            from = value;
            wish->kind = kinds[i].kind;
            found += 1;
        }
    }
    if (found != 1 || !json_is_object(from)) {
        return field_refuse(fault, "A step is one object of: sale, refund, load, unload, issue.");
    }
    if (wish->kind == TRANSACTION_SALE) {
        return read_sale(play, from, wish, fault);
    }
    if (wish->kind == TRANSACTION_ACTIVATE) {
        return read_issue(play, from, wish, fault);
    }
    if (wish->kind != TRANSACTION_LOAD) {
        return read_back(play, from, wish->kind == TRANSACTION_REFUND ? "refund" : "unload", wish,
                         fault);
    }
    return read_load(from, wish, fault);
}

static const struct breakdown *parts_of(const struct play *play, uint32_t counter)
{
    for (size_t i = 0; i < play->count; i += 1) {
        if (play->history[i].counter == counter) {
            return &play->parts[i];
        }
    }
    return NULL;
}

static enum st make(struct play *play, struct wish wish)
{
    bool is_new =
        wish.kind == TRANSACTION_ACTIVATE; /* of the example's kind, in place of its card */
    play->input = (struct plan_input){
        .programme = play->programme,
        .history = play->history,
        .history_count = is_new ? 0 : play->count,
        .wish = wish,
        .occasion = &play->occasion,
        .sale_parts = wish.kind == TRANSACTION_REFUND ? parts_of(play, wish.refers_counter) : NULL,
        .minute = play->minute,
        .terminal = PLAY_TERMINAL,
        .sequence = play->sequence + 1,
    };
    return plan_make(&play->input, &play->plan);
}

/* A new card's last day, as an issue writes it. */
static void date_card(struct play *play)
{
    const struct programme_kind_terms *terms =
        programme_kind_terms(play->programme, play->occasion.kind);
    const struct facts_rules rules = {.utc_offset_minutes = play->programme->utc_offset_minutes};
    if (terms != NULL && terms->valid_days != 0) {
        play->occasion.expires = (uint16_t)(facts_day(&rules, play->minute) - 1 +
                                            CALENDAR_DAYS_1900 + terms->valid_days);
    }
}

static void keep(struct play *play)
{
    if (play->plan.next.last.kind == TRANSACTION_ACTIVATE) {
        play->count = 0;
        date_card(play);
    }
    size_t kept = play->count < PLAN_HISTORY_MAX ? play->count : PLAN_HISTORY_MAX - 1;
    memmove(play->history + 1, play->history, kept * sizeof play->history[0]);
    memmove(play->parts + 1, play->parts, kept * sizeof play->parts[0]);
    play->history[0] = play->plan.next;
    play->parts[0] = play->plan.parts;
    play->count = kept + 1;
    play->sequence += 1;
    play->occasion.has_facts = play->plan.facts_after.counter == play->plan.next.counter;
    play->occasion.facts = play->plan.facts_after;
}

enum st play_step(struct play *play, const json_t *step, struct fault *fault)
{
    struct wish wish = {.kind = TRANSACTION_SALE};
    struct occasion *occasion = &play->occasion;
    if (play->step_count == PLAY_STEPS_MAX) {
        return field_refuse(fault, "An example has at most %d steps.", PLAY_STEPS_MAX);
    }
    occasion->line_count = 0;
    memset(occasion->lines, 0, sizeof occasion->lines);
    occasion->code = 0;
    occasion->has_newcomer = false;
    occasion->newcomer = (struct newcomer){0};
    enum st st = play_read_at(play, step, fault);
    if (st == ST_OK) {
        st = read_wish(play, step, &wish, fault);
    }
    if (st != ST_OK) {
        return st;
    }
    play->expired = 0;
    play->input = (struct plan_input){.programme = play->programme,
                                      .history = play->history,
                                      .history_count = play->count,
                                      .occasion = occasion,
                                      .minute = play->minute};
    if (wish.kind != TRANSACTION_ACTIVATE && plan_expired(&play->input).n > 0) {
        struct occasion asked = *occasion;
        occasion->line_count = 0;
        occasion->code = 0;
        st = make(play, (struct wish){.kind = TRANSACTION_EXPIRE});
        assert(st == ST_OK);
        play->expired = play->plan.parts.award.n;
        keep(play);
        memcpy(occasion->lines, asked.lines, sizeof occasion->lines);
        occasion->line_count = asked.line_count;
        occasion->code = asked.code;
    }
    play->st = make(play, wish);
    return ST_OK;
}

void play_keep(struct play *play)
{
    if (play->st == ST_OK) {
        keep(play);
    }
    play->counters[play->step_count] = play->st == ST_OK ? play->history[0].counter : 0;
    play->step_count += 1;
}
