/* plan_dump - prints random plans as JSON lines, for `tests/reference/vafa_reference.py plan`.
 *
 * plan_dump SEED COUNT. Each card lives on from plan to plan, so that histories hold sales, partial
 * refunds, spent points and changed programmes as they arise; amounts are drawn near the edges. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/plan.h"
#include "hal/base/bytes.h"

static const char *const kind_words[] = {"", "activate", "sale", "refund", "load", "unload"};

static const char *refusal_word(enum refusal refusal)
{
    static const char *const words[] = {
        "none",           "card_blocked",        "card_closed",
        "credit_short",   "points_short",        "redemption_off",
        "pays_too_much",  "amount_range",        "credit_ceiling",
        "points_ceiling", "counter_used_up",     "not_in_history",
        "not_a_sale",     "already_refunded",    "points_spent",
        "credit_spent",   "point_value_changed",
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

static struct programme random_programme(void)
{
    static const int64_t values[] = {0, 1, 10, 63, 1000, 1063, 50000};
    static const int64_t baskets[] = {1000, 1000000, 50000000, INT64_C(10000000000)};
    struct programme p;
    memset(&p, 0, sizeof p);
    p.version = 1;
    p.unit = UNIT_TOMAN;
    (void)snprintf(p.club, sizeof p.club, "random");
    p.award_count = (size_t)draw(4);
    p.sale_max.rials = baskets[draw(4)];
    for (size_t i = 0; i < p.award_count; i += 1) {
        (void)snprintf(p.awards[i].id, sizeof p.awards[i].id, "rule-%zu", i);
        p.awards[i].block.rials = 1 + p.sale_max.rials / (1 + draw(200));
        p.awards[i].points.n = draw(30);
    }
    p.point_value.rials = values[draw(7)];
    p.award_on_redeemed = draw(2) == 0;
    p.award_on_credit = draw(2) == 0;
    p.credit_max.rials = 1 + p.sale_max.rials * (1 + draw(5));
    p.load_max.rials = 1 + draw(p.credit_max.rials);
    p.load_min.rials = 1 + draw(clamp(p.load_max.rials / 100, 1, p.load_max.rials));
    p.opening_max.rials = draw(p.credit_max.rials + 1);
    p.points_max.n = draw(4) == 0 ? draw(3000) : POINTS_MAX;
    return p;
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
        wish.kind = TRANSACTION_SALE;
        wish.amount.rials = clamp(near(p->sale_max.rials), 1, MONEY_MAX_RIALS);
        if (draw(2) == 0) {
            wish.redeem.n = near(history[0].points.n);
        }
        if (draw(2) == 0) {
            int64_t credit = history[0].purse[PURSE_CREDIT].rials;
            wish.pay_credit.rials = near(credit < wish.amount.rials ? credit : wish.amount.rials);
        }
        break;
    case 3:
        wish.kind = TRANSACTION_LOAD;
        wish.amount.rials = clamp(near(p->load_max.rials), 1, MONEY_MAX_RIALS);
        break;
    case 4:
    case 5:
    case 6:
        wish.kind = TRANSACTION_REFUND;
        break;
    default:
        wish.kind = TRANSACTION_UNLOAD;
        break;
    }
    if (wish.kind == TRANSACTION_REFUND || wish.kind == TRANSACTION_UNLOAD) {
        enum transaction_kind of =
            wish.kind == TRANSACTION_REFUND ? TRANSACTION_SALE : TRANSACTION_LOAD;
        size_t at = (size_t)draw((int64_t)count);
        for (size_t i = 0; i < count && draw(8) != 0 && history[at].last.kind != of; i += 1) {
            at = (at + 1) % count;
        }
        wish.refers_counter = history[at].counter + (draw(40) == 0 ? 1 : 0);
        wish.amount.rials = draw(3) == 0 ? 0 : near(history[at].last.amount.rials / (1 + draw(3)));
    }
    return wish;
}

static void print_programme(const struct programme *p)
{
    printf("{\"programme\":{\"version\":%" PRIu32 ",\"rules\":[", p->version);
    for (size_t i = 0; i < p->award_count; i += 1) {
        printf("%s{\"award\":{\"points\":%" PRId64 ",\"per_rials\":%" PRId64 "}}", i > 0 ? "," : "",
               p->awards[i].points.n, p->awards[i].block.rials);
    }
    printf("],\"redemption\":{\"rials_per_point\":%" PRId64
           "},\"award_on\":{\"redeemed\":%s,\"credit\":%s},",
           p->point_value.rials, p->award_on_redeemed ? "true" : "false",
           p->award_on_credit ? "true" : "false");
    printf("\"limits\":{\"sale_max_rials\":%" PRId64 ",\"load_min_rials\":%" PRId64
           ",\"load_max_rials\":%" PRId64 ",\"credit_max_rials\":%" PRId64
           ",\"opening_max_rials\":%" PRId64 ",\"points_max\":%" PRId64 "}},",
           p->sale_max.rials, p->load_min.rials, p->load_max.rials, p->credit_max.rials,
           p->opening_max.rials, p->points_max.n);
}

static void print_image(const struct snapshot *snapshot)
{
    uint8_t image[SNAPSHOT_IMAGE_BYTES];
    char text[2 * SNAPSHOT_IMAGE_BYTES + 1];
    snapshot_encode(snapshot, image);
    hex_encode(image, sizeof image, text);
    printf("\"%s\"", text);
}

static void print_case(const struct plan_input *input, const struct plan *plan)
{
    const struct wish *wish = &input->wish;
    const struct breakdown *parts = &plan->parts;

    print_programme(input->programme);
    printf("\"history\":[");
    for (size_t i = 0; i < input->history_count; i += 1) {
        printf("%s", i > 0 ? "," : "");
        print_image(&input->history[i]);
    }
    printf("],\"wish\":{\"kind\":\"%s\",\"amount\":%" PRId64 ",\"pay_credit\":%" PRId64
           ",\"redeem\":%" PRId64 ",\"refers_counter\":%" PRIu32 "},",
           kind_words[wish->kind], wish->amount.rials, wish->pay_credit.rials, wish->redeem.n,
           wish->refers_counter);
    printf("\"minute\":%" PRIu32 ",\"terminal\":%" PRIu32 ",\"sequence\":%" PRIu32
           ",\"result\":{\"refusal\":\"%s\"",
           input->minute, input->terminal, input->sequence, refusal_word(plan->refusal));
    if (plan->refusal == REFUSAL_NONE) {
        printf(",\"next\":");
        print_image(&plan->next);
        printf(",\"parts\":[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
               ",%" PRId64 ",%" PRId64 "]",
               parts->amount.rials, parts->rebate.rials, parts->redeemed.n,
               parts->redeemed_value.rials, parts->payment.rials, parts->load.rials, parts->award.n,
               parts->due.rials);
    }
    printf("}}\n");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: plan_dump SEED COUNT\n");
        return 2;
    }
    random_state = strtoull(argv[1], NULL, 10);
    unsigned long cases = strtoul(argv[2], NULL, 10);
    struct snapshot history[PLAN_HISTORY_MAX];
    struct programme programme = random_programme();
    size_t count = 0;

    for (unsigned long i = 0; i < cases; i += 1) {
        if (draw(60) == 0) { /* Another card, and a newer programme now and then. */
            count = 0;
        }
        if (count == 0 || draw(50) == 0) {
            programme = random_programme();
        }
        if (!programme_is_valid(&programme)) {
            programme.award_count = 0;
        }
        struct plan_input input = {
            .programme = &programme,
            .history = history,
            .history_count = count,
            .wish = random_wish(&programme, history, count),
            .minute = (uint32_t)draw(INT64_C(1) << 24),
            .terminal = 1 + (uint32_t)draw(SNAPSHOT_TERMINAL_MAX),
            .sequence = 1 + (uint32_t)draw(SNAPSHOT_SEQUENCE_MAX),
        };
        struct plan plan;
        enum st st = plan_make(&input, &plan);
        print_case(&input, &plan);
        if (st == ST_OK) {
            /* Rings of 9 and of 64 slots. */
            size_t slots = cases % 2 == i / 3000 % 2 ? 9 : PLAN_HISTORY_MAX;
            count = count + 1 < slots ? count + 1 : slots;
            memmove(history + 1, history, (count - 1) * sizeof history[0]);
            history[0] = plan.next;
        }
    }
    return 0;
}
