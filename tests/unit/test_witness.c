/* What a terminal wants to read of a card's ring, and what it notes of it:
 * firmware/terminal/witness.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/terminal/witness.h"

enum { OWN = 7, OTHER = 9, CARD = 1234 };

static const struct card_view view = {
    .family = CARD_CLASSIC, .uid = {4, 1, 2, 3}, .uid_bytes = 4, .number = CARD};

static struct snapshot shot(uint32_t counter, uint32_t terminal)
{
    return (struct snapshot){.counter = counter, .last = {.terminal = terminal}};
}

/* A ring whose newest counter is `newest`, all by another terminal. */
static void ring_of(uint32_t newest, size_t count, struct snapshot *ret)
{
    for (size_t i = 0; i < count; i += 1) {
        ret[i] = shot(newest - (uint32_t)i, OTHER);
    }
}

static void a_card_that_was_here_last_is_not_read(void **state)
{
    struct witness witness = {0};
    (void)state;
    witness_begin(&witness);
    witness_look(&witness, CARD, 41);
    const struct snapshot own = shot(42, OWN); /* our sale, on what we knew */
    assert_int_equal(witness_wants(&witness, &own, 42, OWN), 0);
    const struct snapshot same = shot(41, OTHER); /* a balance */
    assert_int_equal(witness_wants(&witness, &same, 41, OWN), 0);
    /* One elsewhere, then ours: our intent shows it as what was before. */
    const struct snapshot next = shot(43, OWN);
    assert_int_equal(witness_wants(&witness, &next, 43, OWN), 0);
    const struct snapshot later = shot(44, OWN);
    assert_int_equal(witness_wants(&witness, &later, 44, OWN), 3);
}

static void a_card_from_elsewhere_is_noted_once_oldest_first(void **state)
{
    struct witness witness = {0};
    struct snapshot ring[5];
    struct entry entries[CARD_HISTORY_MAX];
    (void)state;
    ring_of(20, 5, ring);
    ring[0].last.terminal = OWN; /* our sale; 19 is in its intent */
    witness_begin(&witness);
    witness_look(&witness, CARD, 16);
    assert_int_equal(witness_wants(&witness, &ring[0], 20, OWN), 4);
    assert_int_equal(witness_make(&witness, &view, ring, 5, 20, OWN, entries), 2);
    for (uint32_t i = 0; i < 2; i += 1) {
        assert_int_equal(entries[i].kind, ENTRY_SIGHTING);
        assert_int_equal(entries[i].sighting.snapshot.counter, 17 + i);
        assert_int_equal(entries[i].sighting.shown, SHOWN_OLDER);
        assert_memory_equal(entries[i].sighting.uid, view.uid, 4);
    }
    witness_end(&witness, true, 17, 20);
    witness_begin(&witness);
    witness_look(&witness, CARD, 20);
    assert_int_equal(witness_wants(&witness, &ring[0], 20, OWN), 0);
}

static void the_newest_is_noted_too_when_nothing_else_did(void **state)
{
    struct witness witness = {0};
    struct snapshot ring[3];
    struct entry entries[CARD_HISTORY_MAX];
    (void)state;
    ring_of(3, 3, ring);
    witness_look(&witness, CARD, 0);
    assert_int_equal(witness_wants(&witness, &ring[0], 0, OWN), 3);
    assert_int_equal(witness_make(&witness, &view, ring, 3, 0, OWN, entries), 3);
    assert_int_equal(entries[2].sighting.shown, SHOWN_NEWEST);
    assert_int_equal(witness_make(&witness, &view, ring, 3, 3, OWN, entries), 2);
}

static void what_a_card_took_along_is_wanted_when_it_comes_again(void **state)
{
    struct witness witness = {0};
    struct snapshot ring[9];
    struct entry entries[CARD_HISTORY_MAX];
    (void)state;
    ring_of(30, 9, ring);
    witness_look(&witness, CARD, 24);
    assert_int_equal(witness_make(&witness, &view, ring, 3, 30, OWN, entries), 2); /* 29, 28 */
    witness_end(&witness, false, 28, 30);
    ring_of(31, 9, ring);
    witness_begin(&witness);
    witness_look(&witness, CARD, 30);
    assert_int_equal(witness_wants(&witness, &ring[0], 31, OWN), 7);
    assert_int_equal(witness_make(&witness, &view, ring, 7, 31, OWN, entries), 3); /* 25, 26, 27 */
    assert_int_equal(entries[0].sighting.snapshot.counter, 25);
    assert_int_equal(entries[2].sighting.snapshot.counter, 27);
    witness_end(&witness, true, 25, 31);
    witness_begin(&witness);
    witness_look(&witness, CARD, 31);
    assert_int_equal(witness_wants(&witness, &ring[0], 31, OWN), 0);
}

static void many_cards_that_left_are_remembered_the_newest_of_them(void **state)
{
    struct witness witness = {0};
    (void)state;
    for (uint64_t n = 1; n <= WITNESS_OWED_MAX + 1; n += 1) {
        witness_begin(&witness);
        witness_look(&witness, n, 5);
        witness_end(&witness, false, 0, 0);
    }
    witness_begin(&witness);
    witness_look(&witness, 1, 9); /* forgotten: what the journal knows counts */
    assert_int_equal(witness.floor, 9);
    witness_begin(&witness);
    witness_look(&witness, 2, 9);
    assert_int_equal(witness.floor, 5);
    witness_look(&witness, 2, 1); /* only the first look of a request counts */
    assert_int_equal(witness.floor, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_that_was_here_last_is_not_read),
        cmocka_unit_test(a_card_from_elsewhere_is_noted_once_oldest_first),
        cmocka_unit_test(the_newest_is_noted_too_when_nothing_else_did),
        cmocka_unit_test(what_a_card_took_along_is_wanted_when_it_comes_again),
        cmocka_unit_test(many_cards_that_left_are_remembered_the_newest_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
