#include "boards/common/device/ration.h"

void ration_init(struct ration *ration, int64_t now_ms)
{
    *ration = (struct ration){.at_ms = now_ms, .left = RATION_MAX};
}

/* Whole seconds only: what is left of one counts the next time. */
static void give(struct ration *ration, int64_t now_ms)
{
    const int64_t seconds = (now_ms - ration->at_ms) / 1000;
    const int64_t left = ration->left + seconds * RATION_BYTES_S;
    ration->at_ms += seconds * 1000;
    ration->left = left < RATION_MAX ? left : RATION_MAX;
}

bool ration_take(struct ration *ration, size_t bytes, int64_t now_ms)
{
    const int64_t cost = (int64_t)bytes + RATION_LINE;
    give(ration, now_ms);
    if (ration->left < (ration->is_out ? RATION_AGAIN : cost)) {
        ration->is_out = true;
        return false;
    }
    ration->is_out = false;
    ration->left -= cost;
    return true;
}
