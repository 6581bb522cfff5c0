#include "server/registry.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

#include "server/certs.h"
#include "server/change.h"
#include "server/numbers.h"

enum {
    HASH_BYTES = 32,
    NO_TERMINAL = 0,
    TERMINALS_MAX = NUMBERS_TERMINALS_MAX,
    STRANGE_BYTES = 32
};

/* Without I, L, O and U: nothing that is misread off a screen or a phone call. */
static const char code_letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void hash_of(const void *bytes, size_t size, uint8_t ret_hash[HASH_BYTES])
{
    int rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, size, ret_hash);
    assert(rc == 0 && "SHA-256 of memory cannot fail");
}

/* --- merchants and codes ------------------------------------------------------------------- */

static enum st merchant_get(struct db *db, const char *name, int64_t *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    int64_t number = 0;
    enum st st = db_prepare(db, "SELECT merch FROM merchant WHERE name = $1", "t", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, name);
    }
    if (st == ST_OK && row) {
        number = db_i64(stmt, 0);
    }
    db_finish(stmt);
    if (st == ST_OK && !row) {
        st = change_next_number(db, "SELECT max(merch) FROM merchant", &number);
        if (st == ST_OK) {
            DB_ONCE(st, db, "INSERT INTO merchant (merch, name) VALUES ($1, $2)", "it", number,
                    name);
        }
    }
    *ret = number;
    return st;
}

static enum st branch_get(struct db *db, const char *merchant, const char *name, int64_t *ret)
{
    int64_t merch = 0, number = 0;
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = merchant_get(db, merchant, &merch);
    if (st == ST_OK) {
        st =
            db_prepare(db, "SELECT branch FROM branch WHERE merch = $1 AND name = $2", "it", &stmt);
    }
    if (st == ST_OK) {
        st = db_first(stmt, &row, merch, name);
    }
    if (st == ST_OK && row) {
        number = db_i64(stmt, 0);
    }
    db_finish(stmt);
    if (st == ST_OK && !row) {
        st = change_next_number(db, "SELECT max(branch) FROM branch", &number);
        if (st == ST_OK) {
            DB_ONCE(st, db, "INSERT INTO branch (branch, merch, name) VALUES ($1, $2, $3)", "iit",
                    number, merch, name);
        }
    }
    *ret = number;
    return st;
}

/* The code as it is compared: without dashes and spaces, in capitals. */
static void code_hash(const char *code, uint8_t ret_hash[HASH_BYTES])
{
    char plain[WIRE_CODE_MAX + 1];
    size_t size = 0;
    for (; *code != '\0' && size < WIRE_CODE_MAX; code++) {
        if (*code != '-' && *code != ' ') {
            bool is_small = *code >= 'a' && *code <= 'z';
            plain[size++] = is_small ? (char)(*code - 'a' + 'A') : *code;
        }
    }
    hash_of(plain, size, ret_hash);
}

enum st registry_code(struct db *db, const char *merchant, const char *branch, int64_t now_s,
                      int64_t valid_s, char ret_code[REGISTRY_CODE_BYTES], struct fault *fault)
{
    if (!text_is_name(merchant, WIRE_NAME_MAX) || !text_is_name(branch, WIRE_NAME_MAX)) {
        fault_say(fault, "A merchant and a branch have a name of 1 to %d bytes of UTF-8.",
                  WIRE_NAME_MAX);
        return ST_FOREIGN;
    }
    uint8_t random[12], hash[HASH_BYTES];
    char code[REGISTRY_CODE_BYTES];
    if (gnutls_rnd(GNUTLS_RND_KEY, random, sizeof random) != 0) {
        fault_say(fault, "No random numbers to make a code of.");
        return ST_IO;
    }
    size_t at = 0;
    for (size_t i = 0; i < sizeof random; i++) {
        if (i != 0 && i % 4 == 0) {
            code[at++] = '-';
        }
        code[at++] = code_letters[random[i] % 32];
    }
    code[at] = '\0';
    code_hash(code, hash);
    int64_t number = 0;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = branch_get(db, merchant, branch, &number);
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "INSERT INTO code (hash, branch, made_at, expires_at, request)"
                " VALUES ($1, $2, $3, $4, 0)",
                "biii", hash, sizeof hash, number, now_s, now_s + valid_s);
    }
    st = change_end(db, st, fault);
    if (st == ST_OK) {
        memcpy(ret_code, code, sizeof code);
    }
    return st;
}

/* --- enrolment ----------------------------------------------------------------------------- */

struct code_row {
    bool exists;
    int64_t branch, expires_at, request;
    bool is_same_request; /* bound, and to the request at hand */
};

static enum st code_get(struct db *db, const struct wire_enrol *enrol, struct code_row *ret)
{
    uint8_t hash[HASH_BYTES], digest[HASH_BYTES];
    struct db_stmt *stmt = NULL;
    code_hash(enrol->code, hash);
    hash_of(enrol->csr, strlen(enrol->csr), digest);
    *ret = (struct code_row){0};
    enum st st = db_prepare(db,
                            "SELECT c.branch, c.expires_at, c.request, e.csr_digest FROM code c"
                            " LEFT JOIN enrolment e ON e.request = c.request WHERE c.hash = $1",
                            "b", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &ret->exists, hash, sizeof hash);
    }
    if (st == ST_OK && ret->exists) {
        size_t size = 0;
        ret->branch = db_i64(stmt, 0);
        ret->expires_at = db_i64(stmt, 1);
        ret->request = db_i64(stmt, 2);
        const void *held = db_bytes(stmt, 3, &size);
        ret->is_same_request = size == sizeof digest && memcmp(held, digest, size) == 0;
    }
    db_finish(stmt);
    return st;
}

enum st registry_is_bound(struct db *db, const struct wire_enrol *enrol, bool *ret_is)
{
    struct code_row code;
    enum st st = code_get(db, enrol, &code);
    if (st == ST_OK) {
        *ret_is = code.is_same_request;
    }
    return st;
}

static void copy_text(char *to, size_t max, const char *from)
{
    (void)snprintf(to, max, "%s", from == NULL ? "" : from);
}

static enum st enrolment_answer(struct db *db, int64_t request, struct wire_enrol_answer *ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT e.term_id, e.certificate, m.name, b.name, m.merch, b.branch"
                            " FROM enrolment e"
                            " JOIN branch b ON b.branch = e.branch"
                            " JOIN merchant m ON m.merch = b.merch WHERE e.request = $1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, request);
    }
    memset(ret, 0, sizeof *ret);
    if (st == ST_OK && row && db_i64(stmt, 0) != NO_TERMINAL) {
        ret->is_approved = true;
        ret->terminal = (uint32_t)db_i64(stmt, 0);
        copy_text(ret->certificate, sizeof ret->certificate, db_text(stmt, 1));
        copy_text(ret->merchant, sizeof ret->merchant, db_text(stmt, 2));
        copy_text(ret->branch, sizeof ret->branch, db_text(stmt, 3));
        ret->merchant_no = (uint32_t)db_i64(stmt, 4);
        ret->branch_no = (uint32_t)db_i64(stmt, 5);
        struct wire_numbers numbers;
        numbers_first(ret->terminal, &numbers);
        ret->cards_first = numbers.first;
        ret->cards_last = numbers.last;
    }
    db_finish(stmt);
    return st == ST_OK && !row ? ST_CORRUPT : st;
}

static enum st bind_code(struct db *db, const struct wire_enrol *enrol, const struct code_row *code,
                         int64_t now_s, int64_t *ret_request)
{
    uint8_t hash[HASH_BYTES], digest[HASH_BYTES];
    code_hash(enrol->code, hash);
    hash_of(enrol->csr, strlen(enrol->csr), digest);
    enum st st = change_next_number(db, "SELECT max(request) FROM enrolment", ret_request);
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "INSERT INTO enrolment (request, branch, csr_digest, csr, board, asked_at, term_id,"
                " certificate) VALUES ($1, $2, $3, $4, $5, $6, 0, '')",
                "iibtti", *ret_request, code->branch, digest, sizeof digest, enrol->csr,
                enrol->board, now_s);
    }
    if (st == ST_OK) {
        DB_ONCE(st, db, "UPDATE code SET request = $2 WHERE hash = $1", "bi", hash, sizeof hash,
                *ret_request);
    }
    return st;
}

enum st registry_enrol(struct db *db, const struct wire_enrol *enrol, int64_t now_s,
                       struct wire_enrol_answer *ret, struct fault *fault)
{
    struct code_row code;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = code_get(db, enrol, &code);
    if (st == ST_OK && !code.exists) {
        fault_say(fault, "The club knows no such code: ask its operator for a new one.");
        st = ST_REFUSED;
    } else if (st == ST_OK && code.request != 0 && !code.is_same_request) {
        fault_say(fault, "This code was used by another terminal: ask for a new one.");
        st = ST_REFUSED;
    } else if (st == ST_OK && code.request == 0 && code.expires_at <= now_s) {
        fault_say(fault, "This code has expired: ask for a new one.");
        st = ST_REFUSED;
    } else if (st == ST_OK && code.request == 0) {
        st = bind_code(db, enrol, &code, now_s, &code.request);
    }
    if (st == ST_OK) {
        st = enrolment_answer(db, code.request, ret);
    }
    return change_end(db, st, fault);
}

enum st registry_pending(struct db *db, int64_t after, struct registry_request *ret,
                         bool *ret_found)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st =
        db_prepare(db,
                   "SELECT e.request, e.asked_at, m.name, b.name, e.board FROM enrolment e"
                   " JOIN branch b ON b.branch = e.branch JOIN merchant m ON m.merch = b.merch"
                   " WHERE e.term_id = 0 AND e.request > $1 ORDER BY e.request LIMIT 1",
                   "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, after);
    }
    if (st == ST_OK && row) {
        ret->number = db_i64(stmt, 0);
        ret->asked_at = db_i64(stmt, 1);
        copy_text(ret->merchant, sizeof ret->merchant, db_text(stmt, 2));
        copy_text(ret->branch, sizeof ret->branch, db_text(stmt, 3));
        copy_text(ret->board, sizeof ret->board, db_text(stmt, 4));
    }
    db_finish(stmt);
    if (st == ST_OK) {
        *ret_found = row;
    }
    return st;
}

/* The row of `club` that says: this number is out in the world. */
static void strange_name(int64_t terminal, char ret_name[STRANGE_BYTES])
{
    (void)snprintf(ret_name, STRANGE_BYTES, "strange.%lld", (long long)terminal);
}

static enum st is_strange(struct db *db, int64_t terminal, bool *ret_is)
{
    char name[STRANGE_BYTES];
    struct db_stmt *stmt = NULL;
    strange_name(terminal, name);
    enum st st = db_prepare(db, "SELECT value FROM club WHERE name = $1", "t", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, ret_is, name);
    }
    db_finish(stmt);
    return st;
}

enum st registry_note_strange(struct db *db, uint32_t terminal, int64_t now_s)
{
    char name[STRANGE_BYTES];
    bool is_known = false;
    strange_name(terminal, name);
    enum st st = is_strange(db, terminal, &is_known);
    if (st != ST_OK || is_known) {
        return st;
    }
    st = change_begin(db, NULL);
    if (st != ST_OK) {
        return st;
    }
    st = is_strange(db, terminal, &is_known);
    if (st == ST_OK && !is_known) {
        DB_ONCE(st, db, "INSERT INTO club (name, value) VALUES ($1, $2)", "ti", name, now_s);
    }
    return change_end(db, st, NULL);
}

/* A number above every one in the database and above `last`, which no strange terminal has. */
static enum st term_new(struct db *db, int64_t branch, uint32_t last, int64_t *ret_terminal,
                        struct fault *fault)
{
    uint8_t zeros[HASH_BYTES] = {0};
    enum st st = change_next_number(db, "SELECT max(term_id) FROM term", ret_terminal);
    if (st == ST_OK && *ret_terminal <= last) {
        *ret_terminal = (int64_t)last + 1;
    }
    for (bool taken = true; st == ST_OK && taken;) {
        st = is_strange(db, *ret_terminal, &taken);
        *ret_terminal += st == ST_OK && taken;
    }
    if (st == ST_OK && *ret_terminal > TERMINALS_MAX) {
        fault_say(fault, "All %d numbers of terminals are given out.", TERMINALS_MAX);
        return ST_FULL;
    }
    if (st == ST_OK) {
        DB_ONCE(st, db,
                "INSERT INTO term (term_id, merch, branch, hi, top, cnt, hash, batch_no, last_at,"
                " unsent, pending, oldest, clock, firmware, prog)"
                " SELECT $1, merch, branch, 0, 0, 0, $2, 0, 0, 0, 0, 0, 0, '', 0 FROM branch"
                " WHERE branch = $3",
                "ibi", *ret_terminal, zeros, sizeof zeros, branch);
    }
    return st;
}

enum st registry_approve(struct db *db, const char *dir, int64_t request, int64_t now_s,
                         uint32_t *ret_terminal, struct fault *fault)
{
    char csr[WIRE_PEM_MAX + 1] = "";
    struct ca_signed cert;
    int64_t branch = 0, terminal = 0;
    uint32_t last = 0;
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = db_prepare(db, "SELECT csr, branch FROM enrolment WHERE request = $1 AND term_id = 0", "i",
                    &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, request);
    }
    if (st == ST_OK && row) {
        copy_text(csr, sizeof csr, db_text(stmt, 0));
        branch = db_i64(stmt, 1);
    } else if (st == ST_OK) {
        fault_say(fault, "There is no pending request %lld: see `vafa-club pending`.",
                  (long long)request);
        st = ST_REFUSED;
    }
    db_finish(stmt);
    if (st == ST_OK) {
        st = ca_last_load(dir, &last, fault);
    }
    if (st == ST_OK) {
        st = term_new(db, branch, last, &terminal, fault);
    }
    /* Before the commit: a number may be lost, but never given out twice. */
    if (st == ST_OK) {
        st = ca_last_store(dir, (uint32_t)terminal, fault);
    }
    if (st == ST_OK) {
        st = ca_sign(dir, csr, (uint32_t)terminal, now_s, &cert, fault);
    }
    if (st == ST_OK) {
        DB_ONCE(st, db, "UPDATE enrolment SET term_id = $2, certificate = $3 WHERE request = $1",
                "iit", request, terminal, cert.pem);
    }
    if (st == ST_OK) {
        st = certs_add(db, (uint32_t)terminal, &cert, now_s, now_s);
    }
    st = change_end(db, st, fault);
    if (st == ST_OK) {
        *ret_terminal = (uint32_t)terminal;
    }
    return st;
}

enum st registry_add_terminal(struct db *db, const char *merchant, const char *branch,
                              uint32_t *ret_terminal)
{
    int64_t number = 0, terminal = 0;
    enum st st = change_begin(db, NULL);
    if (st != ST_OK) {
        return st;
    }
    st = branch_get(db, merchant, branch, &number);
    if (st == ST_OK) {
        st = term_new(db, number, 0, &terminal, NULL);
    }
    st = change_end(db, st, NULL);
    if (st == ST_OK) {
        *ret_terminal = (uint32_t)terminal;
    }
    return st;
}

/* --- terminals ----------------------------------------------------------------------------- */

enum st registry_revoke(struct db *db, uint32_t terminal, int64_t now_s, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = db_prepare(db, "SELECT 1 FROM cert WHERE term_id = $1", "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal);
    }
    db_finish(stmt);
    if (st == ST_OK && !row) {
        fault_say(fault, "There is no terminal %u: see `vafa-club terminals`.", terminal);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        /* Also of one that is declared dead: then it is refused for this, too (dead.c). */
        DB_ONCE(st, db,
                "UPDATE cert SET revoked_at = $2 + CASE WHEN EXISTS (SELECT 1 FROM term t"
                " WHERE t.term_id = $1 AND t.dead_at = $2) THEN 1 ELSE 0 END"
                " WHERE term_id = $1 AND revoked_at IN"
                " (0, (SELECT t.dead_at FROM term t WHERE t.term_id = $1))",
                "ii", (int64_t)terminal, now_s);
    }
    return change_end(db, st, fault);
}

/* True: it was never heard of, neither by itself nor from cards. */
static enum st is_unheard(struct db *db, uint32_t terminal, bool *ret, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st = db_prepare(db,
                            "SELECT CASE WHEN t.hi = 0 AND t.last_at = 0 AND NOT EXISTS (SELECT 1"
                            " FROM seen s WHERE s.term_id = t.term_id) THEN 1 ELSE 0 END"
                            " FROM term t WHERE t.term_id = $1",
                            "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)terminal);
    }
    *ret = st == ST_OK && row && db_i64(stmt, 0) != 0;
    db_finish(stmt);
    if (st == ST_OK && !*ret) {
        fault_say(fault,
                  row ? "Terminal %u has synced, or cards show that it sold: if it will not come "
                        "back, say `terminal dead %u`."
                      : "There is no terminal %u: see `vafa-club terminals`.",
                  terminal, terminal);
    }
    return st;
}

enum st registry_forget(struct db *db, uint32_t terminal, int64_t now_s, struct fault *fault)
{
    bool is_so = false;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = is_unheard(db, terminal, &is_so, fault);
    if (st == ST_OK && !is_so) {
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        DB_ONCE(st, db, "UPDATE cert SET revoked_at = $2 WHERE term_id = $1 AND revoked_at = 0",
                "ii", (int64_t)terminal, now_s);
    }
    if (st == ST_OK) {
        DB_ONCE(st, db, "UPDATE term SET dead_at = $2 WHERE term_id = $1 AND dead_at = 0", "ii",
                (int64_t)terminal, now_s);
    }
    return change_end(db, st, fault);
}

/* --- programmes ---------------------------------------------------------------------------- */

enum st registry_programme_put(struct db *db, uint32_t version, const char *text, const char *jws,
                               int64_t now_s, struct fault *fault)
{
    struct db_stmt *stmt = NULL;
    bool row = false, is_same = false;
    enum st st = change_begin(db, fault);
    if (st != ST_OK) {
        return st;
    }
    st = db_prepare(db, "SELECT version, text FROM programme ORDER BY version DESC LIMIT 1", "",
                    &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    if (st == ST_OK && row && db_i64(stmt, 0) >= version) {
        is_same = db_i64(stmt, 0) == version && strcmp(db_text(stmt, 1), text) == 0;
        if (!is_same) {
            fault_say(fault, "Programme %lld is in force: a new one must have a higher version.",
                      (long long)db_i64(stmt, 0));
            st = ST_REFUSED;
        }
    }
    db_finish(stmt);
    if (st == ST_OK && !is_same) {
        DB_ONCE(st, db,
                "INSERT INTO programme (version, stored_at, text, signed) VALUES ($1, $2, $3, $4)",
                "iitt", (int64_t)version, now_s, text, jws);
    }
    return change_end(db, st, fault);
}

enum st registry_programme_text(struct db *db, char **ret)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *ret = NULL;
    enum st st =
        db_prepare(db, "SELECT text FROM programme ORDER BY version DESC LIMIT 1", "", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row);
    }
    if (st == ST_OK && row) {
        *ret = strdup(db_text(stmt, 0));
        st = *ret == NULL ? ST_FULL : ST_OK;
    }
    db_finish(stmt);
    return st;
}

enum st registry_programme_get(struct db *db, uint32_t newer_than, uint32_t *ret_version,
                               char *ret_text, size_t max)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum st st =
        db_prepare(db,
                   "SELECT version, signed FROM programme WHERE version > $1 AND signed <> ''"
                   " ORDER BY version DESC LIMIT 1",
                   "i", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &row, (int64_t)newer_than);
    }
    if (st == ST_OK) {
        *ret_version = row ? (uint32_t)db_i64(stmt, 0) : 0;
        copy_text(ret_text, max, row ? db_text(stmt, 1) : "");
    }
    db_finish(stmt);
    return st;
}
