/* updates_priv.h - what the two halves of updates.h share: who is in a rollout. */
#ifndef SERVER_UPDATES_PRIV_H
#define SERVER_UPDATES_PRIV_H

#include "server/updates.h"

/* A rollout in force, or the one of a version. */
struct rollout {
    uint32_t version;
    enum stage stage;
    enum updates_state state;
    char why[UPDATES_WHY_MAX + 1];
    uint8_t from_hour, to_hour;
    int64_t good_for_s, started_at, stage_at;
    uint32_t terminals; /* when it began */
};

/* Of that version (0: the one in force); ret->version is 0 when there is none. */
ST_CHECK enum st rollout_get(struct db *db, const char *board, uint32_t version,
                             struct rollout *ret);

/* The terminals up to that place, by their places. The caller frees *ret. */
ST_CHECK enum st rollout_members(struct db *db, const char *board, uint32_t version, uint32_t reach,
                                 struct stages_member **ret, size_t *ret_count);

#endif
