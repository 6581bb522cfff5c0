/* settlement_priv.h - what the parts of the settlement share: settlement.c (looking) and
 * settlement_close.c (closing, and the files of closed periods). */
#ifndef SERVER_SETTLEMENT_PRIV_H
#define SERVER_SETTLEMENT_PRIV_H

#include "server/accounts.h"
#include "server/business_day.h"
#include "server/settlement.h"

#define OF_MERCHANT "j.acct IN (" ACCOUNTS_OF_MERCHANTS ")"
#define CARD_ROWS(purse)                                                                           \
    " UNION ALL SELECT 0, 0, " purse ", 0, 1, d" purse " FROM txn WHERE d" purse " <> 0"           \
    " AND ts >= $3 AND ts < $4"
/* Counter entries and what cards changed, in rials, of the days $1..$2, the moments $3..$4. */
#define ROWS                                                                                       \
    "SELECT CASE WHEN " OF_MERCHANT " THEN j.merch ELSE 0 END AS merch,"                           \
    " CASE WHEN " OF_MERCHANT " THEN coalesce(t.branch, 0) ELSE 0 END AS branch,"                  \
    " j.purse AS purse, j.acct AS acct, j.n AS n, j.amount AS amount"                              \
    " FROM jrn j LEFT JOIN term t ON t.term_id = j.term_id"                                        \
    " WHERE j.purse > 0 AND j.day >= $1 AND j.day <= $2" CARD_ROWS("1") CARD_ROWS("2")             \
        CARD_ROWS("3")

/* The head of a closed period: number, first and last day, when, by whom, as of. */
#define HEADS "SELECT no, from_day, to_day, closed_at, closed_by, as_of FROM settlement"

static inline int64_t day_begins_at(int64_t day)
{
    return day * BUSINESS_DAY_S - BUSINESS_ZONE_S;
}

static inline int64_t number_in(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

#endif
