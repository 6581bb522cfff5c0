#include "server/places.h"

#include <stddef.h>

#include "server/accounts.h"

/* The counter accounts that are between a merchant and the club: docs/club.md 4. In rials: points
 * are in a book of their own. */
#define SUM_OF(accounts)                                                                           \
    " CAST(coalesce(sum(CASE WHEN j.purse > 0 AND j.acct IN (" accounts                            \
    ") THEN j.amount ELSE 0 END), 0) AS BIGINT)"
#define SUMS                                                                                       \
    SUM_OF("1, 2")                                                                                 \
    "," SUM_OF("3") "," SUM_OF("6") "," SUM_OF("9") "," SUM_OF("30") "," SUM_OF("1, 2, 3, 6, 9, "  \
                                                                                "30")

static const char *const merchant_columns[] = {"imerchant", "tname",       "itaken",
                                               "iowed",     "iredemption", "icashback",
                                               "ibon",      "iclub_owes",  NULL};
const struct places places_merchants = {
    "SELECT m.merch, m.name," SUMS " FROM merchant m LEFT JOIN jrn j ON j.merch = m.merch"
    " WHERE m.merch > $1 GROUP BY m.merch, m.name ORDER BY m.merch LIMIT $2",
    merchant_columns};

static const char *const branch_columns[] = {"ibranch",    "imerchant",   "tname",     "itaken",
                                             "iowed",      "iredemption", "icashback", "ibon",
                                             "iclub_owes", NULL};
const struct places places_branches = {
    "SELECT b.branch, b.merch, b.name," SUMS " FROM branch b"
    " LEFT JOIN term t ON t.branch = b.branch LEFT JOIN jrn j ON j.term_id = t.term_id"
    " WHERE b.branch > $1 GROUP BY b.branch, b.merch, b.name ORDER BY b.branch LIMIT $2",
    branch_columns};

static const char *const terminal_columns[] = {
    "iterminal",  "tmerchant", "tbranch",      "isequence", "ilast_at",     "iunsent", "ipending",
    "iprogramme", "tfirmware", "tcertificate", "irefused",  "trefused_say", NULL};
const struct places places_terminals = {
    "SELECT t.term_id, m.name, b.name, t.hi, t.last_at, t.unsent, t.pending, t.prog, t.firmware,"
    " CASE WHEN t.dead_at <> 0 THEN 'dead' WHEN EXISTS"
    " (SELECT 1 FROM cert c WHERE c.term_id = t.term_id AND c.revoked_at = 0)"
    " THEN 'good' ELSE 'revoked' END, t.refused, t.refused_say"
    " FROM term t JOIN merchant m ON m.merch = t.merch JOIN branch b ON b.branch = t.branch"
    " WHERE t.term_id > $1 ORDER BY t.term_id LIMIT $2",
    terminal_columns};
