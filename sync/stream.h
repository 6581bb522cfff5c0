/* stream.h - what the streams of the club's news share: links, vouchers, waiting actions.
 *
 * The club numbers each stream. The terminal keeps how far it has one in a setting, written after
 * the rows: cut in between, they come once more and change nothing. The club goes on from there, or
 * begins anew from 0. */
#ifndef SYNC_STREAM_H
#define SYNC_STREAM_H

#include "storage/store.h"

/* The setting, into ret_text of `max` bytes; "" when there is none yet. Statuses are the store's.
 */
ST_CHECK enum st stream_read(struct store *store, const char *setting, char *ret_text, size_t max);

/* Whether news from number `from` on answer what was asked: from `have` on, or all.
 * ST_FOREIGN  nobody asked for that: the fault says so of `what`, in the plural. */
ST_CHECK enum st stream_check(const char *what, uint32_t from, uint32_t have, struct fault *fault);

#endif
