/* The rules of the fleet view and of rollouts: stages, what a stage waits for, troubles. Every
 * expected value is worked out by hand from docs/fleet.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/fleet.h"
#include "server/fleet_trouble.h"
#include "server/stages.h"

enum { NOW = 1800000000, DAY = 86400, HOUR = 3600 };

/* --- stages -------------------------------------------------------------------------------- */

static void a_stage_is_for_one_a_tenth_or_all(void **state)
{
    static const struct {
        uint32_t count, tenth;
    } examples[] = {{1, 2}, {2, 2}, {11, 2}, {20, 2}, {21, 3}, {30, 3}, {95, 10}, {1000, 100}};
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        assert_int_equal(stages_reach(STAGE_ONE, examples[i].count), 1);
        assert_int_equal(stages_reach(STAGE_TENTH, examples[i].count), examples[i].tenth);
        assert_int_equal(stages_reach(STAGE_ALL, examples[i].count), UINT32_MAX);
    }
    assert_int_equal(stages_reach(STAGE_NONE, 5), 0);
    assert_string_equal(stages_word(STAGE_TENTH), "tenth");
    assert_int_equal(stages_of_word("all"), STAGE_ALL);
    assert_int_equal(stages_of_word("none"), STAGE_NONE);
    assert_int_equal(stages_of_word("x"), STAGE_NONE);
}

/* In use, heard of an hour ago, runs 7; the version is 8. */
static struct stages_member member(void)
{
    return (struct stages_member){.is_live = true,
                                  .is_fit = true,
                                  .version = 7,
                                  .offered_at = NOW - 2 * HOUR,
                                  .seen_at = NOW - HOUR,
                                  .good_at = NOW - 30 * DAY};
}

static void a_stage_waits_for_those_that_will_answer(void **state)
{
    struct stages_member one = member();
    (void)state;
    assert_true(stages_waits_for(&one, 8, NOW));
    one.seen_at = NOW - 30 * DAY; /* silent since it was offered: perhaps because of it */
    assert_true(stages_waits_for(&one, 8, NOW));
    one.offered_at = 0; /* silent, and not because of it */
    assert_false(stages_waits_for(&one, 8, NOW));
    one.seen_at = NOW - STAGES_RECENT_S; /* just not silent: it will be offered it */
    assert_true(stages_waits_for(&one, 8, NOW));
    one.seen_at--;
    assert_false(stages_waits_for(&one, 8, NOW));
    one = member();
    one.is_fit = false; /* its self-test failed before it was offered */
    one.offered_at = 0;
    assert_false(stages_waits_for(&one, 8, NOW));
    one = member();
    one.is_live = false;
    assert_false(stages_waits_for(&one, 8, NOW));
    one = member();
    one.has_failed = true;
    assert_false(stages_waits_for(&one, 8, NOW));
    one = member();
    one.version = 9; /* flashed since: it will never run 8 */
    assert_false(stages_waits_for(&one, 8, NOW));
}

static void who_was_good_for_so_long_and_is_heard_of_has_proved_it(void **state)
{
    struct stages_member one = member();
    (void)state;
    assert_false(stages_is_proved(&one, 8, 0)); /* it runs 7 */
    one.version = 8;
    one.good_at = 0; /* on trial */
    assert_false(stages_is_proved(&one, 8, 0));
    one.good_at = NOW - HOUR;
    one.seen_at = NOW - HOUR;
    assert_true(stages_is_proved(&one, 8, 0));
    assert_false(stages_is_proved(&one, 8, HOUR)); /* good an hour ago, and silent since */
    one.seen_at = NOW - 1;
    assert_false(stages_is_proved(&one, 8, HOUR)); /* 59:59 */
    one.seen_at = NOW;
    assert_true(stages_is_proved(&one, 8, HOUR));
    one.version = 9; /* flashed since: that says nothing of 8 */
    assert_false(stages_is_proved(&one, 8, HOUR));
}

static bool is_complete(const struct stages_member *members, size_t count, int64_t good_for_s)
{
    size_t proved = 0;
    return stages_held_by(members, count, 8, good_for_s, NOW, &proved) == count && proved > 0;
}

static void a_stage_is_complete_when_all_that_it_waits_for_have_proved_it(void **state)
{
    struct stages_member all[3] = {member(), member(), member()};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        all[i].version = 8;
        all[i].good_at = NOW - DAY;
        all[i].seen_at = NOW;
    }
    assert_true(is_complete(all, 3, DAY));
    assert_false(is_complete(all, 3, DAY + 1));
    all[2].version = 7;
    size_t proved = 0;
    assert_int_equal(stages_held_by(all, 3, 8, DAY, NOW, &proved), 2);
    assert_int_equal(proved, 2);
    assert_false(is_complete(all, 3, DAY));
    assert_true(is_complete(all, 2, DAY));
    all[2].has_failed = true; /* it fell back there, and somebody resumed it all the same */
    assert_true(is_complete(all, 3, DAY));
    all[0].is_live = all[1].is_live = false; /* nobody is left who shows anything */
    assert_false(is_complete(all, 3, DAY));
    assert_false(is_complete(all, 0, 0));
}

/* --- troubles ------------------------------------------------------------------------------ */

/* One that is well. */
static struct fleet_facts facts(void)
{
    return (struct fleet_facts){.terminal = 4,
                                .merchant = "Refah",
                                .branch = "Vanak",
                                .now_s = NOW,
                                .dead_days = 30,
                                .approved_at = NOW - 100 * DAY,
                                .seen_at = NOW - 60,
                                .cert_ends_at = NOW + 630 * DAY,
                                .has_clock = true,
                                .clock_error_s = -1,
                                .refused_say = "",
                                .has_device = true,
                                .version = 7,
                                .is_good = true,
                                .version_at = NOW - 10 * DAY,
                                .free_bytes = 500000000,
                                .self_test = "ok",
                                .update = "none"};
}

/* Exactly that trouble, with those words in the sentence and that command. */
static void expect(const struct fleet_facts *seen, const char *word, const char *say,
                   const char *command)
{
    struct fleet_trouble found[FLEET_TROUBLES];
    const size_t count = fleet_troubles(seen, found);
    if (word == NULL) {
        assert_int_equal(count, 0);
        return;
    }
    assert_int_equal(count, 1);
    assert_string_equal(fleet_trouble_word(found[0].kind), word);
    if (strstr(found[0].say, say) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", say, found[0].say);
    }
    assert_string_equal(found[0].command, command);
    assert_true(found[0].fa[0] != '\0');
}

static void a_well_terminal_has_no_trouble(void **state)
{
    struct fleet_facts one = facts();
    (void)state;
    expect(&one, NULL, NULL, NULL);
    one.has_device = false; /* a plain Linux tells nothing of a device */
    one.version = 0;
    one.free_bytes = 0;
    one.is_good = false;
    one.self_test = one.update = "";
    expect(&one, NULL, NULL, NULL);
}

static void troubles_of_contact(void **state)
{
    struct fleet_facts one = facts();
    (void)state;
    one.seen_at = NOW - 2 * DAY + 1;
    expect(&one, NULL, NULL, NULL);
    one.seen_at--;
    one.unsent = 3;
    expect(&one, "silent", "Not heard of for 2 days, with 3 entries unsent then",
           "vafa-club terminal dead 4");
    one.seen_at = NOW - 30 * DAY;
    expect(&one, "dead", "declare it dead", "vafa-club terminal dead 4");
    one.dead_days = 0;
    expect(&one, "silent", "Not heard of for 30 days", "vafa-club terminal dead 4");
    one.seen_at = 0;
    one.unsent = 0;
    one.has_device = one.has_clock = false;
    expect(&one, "never", "Approved 100 days ago and never synced", "vafa-club terminal forget 4");
    one.approved_at = NOW - DAY + 1;
    expect(&one, NULL, NULL, NULL);
    one = facts();
    one.unsent = 12;
    one.oldest_at = NOW - DAY + 1;
    expect(&one, NULL, NULL, NULL);
    one.oldest_at = NOW - 3 * DAY;
    expect(&one, "unsent", "12 entries are unsent, the oldest for 3 days", "vafa-club cases");
}

/* The books refuse all that it sends from then on: what they had of it stands still. */
static void a_terminal_that_is_refused_is_not_silent(void **state)
{
    struct fleet_facts one = facts();
    struct fleet_trouble found[FLEET_TROUBLES];
    (void)state;
    one.chain_at = one.seen_at - 3 * HOUR;
    expect(&one, "chain",
           "3 hours ago it sent other entries than the club holds, and more was taken",
           "vafa-club cases");
    one.chain_at = one.seen_at;
    expect(&one, "chain", "and nothing was taken since", "vafa-club cases");
    one.seen_at = NOW - 40 * DAY;
    one.chain_at = one.seen_at + 60;
    expect(&one, "chain", "39 days ago it sent other entries", "vafa-club cases");
    one.chain_at = one.seen_at - 60; /* it was heard of after that, and then no more */
    assert_int_equal(fleet_troubles(&one, found), 2);
    assert_int_equal(found[0].kind, TROUBLE_CHAIN);
    assert_int_equal(found[1].kind, TROUBLE_DEAD);
    one.seen_at = 0;
    expect(&one, "chain", "and nothing was taken since", "vafa-club cases");
}

static void troubles_of_the_clock(void **state)
{
    struct fleet_facts one = facts();
    (void)state;
    one.clock_error_s = 120;
    expect(&one, NULL, NULL, NULL);
    one.clock_error_s = 121;
    expect(&one, "clock", "2 minutes ahead of the club's", "");
    one.clock_error_s = -37 * 60;
    expect(&one, "clock", "37 minutes behind the club's", "");
    one.has_clock = false; /* it did not tell */
    expect(&one, NULL, NULL, NULL);
    one.is_clock_unset = true;
    expect(&one, "clock", "Its clock is not set", "");
}

static void troubles_of_the_device(void **state)
{
    struct fleet_facts one = facts();
    (void)state;
    one.self_test = "running";
    expect(&one, NULL, NULL, NULL);
    one.self_test = "reader: no answer at /dev/ttyS0";
    expect(&one, "self_test", "Its self-test failed: reader: no answer at /dev/ttyS0.", "");
    one = facts();
    one.failed = 6; /* it runs 7: past that */
    expect(&one, NULL, NULL, NULL);
    one.failed = 8;
    expect(&one, "fell_back", "Version 8 was installed and fell back to 7",
           "vafa-club logs ask 4 --by NAME");
    one = facts();
    one.free_bytes = 53000000 - 27000000; /* a new image's /data, on which an update waits */
    expect(&one, NULL, NULL, NULL);
    one.free_bytes = (int64_t)16 << 20;
    expect(&one, NULL, NULL, NULL);
    one.free_bytes = 3000000;
    expect(&one, "disk", "Only 3 MB are free", "");
    one = facts();
    one.update = "waiting 8";
    expect(&one, NULL, NULL, NULL);
    one.update = "refused 8: entries are unsent";
    expect(&one, "update", "does not install version 8: entries are unsent.", "");
    one = facts();
    one.is_good = false;
    one.version_at = NOW - HOUR + 1;
    expect(&one, NULL, NULL, NULL);
    one.version_at = NOW - 3 * HOUR;
    expect(&one, "trial", "Version 7 is on trial for 3 hours", "");
}

static void troubles_of_papers(void **state)
{
    struct fleet_facts one = facts();
    (void)state;
    one.refused = 5;
    one.refused_say = "An unknown rule.";
    expect(&one, "programme", "does not take programme 5: An unknown rule.",
           "vafa-club programme FILE");
    one = facts();
    one.cert_ends_at = NOW + 30 * DAY;
    expect(&one, NULL, NULL, NULL);
    one.cert_ends_at = NOW + 20 * DAY;
    expect(&one, "certificate", "ends in 20 days", "");
    one.cert_ends_at = NOW - 5 * DAY;
    expect(&one, "certificate", "ended 5 days ago", "vafa-club terminal renew 4");
    one = facts();
    one.cert_late_at = NOW - 30 * DAY;
    expect(&one, NULL, NULL, NULL);
    one.cert_late_at = NOW - 3 * HOUR;
    expect(&one, "copy", "was shown 3 hours ago", "vafa-club revoke 4");
}

static void the_worst_comes_first(void **state)
{
    static const char *const words[] = {"copy", "chain", "self_test", "dead",   "fell_back",
                                        "disk", "clock", "programme", "update", "certificate"};
    struct fleet_trouble found[FLEET_TROUBLES];
    struct fleet_facts one = facts();
    (void)state;
    one.cert_late_at = NOW - DAY;
    one.chain_at = NOW - 50 * DAY;
    one.self_test = "keys: none";
    one.seen_at = NOW - 40 * DAY;
    one.failed = 8;
    one.free_bytes = 0;
    one.is_clock_unset = true;
    one.refused = 9;
    one.update = "refused 9: no space";
    one.cert_ends_at = NOW;
    assert_int_equal(fleet_troubles(&one, found), sizeof words / sizeof words[0]);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_string_equal(fleet_trouble_word(found[i].kind), words[i]);
    }
}

/* clang-format off */
static void spans_and_sizes_as_people_say_them(void **state)
{
    static const struct {
        int64_t seconds;
        const char *en, *fa;
    } spans[] = {{0, "0 seconds", "۰ ثانیه"},        {1, "1 second", "۱ ثانیه"},
                 {119, "119 seconds", "۱۱۹ ثانیه"},  {120, "2 minutes", "۲ دقیقه"},
                 {7199, "119 minutes", "۱۱۹ دقیقه"}, {7200, "2 hours", "۲ ساعت"},
                 {2 * DAY, "2 days", "۲ روز"},       {-1, "-1 seconds", "۱ ثانیه"}};
    static const struct {
        int64_t bytes;
        const char *say;
    } sizes[] = {{0, "0 B"}, {999999, "999999 B"}, {64000000, "64 MB"}, {1250000000, "1.2 GB"}};
    /* clang-format on */
    char text[FLEET_SPAN_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        fleet_span(spans[i].seconds, text);
        assert_string_equal(text, spans[i].en);
        fleet_span_fa(spans[i].seconds, text);
        assert_string_equal(text, spans[i].fa);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fleet_bytes(sizes[i].bytes, text);
        assert_string_equal(text, sizes[i].say);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stage_is_for_one_a_tenth_or_all),
        cmocka_unit_test(a_stage_waits_for_those_that_will_answer),
        cmocka_unit_test(who_was_good_for_so_long_and_is_heard_of_has_proved_it),
        cmocka_unit_test(a_stage_is_complete_when_all_that_it_waits_for_have_proved_it),
        cmocka_unit_test(a_well_terminal_has_no_trouble),
        cmocka_unit_test(troubles_of_contact),
        cmocka_unit_test(a_terminal_that_is_refused_is_not_silent),
        cmocka_unit_test(troubles_of_the_clock),
        cmocka_unit_test(troubles_of_the_device),
        cmocka_unit_test(troubles_of_papers),
        cmocka_unit_test(the_worst_comes_first),
        cmocka_unit_test(spans_and_sizes_as_people_say_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
