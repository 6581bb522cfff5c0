#include "server/certs.h"

#include <stdio.h>
#include <string.h>

#include "server/change.h"
#include "server/rows.h"

/* --- what there is ------------------------------------------------------------------------- */

enum st certs_add(struct db *db, uint32_t terminal, const struct ca_signed *cert, int64_t now_s,
                  int64_t seen_at)
{
    enum st st;
    DB_ONCE(st, db,
            "INSERT INTO cert (term_id, fingerprint, issued_at, revoked_at, ends_at, seen_at, key,"
            " certificate) VALUES ($1, $2, $3, 0, $4, $5, $6, $7)",
            "ibiiibt", (int64_t)terminal, cert->fingerprint, sizeof cert->fingerprint, now_s,
            cert->ends_at, seen_at, cert->key, sizeof cert->key, cert->pem);
    return st;
}

struct row {
    bool is_there;
    int64_t issued_at, revoked_at, seen_at, replaced_at, late_at, allowed_to;
};

static enum st row_get(struct db *db, uint32_t terminal, const uint8_t *fingerprint,
                       struct row *ret)
{
    struct db_stmt *stmt = NULL;
    *ret = (struct row){.is_there = false};
    enum st st = db_prepare(db,
                            "SELECT issued_at, revoked_at, seen_at, replaced_at, late_at,"
                            " allowed_to FROM cert WHERE term_id = $1 AND fingerprint = $2",
                            "ib", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &ret->is_there, (int64_t)terminal, fingerprint,
                      (size_t)CA_FINGERPRINT_BYTES);
    }
    if (st == ST_OK && ret->is_there) {
        ret->issued_at = db_i64(stmt, 0);
        ret->revoked_at = db_i64(stmt, 1);
        ret->seen_at = db_i64(stmt, 2);
        ret->replaced_at = db_i64(stmt, 3);
        ret->late_at = db_i64(stmt, 4);
        ret->allowed_to = db_i64(stmt, 5);
    }
    db_finish(stmt);
    return st;
}

void certs_say_ended(uint32_t terminal, struct fault *fault)
{
    fault_say(fault,
              "The certificate of terminal %u has ended. The club's operator says: vafa-club "
              "terminal renew %u. Then the terminal gets another one by itself.",
              terminal, terminal);
}

static enum certs_standing standing_of(const struct row *row)
{
    return !row->is_there          ? CERTS_UNKNOWN
           : row->revoked_at != 0  ? CERTS_REVOKED
           : row->replaced_at != 0 ? CERTS_REPLACED
                                   : CERTS_GOOD;
}

/* --- one is shown -------------------------------------------------------------------------- */

/* It is the terminal's from now on, and no other is. */
static enum st make_current(struct db *db, uint32_t terminal, const uint8_t *fingerprint,
                            int64_t now_s)
{
    enum st st;
    DB_ONCE(st, db, "UPDATE cert SET seen_at = $3 WHERE term_id = $1 AND fingerprint = $2", "ibi",
            (int64_t)terminal, fingerprint, (size_t)CA_FINGERPRINT_BYTES, now_s);
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "UPDATE cert SET replaced_at = $3 WHERE term_id = $1 AND fingerprint <> $2"
                " AND replaced_at = 0",
                "ibi", (int64_t)terminal, fingerprint, (size_t)CA_FINGERPRINT_BYTES, now_s);
    }
    return st;
}

static enum st note_late(struct db *db, uint32_t terminal, const uint8_t *fingerprint,
                         int64_t now_s)
{
    enum st st;
    DB_ONCE(st, db, "UPDATE cert SET late_at = $3 WHERE term_id = $1 AND fingerprint = $2", "ibi",
            (int64_t)terminal, fingerprint, (size_t)CA_FINGERPRINT_BYTES, now_s);
    return st;
}

/* What is to be noted of it: nothing, nearly always. */
static bool is_first(const struct row *row)
{
    return standing_of(row) == CERTS_GOOD && row->seen_at == 0;
}

static bool is_late(const struct row *row, int64_t now_s)
{
    const int64_t since_s = now_s - row->late_at;
    return standing_of(row) == CERTS_REPLACED && (since_s >= CERTS_LATE_S || since_s < 0);
}

enum st certs_shown(struct db *db, uint32_t terminal,
                    const uint8_t fingerprint[CA_FINGERPRINT_BYTES], int64_t now_s,
                    enum certs_standing *ret)
{
    struct row row;
    enum st st = row_get(db, terminal, fingerprint, &row);
    if (st == ST_OK && (is_first(&row) || is_late(&row, now_s))) {
        st = change_begin(db, NULL);
        if (st != ST_OK) {
            return st;
        }
        st = row_get(db, terminal, fingerprint, &row);
        if (st == ST_OK && is_first(&row)) {
            st = make_current(db, terminal, fingerprint, now_s);
        } else if (st == ST_OK && is_late(&row, now_s)) {
            st = note_late(db, terminal, fingerprint, now_s);
        }
        st = change_end(db, st, NULL);
    }
    *ret = standing_of(&row);
    return st;
}

/* --- the next one -------------------------------------------------------------------------- */

/* A request for another certificate, and what the club has of that terminal. */
struct renewal {
    struct db *db;
    const struct wire_renew *renew;
    const struct certs_asking *asking;
    uint8_t key[CA_FINGERPRINT_BYTES];
    struct row by; /* the certificate by which it asks */
    struct {       /* the one that was given and not shown yet */
        bool is_there, is_same_key;
        int64_t issued_at, ends_at;
        char pem[WIRE_PEM_MAX + 1];
    } given;
    bool had_key;
    enum certs_verdict verdict;
};

static enum st given_get(struct renewal *renewal)
{
    struct db_stmt *stmt = NULL;
    size_t size = 0;
    enum st st = db_prepare(renewal->db,
                            "SELECT issued_at, ends_at, key, certificate FROM cert WHERE"
                            " term_id = $1 AND seen_at = 0 AND replaced_at = 0",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &renewal->given.is_there, (int64_t)renewal->renew->terminal);
    }
    if (st == ST_OK && renewal->given.is_there) {
        renewal->given.issued_at = db_i64(stmt, 0);
        renewal->given.ends_at = db_i64(stmt, 1);
        const void *held = db_bytes(stmt, 2, &size);
        renewal->given.is_same_key =
            size == sizeof renewal->key && memcmp(held, renewal->key, size) == 0;
        (void)snprintf(renewal->given.pem, sizeof renewal->given.pem, "%s", db_text(stmt, 3));
    }
    db_finish(stmt);
    return st;
}

static enum st had_key_get(struct renewal *renewal)
{
    struct db_stmt *stmt = NULL;
    enum st st =
        db_prepare(renewal->db, "SELECT 1 FROM cert WHERE term_id = $1 AND key = $2", "ib", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &renewal->had_key, (int64_t)renewal->renew->terminal, renewal->key,
                      sizeof renewal->key);
    }
    db_finish(stmt);
    return st;
}

static enum st look(struct renewal *renewal)
{
    enum st st =
        row_get(renewal->db, renewal->renew->terminal, renewal->asking->fingerprint, &renewal->by);
    st = st == ST_OK ? given_get(renewal) : st;
    return st == ST_OK ? had_key_get(renewal) : st;
}

/* The answer to it was lost: it comes again as it was. */
static bool is_again(const struct renewal *renewal)
{
    return renewal->given.is_there && renewal->given.is_same_key &&
           renewal->given.ends_at > renewal->asking->now_s;
}

static void judge(struct renewal *renewal, struct fault *fault)
{
    const uint32_t terminal = renewal->renew->terminal;
    const int64_t now_s = renewal->asking->now_s;
    renewal->verdict = CERTS_GIVEN;
    if (standing_of(&renewal->by) != CERTS_GOOD) {
        renewal->verdict = CERTS_BARRED;
        fault_say(fault, "The club has revoked or replaced this certificate of terminal %u.",
                  terminal);
    } else if (renewal->asking->is_ended && renewal->by.allowed_to <= now_s) {
        renewal->verdict = CERTS_ENDED;
        certs_say_ended(terminal, fault);
    } else if (is_again(renewal)) {
        return;
    } else if (renewal->had_key) {
        renewal->verdict = CERTS_OLD_KEY;
        fault_say(fault, "Terminal %u had this key before: make a new one.", terminal);
    } else if (renewal->given.is_there && now_s - renewal->given.issued_at < CERTS_AGAIN_S) {
        renewal->verdict = CERTS_EARLY;
        fault_say(fault, "Terminal %u was given a certificate for another key within a day.",
                  terminal);
    } else if (!renewal->given.is_there && now_s - renewal->by.issued_at < CERTS_AGE_S) {
        renewal->verdict = CERTS_EARLY;
        fault_say(fault, "The certificate of terminal %u is too new to be renewed.", terminal);
    }
}

/* Takes the place of one that was given for another key: that one is not shown any more. */
static enum st give(struct renewal *renewal, const char *dir, char ret_pem[WIRE_PEM_MAX + 1],
                    struct fault *fault)
{
    const int64_t terminal = renewal->renew->terminal, now_s = renewal->asking->now_s;
    struct ca_signed cert;
    enum st st = ca_sign(dir, renewal->renew->csr, renewal->renew->terminal, now_s, &cert, fault);
    if (st == ST_OK) {
        DB_ONCE(st, renewal->db,
                "UPDATE cert SET replaced_at = $2 WHERE term_id = $1 AND seen_at = 0"
                " AND replaced_at = 0",
                "ii", terminal, now_s);
    }
    if (st == ST_OK) {
        st = certs_add(renewal->db, renewal->renew->terminal, &cert, now_s, 0);
    }
    if (st == ST_OK) {
        memcpy(ret_pem, cert.pem, sizeof cert.pem);
    }
    return st;
}

static enum st renew_within(struct renewal *renewal, const char *dir,
                            char ret_pem[WIRE_PEM_MAX + 1], struct fault *fault)
{
    enum st st = look(renewal);
    if (st != ST_OK) {
        return st;
    }
    judge(renewal, fault);
    if (renewal->verdict != CERTS_GIVEN) {
        return ST_OK;
    }
    if (is_again(renewal)) {
        memcpy(ret_pem, renewal->given.pem, sizeof renewal->given.pem);
        return ST_OK;
    }
    return give(renewal, dir, ret_pem, fault);
}

enum st certs_renew(struct db *db, const char *dir, const struct wire_renew *renew,
                    const struct certs_asking *asking, enum certs_verdict *ret,
                    char ret_pem[WIRE_PEM_MAX + 1], struct fault *fault)
{
    struct renewal renewal = {.db = db, .renew = renew, .asking = asking};
    enum st st = ca_check_request(renew->csr, renewal.key, fault);
    if (st == ST_OK) {
        st = change_begin(db, fault);
    }
    if (st != ST_OK) {
        return st;
    }
    st = change_end(db, renew_within(&renewal, dir, ret_pem, fault), fault);
    *ret = renewal.verdict;
    return st;
}

/* --- for people ---------------------------------------------------------------------------- */

enum st certs_array(struct db *db, uint32_t terminal, json_t **ret)
{
    static const char *const columns[] = {"igiven_at",    "iends_at", "nseen_at",
                                          "nreplaced_at", "nlate_at", "nrevoked_at",
                                          "hfingerprint", NULL};
    struct db_stmt *stmt = NULL;
    enum st st = db_prepare(db,
                            "SELECT issued_at, ends_at, seen_at, replaced_at, late_at, revoked_at,"
                            " fingerprint FROM cert WHERE term_id = $1 ORDER BY issued_at DESC",
                            "i", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, (int64_t)terminal);
        st = rows_read(stmt, columns, CERTS_LISTED_MAX, ret);
    }
    db_finish(stmt);
    return st;
}

/* --- a person's word ----------------------------------------------------------------------- */

enum st certs_allow(struct db *db, uint32_t terminal, int64_t now_s, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = db_prepare(db,
                    "SELECT 1 FROM cert WHERE term_id = $1 AND revoked_at = 0 AND replaced_at = 0",
                    "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal);
    }
    db_finish(stmt);
    if (st == ST_OK && !row) {
        fault_say(fault,
                  "There is no terminal %u, or it is revoked or dead: see `vafa-club terminals`.",
                  terminal);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "UPDATE cert SET allowed_to = $2 WHERE term_id = $1 AND revoked_at = 0"
                " AND replaced_at = 0",
                "ii", (int64_t)terminal, now_s + CERTS_ALLOWED_S);
    }
    return change_end(db, st, fault);
}
