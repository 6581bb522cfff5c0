/* bons.h - the vouchers that organisations gave out, and who took them (docs/vouchers.md).
 *
 * Functions on the database. Posted by the ledger with the batch that brings a redemption
 * (ledger_priv.h). db's statuses (server/db.h) besides those named; the fault is a sentence for the
 * operator. */
#ifndef SERVER_BONS_H
#define SERVER_BONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "firmware/engine/bon.h"
#include "hal/base/status.h"
#include "server/db.h"
#include "server/signer.h"
#include "sync/wire.h"

enum { BONS_ORGANISATION_MAX = 96, BONS_COUNT_MAX = 1000000 };

struct bon_series {
    int64_t number; /* 0: the next free one */
    char organisation[BONS_ORGANISATION_MAX + 1];
    struct bon first; /* series and serial are filled in */
    int64_t count;    /* 1..BONS_COUNT_MAX */
};

/* Notes the series, or finds the one with its number again: ret->organisation and the rest are then
 * as they were made, whatever was given.
 * ST_REFUSED  there is no series of that number, or no merchant of that number. */
ST_CHECK enum st bons_series(struct db *db, struct bon_series *series, int64_t now_s,
                             struct fault *fault);

/* The same under the number that the caller says, so that it can be said again.
 * ST_REFUSED  that number is another series, or not the next one; or there is no such merchant. */
ST_CHECK enum st bons_series_as(struct db *db, int64_t number, struct bon_series *series,
                                int64_t now_s, struct fault *fault);

/* One bon of the series as its text. ST_IO: no seal could be made. */
ST_CHECK enum st bons_text(const struct bon_series *series, uint32_t serial,
                           const struct signer *signer, char ret[BON_TEXT_BYTES + 1],
                           struct fault *fault);
/* Seals each bon of the series and writes "SERIES SERIAL TEXT" a line. Progress, for many, goes to
 * standard error. ST_IO: `to` takes no more, or no seal could be made. */
ST_CHECK enum st bons_write(const struct bon_series *series, const struct signer *signer, FILE *to,
                            struct fault *fault);

/* All series with their figures; the redemptions of one. As text or as one JSON array. */
ST_CHECK enum st bons_list(struct db *db, bool as_json, FILE *out);
ST_CHECK enum st bons_used(struct db *db, int64_t series, bool as_json, FILE *out);

/* What a terminal that has `have` has not: at most WIRE_BONS_MAX, in the order of posting. From the
 * beginning when the club does not know that state: it was restored. */
ST_CHECK enum st bons_news(struct db *db, const struct wire_bons_have *have, struct wire_bons *ret);

#endif
