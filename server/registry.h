/* registry.h - who belongs to the club: merchants, branches, enrolments, terminals, programmes.
 *
 * Functions on the database; each write is one transaction of its own, so that commands and the
 * running server can work side by side. db's statuses (server/db.h) besides those named. The fault
 * is a sentence for the operator or the terminal. How enrolment goes: docs/sync.md, docs/club.md 2.
 */
#ifndef SERVER_REGISTRY_H
#define SERVER_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"
#include "server/ca.h"
#include "server/db.h"
#include "sync/wire.h"

enum {
    REGISTRY_CODE_BYTES = 15, /* "ABCD-EFGH-JKLM" and a NUL: 60 random bits */
};

/* Finds or makes the merchant and branch of those names and makes a one-time code for the branch.
 * Only its hash is kept. ST_FOREIGN: a name is empty, too long or not UTF-8. */
ST_CHECK enum st registry_code(struct db *db, const char *merchant, const char *branch,
                               int64_t now_s, int64_t valid_s, char ret_code[REGISTRY_CODE_BYTES],
                               struct fault *fault);

/* Whether this code is bound to this very request already: then asking again is no guess. */
ST_CHECK enum st registry_is_bound(struct db *db, const struct wire_enrol *enrol, bool *ret_is);
/* A terminal asks to join. The first request that uses a code binds it.
 * ST_OK       *ret is the answer, pending or approved; `ca` of it is left empty.
 * ST_REFUSED  the code is wrong, expired, or bound to another request. */
ST_CHECK enum st registry_enrol(struct db *db, const struct wire_enrol *enrol, int64_t now_s,
                                struct wire_enrol_answer *ret, struct fault *fault);

struct registry_request {
    int64_t number;
    int64_t asked_at;
    char merchant[WIRE_NAME_MAX + 1], branch[WIRE_NAME_MAX + 1], board[WIRE_BOARD_MAX + 1];
};
/* The oldest pending request with a number above `after`; *ret_found is false after the last. */
ST_CHECK enum st registry_pending(struct db *db, int64_t after, struct registry_request *ret,
                                  bool *ret_found);
/* Makes it a terminal and signs its certificate with the CA in `dir`. ST_REFUSED: no such pending
 * request. */
ST_CHECK enum st registry_approve(struct db *db, const char *dir, int64_t request, int64_t now_s,
                                  uint32_t *ret_terminal, struct fault *fault);
/* Every certificate of the terminal is refused from now on. ST_REFUSED: no such terminal. */
ST_CHECK enum st registry_revoke(struct db *db, uint32_t terminal, int64_t now_s,
                                 struct fault *fault);
/* Makes a terminal without a certificate: for tests and benches. */
ST_CHECK enum st registry_add_terminal(struct db *db, const char *merchant, const char *branch,
                                       uint32_t *ret_terminal);

/* A terminal that was approved and never synced is not waited for any more (server/settled.h): its
 * certificates are refused, and it counts as dead from now on. The same again is fine.
 * ST_REFUSED: there is no such terminal; it has synced, or cards show that it sold (rebuild.h). */
ST_CHECK enum st registry_forget(struct db *db, uint32_t terminal, int64_t now_s,
                                 struct fault *fault);

/* A certificate of the club's CA names a terminal that the club does not know: a restored club has
 * forgotten it. Its number is given to no other from now on. */
ST_CHECK enum st registry_note_strange(struct db *db, uint32_t terminal, int64_t now_s);

/* Stores a programme that programme_load() took: its document, and the same signed, which terminals
 * get. The same one again is fine. ST_REFUSED: not newer than the one in force. */
ST_CHECK enum st registry_programme_put(struct db *db, uint32_t version, const char *text,
                                        const char *jws, int64_t now_s, struct fault *fault);
/* The document of the newest programme; NULL when there is none. The caller frees it. */
ST_CHECK enum st registry_programme_text(struct db *db, char **ret);
/* The signed programme in force; *ret_version is 0 when there is none. Copies it, NUL-terminated.
 */
ST_CHECK enum st registry_programme_get(struct db *db, uint32_t newer_than, uint32_t *ret_version,
                                        char *ret_text, size_t max);

#endif
