/* Fixed pseudo-random changes of the page's example and the starters go through the loader: what
 * tests/fuzz/run.sh does for minutes, in seconds and the same in every build. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fuzz/fuzz_programme.h"
#include "tests/unit/programme_text.h"

enum { ROUNDS = 6000, TEXT_MAX = 32768 };

/* Marsaglia's xorshift64 with 13, 7, 17. */
static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

static size_t below(size_t bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % bound);
}

static const char *const pieces[] = {
    "0",     "1",   "-1",    "100",       "0.01", "68719476735", "268435456", "true", "null",
    "\"\"",  "[]",  "{}",    "\"id\"",    "\\",   "\"dairy\"",   "\"sum\"",   ",",    ":",
    "[true", "\"]", "\"a\"", "{\"a\":1}", "\xd8", "\"if\"",      "\"var\"",   "1e3",  "2.5",
};

/* Puts, takes out, copies or changes some bytes at a place; gives the new size. */
static size_t change(char *text, size_t size)
{
    size_t at = below(size);
    size_t length = 1 + below(12);
    const char *piece = pieces[below(sizeof pieces / sizeof pieces[0])];
    length = length < size - at ? length : size - at;
    switch (below(6)) {
    case 4:
    case 5: /* Another number, which is often as good. */
        at += strcspn(text + at, "0123456789");
        if (at < size) {
            text[at] = (char)('0' + below(10));
        }
        return size;
    case 0:
        text[at] = (char)below(256);
        return size;
    case 1:
        memmove(text + at, text + at + length, size - at - length);
        return size - length;
    case 2: /* A whole value instead of a number or word. */
        while (at > 0 && strchr(":[,", text[at - 1]) == NULL) {
            at -= 1;
        }
        length = strcspn(text + at, ",]}");
        break;
    default:
        length = 0;
        break;
    }
    size_t add = strlen(piece);
    if (size - length + add >= TEXT_MAX || length > size - at) {
        return size;
    }
    memmove(text + at + add, text + at + length, size - at - length);
    memcpy(text + at, piece, add);
    return size - length + add;
}

static size_t seed_text(size_t round, char ret[TEXT_MAX])
{
    static const char *const files[] = {"programmes/base.json", "programmes/credit.json"};
    size_t which = round % 4;
    if (which < sizeof files / sizeof files[0]) {
        FILE *file = fopen(files[which], "r");
        assert_non_null(file);
        size_t size = fread(ret, 1, TEXT_MAX - 1, file);
        (void)fclose(file);
        return size;
    }
    char *text = json_dumps(programme_text_example(), JSON_COMPACT);
    size_t size = strlen(text);
    assert_true(size < TEXT_MAX);
    memcpy(ret, text, size);
    free(text);
    return size;
}

static void changed_programmes_load_whole_or_not_at_all(void **state)
{
    (void)state;
    static char text[TEXT_MAX + 1];
    size_t loaded = 0;
    for (size_t round = 0; round < ROUNDS; round += 1) {
        size_t size = seed_text(round, text);
        for (size_t i = 1 + below(3); i > 0; i -= 1) {
            text[size] = '\0';
            size = change(text, size);
        }
        char *exact = malloc(size + 1); /* so that ASan sees a look beyond */
        assert_non_null(exact);
        memcpy(exact, text, size);
        loaded += fuzz_programme((const uint8_t *)exact, size);
        free(exact);
    }
    print_message("%zu of %d changed programmes loaded\n", loaded, ROUNDS);
    /* If hardly any loaded, or hardly any did not, the changes test nothing. */
    assert_in_range(loaded, ROUNDS / 50, ROUNDS - ROUNDS / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_programmes_load_whole_or_not_at_all),
    };
    return cmocka_run_group_tests_name("programme_fuzz", tests, programme_text_open,
                                       programme_text_close);
}
