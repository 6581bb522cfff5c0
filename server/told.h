/* told.h - how far terminals have been told of actions, in a file beside the database.
 *
 * A club whose database was put back from an older backup finds there that it has forgotten what
 * terminals have, before it gives the same order another number: a card would take it twice
 * (docs/decisions/0010-actions.md). The file is `actions.last`: the number that the stream has
 * there, and its mark. The fault is for a person. */
#ifndef SERVER_TOLD_H
#define SERVER_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "server/db.h"
#include "sync/wire.h"

struct told {
    uint32_t no; /* 0 = nothing yet */
    uint8_t mark[WIRE_ACTION_MARK_BYTES];
};

/* ST_CORRUPT: the file is something else. */
ST_CHECK enum st told_load(const char *dir, struct told *ret, struct fault *fault);
/* A terminal is about to be told up to there: notes it, when that is further than ever. On the disk
 * when it returns. */
ST_CHECK enum st told_note(const char *dir, struct told *told, const struct wire_actions *news,
                           struct fault *fault);
/* When a database is opened: has it forgotten what terminals were told? Then what
 * settled_forgot() does is done. */
ST_CHECK enum st told_look(struct db *db, const char *dir, int64_t now_s, bool *ret_forgot,
                           struct fault *fault);

#endif
