/* Which of the waiting actions may be believed: the seal, the card, the kind. A seal was made by
 * openssl, the others by hal/signed, which test_signed holds against RFC 6979. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/terminal/arrivals.h"
#include "hal/base/bytes.h"
#include "hal/signed.h"
#include "storage/actions.h"
#include "tests/support/crash_vfs.h"

static const uint64_t the_card = 6274120000000010;
static const char private_pem[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
    "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
    "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
    "-----END EC PRIVATE KEY-----\n";
static const char public_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7\n"
    "Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
    "-----END PUBLIC KEY-----\n";
/* Number 1 of the card: 500,000 rials by bank, until 2030-01-01 UTC, club's number 77, "نوروز".
 * Bytes by Python's struct, seal by openssl dgst -sha256 -sign. */
static const char action_image[] =
    "01020100010000000ad0e065474a160020a107000000000080d8db70000000004d00000000000000"
    "d986d988d8b1d988d8b20000000000000000000000000000";
static const char action_seal[] =
    "8d6569f1fec949989687d46a4c05c759cb2e6824d9175f7682791e167ffd4d9c"
    "ed0befca636471d43cae543a9fc1ae659330cb038eb66082ea5c6903eefcb9f5";

static struct store *store;

static int begin(void **state)
{
    const struct store_config config = {.path = "vafa.db", .vfs = "crash", .create = true};
    struct fault fault;
    (void)state;
    crash_vfs_reset();
    assert_int_equal(store_open(&config, &store, &fault), ST_OK);
    assert_int_equal(setting_put(store, "programme.key", public_pem), ST_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    store_close(store);
    return 0;
}

static struct tap_look look_of(uint16_t newest)
{
    struct tap_look look = {.action_count = 3};
    const struct card_view view = {
        .condition = CARD_MEMBER, .number = the_card, .snapshot = {.action = newest}};
    assert_int_equal(arrivals_find(store, &view, &look), ST_OK);
    return look;
}

/* The action in `image`, sealed, under this card and number in the table. */
static void put(uint64_t card, uint16_t number, const uint8_t image[ACTION_BYTES])
{
    struct club_action row = {.card_number = card, .number = number};
    uint8_t message[ACTION_MESSAGE_BYTES];
    action_message(image, message);
    memcpy(row.image, image, sizeof row.image);
    assert_int_equal(signed_seal(private_pem, message, sizeof message, row.seal, NULL), ST_OK);
    assert_int_equal(actions_take(store, &row, 1), ST_OK);
}

static void points_image(uint16_t number, uint8_t ret_image[ACTION_BYTES])
{
    const struct action action = {.kind = ACTION_POINTS,
                                  .origin = ORIGIN_PRIZE,
                                  .number = number,
                                  .card_number = the_card,
                                  .amount = 10 * number};
    action_encode(&action, ret_image);
}

static void put_points(uint16_t number)
{
    uint8_t image[ACTION_BYTES];
    points_image(number, image);
    put(the_card, number, image);
}

static void put_vector(struct club_action *row)
{
    *row = (struct club_action){.card_number = the_card, .number = 1};
    assert_int_equal(hex_decode(action_image, row->image, sizeof row->image), ST_OK);
    assert_int_equal(hex_decode(action_seal, row->seal, sizeof row->seal), ST_OK);
    assert_int_equal(actions_take(store, row, 1), ST_OK);
}

static void what_openssl_sealed_is_read(void **state)
{
    (void)state;
    struct club_action row;
    put_vector(&row);
    const struct tap_look look = look_of(0);
    assert_int_equal(look.action_count, 1);
    assert_string_equal(look.waits.say.say, "");
    const struct action *action = &look.actions[0];
    assert_int_equal(action->kind, ACTION_CREDIT);
    assert_int_equal(action->origin, ORIGIN_BANK);
    assert_int_equal(action->amount, 500000);
    assert_int_equal(action->until_s, 1893456000);
    assert_int_equal(action->id, 77);
    assert_string_equal(action->text, "نوروز");
    /* The card has it already. */
    assert_int_equal(look_of(1).action_count, 0);
}

static void four_at_a_time_in_order(void **state)
{
    (void)state;
    for (uint16_t number = 6; number >= 1; number--) {
        put_points(number);
    }
    struct tap_look look = look_of(0);
    assert_int_equal(look.action_count, 4);
    for (uint16_t n = 0; n < 4; n++) {
        assert_int_equal(look.actions[n].number, n + 1);
        assert_int_equal(look.actions[n].amount, 10 * (n + 1));
    }
    assert_int_equal(look_of(4).action_count, 2);
    look = look_of(6);
    assert_int_equal(look.action_count, 0);
    assert_string_equal(look.waits.say.say, "");
}

static void every_changed_bit_makes_it_forged(void **state)
{
    (void)state;
    struct club_action row;
    put_vector(&row);
    for (size_t bit = 0; bit < 8 * sizeof row.image; bit += 7) {
        struct club_action bad = row;
        bad.image[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(actions_take(store, &bad, 1), ST_OK);
        const struct tap_look look = look_of(0);
        assert_int_equal(look.action_count, 0);
        assert_true(look.waits.is_forged);
        assert_true(look.waits.say.say[0] != '\0');
    }
    row.seal[10] ^= 1;
    assert_int_equal(actions_take(store, &row, 1), ST_OK);
    assert_true(look_of(0).waits.is_forged);
}

/* What is good before the bad one still counts; nothing behind it does. */
static void a_forged_one_stops_the_run(void **state)
{
    (void)state;
    struct club_action row = {.card_number = the_card, .number = 2};
    put_points(1);
    put_points(3);
    points_image(2, row.image);
    memset(row.seal, 1, sizeof row.seal);
    assert_int_equal(actions_take(store, &row, 1), ST_OK);
    const struct tap_look look = look_of(0);
    assert_int_equal(look.action_count, 1);
    assert_true(look.waits.is_forged);
    assert_non_null(strstr(look.waits.say.say, "Action 2"));
    /* All of it goes to the club. */
    assert_int_equal(look.refused.why, REFUSED_SEAL);
    assert_true(look.refused.card_number == the_card);
    assert_int_equal(look.refused.number, 2);
    assert_memory_equal(look.refused.image, row.image, sizeof row.image);
    assert_memory_equal(look.refused.seal, row.seal, sizeof row.seal);
}

/* Sealed by the club, and put in another's place: of another card, or as another number. */
static void what_is_sealed_for_another_place_is_forged(void **state)
{
    (void)state;
    uint8_t image[ACTION_BYTES];
    struct action action = {.kind = ACTION_POINTS,
                            .origin = ORIGIN_PRIZE,
                            .number = 1,
                            .card_number = 6274120000000028,
                            .amount = 5};
    assert_true(card_number_is_valid(action.card_number));
    action_encode(&action, image);
    put(the_card, 1, image);
    assert_true(look_of(0).waits.is_forged);
    assert_int_equal(look_of(0).action_count, 0);
    assert_int_equal(look_of(0).refused.why, REFUSED_PLACE);
    points_image(2, image);
    put(the_card, 1, image);
    assert_true(look_of(0).waits.is_forged);
}

static void what_this_firmware_does_not_know_waits(void **state)
{
    (void)state;
    uint8_t image[ACTION_BYTES];
    static const struct {
        size_t at;
        uint8_t value, card_layout;
    } unknown[] = {{0, 2, 0},
                   {1, 16, 0},
                   {1, 255, 0},
                   {2, 11, 0},
                   {1, ACTION_LAYOUT, SNAPSHOT_LAYOUT_MAX + 1}}; /* version, kind, origin */
    for (size_t n = 0; n < sizeof unknown / sizeof unknown[0]; n++) {
        points_image(1, image);
        image[unknown[n].at] = unknown[n].value;
        image[6] = unknown[n].card_layout;
        put(the_card, 1, image);
        const struct tap_look look = look_of(0);
        assert_int_equal(look.action_count, 0);
        assert_false(look.waits.is_forged);
        assert_non_null(strstr(look.waits.say.say, "update"));
        assert_int_equal(look.refused.why, REFUSED_UNKNOWN);
    }
}

static void without_the_clubs_key_nothing_is_believed(void **state)
{
    (void)state;
    struct club_action row;
    put_vector(&row);
    assert_int_equal(setting_put(store, "programme.key", "no key"), ST_OK);
    const struct tap_look look = look_of(0);
    assert_int_equal(look.action_count, 0);
    assert_true(look.waits.is_forged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_openssl_sealed_is_read, begin, end),
        cmocka_unit_test_setup_teardown(four_at_a_time_in_order, begin, end),
        cmocka_unit_test_setup_teardown(every_changed_bit_makes_it_forged, begin, end),
        cmocka_unit_test_setup_teardown(a_forged_one_stops_the_run, begin, end),
        cmocka_unit_test_setup_teardown(what_is_sealed_for_another_place_is_forged, begin, end),
        cmocka_unit_test_setup_teardown(what_this_firmware_does_not_know_waits, begin, end),
        cmocka_unit_test_setup_teardown(without_the_clubs_key_nothing_is_believed, begin, end),
    };
    crash_vfs_register("crash");
    return cmocka_run_group_tests_name("test_arrivals", tests, NULL, NULL);
}
