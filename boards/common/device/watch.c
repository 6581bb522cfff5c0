#include "boards/common/device/watch.h"

/* It has, within the time that a start may take; it may have hung since. */
static bool has_worked(const struct watch_facts *facts)
{
    return facts->works_ms > facts->answered_ms &&
           facts->now_ms - facts->started_ms < WATCH_START_MAX_MS;
}

bool watch_is_at_work(const struct watch_facts *facts)
{
    return has_worked(facts) && facts->now_ms - facts->works_ms < WATCH_WORK_MS;
}

int64_t watch_silent_ms(const struct watch_facts *facts)
{
    return !facts->has_keys
               ? 0
               : facts->now_ms - (has_worked(facts) ? facts->works_ms : facts->answered_ms);
}

enum watch_act watch_decide(const struct watch_facts *facts)
{
    const int64_t up_ms = facts->now_ms - facts->started_ms;
    const int64_t unanswered_ms = facts->now_ms - facts->answered_ms;
    const bool works = has_worked(facts);
    const int64_t silent_ms = watch_silent_ms(facts);
    const int64_t patience_ms = works ? WATCH_WORK_MS : WATCH_SILENT_MS;
    const bool is_dead = silent_ms >= patience_ms - WATCH_SILENT_MS + WATCH_DEAD_MS;
    if (!facts->has_keys || silent_ms < patience_ms) {
        return WATCH_FEED;
    }
    if (is_dead && !(facts->gave_up && unanswered_ms < WATCH_FAILS_MS)) {
        return WATCH_STARVE;
    }
    return up_ms >= WATCH_SILENT_MS ? WATCH_RESTART : WATCH_FEED;
}
