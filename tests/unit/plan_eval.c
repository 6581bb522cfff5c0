/* plan_eval - makes the plans that it reads, for tests/reference/vafa_millions.py, which makes each
 * of them, too, and compares builds and itself line by line.
 *
 * Reads lines, and answers each with one:
 *   P DOCUMENT    a programme for the lines after it -> "loaded", or "refused" TAB sentence
 *   C KIND AMOUNT GIFT VOUCHER PAY_CREDIT PAY_GIFT PAY_VOUCHER REDEEM REFERS INHERITS MINUTE
 * TERMINAL SEQUENCE OCCASION PARTS [IMAGE ...] numbers are decimal; OCCASION is hex, or - for none,
 * IMAGEs (newest first) are hex; INHERITS is tier,group,stamps,points, or -; PARTS, the sale's, are
 * ten numbers with commas in a journal's order, or -
 *                 -> EXPIRED REFUSAL [IMAGE PARTS FACTS] TAB check of sentence and explanation
 *   A MINUTE TERMINAL SEQUENCE OCCASION ACTIONS IMAGE
 *                 ACTIONS, their images, are hex
 *                 -> REFUSAL [IMAGE PARTS FACTS COUNT STOP MOVED] TAB check of the sentence
 * Input that is none of this ends it with status 2. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/plan.h"
#include "hal/base/bytes.h"

static const char *refusal_word(enum refusal refusal)
{
    static const char *const words[] = {
        [REFUSAL_NONE] = "none",
        [REFUSAL_CARD_BLOCKED] = "card_blocked",
        [REFUSAL_CARD_CLOSED] = "card_closed",
        [REFUSAL_CREDIT_SHORT] = "credit_short",
        [REFUSAL_POINTS_SHORT] = "points_short",
        [REFUSAL_REDEMPTION_OFF] = "redemption_off",
        [REFUSAL_PAYS_TOO_MUCH] = "pays_too_much",
        [REFUSAL_AMOUNT_RANGE] = "amount_range",
        [REFUSAL_CREDIT_CEILING] = "credit_ceiling",
        [REFUSAL_POINTS_CEILING] = "points_ceiling",
        [REFUSAL_COUNTER_USED_UP] = "counter_used_up",
        [REFUSAL_NOT_IN_HISTORY] = "not_in_history",
        [REFUSAL_NOT_A_SALE] = "not_a_sale",
        [REFUSAL_ALREADY_REFUNDED] = "already_refunded",
        [REFUSAL_POINTS_SPENT] = "points_spent",
        [REFUSAL_CREDIT_SPENT] = "credit_spent",
        [REFUSAL_POINT_VALUE_CHANGED] = "point_value_changed",
        [REFUSAL_CREDIT_OFF] = "credit_off",
        [REFUSAL_CODES_OFF] = "codes_off",
        [REFUSAL_LINES_DIFFER] = "lines_differ",
        [REFUSAL_CODE_UNKNOWN] = "code_unknown",
        [REFUSAL_REDEMPTION_RANGE] = "redemption_range",
        [REFUSAL_POINTS_HELD] = "points_held",
        [REFUSAL_ASK_SELLER] = "ask_seller",
        [REFUSAL_CASHBACK_SPENT] = "cashback_spent",
        [REFUSAL_NOTHING_EXPIRES] = "nothing_expires",
        [REFUSAL_PURSE_OFF] = "purse_off",
        [REFUSAL_PURSE_SHORT] = "purse_short",
        [REFUSAL_PURSE_CEILING] = "purse_ceiling",
        [REFUSAL_PURSE_SPENT] = "purse_spent",
        [REFUSAL_CARD_EXPIRED] = "card_expired",
        [REFUSAL_CARD_BRANCH] = "card_branch",
        [REFUSAL_GROUP_UNKNOWN] = "group_unknown",
        [REFUSAL_ACTION_ORDER] = "action_order",
        [REFUSAL_ACTION_LATE] = "action_late",
        [REFUSAL_ACTION_CEILING] = "action_ceiling",
        [REFUSAL_ACTION_NEXT] = "action_next",
    };
    return words[refusal];
}

/* --- what is read -------------------------------------------------------------------------- */

static void need(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "plan_eval: %s\n", what);
        exit(2);
    }
}

static int64_t number(const char *text, int64_t max)
{
    char *end;
    need(text != NULL, "a number is missing");
    long long value = strtoll(text, &end, 10);
    need(*end == '\0' && value >= 0 && value <= max, text);
    return value;
}

static size_t unhex(const char *text, uint8_t *ret_bytes, size_t max)
{
    need(text != NULL && strlen(text) % 2 == 0 && strlen(text) / 2 <= max, "hex");
    for (size_t i = 0; text[2 * i] != '\0'; i += 1) {
        unsigned byte;
        need(sscanf(text + 2 * i, "%2x", &byte) == 1, "hex");
        ret_bytes[i] = (uint8_t)byte;
    }
    return strlen(text) / 2;
}

static enum transaction_kind kind_of(const char *text)
{
    static const struct {
        const char *word;
        enum transaction_kind kind;
    } kinds[] = {{"activate", TRANSACTION_ACTIVATE}, {"sale", TRANSACTION_SALE},
                 {"refund", TRANSACTION_REFUND},     {"load", TRANSACTION_LOAD},
                 {"unload", TRANSACTION_UNLOAD},     {"expire", TRANSACTION_EXPIRE},
                 {"transfer", TRANSACTION_TRANSFER}, {"duplicate", TRANSACTION_DUPLICATE}};
    for (size_t i = 0; text != NULL && i < sizeof kinds / sizeof kinds[0]; i += 1) {
        if (strcmp(kinds[i].word, text) == 0) {
            return kinds[i].kind;
        }
    }
    need(false, "a kind");
    return TRANSACTION_SALE;
}

/* The journal's order of parts. */
static bool read_parts(char *text, struct breakdown *ret)
{
    int64_t *fields[] = {
        &ret->amount.rials,  &ret->rebate.rials, &ret->redeemed.n, &ret->redeemed_value.rials,
        &ret->payment.rials, &ret->load.rials,   &ret->award.n,    &ret->due.rials,
        &ret->gift.rials,    &ret->voucher.rials};
    need(text != NULL, "parts");
    if (strcmp(text, "-") == 0) {
        return false;
    }
    char *rest = text;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i += 1) {
        *fields[i] = number(strsep(&rest, ","), MONEY_MAX_RIALS);
    }
    return true;
}

static void read_inheritance(char *text, struct inheritance *ret)
{
    need(text != NULL, "what is inherited");
    if (strcmp(text, "-") != 0) {
        char *rest = text;
        ret->tier = (uint8_t)number(strsep(&rest, ","), 15);
        ret->group = (uint8_t)number(strsep(&rest, ","), UINT8_MAX);
        ret->stamps = (uint8_t)number(strsep(&rest, ","), SNAPSHOT_STAMPS_MAX);
        ret->points.n = number(strsep(&rest, ","), POINTS_MAX);
    }
}

static bool read_occasion(const char *hex, struct occasion *ret)
{
    uint8_t bytes[OCCASION_BYTES_MAX];
    need(hex != NULL, "an occasion");
    if (strcmp(hex, "-") == 0) {
        return false;
    }
    size_t size = unhex(hex, bytes, sizeof bytes);
    need(occasion_decode(bytes, size, ret) == ST_OK, "an occasion");
    return true;
}

static void read_image(const char *hex, struct snapshot *ret)
{
    uint8_t bytes[SNAPSHOT_IMAGE_BYTES];
    need(unhex(hex, bytes, sizeof bytes) == SNAPSHOT_IMAGE_BYTES &&
             snapshot_decode(bytes, ret) == ST_OK,
         "an image");
}

/* --- what is answered ---------------------------------------------------------------------- */

static void print_hex(const uint8_t *bytes, size_t size)
{
    char text[2 * SNAPSHOT_IMAGE_BYTES + 1];
    hex_encode(bytes, size, text);
    printf(" %s", text);
}

/* FNV-1a, 32 bits. */
static uint32_t mix(uint32_t check, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 1) {
        check = (check ^ ((const uint8_t *)bytes)[i]) * UINT32_C(16777619);
    }
    return check;
}

static uint32_t check_of(const struct plan *plan)
{
    uint32_t check = mix(UINT32_C(2166136261), plan->why.say, strlen(plan->why.say));
    for (size_t i = 0; i < plan->step_count; i += 1) {
        const struct plan_step *step = &plan->steps[i];
        const int64_t fields[] = {step->rule, step->effect, step->note, step->base, step->value};
        check = mix(check, fields, sizeof fields);
    }
    const int64_t more = (int64_t)plan->step_more;
    return mix(check, &more, sizeof more);
}

static void print_result(const struct plan *plan)
{
    const struct breakdown *parts = &plan->parts;
    uint8_t image[SNAPSHOT_IMAGE_BYTES];
    uint8_t facts[FACTS_BYTES];

    printf("%s", refusal_word(plan->refusal));
    if (plan->refusal == REFUSAL_NONE) {
        snapshot_encode(&plan->next, image);
        facts_encode(&plan->facts_after, facts);
        print_hex(image, sizeof image);
        printf(" %" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
               ",%" PRId64 ",%" PRId64 ",%" PRId64,
               parts->amount.rials, parts->rebate.rials, parts->redeemed.n,
               parts->redeemed_value.rials, parts->payment.rials, parts->load.rials, parts->award.n,
               parts->due.rials, parts->gift.rials, parts->voucher.rials);
        print_hex(facts, sizeof facts);
    }
}

static void print_plan(struct points expired, const struct plan *plan)
{
    printf("%" PRId64 " ", expired.n);
    print_result(plan);
    printf("\t%08" PRIx32 "\n", check_of(plan));
}

static void print_actions(const struct plan *plan)
{
    print_result(plan);
    if (plan->refusal == REFUSAL_NONE) {
        printf(" %zu %s ", plan->action_count, refusal_word(plan->action_stop));
        for (size_t i = 0; i < plan->action_count; i += 1) {
            printf("%s%" PRId64, i == 0 ? "" : ",", plan->action_moved[i]);
        }
    }
    printf("\t%08" PRIx32 "\n", check_of(plan));
}

/* --- lines --------------------------------------------------------------------------------- */

static struct programme *programme;

static void take_programme(const char *text)
{
    struct fault fault;
    programme_free(programme);
    programme = NULL;
    if (programme_load(text, strlen(text), &programme, &fault) == ST_OK) {
        puts("loaded");
    } else {
        printf("refused\t%s\n", fault.say);
    }
}

static void take_case(char *line)
{
    static struct snapshot history[PLAN_HISTORY_MAX];
    static struct plan plan;
    struct occasion occasion;
    struct breakdown parts;
    struct plan_input input = {.programme = programme};
    char *rest = line;

    need(programme != NULL, "a case without a programme");
    input.wish.kind = kind_of(strsep(&rest, " "));
    input.wish.amount.rials = number(strsep(&rest, " "), MONEY_MAX_RIALS);
    input.wish.gift.rials = number(strsep(&rest, " "), MONEY_MAX_RIALS);
    input.wish.voucher.rials = number(strsep(&rest, " "), MONEY_MAX_RIALS);
    input.wish.pay_credit.rials = number(strsep(&rest, " "), MONEY_MAX_RIALS);
    input.wish.pay_gift.rials = number(strsep(&rest, " "), MONEY_MAX_RIALS);
    input.wish.pay_voucher.rials = number(strsep(&rest, " "), MONEY_MAX_RIALS);
    input.wish.redeem.n = number(strsep(&rest, " "), INT32_MAX);
    input.wish.refers_counter = (uint32_t)number(strsep(&rest, " "), SNAPSHOT_COUNTER_MAX);
    read_inheritance(strsep(&rest, " "), &input.wish.inherits);
    input.minute = (uint32_t)number(strsep(&rest, " "), UINT32_MAX);
    input.terminal = (uint32_t)number(strsep(&rest, " "), SNAPSHOT_TERMINAL_MAX);
    input.sequence = (uint32_t)number(strsep(&rest, " "), SNAPSHOT_SEQUENCE_MAX);
    input.occasion = read_occasion(strsep(&rest, " "), &occasion) ? &occasion : NULL;
    input.sale_parts = read_parts(strsep(&rest, " "), &parts) ? &parts : NULL;
    while (rest != NULL) {
        need(input.history_count < PLAN_HISTORY_MAX, "too many images");
        read_image(strsep(&rest, " "), &history[input.history_count]);
        input.history_count += 1;
    }
    /* As many as there are, so that ASan sees a look beyond. */
    size_t bytes_of_history = input.history_count * sizeof history[0];
    struct snapshot *exact = malloc(bytes_of_history + 1);
    need(exact != NULL, "no memory");
    memcpy(exact, history, bytes_of_history);
    input.history = exact;
    struct points expired = {0};
    if (input.history_count > 0) {
        expired = plan_expired(&input);
    }
    enum st st = plan_make(&input, &plan);
    assert((st == ST_OK) == (plan.refusal == REFUSAL_NONE));
    print_plan(expired, &plan);
    free(exact);
}

static void take_actions(char *line)
{
    static struct plan plan;
    uint8_t images[ACTION_RUN_MAX * ACTION_BYTES];
    struct action actions[ACTION_RUN_MAX];
    struct occasion occasion;
    struct snapshot card;
    struct plan_input input = {.programme = programme, .history = &card, .history_count = 1};
    char *rest = line;

    need(programme != NULL, "a case without a programme");
    input.minute = (uint32_t)number(strsep(&rest, " "), UINT32_MAX);
    input.terminal = (uint32_t)number(strsep(&rest, " "), SNAPSHOT_TERMINAL_MAX);
    input.sequence = (uint32_t)number(strsep(&rest, " "), SNAPSHOT_SEQUENCE_MAX);
    input.occasion = read_occasion(strsep(&rest, " "), &occasion) ? &occasion : NULL;
    size_t count = unhex(strsep(&rest, " "), images, sizeof images) / ACTION_BYTES;
    need(count > 0, "actions");
    for (size_t i = 0; i < count; i += 1) {
        need(action_decode(images + i * ACTION_BYTES, &actions[i]) == ST_OK, "an action");
    }
    read_image(strsep(&rest, " "), &card);
    enum st st = plan_actions(&input, actions, count, &plan);
    assert((st == ST_OK) == (plan.refusal == REFUSAL_NONE));
    assert(st != ST_OK || plan_holds(&card, &plan.next, TRANSACTION_ACTION, &plan.parts));
    print_actions(&plan);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    while ((size = getline(&line, &room, stdin)) > 2) {
        line[size - 1] = '\0';
        if (line[0] == 'P') {
            take_programme(line + 2);
        } else if (line[0] == 'A') {
            take_actions(line + 2);
        } else {
            need(line[0] == 'C', "a line");
            take_case(line + 2);
        }
    }
    need(size < 0, "a line");
    free(line);
    programme_free(programme);
    return 0;
}
