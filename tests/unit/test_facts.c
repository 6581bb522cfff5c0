/* Tests of firmware/engine/facts.h: lives worked by hand, and tests/vectors/facts.json, which the
 * naive fold of tests/reference/vafa_facts.py made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/facts.h"
#include "hal/base/bytes.h"

static json_t *vectors;

static int load_vectors(void **state)
{
    (void)state;
    vectors = json_load_file("tests/vectors/facts.json", JSON_REJECT_DUPLICATES, NULL);
    return vectors == NULL ? -1 : 0;
}

static int free_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static void assert_facts_hex(const struct facts *facts, const char *hex)
{
    uint8_t bytes[FACTS_BYTES];
    char text[2 * FACTS_BYTES + 1];
    facts_encode(facts, bytes);
    hex_encode(bytes, sizeof bytes, text);
    assert_string_equal(text, hex);
}

/* --- a life in C --------------------------------------------------------------------------- */

static const struct facts_rules plain = {210, PERIOD_YEAR, PERIOD_NONE};

enum { LIFE_MAX = 64 };

struct life {
    struct facts_rules rules;
    struct snapshot snapshots[LIFE_MAX]; /* oldest first */
    size_t count;
    struct facts facts;
};

static uint32_t noon_of(struct date date)
{
    return date.year == 0 ? 0 : (uint32_t)(calendar_day_of_jalali(date) * 1440 + 12 * 60 - 210);
}

static void born(struct life *life, struct facts_rules rules, struct date date)
{
    memset(life, 0, sizeof *life);
    life->rules = rules;
    life->snapshots[0] = (struct snapshot){
        .layout = SNAPSHOT_LAYOUT_FIRST,
        .status = CARD_ACTIVE,
        .counter = 1,
        .last = {.kind = TRANSACTION_ACTIVATE,
                 .minute = noon_of(date),
                 .terminal = 1,
                 .sequence = 1},
    };
    life->count = 1;
    memset(&life->facts, 0xa5, sizeof life->facts);
    facts_fold(&life->rules, NULL, &life->snapshots[0], &life->facts);
}

/* What happens next; `next` changes the card as the transaction would. */
static struct snapshot *next_of(struct life *life, enum transaction_kind kind, struct date date,
                                int64_t amount)
{
    assert_true(life->count < LIFE_MAX);
    struct snapshot *next = &life->snapshots[life->count];
    *next = life->snapshots[life->count - 1];
    next->counter += 1;
    next->last = (struct transaction){.kind = kind,
                                      .amount = {amount},
                                      .minute = noon_of(date),
                                      .terminal = 1,
                                      .sequence = next->counter};
    return next;
}

static void lived(struct life *life)
{
    facts_fold(&life->rules, &life->snapshots[life->count - 1], &life->snapshots[life->count],
               &life->facts);
    life->count += 1;
    assert_int_equal(life->facts.counter, life->count);
}

static void sale(struct life *life, struct date date, int64_t net, int64_t award)
{
    next_of(life, TRANSACTION_SALE, date, net)->points.n += award;
    lived(life);
}

static struct date days_after(struct date date, int32_t days)
{
    return calendar_jalali(calendar_day_of_jalali(date) + days);
}

static const struct date start = {1405, 2, 1};

static void five_visits_every_ten_days_and_every_45(void **state)
{
    (void)state;
    const struct {
        int32_t every;
        uint16_t quarters;
    } rows[] = {{10, 40}, {45, 180}};
    for (size_t r = 0; r < 2; r += 1) {
        struct life life;
        born(&life, plain, start);
        assert_int_equal(life.facts.visits, 0);
        for (int32_t i = 0; i < 5; i += 1) {
            sale(&life, days_after(start, i * rows[r].every), 500000, 5);
        }
        assert_int_equal(life.facts.visits, 5);
        assert_int_equal(life.facts.interval, rows[r].quarters);
        assert_int_equal(life.facts.basket, 500);
        assert_int_equal(life.facts.spend, 2500);
        assert_int_equal(life.facts.earned, 25);
        assert_int_equal(life.facts.last_day,
                         calendar_day_of_jalali(days_after(start, 4 * rows[r].every)) + 1);
    }
}

/* Days between: 10, 20, 3, which are 40, 80, 12 quarters. Means: 40; 40 + 40/2 = 60;
 * 60 + (12 - 60)/3 = 44. Baskets 100, 205, 50, 50: 100; 100 + 105/2 = 152; 152 - 102/3 = 118;
 * 118 - 68/4 = 101. */
static void means_follow_the_visits(void **state)
{
    (void)state;
    struct life life;
    born(&life, plain, start);
    sale(&life, start, 100999, 0);
    assert_int_equal(life.facts.basket, 100);
    sale(&life, days_after(start, 10), 205999, 0);
    assert_int_equal(life.facts.interval, 40);
    assert_int_equal(life.facts.basket, 152);
    sale(&life, days_after(start, 30), 50000, 0);
    assert_int_equal(life.facts.interval, 60);
    assert_int_equal(life.facts.basket, 118);
    sale(&life, days_after(start, 33), 50000, 0);
    assert_int_equal(life.facts.interval, 44);
    assert_int_equal(life.facts.basket, 101);
    assert_int_equal(life.facts.visits, 4);
    assert_int_equal(life.facts.spend, 405);
    /* Again on that day: no visit, but the basket's mean moves: 101 + (901 - 101)/4. */
    sale(&life, days_after(start, 33), 901000, 0);
    assert_int_equal(life.facts.visits, 4);
    assert_int_equal(life.facts.interval, 44);
    assert_int_equal(life.facts.basket, 301);
}

static void a_clock_that_is_not_set_or_set_back_loses_nothing(void **state)
{
    (void)state;
    struct life life;
    born(&life, plain, start);
    sale(&life, start, 300000, 3);
    next_of(&life, TRANSACTION_SALE, start, 300000)->last.offer = 1;
    lived(&life);
    sale(&life, (struct date){1404, 2, 1}, 300000, 3);
    assert_int_equal(life.facts.visits, 1);
    assert_int_equal(life.facts.marks_year, 1);
    assert_int_equal(life.facts.spend, 900);
    assert_int_equal(life.facts.last_day, calendar_day_of_jalali(start) + 1);
    sale(&life, (struct date){0, 0, 0}, 300000, 3);
    assert_int_equal(life.facts.visits, 2);
    assert_int_equal(life.facts.interval, 0);
    assert_int_equal(life.facts.spend, 1200);
    assert_int_equal(life.facts.marks_year, 1);
    assert_int_equal(life.facts.last_day, calendar_day_of_jalali(start) + 1);
}

static void marks_of_the_year_end_with_it_and_others_stay(void **state)
{
    (void)state;
    struct life life;
    const struct date last = {1405, 12, 29};
    const struct date new_year = {1406, 1, 1};
    uint16_t nowruz = (uint16_t)(calendar_day_of_jalali(new_year) + 1);
    const uint8_t used[] = {1, 13, 14, 26};
    born(&life, plain, start);
    for (size_t i = 0; i < 4; i += 1) {
        next_of(&life, TRANSACTION_SALE, last, 1000)->last.offer = used[i];
        lived(&life);
    }
    for (uint8_t mark = 0; mark < 40; mark += 1) {
        bool is_used = mark == 1 || mark == 13 || mark == 14 || mark == 26;
        assert_int_equal(facts_mark_is_set(&life.facts, mark, nowruz - 1), is_used);
        assert_int_equal(facts_mark_is_set(&life.facts, mark, 0), is_used);
        assert_int_equal(facts_mark_is_set(&life.facts, mark, nowruz), is_used && mark >= 14);
    }
    /* A load in the new year is no sale: the marks are cleared by the next sale. */
    (void)next_of(&life, TRANSACTION_LOAD, new_year, 100000);
    lived(&life);
    assert_int_equal(life.facts.marks_year, 1U << 12 | 1U);
    next_of(&life, TRANSACTION_SALE, new_year, 1000)->last.offer = 2;
    lived(&life);
    assert_int_equal(life.facts.marks_year, 2);
    assert_int_equal(life.facts.marks_ever, 1U << 12 | 1U);
}

static void spend_and_points_are_of_the_tiers_period_and_a_refund_takes_them_back(void **state)
{
    (void)state;
    const struct facts_rules rules = {210, PERIOD_QUARTER, PERIOD_NONE};
    struct life life;
    born(&life, rules, start);
    sale(&life, (struct date){1405, 3, 31}, 2000000, 20);
    sale(&life, (struct date){1405, 4, 1}, 3000000, 30);
    assert_int_equal(life.facts.spend, 3000);
    assert_int_equal(life.facts.earned, 30);
    next_of(&life, TRANSACTION_REFUND, (struct date){1405, 4, 2}, 1000000)->points.n -= 10;
    lived(&life);
    assert_int_equal(life.facts.spend, 2000);
    assert_int_equal(life.facts.earned, 20);
    /* A refund in the next quarter takes nothing from a quarter that is over. */
    next_of(&life, TRANSACTION_REFUND, (struct date){1405, 7, 1}, 1000000)->points.n -= 10;
    lived(&life);
    assert_int_equal(life.facts.spend, 2000);
    /* More than is counted: not below 0. */
    next_of(&life, TRANSACTION_REFUND, (struct date){1405, 4, 3}, 9000000)->points.n -= 30;
    lived(&life);
    assert_int_equal(life.facts.spend, 0);
    assert_int_equal(life.facts.earned, 0);
    assert_int_equal(life.facts.visits, 2);
}

/* Points expire by years here: 300 of 1404, 100 of 1405; 250 are spent in 1405, oldest first. */
static void carry_is_what_is_left_of_earlier_periods(void **state)
{
    (void)state;
    const struct facts_rules rules = {210, PERIOD_YEAR, PERIOD_YEAR};
    struct life life;
    born(&life, rules, (struct date){1404, 6, 1});
    assert_int_equal(life.facts.roll, 2);
    sale(&life, (struct date){1404, 7, 1}, 1000000, 300);
    assert_int_equal(life.facts.carry, 0);
    sale(&life, start, 1000000, 100);
    assert_int_equal(life.facts.roll, 3);
    assert_int_equal(life.facts.carry, 300);
    struct snapshot *spent = next_of(&life, TRANSACTION_SALE, start, 1000000);
    spent->points.n -= 250;
    spent->last.redeemed.n = 250;
    lived(&life);
    assert_int_equal(life.facts.carry, 50);
    /* 1406: those 50 are gone, by a transaction of its own; the 100 of 1405 are now carried. */
    next_of(&life, TRANSACTION_EXPIRE, (struct date){1406, 1, 5}, 0)->points.n -= 50;
    lived(&life);
    assert_int_equal(life.facts.roll, 4);
    assert_int_equal(life.facts.carry, 100);
    sale(&life, (struct date){1406, 1, 5}, 1000000, 7);
    assert_int_equal(life.facts.carry, 100);
    /* A load begins a period, too. */
    (void)next_of(&life, TRANSACTION_LOAD, (struct date){1407, 1, 1}, 100000);
    lived(&life);
    assert_int_equal(life.facts.roll, 5);
    assert_int_equal(life.facts.carry, 107);
}

static void a_new_checkpoint_gives_no_offer_twice(void **state)
{
    (void)state;
    const struct facts_rules rules = {210, PERIOD_YEAR, PERIOD_YEAR};
    struct life life;
    struct facts facts;
    born(&life, rules, start);
    sale(&life, start, 1000000, 300);
    struct snapshot *next = next_of(&life, TRANSACTION_SALE, days_after(start, 3), 700000);
    next->points.n += 7 - 100;
    next->last.redeemed.n = 100;
    facts_restart(&rules, next - 1, next, &facts);
    assert_int_equal(facts.counter, 3);
    assert_int_equal(facts.visits, 1);
    assert_int_equal(facts.basket, 700);
    assert_int_equal(facts.earned, 7);
    assert_int_equal(facts.carry, 200);
    assert_int_equal(facts.roll, 3);
    for (uint8_t mark = 1; mark <= MARKS_YEAR + MARKS_EVER; mark += 1) {
        assert_true(facts_mark_is_set(&facts, mark, facts.last_day));
    }
}

static void a_checkpoint_catches_up_from_the_ring_or_says_that_it_cannot(void **state)
{
    (void)state;
    struct life life;
    struct facts at[LIFE_MAX];
    struct snapshot ring[LIFE_MAX];
    born(&life, plain, start);
    at[1] = life.facts;
    for (int32_t i = 0; i < 20; i += 1) {
        sale(&life, days_after(start, 3 * i), 100000 * (i + 1), i);
        at[life.count] = life.facts;
    }
    for (size_t i = 0; i < life.count; i += 1) {
        ring[i] = life.snapshots[life.count - 1 - i];
    }
    for (size_t held = 1; held <= life.count; held += 1) {
        for (uint32_t counter = 1; counter <= life.count; counter += 1) {
            struct facts facts = at[counter];
            bool reaches = life.count - counter < held;
            enum st st = facts_catch_up(&plain, ring, held, &facts);
            assert_int_equal(st, reaches ? ST_OK : ST_AGAIN);
            assert_true(facts_are_equal(&facts, reaches ? &life.facts : &at[counter]));
        }
    }
    for (size_t held = 0; held <= life.count; held += 1) {
        struct facts facts = at[3];
        enum st st = facts_from_birth(&plain, ring, held, &facts);
        assert_int_equal(st, held == life.count ? ST_OK : ST_AGAIN);
        assert_true(facts_are_equal(&facts, held == life.count ? &life.facts : &at[3]));
    }
    struct facts ahead = life.facts;
    assert_int_equal(facts_catch_up(&plain, ring + 1, life.count - 1, &ahead), ST_AGAIN);
    assert_int_equal(facts_catch_up(&plain, ring, 0, &ahead), ST_AGAIN);
    struct facts gap = at[5];
    memmove(ring + 4, ring + 5, sizeof ring[0] * 15);
    assert_int_equal(facts_catch_up(&plain, ring, life.count - 1, &gap), ST_AGAIN);
    assert_int_equal(facts_from_birth(&plain, ring, life.count - 1, &gap), ST_AGAIN);
}

static void days_are_local_and_rolls_saturate(void **state)
{
    (void)state;
    const struct facts_rules tehran = {210, PERIOD_MONTH, PERIOD_MONTH};
    const struct facts_rules west = {-720, PERIOD_YEAR, PERIOD_NONE};
    assert_int_equal(facts_day(&tehran, 0), 0);
    assert_int_equal(facts_day(&tehran, 1), 1);
    assert_int_equal(facts_day(&tehran, 1440 - 211), 1);
    assert_int_equal(facts_day(&tehran, 1440 - 210), 2);
    assert_int_equal(facts_day(&west, 719), 0);
    assert_int_equal(facts_day(&west, 720), 1);
    assert_int_equal(facts_roll(&west, 1), 0);
    assert_int_equal(facts_roll(&tehran, 0), 0);
    uint16_t day = (uint16_t)(calendar_day_of_jalali((struct date){1423, 4, 1}) + 1);
    assert_int_equal(facts_roll(&tehran, day), 255);
    assert_int_equal(facts_roll(&tehran, (uint16_t)(day + 1000)), 255);
    assert_int_equal(facts_roll(&tehran, (uint16_t)(day - 31)), 254);
    /* The largest day that 15 bits hold is still in the calendar. */
    assert_true(facts_same_period(&tehran, 32767, 32767));
}

/* --- vectors ------------------------------------------------------------------------------- */

static int64_t field_of(const json_t *fields, const char *name)
{
    const json_t *value = json_object_get(fields, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void bytes_are_as_the_table_has_them(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    assert_true(json_array_size(json_object_get(vectors, "fields")) == 22);
    json_array_foreach(json_object_get(vectors, "fields"), index, vector)
    {
        uint8_t bytes[FACTS_BYTES];
        struct facts f;
        const char *hex = json_string_value(json_object_get(vector, "hex"));
        const json_t *fields = json_object_get(vector, "fields");
        assert_int_equal(hex_decode(hex, bytes, sizeof bytes), ST_OK);
        assert_int_equal(facts_decode(bytes, &f), ST_OK);
        assert_true(facts_are_valid(&f));
        assert_int_equal(field_of(fields, "counter"), f.counter);
        assert_int_equal(field_of(fields, "last_day"), f.last_day);
        assert_int_equal(field_of(fields, "visits"), f.visits);
        assert_int_equal(field_of(fields, "interval"), f.interval);
        assert_int_equal(field_of(fields, "basket"), f.basket);
        assert_int_equal(field_of(fields, "spend"), f.spend);
        assert_int_equal(field_of(fields, "earned"), f.earned);
        assert_int_equal(field_of(fields, "carry"), f.carry);
        assert_int_equal(field_of(fields, "roll"), f.roll);
        assert_int_equal(field_of(fields, "marks_year"), f.marks_year);
        assert_int_equal(field_of(fields, "marks_ever"), f.marks_ever);
        assert_facts_hex(&f, hex);
    }
    uint8_t erased[FACTS_BYTES] = {0};
    struct facts f;
    assert_int_equal(facts_decode(erased, &f), ST_FOREIGN);
    erased[2] = 0x0f; /* counter 0, something behind it */
    assert_int_equal(facts_decode(erased, &f), ST_FOREIGN);
}

static void lives_are_as_the_naive_fold_has_them(void **state)
{
    (void)state;
    size_t index;
    json_t *life;
    size_t steps = 0;
    json_array_foreach(json_object_get(vectors, "lives"), index, life)
    {
        const struct facts_rules rules = {
            .utc_offset_minutes = (int16_t)field_of(life, "offset"),
            .tiers = (enum period)field_of(life, "tiers"),
            .expiry = (enum period)field_of(life, "expiry"),
        };
        json_t *images = json_object_get(life, "images");
        struct snapshot before;
        struct facts facts;
        for (size_t i = 0; i < json_array_size(images); i += 1) {
            uint8_t image[SNAPSHOT_IMAGE_BYTES];
            struct snapshot after;
            assert_int_equal(
                hex_decode(json_string_value(json_array_get(images, i)), image, sizeof image),
                ST_OK);
            assert_int_equal(snapshot_decode(image, &after), ST_OK);
            if (i == (size_t)field_of(life, "lost_at")) {
                facts_restart(&rules, &before, &after, &facts);
            } else {
                facts_fold(&rules, i == 0 ? NULL : &before, &after, &facts);
            }
            assert_facts_hex(&facts,
                             json_string_value(json_array_get(json_object_get(life, "facts"), i)));
            before = after;
            steps += 1;
        }
    }
    assert_true(steps > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_visits_every_ten_days_and_every_45),
        cmocka_unit_test(means_follow_the_visits),
        cmocka_unit_test(a_clock_that_is_not_set_or_set_back_loses_nothing),
        cmocka_unit_test(marks_of_the_year_end_with_it_and_others_stay),
        cmocka_unit_test(spend_and_points_are_of_the_tiers_period_and_a_refund_takes_them_back),
        cmocka_unit_test(carry_is_what_is_left_of_earlier_periods),
        cmocka_unit_test(a_new_checkpoint_gives_no_offer_twice),
        cmocka_unit_test(a_checkpoint_catches_up_from_the_ring_or_says_that_it_cannot),
        cmocka_unit_test(days_are_local_and_rolls_saturate),
        cmocka_unit_test(bytes_are_as_the_table_has_them),
        cmocka_unit_test(lives_are_as_the_naive_fold_has_them),
    };
    return cmocka_run_group_tests_name("facts", tests, load_vectors, free_vectors);
}
