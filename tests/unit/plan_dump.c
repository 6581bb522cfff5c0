/* plan_dump - prints random plans as JSON lines, for `tests/reference/vafa_reference.py plan`.
 *
 * plan_dump SEED COUNT. Each card lives on from plan to plan, so that histories hold sales, partial
 * refunds, spent points and changed programmes as they arise; amounts are drawn near the edges. The
 * programme of each line is the document that was loaded. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/plan.h"
#include "hal/base/bytes.h"

static const char *const kind_words[] = {"",     "activate", "sale",         "refund",
                                         "load", "unload",   [10] = "expire"};

static const char *refusal_word(enum refusal refusal)
{
    static const char *const words[] = {
        "none",
        "card_blocked",
        "card_closed",
        "credit_short",
        "points_short",
        "redemption_off",
        "pays_too_much",
        "amount_range",
        "credit_ceiling",
        "points_ceiling",
        "counter_used_up",
        "not_in_history",
        "not_a_sale",
        "already_refunded",
        "points_spent",
        "credit_spent",
        "point_value_changed",
        "credit_off",
        "codes_off",
        "lines_differ",
        "code_unknown",
        "redemption_range",
        "points_held",
        "ask_seller",
        "cashback_spent",
        "nothing_expires",
    };
    return words[refusal];
}

static uint64_t random_state;

/* splitmix64: small, good enough, and the same on every machine. */
static uint64_t random_bits(void)
{
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 .. below-1 */
static int64_t draw(int64_t below)
{
    return (int64_t)(random_bits() % (uint64_t)below);
}

static const char *draw_word(const char *const *words, size_t count)
{
    return words[draw((int64_t)count)];
}
#define DRAW_WORD(...)                                                                             \
    draw_word((const char *const[]){__VA_ARGS__},                                                  \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
    return value < min ? min : value > max ? max : value;
}

/* A number around `edge`: on it, one beside it, or anywhere below it. */
static int64_t near(int64_t edge)
{
    switch (draw(4)) {
    case 0:
        return edge;
    case 1:
        return clamp(edge + draw(3) - 1, 0, MONEY_MAX_RIALS);
    default:
        return draw(edge + 1);
    }
}

/* --- programmes ---------------------------------------------------------------------------- */

static char document[20000];
static size_t document_size;
static int64_t basket; /* the programme's largest */

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(document + document_size, sizeof document - document_size, format, args);
    va_end(args);
    document_size += (size_t)size;
}

static void put_comparison(void)
{
    static const struct {
        const char *path;
        int64_t most; /* 0: the basket */
    } numbers[] = {{"sale.amount", 0},
                   {"sale.pay_credit", 0},
                   {"sale.redeem", 300},
                   {"card.points", 1000},
                   {"card.credit", 0},
                   {"card.stamps", 15},
                   {"card.counter", 60},
                   {"lines.milk.amount", 0},
                   {"lines.milk.quantity", 4},
                   {"lines.gold.amount", 0},
                   {"member.days_to_birthday", 366},
                   {"member.days_to_wedding", 366},
                   {"history.visits", 8},
                   {"history.days_since_visit", 40},
                   {"history.mean_interval", 40},
                   {"history.mean_basket", 0},
                   {"history.period_spend", 0},
                   {"history.period_earned", 500},
                   {"calendar.jalali_year", 1410},
                   {"calendar.jalali_month", 12},
                   {"calendar.jalali_day", 31},
                   {"calendar.year", 2030},
                   {"calendar.month", 12},
                   {"calendar.day", 31},
                   {"calendar.weekday", 6},
                   {"calendar.hour", 23},
                   {"calendar.minute", 59},
                   {"place.merchant", 2},
                   {"place.branch", 2},
                   {"place.terminal", 1000000}};
    static const char *const truths[] = {"history.known", "calendar.known", "mark.y1", "mark.e1",
                                         "on.cal1",       "on.cal2",        "code.c2"};
    size_t at = (size_t)draw(sizeof numbers / sizeof numbers[0]);
    switch (draw(8)) {
    case 0:
    case 1:
        put("%s{\"var\": \"%s\"}", "", DRAW_WORD("on.cal1", "history.known", "mark.e1", "code.c2"));
        return;
    case 2:
        put("{\"!\": {\"var\": \"%s\"}}", truths[draw(sizeof truths / sizeof truths[0])]);
        return;
    case 3:
        put("{\"%s\": [{\"var\": \"member.tier\"}, \"%s\"]}", DRAW_WORD("==", "!="),
            DRAW_WORD("low", "high", ""));
        return;
    case 4:
        put("{\"==\": [{\"var\": \"%s\"}, \"%s\"]}", DRAW_WORD("member.group", "card.kind"),
            DRAW_WORD("one", "two", ""));
        return;
    default:
        put("{\"%s\": [{\"var\": \"%s\"}, %" PRId64 "%s]}",
            DRAW_WORD("<", "<=", ">", ">=", "==", "!="), numbers[at].path,
            draw(numbers[at].most == 0 ? basket + 1 : numbers[at].most + 1),
            draw(4) == 0 ? DRAW_WORD(".5", ".25") : "");
    }
}

static void put_condition(void)
{
    if (draw(3) == 0) {
        put("true");
        return;
    }
    if (draw(2) == 0) {
        put_comparison();
        return;
    }
    put("{\"%s\": [", DRAW_WORD("and", "or"));
    put_comparison();
    put(", ");
    put_comparison();
    put("]}");
}

static void put_of(void)
{
    if (draw(3) == 0) {
        put(", \"of\": \"%s\"", DRAW_WORD("milk", "gold", "basket"));
    }
}

static void put_money(const char *name)
{
    put("\"%s\": {", name);
    if (draw(2) == 0) {
        put("\"percent\": %" PRId64 ".%02" PRId64, draw(60), draw(100));
    } else {
        put("\"rials\": %" PRId64, 1 + draw(basket));
    }
    if (draw(3) == 0) {
        put(", \"max_rials\": %" PRId64, 1 + draw(basket));
    }
    put_of();
    put("}");
}

static void put_effects(void)
{
    int64_t effects = 1 + draw(31);
    const char *comma = "";
    put("{");
    if (effects & 1) {
        put("\"award\": {\"points\": %" PRId64, draw(50));
        if (draw(3) != 0) {
            put(", \"per_rials\": %" PRId64, 1 + basket / (1 + draw(200)));
        }
        if (draw(4) == 0) {
            put(", \"max_points\": %" PRId64, 1 + draw(200));
        }
        put_of();
        put("}");
        comma = ", ";
    }
    if (effects & 2) {
        put("%s", comma);
        put_money("rebate");
        comma = ", ";
    }
    if (effects & 4) {
        put("%s", comma);
        put_money("cashback");
        comma = ", ";
    }
    if (effects & 8) {
        put("%s\"stamps\": {\"%s\": %" PRId64 "}", comma, DRAW_WORD("add", "set"), 1 + draw(7));
        comma = ", ";
    }
    if (effects & 16) {
        put("%s\"group\": \"%s\"", comma, DRAW_WORD("one", "two", ""));
    }
    put("}");
}

static void put_rules(int64_t count)
{
    put("\"rules\": [");
    for (int64_t i = 0; i < count; i += 1) {
        put("%s{\"id\": \"r%" PRId64 "\", \"when\": ", i > 0 ? ", " : "", i);
        put_condition();
        if (draw(4) == 0) {
            put(", \"once\": \"%s\"", DRAW_WORD("y1", "y2", "e1", "e2"));
        }
        put(", \"do\": ");
        put_effects();
        put("}");
    }
    put("]}");
}

static void put_head(void)
{
    static const int64_t baskets[] = {1000, 1000000, 50000000, INT64_C(10000000000)};
    static const int64_t values[] = {1, 10, 63, 1000, 1063, 50000};
    basket = baskets[draw(4)];
    int64_t credit = 1 + basket * (1 + draw(5));
    int64_t load = 1 + draw(credit);
    put("{\"vafa_programme\": 2, \"version\": 1, \"club\": \"random\", \"unit\": \"toman\", "
        "\"utc_offset_minutes\": %s, \"modules\": [\"points\", \"redemption\", \"credit\", "
        "\"rebate\", \"cashback\", \"stamps\", \"tiers\", \"marks\", \"codes\", \"expiry\"], ",
        DRAW_WORD("210", "210", "0", "-720", "840"));
    put("\"purses\": {\"points\": {\"max\": %" PRId64 ", \"hold_days\": %" PRId64
        ", \"expiry\": {\"period\": \"%s\"}}, \"credit\": {\"max_rials\": %" PRId64
        "}, \"gift\": {\"max_rials\": 0}, \"voucher\": {\"max_rials\": 0}}, ",
        draw(4) == 0 ? draw(3000) : POINTS_MAX, draw(3) == 0 ? draw(32) : 0,
        DRAW_WORD("month", "quarter", "half", "year"), credit);
    put("\"limits\": {\"sale_max_rials\": %" PRId64 ", \"load_min_rials\": %" PRId64
        ", \"load_max_rials\": %" PRId64 ", \"opening_max_rials\": %" PRId64 "}, ",
        basket, 1 + draw(clamp(load / 100, 1, load)), load, draw(credit + 1));
    put("\"redemption\": {\"rials_per_point\": %" PRId64 ", \"min_points\": %" PRId64
        ", \"max_percent\": %s}, ",
        values[draw(6)], draw(2) == 0 ? 0 : draw(20), DRAW_WORD("100", "100", "50", "33.33"));
    put("\"award_on\": {\"redeemed\": %s, \"credit\": %s}, ", DRAW_WORD("true", "false"),
        DRAW_WORD("true", "false"));
    put("\"stacking\": {\"rebate\": \"%s\", \"award\": \"%s\", \"cashback\": \"%s\"}, ",
        DRAW_WORD("sum", "best", "first"), DRAW_WORD("sum", "sum", "best", "first"),
        DRAW_WORD("sum", "best", "first"));
    put("\"rounding\": {\"rebate_rials\": %s, \"cashback_rials\": %s}, ",
        DRAW_WORD("1", "10", "1000"), DRAW_WORD("1", "10", "1000"));
    put("\"refund\": {\"extras\": \"%s\"}, ", DRAW_WORD("share", "lost"));
}

static void put_lists(void)
{
    put("\"tiers\": {\"measure\": \"%s\", \"period\": \"%s\", \"falls\": %s, \"list\": [{\"id\": "
        "\"low\", \"from\": 0}, {\"id\": \"mid\", \"from\": %" PRId64
        "}, {\"id\": \"high\", \"from\": %" PRId64 "}]}, ",
        DRAW_WORD("earned", "spend", "points"), DRAW_WORD("month", "quarter", "half", "year"),
        DRAW_WORD("true", "false"), 1 + draw(500), 501 + draw(2000));
    put("\"groups\": [{\"id\": \"one\", \"number\": 1}, {\"id\": \"two\", \"number\": 255}], "
        "\"kinds\": [{\"id\": \"one\", \"number\": 0}, {\"id\": \"two\", \"number\": 15}], "
        "\"products\": [{\"id\": \"milk\", \"number\": 3, \"earns\": %s}, {\"id\": \"gold\", "
        "\"number\": 200, \"earns\": %s}], ",
        DRAW_WORD("true", "false"), DRAW_WORD("true", "false"));
    put("\"calendars\": [{\"id\": \"cal1\", \"from\": \"140%" PRId64 "-0%" PRId64
        "-01\", \"to\": \"14%" PRId64 "-12-29\"}, {\"id\": \"cal2\", \"from\": \"1402-01-01\", "
        "\"to\": \"1440-01-01\", \"weekdays\": [%s]}], ",
        2 + draw(6), 1 + draw(9), 10 + draw(9), DRAW_WORD("0", "6", "1, 3, 5"));
    put("\"codes\": [{\"id\": \"c1\", \"code\": \"ONE\"}, {\"id\": \"c2\", \"code\": \"TWO\"}], "
        "\"marks\": [{\"id\": \"y1\", \"number\": 1, \"per\": \"year\"}, {\"id\": \"y2\", "
        "\"number\": 13, \"per\": \"year\"}, {\"id\": \"e1\", \"number\": 14, \"per\": \"ever\"}, "
        "{\"id\": \"e2\", \"number\": 26, \"per\": \"ever\"}], ");
}

/* A random document in `document`, loaded; without rules when it could earn too much. */
static struct programme *random_programme(void)
{
    struct programme *programme = NULL;
    struct fault fault;
    for (int64_t rules = draw(7);; rules = 0) {
        document_size = 0;
        put_head();
        put_lists();
        put_rules(rules);
        if (programme_load(document, document_size, &programme, &fault) == ST_OK) {
            return programme;
        }
        if (rules == 0 || strstr(fault.say, "earn") == NULL) {
            fprintf(stderr, "plan_dump: %s\n%s\n", fault.say, document);
            exit(1);
        }
    }
}

/* --- wishes, occasions --------------------------------------------------------------------- */

static void random_sale(const struct snapshot *card, struct wish *wish)
{
    wish->kind = TRANSACTION_SALE;
    wish->amount.rials = clamp(near(basket), 1, MONEY_MAX_RIALS);
    if (draw(3) == 0) {
        wish->redeem.n = near(card->points.n);
    } else if (draw(3) == 0) {
        wish->redeem.n = draw(card->points.n / 4 + 1);
    }
    if (draw(2) == 0) {
        int64_t credit = card->purse[PURSE_CREDIT].rials;
        wish->pay_credit.rials =
            near(credit < wish->amount.rials ? credit : wish->amount.rials) / (1 + draw(3));
    }
}

static struct wish random_wish(const struct programme *p, const struct snapshot *history,
                               size_t count)
{
    struct wish wish = {.kind = TRANSACTION_ACTIVATE};
    if (count == 0) {
        wish.amount.rials = near(p->opening_max.rials);
        return wish;
    }
    switch (draw(8)) {
    case 0:
    case 1:
    case 2:
    case 3:
        random_sale(&history[0], &wish);
        return wish;
    case 4:
        wish.kind = TRANSACTION_LOAD;
        wish.amount.rials = clamp(near(p->load_max.rials), 1, MONEY_MAX_RIALS);
        return wish;
    case 5:
    case 6:
        wish.kind = TRANSACTION_REFUND;
        break;
    default:
        wish.kind = draw(2) == 0 ? TRANSACTION_REFUND : TRANSACTION_UNLOAD;
        break;
    }
    enum transaction_kind of =
        wish.kind == TRANSACTION_REFUND ? TRANSACTION_SALE : TRANSACTION_LOAD;
    size_t at = (size_t)draw((int64_t)count);
    for (size_t i = 0; i < count && draw(8) != 0 && history[at].last.kind != of; i += 1) {
        at = (at + 1) % count;
    }
    wish.refers_counter = history[at].counter + (draw(40) == 0 ? 1 : 0);
    wish.amount.rials = draw(3) == 0 ? 0 : near(history[at].last.amount.rials / (1 + draw(3)));
    return wish;
}

static void random_lines(struct occasion *occasion, int64_t amount)
{
    int64_t milk = draw(amount + 1);
    int64_t gold = draw(amount - milk + 1);
    occasion->line_count = 3;
    occasion->lines[0] =
        (struct basket_line){.amount = {amount - milk - gold + (draw(50) == 0)}, .milli = 1000};
    occasion->lines[1] =
        (struct basket_line){.product = 3, .amount = {milk}, .milli = (uint32_t)draw(4000)};
    occasion->lines[2] = (struct basket_line){
        .product = 200, .amount = {gold}, .milli = BASKET_MILLI_MAX - (uint32_t)draw(2)};
}

static struct occasion random_occasion(const struct wish *wish, const struct facts *facts,
                                       size_t count)
{
    struct occasion occasion;
    memset(&occasion, 0, sizeof occasion);
    if (count > 0 && draw(30) != 0) {
        occasion.has_facts = true;
        occasion.facts = *facts;
    }
    if (draw(3) != 0) {
        occasion.has_identity = true;
        occasion.kind = (uint8_t)(draw(2) * 15);
        occasion.birthday = (uint16_t)(draw(4) == 0 ? 0 : 20000 + draw(25000));
        occasion.wedding = (uint16_t)(draw(4) == 0 ? 0 : 30000 + draw(15000));
    }
    if (wish->kind == TRANSACTION_SALE) {
        occasion.code = (uint8_t)(draw(3) == 0 ? draw(4) : 0);
        occasion.merchant = (uint32_t)draw(3);
        occasion.branch = (uint32_t)draw(3);
        if (draw(2) == 0) {
            random_lines(&occasion, wish->amount.rials);
        }
    }
    return occasion;
}

/* The clock: mostly on, now and then unset or back. */
static uint32_t random_minute(uint32_t *now)
{
    static const uint32_t steps[] = {1, 60, 1440, 1440, 14400, 14400, 43200, 200000, 525600};
    *now += 1 + (uint32_t)draw(steps[draw(9)]);
    if (*now > 14000000) {
        *now = 500000;
    }
    switch (draw(30)) {
    case 0:
        return 0;
    case 1:
        return (uint32_t)draw(*now);
    default:
        return *now;
    }
}

/* --- lines --------------------------------------------------------------------------------- */

static void print_hex(const uint8_t *bytes, size_t size)
{
    char text[2 * OCCASION_BYTES_MAX + 1];
    hex_encode(bytes, size, text);
    printf("\"%s\"", text);
}

static void print_image(const struct snapshot *snapshot)
{
    uint8_t image[SNAPSHOT_IMAGE_BYTES];
    snapshot_encode(snapshot, image);
    print_hex(image, sizeof image);
}

static void print_parts(const struct breakdown *parts)
{
    if (parts == NULL) {
        printf("null");
        return;
    }
    printf("[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
           ",%" PRId64 "]",
           parts->amount.rials, parts->rebate.rials, parts->redeemed.n, parts->redeemed_value.rials,
           parts->payment.rials, parts->load.rials, parts->award.n, parts->due.rials);
}

static void print_case(const struct plan_input *input, struct points expired,
                       const struct plan *plan)
{
    const struct wish *wish = &input->wish;
    uint8_t bytes[OCCASION_BYTES_MAX];

    printf("{\"programme\":%s,\"history\":[", document);
    for (size_t i = 0; i < input->history_count; i += 1) {
        printf("%s", i > 0 ? "," : "");
        print_image(&input->history[i]);
    }
    printf("],\"wish\":{\"kind\":\"%s\",\"amount\":%" PRId64 ",\"pay_credit\":%" PRId64
           ",\"redeem\":%" PRId64 ",\"refers_counter\":%" PRIu32 "},\"occasion\":",
           kind_words[wish->kind], wish->amount.rials, wish->pay_credit.rials, wish->redeem.n,
           wish->refers_counter);
    print_hex(bytes, occasion_encode(input->occasion, bytes));
    printf(",\"sale_parts\":");
    print_parts(input->sale_parts);
    printf(",\"minute\":%" PRIu32 ",\"terminal\":%" PRIu32 ",\"sequence\":%" PRIu32
           ",\"result\":{\"expired\":%" PRId64 ",\"refusal\":\"%s\"",
           input->minute, input->terminal, input->sequence, expired.n, refusal_word(plan->refusal));
    if (plan->refusal == REFUSAL_NONE) {
        uint8_t facts[FACTS_BYTES];
        facts_encode(&plan->facts_after, facts);
        printf(",\"next\":");
        print_image(&plan->next);
        printf(",\"parts\":");
        print_parts(&plan->parts);
        printf(",\"facts\":");
        print_hex(facts, sizeof facts);
    }
    printf("}}\n");
}

/* --- lives --------------------------------------------------------------------------------- */

static struct {
    struct snapshot history[PLAN_HISTORY_MAX];
    struct breakdown parts[PLAN_HISTORY_MAX];
    struct facts facts;
    size_t count;
    uint32_t now;
} card;

static const struct breakdown *parts_at(uint32_t counter)
{
    for (size_t i = 0; i < card.count; i += 1) {
        if (card.history[i].counter == counter) {
            return &card.parts[i];
        }
    }
    return NULL;
}

static void play(const struct programme *programme, size_t slots)
{
    struct plan_input input = {
        .programme = programme,
        .history = card.history,
        .history_count = card.count,
        .wish = random_wish(programme, card.history, card.count),
        .minute = random_minute(&card.now),
        .terminal = 1 + (uint32_t)draw(SNAPSHOT_TERMINAL_MAX),
        .sequence = 1 + (uint32_t)draw(SNAPSHOT_SEQUENCE_MAX),
    };
    struct occasion occasion = random_occasion(&input.wish, &card.facts, card.count);
    input.occasion = &occasion;
    struct points expired = {0};
    if (card.count > 0) {
        expired = plan_expired(&input);
        if ((expired.n > 0 && draw(4) != 0) || draw(100) == 0) {
            input.wish = (struct wish){.kind = TRANSACTION_EXPIRE};
        }
    }
    if (input.wish.kind == TRANSACTION_REFUND && draw(3) != 0) {
        input.sale_parts = parts_at(input.wish.refers_counter);
    }
    struct plan plan;
    enum st st = plan_make(&input, &plan);
    print_case(&input, expired, &plan);
    if (st == ST_OK) {
        card.count = card.count + 1 < slots ? card.count + 1 : slots;
        memmove(card.history + 1, card.history, (card.count - 1) * sizeof card.history[0]);
        memmove(card.parts + 1, card.parts, (card.count - 1) * sizeof card.parts[0]);
        card.history[0] = plan.next;
        card.parts[0] = plan.parts;
        card.facts = plan.facts_after;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: plan_dump SEED COUNT\n");
        return 2;
    }
    random_state = strtoull(argv[1], NULL, 10);
    unsigned long cases = strtoul(argv[2], NULL, 10);
    struct programme *programme = NULL;

    for (unsigned long i = 0; i < cases; i += 1) {
        if (i == 0 || draw(60) == 0) { /* Another card, and a newer programme now and then. */
            card.count = 0;
            card.now = 500000 + (uint32_t)draw(3000000);
        }
        if (card.count == 0 || draw(50) == 0) {
            programme_free(programme);
            programme = random_programme();
        }
        /* Rings of 9 and of 64 slots. */
        play(programme, cases % 2 == i / 3000 % 2 ? 9 : PLAN_HISTORY_MAX);
    }
    programme_free(programme);
    return 0;
}
