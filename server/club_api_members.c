/* The API's members. Particulars are personal: reading them takes a clerk's key, and every look and
 * change leaves a row in `access` with the key's number and name. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/club_api_priv.h"
#include "server/members.h"

/* What a new member may say of themselves: fields of particulars_set(), with the same names. */
static const char *const said[] = {"name",    "national_code", "phone",   "birthday",
                                   "wedding", "group",         "consent", "invited_by"};

/* Who asks, as `access` notes it. */
static void who_asks(const struct call *call, char ret[MEMBERS_WHO_MAX + 1])
{
    (void)snprintf(ret, MEMBERS_WHO_MAX + 1, "key %" PRId64, call->key.number);
}

/* The member as an object that the caller owns. */
static json_t *member_json(const struct member *member)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    enum st st = member_write_json(member, out);
    const bool is_whole = fclose(out) == 0;
    json_t *object = st == ST_OK && is_whole ? json_loadb(text, size, 0, NULL) : NULL;
    free(text);
    return object;
}

/* --- looking ------------------------------------------------------------------------------- */

static enum st add_row(void *ctx, const struct member *member)
{
    return json_array_append_new(ctx, member_json(member)) == 0 ? ST_OK : ST_FULL;
}

static enum st answer_members(struct call *call)
{
    struct members_filter filter = {.text = call_parameter(call, "text")};
    const char *cursor = NULL;
    char who[MEMBERS_WHO_MAX + 1];
    size_t limit = 0;
    int64_t after = 0, group = -1;
    if (!call_page(call, &limit, &cursor) || !call_number(call, "group", 0, -1, &group) ||
        (cursor[0] != '\0' && !cursor_numbers(call, cursor, 1, &after))) {
        return ST_FOREIGN;
    }
    if (group > UINT8_MAX) {
        fault_say(&call->fault, "\"group\" is a number from 0 to 255.");
        return ST_FOREIGN;
    }
    filter.has_group = group >= 0;
    filter.group = (uint8_t)(group >= 0 ? group : 0);
    filter.after = (uint64_t)after;
    filter.max = (uint32_t)limit + 1;
    who_asks(call, who);
    json_t *array = json_array();
    enum st st = members_each(call->db, who, &filter, call->now_s, add_row, array);
    if (st != ST_OK) {
        json_decref(array);
        return st;
    }
    return call_array(call, array, limit, "account");
}

static enum st put_member(struct call *call, uint64_t number)
{
    struct member member;
    char who[MEMBERS_WHO_MAX + 1];
    bool found = false;
    who_asks(call, who);
    enum st st = members_get(call->db, who, number, call->now_s, &member, &found);
    if (st == ST_OK && !found) {
        return call_missing(call, "There is no member with this account or card.");
    }
    if (st == ST_OK) {
        json_t *object = member_json(&member);
        st = object != NULL && json_object_update(call->reply, object) == 0 ? ST_OK : ST_FULL;
        json_decref(object);
    }
    return st;
}

static enum st answer_member(struct call *call)
{
    uint64_t number = 0;
    return call_card(call, &number) ? put_member(call, number) : ST_REFUSED;
}

/* --- changing ------------------------------------------------------------------------------ */

/* What the body says, judged field by field. */
static enum st take_particulars(struct call *call, struct particulars *ret)
{
    particulars_init(ret);
    enum st st = particulars_set(ret, "route", "web", &call->fault);
    for (size_t i = 0; i < sizeof said / sizeof said[0] && st == ST_OK; i++) {
        const char *text = body_text(call, said[i]);
        st = text == NULL ? ST_OK : particulars_set(ret, said[i], text, &call->fault);
    }
    return st == ST_OK ? ST_OK : ST_FOREIGN;
}

/* Sent again, it is the same member: who has that national code, and is otherwise as the body says.
 */
static enum st is_same(struct call *call, const char *who, uint64_t account,
                       const struct particulars *wanted, bool *ret_same)
{
    struct member member;
    char theirs[PARTICULARS_FIELD_MAX], ours[PARTICULARS_FIELD_MAX];
    bool found = false;
    enum st st = members_get(call->db, who, account, call->now_s, &member, &found);
    *ret_same = st == ST_OK && found && !member.is_sealed;
    for (size_t i = 0; i < sizeof said / sizeof said[0] && *ret_same; i++) {
        if (strcmp(said[i], "group") == 0 && wanted->group == 0) {
            continue; /* the programme's rules chose one */
        }
        *ret_same = particulars_get(&member.particulars, said[i], theirs) == ST_OK &&
                    particulars_get(wanted, said[i], ours) == ST_OK && strcmp(theirs, ours) == 0;
    }
    return st;
}

static enum st answer_add(struct call *call)
{
    struct particulars particulars;
    char who[MEMBERS_WHO_MAX + 1];
    uint64_t account = 0;
    bool is_again = false;
    enum st st = take_particulars(call, &particulars);
    if (st != ST_OK) {
        return st;
    }
    who_asks(call, who);
    st = members_add(call->db, who, &particulars, call->now_s, &account, &call->fault);
    if (st == ST_REFUSED && account != 0) {
        const enum st seen = is_same(call, who, account, &particulars, &is_again);
        st = seen != ST_OK ? seen : is_again ? ST_OK : ST_REFUSED;
    }
    return st == ST_OK ? put_member(call, account) : st;
}

static enum st answer_set(struct call *call)
{
    uint64_t number = 0;
    char who[MEMBERS_WHO_MAX + 1];
    const char *field = call->values[1];
    if (!call_card(call, &number)) {
        return ST_REFUSED;
    }
    who_asks(call, who);
    enum st st = put_member(call, number); /* 404 when there is none */
    if (st != ST_OK) {
        return st;
    }
    st = members_set(call->db, who, number, field, body_text(call, "text"), call->now_s,
                     &call->fault);
    if (st == ST_UNSUPPORTED) {
        return call_missing(call, "A member has no field %.40s.", field);
    }
    return st == ST_OK ? put_member(call, number) : st;
}

static enum st answer_move(struct call *call)
{
    uint64_t number = 0;
    char who[MEMBERS_WHO_MAX + 1];
    struct actions *actions = NULL;
    if (!call_card(call, &number)) {
        return ST_REFUSED;
    }
    who_asks(call, who);
    enum st st = put_member(call, number); /* 404 when there is none */
    if (st == ST_OK) {
        st = actions_open(call->db, call->signer, &actions);
    }
    if (st == ST_OK) {
        st = members_move(call->db, actions, who, number, (uint8_t)body_number(call, "group", 0),
                          call->now_s, &call->fault);
    }
    actions_close(actions);
    return st == ST_OK ? put_member(call, number) : st;
}

enum { TEXT_MAX = PARTICULARS_FIELD_MAX - 1 };

static const struct field member_fields[] = {
    {"name", FIELD_TEXT, true, 1, TEXT_MAX},
    {"national_code", FIELD_TEXT, true, 1, TEXT_MAX},
    {"phone", FIELD_TEXT, false, 1, TEXT_MAX},
    {"birthday", FIELD_TEXT, false, 1, TEXT_MAX},
    {"wedding", FIELD_TEXT, false, 1, TEXT_MAX},
    {"group", FIELD_TEXT, false, 1, TEXT_MAX},
    {"consent", FIELD_TEXT, true, 1, TEXT_MAX},
    {"invited_by", FIELD_TEXT, false, 1, TEXT_MAX},
    {0},
};
static const struct field set_fields[] = {{"text", FIELD_TEXT, true, 1, TEXT_MAX}, {0}};
static const struct field move_fields[] = {{"group", FIELD_NUMBER, true, 0, UINT8_MAX}, {0}};

const struct route routes_members[] = {
    {"GET", "/members", APIKEY_CLERK, "limit cursor text group", NULL, answer_members, 0},
    {"POST", "/members", APIKEY_CLERK, NULL, member_fields, answer_add, 0},
    {"GET", "/members/{card}", APIKEY_CLERK, NULL, NULL, answer_member, 0},
    {"PUT", "/members/{card}/group", APIKEY_CLERK, NULL, move_fields, answer_move, 0},
    {"PUT", "/members/{card}/said/{field}", APIKEY_CLERK, NULL, set_fields, answer_set, 0},
    {0},
};
