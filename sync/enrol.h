/* enrol.h - how a terminal becomes one of the club's: a one-time code, a key, a certificate.
 *
 * Whole and repeatable: cut anywhere and run again with the same code, it asks with the same key
 * and ends in the same state. The setting "terminal" is written last: where it stands, all else
 * does. */
#ifndef SYNC_ENROL_H
#define SYNC_ENROL_H

#include "hal/base/status.h"
#include "storage/store.h"
#include "sync/identity.h"
#include "sync/line.h"

struct enrol_config {
    struct store *store;
    struct line *line; /* with the pinned CA, without a client certificate */
    const struct identity *identity;
    const char *club;  /* HOST:PORT, kept as the setting "club" */
    const char *code;  /* 1..WIRE_CODE_MAX bytes */
    const char *board; /* at most WIRE_BOARD_MAX bytes */
};

/* Asks once.
 * ST_OK       enrolled: identity and settings are stored.
 * ST_AGAIN    not approved yet, or the club is busy: ask again later.
 * ST_DENIED   the code is wrong, expired or used: a person must act.
 * ST_REFUSED  this database is another terminal's, or the club calls our request ill-formed.
 * ST_IO, ST_GONE, ST_FOREIGN, ST_FULL, ST_CORRUPT  as in client.h. */
ST_CHECK enum st enrol_ask(const struct enrol_config *config, struct fault *fault);

#endif
