/* What a terminal tells of itself beside its entries. */
#include <string.h>

#include "server/actions_priv.h"
#include "server/ledger_priv.h"
#include "server/settled.h"

enum st term_load(struct ledger *ledger, const struct wire_sync *batch, struct chain *ret,
                  struct fault *fault)
{
    struct db_stmt *stmt = ledger->sql[SQL_TERM_GET];
    bool row = false;
    enum st st = db_first(stmt, &row, (int64_t)batch->terminal);
    if (st != ST_OK) {
        return st;
    }
    if (!row) {
        fault_say(fault, "The club has no terminal %u: enrol it first.", batch->terminal);
        return ST_DENIED;
    }
    size_t size = 0;
    ledger->terminal = batch->terminal;
    ledger->merchant = db_i64(stmt, 0);
    ret->hi = (uint32_t)db_i64(stmt, 1);
    const void *hash = db_bytes(stmt, 2, &size);
    if (size == ENTRY_HASH_BYTES) {
        memcpy(ret->hash, hash, ENTRY_HASH_BYTES);
    }
    ledger->batch_no = db_i64(stmt, 3) + 1;
    ret->last_at = db_i64(stmt, 4);
    ret->programme = db_i64(stmt, 5);
    ret->refused = db_i64(stmt, 6);
    ret->clear_at = db_i64(stmt, 7);
    ret->layout = db_i64(stmt, 8);
    ret->clock = db_i64(stmt, 9);
    db_reset(stmt);
    return size == ENTRY_HASH_BYTES ? ST_OK : ST_CORRUPT;
}

/* Which layouts of cards it reads decides which may be ordered (actions.c), so it is written down
 * at once. */
static enum st take_layout(struct ledger *ledger, const struct wire_sync *batch,
                           const struct chain *before)
{
    const int64_t layout = batch->actions.is_there ? batch->actions.layout : SNAPSHOT_LAYOUT_FIRST;
    return layout == before->layout
               ? ST_OK
               : db_run(ledger->sql[SQL_TERM_LAYOUT], (int64_t)batch->terminal, layout);
}

/* A question for news costs no write unless it says something new: once a minute is enough. */
static enum st take_health(struct ledger *ledger, const struct wire_sync *batch,
                           const struct chain *before)
{
    /* What it refused before it took a newer one is of no interest. */
    const uint32_t refused = batch->refused > batch->programme ? batch->refused : 0;
    int64_t clear = 0;
    enum st st = settled_of(ledger->db, batch, ledger->now_s, &clear);
    bool is_waited_for = false;
    if (st == ST_OK && clear > before->clear_at) {
        st = db_first(ledger->sql[SQL_CLEAR_ASKED], &is_waited_for);
        db_reset(ledger->sql[SQL_CLEAR_ASKED]);
    }
    if (st == ST_OK && clear > before->clear_at &&
        (is_waited_for || batch->entry_count != 0 || clear - before->clear_at >= 60)) {
        st = db_run(ledger->sql[SQL_TERM_CLEAR], (int64_t)batch->terminal, clear);
    }
    if (st != ST_OK) {
        return st;
    }
    const bool is_news = batch->entry_count != 0 || batch->programme != before->programme ||
                         refused != before->refused || batch->health.clock != before->clock;
    if (!is_news && ledger->now_s - before->last_at < 60 && ledger->now_s >= before->last_at) {
        return ST_OK;
    }
    /* It counted before it sent this batch; what is left is what it has beyond. */
    const struct wire_health *health = &batch->health;
    const uint32_t unsent =
        health->unsent > batch->entry_count ? health->unsent - (uint32_t)batch->entry_count : 0;
    return db_run(ledger->sql[SQL_TERM_HEALTH], (int64_t)batch->terminal, ledger->now_s,
                  (int64_t)unsent, (int64_t)health->pending, unsent == 0 ? 0 : health->oldest_s,
                  (int64_t)health->clock, health->firmware, (int64_t)batch->programme,
                  (int64_t)refused, refused == 0 ? "" : batch->refused_say);
}

enum st term_note_forgotten(struct ledger *ledger, const struct wire_sync *batch,
                            const struct chain *chain)
{
    bool is_known = true;
    enum st st = ST_OK;
    if (batch->actions.is_there) {
        st = actions_is_known(ledger->db, &batch->actions, &is_known);
    }
    return st == ST_OK && (!is_known || batch->after > chain->hi)
               ? settled_forgot(ledger->db, ledger->now_s)
               : st;
}

enum st term_take(struct ledger *ledger, const struct wire_sync *batch, const struct chain *before)
{
    enum st st = take_layout(ledger, batch, before);
    return st == ST_OK ? take_health(ledger, batch, before) : st;
}
