/* bundles.h - the updates that the club has for its terminals' boards: files in its folder.
 *
 * A bundle is BOARD-VERSION.raucb in the folder `updates`; size and SHA-256 are in the database.
 * Whether it is signed by the right key the device finds out: the club only looks whether the file
 * has a bundle's form (verity: devices take no other), and whether its manifest names this board
 * and version. db's statuses besides those named. */
#ifndef SERVER_BUNDLES_H
#define SERVER_BUNDLES_H

#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "server/db.h"
#include "sync/wire.h"

struct bundle {
    char board[WIRE_BOARD_MAX + 1];
    uint32_t version; /* 1..WIRE_IMAGE_MAX */
    int64_t bytes;    /* 1..WIRE_BUNDLE_MAX */
    uint8_t sha256[WIRE_SHA256_BYTES];
    int64_t added_at;
};

/* Letters, digits, '-', '_' and '.', not first a '.': what may be part of a file's name. */
bool bundles_is_board(const char *board);

/* Copies the file into the club's folder, whole or not at all, and notes it. The same file again is
 * fine, and puts back a file that was lost.
 * ST_FOREIGN  not a bundle, of another board or version, or too large: fault says which.
 * ST_REFUSED  another file has that board and version already. */
ST_CHECK enum st bundles_add(struct db *db, const char *dir, const char *file, const char *board,
                             uint32_t version, int64_t now_s, struct bundle *ret,
                             struct fault *fault);

ST_CHECK enum st bundles_get(struct db *db, const char *board, uint32_t version, struct bundle *ret,
                             bool *ret_found);
/* At most `max` bytes of it from `from` on; fewer only at its end. ST_IO: the file is not there or
 * not as long as it was: fault says so. */
ST_CHECK enum st bundles_read(const char *dir, const struct bundle *bundle, int64_t from,
                              void *ret_bytes, size_t max, size_t *ret_size, struct fault *fault);
/* Whether its file is in the folder and is what was added: reads all of it. ST_REFUSED: it is not,
 * and the fault says so. */
ST_CHECK enum st bundles_check(const char *dir, const struct bundle *bundle, struct fault *fault);
/* Whether its file is in the folder, as long as it was. */
bool bundles_is_there(const char *dir, const struct bundle *bundle);

#endif
