/* Tests of firmware/engine/entry.h against tests/vectors/entry.json, which tests/reference made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/entry.h"
#include "firmware/engine/plan.h"
#include "hal/base/bytes.h"

enum { RAW_MAX = 620 };

static json_t *vectors;

static int load_vectors(void **state)
{
    (void)state;
    vectors = json_load_file("tests/vectors/entry.json", JSON_REJECT_DUPLICATES, NULL);
    return vectors == NULL ? -1 : 0;
}

static int free_vectors(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static size_t raw_of(const char *list, size_t index, uint8_t ret_raw[RAW_MAX])
{
    const json_t *vector = json_array_get(json_object_get(vectors, list), index);
    const char *hex = json_string_value(json_object_get(vector, "hex"));
    size_t size = strlen(hex) / 2;
    assert_true(size <= RAW_MAX);
    assert_int_equal(hex_decode(hex, ret_raw, size), ST_OK);
    return size;
}

static struct entry decoded(size_t index)
{
    uint8_t raw[RAW_MAX];
    struct entry entry;
    size_t size = raw_of("good", index, raw);
    assert_int_equal(entry_decode(raw, size, &entry), ST_OK);
    return entry;
}

static void entries_of_the_vectors_decode_and_encode_to_the_same_bytes(void **state)
{
    (void)state;
    size_t count = json_array_size(json_object_get(vectors, "good"));
    assert_true(count >= 8);
    for (size_t i = 0; i < count; i += 1) {
        uint8_t raw[RAW_MAX];
        uint8_t again[ENTRY_BYTES_MAX];
        size_t size = raw_of("good", i, raw);
        struct entry entry = decoded(i);
        assert_int_equal(entry.sequence, i + 1);
        assert_true(entry_is_valid(&entry));
        memset(again, 0xa5, sizeof again);
        assert_int_equal(entry_encode(&entry, again), size);
        assert_memory_equal(raw, again, size);
    }
}

static void a_sale_decodes_to_the_figures_that_went_in(void **state)
{
    (void)state;
    struct entry entry = decoded(3);
    assert_int_equal(entry.kind, ENTRY_INTENT);
    assert_int_equal(entry.time_s, 1790000000);
    assert_int_equal(entry.clock_quality, 2);
    assert_int_equal(entry.terminal, 17);
    assert_int_equal(entry.operator_no, 4);
    assert_true(entry.intent.card_number == UINT64_C(6362140000000011));
    assert_int_equal(entry.intent.family, 1);
    assert_int_equal(entry.intent.uid_bytes, 7);
    assert_int_equal(entry.intent.uid[0], 0x04);
    assert_int_equal(entry.intent.programme, 3);
    assert_int_equal(entry.intent.has_before, 1);
    assert_int_equal(entry.intent.before.purse[PURSE_CREDIT].rials, 300000);
    assert_int_equal(entry.intent.after.purse[PURSE_CREDIT].rials, 200000);
    assert_int_equal(entry.intent.parts.amount.rials, 1000000);
    assert_int_equal(entry.intent.parts.payment.rials, 100000);
    assert_int_equal(entry.intent.parts.award.n, 10);
    assert_int_equal(entry.intent.parts.due.rials, 900000);
    assert_true(plan_holds(&entry.intent.before, &entry.intent.after, TRANSACTION_SALE,
                           &entry.intent.parts));
}

static void an_occasion_decodes_to_what_went_in(void **state)
{
    (void)state;
    const struct occasion plain = decoded(3).intent.occasion;
    assert_false(plain.has_facts || plain.has_identity);
    assert_int_equal(plain.code + plain.merchant + plain.branch + plain.line_count, 0);

    const struct entry entry = decoded(9);
    const struct occasion *o = &entry.intent.occasion;
    assert_true(o->has_facts && o->has_identity);
    assert_int_equal(o->facts.counter, entry.intent.before.counter);
    assert_int_equal(o->facts.last_day, 983);
    assert_int_equal(o->facts.roll, 3);
    assert_int_equal(o->kind, 1);
    assert_int_equal(o->birthday, 33000);
    assert_int_equal(o->wedding, 0);
    assert_int_equal(o->expires, 46000);
    assert_int_equal(o->code, 2);
    assert_int_equal(o->merchant, 5);
    assert_int_equal(o->branch, 70000);
    assert_int_equal(o->line_count, 2);
    assert_int_equal(o->lines[0].product, 0);
    assert_int_equal(o->lines[0].amount.rials, 600000);
    assert_int_equal(o->lines[1].product, 7);
    assert_int_equal(o->lines[1].milli, 2500);

    const struct entry largest = decoded(10);
    assert_int_equal(largest.intent.occasion.line_count, BASKET_LINES_MAX);
    assert_true(largest.intent.occasion.lines[32].amount.rials == MONEY_MAX_RIALS);
    assert_int_equal(largest.intent.occasion.lines[32].milli, BASKET_MILLI_MAX);
}

static void actions_and_peers_decode_to_what_went_in(void **state)
{
    (void)state;
    const struct occasion two = decoded(13).intent.occasion;
    assert_int_equal(two.action_count, 2);
    assert_int_equal(two.actions[0].kind, ACTION_CREDIT);
    assert_int_equal(two.actions[0].number, 1);
    assert_int_equal(two.actions[0].amount, 500000);
    assert_string_equal(two.actions[0].text, "نوروز");
    assert_int_equal(two.actions[1].kind, ACTION_BLOCK);
    assert_int_equal(decoded(14).intent.occasion.actions[3].number, SNAPSHOT_ACTION_MAX);

    const struct peer unknown = decoded(15).intent.occasion.peer;
    assert_int_equal(unknown.direction, PEER_OUT);
    assert_true(unknown.card_number == 0 && unknown.terminal == 0 && unknown.sequence == 0);
    const struct peer known = decoded(16).intent.occasion.peer;
    assert_int_equal(known.direction, PEER_IN);
    assert_int_equal(known.card_number / 10, 636214000000002);
    assert_int_equal(known.terminal, SNAPSHOT_TERMINAL_MAX);
    assert_int_equal(known.sequence, SNAPSHOT_SEQUENCE_MAX);
}

/* The vectors' last ones. */
static struct entry decoded_from_the_end(size_t back)
{
    return decoded(json_array_size(json_object_get(vectors, "good")) - back);
}

/* The card that takes another's place, after the one that was moved. */
static void duplicates_decode_to_what_went_in(void **state)
{
    (void)state;
    const struct entry out = decoded(17), in = decoded(18), lost = decoded(19);
    assert_int_equal(out.intent.after.status, CARD_CLOSED);
    assert_int_equal(out.intent.occasion.peer.direction, PEER_OUT);
    assert_int_equal(out.intent.occasion.account / 10, 636214000000002);
    assert_true(plan_holds(&out.intent.before, &out.intent.after, TRANSACTION_DUPLICATE,
                           &out.intent.parts));

    assert_int_equal(in.intent.has_before, 0);
    assert_int_equal(in.intent.after.counter, 1);
    assert_int_equal(in.intent.occasion.peer.sequence, out.sequence);
    assert_int_equal(in.intent.occasion.account, out.intent.occasion.account);
    assert_int_equal(in.intent.occasion.kind, 3);
    assert_true(in.intent.occasion.has_facts);
    assert_int_equal(in.intent.occasion.facts.visits, 7);
    assert_true(plan_holds(NULL, &in.intent.after, TRANSACTION_DUPLICATE, &in.intent.parts));

    assert_int_equal(lost.intent.occasion.peer.sequence, 0);
    assert_true(lost.intent.occasion.account == 0 && !lost.intent.occasion.has_facts);
    assert_int_equal(lost.intent.parts.award.n, 5);
}

static void a_report_decodes_to_what_went_in(void **state)
{
    (void)state;
    const struct entry lost = decoded_from_the_end(11), found = decoded_from_the_end(10);
    assert_int_equal(lost.kind, ENTRY_REPORT);
    assert_true(lost.report.card_number == UINT64_C(6362140000000011));
    assert_int_equal(lost.report.event, REPORT_LOST);
    assert_int_equal(lost.report.how, REPORT_BY_NUMBER);
    assert_int_equal(found.report.event, REPORT_FOUND);
    assert_int_equal(found.report.how, REPORT_BY_CARD);
}

static void an_outcome_and_a_start_decode_to_what_went_in(void **state)
{
    (void)state;
    struct entry outcome = decoded(4);
    assert_int_equal(outcome.kind, ENTRY_OUTCOME);
    assert_int_equal(outcome.outcome.intent_sequence, 4);
    assert_int_equal(outcome.outcome.counter, 2);
    assert_int_equal(outcome.outcome.verdict, VERDICT_DONE);
    assert_int_equal(outcome.outcome.evidence, EVIDENCE_HISTORY);
    assert_string_equal(decoded(0).start.firmware, "0.1.0");
    assert_int_equal(decoded(7).sighting.snapshot.counter, 3);
}

static void a_link_decodes_to_what_went_in(void **state)
{
    (void)state;
    struct entry entry = decoded(8);
    assert_int_equal(entry.kind, ENTRY_LINK);
    assert_true(entry.link.card_number == UINT64_C(6362140000000011));
    assert_int_equal(entry.link.family, 1);
    assert_int_equal(entry.link.uid_bytes, 7);
    assert_int_equal(entry.link.uid[6], 0xf6);
    assert_int_equal(entry.link.medium, 6);
    assert_int_equal(entry.link.key_version, 3);
    assert_int_equal(entry.link.tag[0], 0xf0);
    assert_int_equal(entry.link.tag[15], 0xff);
}

static void who_joins_decodes_to_what_went_in(void **state)
{
    (void)state;
    const struct entry entry = decoded_from_the_end(7);
    assert_int_equal(entry.kind, ENTRY_INTENT);
    const struct occasion *occasion = &entry.intent.occasion;
    assert_true(occasion->has_newcomer && occasion->has_identity);
    assert_int_equal(occasion->newcomer.account, ACCOUNT_STAFF);
    assert_int_equal(occasion->newcomer.route, ROUTE_BATCH);
    assert_int_equal(occasion->newcomer.group, 255);
    assert_int_equal(entry.intent.after.group, 255);
}

static void members_decode_to_what_went_in(void **state)
{
    (void)state;
    const struct entry full = decoded_from_the_end(6);
    assert_int_equal(full.kind, ENTRY_MEMBER);
    assert_true(full.member.account == UINT64_C(6362140000000011));
    assert_true(full.member.card_number == UINT64_C(6362140000000011));
    assert_true(full.member.has_national_code && full.member.has_phone && full.member.has_box);
    assert_int_equal(full.member.key_version, 15);
    assert_int_equal(full.member.national_code[0], 0x10);
    assert_int_equal(full.member.phone[15], 0x2f);
    assert_int_equal(full.member.key_id[7], 7);
    assert_int_equal(full.member.box[0], 0);
    assert_int_equal(full.member.box[MEMBER_BOX_BYTES - 1], 240);

    const struct entry joined = decoded_from_the_end(5);
    assert_true(joined.member.card_number == 0 && joined.member.has_phone);
    assert_false(joined.member.has_national_code);
    const struct entry bare = decoded_from_the_end(4);
    assert_int_equal(bare.member.card_number / 10, 636214000000002);
    assert_false(bare.member.has_national_code || bare.member.has_phone || bare.member.has_box);
}

static void accruals_decode_to_what_went_in(void **state)
{
    (void)state;
    const struct entry gone = decoded_from_the_end(1);
    assert_int_equal(gone.kind, ENTRY_ACCRUAL);
    assert_int_equal(gone.accrual.refers_sequence, gone.sequence - 2);
    const struct entry plain = decoded_from_the_end(3);
    assert_int_equal(plain.accrual.refers_sequence, 0);
    assert_int_equal(plain.kind, ENTRY_ACCRUAL);
    assert_true(plain.accrual.number == UINT64_C(6362140000000011));
    assert_int_equal(plain.accrual.medium, 6);
    assert_int_equal(plain.accrual.programme, 3);
    assert_int_equal(plain.accrual.amount.rials, 1000000);
    assert_int_equal(plain.accrual.award.n, 10);
    assert_int_equal(plain.accrual.minute, 1415000);
    assert_int_equal(plain.accrual.occasion.line_count, 0);

    const struct entry rich = decoded_from_the_end(2);
    assert_int_equal(rich.accrual.rebate.rials, 50000);
    assert_int_equal(rich.accrual.cashback.rials, 2000);
    assert_int_equal(rich.accrual.due.rials, 950000);
    assert_int_equal(rich.accrual.occasion.branch, 6);
    assert_int_equal(rich.accrual.occasion.lines[0].amount.rials, 1000000);
}

static void an_operators_entry_decodes_to_what_went_in(void **state)
{
    (void)state;
    struct entry entry = decoded_from_the_end(9);
    assert_int_equal(entry.kind, ENTRY_OPERATOR);
    assert_int_equal(entry.operator_event.number, 65535);
    assert_int_equal(entry.operator_event.event, OPERATOR_IN);
    assert_int_equal(entry.operator_event.role, ROLE_MANAGER);
    assert_true(entry.operator_event.card_number == UINT64_C(6362140000000011));
    assert_int_equal(entry.operator_event.unlocks, 2);
    entry = decoded_from_the_end(8);
    assert_int_equal(entry.operator_event.event, OPERATOR_UNLOCKED);
    assert_true(entry.operator_event.card_number == 0);
    assert_true(entry.operator_event.unlocks == UINT32_MAX);
}

static void a_refused_action_decodes_to_what_went_in(void **state)
{
    (void)state;
    const struct entry entry = decoded_from_the_end(14);
    struct action action;
    assert_int_equal(entry.kind, ENTRY_REFUSED);
    assert_true(entry.refused.card_number == UINT64_C(6362140000000011));
    assert_int_equal(entry.refused.number, 4095);
    assert_int_equal(entry.refused.why, REFUSED_PLACE);
    assert_int_equal(action_decode(entry.refused.image, &action), ST_OK);
    assert_true(action.amount == 500000 && action.card_number != entry.refused.card_number);
    assert_int_equal(entry.refused.seal[0], 0);
    assert_int_equal(entry.refused.seal[63], 63);
}

static void a_release_decodes_to_what_went_in(void **state)
{
    (void)state;
    const struct entry back = decoded_from_the_end(13);
    assert_int_equal(back.kind, ENTRY_RELEASE);
    assert_int_equal(back.release.out_sequence, 16);
    assert_true(back.release.card_number == 0);
    const struct entry on = decoded_from_the_end(12);
    assert_int_equal(on.release.out_sequence, on.sequence - 1);
    assert_true(on.release.card_number == UINT64_C(6362140000000011));
}

static void everything_that_is_not_canonical_is_foreign(void **state)
{
    (void)state;
    size_t count = json_array_size(json_object_get(vectors, "bad"));
    assert_true(count > 40);
    for (size_t i = 0; i < count; i += 1) {
        uint8_t raw[RAW_MAX];
        struct entry entry;
        memset(&entry, 0x5a, sizeof entry);
        size_t size = raw_of("bad", i, raw);
        enum st st = entry_decode(raw, size, &entry);
        if (st != ST_FOREIGN) {
            fail_msg("bad[%zu] is %s", i, st_word(st));
        }
        assert_int_equal(((const uint8_t *)&entry)[0], 0x5a);
    }
}

static void any_changed_byte_is_refused_or_encodes_back(void **state)
{
    (void)state;
    size_t count = json_array_size(json_object_get(vectors, "good"));
    for (size_t i = 0; i < count; i += 1) {
        uint8_t raw[RAW_MAX];
        uint8_t again[ENTRY_BYTES_MAX];
        size_t size = raw_of("good", i, raw);
        for (size_t at = 0; at < 256 * size; at += 1) {
            struct entry entry;
            uint8_t kept = raw[at / 256];
            raw[at / 256] = (uint8_t)at;
            if (entry_decode(raw, size, &entry) == ST_OK) {
                assert_int_equal(entry_encode(&entry, again), size);
                assert_memory_equal(raw, again, size);
            }
            raw[at / 256] = kept;
        }
    }
}

static void an_entry_cut_at_any_byte_is_foreign(void **state)
{
    (void)state;
    size_t count = json_array_size(json_object_get(vectors, "good"));
    for (size_t i = 0; i < count; i += 1) {
        uint8_t raw[RAW_MAX];
        size_t whole = raw_of("good", i, raw);
        for (size_t size = 0; size < whole; size += 1) {
            struct entry entry;
            assert_int_equal(entry_decode(raw, size, &entry), ST_FOREIGN);
        }
    }
}

static void a_field_out_of_range_makes_an_entry_invalid(void **state)
{
    (void)state;
    const struct entry good = decoded(3);
#define REFUSED(field, value)                                                                      \
    do {                                                                                           \
        struct entry e = good;                                                                     \
        e.field = (value);                                                                         \
        assert_false(entry_is_valid(&e));                                                          \
    } while (0)
    REFUSED(kind, (enum entry_kind)0);
    REFUSED(kind, (enum entry_kind)6);
    REFUSED(sequence, 0);
    REFUSED(sequence, SNAPSHOT_SEQUENCE_MAX + 1);
    REFUSED(time_s, -1);
    REFUSED(clock_quality, 3);
    REFUSED(terminal, 0);
    REFUSED(terminal, SNAPSHOT_TERMINAL_MAX + 1);
    REFUSED(intent.card_number, 17);
    REFUSED(intent.family, 0);
    REFUSED(intent.family, 3);
    REFUSED(intent.uid_bytes, 0);
    REFUSED(intent.uid_bytes, 4); /* bytes behind it */
    REFUSED(intent.programme, UINT32_C(0x80000000));
    REFUSED(intent.has_before, 2);
    REFUSED(intent.before.counter, 0);
    REFUSED(intent.after.counter, 0);
    REFUSED(intent.parts.amount.rials, -1);
    REFUSED(intent.parts.rebate.rials, MONEY_MAX_RIALS + 1);
    REFUSED(intent.parts.redeemed.n, REDEEMED_MAX + 1);
    REFUSED(intent.parts.redeemed_value.rials, MONEY_MAX_RIALS + 1);
    REFUSED(intent.parts.payment.rials, MONEY_MAX_RIALS + 1);
    REFUSED(intent.parts.load.rials, MONEY_MAX_RIALS + 1);
    REFUSED(intent.parts.award.n, POINTS_MAX + 1);
    REFUSED(intent.parts.due.rials, -1);
    REFUSED(intent.parts.gift.rials, -1);
    REFUSED(intent.parts.voucher.rials, MONEY_MAX_RIALS + 1);
    REFUSED(intent.refers_counter, SNAPSHOT_COUNTER_MAX + 1);
#undef REFUSED
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_of_the_vectors_decode_and_encode_to_the_same_bytes),
        cmocka_unit_test(a_sale_decodes_to_the_figures_that_went_in),
        cmocka_unit_test(a_link_decodes_to_what_went_in),
        cmocka_unit_test(an_occasion_decodes_to_what_went_in),
        cmocka_unit_test(actions_and_peers_decode_to_what_went_in),
        cmocka_unit_test(duplicates_decode_to_what_went_in),
        cmocka_unit_test(a_report_decodes_to_what_went_in),
        cmocka_unit_test(a_refused_action_decodes_to_what_went_in),
        cmocka_unit_test(an_outcome_and_a_start_decode_to_what_went_in),
        cmocka_unit_test(who_joins_decodes_to_what_went_in),
        cmocka_unit_test(members_decode_to_what_went_in),
        cmocka_unit_test(accruals_decode_to_what_went_in),
        cmocka_unit_test(an_operators_entry_decodes_to_what_went_in),
        cmocka_unit_test(a_release_decodes_to_what_went_in),
        cmocka_unit_test(everything_that_is_not_canonical_is_foreign),
        cmocka_unit_test(any_changed_byte_is_refused_or_encodes_back),
        cmocka_unit_test(an_entry_cut_at_any_byte_is_foreign),
        cmocka_unit_test(a_field_out_of_range_makes_an_entry_invalid),
    };
    return cmocka_run_group_tests_name("entry", tests, load_vectors, free_vectors);
}
