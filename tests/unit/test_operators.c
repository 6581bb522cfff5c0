/* Tests of firmware/engine/operators.h: the page's table of rights is what the code allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/engine/operators.h"

/* Lines "| cashier | sell, load | ... |" of docs/operators.md; the manual is the source. */
static void every_role_has_the_rights_of_the_page(void **state)
{
    (void)state;
    char line[512];
    unsigned found = 0;
    FILE *page = fopen("docs/operators.md", "r");
    assert_non_null(page);
    while (fgets(line, sizeof line, page) != NULL) {
        char word[32] = "", rights[128] = "";
        if (sscanf(line, "| `%31[a-z]` | %127[^|]", word, rights) != 2 || role_of_word(word) == 0) {
            continue;
        }
        found += 1;
        for (int right = 0; right < RIGHTS; right += 1) {
            const bool is_there = strstr(rights, right_word((enum right)right)) != NULL;
            if (role_may(role_of_word(word), (enum right)right) != is_there) {
                fail_msg("%s: %s", word, right_word((enum right)right));
            }
        }
    }
    (void)fclose(page);
    assert_int_equal(found, ROLES - 1);
}

static void a_role_that_is_not_known_may_only_read(void **state)
{
    (void)state;
    for (int right = 0; right < RIGHTS; right += 1) {
        assert_int_equal(role_may(0, (enum right)right), right == RIGHT_READ);
        assert_int_equal(role_may(200, (enum right)right), right == RIGHT_READ);
    }
    assert_int_equal(role_of_word("boss"), 0);
    assert_string_equal(role_word(9), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_role_has_the_rights_of_the_page),
        cmocka_unit_test(a_role_that_is_not_known_may_only_read),
    };
    return cmocka_run_group_tests_name("operators", tests, NULL, NULL);
}
