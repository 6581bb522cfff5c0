/* renew.h - another certificate from the club before this terminal's own ends, by itself.
 *
 * Asked for with a new key, over the line that the old one opened; which of the two is in use
 * changes at one stroke, and the club believes the old one until it has seen the new. Cut anywhere,
 * the next contact goes on (docs/sync.md, docs/decisions/0020-renewal.md). One thread. */
#ifndef SYNC_RENEW_H
#define SYNC_RENEW_H

#include <stdbool.h>

#include "storage/store.h"
#include "sync/client.h"
#include "sync/identity.h"
#include "sync/line.h"

enum {
    RENEW_PART = 8,           /* it is renewed when less than so much of its life is left, */
    RENEW_SPREAD_PART = 24,   /* less up to that by chance: a club's terminals come one by one */
    RENEW_SAY_S = 30 * 86400, /* a certificate that ends so soon is trouble */
    RENEW_RETRY_MS = 60 * 60 * 1000,
};

struct renew_config {
    struct store *store;
    struct line *line;
    struct tls_config *tls; /* the line's: it names the files that are in use */
    const struct identity *identity;
    void (*say)(const char *text); /* one line for the device's log */
};

struct renew {
    struct renew_config config;
    enum identity_pair in_use;
    int64_t not_before_ms; /* after a try that failed, by clock_monotonic_ms() */
};

/* The config's things stay the caller's, and must live as long. */
void renew_init(const struct renew_config *config, struct renew *ret);

/* After a contact that went well: asks, if it is time, and notes in the setting certificate.say
 * what a person must know. True: the terminal has another certificate; contact the club again at
 * once, so that it is seen. */
bool renew_after(struct renew *renew, const struct client_report *report);

/* After a contact that the club refused: true when the files in use are others now, and a contact
 * may go well. At most IDENTITY_PAIRS - 1 times a contact. */
bool renew_refused(struct renew *renew, const struct client_report *report);

/* After a contact that failed otherwise: notes what a person must know. */
void renew_unheard(struct renew *renew);

/* Whether a certificate with that life is to be renewed at `now_s`. */
bool renew_is_due(const struct identity_life *life, int64_t now_s);

#endif
