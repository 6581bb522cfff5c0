/* upkeep.h - the device's own matters on the line to the club: what it says of itself, the bundle
 * that the club wants on it, and its log when its people agreed. After the journal, always.
 *
 * A plain Linux has none of this: every file may be left out. One thread. */
#ifndef SYNC_UPKEEP_H
#define SYNC_UPKEEP_H

#include "storage/store.h"
#include "sync/client.h"
#include "sync/line.h"

struct upkeep;

struct upkeep_config {
    struct store *store;
    struct line *line;
    struct client *client;
    const char *firmware;
    const char *device;            /* file that the device writes of itself; NULL = none */
    const char *updates;           /* folder for bundles; NULL: none are fetched */
    const char *log;               /* the device's log; NULL = none */
    const char *clock;             /* file for what the club's clock says; NULL = none */
    uint32_t rate;                 /* bytes a second of a bundle, 1024.. */
    void (*say)(const char *text); /* one line for the device's log */
};

/* ST_IO: no memory, or the folder cannot be used: fault says which. */
ST_CHECK enum st upkeep_open(const struct upkeep_config *config, struct upkeep **ret,
                             struct fault *fault);
void upkeep_close(struct upkeep *upkeep); /* accepts NULL */

/* Before a contact: the requests will tell how the device is. */
void upkeep_before(struct upkeep *upkeep);
/* After a contact that went well: does what the answer wants, but for pieces. */
void upkeep_after(struct upkeep *upkeep, const struct client_report *report);
/* True once, when this clock was off by more than CLOCK_OFF_S: the device sets it, and then the
 * club and the hotlist want to know. */
bool upkeep_sets_clock(struct upkeep *upkeep);
/* When the next piece may be asked for, by clock_monotonic_ms(); INT64_MAX: none is wanted. */
int64_t upkeep_due_ms(const struct upkeep *upkeep);
enum upkeep_next {
    UPKEEP_ON,      /* a piece has come */
    UPKEEP_CONTACT, /* entries wait: contact the club first, now */
    UPKEEP_LATER,   /* no piece came: no more until the next contact, in its own time */
};
/* Asks for the piece that is due. */
enum upkeep_next upkeep_step(struct upkeep *upkeep);

#endif
