/* Tests of which programme may follow which: what cards carry must keep its meaning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/programme_text.h"

/* The page's example, version raised, with one more thing changed. */
static struct programme *next_with(const char *path, const char *value)
{
    struct programme *next = NULL;
    struct fault fault = {{0}};
    if (programme_text_load(path, value, &next, &fault) != ST_OK) {
        fail_msg("%s: %s", path, fault.say);
    }
    if (strcmp(path, "version") != 0) {
        next->version += 1;
    }
    return next;
}

static void follows(const char *path, const char *value, enum st st, const char *says)
{
    struct programme *old = NULL;
    struct programme *next = next_with(path, value);
    struct fault fault = {{0}};
    assert_int_equal(programme_text_load("version", "7", &old, &fault), ST_OK);
    assert_int_equal(programme_follows(old, next, &fault), st);
    if (says != NULL && strstr(fault.say, says) == NULL) {
        fail_msg("%s: %s", path, fault.say);
    }
    assert_int_equal(programme_follows(old, next, NULL), st);
    programme_free(old);
    programme_free(next);
}

static void only_a_newer_version_follows(void **state)
{
    (void)state;
    follows("version", "8", ST_OK, NULL);
    follows("version", "7", ST_REFUSED, "Version 7 is not newer than 7");
    follows("version", "6", ST_REFUSED, "not newer");
}

static void numbers_keep_their_ids_and_ids_their_numbers(void **state)
{
    (void)state;
    follows("groups.0.id", "\"family\"", ST_REFUSED, "Group number 1 was \"staff\"");
    follows("groups.0.number", "2", ST_REFUSED, "Group \"staff\" had number 1");
    follows("kinds.1.number", "2", ST_REFUSED, "Kind \"discount10\" had number 1");
    follows("products.0.number", "9", ST_REFUSED, "Product \"dairy\" had number 1");
    follows("products.0.earns", "false", ST_OK, NULL);
    follows("marks.1.number", "15", ST_REFUSED, "Mark \"welcome\" had number 14");
    follows("groups.+", "{\"id\": \"family\", \"number\": 2}", ST_OK, NULL);
    follows("groups", "[]", ST_OK, NULL);
}

static void tiers_keep_their_places(void **state)
{
    (void)state;
    follows("tiers.list.1.id", "\"steel\"", ST_REFUSED, "Tier 2 was \"silver\"");
    follows("tiers.list.1.from", "600", ST_OK, NULL);
    follows("tiers.list.+", "{\"id\": \"diamond\", \"from\": 9000}", ST_OK, NULL);
}

static void the_expiry_may_begin_but_not_change_its_period(void **state)
{
    (void)state;
    follows("purses.points.expiry.period", "\"month\"", ST_REFUSED, "expiry");
    follows("club", "\"Another\"", ST_OK, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_newer_version_follows),
        cmocka_unit_test(numbers_keep_their_ids_and_ids_their_numbers),
        cmocka_unit_test(tiers_keep_their_places),
        cmocka_unit_test(the_expiry_may_begin_but_not_change_its_period),
    };
    return cmocka_run_group_tests_name("programme_follow", tests, programme_text_open,
                                       programme_text_close);
}
