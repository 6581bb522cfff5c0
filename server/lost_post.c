/* Reports of lost cards, as terminals' journals bring them (lost.h). */
#include <inttypes.h>

#include "server/change.h"
#include "server/ledger_priv.h"
#include "server/lost_priv.h"

enum st lost_begin(struct ledger *ledger)
{
    struct db_stmt *stmt = ledger->sql[SQL_LOST_ANY];
    const enum st st = db_first(stmt, &ledger->has_lost);
    db_reset(stmt);
    return st;
}

static enum st say_replaced(struct ledger *ledger, const struct item *item, uint64_t new_card)
{
    const uint64_t card = item->entry.report.card_number;
    return case_open(ledger, "replaced", item, card, 0,
                     "Entry %u of terminal %u says that card %016" PRIu64
                     " was found, but card %016" PRIu64
                     " has taken its place: it stays refused; take it from whoever has it.",
                     item->entry.sequence, item->entry.terminal, card, new_card);
}

/* Whether this terminal is the only one that ever said that the card is lost. */
static enum st is_own_report(struct ledger *ledger, const struct lost_row *row, uint32_t terminal,
                             bool *ret)
{
    struct db_stmt *stmt = NULL;
    bool is_another = false;
    enum st st = db_prepare(ledger->db,
                            "SELECT 1 FROM lostrep WHERE card_no = $1 AND event = 1"
                            " AND term_id <> $2 LIMIT 1",
                            "ii", &stmt);
    if (st == ST_OK) {
        st = db_first(stmt, &is_another, (int64_t)row->card, (int64_t)terminal);
    }
    db_finish(stmt);
    *ret = st == ST_OK && !is_another && row->terminal == terminal;
    return st;
}

/* Whoever reported it can say that he was wrong; anybody else may have the card, or the terminal,
 * and not be its member. */
static enum st post_found(struct ledger *ledger, const struct item *item)
{
    struct lost_row row;
    bool was = false, is_own = false;
    enum st st = lost_get(ledger->db, item->entry.report.card_number, &row);
    if (st == ST_OK && row.new_card != 0) {
        return say_replaced(ledger, item, row.new_card);
    }
    if (st == ST_OK) {
        st = is_own_report(ledger, &row, item->entry.terminal, &is_own);
    }
    if (st == ST_OK && !is_own && row.is_there && row.found_at == 0) {
        return case_open(ledger, "found", item, row.card, 0,
                         "Entry %u of terminal %u says that card %016" PRIu64
                         " was found, which others reported as lost: it stays refused. Ask the "
                         "member, then say vafa-club lost found %016" PRIu64 ".",
                         item->entry.sequence, item->entry.terminal, row.card, row.card);
    }
    return st == ST_OK ? lost_unmark(ledger->db, row.card, ledger->now_s, &was) : st;
}

enum st reports_post(struct ledger *ledger, const struct item *item)
{
    const struct entry *entry = &item->entry;
    const struct entry_report *report = &entry->report;
    enum st st = ST_OK;
    DB_ONCE(st, ledger->db,
            "INSERT INTO lostrep (term_id, term_seq, card_no, event, how, at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            "iiiiii", (int64_t)entry->terminal, (int64_t)entry->sequence,
            (int64_t)report->card_number, (int64_t)report->event, (int64_t)report->how,
            entry->time_s);
    if (st != ST_OK) {
        return st;
    }
    ledger->has_lost = true;
    return report->event == REPORT_FOUND
               ? post_found(ledger, item)
               : lost_mark(ledger->db, report->card_number, entry->terminal, entry->sequence,
                           report->how, ledger->now_s);
}
