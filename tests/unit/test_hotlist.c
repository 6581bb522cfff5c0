/* The hotlist against a naive list in memory: deltas, snapshots in pieces, cuts, bad files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firmware/engine/snapshot.h"
#include "storage/hotlist.h"
#include "tests/support/crash_vfs.h"

enum { CARDS = 600, CHANGES = 40, MARK = 7000 };
static const struct hotlist_config config = {.database = "t.db", .vfs = "crash", .create = true};
static const struct hotlist_config existing = {.database = "t.db", .vfs = "crash"};

/* Card n of the world, ascending. */
static uint64_t card(unsigned n)
{
    return card_number_make(UINT64_C(936400000100000) + n * 7);
}

/* What should be: the naive list. */
struct model {
    uint8_t listing[CARDS];
};

static uint32_t chance(uint32_t *seed, uint32_t below)
{
    *seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return (*seed >> 8) % below;
}

static struct hotlist *open_ok(void)
{
    struct hotlist *hotlist = NULL;
    struct fault fault = {""};
    if (hotlist_open(&config, &hotlist, &fault) != ST_OK) {
        fail_msg("%s", fault.say);
    }
    return hotlist;
}

static struct hotlist_head head_of(struct hotlist *hotlist)
{
    struct hotlist_head head = {0};
    assert_int_equal(hotlist_head(hotlist, &head), ST_OK);
    return head;
}

static bool agrees(struct hotlist *hotlist, const struct model *model)
{
    uint32_t count = 0;
    for (unsigned n = 0; n < CARDS; n++) {
        uint8_t listing = 99;
        const enum st st = hotlist_find(hotlist, card(n), &listing);
        count += model->listing[n] != 0;
        if (model->listing[n] == 0 ? st != ST_REFUSED
                                   : st != ST_OK || listing != model->listing[n]) {
            return false;
        }
    }
    return head_of(hotlist).cards == count && hotlist_verify(hotlist) == ST_OK;
}

static int64_t mark_of(uint32_t version)
{
    return version == 0 ? 0 : MARK + version;
}

/* A delta of one change, as a club makes it. */
static enum st change_one(struct hotlist *hotlist, uint32_t from, unsigned n, uint8_t listing)
{
    const struct listing_change change = {.card = card(n), .listing = listing};
    const struct hotlist_delta delta = {.from = from,
                                        .from_mark = mark_of(from),
                                        .to = from + 1,
                                        .to_mark = mark_of(from + 1),
                                        .made_s = 1000 + from,
                                        .changes = &change,
                                        .count = 1};
    return hotlist_apply(hotlist, &delta);
}

static int disk_new(void **state)
{
    (void)state;
    crash_vfs_reset();
    return 0;
}

/* --- deltas ---------------------------------------------------------------------------------- */

static void a_new_list_is_empty_and_of_no_age(void **state)
{
    (void)state;
    struct hotlist *hotlist = NULL;
    struct fault fault = {""};
    uint8_t listing = 0;
    assert_int_equal(hotlist_open(&existing, &hotlist, &fault), ST_REFUSED);
    assert_non_null(strstr(fault.say, "connect the terminal"));
    hotlist = open_ok();
    const struct hotlist_head head = head_of(hotlist);
    assert_int_equal(head.version, 0);
    assert_int_equal(head.made_s, 0);
    assert_false(head.has_next);
    assert_int_equal(hotlist_find(hotlist, card(1), &listing), ST_REFUSED);
    assert_int_equal(hotlist_verify(hotlist), ST_OK);
    hotlist_close(hotlist);
    hotlist_close(NULL);
}

static void a_delta_is_applied_once_and_only_to_what_it_starts_from(void **state)
{
    (void)state;
    struct hotlist *hotlist = open_ok();
    struct model model = {{0}};
    assert_int_equal(change_one(hotlist, 0, 3, LISTING_LOST), ST_OK);
    model.listing[3] = LISTING_LOST;
    assert_int_equal(change_one(hotlist, 0, 3, LISTING_LOST), ST_OK); /* again: contained */
    assert_true(agrees(hotlist, &model));
    assert_int_equal(change_one(hotlist, 5, 4, LISTING_LOST), ST_REFUSED); /* a gap */
    assert_non_null(strstr(hotlist_fault(hotlist)->say, "snapshot"));
    assert_int_equal(change_one(hotlist, 1, 3, LISTING_NONE), ST_OK);
    model.listing[3] = 0;
    assert_int_equal(change_one(hotlist, 2, 9, LISTING_NONE), ST_OK); /* was not there */
    assert_true(agrees(hotlist, &model));
    assert_int_equal(head_of(hotlist).version, 3);
    hotlist_close(hotlist);
}

/* The club was restored and counted on: the same number, another list. */
static void a_delta_of_another_history_is_refused(void **state)
{
    (void)state;
    struct hotlist *hotlist = open_ok();
    assert_int_equal(change_one(hotlist, 0, 3, LISTING_LOST), ST_OK);
    const struct listing_change change = {.card = card(4), .listing = LISTING_CLONE};
    struct hotlist_delta delta = {.from = 1,
                                  .from_mark = mark_of(1) + 1,
                                  .to = 2,
                                  .to_mark = 5,
                                  .changes = &change,
                                  .count = 1};
    assert_int_equal(hotlist_apply(hotlist, &delta), ST_REFUSED);
    delta = (struct hotlist_delta){.from = 1, .from_mark = 5, .to = 1, .to_mark = 5, .made_s = 9};
    assert_int_equal(hotlist_apply(hotlist, &delta), ST_REFUSED); /* "nothing new", of another */
    assert_int_equal(head_of(hotlist).made_s, 1000);
    delta.from_mark = delta.to_mark = mark_of(1);
    assert_int_equal(hotlist_apply(hotlist, &delta), ST_OK);
    assert_int_equal(head_of(hotlist).made_s, 9);
    hotlist_close(hotlist);
}

static void random_deltas_agree_with_the_naive_list(void **state)
{
    (void)state;
    struct hotlist *hotlist = open_ok();
    struct model model = {{0}};
    uint32_t seed = 5, version = 0;
    for (int round = 0; round < 60; round++) {
        struct listing_change changes[CHANGES];
        const size_t count = 1 + chance(&seed, CHANGES);
        for (size_t i = 0; i < count; i++) {
            const unsigned n = chance(&seed, CARDS / 2); /* half of them stay unlisted */
            changes[i] = (struct listing_change){card(n), (uint8_t)chance(&seed, 4)};
            model.listing[n] = changes[i].listing;
        }
        const struct hotlist_delta delta = {.from = version,
                                            .from_mark = mark_of(version),
                                            .to = version + (uint32_t)count,
                                            .to_mark = mark_of(version + (uint32_t)count),
                                            .changes = changes,
                                            .count = count};
        assert_int_equal(hotlist_apply(hotlist, &delta), ST_OK);
        version = delta.to;
    }
    assert_true(agrees(hotlist, &model));
    hotlist_close(hotlist);
}

/* --- snapshots ------------------------------------------------------------------------------- */

/* The next piece of the model as a snapshot of `version`, `size` cards long. */
static struct hotlist_piece piece_of(const struct model *model, uint32_t version, uint64_t after,
                                     size_t size, struct listing_change *changes)
{
    struct hotlist_piece piece = {
        .version = version, .mark = mark_of(version), .after = after, .cards = changes};
    piece.is_last = true;
    for (unsigned n = 0; n < CARDS; n++) {
        if (model->listing[n] == 0 || card(n) <= after) {
            continue;
        }
        if (piece.count == size) {
            piece.is_last = false;
            break;
        }
        changes[piece.count++] = (struct listing_change){card(n), model->listing[n]};
    }
    return piece;
}

static void a_snapshot_comes_in_pieces_and_takes_over_at_one_stroke(void **state)
{
    (void)state;
    struct hotlist *hotlist = open_ok();
    struct model old = {{0}}, new = {{0}};
    struct listing_change changes[CARDS];
    assert_int_equal(change_one(hotlist, 0, 3, LISTING_LOST), ST_OK);
    old.listing[3] = LISTING_LOST;
    for (unsigned n = 0; n < CARDS; n += 3) {
        new.listing[n] = LISTING_CLONE;
    }
    new.listing[3] = 0;
    for (;;) {
        const struct hotlist_head head = head_of(hotlist);
        const struct hotlist_piece piece = piece_of(&new, 50, head.next_after, 32, changes);
        assert_true(agrees(hotlist, &old)); /* the old list goes on */
        assert_int_equal(hotlist_load(hotlist, &piece), ST_OK);
        if (piece.is_last) {
            break;
        }
        assert_int_equal(hotlist_load(hotlist, &piece), ST_OK); /* twice is once */
        /* A restart in the middle goes on where it was. */
        hotlist_close(hotlist);
        hotlist = open_ok();
    }
    assert_true(agrees(hotlist, &new));
    const struct hotlist_head head = head_of(hotlist);
    assert_int_equal(head.version, 50);
    assert_int_equal(head.made_s, 0); /* only the club's "nothing newer" gives it an age */
    assert_false(head.has_next);
    hotlist_close(hotlist);
}

static void a_piece_that_does_not_follow_is_refused(void **state)
{
    (void)state;
    struct hotlist *hotlist = open_ok();
    struct model new = {{0}};
    struct listing_change changes[CARDS];
    memset(new.listing, LISTING_LOST, sizeof new.listing);
    struct hotlist_piece piece = piece_of(&new, 50, card(10), 32, changes);
    assert_int_equal(hotlist_load(hotlist, &piece), ST_REFUSED); /* no beginning */
    piece = piece_of(&new, 50, 0, 32, changes);
    assert_int_equal(hotlist_load(hotlist, &piece), ST_OK);
    piece = piece_of(&new, 50, card(40), 32, changes);
    assert_int_equal(hotlist_load(hotlist, &piece), ST_REFUSED); /* a hole */
    piece = piece_of(&new, 51, card(31), 32, changes);
    assert_int_equal(hotlist_load(hotlist, &piece), ST_REFUSED); /* of another snapshot */
    piece = piece_of(&new, 60, 0, CARDS, changes);
    assert_int_equal(hotlist_load(hotlist, &piece), ST_OK); /* a new one drops what was begun */
    assert_true(agrees(hotlist, &new));
    assert_int_equal(head_of(hotlist).version, 60);
    hotlist_close(hotlist);
}

/* The club's list moves on while the pieces travel: each piece is read from the list of its own
 * moment, and the changes since the snapshot's version come behind it. */
static void a_snapshot_of_a_list_that_moves_ends_right(void **state)
{
    (void)state;
    struct hotlist *hotlist = open_ok();
    struct model club = {{0}};
    struct listing_change changes[CARDS], log[CARDS];
    uint32_t seed = 9;
    size_t logged = 0;
    for (unsigned n = 0; n < CARDS; n += 2) {
        club.listing[n] = LISTING_LOST;
    }
    for (bool is_last = false; !is_last;) {
        const struct hotlist_piece piece =
            piece_of(&club, 100, head_of(hotlist).next_after, 20, changes);
        is_last = piece.is_last;
        assert_int_equal(hotlist_load(hotlist, &piece), ST_OK);
        for (int n = 0; n < 12; n++) { /* before, at and behind the place that it has reached */
            const unsigned which = chance(&seed, CARDS);
            club.listing[which] = (uint8_t)chance(&seed, 3);
            log[logged++] = (struct listing_change){card(which), club.listing[which]};
        }
    }
    assert_false(agrees(hotlist, &club));
    const struct hotlist_delta delta = {.from = 100,
                                        .from_mark = mark_of(100),
                                        .to = 100 + (uint32_t)logged,
                                        .to_mark = 1,
                                        .changes = log,
                                        .count = logged};
    assert_int_equal(hotlist_apply(hotlist, &delta), ST_OK);
    assert_true(agrees(hotlist, &club));
    hotlist_close(hotlist);
}

static void a_reader_is_not_disturbed_by_the_writer(void **state)
{
    (void)state;
    struct hotlist *writer = open_ok(), *reader = NULL;
    assert_int_equal(hotlist_open(&existing, &reader, NULL), ST_OK);
    struct model model = {{0}};
    for (uint32_t n = 0; n < 50; n++) {
        assert_true(agrees(reader, &model));
        assert_int_equal(change_one(writer, n, n, LISTING_STOLEN), ST_OK);
        model.listing[n] = LISTING_STOLEN;
    }
    assert_true(agrees(reader, &model));
    hotlist_close(reader);
    hotlist_close(writer);
}

/* --- cuts ------------------------------------------------------------------------------------ */

/* A list of versions 0..: model[v] is what version v holds. The work: deltas, then a snapshot. */
enum { STEPS = 6 };
static struct model history[STEPS + 2];

static enum st work(struct hotlist *hotlist)
{
    static struct listing_change changes[CARDS];
    for (;;) {
        struct hotlist_head head = {0};
        enum st st = hotlist_head(hotlist, &head);
        if (st != ST_OK || head.version == STEPS + 1) {
            return st;
        }
        if (head.version < STEPS) {
            st = change_one(hotlist, head.version, head.version, LISTING_LOST);
        } else {
            const struct hotlist_piece piece =
                piece_of(&history[STEPS + 1], STEPS + 1, head.next_after, 100, changes);
            st = hotlist_load(hotlist, &piece);
        }
        if (st != ST_OK) {
            return st;
        }
    }
}

static void a_cut_at_any_write_leaves_a_whole_version_and_work_goes_on(void **state)
{
    (void)state;
    unsigned checked = 0;
    for (uint32_t v = 1; v <= STEPS; v++) {
        history[v] = history[v - 1];
        history[v].listing[v - 1] = LISTING_LOST;
    }
    for (unsigned n = 0; n < CARDS; n += 2) {
        history[STEPS + 1].listing[n] = LISTING_BLOCKED;
    }
    crash_vfs_reset();
    crash_vfs_record();
    struct hotlist *hotlist = open_ok();
    assert_int_equal(work(hotlist), ST_OK);
    hotlist_close(hotlist);
    const uint64_t calls = crash_vfs_recorded();
    for (uint64_t n = 0; n <= calls; n++) {
        crash_vfs_replay(n);
        const size_t policies = crash_vfs_policies(2);
        for (size_t p = 0; p<policies; p += policies> 12 ? policies / 12 : 1) {
            crash_vfs_replay(n);
            crash_vfs_reboot(crash_vfs_policy(p));
            hotlist = open_ok();
            const struct hotlist_head head = head_of(hotlist);
            if (head.version > STEPS + 1 || head.mark != mark_of(head.version) ||
                !agrees(hotlist, &history[head.version])) {
                fail_msg("cut %u, policy %u: version %u", (unsigned)n, (unsigned)p, head.version);
            }
            assert_int_equal(work(hotlist), ST_OK);
            assert_true(agrees(hotlist, &history[STEPS + 1]));
            hotlist_close(hotlist);
            checked++;
        }
    }
    assert_true(checked > 100);
    print_message("# %u states of the file after a cut at %u writes\n", checked, (unsigned)calls);
}

static void a_full_disk_changes_nothing(void **state)
{
    (void)state;
    struct hotlist *hotlist = open_ok();
    struct model new = {{0}}, old = {{0}};
    static struct listing_change changes[CARDS];
    assert_int_equal(change_one(hotlist, 0, 3, LISTING_LOST), ST_OK);
    old.listing[3] = LISTING_LOST;
    memset(new.listing, LISTING_LOST, sizeof new.listing);
    crash_vfs_capacity(crash_vfs_used());
    const struct hotlist_piece piece = piece_of(&new, 50, 0, CARDS, changes);
    assert_int_equal(hotlist_load(hotlist, &piece), ST_FULL);
    assert_non_null(strstr(hotlist_fault(hotlist)->say, "Make room"));
    assert_true(agrees(hotlist, &old));
    crash_vfs_capacity(0);
    assert_int_equal(hotlist_load(hotlist, &piece), ST_OK);
    assert_true(agrees(hotlist, &new));
    hotlist_close(hotlist);
}

/* --- bad files ------------------------------------------------------------------------------- */

static enum st open_st(struct fault *ret_fault)
{
    struct hotlist *hotlist = NULL;
    *ret_fault = (struct fault){""};
    const enum st st = hotlist_open(&config, &hotlist, ret_fault);
    hotlist_close(hotlist);
    return st;
}

static void run_sql(const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(
        sqlite3_open_v2("t.db.hotlist", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "crash"),
        SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

static void foreign_files_are_refused_and_left_alone(void **state)
{
    (void)state;
    struct fault fault;
    static uint8_t text[5000];
    size_t size = 0;
    memset(text, 'x', sizeof text);
    crash_vfs_put("t.db.hotlist", text, sizeof text);
    assert_int_equal(open_st(&fault), ST_FOREIGN);
    assert_non_null(strstr(fault.say, "t.db.hotlist"));
    assert_memory_equal(crash_vfs_file("t.db.hotlist", &size), text, sizeof text);
    crash_vfs_reset();
    run_sql("CREATE TABLE other(a)");
    assert_int_equal(open_st(&fault), ST_FOREIGN);
    crash_vfs_reset();
    hotlist_close(open_ok());
    run_sql("PRAGMA user_version = 2");
    assert_int_equal(open_st(&fault), ST_FOREIGN);
    assert_non_null(strstr(fault.say, "Update"));
}

static void files_that_were_changed_are_corrupt(void **state)
{
    static const char *const changes[] = {
        "CREATE TABLE extra(a)",
        "DROP TABLE card1",
        "CREATE TRIGGER t AFTER INSERT ON card0 BEGIN DELETE FROM card0; END",
        "DELETE FROM head",
        "UPDATE head SET cards = -1",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct fault fault;
        (void)disk_new(state);
        hotlist_close(open_ok());
        run_sql(changes[i]);
        assert_int_equal(open_st(&fault), ST_CORRUPT);
        assert_string_not_equal(fault.say, "");
    }
}

/* Any sector of the file overwritten: an error or an answer, never a crash. */
static void damaged_bytes_never_crash_a_lookup(void **state)
{
    (void)state;
    struct hotlist *hotlist = open_ok();
    static struct listing_change changes[CARDS];
    struct model new = {{0}};
    memset(new.listing, LISTING_LOST, sizeof new.listing);
    const struct hotlist_piece piece = piece_of(&new, 50, 0, CARDS, changes);
    assert_int_equal(hotlist_load(hotlist, &piece), ST_OK);
    hotlist_close(hotlist);
    size_t size = 0, corrupt = 0;
    const uint8_t *bytes = crash_vfs_file("t.db.hotlist", &size);
    uint8_t *image = malloc(size);
    assert_non_null(image);
    memcpy(image, bytes, size);
    for (size_t at = 0; at < size; at += 256) {
        uint8_t kept[16];
        memcpy(kept, image + at, sizeof kept);
        memset(image + at, 0xff, sizeof kept);
        crash_vfs_reset();
        crash_vfs_put("t.db.hotlist", image, size);
        memcpy(image + at, kept, sizeof kept);
        struct hotlist *damaged = NULL;
        enum st st = hotlist_open(&existing, &damaged, NULL);
        for (unsigned n = 0; n < CARDS && st == ST_OK; n += 50) {
            uint8_t listing;
            st = hotlist_find(damaged, card(n), &listing);
            st = st == ST_REFUSED ? ST_OK : st;
        }
        corrupt += st != ST_OK;
        hotlist_close(damaged);
    }
    free(image);
    assert_true(corrupt > 2);
}

/* On a real disk: a damaged list is thrown away and made anew, and a reader notices. */
static void a_discarded_list_is_noticed_by_its_reader(void **state)
{
    (void)state;
    char folder[] = "/tmp/vafa-hotlist.XXXXXX", path[64], file[80];
    struct hotlist *reader = NULL, *writer = NULL;
    struct fault fault;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/t.db", folder);
    snprintf(file, sizeof file, "%s" HOTLIST_SUFFIX, path);
    const struct hotlist_config real = {.database = path, .create = true};
    assert_int_equal(hotlist_open(&real, &reader, &fault), ST_OK);
    assert_true(hotlist_is_current(reader));
    assert_int_equal(hotlist_discard(path, &fault), ST_OK);
    assert_int_equal(hotlist_discard(path, &fault), ST_OK);
    assert_false(hotlist_is_current(reader));
    assert_int_equal(hotlist_open(&real, &writer, &fault), ST_OK);
    assert_false(hotlist_is_current(reader));
    assert_true(hotlist_is_current(writer));
    hotlist_close(reader);
    hotlist_close(writer);
    assert_int_equal(hotlist_discard(path, &fault), ST_OK);
    assert_int_not_equal(access(file, F_OK), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void reasons_have_words_and_numbers_that_stay(void **state)
{
    (void)state;
    static const char *const words[] = {"", "lost", "stolen", "blocked", "clone", "replaced"};
    for (uint8_t n = 0; n < 6; n++) {
        assert_string_equal(listing_word(n), words[n]);
        assert_int_equal(listing_of_word(words[n]), n);
    }
    assert_string_equal(listing_word(9), "other");
    assert_int_equal(listing_of_word("eaten"), LISTING_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_new_list_is_empty_and_of_no_age, disk_new),
        cmocka_unit_test_setup(a_delta_is_applied_once_and_only_to_what_it_starts_from, disk_new),
        cmocka_unit_test_setup(a_delta_of_another_history_is_refused, disk_new),
        cmocka_unit_test_setup(random_deltas_agree_with_the_naive_list, disk_new),
        cmocka_unit_test_setup(a_snapshot_comes_in_pieces_and_takes_over_at_one_stroke, disk_new),
        cmocka_unit_test_setup(a_piece_that_does_not_follow_is_refused, disk_new),
        cmocka_unit_test_setup(a_snapshot_of_a_list_that_moves_ends_right, disk_new),
        cmocka_unit_test_setup(a_reader_is_not_disturbed_by_the_writer, disk_new),
        cmocka_unit_test_setup(a_cut_at_any_write_leaves_a_whole_version_and_work_goes_on,
                               disk_new),
        cmocka_unit_test_setup(a_full_disk_changes_nothing, disk_new),
        cmocka_unit_test_setup(foreign_files_are_refused_and_left_alone, disk_new),
        cmocka_unit_test_setup(files_that_were_changed_are_corrupt, disk_new),
        cmocka_unit_test_setup(damaged_bytes_never_crash_a_lookup, disk_new),
        cmocka_unit_test(a_discarded_list_is_noticed_by_its_reader),
        cmocka_unit_test(reasons_have_words_and_numbers_that_stay),
    };
    crash_vfs_register("crash");
    return cmocka_run_group_tests_name("hotlist", tests, NULL, NULL);
}
