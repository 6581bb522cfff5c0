#include "firmware/terminal/till_lost.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "firmware/terminal/till_member.h"
#include "firmware/terminal/till_wire_priv.h"

static const struct lost_word {
    const char *word;
    enum desk_do what;
    const char *fields; /* beside v, do, wait_ms and operator; "+" = what the member says, too */
} words[] = {
    {"report_lost", DESK_LOST, " card medium "},
    {"found", DESK_FOUND, " card medium "},
    {"replace", DESK_REPLACE, " card medium confirm bare lang + "},
    {"duplicate", DESK_TAP, " from lang + "},
};

static const struct lost_word *find_word(const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, word) == 0) {
            return &words[i];
        }
    }
    return NULL;
}

bool till_is_lost_word(const char *word)
{
    return find_word(word) != NULL;
}

/* --- requests ----------------------------------------------------------------------------------
 */

/* One of the words of a list that begins and ends with a blank. */
static bool is_in(const char *list, const char *name)
{
    const size_t size = strlen(name);
    if (size == 0 || strchr(name, ' ') != NULL) {
        return false;
    }
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += size) {
        if (at > list && at[-1] == ' ' && at[size] == ' ') {
            return true;
        }
    }
    return false;
}

static bool fields_are_known(const json_t *object, const struct lost_word *word,
                             struct fault *fault)
{
    for (void *at = json_object_iter((json_t *)object); at != NULL;
         at = json_object_iter_next((json_t *)object, at)) {
        const char *name = json_object_iter_key(at);
        const bool is_person = is_in(word->fields, "+") && till_is_person_field(name);
        if (!is_in(" v do wait_ms operator ", name) && !is_in(word->fields, name) && !is_person) {
            fault_say(fault, "\"%s\" has no field \"%.40s\": leave it out.", word->word, name);
            return false;
        }
    }
    return true;
}

/* Which card: by its number, by what was typed, or by what comes next. */
static enum st take_card(const json_t *object, struct till_request *ret, struct fault *fault)
{
    const bool has_card = json_object_get(object, "card") != NULL;
    const json_t *medium = json_object_get(object, "medium");
    if (has_card && medium != NULL) {
        fault_say(fault, "Give \"card\" or \"medium\", not both.");
        return ST_FOREIGN;
    }
    if (has_card) {
        return till_take_card_number(object, "card", &ret->desk.card_number, fault);
    }
    if (medium != NULL && !json_is_string(medium)) {
        fault_say(fault, "\"medium\" must be a text: what was typed.");
        return ST_FOREIGN;
    }
    return medium == NULL ? ST_OK : till_take_typed(medium, ret, fault);
}

/* The first half of a duplicate, or with "from" the second. */
static enum st take_duplicate(const json_t *object, struct till_request *ret, struct fault *fault)
{
    int64_t from = 0;
    if (!till_take_number(object, "from", 1, SNAPSHOT_SEQUENCE_MAX, false, &from, fault)) {
        return ST_FOREIGN;
    }
    struct tap_request *tap = &ret->desk.tap;
    tap->what = from == 0 ? TAP_DUPLICATE : TAP_TAKE_OVER;
    tap->wish = (struct wish){.kind = TRANSACTION_DUPLICATE,
                              .peer.direction = from == 0 ? PEER_OUT : PEER_IN};
    ret->desk.number = (uint32_t)from;
    ret->desk.is_fresh = from != 0; /* the old card may lie there still */
    if (from != 0) {
        return till_take_person(object, &ret->desk.joining, fault);
    }
    for (size_t i = 0; particulars_field(i) != NULL; i++) {
        if (json_object_get(object, particulars_field(i)) != NULL) {
            fault_say(fault,
                      "What the member says comes with \"from\", when the new card is held.");
            return ST_FOREIGN;
        }
    }
    return ST_OK;
}

enum st till_take_lost(const json_t *object, const char *word, struct till_request *ret,
                       struct fault *fault)
{
    const struct lost_word *kind = find_word(word);
    const json_t *confirm = json_object_get(object, "confirm");
    const json_t *bare = json_object_get(object, "bare");
    int64_t operator_no = 0, wait_ms = TILL_WAIT_MS_DEFAULT;
    assert(kind != NULL);
    if (!fields_are_known(object, kind, fault) ||
        !till_take_number(object, "operator", 0, UINT16_MAX, false, &operator_no, fault) ||
        !till_take_number(object, "wait_ms", 1, TERMINAL_WAIT_MS_MAX, false, &wait_ms, fault)) {
        return ST_FOREIGN;
    }
    if ((confirm != NULL && !json_is_boolean(confirm)) ||
        (bare != NULL && !json_is_boolean(bare))) {
        fault_say(fault, "\"confirm\" and \"bare\" must be true or false.");
        return ST_FOREIGN;
    }
    *ret = (struct till_request){.wait_ms = (unsigned)wait_ms, .desk = {.what = kind->what}};
    ret->desk.tap.operator_no = (uint32_t)operator_no;
    ret->desk.is_confirmed = json_is_true(confirm);
    ret->desk.is_bare = json_is_true(bare);
    if (!till_take_language(object, &ret->desk.tap.language, fault)) {
        return ST_FOREIGN;
    }
    if (kind->what == DESK_TAP) {
        return take_duplicate(object, ret, fault);
    }
    enum st st = take_card(object, ret, fault);
    if (st == ST_OK && kind->what == DESK_REPLACE) {
        st = till_take_person(object, &ret->desk.joining, fault);
    }
    return st;
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void put(json_t *object, const char *name, json_t *value)
{
    const int rc = json_object_set_new(object, name, value);
    assert(rc == 0); /* out of memory: nothing sensible can be answered */
}

static json_t *figures(int64_t points, const struct money purse[PURSES])
{
    return json_pack("{s:I, s:I, s:I, s:I}", "points", (json_int_t)points, "credit",
                     (json_int_t)purse[PURSE_CREDIT].rials, "gift",
                     (json_int_t)purse[PURSE_GIFT].rials, "voucher",
                     (json_int_t)purse[PURSE_VOUCHER].rials);
}

static void put_share(json_t *object, const struct lost_answer *lost)
{
    static const char *const sources[] = {[LOST_UNKNOWN] = "unknown",
                                          [LOST_SEEN] = "seen",
                                          [LOST_TOLD] = "told",
                                          [LOST_SETTLED] = "settled"};
    const struct replacement *share = &lost->share;
    json_t *known = figures(lost->known.points.n, lost->known.purse);
    put(known, "source", json_string(sources[lost->known.source]));
    put(known, "as_of", json_integer(lost->known.as_of_s));
    put(object, "known", known);
    put(object, "now", figures(share->inherits.points.n, share->purse));
    put(object, "loss",
        json_pack("{s:I, s:I, s:I}", "credit", (json_int_t)share->loss.rials, "points",
                  (json_int_t)share->loss_points.n, "points_value",
                  (json_int_t)share->of_points.rials));
}

void till_put_lost(json_t *object, const struct lost_answer *lost)
{
    put(object, "card", json_sprintf("%016" PRIu64, lost->card_number));
    if (lost->sequence != 0) {
        put(object, "sequence", json_integer(lost->sequence));
    }
    if (lost->is_earlier) {
        put(object, "earlier", json_true());
    }
    if (lost->has_share) {
        put_share(object, lost);
    }
}
