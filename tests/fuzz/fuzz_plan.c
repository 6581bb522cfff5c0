/* fuzz_plan.c - bytes become a card with any history, and wishes one after the other.
 *
 * Promise under test (plan.h): whatever the snapshots, the facts and the basket say, as long as
 * each field is in its range, plan_make() makes a plan that plan_holds(), or refuses with a
 * sentence; no assert, no wrap, no look beyond. A plan that was made leads to the next card, so
 * that what a foreign history leads to is a history, too. Run by libFuzzer (tests/fuzz/run.sh), and
 * with fixed pseudo-random bytes by test_plan_fuzz. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/plan.h"
#include "tests/fuzz/fuzz_plan.h"

enum { WISHES = 8 };

static struct programme *programmes[FUZZ_PLAN_PROGRAMMES];
static size_t programme_count;

bool fuzz_plan_open(const char *path)
{
    static char text[PROGRAMME_TEXT_MAX];
    FILE *file = fopen(path, "r");
    if (file == NULL || programme_count == FUZZ_PLAN_PROGRAMMES) {
        return false;
    }
    size_t size = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    struct fault fault;
    if (programme_load(text, size, &programmes[programme_count], &fault) != ST_OK) {
        fprintf(stderr, "%s: %s\n", path, fault.say);
        return false;
    }
    programme_count += 1;
    return true;
}

void fuzz_plan_close(void)
{
    while (programme_count > 0) {
        programme_count -= 1;
        programme_free(programmes[programme_count]);
    }
}

/* --- bytes to values ------------------------------------------------------------------------- */

static struct {
    const uint8_t *at;
    size_t size;
} rest;

static uint64_t take(size_t bytes)
{
    uint64_t value = 0;
    for (; bytes > 0; bytes -= 1) {
        value <<= 8;
        if (rest.size > 0) {
            value |= *rest.at;
            rest.at += 1;
            rest.size -= 1;
        }
    }
    return value;
}

/* 0 .. most: often an end of the range, or near `like`. */
static int64_t number(int64_t most, int64_t like)
{
    uint64_t how = take(1);
    int64_t value = (int64_t)(how >> 3);
    switch (how % 8) {
    case 0:
        break;
    case 1:
        value = most - value;
        break;
    case 2:
        value = like - value;
        break;
    case 3:
        value = like + value;
        break;
    case 4:
        value = (int64_t)take(2);
        break;
    default:
        value = (int64_t)(take(8) >> 1) % (most + 1);
        break;
    }
    return value < 0 ? 0 : value > most ? most : value;
}

static struct snapshot take_snapshot(uint32_t counter, const struct snapshot *like)
{
    struct snapshot card = {
        .layout = SNAPSHOT_LAYOUT_FIRST, .counter = counter, .status = CARD_ACTIVE};
    if (take(1) % 16 == 0) {
        card.status = (enum card_status)(1 + take(1) % 3);
    }
    card.action = (uint16_t)number(SNAPSHOT_ACTION_MAX, like->action);
    card.tier = (uint8_t)number(15, like->tier);
    card.group = (uint8_t)take(1);
    card.points.n = number(POINTS_MAX, like->points.n);
    for (size_t p = 0; p < PURSES; p += 1) {
        card.purse[p].rials = number(snapshot_purse_max((enum purse)p), like->purse[p].rials);
    }
    card.stamps = (uint8_t)number(SNAPSHOT_STAMPS_MAX, like->stamps);
    card.last.kind = (enum transaction_kind)(1 + take(1) % TRANSACTION_DUPLICATE);
    card.last.reference = (uint8_t)number(SNAPSHOT_REFERENCE_MAX, like->last.reference);
    if (card.last.kind == TRANSACTION_REFUND || card.last.kind == TRANSACTION_UNLOAD) {
        int64_t most = counter - 1 < SNAPSHOT_REFERENCE_MAX ? counter - 1 : SNAPSHOT_REFERENCE_MAX;
        card.last.reference = (uint8_t)(1 + number(most > 0 ? most - 1 : 0, 0));
        card.last.kind = most > 0 ? card.last.kind : TRANSACTION_SALE;
    }
    card.last.offer = (uint8_t)number(SNAPSHOT_OFFER_MAX, 0);
    card.last.flags = (uint8_t)(take(1) % 4);
    card.last.has_idle = card.last.kind == TRANSACTION_SALE && card.last.flags > 1;
    card.last.amount.rials = number(MONEY_MAX_RIALS, like->last.amount.rials);
    card.last.redeemed.n = number(REDEEMED_MAX, like->last.redeemed.n);
    card.last.minute = (uint32_t)number((1 << 24) - 1, like->last.minute);
    card.last.terminal = 1 + (uint32_t)number(SNAPSHOT_TERMINAL_MAX - 1, 0);
    card.last.sequence = 1 + (uint32_t)number(SNAPSHOT_SEQUENCE_MAX - 1, 0);
    assert(snapshot_is_valid(&card));
    return card;
}

static struct facts take_facts(uint32_t counter, const struct facts *like)
{
    struct facts facts = {
        .counter = counter,
        .last_day = (uint16_t)number((1 << 15) - 1, like->last_day),
        .visits = (uint16_t)number((1 << 12) - 1, like->visits),
        .interval = (uint16_t)number((1 << 11) - 1, like->interval),
        .basket = (uint32_t)number((1 << 22) - 1, like->basket),
        .spend = (uint32_t)number((1 << 27) - 1, like->spend),
        .earned = (uint32_t)number((1 << 23) - 1, like->earned),
        .carry = (uint32_t)number(POINTS_MAX, like->carry),
        .roll = (uint8_t)take(1),
        .marks_year = (uint16_t)(take(2) & ((1 << MARKS_YEAR) - 1)),
        .marks_ever = (uint16_t)(take(2) & ((1 << MARKS_EVER) - 1)),
    };
    assert(facts_are_valid(&facts));
    return facts;
}

/* Products rise and may be any; the lines add up or do not. */
static void take_lines(struct occasion *occasion, int64_t amount)
{
    uint64_t count = take(1) % (BASKET_LINES_MAX + 1);
    uint64_t product = 0;
    for (size_t i = 0; i < count && product < 256; i += 1) {
        struct basket_line *line = &occasion->lines[i];
        line->product = (uint8_t)product;
        line->milli = (uint32_t)number(BASKET_MILLI_MAX, 1000);
        product += 1 + take(1) % 16;
        line->amount.rials = i + 1 == count || product >= 256 ? amount : number(amount, 0);
        amount -= line->amount.rials;
        occasion->line_count = (uint8_t)(i + 1);
    }
}

/* The largest amount of a wish: of the programme's own mostly. */
static int64_t most_amount(const struct programme *programme, enum transaction_kind kind)
{
    if (take(1) % 8 == 0) {
        return MONEY_MAX_RIALS;
    }
    return kind == TRANSACTION_ACTIVATE ? programme->opening_max.rials
           : kind == TRANSACTION_LOAD   ? programme->load_max.rials
                                        : programme->sale_max.rials;
}

static struct wish take_wish(const struct programme *programme, const struct snapshot *card)
{
    static const enum transaction_kind kinds[] = {
        TRANSACTION_SALE,   TRANSACTION_SALE,   TRANSACTION_SALE,
        TRANSACTION_REFUND, TRANSACTION_REFUND, TRANSACTION_LOAD,
        TRANSACTION_UNLOAD, TRANSACTION_EXPIRE, TRANSACTION_DUPLICATE};
    struct wish wish = {.kind = TRANSACTION_ACTIVATE};
    if (card == NULL && take(1) % 4 == 0) { /* in another's place */
        wish.kind = TRANSACTION_DUPLICATE;
        wish.amount.rials = number(MONEY_MAX_RIALS, 0);
        wish.gift.rials = number(snapshot_purse_max(PURSE_GIFT), 0);
        wish.voucher.rials = number(snapshot_purse_max(PURSE_VOUCHER), 0);
        wish.inherits = (struct inheritance){.points = {number(POINTS_MAX, 0)},
                                             .tier = (uint8_t)number(15, 0),
                                             .group = (uint8_t)take(1),
                                             .stamps = (uint8_t)number(SNAPSHOT_STAMPS_MAX, 0)};
        return wish;
    }
    if (card == NULL) {
        wish.amount.rials = number(most_amount(programme, wish.kind), 0);
        return wish;
    }
    wish.kind = kinds[take(1) % (sizeof kinds / sizeof kinds[0])];
    wish.amount.rials = number(most_amount(programme, wish.kind), card->last.amount.rials);
    if (wish.kind == TRANSACTION_SALE && take(1) % 2 == 0) {
        wish.pay_credit.rials = number(MONEY_MAX_RIALS, card->purse[PURSE_CREDIT].rials);
        wish.pay_gift.rials = number(MONEY_MAX_RIALS, card->purse[PURSE_GIFT].rials);
        wish.pay_voucher.rials = number(MONEY_MAX_RIALS, card->purse[PURSE_VOUCHER].rials);
        wish.redeem.n = number(take(1) % 16 == 0 ? INT64_MAX - 1 : POINTS_MAX, card->points.n);
    }
    if (wish.kind == TRANSACTION_SALE || wish.kind == TRANSACTION_LOAD) {
        wish.amount.rials += wish.amount.rials == 0;
    }
    if (wish.kind == TRANSACTION_LOAD && take(1) % 3 == 0) {
        *(take(1) % 2 == 0 ? &wish.gift : &wish.voucher) = wish.amount;
        wish.amount.rials = 0;
    }
    wish.refers_counter = card->counter - (uint32_t)number(card->counter, 1);
    return wish;
}

/* --- the card and what it must hold ---------------------------------------------------------- */

static struct {
    struct snapshot history[PLAN_HISTORY_MAX];
    size_t count;
    struct facts facts;
} card;

static void take_card(void)
{
    static const struct snapshot none;
    static const struct facts no_facts;
    card.count = (size_t)(take(1) % 12);
    uint32_t counter = 1 + (uint32_t)number(SNAPSHOT_COUNTER_MAX - 1, 10);
    for (size_t i = 0; i < card.count; i += 1) {
        card.history[i] = take_snapshot(counter, i == 0 ? &none : &card.history[i - 1]);
        counter -= counter > 1 && take(1) % 32 != 0;
    }
    if (card.count > 0) {
        card.facts = take_facts(card.history[0].counter, &no_facts);
    }
}

static void test_plan(const struct plan_input *input, enum st st, const struct plan *plan)
{
    if (st != ST_OK) {
        assert(st == ST_REFUSED && plan->refusal != REFUSAL_NONE && plan->why.say[0] != '\0');
        return;
    }
    const struct snapshot *before = input->history_count == 0 ? NULL : &input->history[0];
    assert(plan->refusal == REFUSAL_NONE);
    assert(plan_holds(before, &plan->next, input->wish.kind, &plan->parts));
    assert(facts_are_valid(&plan->facts_after) && plan->facts_after.counter == plan->next.counter);
    assert(plan->step_count <= PLAN_STEPS_MAX);
    for (size_t i = 0; i < plan->step_count; i += 1) {
        assert(plan->steps[i].rule < input->programme->rule_count ||
               plan->steps[i].rule == PLAN_STEP_TOTAL);
        assert(plan->steps[i].note <= STEP_FAILED && plan->steps[i].effect <= EFFECT_GROUP);
    }
}

/* The card after the plan, in a ring of nine. */
static void follow(const struct plan *plan)
{
    card.count = card.count < 9 ? card.count + 1 : 9;
    memmove(card.history + 1, card.history, (card.count - 1) * sizeof card.history[0]);
    card.history[0] = plan->next;
    card.facts = plan->facts_after;
}

/* Any actions on the card; false: none could be applied. */
static bool some_actions(const struct programme *programme, const struct occasion *occasion)
{
    static struct plan plan;
    static const enum action_kind kinds[] = {
        ACTION_VOID,        ACTION_CREDIT,      ACTION_GIFT,   ACTION_VOUCHER,     ACTION_POINTS,
        ACTION_TAKE_CREDIT, ACTION_TAKE_POINTS, ACTION_TIER,   ACTION_GROUP,       ACTION_BLOCK,
        ACTION_UNBLOCK,     ACTION_OFFER,       ACTION_STAMPS, ACTION_PARTICULARS, ACTION_LAYOUT};
    struct action actions[ACTION_RUN_MAX];
    size_t count = 1 + take(1) % ACTION_RUN_MAX;
    const struct plan_input input = {.programme = take(1) % 8 == 0 ? NULL : programme,
                                     .history = card.history,
                                     .history_count = card.count,
                                     .occasion = occasion,
                                     .minute = (uint32_t)number((1 << 24) - 1, 1150000),
                                     .terminal = 1,
                                     .sequence = 1};
    for (size_t i = 0; i < count; i += 1) {
        actions[i] = (struct action){.kind = kinds[take(1) % (sizeof kinds / sizeof kinds[0])],
                                     .origin = ORIGIN_CORRECTION,
                                     .number = (uint16_t)(card.history[0].action + 1 + i),
                                     .card_number = card_number_make(CARD_PAYLOAD_MIN),
                                     .amount = number(MONEY_MAX_RIALS, card.history[0].points.n),
                                     .until_s = number(1 << 30, 0) * 2};
        if (!action_is_valid(&actions[i])) { /* of a kind without amount, or too much */
            actions[i].amount = 0;
            actions[i].value = (uint16_t)(take(1) % 16);
        }
        if (!action_is_valid(&actions[i])) {
            return false;
        }
    }
    if (plan_actions(&input, actions, count, &plan) != ST_OK) {
        assert(plan.refusal != REFUSAL_NONE && plan.why.say[0] != '\0');
        return false;
    }
    assert(plan_holds(&card.history[0], &plan.next, TRANSACTION_ACTION, &plan.parts));
    assert(plan.action_count >= 1 && plan.action_count <= count);
    assert((plan.action_stop == REFUSAL_NONE) == (plan.action_count == count));
    if (input.programme != NULL) {
        follow(&plan);
    }
    return true;
}

static bool one_wish(void)
{
    static struct plan plan;
    struct occasion occasion = {.has_facts = take(1) % 8 != 0, .facts = card.facts};
    struct breakdown parts = {.payment = {number(MONEY_MAX_RIALS, 0)}, .load = {number(1000, 0)}};
    const struct programme *programme = programmes[take(1) % programme_count];
    struct plan_input input = {
        .programme = programme,
        .history = card.history,
        .history_count = card.count,
        .wish = take_wish(programme, card.count == 0 ? NULL : &card.history[0]),
        .occasion = take(1) % 16 == 0 ? NULL : &occasion,
        .sale_parts = take(1) % 2 == 0 ? NULL : &parts,
        .minute =
            (uint32_t)number((1 << 24) - 1, card.count == 0 ? 0 : card.history[0].last.minute),
        .terminal = 1 + (uint32_t)number(SNAPSHOT_TERMINAL_MAX - 1, 0),
        .sequence = 1 + (uint32_t)number(SNAPSHOT_SEQUENCE_MAX - 1, 0),
    };
    if (input.wish.kind == TRANSACTION_DUPLICATE) {
        input.occasion = &occasion;
        occasion.peer.direction = card.count == 0 ? PEER_IN : PEER_OUT;
        occasion.has_facts &= card.count > 0;
    }
    occasion.has_identity = take(1) % 4 != 0;
    occasion.kind = (uint8_t)take(1);
    occasion.birthday = (uint16_t)take(2);
    occasion.wedding = (uint16_t)take(2);
    occasion.expires = (uint16_t)(take(1) % 4 == 0 ? take(2) : 0);
    occasion.code = (uint8_t)(take(1) % 4 == 0 ? number(255, 0) : 0);
    occasion.merchant = (uint32_t)take(4);
    occasion.branch = (uint32_t)take(4);
    if (input.wish.kind == TRANSACTION_SALE) {
        take_lines(&occasion, input.wish.amount.rials + (take(1) % 16 == 0));
    }
    if (card.count > 0 && take(1) % 8 == 0) {
        return some_actions(programme, input.occasion);
    }
    if (card.count > 0) {
        int64_t expired = plan_expired(&input).n;
        assert(expired >= 0 && expired <= card.history[0].points.n);
    }
    enum st st = plan_make(&input, &plan);
    test_plan(&input, st, &plan);
    if (st == ST_OK) {
        follow(&plan);
    }
    return st == ST_OK;
}

size_t fuzz_plan(const uint8_t *data, size_t size)
{
    assert(programme_count > 0);
    rest.at = data;
    rest.size = size;
    memset(&card, 0, sizeof card);
    take_card();
    size_t made = 0;
    for (size_t i = 0; i < WISHES && rest.size > 0; i += 1) {
        made += one_wish();
    }
    return made;
}

#ifdef FUZZ_MAIN
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* FUZZ_PROGRAMMES: paths of documents, with a colon between them. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    char *paths = getenv("FUZZ_PROGRAMMES");
    for (char *path = strsep(&paths, ":"); path != NULL; path = strsep(&paths, ":")) {
        if (!fuzz_plan_open(path)) {
            exit(2);
        }
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)fuzz_plan(data, size);
    return 0;
}
#endif
