/* client.h - what terminal and club tell each other: one bounded, idempotent batch a round trip.
 *
 * Moves the journal up; acknowledgement, programme and time down (docs/sync.md). What the club
 * acknowledges is the truth, also when it is lower than before. A cut at any byte costs the round
 * trip and nothing else: the next one asks again. Only one process of a terminal may do this. */
#ifndef SYNC_CLIENT_H
#define SYNC_CLIENT_H

#include <stdint.h>

#include "hal/base/status.h"
#include "storage/store.h"
#include "sync/line.h"
#include "sync/wire.h"

struct client;

struct client_config {
    struct store *store;
    struct line *line;
    uint32_t batch;       /* entries a round trip, 1..WIRE_ENTRIES_MAX */
    const char *database; /* the store's file, which the hotlist lies beside; NULL: keep no list */
    const char *firmware; /* version, at most WIRE_FIRMWARE_MAX bytes */
};

/* ST_IO: no memory. Store and line stay the caller's and must outlive the client. */
ST_CHECK enum st client_open(const struct client_config *config, struct client **ret);
void client_close(struct client *client); /* accepts NULL */

/* What the next requests tell of the device that this is; copied. None until then. */
void client_set_device(struct client *client, const struct wire_device *device);

struct client_report {
    uint32_t entries;                 /* in the journal */
    uint32_t acknowledged;            /* by the club */
    int retry_after_s;                /* with ST_AGAIN: the club's wish; 0 = none */
    bool has_more;                    /* there may be more links, or of the hotlist */
    char refusal[WIRE_ERROR_MAX + 1]; /* the word of an answer that is no 200; "" = none */
    bool is_answered; /* the club said what time it is, and what it wants of the device: */
    int64_t club_s;   /* seconds since 1970, by its clock */
    int64_t heard_ms; /* when that came, by clock_monotonic_ms() */
    struct wire_update update;
    uint32_t logs; /* number of the log that it asks for; 0 = none */
};

/* One round trip. *ret is filled in as far as it is known, whatever the status.
 * ST_OK       done; call again at once while acknowledged < entries or has_more.
 * ST_AGAIN    the club, or the other process at the database, is busy: back off.
 * ST_IO, ST_GONE, ST_FOREIGN, ST_FULL  no line, no space, or no answer that we understand: back
 * off. ST_DENIED   a certificate is wrong or revoked: a person must act. ST_REFUSED  not enrolled,
 * or the club calls our request ill-formed: a person must act. ST_CORRUPT  journal and club
 * contradict each other: stop sending, call for help. */
ST_CHECK enum st client_sync(struct client *client, struct client_report *ret, struct fault *fault);

/* Round trips until the club has everything, within a bound that an honest club never reaches. */
ST_CHECK enum st client_catch_up(struct client *client, struct client_report *ret,
                                 struct fault *fault);

/* The journal holds entries that the club has not acknowledged, or nobody knows: a contact is due.
 */
bool client_has_unsent(struct client *client);

/* Notes for `status` at the terminal how it stands with the club: the settings sync.last_ok
 * (seconds since 1970 by this terminal's clock; only when st is ST_OK) and sync.say (empty = well).
 */
ST_CHECK enum st client_note(struct client *client, enum st st, const struct fault *fault);

/* True when only a person can end this trouble, so that trying again soon is useless. */
bool client_needs_person(enum st st);

#endif
