#include "boards/common/device/watch.h"

enum watch_act watch_decide(const struct watch_facts *facts)
{
    const int64_t up_ms = facts->now_ms - facts->started_ms;
    const int64_t unanswered_ms = facts->now_ms - facts->answered_ms;
    const bool works = facts->works_ms > facts->answered_ms && up_ms < WATCH_START_MAX_MS;
    const int64_t silent_ms = works ? facts->now_ms - facts->works_ms : unanswered_ms;
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
