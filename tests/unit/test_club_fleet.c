/* The club's side of the fleet on a real database: who gets how much of a bundle, what is
 * remembered of a device, how rollouts begin and end. Expected values by hand from
 * docs/fleet.md. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/api_device.h"
#include "server/fleet.h"
#include "server/registry.h"
#include "server/said.h"
#include "server/schema.h"
#include "server/settled.h"
#include "server/updates.h"
#include "tests/support/test_folder.h"
#include "tests/unit/club_books.h"

enum { TERMINALS = 4, NOW = 1800000000, DAY = 86400, SECTOR = 4096, BODY = 300000 };

static struct db *db;
static char path[TEST_PATH_MAX], dir[TEST_PATH_MAX];
static struct wire_device devices[TERMINALS + 1];
static struct api_device_budget budget;
static struct api_device_checked checked;
static struct wire_sync batch;
static int64_t now_s;
static struct fault fault;

static int setup(void **state)
{
    (void)state;
    static unsigned count;
    char name[32];
    (void)snprintf(name, sizeof name, "%u.db", ++count);
    (void)snprintf(path, sizeof path, "%s", test_folder_path(name));
    (void)snprintf(name, sizeof name, "%u", count);
    (void)snprintf(dir, sizeof dir, "%s", test_folder_path(name));
    char command[2 * TEST_PATH_MAX];
    (void)snprintf(command, sizeof command, "mkdir -p %s", dir);
    if (system(command) != 0 || db_open(path, true, &db, &fault) != ST_OK ||
        schema_make(db, &fault) != ST_OK) {
        return -1;
    }
    for (uint32_t n = 1; n <= TERMINALS; n++) {
        uint32_t number = 0;
        assert_int_equal(registry_add_terminal(db, "Refah", "Tajrish", &number), ST_OK);
        assert_int_equal(number, n);
        devices[n] = (struct wire_device){.is_there = true,
                                          .board = "lab",
                                          .version = 7,
                                          .slot = 'A',
                                          .is_good = true,
                                          .self_test = "ok",
                                          .update = "none"};
    }
    budget = (struct api_device_budget){.second = 0};
    checked = (struct api_device_checked){.next = 0};
    now_s = NOW;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    db_close(db);
    return 0;
}

/* The terminal syncs, a second later. */
static void tell(uint32_t terminal)
{
    batch.terminal = terminal;
    batch.device = devices[terminal];
    now_s++;
    assert_int_equal(db_begin_write(db), ST_OK);
    assert_int_equal(fleet_take(db, &batch, now_s), ST_OK);
    assert_int_equal(db_commit(db), ST_OK);
}

static void tell_all(void)
{
    for (uint32_t n = 1; n <= TERMINALS; n++) {
        tell(n);
    }
}

/* A file with a bundle's form; `manifest` is what its signature shows. */
static const char *write_bundle(const char *manifest)
{
    static char file[TEST_PATH_MAX];
    uint8_t signature[200] = {0x30, 0x82}, length[8] = {0};
    const size_t size = strlen(manifest);
    static uint8_t body[BODY];
    (void)snprintf(file, sizeof file, "%s", test_folder_path("bundle"));
    memcpy(signature + 2, manifest, size);
    length[7] = sizeof signature;
    FILE *out = fopen(file, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite("hsqs", 1, 4, out), 4);
    assert_int_equal(fwrite(body, 1, sizeof body, out), sizeof body);
    assert_int_equal(fwrite(signature, 1, sizeof signature, out), sizeof signature);
    assert_int_equal(fwrite(length, 1, sizeof length, out), sizeof length);
    assert_int_equal(fclose(out), 0);
    return file;
}

static void add(uint32_t version)
{
    char manifest[80];
    struct bundle bundle;
    (void)snprintf(manifest, sizeof manifest, "[update]\ncompatible=vafa-lab\nversion=%u\n",
                   version);
    assert_int_equal(
        bundles_add(db, dir, write_bundle(manifest), "lab", version, now_s, &bundle, &fault),
        ST_OK);
}

static enum st start(uint32_t version, uint32_t first)
{
    const struct updates_order order = {.board = "lab", .version = version, .first = first};
    fault = (struct fault){""};
    return updates_start(db, dir, &order, now_s, &fault);
}

static void is_said(const char *words)
{
    if (strstr(fault.say, words) == NULL) {
        fail_msg("%s", fault.say);
    }
}

/* The terminal that has the first place. */
static int64_t first_of(uint32_t version)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql,
                   "SELECT term_id FROM rollout_term WHERE version = %u AND place = 1", version);
    return books_number(path, sql);
}

static uint32_t offered(uint32_t terminal)
{
    struct wire_update offer;
    assert_int_equal(updates_offer(db, terminal, &offer), ST_OK);
    return offer.is_there ? offer.version : 0;
}

/* --- pieces -------------------------------------------------------------------------------- */

static unsigned fetch(uint32_t terminal, size_t size)
{
    static uint8_t bytes[WIRE_PIECE_MAX];
    char asked[16];
    struct api_device_reply reply;
    (void)snprintf(asked, sizeof asked, "%zu", size);
    const struct api_request request = {.method = "GET",
                                        .path = WIRE_PATH_UPDATE "8",
                                        .parameters = {{"bytes", asked}},
                                        .parameter_count = 1,
                                        .identity = IDENTITY_VERIFIED,
                                        .terminal = terminal,
                                        .now_s = now_s};
    api_device_update(db, dir, &request, &budget, &checked, bytes, &reply);
    if (reply.status == 200) {
        assert_int_equal(reply.size, size);
    }
    return reply.status;
}

static void start_all(void)
{
    add(8);
    tell_all();
    assert_int_equal(start(8, 0), ST_OK);
    assert_int_equal(updates_next(db, "lab", STAGE_ALL, now_s, &fault), ST_OK);
    tell_all();
}

/* 1 MiB a second is four pieces; the second after it is another. */
static void one_that_asks_in_a_loop_takes_nothing_from_the_others(void **state)
{
    (void)state;
    start_all();
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(fetch(1, WIRE_PIECE_MAX), i < 4 ? 200 : 503);
    }
    assert_int_equal(fetch(1, 1), 503);
    assert_int_equal(fetch(2, WIRE_PIECE_MAX), 200);
    assert_int_equal(fetch(3, 1), 200);
    now_s++;
    assert_int_equal(fetch(1, WIRE_PIECE_MAX), 200);
}

/* Three pieces and all but one byte of the fourth: one of one byte is let, one of two is not. */
static void what_is_refused_costs_nothing(void **state)
{
    (void)state;
    start_all();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fetch(1, WIRE_PIECE_MAX), 200);
    }
    assert_int_equal(fetch(1, WIRE_PIECE_MAX - 1), 200);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(fetch(1, 2), 503);
    }
    assert_int_equal(fetch(1, 1), 200);
    assert_int_equal(fetch(1, 1), 503);
}

/* --- what is remembered -------------------------------------------------------------------- */

static void a_fallback_is_remembered_whatever_follows(void **state)
{
    (void)state;
    add(8);
    add(9);
    tell_all();
    devices[1].failed = 8;
    tell(1);
    devices[1].failed = 9;
    tell(1);
    devices[1].failed = 8;
    tell(1);
    for (unsigned i = 0; i < 300; i++) { /* two events each: its self-test fails, and is passed */
        (void)snprintf(devices[1].self_test, sizeof devices[1].self_test, "%s",
                       i % 2 == 0 ? "reader: silent" : "ok");
        tell(1);
        tell(1);
    }
    for (unsigned i = 0; i < 300; i++) {
        devices[1].version = 5 + i % 2;
        tell(1);
    }
    devices[1].version = 7;
    devices[1].failed = 0;
    tell(1);
    assert_int_equal(start(8, 0), ST_OK);
    assert_int_equal(updates_next(db, "lab", STAGE_ALL, now_s, &fault), ST_OK);
    tell_all();
    assert_int_equal(offered(2), 8);
    assert_int_equal(offered(1), 0);
    assert_true(books_number(path, "SELECT count(*) FROM device_past WHERE term_id = 1") <=
                2 * FLEET_EVENTS_MAX);
    assert_int_equal(books_number(path, "SELECT count(*) FROM device_past WHERE term_id = 1"
                                        " AND what = 2"),
                     2);
}

/* ESC [ 2 J clears the screen; U+0085 ends a line; U+202E turns it around; the last letter is cut.
 */
static void what_terminals_say_orders_no_screen_about(void **state)
{
    (void)state;
    static struct wire_sync said;
    struct wire_enrol enrol = {.board = "si\x1bm"};
    (void)snprintf(said.refused_say, sizeof said.refused_say, "%s",
                   "\x1b[2J\u062a\u062e\u200c! \xc2\x85 \u202e \x7f\n\xd8");
    (void)snprintf(said.health.firmware, sizeof said.health.firmware, "%s", "1.0\r\u062a");
    said.device = devices[1];
    (void)snprintf(said.device.self_test, sizeof said.device.self_test, "%s", "\tok \u062a");
    said_sync(&said);
    said_enrol(&enrol);
    assert_string_equal(said.refused_say, "?[2J\u062a\u062e\u200c! ?? ??? ???");
    assert_string_equal(said.health.firmware, "1.0???");
    assert_string_equal(said.device.self_test, "?ok ??");
    assert_string_equal(said.device.board, "lab");
    assert_string_equal(enrol.board, "si?m");
}

/* A device in another's hands says that each version fell back: the newest 500 are kept. */
static void no_device_fills_the_books_with_fallbacks(void **state)
{
    (void)state;
    tell(1);
    for (uint32_t version = 100; version < 700; version++) {
        devices[1].failed = version;
        tell(1);
    }
    assert_int_equal(books_number(path, "SELECT count(*) FROM device_past WHERE what = 2"), 500);
    assert_int_equal(books_number(path, "SELECT min(version) FROM device_past WHERE what = 2"),
                     200);
}

/* --- bundles ------------------------------------------------------------------------------- */

static enum st add_with(const char *manifest)
{
    struct bundle bundle;
    fault = (struct fault){""};
    return bundles_add(db, dir, write_bundle(manifest), "lab", 8, now_s, &bundle, &fault);
}

static void a_bundle_is_what_its_manifest_says(void **state)
{
    (void)state;
    assert_int_equal(add_with("[update]\ncompatible=vafa-lab\nversion=81\n"), ST_FOREIGN);
    is_said("not version 8");
    assert_int_equal(add_with("[update]\ncompatible=vafa-labor\nversion=8\n"), ST_FOREIGN);
    is_said("not for board lab");
    assert_int_equal(add_with("[update]\nversion=8\n"), ST_FOREIGN);
    is_said("not for board lab");
    assert_int_equal(add_with("[update]\ncompatible=vafa-lab\n"), ST_FOREIGN);
    is_said("not version 8");
    assert_int_equal(add_with("no manifest that anybody could read"), ST_FOREIGN);
    is_said("no manifest");
    assert_int_equal(books_number(path, "SELECT count(*) FROM bundle"), 0);
    assert_int_equal(add_with("[update]\ncompatible=vafa-lab\nversion=8\n"), ST_OK);
}

/* A disk that takes a part of the file only, as a full one does. */
static void a_full_disk_keeps_nothing_of_a_bundle(void **state)
{
    (void)state;
    struct rlimit before;
    char kept[2 * TEST_PATH_MAX];
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit little = {.rlim_cur = BODY / 2, .rlim_max = before.rlim_max};
    const char *file = write_bundle("[update]\ncompatible=vafa-lab\nversion=8\n");
    struct bundle bundle;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    fault = (struct fault){""};
    const enum st st = bundles_add(db, dir, file, "lab", 8, now_s, &bundle, &fault);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(st, ST_IO);
    is_said("File too large");
    assert_int_equal(books_number(path, "SELECT count(*) FROM bundle"), 0);
    (void)snprintf(kept, sizeof kept, "%s/updates/lab-8.raucb.new", dir);
    assert_int_not_equal(access(kept, F_OK), 0);
    add(8);
}

/* One byte of version 8's file is another. */
static void damage(const char *kept)
{
    FILE *file = fopen(kept, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, SECTOR, SEEK_SET), 0);
    assert_int_equal(fputc(1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void expect_stopped(const char *words)
{
    char *why = books_text(path, "SELECT why FROM rollout WHERE state = 2");
    if (strstr(why, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, why);
    }
    free(why);
    assert_int_equal(offered(2), 0);
}

/* Not each terminal fetches all of it for nothing, and nobody at the club knows. */
static void what_is_damaged_later_stops_its_rollout(void **state)
{
    (void)state;
    char kept[2 * TEST_PATH_MAX];
    (void)snprintf(kept, sizeof kept, "%s/updates/lab-8.raucb", dir);
    start_all();
    damage(kept);
    assert_int_equal(fetch(1, 1000), 503);
    expect_stopped("damaged: update add it again");
    assert_int_equal(fetch(1, 1000), 404);
    add(8);
    assert_int_equal(updates_resume(db, dir, "lab", &fault), ST_OK);
    assert_int_equal(fetch(1, 1000), 200);
    assert_int_equal(unlink(kept), 0);
    assert_int_equal(fetch(2, 1000), 503);
    expect_stopped("missing: update add it again");
}

static void what_is_damaged_is_not_rolled_out(void **state)
{
    (void)state;
    char kept[2 * TEST_PATH_MAX];
    (void)snprintf(kept, sizeof kept, "%s/updates/lab-8.raucb", dir);
    add(8);
    tell_all();
    damage(kept);
    assert_int_equal(start(8, 0), ST_REFUSED);
    is_said("damaged: update add it again");
    add(8);
    assert_int_equal(start(8, 0), ST_OK);
    assert_int_equal(updates_stop(db, "lab", "A holiday.", &fault), ST_OK);
    assert_int_equal(unlink(kept), 0);
    assert_int_equal(updates_resume(db, dir, "lab", &fault), ST_REFUSED);
    is_said("missing: update add it again");
    assert_int_equal(offered(1), 0);
    add(8);
    assert_int_equal(updates_resume(db, dir, "lab", &fault), ST_OK);
    assert_int_equal(offered(1), 8);
}

/* --- rollouts ------------------------------------------------------------------------------ */

/* By the numbers alone 1 would come first. */
static void who_cannot_have_it_does_not_go_first(void **state)
{
    (void)state;
    add(8);
    devices[1].version = 9; /* flashed by hand */
    devices[2].failed = 8;
    (void)snprintf(devices[3].self_test, sizeof devices[3].self_test, "keys: none");
    tell_all();
    for (uint32_t n = 1; n <= 3; n++) {
        assert_int_equal(start(8, n), ST_REFUSED);
        is_said("cannot have version 8 first");
    }
    assert_int_equal(start(8, 0), ST_OK);
    assert_int_equal(first_of(8), 4);
}

/* Terminal 1 is flashed with 9 while it is all of the stage: nobody has run 8 yet. */
static void a_newer_version_proves_nothing(void **state)
{
    (void)state;
    add(8);
    tell_all();
    assert_int_equal(start(8, 1), ST_OK);
    tell(1);
    devices[1].version = 9;
    tell(1);
    now_s += 2 * DAY;
    tell_all();
    assert_int_equal(books_number(path, "SELECT stage FROM rollout"), STAGE_ONE);
    assert_int_equal(offered(2), 0);
}

static int64_t stage(void)
{
    return books_number(path, "SELECT stage FROM rollout WHERE state = 1");
}

static void self_test_is(uint32_t terminal, const char *say)
{
    (void)snprintf(devices[terminal].self_test, sizeof devices[terminal].self_test, "%s", say);
}

static void a_version_that_does_not_start_any_more_can_be_replaced(void **state)
{
    (void)state;
    add(8);
    self_test_is(1, "terminal: it has not answered yet.");
    self_test_is(2, "database: It is damaged.");
    self_test_is(3, "reader: There is no answer.");
    tell_all();
    assert_int_equal(start(8, 3), ST_REFUSED);
    assert_int_equal(start(8, 0), ST_OK);
    assert_int_equal(first_of(8), 4); /* who is well goes first, unless one is named */
    assert_int_equal(updates_next(db, "lab", STAGE_ALL, now_s, &fault), ST_OK);
    tell_all();
    assert_int_equal(offered(1), 8);
    assert_int_equal(offered(2), 8);
    assert_int_equal(offered(3), 0);
    self_test_is(1, "running"); /* it starts again: what it fetched is not taken away */
    self_test_is(3, "running");
    tell_all();
    assert_int_equal(offered(1), 8);
    assert_int_equal(offered(3), 0);
    /* It was not the version: that it does not work there either stops nothing. */
    devices[2].version = 8;
    tell(2);
    devices[2].version = 7;
    devices[2].failed = 8;
    tell(2);
    assert_int_equal(stage(), STAGE_ALL);
    assert_int_equal(offered(2), 0);
    /* One that it mended counts like any other. */
    devices[1].version = 8;
    self_test_is(1, "ok");
    tell(1);
    self_test_is(1, "terminal: it has not answered yet.");
    tell(1);
    expect_stopped("Terminal 1: self-test failed: terminal");
}

static void a_fleet_that_does_not_start_any_more_goes_stage_by_stage(void **state)
{
    (void)state;
    add(8);
    for (uint32_t n = 1; n <= TERMINALS; n++) {
        self_test_is(n, "programme: Programme 3 is not in force.");
    }
    tell_all();
    assert_int_equal(start(8, 2), ST_OK);
    tell(2);
    devices[2].version = 8;
    self_test_is(2, "ok");
    tell(2);
    now_s += DAY;
    tell(2);
    assert_int_equal(stage(), STAGE_TENTH);
    tell_all();
    assert_int_equal(offered(1), 8);
    assert_int_equal(offered(3), 0);
}

/* The tenth of four are 1 and 2. Who is declared dead holds nothing up, nor does who has become
 * another board; who is only silent does. */
static void who_is_gone_holds_no_stage_up(void **state)
{
    (void)state;
    add(8);
    tell_all();
    assert_int_equal(start(8, 0), ST_OK);
    assert_int_equal(updates_next(db, "lab", STAGE_TENTH, now_s, &fault), ST_OK);
    tell(2); /* it is offered it, and never heard of again */
    assert_int_equal(offered(2), 8);
    devices[1].version = 8;
    tell(1);
    now_s += 30 * DAY;
    tell(1);
    assert_int_equal(stage(), STAGE_TENTH);
    assert_int_equal(db_exec(db, "UPDATE term SET dead_at = 1 WHERE term_id = 2"), ST_OK);
    now_s += DAY;
    tell(3);
    tell(4);
    tell(1);
    assert_int_equal(stage(), STAGE_ALL);
    /* 3 is flashed for another board: it is offered nothing of this one. */
    tell(3);
    assert_int_equal(offered(3), 8);
    (void)snprintf(devices[3].board, sizeof devices[3].board, "other");
    tell(3);
    assert_int_equal(offered(3), 0);
    devices[4].version = 8;
    tell(4);
    now_s += DAY;
    tell(1);
    tell(4);
    assert_int_equal(books_number(path, "SELECT state FROM rollout"), UPDATES_DONE);
}

/* One board, one rollout: another version waits for a word; the one before it ends. */
static void two_rollouts_of_a_board_are_one_after_the_other(void **state)
{
    (void)state;
    add(8);
    add(9);
    tell_all();
    assert_int_equal(start(8, 0), ST_OK);
    assert_int_equal(start(9, 0), ST_REFUSED);
    is_said("update stop it first");
    tell(1);
    devices[1].failed = 8;
    tell(1); /* it stops */
    assert_int_equal(offered(2), 0);
    assert_int_equal(start(9, 0), ST_OK);
    assert_int_equal(first_of(9), 1); /* 8 fell back there, 9 did not */
    assert_int_equal(offered(1), 9);
    assert_int_equal(updates_stop(db, "lab", "No.", &fault), ST_OK);
    assert_int_equal(updates_next(db, "lab", STAGE_NONE, now_s, &fault), ST_REFUSED);
    assert_int_equal(start(8, 0), ST_OK); /* once more, and not where it fell back */
    assert_int_equal(first_of(8), 2);
    tell_all();
    assert_int_equal(offered(1), 0);
    assert_int_equal(offered(2), 8);
    assert_int_equal(offered(3), 0);
    assert_int_equal(books_number(path, "SELECT count(*) FROM rollout WHERE state <> 4"), 1);
}

static void two_operators_who_name_the_stage_do_not_go_on_twice(void **state)
{
    (void)state;
    add(8);
    tell_all();
    assert_int_equal(start(8, 0), ST_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(updates_next(db, "lab", STAGE_TENTH, now_s, &fault), ST_OK);
        assert_int_equal(books_number(path, "SELECT stage FROM rollout"), STAGE_TENTH);
    }
    assert_int_equal(updates_next(db, "lab", STAGE_ONE, now_s, &fault), ST_REFUSED);
}

static void fall_back(uint32_t terminal)
{
    devices[terminal].failed = 8;
    tell(terminal);
}

/* A terminal says it once: who resumes what a holiday stopped must find it there. */
static void a_fallback_while_it_is_stopped_is_told(void **state)
{
    (void)state;
    start_all();
    assert_int_equal(updates_stop(db, "lab", "Nowruz.", &fault), ST_OK);
    (void)snprintf(devices[4].self_test, sizeof devices[4].self_test, "keys: none");
    tell(4);
    expect_stopped("Nowruz.");
    fall_back(2);
    fall_back(3);
    expect_stopped("Terminal 3: version 8 fell back. Before: "
                   "Terminal 2: version 8 fell back. Before: Nowruz.");
}

/* 140 bytes are kept of what was said before, and no half of a letter. */
static void what_stopped_it_before_is_cut_at_a_letter(void **state)
{
    (void)state;
    char why[UPDATES_WHY_MAX], wanted[UPDATES_WHY_MAX] = "fell back. Before: x";
    start_all();
    why[0] = 'x';
    for (size_t i = 1; i + 2 < sizeof why; i += 2) {
        memcpy(why + i, "\u062a", 3);
    }
    assert_int_equal(updates_stop(db, "lab", why, &fault), ST_OK);
    for (unsigned i = 0; i < 69; i++) {
        memcpy(wanted + 20 + 2 * i, "\u062a?", 4);
    }
    fall_back(1);
    char *kept = books_text(path, "SELECT why FROM rollout WHERE state = 2");
    assert_string_equal(kept + strlen(kept) - strlen(wanted), wanted);
    free(kept);
}

/* It fell back after the backup: the club that was restored from it cannot know. */
static void a_restored_club_offers_nothing_by_itself(void **state)
{
    (void)state;
    start_all();
    assert_int_equal(offered(2), 8);
    assert_int_equal(db_begin_write(db), ST_OK);
    assert_int_equal(settled_forgot(db, now_s), ST_OK);
    assert_int_equal(db_commit(db), ST_OK);
    tell_all();
    expect_stopped("restored from a backup");
    fall_back(4);
    expect_stopped("Terminal 4: version 8 fell back. Before: The club was restored");
    assert_int_equal(updates_resume(db, dir, "lab", &fault), ST_OK);
    assert_int_equal(offered(2), 8);
    /* Terminals that notice it one after the other do not stop it again. */
    assert_int_equal(db_begin_write(db), ST_OK);
    assert_int_equal(settled_forgot(db, now_s), ST_OK);
    assert_int_equal(db_commit(db), ST_OK);
    assert_int_equal(offered(2), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_asks_in_a_loop_takes_nothing_from_the_others,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_refused_costs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fallback_is_remembered_whatever_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(no_device_fills_the_books_with_fallbacks, setup, teardown),
        cmocka_unit_test_setup_teardown(what_terminals_say_orders_no_screen_about, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bundle_is_what_its_manifest_says, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_keeps_nothing_of_a_bundle, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_not_rolled_out, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_later_stops_its_rollout, setup, teardown),
        cmocka_unit_test_setup_teardown(who_cannot_have_it_does_not_go_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_version_proves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_version_that_does_not_start_any_more_can_be_replaced,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_fleet_that_does_not_start_any_more_goes_stage_by_stage,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_gone_holds_no_stage_up, setup, teardown),
        cmocka_unit_test_setup_teardown(two_rollouts_of_a_board_are_one_after_the_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(two_operators_who_name_the_stage_do_not_go_on_twice, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_fallback_while_it_is_stopped_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_stopped_it_before_is_cut_at_a_letter, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restored_club_offers_nothing_by_itself, setup, teardown),
    };
    return cmocka_run_group_tests_name("club_fleet", tests, test_folder_make, test_folder_remove);
}
