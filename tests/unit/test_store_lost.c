/* Lost cards in the terminal's database: reports and successors from the journal, the club's word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <string.h>

#include "storage/lost.h"
#include "storage/transfers.h"
#include "tests/support/crash_vfs.h"
#include "tests/support/store_model.h"

static const struct store_config config = {.path = "vafa.db", .vfs = "crash", .create = true};

enum { LOST, OTHER, NEW, SPARE, CARDS };

struct world {
    struct store *store;
    struct model model; /* only for its numbers and heads */
};

static struct store *open_ok(void)
{
    struct store *store = NULL;
    struct fault fault = {{0}};
    const enum st st = store_open(&config, &store, &fault);
    if (st != ST_OK) {
        fail_msg("%s: %s", st_word(st), fault.say);
    }
    return store;
}

static struct world world_new(void)
{
    struct world world;
    crash_vfs_reset();
    world.store = open_ok();
    model_init(&world.model, CARDS, 5);
    return world;
}

static void world_end(struct world *world)
{
    uint32_t entries = 0;
    struct fault fault = {""};
    if (journal_verify(world->store, &entries, &fault) != ST_OK) {
        fail_msg("%s", fault.say);
    }
    assert_int_equal(entries, world->model.count);
    store_close(world->store);
    model_finish(&world->model);
}

static void run_sql(const char *text)
{
    sqlite3 *db = NULL;
    char *error = NULL;
    assert_int_equal(sqlite3_open_v2("vafa.db", &db, SQLITE_OPEN_READWRITE, "crash"), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", text, error);
    }
    (void)sqlite3_close(db);
}

static uint32_t append(struct world *world, const struct entry *entry)
{
    assert_int_equal(journal_append(world->store, entry), ST_OK);
    model_add(&world->model, entry);
    return entry->sequence;
}

static uint32_t report(struct world *world, uint32_t card, enum report_event event)
{
    struct entry entry = model_start(&world->model);
    entry.kind = ENTRY_REPORT;
    entry.report = (struct entry_report){
        .card_number = model_card(card), .event = (uint8_t)event, .how = REPORT_BY_NUMBER};
    return append(world, &entry);
}

/* An intent that makes card `card` in the place of card `old`, which entry `out` emptied here; 0:
 * it was lost. */
static uint32_t take_over(struct world *world, uint32_t card, uint32_t old, uint32_t out)
{
    struct entry entry = model_intent(&world->model, card, 1);
    entry.intent.has_before = 0;
    memset(&entry.intent.before, 0, sizeof entry.intent.before);
    memset(&entry.intent.parts, 0, sizeof entry.intent.parts);
    entry.intent.refers_counter = 0;
    memset(&entry.intent.occasion, 0, sizeof entry.intent.occasion);
    entry.intent.after.last.kind = TRANSACTION_DUPLICATE;
    entry.intent.after.last.reference = 0;
    entry.intent.occasion.peer =
        (struct peer){.direction = PEER_IN, .card_number = model_card(old), .sequence = out};
    entry.intent.occasion.peer.terminal = out != 0 ? entry.terminal : 0;
    return append(world, &entry);
}

static void settle(struct world *world, uint32_t intent, enum entry_verdict verdict)
{
    const struct entry entry = model_outcome(&world->model, intent, verdict);
    (void)append(world, &entry);
}

static void assert_lost(struct world *world, uint32_t card, enum st st, bool is_lost)
{
    struct lost_report now = {.is_lost = !is_lost};
    assert_int_equal(lost_reported(world->store, model_card(card), &now), st);
    assert_true(st != ST_OK || now.is_lost == is_lost);
}

static void the_last_report_of_a_card_counts(void **state)
{
    (void)state;
    struct world world = world_new();
    struct lost_report now;
    assert_lost(&world, LOST, ST_REFUSED, false);
    const uint32_t sequence = report(&world, LOST, REPORT_LOST);
    assert_int_equal(lost_reported(world.store, model_card(LOST), &now), ST_OK);
    assert_true(now.is_lost && now.sequence == sequence);
    assert_lost(&world, OTHER, ST_REFUSED, false);
    (void)report(&world, LOST, REPORT_FOUND);
    assert_lost(&world, LOST, ST_OK, false);
    (void)report(&world, LOST, REPORT_LOST);
    store_close(world.store); /* and over a restart */
    world.store = open_ok();
    assert_lost(&world, LOST, ST_OK, true);
    world_end(&world);
}

static bool is_in_list(struct world *world, uint32_t card, uint32_t version, int64_t mark)
{
    struct lost_report now;
    bool is_in = false;
    assert_int_equal(lost_reported(world->store, model_card(card), &now), ST_OK);
    assert_int_equal(lost_is_in_list(world->store, &now, version, mark, &is_in), ST_OK);
    return is_in;
}

static void a_list_counts_for_the_reports_that_its_club_had(void **state)
{
    (void)state;
    struct world world = world_new();
    char text[64];
    assert_int_equal(lost_note_list(world.store, 9, 4, 77), ST_OK);
    assert_int_equal(setting_get(world.store, "lost.list", text, sizeof text), ST_REFUSED);
    const uint32_t first = report(&world, LOST, REPORT_LOST);
    const uint32_t second = report(&world, OTHER, REPORT_LOST);
    assert_false(is_in_list(&world, LOST, 4, 77));
    assert_int_equal(lost_note_list(world.store, first - 1, 4, 77), ST_OK);
    assert_false(is_in_list(&world, LOST, 4, 77));
    assert_int_equal(lost_note_list(world.store, first, 5, 78), ST_OK);
    store_close(world.store);
    world.store = open_ok();
    assert_true(is_in_list(&world, LOST, 5, 78));
    assert_false(is_in_list(&world, OTHER, 5, 78));
    assert_false(is_in_list(&world, LOST, 4, 77)); /* the file is an older one again */
    assert_false(is_in_list(&world, LOST, 5, 79));
    assert_int_equal(lost_note_list(world.store, second + 7, 6, 80), ST_OK);
    assert_true(is_in_list(&world, LOST, 6, 80) && is_in_list(&world, OTHER, 6, 80));
    assert_int_equal(lost_note_list(world.store, 0, 0, 0), ST_OK); /* the club forgot all */
    assert_false(is_in_list(&world, LOST, 6, 80) || is_in_list(&world, LOST, 0, 0));
    assert_int_equal(setting_put(world.store, "lost.list", "6 eighty"), ST_OK);
    struct lost_report now = {.sequence = first};
    bool is_in = false;
    assert_int_equal(lost_is_in_list(world.store, &now, 6, 80, &is_in), ST_CORRUPT);
    assert_false(is_in);
    assert_int_equal(setting_put(world.store, "lost.list", "0 0 0"), ST_OK);
    world_end(&world);
}

static void a_successor_counts_until_it_is_known_to_have_failed(void **state)
{
    (void)state;
    struct world world = world_new();
    struct entry successor;
    assert_int_equal(lost_successor(world.store, model_card(LOST), &successor), ST_REFUSED);
    const uint32_t first = take_over(&world, NEW, LOST, 0);
    assert_int_equal(lost_successor(world.store, model_card(LOST), &successor), ST_OK);
    assert_int_equal(successor.sequence, first); /* in doubt */
    assert_int_equal(lost_successor(world.store, model_card(NEW), &successor), ST_REFUSED);
    settle(&world, first, VERDICT_NOT_DONE);
    assert_int_equal(lost_successor(world.store, model_card(LOST), &successor), ST_REFUSED);
    const uint32_t second = take_over(&world, SPARE, LOST, 0);
    settle(&world, second, VERDICT_DONE);
    assert_int_equal(lost_successor(world.store, model_card(LOST), &successor), ST_OK);
    assert_int_equal(successor.sequence, second);
    const uint32_t third = take_over(&world, NEW, OTHER, 0);
    settle(&world, third, VERDICT_LEFT); /* the club decides: it may be there */
    assert_int_equal(lost_successor(world.store, model_card(OTHER), &successor), ST_OK);
    world_end(&world);
}

/* An intent that takes all off card `card`. */
static uint32_t move_out(struct world *world, uint32_t card)
{
    struct entry entry = model_intent(&world->model, card, 3);
    entry.intent.refers_counter = 0;
    memset(&entry.intent.parts, 0, sizeof entry.intent.parts);
    memset(&entry.intent.occasion, 0, sizeof entry.intent.occasion);
    entry.intent.after.last.kind = TRANSACTION_DUPLICATE;
    entry.intent.after.last.reference = 0;
    entry.intent.occasion.peer = (struct peer){.direction = PEER_OUT};
    return append(world, &entry);
}

/* A card that moved on was not moved out; a new one that did was made. Else it would wait for ever:
 * a whole card can be neither held once more, nor handed over. */
static void a_card_that_moved_on_tells_what_became_of_it(void **state)
{
    (void)state;
    struct world world = world_new();
    struct transfer row;
    const uint32_t out = move_out(&world, LOST);
    settle(&world, out, VERDICT_LEFT);
    assert_int_equal(transfers_find(world.store, out, &row), ST_OK);
    assert_int_equal(row.end, TRANSFER_VOID);
    const uint32_t done = move_out(&world, OTHER);
    settle(&world, done, VERDICT_DONE);
    const uint32_t in = take_over(&world, NEW, OTHER, done);
    assert_int_equal(transfers_find(world.store, done, &row), ST_OK);
    assert_true(row.end == TRANSFER_WAITS && row.second == in);
    settle(&world, in, VERDICT_LEFT);
    assert_int_equal(transfers_find(world.store, done, &row), ST_OK);
    assert_true(row.end == TRANSFER_TAKEN && row.second == in);
    world_end(&world);
}

static struct club_vouch vouch_of(uint32_t card, int64_t credit, int64_t as_of_s)
{
    return (struct club_vouch){.card_number = model_card(card),
                               .account = model_card(OTHER),
                               .status = CARD_ACTIVE,
                               .tier = 3,
                               .group = 200,
                               .kind = 15,
                               .birthday = 33000,
                               .wedding = 65535,
                               .expires = 1,
                               .points = POINTS_MAX,
                               .credit = credit,
                               .gift = snapshot_purse_max(PURSE_GIFT),
                               .voucher = 7,
                               .as_of_s = as_of_s};
}

static void the_clubs_last_word_counts_until_another_report(void **state)
{
    (void)state;
    struct world world = world_new();
    struct club_vouch held;
    struct club_vouch list[2] = {vouch_of(LOST, 500, 1000), vouch_of(NEW, 9, 1000)};
    assert_int_equal(lost_find(world.store, model_card(LOST), &held), ST_REFUSED);
    assert_int_equal(lost_take(world.store, list, 2), ST_OK);
    assert_int_equal(lost_find(world.store, model_card(LOST), &held), ST_OK);
    assert_memory_equal(&held, &list[0], sizeof held);
    struct club_vouch settled = vouch_of(LOST, 350, 1001);
    settled.is_settled = true;
    settled.replaced_by = model_card(SPARE);
    assert_int_equal(lost_take(world.store, &settled, 1), ST_OK);
    assert_int_equal(lost_find(world.store, model_card(LOST), &held), ST_OK);
    assert_true(held.is_settled && held.credit == 350);
    assert_true(held.replaced_by == model_card(SPARE));
    /* It was found meanwhile; as_of may go back when a terminal joins. */
    const struct club_vouch other = vouch_of(LOST, 400, 999);
    assert_int_equal(lost_take(world.store, &other, 1), ST_OK);
    assert_int_equal(lost_find(world.store, model_card(LOST), &held), ST_OK);
    assert_true(!held.is_settled && held.credit == 400);
    (void)report(&world, LOST, REPORT_FOUND); /* what was said is of before */
    assert_int_equal(lost_find(world.store, model_card(LOST), &held), ST_REFUSED);
    assert_int_equal(lost_find(world.store, model_card(NEW), &held), ST_OK);
    world_end(&world);
}

static void what_changed_by_itself_is_found(void **state)
{
    static const char *const changes[] = {
        "DELETE FROM reports",
        "UPDATE reports SET seq = 1",
        "INSERT INTO reports VALUES(1, 1)",
        "DELETE FROM successors",
        "UPDATE successors SET card_number = card_number + 1",
        "INSERT INTO successors SELECT card_number, 3 FROM successors",
        "UPDATE successors SET seq = 3", /* which was not done */
        "UPDATE vouches SET vouch = zeroblob(75)",
        "UPDATE vouches SET card_number = card_number + 1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct world world = world_new();
        struct club_vouch vouch = vouch_of(LOST, 1, 1);
        uint32_t entries = 0;
        (void)report(&world, LOST, REPORT_LOST);
        (void)report(&world, LOST, REPORT_LOST);
        const uint32_t failed = take_over(&world, NEW, LOST, 0);
        assert_int_equal(failed, 3);
        settle(&world, failed, VERDICT_NOT_DONE);
        (void)take_over(&world, SPARE, LOST, 0);
        assert_int_equal(lost_take(world.store, &vouch, 1), ST_OK);
        assert_int_equal(journal_verify(world.store, &entries, NULL), ST_OK);
        store_close(world.store);
        run_sql(changes[i]);
        world.store = open_ok();
        if (journal_verify(world.store, &entries, NULL) != ST_CORRUPT) {
            fail_msg("not found: %s", changes[i]);
        }
        store_close(world.store);
        model_finish(&world.model);
    }
}

static void a_file_of_version_8_gets_the_tables(void **state)
{
    (void)state;
    struct world world = world_new();
    const struct entry start = model_start(&world.model);
    (void)append(&world, &start);
    store_close(world.store);
    run_sql("DROP TABLE vouches; DROP TABLE successors; DROP TABLE reports;"
            " PRAGMA user_version = 8");
    world.store = open_ok();
    (void)report(&world, LOST, REPORT_LOST);
    assert_lost(&world, LOST, ST_OK, true);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_report_of_a_card_counts),
        cmocka_unit_test(a_list_counts_for_the_reports_that_its_club_had),
        cmocka_unit_test(a_successor_counts_until_it_is_known_to_have_failed),
        cmocka_unit_test(a_card_that_moved_on_tells_what_became_of_it),
        cmocka_unit_test(the_clubs_last_word_counts_until_another_report),
        cmocka_unit_test(what_changed_by_itself_is_found),
        cmocka_unit_test(a_file_of_version_8_gets_the_tables),
    };
    crash_vfs_register("crash");
    return cmocka_run_group_tests_name("store_lost", tests, NULL, NULL);
}
