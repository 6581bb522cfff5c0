/* wire_priv.h - what the files of the wire's codec share.
 *
 * Private to sync/wire*.c. Statuses and faults as in sync/wire.h. */
#ifndef SYNC_WIRE_PRIV_H
#define SYNC_WIRE_PRIV_H

#include <jansson.h>

#include "sync/wire.h"

/* Parses a body into an object of this version. The caller gives it back with json_decref(). */
ST_CHECK enum st wire_load(const char *text, size_t size, size_t max, json_t **ret,
                           struct fault *fault);
/* Writes `root` (NULL: it could not be made) and gives it back. */
ST_CHECK enum st wire_dump(json_t *root, char *ret_text, size_t max, size_t *ret_size);

ST_CHECK enum st wire_read_integer(const json_t *object, const char *name, int64_t min, int64_t max,
                                   int64_t *ret, struct fault *fault);
/* For numbers whose range fits in 32 bits. */
ST_CHECK enum st wire_read_number(const json_t *object, const char *name, uint32_t min,
                                  uint32_t max, uint32_t *ret, struct fault *fault);
/* Copies a text of min..max bytes and its NUL. */
ST_CHECK enum st wire_read_text(const json_t *object, const char *name, size_t min, size_t max,
                                char *ret, struct fault *fault);
ST_CHECK enum st wire_read_object(const json_t *object, const char *name, const json_t **ret,
                                  struct fault *fault);

/* --- wire_list.c ----------------------------------------------------------------------------- */

/* A new object; NULL: out of memory. */
json_t *wire_list_have_pack(const struct wire_list_have *have);
json_t *wire_list_pack(const struct wire_list *list);
/* The object "hotlist" of `parent`; *ret_has is false when there is none. */
ST_CHECK enum st wire_list_have_read(const json_t *parent, bool *ret_has,
                                     struct wire_list_have *ret, struct fault *fault);
ST_CHECK enum st wire_list_read(const json_t *parent, bool *ret_has, struct wire_list *ret,
                                struct listing_change *ret_changes, struct fault *fault);

#endif
