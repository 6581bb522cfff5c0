/* test_till_allowance.c - what a stolen terminal is worth, as vafa-till status says it. Figures are
 * reckoned by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/terminal/till_allowance.h"

static void grant(struct terminal_status *status, enum limit_what what, enum limit_unit unit,
                  int64_t max, int64_t used)
{
    status->quota.of[QUOTA_TERMINAL].limits.of[what][unit] =
        (struct limit){.is_set = true, .max = max};
    status->quota.of[QUOTA_TERMINAL].used.n[what][unit] = used;
}

static void expect_worth(const struct terminal_status *status, const char *right)
{
    struct fault say;
    till_say_worth(status, &say);
    if (strstr(say.say, right) == NULL) {
        fail_msg("not \"%s\": %s", right, say.say);
    }
}

/* A replacement's provisional part is no load: only what may be issued bounds it. */
static void replacements_of_lost_cards_are_part_of_what_a_thief_could_make(void **unused)
{
    (void)unused;
    static struct programme programme;
    static struct terminal_status status;
    programme.unit = UNIT_RIAL;
    status.standing.programme = &programme;
    grant(&status, LIMIT_LOAD, LIMIT_RIALS, 1000, 400);
    grant(&status, LIMIT_REFUND, LIMIT_RIALS, 20, 0);
    grant(&status, LIMIT_EARN, LIMIT_RIALS, 3, 0);
    grant(&status, LIMIT_EARN, LIMIT_COUNT, 30, 10);
    expect_worth(&status, "at most 623 rials more and 20 points.");
    programme.provisional_credit.rials = 300;
    programme.provisional_points.n = 15;
    expect_worth(&status, "no bound: the club has granted this terminal no total of issue");
    grant(&status, LIMIT_ISSUE, LIMIT_RIALS, 5000, 1000);
    expect_worth(&status, "at most 4,623 rials more; of points there is no bound.");
    grant(&status, LIMIT_ISSUE, LIMIT_COUNT, 12, 2);
    expect_worth(&status, "at most 3,623 rials more and 170 points."); /* 10 cards */
    grant(&status, LIMIT_ISSUE, LIMIT_RIALS, 5000, 4900);
    expect_worth(&status, "at most 723 rials more and 170 points.");
    grant(&status, LIMIT_ISSUE, LIMIT_COUNT, LIMIT_MAX, 0);
    expect_worth(&status, "at most 723 rials more; of points there is no bound.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replacements_of_lost_cards_are_part_of_what_a_thief_could_make),
    };
    return cmocka_run_group_tests_name("till_allowance", tests, NULL, NULL);
}
