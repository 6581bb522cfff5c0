/* Logs of devices at the club, and a folder that is newer than the database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/logs.h"
#include "server/registry.h"
#include "server/schema.h"
#include "sync/wire.h"
#include "tests/support/test_folder.h"

static struct db *db;
static const int64_t now_s = 1800000000;
static struct fault fault;

static int setup(void **state)
{
    uint32_t number = 0;
    return test_folder_make(state) == 0 &&
                   db_open(test_folder_path("club.db"), true, &db, &fault) == ST_OK &&
                   schema_make(db, &fault) == ST_OK &&
                   registry_add_terminal(db, "Refah", "Tajrish", &number) == ST_OK &&
                   registry_add_terminal(db, "Refah", "Tajrish", &number) == ST_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    db_close(db);
    return test_folder_remove(state);
}

static void put_log(uint32_t terminal, int64_t no, const char *text)
{
    static char packed[1024], scratch[WIRE_REQUEST_MAX];
    size_t size = 0;
    assert_int_equal(wire_gzip(text, strlen(text), packed, sizeof packed, &size), ST_OK);
    assert_int_equal(
        logs_put(db, test_folder(), terminal, no, packed, size, scratch, now_s, &fault), ST_OK);
}

static enum st get_log(int64_t no, const char *text)
{
    char *bytes = NULL;
    char unpacked[256] = "";
    size_t size = 0, unpacked_size = 0;
    const enum st st = logs_get(db, test_folder(), no, &bytes, &size, &fault);
    if (st == ST_OK) {
        assert_int_equal(
            wire_gunzip(bytes, size, unpacked, sizeof unpacked, &unpacked_size, &fault), ST_OK);
        assert_int_equal(unpacked_size, strlen(text));
        assert_memory_equal(unpacked, text, unpacked_size);
    }
    free(bytes);
    return st;
}

static bool has_file(const char *name)
{
    char file[2 * TEST_PATH_MAX];
    (void)snprintf(file, sizeof file, "%s/logs/%s", test_folder(), name);
    return access(file, F_OK) == 0;
}

static void copy_file(const char *from, const char *to)
{
    char command[4 * TEST_PATH_MAX];
    (void)snprintf(command, sizeof command, "cp %s/logs/%s %s/logs/%s", test_folder(), from,
                   test_folder(), to);
    assert_int_equal(system(command), 0);
}

/* After a restore number 2 is given again; its file of before, of another terminal, is there. */
static void a_log_of_before_a_restore_is_not_shown_as_another(void **state)
{
    (void)state;
    int64_t no = 0;
    assert_int_equal(logs_ask(db, 1, "Sara", now_s, &no, &fault), ST_OK);
    put_log(1, no, "of terminal 1");
    assert_int_equal(get_log(1, "of terminal 1"), ST_OK);
    copy_file("1.gz", "2.gz"); /* it came, and then the backup was put back */
    assert_int_equal(logs_ask(db, 2, "Sara", now_s, &no, &fault), ST_OK);
    assert_int_equal(no, 2);
    assert_int_equal(get_log(2, ""), ST_REFUSED);
    assert_int_equal(logs_tend(db, test_folder(), now_s, &fault), ST_OK);
    assert_true(has_file("1.gz") && !has_file("2.gz"));
    put_log(2, no, "of terminal 2");
    assert_int_equal(logs_tend(db, test_folder(), now_s, &fault), ST_OK);
    assert_int_equal(get_log(2, "of terminal 2"), ST_OK);
    /* Or the database says that it came, and the file is another's. */
    copy_file("1.gz", "2.gz");
    assert_int_equal(get_log(2, ""), ST_REFUSED);
    assert_non_null(strstr(fault.say, "not here any more"));
    assert_int_equal(logs_drop(db, test_folder(), 2, now_s, &fault), ST_OK);
    assert_int_equal(get_log(1, "of terminal 1"), ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_of_before_a_restore_is_not_shown_as_another),
    };
    return cmocka_run_group_tests_name("club_logs", tests, setup, teardown);
}
