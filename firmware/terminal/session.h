/* session.h - who is signed in at this terminal, and what the club's mandate lets them do.
 *
 * Holds the mandate, loaded anew when a newer one has come, and the operator who is signed in; in
 * memory only, so a restart asks again. Wrong PINs and locks are the journal's
 * (storage/operators.h): what happened is an entry that the caller appends before it answers. The
 * caller owns the struct; one thread. Rules: docs/operators.md. */
#ifndef FIRMWARE_TERMINAL_SESSION_H
#define FIRMWARE_TERMINAL_SESSION_H

#include "firmware/engine/entry.h"
#include "firmware/engine/mandate.h"
#include "hal/keystore.h"
#include "storage/store.h"

struct session {
    bool has_mandate;
    int64_t version;          /* that was looked at last, 0 = none */
    enum st mandate_st;       /* ST_OK, or why what is stored is not to be believed ... */
    struct fault mandate_say; /* ... and what to do */
    struct mandate mandate;
    uint32_t operator_no; /* signed in; 0 = nobody */
    uint64_t card_number; /* the operator card that was held */
    int64_t active_ms;    /* when he last did something, monotonic */
};

/* Loads a mandate that is newer than the one that is held. An operator who is not in it any more,
 * or blocked, is not signed in any more: *ret_out then has the entry that says so (its number 0:
 * nobody was). Start with a zeroed struct. ST_OK, or the store's status. */
ST_CHECK enum st session_refresh(struct session *session, struct store *store, int64_t now_ms,
                                 struct entry_operator *ret_out);

/* May a request that takes `right` be done? *operator_no is the till's word for the operator; where
 * somebody is signed in, or has to be, it becomes who is.
 * ST_OK       yes. ST_REFUSED  no: *ret_why says what to do. */
ST_CHECK enum st session_admit(struct session *session, enum right right, int64_t now_ms,
                               uint32_t *operator_no, struct fault *ret_why);

/* Somebody holds the card (or a medium linked to it) and has typed a PIN. *ret_entry is what
 * happened; when its number is not 0 the caller appends it, and only then calls session_begin()
 * (event IN) and answers. *ret_say is for the person. `keys` may be NULL.
 * ST_OK       he is let in. ST_REFUSED he is not. Others: the store's, nothing was decided. */
ST_CHECK enum st session_try(const struct session *session, struct store *store,
                             const struct keystore *keys, uint64_t card_number, const char *pin,
                             struct entry_operator *ret_entry, struct fault *ret_say);
void session_begin(struct session *session, const struct entry_operator *in, int64_t now_ms);
/* Nobody is signed in any more; *ret_out as above. */
void session_end(struct session *session, struct entry_operator *ret_out);

/* The manager who is signed in signs another operator open. ST_OK: append *ret_entry, then answer.
 * ST_REFUSED: *ret_say says why not. Others: the store's. */
ST_CHECK enum st session_unlock(const struct session *session, struct store *store, uint32_t number,
                                struct entry_operator *ret_entry, struct fault *ret_say);

/* Who is signed in; NULL = nobody. */
const struct mandate_operator *session_operator(const struct session *session);

#endif
