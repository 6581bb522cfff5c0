#include "boards/common/device/selftest.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
    CLOCK_SEEN_MS = 3000, /* what a clock of whole seconds must have shown in */
    TERMINAL_WAITS = 3,   /* vafa-terminal's exit code: --help */
};

void selftest_terminal_ended(struct selftest_facts *facts, int wait_status, const char *line)
{
    facts->waits_for_trial = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == TERMINAL_WAITS;
    (void)snprintf(facts->last_words, sizeof facts->last_words, "%.*s",
                   (int)sizeof facts->last_words - 1, line);
}

static enum selftest_verdict fails(char *ret_say, const char *part, const char *why)
{
    (void)snprintf(ret_say, SELFTEST_SAY_MAX, "%s: %s", part, why);
    return SELFTEST_FAILS;
}

/* A line that names a part: "vafa-terminal: database: ...", and not an assertion's
 * "vafa-terminal: storage/store.c:126: ...". */
static bool names_part(const char *words)
{
    return words[strspn(words, "abcdefghijklmnopqrstuvwxyz")] == ':';
}

/* A terminal that cannot start says why in its last line, the part first. */
static enum selftest_verdict fails_to_start(char *ret_say, const char *last_words)
{
    static const char program[] = "vafa-terminal: ", other[] = "terminal: ";
    const bool is_ours = strncmp(last_words, program, sizeof program - 1) == 0 &&
                         names_part(last_words + sizeof program - 1);
    if (last_words[0] == '\0') {
        return fails(ret_say, "terminal", "it has not answered yet.");
    }
    (void)snprintf(ret_say, SELFTEST_SAY_MAX, "%s%.*s", is_ours ? "" : other,
                   (int)(SELFTEST_SAY_MAX - sizeof other),
                   last_words + (is_ours ? sizeof program - 1 : 0));
    return SELFTEST_FAILS;
}

enum selftest_verdict selftest_judge(const struct selftest_facts *facts,
                                     char ret_say[SELFTEST_SAY_MAX])
{
    const struct probe_said *said = facts->said;
    ret_say[0] = '\0';
    if (facts->data_say[0] != '\0') {
        return fails(ret_say, "data", facts->data_say);
    }
    if (!facts->has_keys) {
        return fails(ret_say, "keys", "There are none yet: hold the key ceremony at its console.");
    }
    if (facts->waits_for_trial && !facts->is_heard) {
        return SELFTEST_WORKS;
    }
    if (!facts->is_heard) {
        return fails_to_start(ret_say, facts->last_words);
    }
    /* Its start was an entry of the journal, behind a chain that was checked. Before it is let in
     * it has no number, and no journal. */
    if (!said->is_disk_ok || (said->entries == 0 && said->terminal != 0)) {
        return fails(ret_say, "journal",
                     said->disk_say[0] != '\0' ? said->disk_say
                                               : "Nothing could be written to it.");
    }
    if (!said->is_reader_up) {
        return fails(ret_say, "reader", said->reader_say);
    }
    /* A terminal that was never given one is as it should be; one that cannot be read is not. */
    if (said->programme == 0 && said->programme_say[0] != '\0') {
        return fails(ret_say, "programme", said->programme_say);
    }
    if (facts->up_ms >= CLOCK_SEEN_MS && facts->clock_up_ms <= 0) {
        return fails(ret_say, "clock", "It stands still, or runs backwards.");
    }
    if (said->terminal == 0) {
        (void)fails(ret_say, "club",
                    "It has not let this terminal in yet: see vafa-club pending there.");
        return SELFTEST_NOT_LET_IN;
    }
    return SELFTEST_WORKS;
}

struct selftest_acts selftest_decide(const struct selftest_course *course)
{
    const bool works = course->verdict == SELFTEST_WORKS;
    const bool is_hopeless = course->is_new || (!course->has_data && course->is_good);
    const bool says_failed = !works && !course->has_failed &&
                             (is_hopeless || course->since_works_ms >= SELFTEST_WITHIN_MS);
    return (struct selftest_acts){
        .marks_good = course->is_new || course->verdict != SELFTEST_FAILS,
        .says_passed = works && !course->has_passed,
        .says_failed = says_failed,
        .leaves = says_failed && course->verdict == SELFTEST_FAILS && !course->is_new &&
                  !course->is_good && course->can_leave,
    };
}
