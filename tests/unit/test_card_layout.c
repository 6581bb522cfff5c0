/* The bytes of a card against tests/vectors/card.json, which openssl and Python made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "drivers/card/desfire_layout.h"
#include "drivers/card/mad.h"
#include "hal/base/bytes.h"
#include "tests/support/card_world.h"

static json_t *vectors;

static int load(void **state)
{
    json_error_t error;
    vectors = json_load_file("tests/vectors/card.json", 0, &error);
    (void)state;
    return vectors == NULL ? -1 : 0;
}

static int unload(void **state)
{
    json_decref(vectors);
    (void)state;
    return 0;
}

static void expect_hex(const uint8_t *bytes, size_t size, const json_t *want)
{
    char text[2 * 64 + 1];
    assert_true(size <= 64);
    hex_encode(bytes, size, text);
    assert_string_equal(text, json_string_value(want));
}

static void keys_and_seals_are_as_openssl_makes_them(void **state)
{
    const uint8_t uid[4] = {0x04, 0xA1, 0xB2, 0xC3};
    const json_t *keys = json_object_get(vectors, "sector_keys");
    const json_t *seals = json_object_get(vectors, "seal_keys_checked_by");
    struct keystore *keystore = card_world_keys();

    for (uint8_t sector = 0; sector < 16; sector += 1) {
        for (size_t letter = 0; letter < 2; letter += 1) {
            uint8_t key[6];
            assert_int_equal(
                keystore_sector_key(keystore, 0, uid, 4, sector, (enum key_letter)letter, key),
                ST_OK);
            expect_hex(key, 6, json_array_get(json_array_get(keys, sector), letter));
        }
    }
    for (uint8_t purpose = 1; purpose <= 4; purpose += 1) {
        const uint8_t data[18] = {'V', 'A', 'F', 'A', 1, purpose, 7, 4, 0x04, 0xA1, 0xB2, 0xC3};
        uint8_t seal[16];
        assert_int_equal(
            keystore_seal(keystore, 0, (enum seal_purpose)purpose, uid, 4, data, sizeof data, seal),
            ST_OK);
        expect_hex(seal, 16, json_array_get(seals, purpose - 1U));
    }
    keystore_close(keystore);
    (void)state;
}

static void an_issued_card_is_the_dump_byte_for_byte(void **state)
{
    const json_t *blocks = json_object_get(vectors, "blocks_from_1");
    struct card_world world;

    card_world_init(&world, CLASSIC_1K, 4);
    card_world_issue(&world, (uint32_t)json_integer_value(json_object_get(vectors, "counter")));
    assert_int_equal(json_array_size(blocks), 63);
    for (size_t block = 1; block < 64; block += 1) {
        expect_hex(world.card.memory[block], 16, json_array_get(blocks, block - 1));
    }
    card_world_finish(&world);
    (void)state;
}

static void a_desfire_card_is_the_vector_byte_for_byte(void **state)
{
    const json_t *want = json_object_get(vectors, "desfire");
    const json_t *records = json_object_get(want, "records_newest_first");
    uint8_t bytes[2 * DESFIRE_IDENTITY_PART];
    struct card_world world;
    char text[2 * sizeof bytes + 1];

    card_world_init_desfire(&world);
    card_world_issue(&world, (uint32_t)json_array_size(records));
    assert_int_equal(
        desfire_peek(&world.desfire, desfire_aid, DESFIRE_IDENTITY, 0, bytes, sizeof bytes),
        sizeof bytes);
    hex_encode(bytes, sizeof bytes, text);
    assert_string_equal(text, json_string_value(json_object_get(want, "identity")));
    assert_int_equal(json_array_size(records), 12);
    for (uint32_t n = 0; n < 12; n += 1) {
        assert_int_equal(
            desfire_peek(&world.desfire, desfire_aid, DESFIRE_HISTORY, n, bytes, sizeof bytes),
            DESFIRE_RECORD_BYTES);
        expect_hex(bytes, DESFIRE_RECORD_BYTES, json_array_get(records, n));
    }
    const struct facts facts = {12, 983, 7, 40, 500, 2500, 25, 200, 3, 5, 4096};
    struct desfire_owner owner = {.uid_bytes = 7, .number = card_world_identity.number};
    assert_int_equal(hex_decode(json_string_value(json_object_get(want, "uid")), owner.uid, 7),
                     ST_OK);
    desfire_facts_encode(&owner, &facts, bytes);
    expect_hex(bytes, DESFIRE_FACTS_BYTES, json_object_get(want, "facts"));
    card_world_finish(&world);
    (void)state;
}

/* Of the content, of the sum, of the UID and of the number. */
static void every_changed_bit_breaks_its_sum(void **state)
{
    struct desfire_owner owner = {
        .uid = {4, 8, 7, 6, 5, 4, 3}, .uid_bytes = 7, .number = card_world_identity.number};
    const struct snapshot snapshot = card_world_snapshot(77);
    const struct facts facts = {77, 983, 7, 40, 500, 2500, 25, 200, 3, 5, 4096};
    uint8_t record[DESFIRE_RECORD_BYTES], sum[DESFIRE_FACTS_BYTES], who[2 * DESFIRE_IDENTITY_PART];
    struct snapshot snapshot_seen;
    struct facts facts_seen = {0};
    struct card_identity identity_seen;

    desfire_record_encode(&owner, &snapshot, record);
    desfire_facts_encode(&owner, &facts, sum);
    desfire_identity_encode(&owner, &card_world_identity, who);
    assert_int_equal(desfire_record_decode(&owner, record, &snapshot_seen), ST_OK);
    assert_true(card_world_same(&snapshot_seen, &snapshot));
    assert_int_equal(desfire_facts_decode(&owner, sum, &facts_seen), ST_OK);
    assert_true(facts_are_equal(&facts_seen, &facts));
    assert_int_equal(desfire_identity_decode(&owner, who, &identity_seen), ST_OK);
    assert_memory_equal(&identity_seen, &card_world_identity, sizeof identity_seen);
    for (unsigned bit = 0; bit < 8 * sizeof who; bit += 1) {
        const uint8_t flip = (uint8_t)(1U << bit % 8);
        const unsigned at = bit / 8;
        if (at < sizeof record) {
            record[at] ^= flip;
            assert_int_equal(desfire_record_decode(&owner, record, &snapshot_seen), ST_DENIED);
            record[at] ^= flip;
        }
        if (at < sizeof sum) {
            sum[at] ^= flip;
            assert_int_equal(desfire_facts_decode(&owner, sum, &facts_seen), ST_DENIED);
            sum[at] ^= flip;
        }
        who[at] ^= flip;
        assert_int_equal(desfire_identity_decode(&owner, who, &identity_seen), ST_DENIED);
        who[at] ^= flip;
    }
    for (unsigned bit = 0; bit < 8 * 7; bit += 1) {
        owner.uid[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(desfire_record_decode(&owner, record, &snapshot_seen), ST_DENIED);
        owner.uid[bit / 8] ^= (uint8_t)(1U << bit % 8);
        owner.number ^= UINT64_C(1) << bit;
        assert_int_equal(desfire_record_decode(&owner, record, &snapshot_seen), ST_DENIED);
        owner.number ^= UINT64_C(1) << bit;
    }
    (void)state;
}

static void the_directory_has_the_crc_of_an10787(void **state)
{
    uint8_t mad[MAD_BYTES];

    assert_int_equal(hex_decode("00010108010801080000000000000400"
                                "03100310021002100000000000001130",
                                mad, sizeof mad),
                     ST_OK);
    assert_false(mad_is_valid(mad));
    mad_seal(mad);
    assert_int_equal(mad[0], 0x89);
    assert_true(mad_is_valid(mad));
    assert_int_equal(mad_entry(mad, 1), 0x0801);
    assert_int_equal(mad_find(mad, 0x1002), 1U << 10 | 1U << 11);
    mad[31] ^= 1;
    assert_false(mad_repair(mad));
    (void)state;
}

static void half_an_entry_in_the_directory_is_taken_back(void **state)
{
    uint8_t before[MAD_BYTES] = {0}, after[MAD_BYTES];

    mad_set(before, 15, 0x4812);
    mad_seal(before);
    memcpy(after, before, sizeof after);
    for (uint8_t sector = 1; sector < 14; sector += 1) {
        mad_set(after, sector, MAD_OURS);
    }
    mad_seal(after);
    memcpy(after, before, MAD_BYTES / 2); /* only the second block was written */
    assert_false(mad_is_valid(after));
    assert_true(mad_repair(after));
    assert_memory_equal(after, before, sizeof after);
    (void)state;
}

static void access_bytes_are_those_of_the_data_sheet_for_every_set(void **state)
{
    /* tools/pn532-sim decodes them; it shares no code with the driver. */
    const uint8_t key[6] = {1, 2, 3, 4, 5, 6};

    for (unsigned set = 0; set < 8 * 8 * 8 * 8; set += 1) {
        struct classic_access_bits bits;
        struct classic_access seen;
        uint8_t trailer[16];
        for (unsigned i = 0; i < 4; i += 1) {
            bits.group[i] = (uint8_t)(set >> 3 * i & 7);
        }
        classic_trailer_encode(key, &bits, 0x69, key, trailer);
        assert_true(classic_access_decode(trailer + 6, &seen));
        assert_memory_equal(seen.group, bits.group, 4);
        assert_memory_equal(trailer, key, 6);
        assert_memory_equal(trailer + 10, key, 6);
        assert_int_equal(trailer[9], 0x69);
    }
    uint8_t trailer[16];
    classic_trailer_encode(key, &classic_access_ring, 0, key, trailer);
    assert_memory_equal(trailer + 6, "\x7F\x07\x88", 3);
    classic_trailer_encode(key, &classic_access_once, 0, key, trailer);
    assert_memory_equal(trailer + 6, "\x78\x77\x88", 3);
    (void)state;
}

static void a_map_has_thirteen_sectors_and_never_the_first(void **state)
{
    struct classic_map map;

    assert_true(classic_map_make(CLASSIC_MASK_DEFAULT, &map));
    for (uint8_t role = 0; role < CLASSIC_ROLES; role += 1) {
        assert_int_equal(map.sector[role], role + 1);
    }
    unsigned good = 0;
    for (unsigned mask = 0; mask < 0x10000; mask += 1) {
        good += classic_map_make((uint16_t)mask, &map);
    }
    assert_int_equal(good, 105); /* 13 of 15 */
    (void)state;
}

static void every_changed_bit_breaks_its_seal(void **state)
{
    struct card_world world;
    const struct classic_pointer pointer = {.number = card_world_identity.number, .counter = 77};
    struct classic_owner owner = {.version = 3, .uid = {9, 8, 7, 6, 5, 4, 3}, .uid_bytes = 7};
    struct classic_map map, other_map;
    struct classic_pointer pointer_seen;
    struct snapshot snapshot = card_world_snapshot(77), seen;
    struct card_identity identity;
    uint8_t block[16], slot[48], who[48], name[48];

    card_world_init(&world, CLASSIC_1K, 7);
    owner.keystore = world.keystore;
    assert_true(classic_map_make(CLASSIC_MASK_DEFAULT, &map));
    assert_true(classic_map_make(0xFFF8, &other_map));
    classic_pointer_encode(&owner, &map, &pointer, block);
    classic_slot_encode(&owner, &snapshot, slot);
    classic_identity_encode(&owner, &card_world_identity, who);
    classic_name_encode(&owner, &card_world_identity, name);
    assert_int_equal(classic_pointer_decode(&owner, &map, block, &pointer_seen), ST_OK);
    assert_true(pointer_seen.number == pointer.number && pointer_seen.counter == 77);
    assert_int_equal(classic_pointer_decode(&owner, &other_map, block, &pointer_seen), ST_DENIED);
    assert_int_equal(classic_slot_of(77), 4);
    assert_int_equal(classic_slot_claim(slot), 77);
    for (unsigned place = 0; place < CLASSIC_SLOTS; place += 1) {
        assert_int_equal(classic_slot_decode(&owner, place, slot, &seen),
                         place == 4 ? ST_OK : ST_DENIED);
    }
    assert_int_equal(classic_identity_decode(&owner, name, &identity), ST_DENIED);
    for (unsigned bit = 0; bit < 8 * 48; bit += 1) {
        const uint8_t flip = (uint8_t)(1U << bit % 8);
        if (bit < 8 * 16) {
            block[bit / 8] ^= flip;
            assert_int_equal(classic_pointer_decode(&owner, &map, block, &pointer_seen), ST_DENIED);
            block[bit / 8] ^= flip;
        }
        slot[bit / 8] ^= flip;
        who[bit / 8] ^= flip;
        name[bit / 8] ^= flip;
        assert_int_equal(classic_slot_decode(&owner, 4, slot, &seen), ST_DENIED);
        assert_int_equal(classic_identity_decode(&owner, who, &identity), ST_DENIED);
        assert_int_equal(classic_name_decode(&owner, name, &identity), ST_DENIED);
        slot[bit / 8] ^= flip;
        who[bit / 8] ^= flip;
        name[bit / 8] ^= flip;
    }
    owner.uid[6] ^= 1;
    assert_int_equal(classic_slot_decode(&owner, 4, slot, &seen), ST_DENIED);
    owner.uid[6] ^= 1;
    owner.version = 0;
    assert_int_equal(classic_slot_decode(&owner, 4, slot, &seen), ST_DENIED);
    card_world_finish(&world);
    (void)state;
}

static void a_checkpoint_is_the_vector_byte_for_byte_and_of_one_snapshot(void **state)
{
    static const uint8_t uid[4] = {0x04, 0xA1, 0xB2, 0xC3};
    struct keystore *keystore = card_world_keys();
    struct classic_owner owner = {.keystore = keystore, .uid_bytes = 4};
    const json_t *vector = NULL;
    size_t i;

    memcpy(owner.uid, uid, sizeof uid);
    assert_int_equal(json_array_size(json_object_get(vectors, "facts")), 3);
    json_array_foreach(json_object_get(vectors, "facts"), i, vector)
    {
        const unsigned copy = (unsigned)json_integer_value(json_object_get(vector, "copy"));
        const uint32_t n = (uint32_t)json_integer_value(json_object_get(vector, "counter"));
        const struct facts facts = {n, 983, 7, 40, 500, 2500, 25, 200, 3, 5, 4096};
        struct snapshot at = card_world_snapshot(n);
        struct facts seen = {0};
        uint8_t bytes[CLASSIC_FACTS_BYTES];

        classic_facts_encode(&owner, copy, &facts, &at, bytes);
        expect_hex(bytes, sizeof bytes, json_object_get(vector, "hex"));
        assert_int_equal(classic_facts_claim(bytes), n);
        assert_int_equal(classic_facts_decode(&owner, copy, &at, bytes, &seen), ST_OK);
        assert_true(facts_are_equal(&facts, &seen));
        assert_int_equal(classic_facts_decode(&owner, 1 - copy, &at, bytes, &seen), ST_DENIED);
        for (unsigned bit = 0; bit < 8 * CLASSIC_FACTS_BYTES; bit += 1) {
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_equal(classic_facts_decode(&owner, copy, &at, bytes, &seen), ST_DENIED);
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        at.last.sequence += 1;
        assert_int_equal(classic_facts_decode(&owner, copy, &at, bytes, &seen), ST_DENIED);
        at.last.sequence -= 1;
        at.last.terminal += 1;
        assert_int_equal(classic_facts_decode(&owner, copy, &at, bytes, &seen), ST_DENIED);
    }
    keystore_close(keystore);
    (void)state;
}

/* A copy's three blocks are sealed together, in its own place. */
static void a_copy_of_layout_2_is_the_vector(void **state)
{
    const json_t *vector;
    size_t i;
    struct keystore *keystore = card_world_keys();
    struct classic_owner owner = {
        .keystore = keystore, .uid = {0x04, 0xA1, 0xB2, 0xC3}, .uid_bytes = 4};
    struct card_identity identity = card_world_identity, seen = {0};
    uint8_t bytes[48];
    uint16_t action = 0;

    identity.kind = 5;
    identity.birthday = 31000;
    identity.wedding = 41000;
    identity.expires = 46001;
    identity.name[0] = '\0';
    assert_int_equal(json_array_size(json_object_get(vectors, "layout_2")), 2);
    json_array_foreach(json_object_get(vectors, "layout_2"), i, vector)
    {
        const unsigned copy = (unsigned)json_integer_value(json_object_get(vector, "copy"));
        const json_int_t wanted = json_integer_value(json_object_get(vector, "action"));
        classic_identity_encode(&owner, &card_world_identity, bytes);
        assert_int_equal(classic_copy_decode(&owner, copy, bytes, &seen, &action), ST_DENIED);
        classic_copy_encode(&owner, copy, &identity, (uint16_t)wanted, bytes);
        expect_hex(bytes + 32, 16, json_object_get(vector, "hex"));
        assert_int_equal(classic_copy_decode(&owner, copy, bytes, &seen, &action), ST_OK);
        assert_true(card_world_same_identity(&seen, &identity) && action == wanted);
        assert_int_equal(classic_copy_decode(&owner, 1 - copy, bytes, &seen, &action), ST_DENIED);
        assert_int_equal(classic_identity_decode(&owner, bytes, &seen), ST_DENIED);
        for (unsigned bit = 0; bit < 8 * 48; bit += 1) {
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_equal(classic_copy_decode(&owner, copy, bytes, &seen, &action), ST_DENIED);
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
    keystore_close(keystore);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_of_layout_2_is_the_vector),
        cmocka_unit_test(keys_and_seals_are_as_openssl_makes_them),
        cmocka_unit_test(an_issued_card_is_the_dump_byte_for_byte),
        cmocka_unit_test(a_desfire_card_is_the_vector_byte_for_byte),
        cmocka_unit_test(every_changed_bit_breaks_its_sum),
        cmocka_unit_test(the_directory_has_the_crc_of_an10787),
        cmocka_unit_test(half_an_entry_in_the_directory_is_taken_back),
        cmocka_unit_test(access_bytes_are_those_of_the_data_sheet_for_every_set),
        cmocka_unit_test(a_map_has_thirteen_sectors_and_never_the_first),
        cmocka_unit_test(every_changed_bit_breaks_its_seal),
        cmocka_unit_test(a_checkpoint_is_the_vector_byte_for_byte_and_of_one_snapshot),
    };
    return cmocka_run_group_tests_name("card_layout", tests, load, unload);
}
