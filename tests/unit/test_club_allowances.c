/* Allowances and mandates at the club: a ceiling is never passed by the sum of what its terminals
 * may do, also while some have not heard of a lower grant yet. Figures by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/signed.h"
#include "server/allowances.h"
#include "server/mandates.h"
#include "server/registry.h"
#include "server/schema.h"
#include "server/signer.h"

enum { MERCHANT = 1, NOW = 1795329000 };

static struct db *db;
static char folder[64];
static struct fault fault;
static uint32_t terminals[3];

static int setup(void **state)
{
    char path[96];
    (void)state;
    strcpy(folder, "/tmp/vafa-club-allowances-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/club.db", folder);
    bool is_good = db_open(path, true, &db, &fault) == ST_OK && schema_make(db, &fault) == ST_OK;
    for (int i = 0; i < 3 && is_good; i += 1) {
        is_good = registry_add_terminal(db, "Refah", "Tajrish", &terminals[i]) == ST_OK;
    }
    return is_good ? 0 : -1;
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    db_close(db);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static enum st set(enum quota_scope scope, int64_t id, int64_t max)
{
    const struct quota_name name = {scope, id, QUOTA_TOTAL, LIMIT_LOAD, LIMIT_RIALS};
    return allowances_set(db, &name, max, &fault);
}

static int64_t granted(int i)
{
    struct limits limits;
    assert_int_equal(allowances_of(db, QUOTA_OF_TERMINAL, terminals[i], QUOTA_TOTAL, &limits),
                     ST_OK);
    const struct limit *limit = &limits.of[LIMIT_LOAD][LIMIT_RIALS];
    return limit->is_set ? limit->max : -1;
}

static void split(uint32_t changed)
{
    uint32_t count = 99;
    assert_int_equal(allowances_split(db, MERCHANT, &count, &fault), ST_OK);
    assert_int_equal(count, changed);
}

/* All three tell that they have the newest mandate and have sent everything. */
static void settle(int i)
{
    assert_int_equal(db_begin_write(db), ST_OK);
    assert_int_equal(allowances_settle(db, terminals[i]), ST_OK);
    assert_int_equal(db_commit(db), ST_OK);
}

static void a_ceiling_is_split_to_the_last_rial(void **state)
{
    (void)state;
    assert_int_equal(granted(0), -1);
    assert_int_equal(set(QUOTA_OF_MERCHANT, MERCHANT, 1000000), ST_OK);
    assert_true(granted(0) == 0 && granted(1) == 0 && granted(2) == 0);
    split(3);
    assert_true(granted(0) == 333334 && granted(1) == 333333 && granted(2) == 333333);
    split(0);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[1], 333334), ST_REFUSED);
    assert_int_equal(allowances_grant(db, terminals[1], LIMIT_LOAD, LIMIT_RIALS, 1, &fault),
                     ST_REFUSED);
    assert_int_equal(set(QUOTA_OF_MERCHANT, MERCHANT, 999999), ST_REFUSED);
    assert_int_equal(set(QUOTA_OF_MERCHANT, MERCHANT, 1000001), ST_OK);
    split(1);
    assert_int_equal(granted(0), 333335);
    uint32_t late = 0; /* a terminal that joins later has a part of nothing */
    struct limits limits;
    assert_int_equal(registry_add_terminal(db, "Refah", "Tajrish", &late), ST_OK);
    assert_int_equal(allowances_of(db, QUOTA_OF_TERMINAL, late, QUOTA_TOTAL, &limits), ST_OK);
    assert_true(limits.of[LIMIT_LOAD][LIMIT_RIALS].is_set);
    assert_int_equal(limits.of[LIMIT_LOAD][LIMIT_RIALS].max, 0);
}

/* 1,000,000: 500,000, 300,000 and 200,000. The first is lowered to 100,000: 400,000 are free, but
 * not before it has said that it has nothing of the old one left. */
static void what_an_offline_terminal_may_still_do_is_not_given_to_another(void **state)
{
    (void)state;
    assert_int_equal(set(QUOTA_OF_MERCHANT, MERCHANT, 1000000), ST_OK);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[0], 500000), ST_OK);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[1], 300000), ST_OK);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[2], 200000), ST_OK);
    for (int i = 0; i < 3; i += 1) {
        settle(i);
    }
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[0], 100000), ST_OK);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[1], 300001), ST_REFUSED);
    assert_non_null(strstr(fault.say, "700000"));
    settle(0);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[1], 700001), ST_REFUSED);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[1], 700000), ST_OK);
    /* What is used cannot be given again, whatever is granted. */
    assert_int_equal(db_exec(db, "INSERT INTO used VALUES (1, 3, 0, 150000, 1, 0, 0, 0, 0, 0, 0, 0,"
                                 " 0)"),
                     ST_OK);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[2], 0), ST_OK);
    settle(2);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[0], 150001), ST_REFUSED);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[0], 150000), ST_OK);
}

static void a_revoked_terminal_keeps_its_part_and_gets_no_more(void **state)
{
    (void)state;
    assert_int_equal(set(QUOTA_OF_MERCHANT, MERCHANT, 900), ST_OK);
    split(3);
    assert_int_equal(db_exec(db, "INSERT INTO cert (term_id, fingerprint, issued_at, revoked_at) "
                                 "VALUES (2, x'00', 1, 2)"),
                     ST_OK);
    assert_int_equal(set(QUOTA_OF_MERCHANT, MERCHANT, 1100), ST_OK);
    split(2);
    assert_true(granted(0) == 400 && granted(1) == 300 && granted(2) == 400);
}

static void limits_of_nobody_and_beyond_all_are_refused(void **state)
{
    (void)state;
    assert_int_equal(set(QUOTA_OF_TERMINAL, 77, 5), ST_REFUSED);
    assert_int_equal(set(QUOTA_OF_OPERATOR, 5, 5), ST_REFUSED);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[0], LIMIT_MAX), ST_OK);
    assert_int_equal(allowances_grant(db, terminals[0], LIMIT_LOAD, LIMIT_RIALS, 1, &fault),
                     ST_REFUSED);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[0], -1), ST_OK);
    assert_int_equal(granted(0), -1);
}

/* What the terminal reads out of its mandate. */
static struct mandate mandate_of(uint32_t terminal, int64_t have)
{
    static char text[MANDATE_TEXT_MAX + 1];
    static struct mandate mandate;
    struct signed_key *key = NULL;
    char *pem = NULL, *document = NULL;
    size_t size = 0;
    assert_int_equal(mandates_sync(db, terminal, have, true, text), ST_OK);
    mandate = (struct mandate){.version = 0};
    if (text[0] == '\0') {
        return mandate;
    }
    assert_int_equal(signer_public(folder, &pem, &fault), ST_OK);
    assert_int_equal(signed_key_read(pem, &key, &fault), ST_OK);
    assert_int_equal(signed_open(key, MANDATE_TYP, text, strlen(text), &document, &size, &fault),
                     ST_OK);
    assert_int_equal(mandate_read(document, size, &mandate, &fault), ST_OK);
    signed_key_free(key);
    free(document);
    free(pem);
    return mandate;
}

static void a_mandate_is_signed_when_something_changed_and_only_then(void **state)
{
    (void)state;
    uint32_t count = 99;
    assert_int_equal(mandates_renew(db, folder, NOW, false, &count, &fault), ST_OK);
    assert_int_equal(count, 0); /* there is nothing to say */
    assert_int_equal(mandate_of(terminals[0], 0).version, 0);
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[0], 1000), ST_OK);
    assert_int_equal(mandates_renew(db, folder, NOW, false, &count, &fault), ST_OK);
    assert_int_equal(count, 1);
    const struct mandate first = mandate_of(terminals[0], 0);
    assert_int_equal(first.version, NOW);
    assert_int_equal(first.terminal, terminals[0]);
    assert_int_equal(first.total.of[LIMIT_LOAD][LIMIT_RIALS].max, 1000);
    assert_int_equal(mandates_renew(db, folder, NOW + 5, false, &count, &fault), ST_OK);
    assert_int_equal(count, 0);
    assert_int_equal(mandate_of(terminals[0], NOW).version, 0);
    /* Within the same second, and with a clock set back. */
    assert_int_equal(set(QUOTA_OF_TERMINAL, terminals[0], 2000), ST_OK);
    assert_int_equal(mandates_renew(db, folder, NOW - 9, false, &count, &fault), ST_OK);
    assert_int_equal(mandate_of(terminals[0], NOW).version, NOW + 1);
    /* The terminal tells a later one: this club was restored. */
    assert_int_equal(mandate_of(terminals[0], NOW + 50).version, 0);
    assert_int_equal(mandates_renew(db, folder, NOW, true, &count, &fault), ST_OK);
    assert_int_equal(mandate_of(terminals[0], NOW + 50).version, NOW + 51);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_ceiling_is_split_to_the_last_rial, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_an_offline_terminal_may_still_do_is_not_given_to_another, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revoked_terminal_keeps_its_part_and_gets_no_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(limits_of_nobody_and_beyond_all_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_mandate_is_signed_when_something_changed_and_only_then,
                                        setup, teardown),
    };
    return cmocka_run_group_tests_name("club_allowances", tests, NULL, NULL);
}
