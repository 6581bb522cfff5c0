/* Tests of firmware/engine/snapshot.h against tests/vectors/snapshot.json, which
 * tests/reference made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/snapshot.h"
#include "hal/base/bytes.h"

static json_t *vectors;

static int load_vectors(void **state)
{
    (void)state;
    vectors = json_load_file("tests/vectors/snapshot.json", JSON_REJECT_DUPLICATES, NULL);
    return vectors == NULL ? -1 : 0;
}

static int free_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static void image_of(const json_t *vector, uint8_t ret_image[SNAPSHOT_IMAGE_BYTES])
{
    const char *hex = json_string_value(json_object_get(vector, "hex"));
    assert_int_equal(hex_decode(hex, ret_image, SNAPSHOT_IMAGE_BYTES), ST_OK);
}

static void assert_field(const json_t *fields, const char *name, int64_t value)
{
    const json_t *expected = json_object_get(fields, name);
    assert_true(json_is_integer(expected));
    if (json_integer_value(expected) != value) {
        fail_msg("%s is %lld, not %lld", name, (long long)value,
                 (long long)json_integer_value(expected));
    }
}

static void images_decode_to_the_fields_of_the_vectors(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    assert_true(json_array_size(json_object_get(vectors, "good")) > 15);
    json_array_foreach(json_object_get(vectors, "good"), index, vector)
    {
        uint8_t image[SNAPSHOT_IMAGE_BYTES];
        struct snapshot s;
        image_of(vector, image);
        assert_int_equal(snapshot_decode(image, &s), ST_OK);
        const json_t *fields = json_object_get(vector, "fields");
        assert_field(fields, "layout", s.layout);
        assert_field(fields, "status", (int64_t)s.status);
        assert_field(fields, "counter", s.counter);
        assert_field(fields, "action", s.action);
        assert_field(fields, "tier", s.tier);
        assert_field(fields, "group", s.group);
        assert_field(fields, "points", s.points.n);
        assert_field(fields, "credit", s.purse[PURSE_CREDIT].rials);
        assert_field(fields, "gift", s.purse[PURSE_GIFT].rials);
        assert_field(fields, "voucher", s.purse[PURSE_VOUCHER].rials);
        assert_field(fields, "stamps", s.stamps);
        assert_field(fields, "idle", s.last.has_idle);
        assert_field(fields, "offer", s.last.offer);
        assert_field(fields, "flags", s.last.flags);
        assert_field(fields, "kind", (int64_t)s.last.kind);
        assert_field(fields, "reference", s.last.reference);
        assert_field(fields, "amount", s.last.amount.rials);
        assert_field(fields, "redeemed", s.last.redeemed.n);
        assert_field(fields, "minute", s.last.minute);
        assert_field(fields, "terminal", s.last.terminal);
        assert_field(fields, "sequence", s.last.sequence);
    }
}

static void decoded_images_encode_to_the_same_bytes(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_array_foreach(json_object_get(vectors, "good"), index, vector)
    {
        uint8_t image[SNAPSHOT_IMAGE_BYTES];
        uint8_t again[SNAPSHOT_IMAGE_BYTES];
        struct snapshot s;
        image_of(vector, image);
        assert_int_equal(snapshot_decode(image, &s), ST_OK);
        memset(again, 0xa5, sizeof again);
        snapshot_encode(&s, again);
        assert_memory_equal(image, again, sizeof image);
    }
}

static void foreign_images_are_told_apart_from_newer_ones(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    assert_true(json_array_size(json_object_get(vectors, "bad")) > 8);
    json_array_foreach(json_object_get(vectors, "bad"), index, vector)
    {
        uint8_t image[SNAPSHOT_IMAGE_BYTES];
        struct snapshot s;
        memset(&s, 0x5a, sizeof s);
        image_of(vector, image);
        enum st st = snapshot_decode(image, &s);
        assert_string_equal(st_word(st), json_string_value(json_object_get(vector, "status")));
        assert_int_equal(((const uint8_t *)&s)[0], 0x5a);
    }
}

static void any_flipped_bit_changes_the_snapshot_or_is_refused(void **state)
{
    (void)state;
    uint8_t image[SNAPSHOT_IMAGE_BYTES];
    image_of(json_array_get(json_object_get(vectors, "good"), 0), image);
    for (size_t bit = 0; bit < 8 * sizeof image; bit += 1) {
        uint8_t flipped[SNAPSHOT_IMAGE_BYTES];
        uint8_t again[SNAPSHOT_IMAGE_BYTES];
        struct snapshot s;
        memcpy(flipped, image, sizeof flipped);
        flipped[bit / 8] = (uint8_t)(flipped[bit / 8] ^ 0x80 >> bit % 8);
        if (snapshot_decode(flipped, &s) == ST_OK) {
            snapshot_encode(&s, again);
            assert_memory_equal(flipped, again, sizeof again);
        }
    }
}

static struct snapshot valid(void)
{
    uint8_t image[SNAPSHOT_IMAGE_BYTES];
    struct snapshot s;
    image_of(json_array_get(json_object_get(vectors, "good"), 0), image);
    assert_int_equal(snapshot_decode(image, &s), ST_OK);
    return s;
}

static void every_field_is_refused_one_beyond_its_range(void **state)
{
    (void)state;
    const struct snapshot good = valid();
    assert_true(snapshot_is_valid(&good));
#define REFUSED(field, value)                                                                      \
    do {                                                                                           \
        struct snapshot s = good;                                                                  \
        s.field = (value);                                                                         \
        assert_false(snapshot_is_valid(&s));                                                       \
    } while (0)
    REFUSED(layout, 0);
    REFUSED(layout, SNAPSHOT_LAYOUT_MAX + 1);
    REFUSED(status, (enum card_status)0);
    REFUSED(status, (enum card_status)4);
    REFUSED(counter, 0);
    REFUSED(counter, SNAPSHOT_COUNTER_MAX + 1);
    REFUSED(action, SNAPSHOT_ACTION_MAX + 1);
    REFUSED(tier, 16);
    REFUSED(points.n, -1);
    REFUSED(points.n, POINTS_MAX + 1);
    REFUSED(purse[PURSE_CREDIT].rials, -1);
    REFUSED(purse[PURSE_CREDIT].rials, MONEY_MAX_RIALS + 1);
    REFUSED(purse[PURSE_GIFT].rials, INT64_C(1) << 30);
    REFUSED(purse[PURSE_VOUCHER].rials, INT64_C(1) << 30);
    REFUSED(stamps, 16);
    REFUSED(last.kind, (enum transaction_kind)0);
    REFUSED(last.kind, (enum transaction_kind)13);
    REFUSED(last.reference, SNAPSHOT_REFERENCE_MAX + 1);
    REFUSED(last.offer, 27);
    REFUSED(last.flags, 4);
    REFUSED(last.amount.rials, -1);
    REFUSED(last.amount.rials, MONEY_MAX_RIALS + 1);
    REFUSED(last.redeemed.n, -1);
    REFUSED(last.redeemed.n, REDEEMED_MAX + 1);
    REFUSED(last.minute, UINT32_C(1) << 24);
    REFUSED(last.terminal, 0);
    REFUSED(last.terminal, SNAPSHOT_TERMINAL_MAX + 1);
    REFUSED(last.sequence, 0);
    REFUSED(last.sequence, SNAPSHOT_SEQUENCE_MAX + 1);
#undef REFUSED
}

static void minutes_count_from_2024_and_are_unset_outside(void **state)
{
    (void)state;
    const int64_t epoch = 1704067200;
    assert_int_equal(snapshot_minute(epoch - 1), 0);
    assert_int_equal(snapshot_minute(epoch), 0);
    assert_int_equal(snapshot_minute(epoch + 59), 0);
    assert_int_equal(snapshot_minute(epoch + 60), 1);
    assert_int_equal(snapshot_minute(epoch + INT64_C(16777215) * 60 + 59), 16777215);
    assert_int_equal(snapshot_minute(epoch + INT64_C(16777216) * 60), 0);
    assert_int_equal(snapshot_minute(INT64_MIN), 0);
    assert_int_equal(snapshot_minute(INT64_MAX), 0);
    assert_int_equal(snapshot_time_s(0), 0);
    assert_int_equal(snapshot_time_s(1), epoch + 60);
    assert_int_equal(snapshot_time_s(16777215), epoch + INT64_C(16777215) * 60);
    assert_int_equal(snapshot_time_s(16777216), 0);
}

static void a_card_number_is_16_digits_with_a_luhn_digit(void **state)
{
    (void)state;
    assert_true(card_number_is_valid(UINT64_C(4539148803436467)));
    assert_false(card_number_is_valid(UINT64_C(4539148803436468)));
    assert_false(card_number_is_valid(UINT64_C(5439148803436467))); /* two digits swapped */
    assert_false(card_number_is_valid(0));
    assert_false(card_number_is_valid(UINT64_C(79927398713)));       /* Luhn, but 11 digits */
    assert_false(card_number_is_valid(UINT64_C(45391488034364674))); /* 17 digits */
    assert_false(card_number_is_valid(UINT64_MAX));
}

static void every_payload_has_exactly_one_card_number(void **state)
{
    (void)state;
    for (uint64_t payload = CARD_PAYLOAD_MIN; payload < CARD_PAYLOAD_MIN + 1000; payload += 1) {
        uint64_t number = card_number_make(payload);
        assert_true(number / 10 == payload);
        unsigned valid_digits = 0;
        for (uint64_t digit = 0; digit < 10; digit += 1) {
            valid_digits += card_number_is_valid(payload * 10 + digit) ? 1 : 0;
        }
        assert_int_equal(valid_digits, 1);
    }
    assert_true(card_number_is_valid(card_number_make(CARD_PAYLOAD_MAX)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_decode_to_the_fields_of_the_vectors),
        cmocka_unit_test(decoded_images_encode_to_the_same_bytes),
        cmocka_unit_test(foreign_images_are_told_apart_from_newer_ones),
        cmocka_unit_test(any_flipped_bit_changes_the_snapshot_or_is_refused),
        cmocka_unit_test(every_field_is_refused_one_beyond_its_range),
        cmocka_unit_test(minutes_count_from_2024_and_are_unset_outside),
        cmocka_unit_test(a_card_number_is_16_digits_with_a_luhn_digit),
        cmocka_unit_test(every_payload_has_exactly_one_card_number),
    };
    return cmocka_run_group_tests_name("snapshot", tests, load_vectors, free_vectors);
}
