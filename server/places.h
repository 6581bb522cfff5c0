/* places.h - merchants, branches and terminals: what the books say of each.
 *
 * Queries for reports, pages and the API: $1 = the number to begin after, $2 = how many at most.
 * A merchant's and a branch's sums are taken from the same counter entries, which name the
 * terminal; so those of its branches add up to the merchant's, and those of all to the ledger's. */
#ifndef SERVER_PLACES_H
#define SERVER_PLACES_H

/* The first column is the number. `columns`: server/rows.h. */
struct places {
    const char *sql;
    const char *const *columns;
};

extern const struct places places_merchants, places_branches, places_terminals;

#endif
