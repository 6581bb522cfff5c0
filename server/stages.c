#include "server/stages.h"

#include <string.h>

static const char *const words[] = {"none", "one", "tenth", "all"};
#define STAGES (sizeof words / sizeof words[0])

enum { TENTH_MIN = 2 };

const char *stages_word(enum stage stage)
{
    return words[(size_t)stage < STAGES ? stage : STAGE_NONE];
}

enum stage stages_of_word(const char *word)
{
    for (size_t i = STAGE_ONE; i < STAGES; i++) {
        if (strcmp(words[i], word) == 0) {
            return (enum stage)i;
        }
    }
    return STAGE_NONE;
}

uint32_t stages_reach(enum stage stage, uint32_t count)
{
    const uint32_t tenth = count / 10 + (count % 10 != 0);
    switch (stage) {
    case STAGE_ONE:
        return 1;
    case STAGE_TENTH:
        return tenth < TENTH_MIN ? TENTH_MIN : tenth;
    case STAGE_ALL:
        return UINT32_MAX;
    case STAGE_NONE:
        break;
    }
    return 0;
}

bool stages_waits_for(const struct stages_member *member, uint32_t version, int64_t now_s)
{
    if (!member->is_live || member->has_failed || member->version > version) {
        return false;
    }
    return member->offered_at != 0 ||
           (member->is_fit && member->seen_at != 0 && now_s - member->seen_at <= STAGES_RECENT_S);
}

bool stages_is_proved(const struct stages_member *member, uint32_t version, int64_t good_for_s)
{
    return member->version == version && member->good_at != 0 &&
           member->seen_at - member->good_at >= good_for_s;
}

size_t stages_held_by(const struct stages_member *members, size_t count, uint32_t version,
                      int64_t good_for_s, int64_t now_s, size_t *ret_proved)
{
    for (size_t i = 0; i < count; i++) {
        if (!stages_waits_for(&members[i], version, now_s)) {
            continue;
        }
        if (!stages_is_proved(&members[i], version, good_for_s)) {
            return i;
        }
        (*ret_proved)++;
    }
    return count;
}
