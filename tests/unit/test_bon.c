/* Tests of firmware/engine/bon.h against tests/vectors/bon.json, which Python's struct and base64
 * made. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/bon.h"
#include "firmware/engine/media_line.h"
#include "hal/base/bytes.h"

static json_t *vectors;

static int load_vectors(void **state)
{
    (void)state;
    vectors = json_load_file("tests/vectors/bon.json", JSON_REJECT_DUPLICATES, NULL);
    return vectors == NULL ? -1 : 0;
}

static int free_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static json_int_t number(const json_t *vector, const char *name)
{
    const json_t *value = json_object_get(vector, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static const char *text_of(const json_t *vector, const char *name)
{
    const char *text = json_string_value(json_object_get(vector, name));
    assert_non_null(text);
    return text;
}

static struct bon_shown shown_of(const json_t *vector)
{
    struct bon_shown shown = {.bon = {.series = (uint32_t)number(vector, "series"),
                                      .serial = (uint32_t)number(vector, "serial"),
                                      .amount = {number(vector, "amount")},
                                      .first_day = (uint16_t)number(vector, "first"),
                                      .last_day = (uint16_t)number(vector, "last"),
                                      .merchant = (uint32_t)number(vector, "merchant")}};
    assert_int_equal(hex_decode(text_of(vector, "seal"), shown.seal, sizeof shown.seal), ST_OK);
    return shown;
}

static void bons_of_the_vectors_have_their_image_and_text(void **state)
{
    (void)state;
    size_t i = 0;
    json_t *vector = NULL;
    json_array_foreach(json_object_get(vectors, "good"), i, vector)
    {
        const struct bon_shown shown = shown_of(vector);
        uint8_t image[BON_BYTES];
        char hex[2 * BON_BYTES + 1], text[BON_TEXT_BYTES + 1];
        bon_encode(&shown.bon, image);
        hex_encode(image, sizeof image, hex);
        assert_string_equal(hex, text_of(vector, "image"));
        bon_to_text(&shown, text);
        assert_string_equal(text, text_of(vector, "text"));

        uint8_t sealed[BON_SEALED_BYTES];
        bon_sealed(&shown.bon, sealed);
        assert_memory_equal(sealed, "vafa-bon-1", 10);
        assert_memory_equal(sealed + 10, image, sizeof image);
    }
    assert_int_equal(i, 4);
}

static void texts_of_the_vectors_are_read_in_either_case(void **state)
{
    (void)state;
    size_t i = 0;
    json_t *vector = NULL;
    json_array_foreach(json_object_get(vectors, "good"), i, vector)
    {
        const struct bon_shown expected = shown_of(vector);
        char text[BON_TEXT_BYTES + 1];
        for (int lower = 0; lower < 2; lower++) {
            struct bon_shown shown;
            (void)snprintf(text, sizeof text, "%s", text_of(vector, "text"));
            for (char *at = text; *at != '\0' && lower; at++) {
                *at = (char)tolower((unsigned char)*at);
            }
            assert_true(bon_is_text(text, strlen(text)));
            assert_int_equal(bon_from_text(text, strlen(text), &shown), ST_OK);
            assert_int_equal(shown.bon.series, expected.bon.series);
            assert_int_equal(shown.bon.serial, expected.bon.serial);
            assert_int_equal(shown.bon.amount.rials, expected.bon.amount.rials);
            assert_int_equal(shown.bon.first_day, expected.bon.first_day);
            assert_int_equal(shown.bon.last_day, expected.bon.last_day);
            assert_int_equal(shown.bon.merchant, expected.bon.merchant);
            assert_memory_equal(shown.seal, expected.seal, sizeof shown.seal);
        }
    }
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    size_t i = 0;
    json_t *vector = NULL;
    json_array_foreach(json_object_get(vectors, "bad"), i, vector)
    {
        const char *text = text_of(vector, "text");
        const bool is_newer = json_is_true(json_object_get(vector, "unsupported"));
        struct bon_shown shown;
        const enum st st = bon_from_text(text, strlen(text), &shown);
        if (st != (is_newer ? ST_UNSUPPORTED : ST_FOREIGN)) {
            fail_msg("%s: %s", text_of(vector, "why"), st_word(st));
        }
    }
    assert_int_equal(i, 15);
}

static void a_scanned_bon_is_a_medium_of_its_own(void **state)
{
    (void)state;
    const struct media_range own = MEDIA_RANGE_CLUB;
    const char *text = text_of(json_array_get(json_object_get(vectors, "good"), 1), "text");
    struct identifier id, again;
    struct fault fault;
    assert_int_equal(media_classify(MEDIA_SOURCE_SCANNER, text, strlen(text), &own, &id, &fault),
                     ST_OK);
    assert_int_equal(id.kind, MEDIA_BON);
    assert_string_equal(id.text, text);

    char line[MEDIA_LINE_MAX + 1];
    const size_t size = media_line_of(&id, line);
    assert_int_equal(media_line_read(line, size - 1, &own, &again, &fault), ST_OK);
    assert_int_equal(again.kind, MEDIA_BON);
    assert_string_equal(again.text, text);

    /* A torn scan says so: it is not taken for a member's code, and a stripe never is a bon. */
    assert_int_equal(
        media_classify(MEDIA_SOURCE_SCANNER, text, strlen(text) - 1, &own, &id, &fault),
        ST_FOREIGN);
    assert_non_null(strstr(fault.say, "voucher"));
    assert_int_not_equal(
        media_classify(MEDIA_SOURCE_MAGSTRIPE, text, strlen(text), &own, &id, &fault), ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bons_of_the_vectors_have_their_image_and_text),
        cmocka_unit_test(texts_of_the_vectors_are_read_in_either_case),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(a_scanned_bon_is_a_medium_of_its_own),
    };
    return cmocka_run_group_tests(tests, load_vectors, free_vectors);
}
