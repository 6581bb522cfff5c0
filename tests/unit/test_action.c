/* Tests of firmware/engine/action.h against tests/vectors/action.json, which tests/reference made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/action.h"
#include "hal/base/bytes.h"

static json_t *vectors;

static int load_vectors(void **state)
{
    (void)state;
    vectors = json_load_file("tests/vectors/action.json", JSON_REJECT_DUPLICATES, NULL);
    return vectors == NULL ? -1 : 0;
}

static int free_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static const json_t *vector_of(const char *list, size_t index, uint8_t ret_image[ACTION_BYTES])
{
    const json_t *vector = json_array_get(json_object_get(vectors, list), index);
    const char *hex = json_string_value(json_object_get(vector, "hex"));
    assert_int_equal(strlen(hex), 2 * ACTION_BYTES);
    assert_int_equal(hex_decode(hex, ret_image, ACTION_BYTES), ST_OK);
    return vector;
}

static int64_t field(const json_t *vector, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(vector, "fields"), name));
}

static void actions_of_the_vectors_decode_to_their_fields_and_encode_to_the_same_bytes(void **state)
{
    (void)state;
    size_t count = json_array_size(json_object_get(vectors, "good"));
    assert_true(count >= 20);
    for (size_t i = 0; i < count; i += 1) {
        uint8_t image[ACTION_BYTES];
        uint8_t again[ACTION_BYTES];
        struct action action;
        const json_t *vector = vector_of("good", i, image);
        assert_int_equal(action_decode(image, &action), ST_OK);
        assert_int_equal(action.kind, field(vector, "kind"));
        assert_int_equal(action.origin, field(vector, "origin"));
        assert_int_equal(action.number, field(vector, "number"));
        assert_int_equal(action.value, field(vector, "value"));
        assert_true(action.card_number == (uint64_t)field(vector, "card"));
        assert_true(action.amount == field(vector, "amount"));
        assert_true(action.until_s == field(vector, "until"));
        assert_true(action.id == (uint64_t)field(vector, "id"));
        assert_string_equal(action.text, json_string_value(json_object_get(
                                             json_object_get(vector, "fields"), "text")));
        action_encode(&action, again);
        assert_memory_equal(image, again, sizeof image);
        assert_true(action_is_equal(&action, &action));
    }
}

static void what_is_no_action_is_foreign_and_what_is_newer_is_unsupported(void **state)
{
    (void)state;
    size_t count = json_array_size(json_object_get(vectors, "bad"));
    assert_true(count >= 30);
    for (size_t i = 0; i < count; i += 1) {
        uint8_t image[ACTION_BYTES];
        struct action action;
        memset(&action, 0x5a, sizeof action);
        const json_t *vector = vector_of("bad", i, image);
        const char *status = json_string_value(json_object_get(vector, "status"));
        enum st st = action_decode(image, &action);
        if (st != (strcmp(status, "foreign") == 0 ? ST_FOREIGN : ST_UNSUPPORTED)) {
            fail_msg("bad[%zu] is %s", i, st_word(st));
        }
        assert_int_equal(((const uint8_t *)&action)[0], 0x5a);
    }
}

static void any_changed_byte_is_refused_or_is_another_action(void **state)
{
    (void)state;
    uint8_t image[ACTION_BYTES];
    uint8_t again[ACTION_BYTES];
    struct action first;
    (void)vector_of("good", 0, image);
    assert_int_equal(action_decode(image, &first), ST_OK);
    for (size_t at = 0; at < (size_t)256 * ACTION_BYTES; at += 1) {
        struct action action;
        uint8_t kept = image[at / 256];
        image[at / 256] = (uint8_t)at;
        if (action_decode(image, &action) == ST_OK) {
            action_encode(&action, again);
            assert_memory_equal(image, again, sizeof image);
            assert_int_equal(action_is_equal(&action, &first), (uint8_t)at == kept);
        }
        image[at / 256] = kept;
    }
}

static void the_club_signs_the_image_behind_its_purpose(void **state)
{
    (void)state;
    uint8_t image[ACTION_BYTES];
    uint8_t message[ACTION_MESSAGE_BYTES];
    (void)vector_of("good", 0, image);
    action_message(image, message);
    assert_memory_equal(message, "vafa-action-1", 13);
    assert_memory_equal(message + 13, image, ACTION_BYTES);
}

static void every_kind_and_origin_has_a_word(void **state)
{
    (void)state;
    assert_string_equal(action_kind_word(ACTION_VOID), "void");
    assert_string_equal(action_kind_word(ACTION_STAMPS), "stamps");
    assert_string_equal(action_kind_word(ACTION_PARTICULARS), "particulars");
    assert_string_equal(action_kind_word(ACTION_LAYOUT), "layout");
    assert_string_equal(action_kind_word((enum action_kind)16), "?");
    assert_string_equal(action_origin_word(ORIGIN_GROUP_CHARGE), "group_charge");
    assert_string_equal(action_origin_word((enum action_origin)0), "?");
}

/* Against the vector that the reference packed: kind 3, 1982-02-20, no wedding day, 2026-11-03. */
static void particulars_are_an_amount_and_back(void **state)
{
    (void)state;
    const int64_t packed = INT64_C(3) << 48 | INT64_C(30000) << 32 | 46327;
    const struct action_particulars it = action_particulars(packed);
    assert_int_equal(it.kind, 3);
    assert_int_equal(it.birthday, 30000);
    assert_int_equal(it.wedding, 0);
    assert_int_equal(it.expires, 46327);
    assert_true(action_particulars_pack(&it) == packed);

    const struct action run[] = {{.kind = ACTION_PARTICULARS, .amount = 7},
                                 {.kind = ACTION_PARTICULARS, .amount = packed},
                                 {.kind = ACTION_POINTS, .amount = 9}};
    struct action_particulars last = {0};
    assert_false(action_particulars_of(run + 2, 1, &last));
    assert_int_equal(last.kind, 0);
    assert_true(action_particulars_of(run, 3, &last));
    assert_int_equal(last.birthday, 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            actions_of_the_vectors_decode_to_their_fields_and_encode_to_the_same_bytes),
        cmocka_unit_test(what_is_no_action_is_foreign_and_what_is_newer_is_unsupported),
        cmocka_unit_test(any_changed_byte_is_refused_or_is_another_action),
        cmocka_unit_test(the_club_signs_the_image_behind_its_purpose),
        cmocka_unit_test(every_kind_and_origin_has_a_word),
        cmocka_unit_test(particulars_are_an_amount_and_back),
    };
    return cmocka_run_group_tests_name("action", tests, load_vectors, free_vectors);
}
