/* fuzz_programme.c - bytes become a programme; one that was loaded must hold what loading promises.
 *
 * Promise under test: programme_load() refuses with a sentence or gives a programme that is valid
 * and whose conditions can all be judged. Run by libFuzzer (tests/fuzz/run.sh) with the starters as
 * its corpus, and with fixed pseudo-random changes of them by test_programme_fuzz. */
#include <assert.h>
#include <string.h>

#include "firmware/engine/programme.h"
#include "firmware/engine/programme_facts.h"
#include "tests/fuzz/fuzz_programme.h"

bool fuzz_programme(const uint8_t *data, size_t size)
{
    struct programme *programme = NULL;
    struct fault fault = {{0}};
    enum st st = programme_load((const char *)data, size, &programme, &fault);
    if (st != ST_OK) {
        assert(st == ST_FOREIGN || st == ST_UNSUPPORTED || st == ST_FULL);
        assert(programme == NULL);
        assert(strncmp(fault.say, "Programme", 9) == 0);
        return false;
    }
    assert(programme_is_valid(programme));
    struct logic_value facts[PROGRAMME_FACTS_MAX];
    size_t count = programme_fact_count(programme);
    programme_facts_default(programme, facts);
    for (size_t i = 0; i < programme->rule_count; i += 1) {
        const struct programme_rule *rule = &programme->rules[i];
        bool holds;
        assert(strlen(rule->id) < sizeof rule->id);
        assert(rule->say_fa == NULL || strlen(rule->say_fa) < PROGRAMME_SAY_MAX);
        assert(rule->when == 0 ||
               logic_eval(programme->logic, rule->when, facts, count, &holds) == ST_OK);
    }
    programme_free(programme);
    return true;
}

#ifdef FUZZ_MAIN
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)fuzz_programme(data, size);
    return 0;
}
#endif
