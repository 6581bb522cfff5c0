#include <stdlib.h>

#include "server/ledger_priv.h"

static const struct {
    const char *sql, *types;
} statements[SQL_COUNT] = {
    [SQL_TERM_GET] = {"SELECT merch, hi, hash, batch_no, last_at, prog, refused, clear_at,"
                      " layout, clock FROM term"
                      " WHERE term_id = $1",
                      "i"},
    [SQL_TERM_SET] = {"UPDATE term SET hi = $2, top = $2, cnt = $2, hash = $3, batch_no = $4"
                      " WHERE term_id = $1",
                      "iibi"},
    [SQL_TERM_HEALTH] = {"UPDATE term SET last_at = $2, unsent = $3, pending = $4, oldest = $5,"
                         " clock = $6, firmware = $7, prog = $8, refused = $9, refused_say = $10"
                         " WHERE term_id = $1",
                         "iiiiiitiit"},
    [SQL_TERM_LAYOUT] = {"UPDATE term SET layout = $2 WHERE term_id = $1", "ii"},
    [SQL_TERM_CLEAR] = {"UPDATE term SET clear_at = $2 WHERE term_id = $1", "ii"},
    /* Does anything wait for terminals to be heard? */
    [SQL_CLEAR_ASKED] =
        {"SELECT 1 FROM action WHERE state = 3 UNION ALL SELECT 1 FROM action"
         " WHERE offer = 0 AND number <> 0 AND state IN (1, 3) UNION ALL"
         " SELECT 1 FROM club"
         " WHERE name = 'forgot' AND value <> 0 UNION ALL SELECT 1 FROM lost"
         " WHERE is_due = 1"
         " UNION ALL SELECT 1 FROM transfer t JOIN term x ON x.term_id = t.term_id"
         " WHERE t.is_open = 1 AND (x.dead_at <> 0 OR NOT EXISTS (SELECT 1 FROM cert c"
         " WHERE c.term_id = t.term_id AND c.revoked_at = 0)) LIMIT 1",
         ""},
    [SQL_REC_PUT] = {"INSERT INTO rec (term_id, term_seq, batch, card_no, card_ctr, fate, raw)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                     "iiiiiib"},
    [SQL_REC_GET] = {"SELECT raw, fate FROM rec WHERE term_id = $1 AND term_seq = $2", "ii"},
    [SQL_REC_RANGE] = {"SELECT raw FROM rec WHERE term_id = $1 AND term_seq > $2"
                       " AND term_seq <= $3 ORDER BY term_seq",
                       "iii"},
    [SQL_REC_FATE] = {"UPDATE rec SET fate = $3 WHERE term_id = $1 AND term_seq = $2", "iii"},
    [SQL_BATCH_PUT] = {"INSERT INTO batch (term_id, batch_no, first_seq, last_seq, hash, at,"
                       " posted, unchecked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                       "iiiibiii"},
    [SQL_BATCH_BEFORE] = {"SELECT last_seq, hash FROM batch WHERE term_id = $1 AND last_seq > 0"
                          " AND last_seq <= $2 ORDER BY batch_no DESC LIMIT 1",
                          "ii"},
    [SQL_JRN_PUT] = {"INSERT INTO jrn (term_id, batch_no, merch, day, purse, acct, n, amount)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                     "iiiiiiii"},
    [SQL_CARD_GET] = {"SELECT hi, top, cnt, known, b0, b1, b2, b3, image, facts, facts_prog"
                      " FROM card"
                      " WHERE card_no = $1",
                      "i"},
    [SQL_CARD_NEW] = {"INSERT INTO card (card_no, hi, top, cnt, known, b0, b1, b2, b3, image,"
                      " facts, facts_prog) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
                      " $12)",
                      "iiiiiiiiibbi"},
    [SQL_CARD_SET] = {"UPDATE card SET hi = $2, top = $3, cnt = $4, known = $5, b0 = $6, b1 = $7,"
                      " b2 = $8, b3 = $9, image = $10, facts = $11, facts_prog = $12"
                      " WHERE card_no = $1",
                      "iiiiiiiiibbi"},
    [SQL_TXN_PUT] = {"INSERT INTO txn (card_no, card_ctr, month, term_id, term_seq, op, amount,"
                     " d0, d1, d2, d3, ts, merch, prog, batch, digest)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,"
                     " $16)",
                     "iiiiiiiiiiiiiiib"},
    [SQL_TXN_GET] = {"SELECT term_id, term_seq, digest FROM txn WHERE card_no = $1"
                     " AND card_ctr = $2",
                     "ii"},
    [SQL_AHEAD_PUT] = {"INSERT INTO ahead (card_no, card_ctr) VALUES ($1, $2)", "ii"},
    [SQL_AHEAD_GET] = {"SELECT 1 FROM ahead WHERE card_no = $1 AND card_ctr = $2", "ii"},
    [SQL_AHEAD_DROP] = {"DELETE FROM ahead WHERE card_no = $1 AND card_ctr = $2", "ii"},
    [SQL_SEEN_PUT] = {"INSERT INTO seen (card_no, card_ctr, term_id, term_seq, image, by_term,"
                      " by_seq) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                      "iiiibii"},
    [SQL_SEEN_GET] = {"SELECT term_id, term_seq, image FROM seen WHERE card_no = $1"
                      " AND card_ctr = $2",
                      "ii"},
    [SQL_SEEN_DROP] = {"DELETE FROM seen WHERE card_no = $1 AND card_ctr = $2", "ii"},
    [SQL_CASE_GET] = {"SELECT 1 FROM tcase WHERE term_id = $1 AND term_seq = $2 AND why = $3",
                      "iit"},
    [SQL_CASE_PUT] = {"INSERT INTO tcase (term_id, term_seq, why, card_no, card_ctr, at, say, raw)"
                      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                      "iitiiitb"},
    [SQL_CASE_OPEN] = {"SELECT 1 FROM tcase WHERE term_id = $1 AND why = $2 AND card_no = $3"
                       " AND closed_at = 0",
                       "iti"},
    [SQL_CASE_OTHER] = {"UPDATE tcase SET other = $4 WHERE term_id = $1 AND term_seq = $2"
                        " AND why = $3",
                        "iitb"},
    [SQL_CASE_AGAIN] = {"UPDATE tcase SET at = $3, closed_at = 0, closed_by = '', closed_why = ''"
                        " WHERE term_id = $1 AND term_seq = $2 AND why = 'chain' AND"
                        " (closed_at <> 0 OR at < (SELECT last_at FROM term WHERE term_id = $1))",
                        "iii"},
    [SQL_LINK_GET] = {"SELECT card_no, term_id, term_seq FROM link WHERE medium = $1", "b"},
    [SQL_LINK_PUT] = {"INSERT INTO link (medium, kind, card_no, term_id, term_seq, at, no)"
                      " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                      "biiiiii"},
    [SQL_LINK_LAST] = {"SELECT no FROM linklog ORDER BY no DESC LIMIT 1", ""},
    [SQL_LINK_LOG] = {"INSERT INTO linklog (no, medium, card_no) VALUES ($1, $2, $3)", "ibi"},
    [SQL_LOST_ANY] = {"SELECT 1 FROM lost LIMIT 1", ""},
    /* Something new of a card whose balance was released: it may be another one now. */
    [SQL_LOST_TOUCH] = {"UPDATE lost SET is_due = 1 WHERE card_no = $1 AND new_no <> 0", "i"},
    [SQL_CLUB_GET] = {"SELECT value FROM club WHERE name = $1", "t"},
    [SQL_CLUB_SET] = {"UPDATE club SET value = $2 WHERE name = $1", "ti"},
    [SQL_SEEN_CARD] = {"SELECT s.card_ctr, s.term_id, s.term_seq, s.image, s.by_term, s.by_seq"
                       " FROM seen s JOIN term t ON t.term_id = s.term_id WHERE s.card_no = $1"
                       " AND s.card_ctr > $2 AND t.dead_at <> 0 ORDER BY s.card_ctr LIMIT 1",
                       "ii"},
    [SQL_SEEN_DEAD] = {"SELECT DISTINCT card_no FROM seen WHERE term_id = $1 AND card_no > $2"
                       " ORDER BY card_no LIMIT 1",
                       "ii"},
    [SQL_PROOF_PUT] = {"INSERT INTO proof (term_id, term_seq, card_no, card_ctr, before, image,"
                       " value, flags, by_term, by_seq, at)"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                       "iiiibbiiiii"},
    [SQL_PROOF_GET] = {"SELECT card_no, card_ctr, before, image, value, flags, at FROM proof"
                       " WHERE term_id = $1 AND term_seq = $2",
                       "ii"},
    [SQL_PROOF_DROP] = {"DELETE FROM proof WHERE term_id = $1 AND term_seq = $2", "ii"},
    [SQL_PROOF_VAGUE] = {"SELECT p.term_id, p.term_seq, t.card_ctr FROM txn t JOIN proof p"
                         " ON p.term_id = t.term_id AND p.term_seq = t.term_seq"
                         " WHERE t.card_no = $1 AND p.card_no = $1 AND t.card_ctr > $2"
                         " AND p.flags = -1 ORDER BY t.card_ctr LIMIT 1",
                         "ii"},
    [SQL_PROOF_FACTS] = {"UPDATE proof SET value = $3, flags = $4 WHERE term_id = $1"
                         " AND term_seq = $2",
                         "iiii"},
    [SQL_TXN_CONFIRM] = {"UPDATE txn SET month = $3, amount = $4, ts = $5, prog = $6, digest = $7"
                         " WHERE card_no = $1 AND card_ctr = $2",
                         "iiiiiib"},
    /* Never the second of a revocation: by that it would be undone when the terminal is back. */
    [SQL_TERM_DEAD] = {"UPDATE term SET dead_at = $2 + CASE WHEN EXISTS (SELECT 1 FROM cert c"
                       " WHERE c.term_id = $1 AND c.revoked_at = $2 AND c.revoked_at <> 0)"
                       " THEN 1 ELSE 0 END WHERE term_id = $1",
                       "ii"},
    [SQL_TERM_DEAD_AT] = {"SELECT dead_at, prog FROM term WHERE term_id = $1", "i"},
    [SQL_TERM_REVOKED] = {"SELECT 1 FROM cert c JOIN term t ON t.term_id = c.term_id"
                          " WHERE c.term_id = $1 AND c.revoked_at NOT IN (0, t.dead_at) LIMIT 1",
                          "i"},
    [SQL_CERT_REVOKE] = {"UPDATE cert SET revoked_at = $2 WHERE term_id = $1 AND revoked_at = $3",
                         "iii"},
    [SQL_PROGRAMME_OLDER] = {"SELECT version FROM programme WHERE version < $1"
                             " ORDER BY version DESC LIMIT 1",
                             "i"},
    [SQL_TRANSFER_PUT] = {"INSERT INTO transfer (term_id, term_seq, card_no, amount, at, how,"
                          " to_card, by_seq, ordered, orders, is_open)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                          "iiiiiiiiiii"},
    [SQL_TRANSFER_GET] = {"SELECT card_no, amount, at, how, to_card, by_seq, ordered, orders"
                          " FROM transfer WHERE term_id = $1 AND term_seq = $2",
                          "ii"},
    [SQL_TRANSFER_SET] = {"UPDATE transfer SET card_no = $3, amount = $4, at = $5, how = $6,"
                          " to_card = $7, by_seq = $8, ordered = $9, orders = $10, is_open = $11"
                          " WHERE term_id = $1 AND term_seq = $2",
                          "iiiiiiiiiii"},
    [SQL_TRANSFER_TAKEN] = {"SELECT count(*), CAST(sum(amount) AS BIGINT), max(card_no),"
                            " max(from_card) FROM transfer_in WHERE term_id = $1 AND out_seq = $2"
                            " HAVING count(*) > 0",
                            "ii"},
    [SQL_TRANSFER_IN_PUT] = {"INSERT INTO transfer_in (term_id, term_seq, card_no, amount, at, how,"
                             " from_card, out_seq, is_open)"
                             " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                             "iiiiiiiii"},
    [SQL_TRANSFER_IN_GET] = {"SELECT out_seq FROM transfer_in WHERE term_id = $1"
                             " AND term_seq = $2",
                             "ii"},
    [SQL_TRANSFER_IN_SET] = {"UPDATE transfer_in SET card_no = $3, amount = $4, at = $5, how = $6,"
                             " from_card = $7, out_seq = $8, is_open = $9"
                             " WHERE term_id = $1 AND term_seq = $2",
                             "iiiiiiiii"},
    [SQL_TRANSFER_IN_OPEN] = {"UPDATE transfer_in SET is_open = $3 WHERE term_id = $1"
                              " AND out_seq = $2",
                              "iii"},
    [SQL_TRANSFER_IN_GUESS] = {"UPDATE transfer_in SET out_seq = $3, is_open = 1"
                               " WHERE term_id = $1 AND term_seq = $2",
                               "iii"},
    [SQL_PROGRAMME_GET] = {"SELECT text FROM programme WHERE version = $1", "i"},
    [SQL_BON_SERIES] = {"SELECT amount, count FROM bon_series WHERE series = $1", "i"},
    [SQL_BON_USE] = {"SELECT term_id, term_seq, merch, receipt FROM bon_use WHERE series = $1"
                     " AND serial = $2 AND back_seq = 0 AND twice = 0",
                     "ii"},
    [SQL_BON_USE_TWICE] = {"SELECT term_id, term_seq, merch, receipt FROM bon_use"
                           " WHERE series = $1 AND serial = $2 AND back_seq = 0 AND twice <> 0"
                           " ORDER BY at, term_id, term_seq LIMIT 1",
                           "ii"},
    [SQL_BON_USE_OWN] = {"SELECT term_seq, twice FROM bon_use WHERE series = $1 AND serial = $2"
                         " AND term_id = $3 AND back_seq = 0",
                         "iii"},
    [SQL_BON_USE_PUT] = {"INSERT INTO bon_use (series, serial, term_id, term_seq, merch, amount,"
                         " at, receipt, twice, back_seq)"
                         " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
                         "iiiiiiiti"},
    [SQL_BON_USE_BACK] = {"UPDATE bon_use SET back_seq = $5 WHERE series = $1 AND serial = $2"
                          " AND term_id = $3 AND term_seq = $4",
                          "iiiii"},
    [SQL_BON_USE_ONCE] = {"UPDATE bon_use SET twice = 0 WHERE series = $1 AND serial = $2"
                          " AND term_id = $3 AND term_seq = $4",
                          "iiii"},
    [SQL_BON_LOG_LAST] = {"SELECT no FROM bon_log ORDER BY no DESC LIMIT 1", ""},
    [SQL_BON_LOG_PUT] = {"INSERT INTO bon_log (no, series, serial, used, term_id, term_seq)"
                         " VALUES ($1, $2, $3, $4, $5, $6)",
                         "iiiiii"},
    [SQL_OPEVENT_PUT] =
        {"INSERT INTO opevent (term_id, term_seq, number, event, by_no, card_no, at)"
         " VALUES ($1, $2, $3, $4, $5, $6, $7)",
         "iiiiiii"},
    [SQL_USED_ADD] = {"INSERT INTO used (scope, id, day, load, loads, spend, spends, issue, issues,"
                      " refund, refunds, earn, points) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
                      " $10, $11, $12, $13) ON CONFLICT (scope, id, day) DO UPDATE"
                      " SET load = used.load + $4, loads = used.loads + $5,"
                      " spend = used.spend + $6, spends = used.spends + $7,"
                      " issue = used.issue + $8, issues = used.issues + $9,"
                      " refund = used.refund + $10, refunds = used.refunds + $11,"
                      " earn = used.earn + $12, points = used.points + $13",
                      "iiiiiiiiiiiii"},
    [SQL_USED_GET] = {"SELECT load, loads, spend, spends, issue, issues, refund, refunds, earn,"
                      " points FROM used WHERE scope = $1 AND id = $2 AND day = $3",
                      "iii"},
    [SQL_QUOTA_OF] = {"SELECT what, unit, peak FROM quota WHERE scope = $1 AND id = $2"
                      " AND span = $3",
                      "iii"},
};

enum st ledger_open(struct db *db, struct ledger **ret)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL) {
        return ST_FULL;
    }
    ledger->db = db;
    enum st st = ST_OK;
    for (int i = 0; i < SQL_COUNT && st == ST_OK; i++) {
        st = db_prepare(db, statements[i].sql, statements[i].types, &ledger->sql[i]);
    }
    if (st == ST_OK) {
        st = actions_open(db, NULL, &ledger->actions);
    }
    if (st != ST_OK) {
        ledger_close(ledger);
        return st;
    }
    *ret = ledger;
    return ST_OK;
}

void ledger_use_opener(struct ledger *ledger, const struct box_key *opener)
{
    ledger->opener = opener;
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    for (int i = 0; i < SQL_COUNT; i++) {
        db_finish(ledger->sql[i]);
    }
    actions_close(ledger->actions);
    for (size_t i = 0; i < PROGRAMMES_KEPT; i++) {
        programme_free(ledger->programmes[i]);
    }
    free(ledger);
}
