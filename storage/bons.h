/* bons.h - which organisations' vouchers (engine/bon.h) were used, as far as this terminal knows.
 *
 * Two tables of the terminal's database (store.h, whose rules and statuses hold here too): what its
 * own journal says, kept up to date by journal_append, and what the club says of all terminals. */
#ifndef STORAGE_BONS_H
#define STORAGE_BONS_H

#include "firmware/engine/bon.h"
#include "storage/store.h"

enum bon_place {
    BON_FREE,      /* not used, as far as is known here */
    BON_HERE,      /* used here: `use` is the entry */
    BON_ELSEWHERE, /* used at another terminal, says the club */
};

/* Whether the bon of this series and serial is used. *ret_use is set with BON_HERE only. */
ST_CHECK enum st bons_find(struct store *store, uint32_t series, uint32_t serial,
                           enum bon_place *ret_place, struct entry *ret_use);

/* What the club says of one bon. */
struct club_bon {
    uint32_t series, serial;
    bool is_used;                /* false: given back */
    uint32_t terminal, sequence; /* of the redemption; when given back, of the giving back */
};
enum { CLUB_BONS_MAX = 200 };
/* Takes in what the club says, in its order, `count` of at most CLUB_BONS_MAX, all or none. The
 * same again changes nothing. Only sync calls it. */
ST_CHECK enum st bons_take(struct store *store, const struct club_bon *bons, size_t count);

#endif
