/* Commands for the club's API: its keys; and cards and cases, which the API shows likewise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/apikey.h"
#include "server/card_view.h"
#include "server/case_view.h"
#include "server/command.h"
#include "server/rows.h"

enum { PAGE = 200 };

/* --- keys ---------------------------------------------------------------------------------- */

static enum st club_key_new(struct club *club)
{
    const char *given = option(club, "--role"), *days_given = option(club, "--days");
    const enum apikey_role role = apikey_role_of_word(given == NULL ? "reader" : given);
    const int64_t days = days_given == NULL ? APIKEY_DAYS_DEFAULT : number_of(days_given);
    char text[APIKEY_TEXT_BYTES];
    if (role == APIKEY_NONE) {
        fault_say(&club->fault, "--role is reader, clerk or manager, not \"%.40s\".", given);
        return ST_FOREIGN;
    }
    enum st st =
        apikey_new(club->db, argument(club, 0), role, days, club->now_s, text, &club->fault);
    if (st == ST_OK) {
        printf("%s\n", text);
        fprintf(stderr,
                "A %s's key for %lld days. It is shown this once: the club keeps its hash.\n",
                apikey_role_word(role), (long long)days);
    }
    return st;
}

static enum st club_key_list(struct club *club)
{
    struct apikey key = {0};
    bool found = true;
    enum st st = ST_OK;
    while (st == ST_OK && found) {
        st = apikey_next(club->db, key.number, &key, &found);
        if (st == ST_OK && found) {
            printf("%lld  %-8s %s  %s\n", (long long)key.number, apikey_role_word(key.role),
                   key.revoked_at != 0             ? "revoked"
                   : key.expires_at <= club->now_s ? "expired"
                                                   : "good   ",
                   key.name);
        }
    }
    return st;
}

static enum st club_key_revoke(struct club *club)
{
    const int64_t number = number_of(argument(club, 0));
    if (number == 0) {
        fault_say(&club->fault, "key revoke needs the number of a key: see key list.");
        return ST_FOREIGN;
    }
    enum st st = apikey_revoke(club->db, number, club->now_s, &club->fault);
    if (st == ST_OK) {
        printf("Key %lld is refused from now on.\n", (long long)number);
    }
    return st;
}

/* --- one card ------------------------------------------------------------------------------ */

/* Takes `object`. */
static enum st print_object(const struct club *club, json_t *object)
{
    if (object == NULL) {
        return ST_FULL;
    }
    if (has_option(club, "--json")) {
        (void)json_dumpf(object, stdout, JSON_INDENT(1));
        printf("\n");
    } else {
        print_plain(object, stdout);
    }
    json_decref(object);
    return ST_OK;
}

static enum st club_card(struct club *club)
{
    const uint64_t card = card_of(argument(club, 0), &club->fault);
    json_t *object = NULL, *rows = NULL;
    if (card == 0) {
        return ST_FOREIGN;
    }
    enum st st = card_object(club->db, card, &object);
    if (st == ST_OK && object == NULL) {
        fault_say(&club->fault, "The books have no card %s.", argument(club, 0));
        return ST_REFUSED;
    }
    const struct card_history history = {card, INT64_MAX, INT64_MIN, INT64_MAX, PAGE};
    if (st == ST_OK) {
        st = card_history_array(club->db, &history, &rows);
    }
    if (st != ST_OK || !put_json(object, "history", rows)) {
        json_decref(object);
        return st == ST_OK ? ST_FULL : st;
    }
    return print_object(club, object);
}

/* --- cases --------------------------------------------------------------------------------- */

static enum st club_cases(struct club *club)
{
    char after[CASE_NAME_MAX + 1] = "";
    size_t count = PAGE;
    json_t *all = json_array(), *rows = NULL;
    enum st st = ST_OK;
    while (st == ST_OK && count == PAGE) {
        st = cases_array(club->db, after, has_option(club, "--all"), PAGE, &rows);
        count = st == ST_OK ? json_array_size(rows) : 0;
        if (count != 0) {
            const json_t *last = json_array_get(rows, count - 1);
            (void)snprintf(after, sizeof after, "%s",
                           json_string_value(json_object_get(last, "case")));
            st = json_array_extend(all, rows) == 0 ? ST_OK : ST_FULL;
        }
        json_decref(rows);
        rows = NULL;
    }
    if (st != ST_OK) {
        json_decref(all);
        return st;
    }
    return print_object(club, json_pack("{s:o}", "cases", all));
}

static enum st club_case_show(struct club *club)
{
    json_t *object = NULL;
    enum st st = case_object(club->db, argument(club, 0), &object);
    if (st == ST_OK && object == NULL) {
        fault_say(&club->fault, "There is no case %.40s.", argument(club, 0));
        return ST_REFUSED;
    }
    return st == ST_OK ? print_object(club, object) : st;
}

static enum st club_case_close(struct club *club)
{
    bool found = false;
    enum st st = case_close(club->db, argument(club, 0), option(club, "--by"),
                            option(club, "--why"), club->now_s, &found, &club->fault);
    if (st == ST_OK) {
        printf("Case %s is dealt with.\n", argument(club, 0));
    }
    return st;
}

const struct command commands_api[] = {
    {"key new", "NAME [--role reader|clerk|manager] [--days N]",
     "make a key for the API (365 days); it is shown once", club_key_new, false},
    {"key list", "", "the keys, without their text", club_key_list, false},
    {"key revoke", "KEY", "refuse a key from now on", club_key_revoke, false},
    {"card", "CARD [--json]", "one card: balances, state, its last 200 transactions", club_card,
     false},
    {"cases", "[--all] [--json]", "the cases that wait for a person; --all: all", club_cases,
     false},
    {"case show", "CASE [--json]", "one, with its evidence", club_case_show, false},
    {"case close", "CASE --by NAME --why TEXT", "say that it is dealt with, by whom and why",
     club_case_close, false},
    {0},
};
