#include "boards/common/device/watch.h"

enum watch_act watch_decide(const struct watch_facts *facts)
{
    const int64_t silent_ms = facts->now_ms - facts->answered_ms;
    const int64_t up_ms = facts->now_ms - facts->started_ms;
    if (!facts->has_keys || silent_ms < WATCH_SILENT_MS) {
        return WATCH_FEED;
    }
    if (silent_ms >= WATCH_DEAD_MS) {
        return WATCH_STARVE;
    }
    return up_ms >= WATCH_SILENT_MS ? WATCH_RESTART : WATCH_FEED;
}
