/* The API's actions: what the club wants done to cards at their next tap, and group charges. */
#include <inttypes.h>
#include <string.h>

#include "server/business_day.h"
#include "server/charge.h"
#include "server/club_api_priv.h"

enum { VALUE_MAX = 65535 };
#define AMOUNT_MAX INT64_C(1000000000000)

/* --- what was asked for -------------------------------------------------------------------- */

/* The {origin} and {id} of the path. False: 404 is said. */
static bool path_order(struct call *call, enum action_origin *ret_origin, const char **ret_ref)
{
    *ret_origin = actions_origin_of(call->values[0]);
    *ret_ref = call->values[1];
    if (*ret_origin == 0) {
        (void)call_missing(call, "There is no origin %.40s.", call->values[0]);
        return false;
    }
    return true;
}

/* The kind by its word; 0: the fault says which there are. */
static enum action_kind kind_of(struct call *call, const char *word)
{
    const enum action_kind kind = actions_kind_of(word);
    if (kind == 0) {
        fault_say(&call->fault, "\"kind\" is credit, gift, voucher, points, take_credit, "
                                "take_points, tier, group, block, unblock, offer, stamps, "
                                "layout or particulars.");
    }
    return kind;
}

static bool uses_value(enum action_kind kind)
{
    return kind == ACTION_TIER || kind == ACTION_GROUP || kind == ACTION_OFFER ||
           kind == ACTION_STAMPS || kind == ACTION_LAYOUT;
}

static bool uses_nothing(enum action_kind kind)
{
    return kind == ACTION_BLOCK || kind == ACTION_UNBLOCK || kind == ACTION_PARTICULARS;
}

/* All four of them with that kind, none with any other. */
static bool take_particulars(struct call *call, struct action *action)
{
    struct action_particulars it = {.kind = (uint8_t)body_number(call, "card_kind", 0)};
    const struct {
        const char *name;
        uint16_t *ret;
    } days[] = {{"birthday", &it.birthday}, {"wedding", &it.wedding}, {"last_day", &it.expires}};
    const bool wants = action->kind == ACTION_PARTICULARS;
    bool is_right = (body_number(call, "card_kind", -1) >= 0) == wants;
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        const char *text = body_text(call, days[i].name);
        is_right = is_right && (text != NULL) == wants;
        if (text != NULL && business_day_read_card(text, days[i].ret, &call->fault) != ST_OK) {
            return false;
        }
    }
    if (!is_right) {
        fault_say(&call->fault,
                  "%s takes %s of \"card_kind\", \"birthday\", \"wedding\", "
                  "\"last_day\".",
                  action_kind_word(action->kind), wants ? "all" : "none");
        return false;
    }
    if (wants) {
        action->amount = action_particulars_pack(&it);
    }
    return true;
}

/* `amount` or `value`, whichever the kind uses, and not the other. */
static bool take_number(struct call *call, struct action *action)
{
    const int64_t amount = body_number(call, "amount", -1);
    const int64_t value = body_number(call, "value", -1);
    const bool wants_value = uses_value(action->kind);
    const bool wants_amount = !wants_value && !uses_nothing(action->kind);
    if ((amount >= 0) != wants_amount || (value >= 0) != wants_value) {
        fault_say(&call->fault, "%s takes %s.", action_kind_word(action->kind),
                  wants_amount  ? "\"amount\" and no \"value\""
                  : wants_value ? "\"value\" and no \"amount\""
                                : "neither \"amount\" nor \"value\"");
        return false;
    }
    action->amount = wants_amount ? amount : 0;
    action->value = wants_value ? (uint16_t)value : 0;
    return true;
}

/* The last second of the day in `until`; 0 when it was left out. The field is checked. */
static int64_t until_of(struct call *call)
{
    int64_t day = 0;
    const char *text = body_text(call, "until");
    return text != NULL && business_day_read(text, &day, &call->fault) == ST_OK
               ? business_day_end(day)
               : 0;
}

static const char *text_or_empty(const struct call *call, const char *name)
{
    const char *text = body_text(call, name);
    return text == NULL ? "" : text;
}

/* --- lists --------------------------------------------------------------------------------- */

static bool read_filter(struct call *call, struct actions_filter *ret, const char *cursor)
{
    const char *card = call_parameter(call, "card"), *open = call_parameter(call, "open");
    int64_t place[4];
    *ret = (struct actions_filter){.is_open = open != NULL && strcmp(open, "true") == 0};
    if (open != NULL && !ret->is_open && strcmp(open, "false") != 0) {
        fault_say(&call->fault, "\"open\" is true or false.");
        return false;
    }
    if (card != NULL && !read_card(card, &ret->card)) {
        fault_say(&call->fault, "\"card\" is a card number: 16 digits, the last one checks.");
        return false;
    }
    if (cursor[0] != '\0') {
        if (!cursor_numbers(call, cursor, 4, place)) {
            return false;
        }
        ret->after = (struct actions_place){place[0], place[1], place[2], place[3]};
    }
    return true;
}

static enum st answer_actions(struct call *call)
{
    struct actions_filter filter;
    struct actions_place last = {0}, unused;
    const char *cursor = NULL;
    json_t *array = NULL, *more = NULL;
    size_t limit = 0;
    if (!call_page(call, &limit, &cursor) || !read_filter(call, &filter, cursor)) {
        return ST_FOREIGN;
    }
    enum st st = actions_array(call->db, &filter, limit, &array, &last);
    if (st != ST_OK) {
        return st;
    }
    json_t *next = json_null();
    filter.after = last;
    if (json_array_size(array) == limit) {
        st = actions_array(call->db, &filter, 1, &more, &unused);
        if (st == ST_OK && json_array_size(more) != 0) {
            next = json_sprintf("%016" PRId64 ".%" PRId64 ".%" PRId64 ".%" PRId64, last.card,
                                last.made_at, last.number, last.id);
        }
        json_decref(more);
    }
    const bool done = put_json(call->reply, "items", array) && put_json(call->reply, "next", next);
    return st == ST_OK && !done ? ST_FULL : st;
}

enum st call_put_action(struct call *call, enum action_origin origin, const char *ref)
{
    const struct actions_filter filter = {.origin = origin, .ref = ref};
    struct actions_place unused;
    json_t *array = NULL;
    enum st st = actions_array(call->db, &filter, 1, &array, &unused);
    if (st == ST_OK && json_array_size(array) == 0) {
        st = call_missing(call, "There is no action %s of origin %s.", ref,
                          action_origin_word(origin));
    } else if (st == ST_OK) {
        st = json_object_update(call->reply, json_array_get(array, 0)) == 0 ? ST_OK : ST_FULL;
    }
    json_decref(array);
    return st;
}

static enum st put_action(struct call *call)
{
    enum action_origin origin = (enum action_origin)0;
    const char *ref = NULL;
    return path_order(call, &origin, &ref) ? call_put_action(call, origin, ref) : ST_REFUSED;
}

/* --- making and withdrawing ---------------------------------------------------------------- */

static enum st answer_make(struct call *call)
{
    struct action_order order = {.giver = text_or_empty(call, "giver")};
    struct action *action = &order.action;
    struct actions *actions = NULL;
    struct action_made made;
    if (!path_order(call, &action->origin, &order.ref)) {
        return ST_REFUSED;
    }
    const char *own = actions_say_own(action->origin);
    if (own != NULL) {
        fault_say(&call->fault, "%s", own);
        return ST_REFUSED;
    }
    action->kind = kind_of(call, body_text(call, "kind"));
    if (action->kind == 0 || !read_card(body_text(call, "card"), &action->card_number) ||
        !take_number(call, action) || !take_particulars(call, action)) {
        return ST_FOREIGN;
    }
    action->until_s = until_of(call);
    memcpy(action->text, text_or_empty(call, "text"), strlen(text_or_empty(call, "text")));
    enum st st = actions_open(call->db, call->signer, &actions);
    if (st == ST_OK) {
        st = actions_make(actions, &order, 1, call->now_s, &made, &call->fault);
    }
    actions_close(actions);
    return st == ST_OK ? put_action(call) : st;
}

static enum st answer_withdraw(struct call *call)
{
    enum action_origin origin = (enum action_origin)0;
    const char *ref = NULL;
    struct actions *actions = NULL;
    if (!path_order(call, &origin, &ref)) {
        return ST_REFUSED;
    }
    enum st st = put_action(call); /* 404 when there is none */
    if (st == ST_OK) {
        st = actions_open(call->db, call->signer, &actions);
    }
    if (st == ST_OK) {
        st = actions_withdraw(actions, origin, ref, call->now_s, &call->fault);
    }
    actions_close(actions);
    return st == ST_OK ? put_action(call) : st;
}

/* --- group charges ------------------------------------------------------------------------- */

static enum st answer_charges(struct call *call)
{
    json_t *array = NULL;
    size_t limit = 0;
    int64_t after = 0, last = 0, unused = 0;
    if (!call_page_after(call, &limit, &after)) {
        return ST_FOREIGN;
    }
    enum st st = charge_array(call->db, after, 0, limit, &array, &last);
    if (st != ST_OK) {
        return st;
    }
    json_t *next = json_null(), *more = NULL;
    if (json_array_size(array) == limit) {
        st = charge_array(call->db, last, 0, 1, &more, &unused);
        if (st == ST_OK && json_array_size(more) != 0) {
            next = json_sprintf("%" PRId64, last);
        }
        json_decref(more);
    }
    const bool done = put_json(call->reply, "items", array) && put_json(call->reply, "next", next);
    return st == ST_OK && !done ? ST_FULL : st;
}

static enum st put_charge(struct call *call)
{
    json_t *array = NULL;
    int64_t charge = 0, unused = 0;
    enum st st = charge_find(call->db, call->values[0], &charge, &call->fault);
    if (st == ST_REFUSED) {
        return call_missing(call, "There is no charge %.40s.", call->values[0]);
    }
    if (st == ST_OK) {
        st = charge_array(call->db, 0, charge, 1, &array, &unused);
    }
    if (st == ST_OK) {
        st = json_object_update(call->reply, json_array_get(array, 0)) == 0 ? ST_OK : ST_FULL;
    }
    json_decref(array);
    return st;
}

static enum st answer_charge(struct call *call)
{
    struct charge_order order = {.ref = call->values[0],
                                 .group = (int)body_number(call, "group", CHARGE_EVERY),
                                 .kind = kind_of(call, body_text(call, "kind")),
                                 .amount = body_number(call, "amount", 0),
                                 .until_s = until_of(call),
                                 .text = text_or_empty(call, "text"),
                                 .giver = text_or_empty(call, "giver")};
    struct charge_result result;
    struct actions *actions = NULL;
    if (order.kind == 0) {
        return ST_FOREIGN;
    }
    if (order.kind != ACTION_LAYOUT && (uses_value(order.kind) || uses_nothing(order.kind))) {
        fault_say(&call->fault, "A charge is of kind credit, gift, voucher, points or layout.");
        return ST_FOREIGN;
    }
    enum st st = actions_open(call->db, call->signer, &actions);
    if (st == ST_OK) {
        st = charge_run(actions, &order, call->now_s, NULL, &result, &call->fault);
    }
    actions_close(actions);
    return st == ST_OK ? put_charge(call) : st;
}

static const struct field action_fields[] = {
    {"card", FIELD_CARD, true, 0, 0},
    {"kind", FIELD_TEXT, true, 1, 16},
    {"amount", FIELD_NUMBER, false, 1, AMOUNT_MAX},
    {"value", FIELD_NUMBER, false, 0, VALUE_MAX},
    {"card_kind", FIELD_NUMBER, false, 0, 15},
    {"birthday", FIELD_TEXT, false, 1, 10},
    {"wedding", FIELD_TEXT, false, 1, 10},
    {"last_day", FIELD_TEXT, false, 1, 10},
    {"text", FIELD_TEXT, false, 1, ACTION_TEXT_BYTES},
    {"until", FIELD_DAY, false, 0, 0},
    {"giver", FIELD_TEXT, false, 1, ACTIONS_GIVER_MAX},
    {0},
};

static const struct field charge_fields[] = {
    {"group", FIELD_NUMBER, false, 0, UINT8_MAX},
    {"kind", FIELD_TEXT, true, 1, 16},
    {"amount", FIELD_NUMBER, true, 1, AMOUNT_MAX},
    {"text", FIELD_TEXT, false, 1, ACTION_TEXT_BYTES},
    {"until", FIELD_DAY, false, 0, 0},
    {"giver", FIELD_TEXT, false, 1, ACTIONS_GIVER_MAX},
    {0},
};

const struct route routes_actions[] = {
    {"GET", "/actions", APIKEY_READER, "limit cursor card open", NULL, answer_actions, 0},
    {"GET", "/actions/{origin}/{id}", APIKEY_READER, NULL, NULL, put_action, 0},
    {"PUT", "/actions/{origin}/{id}", APIKEY_MANAGER, NULL, action_fields, answer_make, 0},
    {"DELETE", "/actions/{origin}/{id}", APIKEY_MANAGER, NULL, NULL, answer_withdraw, 0},
    {"GET", "/charges", APIKEY_READER, "limit cursor", NULL, answer_charges, 0},
    {"GET", "/charges/{charge}", APIKEY_READER, NULL, NULL, put_charge, 0},
    {"PUT", "/charges/{charge}", APIKEY_MANAGER, NULL, charge_fields, answer_charge, 0},
    {0},
};
