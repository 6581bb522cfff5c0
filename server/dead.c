/* A terminal is declared dead, or found again (rebuild.h). */
#include "server/actions_priv.h"
#include "server/ledger_priv.h"
#include "server/rebuild.h"

/* --- dead and back ------------------------------------------------------------------------- */

static enum st dead_at(struct ledger *ledger, uint32_t terminal, int64_t *ret, struct fault *fault)
{
    struct db_stmt *stmt = ledger->sql[SQL_TERM_DEAD_AT];
    bool row = false;
    enum st st = db_first(stmt, &row, (int64_t)terminal);
    if (st == ST_OK) {
        *ret = row ? db_i64(stmt, 0) : 0;
    }
    db_reset(stmt);
    if (st == ST_OK && !row) {
        fault_say(fault, "There is no terminal %u: see `vafa-club terminals`.", terminal);
        st = ST_REFUSED;
    }
    return st;
}

static enum st rebuild_all(struct ledger *ledger, uint32_t terminal)
{
    struct db_stmt *stmt = ledger->sql[SQL_SEEN_DEAD];
    int64_t card = 0;
    bool row = true;
    enum st st = ST_OK;
    while (st == ST_OK && row) {
        st = db_first(stmt, &row, (int64_t)terminal, card);
        card = st == ST_OK && row ? db_i64(stmt, 0) : card;
        db_reset(stmt);
        if (st == ST_OK && row) {
            st = proof_card(ledger, (uint64_t)card);
        }
    }
    st = st == ST_OK ? transfers_tell(ledger) : st;
    st = st == ST_OK ? duplicates_tell(ledger) : st;
    return st == ST_OK ? card_switch(ledger, 0) : st;
}

static enum st declare_dead(struct ledger *ledger, uint32_t terminal, struct fault *fault)
{
    int64_t since = 0;
    enum st st = dead_at(ledger, terminal, &since, fault);
    if (st != ST_OK || since != 0) {
        return st; /* It is dead already: the same again. */
    }
    st = db_run(ledger->sql[SQL_TERM_DEAD], (int64_t)terminal, ledger->now_s);
    if (st == ST_OK) {
        st = db_run(ledger->sql[SQL_CERT_REVOKE], (int64_t)terminal, ledger->now_s, (int64_t)0);
    }
    if (st == ST_OK) {
        st = db_run(ledger->sql[SQL_CLUB_SET], CLUB_REBUILT, (int64_t)1);
    }
    ledger->is_rebuilding = true;
    return st == ST_OK ? rebuild_all(ledger, terminal) : st;
}

/* A terminal that was revoked, too, stays so. One without certificates is a test's. */
static enum st check_not_revoked(struct ledger *ledger, uint32_t terminal, struct fault *fault)
{
    struct db_stmt *stmt = ledger->sql[SQL_TERM_REVOKED];
    bool is_revoked = false;
    const enum st st = db_first(stmt, &is_revoked, (int64_t)terminal);
    db_reset(stmt);
    if (st != ST_OK || !is_revoked) {
        return st;
    }
    fault_say(fault,
              "Terminal %u was revoked, too: it stays refused, and dead. To use the device again, "
              "flash it and enrol it as a new terminal.",
              terminal);
    return ST_REFUSED;
}

/* Its certificates that were refused because of its death are good again. */
static enum st declare_back(struct ledger *ledger, uint32_t terminal, struct fault *fault)
{
    int64_t since = 0;
    enum st st = dead_at(ledger, terminal, &since, fault);
    if (st == ST_OK && since == 0) {
        fault_say(fault, "Terminal %u is not declared dead.", terminal);
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = check_not_revoked(ledger, terminal, fault);
    }
    if (st == ST_OK) {
        st = db_run(ledger->sql[SQL_CERT_REVOKE], (int64_t)terminal, (int64_t)0, since);
    }
    return st == ST_OK ? db_run(ledger->sql[SQL_TERM_DEAD], (int64_t)terminal, (int64_t)0) : st;
}

static enum st declare(struct ledger *ledger, uint32_t terminal, bool is_dead, int64_t now_s,
                       uint32_t *ret_posted, struct fault *fault)
{
    enum st st = db_begin_write(ledger->db);
    ledger->now_s = now_s;
    ledger->card.number = 0;
    books_forget(ledger->actions);
    ledger->earlier_count = ledger->marked_count = 0;
    ledger->has_halves = ledger->has_pairs = false;
    ledger->result = (struct ledger_result){.answer = LEDGER_TAKEN};
    if (st == ST_OK) {
        st = lost_begin(ledger);
    }
    if (st == ST_OK) {
        st = (is_dead ? declare_dead : declare_back)(ledger, terminal, fault);
    }
    if (st == ST_OK) {
        st = books_flush(ledger->actions, now_s);
    }
    if (st == ST_OK) {
        st = db_commit(ledger->db);
    }
    *ret_posted = ledger->result.posted;
    if (st != ST_OK) {
        if (fault->say[0] == '\0') {
            fault_say(fault, "%s", db_fault(ledger->db)->say);
        }
        db_rollback(ledger->db);
    }
    return st;
}

enum st rebuild_dead(struct ledger *ledger, uint32_t terminal, int64_t now_s, uint32_t *ret_posted,
                     struct fault *fault)
{
    return declare(ledger, terminal, true, now_s, ret_posted, fault);
}

enum st rebuild_back(struct ledger *ledger, uint32_t terminal, int64_t now_s, struct fault *fault)
{
    uint32_t posted = 0;
    return declare(ledger, terminal, false, now_s, &posted, fault);
}
