/* programme.h - the club's rules as data: what a sale earns, what points are worth, what is
 * allowed.
 *
 * A programme is a JSON document (docs/programme.md) with a version and a list of rules. It is
 * loaded whole or refused whole, by the name of what is wrong or unknown, and the old one stays in
 * force. Plain data after loading: pure, no pointers to the text, the caller owns it; one C library
 * for terminal and club, so that both compute the same (invariant I5). */
#ifndef FIRMWARE_ENGINE_PROGRAMME_H
#define FIRMWARE_ENGINE_PROGRAMME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/engine/money.h"
#include "hal/base/status.h"

enum {
    PROGRAMME_FORMAT = 1, /* "vafa_programme" of a document that this firmware reads */
    PROGRAMME_RULES_MAX = 16,
    PROGRAMME_NAME_MAX = 48,
    PROGRAMME_TEXT_MAX = 65536,
    PROGRAMME_POINT_VALUE_MAX = 1000000000, /* times POINTS_MAX it stays within 64 bits */
};

/* What amounts are shown in, on screens and paper only: 1 toman = 10 rials. */
enum programme_unit { UNIT_RIAL = 1, UNIT_TOMAN = 2 };

/* One earn rule: `points` for each full `block` of the amount that earns. */
struct programme_award {
    char id[PROGRAMME_NAME_MAX];
    struct money block;   /* > 0 */
    struct points points; /* >= 0 */
};

struct programme {
    uint32_t version;              /* 1..2^31-1; a newer one replaces an older one, never back */
    char club[PROGRAMME_NAME_MAX]; /* UTF-8, no control characters */
    enum programme_unit unit;
    struct programme_award awards[PROGRAMME_RULES_MAX]; /* summed, in the document's order */
    size_t award_count;
    struct money point_value; /* rials that one redeemed point pays for, <= POINT_VALUE_MAX; 0 = no
                                 redemption */
    bool award_on_redeemed;   /* does the part paid with points earn? */
    bool award_on_credit;     /* does the part paid with credit earn? */
    struct money sale_max;    /* one basket, > 0 */
    struct money load_min;    /* one load; >= 1 */
    struct money load_max;
    struct money credit_max;  /* ceiling of the credit purse */
    struct money opening_max; /* opening credit at issue; 0 = none */
    struct points points_max; /* ceiling of the points purse */
};

/* True when every field is in range, load_min <= load_max <= credit_max, opening_max <= credit_max,
 * and no basket up to sale_max can earn more than POINTS_MAX. */
bool programme_is_valid(const struct programme *programme);

/* The points that `earning` (0..sale_max) earns: the awards of a valid programme, summed. Cannot
 * fail, since programme_is_valid() has bounded it. */
struct points programme_earn(const struct programme *programme, struct money earning);

/* Loads the document (in programme_load.c, the only part of the engine that needs jansson).
 * Allocates while it parses (jansson) and frees before it returns.
 * ST_FOREIGN      not JSON, or a field missing, wrong in kind or out of range: fault names the line
 *                 or field and what would be right.
 * ST_UNSUPPORTED  a format, field, effect or condition that this firmware lacks: fault names it.
 * *ret is untouched unless ST_OK; fault may be NULL. */
ST_CHECK enum st programme_load(const char *text, size_t size, struct programme *ret,
                                struct fault *fault);

#endif
