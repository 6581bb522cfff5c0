/* updates_priv.h - what the two halves of updates.h share: who is in a rollout. */
#ifndef SERVER_UPDATES_PRIV_H
#define SERVER_UPDATES_PRIV_H

#include "server/updates.h"

/* For SQL: is terminal t in use; did the version ever fall back on the terminal; could another
 * version work on device d: all does, or what fails is a part that versions differ in, no hardware;
 * does device d lack the version, and did it not fall back there; may it have the version now. */
/* clang-format off */
#define ROLLOUT_IS_LIVE                                                                                    \
    "t.dead_at = 0 AND (EXISTS (SELECT 1 FROM cert c WHERE c.term_id = t.term_id"                  \
    " AND c.revoked_at = 0) OR NOT EXISTS (SELECT 1 FROM cert c WHERE c.term_id = t.term_id))"
#define ROLLOUT_FELL_BACK(terminal, version)                                                               \
    "EXISTS (SELECT 1 FROM device_past f WHERE f.term_id = " terminal " AND f.what = 2"            \
    " AND f.version = " version ")"
#define ROLLOUT_CAN_CHANGE                                                                         \
    "d.good = 1 AND (d.self_test = 'ok' OR d.self_test LIKE 'terminal: %'"                         \
    " OR d.self_test LIKE 'database: %' OR d.self_test LIKE 'programme: %')"
#define ROLLOUT_LACKS(version)                                                                     \
    "d.version < " version " AND d.failed <> " version                                             \
    " AND NOT " ROLLOUT_FELL_BACK("d.term_id", version)
#define ROLLOUT_MAY_HAVE(version) ROLLOUT_LACKS(version) " AND " ROLLOUT_CAN_CHANGE
/* clang-format on */

/* A rollout in force, or the one of a version. */
struct rollout {
    uint32_t version;
    enum stage stage;
    enum updates_state state;
    char why[UPDATES_WHY_MAX + 1];
    uint8_t from_hour, to_hour;
    int64_t good_for_s, started_at, stage_at;
    uint32_t terminals; /* when it began */
    uint32_t proved_to; /* nobody up to this place held it up when that was last looked at */
};

/* Of that version (0: the one in force); ret->version is 0 when there is none. */
ST_CHECK enum st rollout_get(struct db *db, const char *board, uint32_t version,
                             struct rollout *ret);

ST_CHECK enum st rollout_set_state(struct db *db, const char *board, uint32_t version,
                                   enum updates_state state, const char *why);
ST_CHECK enum st rollout_set_stage(struct db *db, const char *board, uint32_t version,
                                   enum stage stage, int64_t now_s);

/* The terminals after one place up to another, by their places, at most `max`. The caller frees
 * *ret. */
ST_CHECK enum st rollout_members(struct db *db, const char *board, uint32_t version, uint32_t after,
                                 uint32_t reach, size_t max, struct stages_member **ret,
                                 size_t *ret_count);

#endif
