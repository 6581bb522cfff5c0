/* Commands about members: who they are, what they said. Each look is noted (server/members.h). */
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hal/base/bytes.h"
#include "server/command.h"
#include "server/groups.h"
#include "server/members.h"
#include "server/opener.h"

/* Who asks, as it stands in `access`: the account on this machine. */
static const char *who(void)
{
    static char text[MEMBERS_WHO_MAX + 1];
    const struct passwd *user = getpwuid(getuid());
    (void)snprintf(text, sizeof text, "console:%.48s", user != NULL ? user->pw_name : "?");
    return text;
}

static enum st no_number(struct club *club)
{
    fault_say(&club->fault, "Give the member's account or card number, 16 digits.");
    return ST_FOREIGN;
}

static enum st member_list(struct club *club)
{
    struct members_filter filter = {0};
    struct particulars particulars;
    const char *kind = option(club, "--kind"), *route = option(club, "--route");
    const char *group = option(club, "--group");
    enum st st = ST_OK;
    filter.may_be_written_to = has_option(club, "--messages");
    particulars_init(&particulars);
    if (kind != NULL) {
        st = particulars_set(&particulars, "account", kind, &club->fault);
        filter.account_kind = particulars.account;
    }
    if (st == ST_OK && route != NULL) {
        st = particulars_set(&particulars, "route", route, &club->fault);
        filter.route = particulars.route;
    }
    if (st == ST_OK && group != NULL) {
        st = particulars_set(&particulars, "group", group, &club->fault);
        filter.has_group = true;
        filter.group = particulars.group;
    }
    return st == ST_OK ? members_write(club->db, who(), &filter, has_option(club, "--json"),
                                       club->now_s, stdout)
                       : ST_FOREIGN;
}

/* What is looked for may be typed on standard input, so that nobody else sees it in the list of
 * processes. */
static enum st member_find(struct club *club)
{
    char line[256];
    const char *text = argument(club, 0);
    if (strcmp(text, "-") == 0) {
        if (fgets(line, sizeof line, stdin) == NULL) {
            fault_say(&club->fault, "Nothing was typed.");
            return ST_FOREIGN;
        }
        line[strcspn(line, "\r\n")] = '\0';
        text = line;
    }
    const struct members_filter filter = {.text = text};
    return members_write(club->db, who(), &filter, has_option(club, "--json"), club->now_s, stdout);
}

static enum st member_show(struct club *club)
{
    struct fault fault;
    const uint64_t number = card_of(argument(club, 0), &fault);
    return number == 0 ? no_number(club)
                       : members_show(club->db, who(), number, has_option(club, "--json"),
                                      club->now_s, stdout, &club->fault);
}

static enum st member_export(struct club *club)
{
    const struct members_filter all = {.may_be_written_to = has_option(club, "--messages")};
    return members_write(club->db, who(), &all, true, club->now_s, stdout);
}

static enum st member_set(struct club *club)
{
    struct fault fault;
    const uint64_t number = card_of(argument(club, 0), &fault);
    if (number == 0) {
        return no_number(club);
    }
    const enum st st = members_set(club->db, who(), number, argument(club, 1), argument(club, 2),
                                   club->now_s, &club->fault);
    if (st == ST_OK) {
        printf("Noted; the card keeps what it carries.\n");
    }
    return st == ST_UNSUPPORTED ? ST_FOREIGN : st;
}

static enum st member_move(struct club *club)
{
    struct fault fault;
    struct particulars particulars;
    struct actions *actions = NULL;
    const uint64_t number = card_of(argument(club, 0), &fault);
    if (number == 0) {
        return no_number(club);
    }
    particulars_init(&particulars);
    if (particulars_set(&particulars, "group", argument(club, 1), &club->fault) != ST_OK) {
        return ST_FOREIGN;
    }
    enum st st = actions_open(club->db, NULL, &actions); /* the server seals it */
    if (st == ST_OK) {
        st = members_move(club->db, actions, who(), number, particulars.group, club->now_s,
                          &club->fault);
    }
    actions_close(actions);
    if (st == ST_OK) {
        printf("Moved; their card takes it at its next tap.\n");
    }
    return st;
}

static enum st member_regroup(struct club *club)
{
    const bool is_trial = has_option(club, "--trial");
    struct actions *actions = NULL;
    struct groups_result result;
    enum st st = actions_open(club->db, NULL, &actions); /* the server seals them */
    if (st == ST_OK) {
        st = groups_apply(club->db, actions, who(), club->now_s, is_trial, stdout, &result,
                          &club->fault);
    }
    actions_close(actions);
    if (st == ST_OK) {
        printf("%" PRIu64 " members judged, %" PRIu64 " %s; %" PRIu64 " are sealed still.\n",
               result.seen, result.moved, is_trial ? "would move" : "moved", result.sealed);
    }
    return st;
}

static enum st member_open(struct club *club)
{
    struct box_key *key = NULL;
    uint32_t opened = 0, left = 0;
    const char *path = option(club, "--key");
    enum st st = path != NULL ? opener_read(path, &key, &club->fault)
                              : opener_load(club->data, &key, &club->fault);
    if (st == ST_OK && key == NULL) {
        fault_say(&club->fault, "This club's key is kept elsewhere: give it with --key FILE.");
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = members_open(club->db, who(), key, club->now_s, &opened, &left);
    }
    box_key_free(key);
    if (st == ST_OK) {
        printf("%u opened, %u for another key.\n", opened, left);
    }
    return st;
}

static enum st member_access(struct club *club)
{
    enum { ROWS_MAX = 1000 };
    return members_write_access(club->db, ROWS_MAX, has_option(club, "--json"), stdout);
}

const struct command commands_members[] = {
    {"member list", "[--kind WORD] [--route WORD] [--group N] [--messages] [--json]",
     "members; codes and phones shortened, whole with --json; --messages: only whom the club may "
     "write to",
     member_list, false},
    {"member find", "TEXT [--json]",
     "by national code, phone, account, card or part of the name; -: typed on standard input",
     member_find, false},
    {"member show", "NUMBER [--json]", "all that is known of one", member_show, false},
    {"member set", "NUMBER FIELD TEXT", "change what a member said", member_set, false},
    {"member move", "NUMBER GROUP", "to another group, by its number; the card follows",
     member_move, false},
    {"member regroup", "[--trial]",
     "where the rules of groups want everybody now; --trial: says it, moves nobody", member_regroup,
     false},
    {"member export", "[--messages]", "all of them, as JSON", member_export, false},
    {"member open", "[--key FILE]", "open what is sealed, with a key that is kept elsewhere",
     member_open, false},
    {"member access", "[--json]", "who looked at or changed what", member_access, false},
    {0},
};
