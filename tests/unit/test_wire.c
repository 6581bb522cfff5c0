/* test_wire.c - the bodies of docs/sync.md, against the vectors that Python made, and hostile ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sync/wire.h"

static json_t *vectors;
static struct wire_sync sync_a, sync_b;
static struct wire_room room;
static char buffer[WIRE_ANSWER_MAX]; /* the largest body there is */

static int load_vectors(void **state)
{
    (void)state;
    json_error_t error;
    vectors = json_load_file("tests/vectors/wire.json", JSON_ALLOW_NUL, &error);
    if (vectors == NULL) {
        print_error("tests/vectors/wire.json:%d: %s\n", error.line, error.text);
    }
    return vectors == NULL;
}

static int free_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

/* Decodes and, when that is ST_OK, encodes again into `buffer`. */
static enum st there_and_back(const char *call, const char *text, size_t size, size_t *ret_size,
                              struct fault *fault)
{
    enum st st = ST_UNSUPPORTED;
    if (strcmp(call, "sync") == 0) {
        st = wire_sync_decode(text, size, &sync_a, fault);
        return st != ST_OK ? st : wire_sync_encode(&sync_a, buffer, sizeof buffer, ret_size);
    }
    if (strcmp(call, "sync_answer") == 0) {
        struct wire_sync_answer answer;
        st = wire_sync_answer_decode(text, size, &answer, &room, fault);
        return st != ST_OK ? st : wire_sync_answer_encode(&answer, buffer, sizeof buffer, ret_size);
    }
    if (strcmp(call, "enrol") == 0) {
        struct wire_enrol enrol;
        st = wire_enrol_decode(text, size, &enrol, fault);
        return st != ST_OK ? st : wire_enrol_encode(&enrol, buffer, sizeof buffer, ret_size);
    }
    if (strcmp(call, "enrol_answer") == 0) {
        struct wire_enrol_answer answer;
        st = wire_enrol_answer_decode(text, size, &answer, fault);
        return st != ST_OK ? st
                           : wire_enrol_answer_encode(&answer, buffer, sizeof buffer, ret_size);
    }
    if (strcmp(call, "renew") == 0) {
        struct wire_renew renew;
        st = wire_renew_decode(text, size, &renew, fault);
        return st != ST_OK ? st : wire_renew_encode(&renew, buffer, sizeof buffer, ret_size);
    }
    if (strcmp(call, "renew_answer") == 0) {
        struct wire_renew_answer answer;
        st = wire_renew_answer_decode(text, size, &answer, fault);
        return st != ST_OK ? st
                           : wire_renew_answer_encode(&answer, buffer, sizeof buffer, ret_size);
    }
    if (strcmp(call, "error") == 0) {
        struct wire_error error;
        st = wire_error_decode(text, size, &error, fault);
        return st != ST_OK ? st : wire_error_encode(&error, buffer, sizeof buffer, ret_size);
    }
    fail_msg("no such call: %s", call);
    return st;
}

/* The case's text behind its blanks. Exactly as long as it says, so that a sanitizer sees a byte
 * read too far. */
static char *case_text(const json_t *row, size_t *ret_size)
{
    const json_t *text = json_object_get(row, "text");
    size_t pad = (size_t)json_integer_value(json_object_get(row, "pad"));
    size_t size = json_string_length(text);
    char *copy = malloc(pad + size + 1); /* + 1: malloc(0) */
    assert_non_null(copy);
    memset(copy, ' ', pad);
    memcpy(copy + pad, json_string_value(text), size);
    *ret_size = pad + size;
    return copy;
}

static void check_case(const json_t *row, const char *text, size_t size)
{
    const char *name = json_string_value(json_object_get(row, "name"));
    const char *call = json_string_value(json_object_get(row, "call"));
    const char *status = json_string_value(json_object_get(row, "status"));
    struct fault fault = {""};
    size_t again_size = 0;
    enum st st = there_and_back(call, text, size, &again_size, &fault);
    if (strcmp(st_word(st), status) != 0) {
        fail_msg("%s: %s instead of %s (%s)", name, st_word(st), status, fault.say);
    }
    if (st != ST_OK) {
        assert_true(strlen(fault.say) > 10);
        return;
    }
    json_error_t error;
    json_t *again = json_loadb(buffer, again_size, JSON_REJECT_DUPLICATES, &error);
    if (!json_equal(again, json_object_get(row, "again"))) {
        fail_msg("%s: encoded again it is %.*s", name, (int)again_size, buffer);
    }
    json_decref(again);
}

static void every_vector_decodes_and_encodes_as_python_says(void **state)
{
    (void)state;
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_object_get(vectors, "cases"), i, row)
    {
        size_t size = 0;
        char *text = case_text(row, &size);
        check_case(row, text, size);
        free(text);
    }
    assert_true(i > 300);
    print_message("# %zu bodies\n", i);
}

/* A blank before the last brackets takes the other of the two ways to read the entries. */
static void both_ways_to_read_entries_judge_alike(void **state)
{
    (void)state;
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_object_get(vectors, "cases"), i, row)
    {
        size_t size = 0;
        char *text = case_text(row, &size);
        if (size > 2 && size < WIRE_REQUEST_MAX && memcmp(text + size - 2, "]}", 2) == 0) {
            char *other = malloc(size + 1);
            assert_non_null(other);
            memcpy(other, text, size - 2);
            memcpy(other + size - 2, " ]}", 3);
            check_case(row, other, size + 1);
            free(other);
        }
        free(text);
    }
}

static void make_sync(struct wire_sync *sync, uint32_t count, size_t entry_bytes)
{
    memset(sync, 0, sizeof *sync);
    sync->terminal = 17;
    sync->after = 240;
    sync->programme = 3;
    sync->health = (struct wire_health){
        .unsent = 12, .pending = 1, .oldest_s = 1790000000, .clock = 2, .firmware = "0.1.0"};
    for (size_t i = 0; i < sizeof sync->base; i += 1) {
        sync->base[i] = (uint8_t)i;
    }
    sync->entry_count = count;
    for (uint32_t i = 0; i < count; i += 1) {
        sync->entries[i].size = (uint16_t)entry_bytes;
        for (size_t j = 0; j < entry_bytes; j += 1) {
            sync->entries[i].bytes[j] = (uint8_t)(i * 31 + j * j);
        }
    }
}

static void a_body_with_any_byte_changed_is_judged_alike_both_ways(void **state)
{
    (void)state;
    static const char others[] = "\"\\,:[]{}0A=/ \n\x01\x80\xff";
    size_t size = 0;
    make_sync(&sync_a, 2, 5);
    assert_int_equal(wire_sync_encode(&sync_a, buffer, 1000, &size), ST_OK);
    size_t taken = 0;
    for (size_t at = 0; at < size - 2; at += 1) { /* not the end, which chooses the way */
        for (size_t o = 0; o < sizeof others - 1; o += 1) {
            char text[1001];
            struct fault fault;
            memcpy(text, buffer, size);
            text[at] = others[o];
            enum st fast = wire_sync_decode(text, size, &sync_a, &fault);
            memcpy(text + size - 2, " ]}", 3);
            enum st slow = wire_sync_decode(text, size + 1, &sync_b, &fault);
            if (fast != slow || (fast == ST_OK && memcmp(sync_a.entries, sync_b.entries,
                                                         2 * sizeof sync_a.entries[0]) != 0)) {
                fail_msg("byte %zu as %02x: %s, %s", at, (unsigned)(uint8_t)others[o],
                         st_word(fast), st_word(slow));
            }
            taken += fast == ST_OK;
        }
    }
    assert_true(taken > 100); /* digits and letters that became others */
}

static void every_field_comes_out_where_it_went_in(void **state)
{
    (void)state;
    size_t size = 0;
    struct fault fault;
    make_sync(&sync_a, WIRE_ENTRIES_MAX, ENTRY_BYTES_MAX);
    assert_int_equal(wire_sync_encode(&sync_a, buffer, sizeof buffer, &size), ST_OK);
    memset(&sync_b, 0, sizeof sync_b);
    assert_int_equal(wire_sync_decode(buffer, size, &sync_b, &fault), ST_OK);
    assert_int_equal(sync_b.terminal, 17);
    assert_int_equal(sync_b.after, 240);
    assert_int_equal(sync_b.programme, 3);
    assert_int_equal(sync_b.health.unsent, 12);
    assert_int_equal(sync_b.health.pending, 1);
    assert_int_equal(sync_b.health.oldest_s, 1790000000);
    assert_int_equal(sync_b.health.clock, 2);
    assert_string_equal(sync_b.health.firmware, "0.1.0");
    assert_memory_equal(sync_b.base, sync_a.base, sizeof sync_a.base);
    assert_int_equal(sync_b.entry_count, WIRE_ENTRIES_MAX);
    assert_memory_equal(sync_b.entries, sync_a.entries, sizeof sync_a.entries);
}

/* A sentence may be cut within a letter: that must not keep the journal from the club. */
static void why_a_programme_was_refused_is_told_if_it_is_text(void **state)
{
    (void)state;
    static const char *const says[][2] = {
        {"", ""}, {"do.lottery", "do.lottery"}, {"\xd9\x85", "\xd9\x85"}, {"\xd9\x85\xd9", ""}};
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i += 1) {
        size_t size = 0;
        struct fault fault;
        make_sync(&sync_a, 1, 100);
        sync_a.refused = 4;
        (void)snprintf(sync_a.refused_say, sizeof sync_a.refused_say, "%s", says[i][0]);
        assert_int_equal(wire_sync_encode(&sync_a, buffer, sizeof buffer, &size), ST_OK);
        memset(&sync_b, 0xff, sizeof sync_b);
        assert_int_equal(wire_sync_decode(buffer, size, &sync_b, &fault), ST_OK);
        assert_int_equal(sync_b.refused, 4);
        assert_string_equal(sync_b.refused_say, says[i][1]);
    }
    sync_a.refused = 0;
    sync_a.refused_say[0] = '\0';
}

static void what_a_device_says_comes_out_where_it_went_in(void **state)
{
    (void)state;
    size_t size = 0;
    struct fault fault;
    make_sync(&sync_a, 1, 5);
    sync_a.health.now_s = 1795355470;
    sync_a.device = (struct wire_device){.is_there = true,
                                         .board = "qemu-virt-arm64",
                                         .version = 7,
                                         .slot = 'B',
                                         .is_good = true,
                                         .other = 6,
                                         .failed = 5,
                                         .self_test = "reader: no answer at /dev/ttyS0",
                                         .free_bytes = 12345678,
                                         .update = "waiting 8",
                                         .have_bytes = 1048576,
                                         .has_consent = true};
    assert_int_equal(wire_sync_encode(&sync_a, buffer, sizeof buffer, &size), ST_OK);
    memset(&sync_b, 0xff, sizeof sync_b);
    assert_int_equal(wire_sync_decode(buffer, size, &sync_b, &fault), ST_OK);
    assert_int_equal(sync_b.health.now_s, 1795355470);
    assert_true(sync_b.device.is_there);
    assert_string_equal(sync_b.device.board, "qemu-virt-arm64");
    assert_int_equal(sync_b.device.version, 7);
    assert_int_equal(sync_b.device.slot, 'B');
    assert_true(sync_b.device.is_good);
    assert_int_equal(sync_b.device.other, 6);
    assert_int_equal(sync_b.device.failed, 5);
    assert_string_equal(sync_b.device.self_test, "reader: no answer at /dev/ttyS0");
    assert_int_equal(sync_b.device.free_bytes, 12345678);
    assert_string_equal(sync_b.device.update, "waiting 8");
    assert_int_equal(sync_b.device.have_bytes, 1048576);
    assert_true(sync_b.device.has_consent);

    make_sync(&sync_a, 1, 5); /* a plain Linux: nothing is left of the one before */
    assert_int_equal(wire_sync_encode(&sync_a, buffer, sizeof buffer, &size), ST_OK);
    assert_int_equal(wire_sync_decode(buffer, size, &sync_b, &fault), ST_OK);
    assert_false(sync_b.device.is_there);
    assert_int_equal(sync_b.health.now_s, 0);
}

static void what_the_club_wants_comes_out_where_it_went_in(void **state)
{
    (void)state;
    static const uint8_t sum[WIRE_SHA256_BYTES] = {0xfe, 0x01, [31] = 0x9c};
    size_t size = 0;
    struct fault fault;
    struct wire_sync_answer back, answer = {.time_s = 1795355470,
                                            .logs = 3,
                                            .update = {.is_there = true,
                                                       .version = 8,
                                                       .board = "sim",
                                                       .bytes = 26800000,
                                                       .sha256 = {0xfe, 0x01, [31] = 0x9c},
                                                       .from_hour = 22,
                                                       .to_hour = 5}};
    assert_int_equal(wire_sync_answer_encode(&answer, buffer, sizeof buffer, &size), ST_OK);
    assert_int_equal(wire_sync_answer_decode(buffer, size, &back, &room, &fault), ST_OK);
    assert_int_equal(back.logs, 3);
    assert_true(back.update.is_there);
    assert_int_equal(back.update.version, 8);
    assert_string_equal(back.update.board, "sim");
    assert_int_equal(back.update.bytes, 26800000);
    assert_memory_equal(back.update.sha256, sum, sizeof sum);
    assert_int_equal(back.update.from_hour, 22);
    assert_int_equal(back.update.to_hour, 5);
    answer.update.is_there = false;
    answer.logs = 0;
    assert_int_equal(wire_sync_answer_encode(&answer, buffer, sizeof buffer, &size), ST_OK);
    assert_int_equal(wire_sync_answer_decode(buffer, size, &back, &room, &fault), ST_OK);
    assert_false(back.update.is_there);
    assert_int_equal(back.logs, 0);
}

static void an_encoder_says_full_at_every_size_too_small(void **state)
{
    (void)state;
    size_t size = 0;
    size_t unused = 0;
    make_sync(&sync_a, 3, 100);
    assert_int_equal(wire_sync_encode(&sync_a, buffer, sizeof buffer, &size), ST_OK);
    for (size_t max = 0; max < size; max += 1) {
        char *small = malloc(max + 1);
        assert_int_equal(wire_sync_encode(&sync_a, small, max, &unused), ST_FULL);
        free(small);
    }
    assert_int_equal(wire_sync_encode(&sync_a, buffer, size, &unused), ST_OK);
}

static void a_programme_of_the_largest_size_is_carried_and_one_more_byte_is_not(void **state)
{
    (void)state;
    char *text = calloc(1, WIRE_PROGRAMME_MAX + 2);
    struct wire_sync_answer answer = {
        .acknowledged = 1, .time_s = 1, .programme_version = 4, .programme = text};
    struct wire_sync_answer again;
    struct fault fault;
    size_t size = 0;
    memset(text, 'A', WIRE_PROGRAMME_MAX);
    assert_int_equal(wire_sync_answer_encode(&answer, buffer, WIRE_ANSWER_MAX, &size), ST_OK);
    assert_int_equal(wire_sync_answer_decode(buffer, size, &again, &room, &fault), ST_OK);
    assert_string_equal(again.programme, text);
    text[WIRE_PROGRAMME_MAX] = 'x';
    assert_int_equal(wire_sync_answer_encode(&answer, buffer, WIRE_ANSWER_MAX, &size), ST_OK);
    assert_int_equal(wire_sync_answer_decode(buffer, size, &again, &room, &fault), ST_FOREIGN);
    free(text);
}

static void gzip_is_unpacked_as_python_packed_it_and_never_beyond_the_bound(void **state)
{
    (void)state;
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_object_get(vectors, "packed"), i, row)
    {
        const json_t *base64 = json_object_get(row, "packed");
        const char *name = json_string_value(json_object_get(row, "name"));
        size_t max = (size_t)json_integer_value(json_object_get(row, "max"));
        size_t size = 0;
        uint8_t *packed = malloc(json_string_length(base64) + 1);
        char *text = malloc(max);
        struct fault fault = {""};
        assert_int_equal(wire_base64_decode(json_string_value(base64), json_string_length(base64),
                                            packed, json_string_length(base64), &size),
                         ST_OK);
        uint8_t *exact = malloc(size + 1);
        memcpy(exact, packed, size);
        size_t text_size = 0;
        enum st st = wire_gunzip(exact, size, text, max, &text_size, &fault);
        if (strcmp(st_word(st), json_string_value(json_object_get(row, "status"))) != 0) {
            fail_msg("%s: %s (%s)", name, st_word(st), fault.say);
        }
        if (st == ST_OK) {
            const json_t *expected = json_object_get(row, "text");
            assert_int_equal(text_size, json_string_length(expected));
            assert_memory_equal(text, json_string_value(expected), text_size);
        }
        free(exact);
        free(text);
        free(packed);
    }
    assert_true(i > 100);
    print_message("# %zu gzip bodies\n", i);
}

static void what_we_pack_we_unpack(void **state)
{
    (void)state;
    static uint8_t packed[WIRE_REQUEST_MAX];
    static char text[WIRE_REQUEST_MAX];
    size_t size = 0;
    size_t packed_size = 0;
    size_t text_size = 0;
    make_sync(&sync_a, WIRE_ENTRIES_MAX, 200);
    assert_int_equal(wire_sync_encode(&sync_a, buffer, sizeof buffer, &size), ST_OK);
    assert_int_equal(wire_gzip(buffer, size, packed, sizeof packed, &packed_size), ST_OK);
    assert_int_equal(wire_gunzip(packed, packed_size, text, sizeof text, &text_size, NULL), ST_OK);
    assert_int_equal(text_size, size);
    assert_memory_equal(text, buffer, size);
    assert_int_equal(wire_gzip(buffer, size, packed, packed_size - 1, &text_size), ST_FULL);
}

/* The club packs answers into room for the largest one: a programme of full size. */
static void an_answer_of_any_size_is_packed(void **state)
{
    (void)state;
    static uint8_t packed[WIRE_ANSWER_MAX];
    static char text[WIRE_ANSWER_MAX];
    static const size_t sizes[] = {1, 2000, WIRE_REQUEST_MAX, WIRE_REQUEST_MAX + 1,
                                   WIRE_ANSWER_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i += 1) {
        size_t packed_size = 0;
        size_t text_size = 0;
        memset(buffer, 'a', sizes[i]);
        assert_int_equal(wire_gzip(buffer, sizes[i], packed, sizeof packed, &packed_size), ST_OK);
        assert_int_equal(wire_gunzip(packed, packed_size, text, sizeof text, &text_size, NULL),
                         ST_OK);
        assert_int_equal(text_size, sizes[i]);
        assert_memory_equal(text, buffer, sizes[i]);
    }
}

static void base64_reads_only_what_it_would_write(void **state)
{
    (void)state;
    /* Every text of four characters over an alphabet that holds each class of character. */
    static const char alphabet[] = "AQghw0+/=-_ \n\"";
    size_t n = sizeof alphabet - 1;
    size_t taken = 0;
    for (size_t i = 0; i < n * n * n * n; i += 1) {
        char text[4] = {alphabet[i % n], alphabet[i / n % n], alphabet[i / n / n % n],
                        alphabet[i / n / n / n]};
        uint8_t bytes[3];
        size_t size = 0;
        if (wire_base64_decode(text, 4, bytes, 3, &size) == ST_OK) {
            char again[4];
            wire_base64_encode(bytes, size, again);
            assert_memory_equal(again, text, 4);
            taken += 1;
        }
    }
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_decodes_and_encodes_as_python_says),
        cmocka_unit_test(both_ways_to_read_entries_judge_alike),
        cmocka_unit_test(a_body_with_any_byte_changed_is_judged_alike_both_ways),
        cmocka_unit_test(every_field_comes_out_where_it_went_in),
        cmocka_unit_test(what_a_device_says_comes_out_where_it_went_in),
        cmocka_unit_test(what_the_club_wants_comes_out_where_it_went_in),
        cmocka_unit_test(why_a_programme_was_refused_is_told_if_it_is_text),
        cmocka_unit_test(an_encoder_says_full_at_every_size_too_small),
        cmocka_unit_test(a_programme_of_the_largest_size_is_carried_and_one_more_byte_is_not),
        cmocka_unit_test(gzip_is_unpacked_as_python_packed_it_and_never_beyond_the_bound),
        cmocka_unit_test(what_we_pack_we_unpack),
        cmocka_unit_test(an_answer_of_any_size_is_packed),
        cmocka_unit_test(base64_reads_only_what_it_would_write),
    };
    return cmocka_run_group_tests_name("wire", tests, load_vectors, free_vectors);
}
