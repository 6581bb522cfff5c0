#include "server/journal_file.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/change.h"
#include "server/ledger.h"
#include "server/opener.h"
#include "sync/wire_journal.h"

struct taking {
    struct db *db;
    struct wire_journal *journal;
    struct signed_key *key; /* the terminal's, public */
    struct box_key *opener;
    struct ledger *ledger;
    int64_t now_s;
    struct journal_taken taken;
    struct wire_sync batch;
};

/* --- whose key ------------------------------------------------------------------------------- */

static enum st key_of(const char *certificate, struct signed_key **ret, struct fault *fault)
{
    const gnutls_datum_t text = {(unsigned char *)(uintptr_t)certificate,
                                 (unsigned)strlen(certificate)};
    gnutls_x509_crt_t crt = NULL;
    gnutls_pubkey_t key = NULL;
    gnutls_datum_t pem = {NULL, 0};
    enum st st = ST_CORRUPT;
    if (gnutls_x509_crt_init(&crt) == 0 && gnutls_pubkey_init(&key) == 0 &&
        gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM) == 0 &&
        gnutls_pubkey_import_x509(key, crt, 0) == 0 &&
        gnutls_pubkey_export2(key, GNUTLS_X509_FMT_PEM, &pem) == 0) {
        st = signed_key_read((const char *)pem.data, ret, fault);
    } else {
        fault_say(fault, "The certificate that the club holds of this terminal is none.");
    }
    gnutls_free(pem.data);
    gnutls_pubkey_deinit(key);
    if (crt != NULL) {
        gnutls_x509_crt_deinit(crt);
    }
    return st;
}

static enum st is_welcome(struct db_stmt *stmt, uint32_t terminal, struct fault *fault)
{
    const int64_t revoked_at = db_i64(stmt, 1), dead_at = db_i64(stmt, 2);
    if (dead_at != 0 && (revoked_at == dead_at || revoked_at == 0)) {
        fault_say(fault,
                  "Terminal %" PRIu32 " is declared dead: run `terminal back %" PRIu32
                  "`, take the file, then `terminal dead %" PRIu32 "`.",
                  terminal, terminal, terminal);
        return ST_DENIED;
    }
    if (revoked_at != 0) {
        fault_say(fault, "The club has revoked terminal %" PRIu32 ": it takes nothing of it.",
                  terminal);
        return ST_DENIED;
    }
    return ST_OK;
}

/* Takes the key of the certificate, unless a newer one fits the file already. */
static enum st try_key(struct taking *taking, const char *certificate, bool *ret_fits,
                       struct fault *fault)
{
    signed_key_free(taking->key);
    taking->key = NULL;
    enum st st = key_of(certificate, &taking->key, fault);
    return st == ST_OK ? wire_journal_is_by(taking->journal, taking->key, ret_fits, fault) : st;
}

/* The key by which the terminal syncs, if it may: also that of a certificate that it has been given
 * and not shown yet. When neither fits, the reader of the file says so. */
static enum st find_key(struct taking *taking, uint32_t terminal, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false, fits = false;
    enum st st = db_prepare(taking->db,
                            "SELECT CASE WHEN c.certificate = '' THEN e.certificate ELSE"
                            " c.certificate END, c.revoked_at, t.dead_at FROM term t"
                            " JOIN enrolment e ON e.term_id = t.term_id"
                            " JOIN cert c ON c.term_id = t.term_id AND c.replaced_at = 0"
                            " WHERE t.term_id = $1 ORDER BY c.seen_at",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal);
    }
    if (st == ST_OK && !row) {
        fault_say(fault, "This club has enrolled no terminal %" PRIu32 ": is it another club's?",
                  terminal);
        st = ST_REFUSED;
    }
    while (st == ST_OK && row && !fits) {
        st = is_welcome(stmt, terminal, fault);
        if (st == ST_OK) {
            st = try_key(taking, db_text(stmt, 0), &fits, fault);
        }
        if (st == ST_OK) {
            st = db_step(stmt, &row);
        }
    }
    db_finish(stmt);
    return st;
}

/* --- the batches ----------------------------------------------------------------------------- */

static enum st refuse(const struct taking *taking, const struct ledger_result *result,
                      struct fault *fault)
{
    const uint32_t terminal = taking->batch.terminal;
    if (result->answer == LEDGER_BEHIND) {
        fault_say(fault,
                  "The club has terminal %" PRIu32 "'s entries up to %" PRIu32
                  ", and the file begins behind %" PRIu32 ": export it with --after %" PRIu32 ".",
                  terminal, result->acknowledged, taking->batch.after, result->acknowledged);
        return ST_REFUSED;
    }
    fault_say(fault,
              "The club holds other entries of terminal %" PRIu32 " under these numbers and has "
              "opened a case: see report.",
              terminal);
    return ST_CORRUPT;
}

/* What it had unsent is here; the closing batch says what it leaves in doubt. */
static enum st note_sent(struct taking *taking)
{
    enum st st;
    DB_ONCE(st, taking->db,
            "UPDATE term SET unsent = 0, oldest = 0, pending = $2 WHERE term_id = $1", "ii",
            (int64_t)taking->taken.terminal, (int64_t)taking->batch.health.pending);
    return st;
}

/* ST_CORRUPT with a ledger_result of LEDGER_CHAIN is to be committed: *ret_is_chain. */
static enum st take_batches(struct taking *taking, bool *ret_is_chain, struct fault *fault)
{
    struct wire_sync *batch = &taking->batch;
    struct journal_taken *taken = &taking->taken;
    struct ledger_result result = {.answer = LEDGER_TAKEN};
    enum st st = ST_OK;
    do {
        st = wire_journal_next(taking->journal, taking->key, batch, fault);
        if (st == ST_OK) {
            st = ledger_take_late(taking->ledger, batch, taking->now_s, &result, fault);
        }
        if (st == ST_OK && result.answer != LEDGER_TAKEN) {
            *ret_is_chain = result.answer == LEDGER_CHAIN;
            return refuse(taking, &result, fault);
        }
        taken->entries += result.taken;
        taken->posted += result.posted;
        taken->cases += result.cases;
    } while (st == ST_OK && batch->entry_count > 0);
    taken->acknowledged = result.acknowledged;
    return st == ST_OK && taken->entries > 0 ? note_sent(taking) : st;
}

static enum st take_all(struct taking *taking, struct fault *fault)
{
    bool is_chain = false;
    enum st st = change_begin(taking->db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = find_key(taking, taking->taken.terminal, fault);
    if (st == ST_OK) {
        st = take_batches(taking, &is_chain, fault);
    }
    if (!is_chain) {
        return change_end(taking->db, st, fault);
    }
    const enum st end = change_end(taking->db, ST_OK, NULL); /* the case stays */
    return end == ST_OK ? st : end;
}

enum st journal_file_take(struct db *db, const char *dir, FILE *file, int64_t now_s,
                          struct journal_taken *ret, struct fault *fault)
{
    struct taking *taking = calloc(1, sizeof *taking);
    if (taking == NULL) {
        fault_say(fault, "There is no memory left.");
        return ST_FULL;
    }
    taking->db = db;
    taking->now_s = now_s;
    enum st st = wire_journal_open(file, &taking->journal, &taking->taken.terminal, fault);
    if (st == ST_OK) {
        st = opener_load(dir, &taking->opener, fault);
    }
    if (st == ST_OK) {
        st = ledger_open(db, &taking->ledger);
    }
    if (st == ST_OK) {
        ledger_use_opener(taking->ledger, taking->opener);
        st = take_all(taking, fault);
    }
    if (st == ST_OK) {
        *ret = taking->taken;
    }
    ledger_close(taking->ledger);
    box_key_free(taking->opener);
    signed_key_free(taking->key);
    wire_journal_close(taking->journal);
    free(taking);
    return st;
}
