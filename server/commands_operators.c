/* Commands about operators, allowances and limits. Each that changes something makes the terminals'
 * mandates anew. */
#include <stdlib.h>
#include <string.h>

#include "server/allowances.h"
#include "server/command.h"
#include "server/mandates.h"
#include "server/operators.h"

/* The command has done its work: the terminals shall hear of it. */
static enum st renew(struct club *club, enum st st)
{
    uint32_t count = 0;
    if (st != ST_OK) {
        return st;
    }
    st = mandates_renew(club->db, club->data, club->now_s, false, &count, &club->fault);
    if (st == ST_OK) {
        fprintf(stderr, "%u terminals hear of it at their next sync.\n", count);
    } else {
        fprintf(stderr, "It is noted, but no mandate was signed: run mandate renew later.\n");
    }
    return st;
}

static uint32_t operator_of(struct club *club)
{
    const int64_t number = number_of(argument(club, 0));
    if (number == 0 || number > UINT16_MAX) {
        fault_say(&club->fault, "NUMBER is an operator's: 1 to %d.", UINT16_MAX);
        return 0;
    }
    return (uint32_t)number;
}

static enum st club_operator_add(struct club *club)
{
    struct mandate_operator of = {.role = role_of_word(option(club, "--role"))};
    const char *name = argument(club, 0), *merchant = option(club, "--merchant");
    const char *number = option(club, "--number");
    uint32_t made = 0;
    if (of.role == 0) {
        fault_say(&club->fault, "--role is cashier, issuer, manager or technician.");
        return ST_FOREIGN;
    }
    of.card_number = card_of(option(club, "--card"), &club->fault);
    if (of.card_number == 0) {
        return ST_FOREIGN;
    }
    if ((merchant != NULL && number_of(merchant) == 0) ||
        (number != NULL && (number_of(number) == 0 || number_of(number) > UINT16_MAX)) ||
        strlen(name) >= sizeof of.name) {
        fault_say(&club->fault,
                  "--merchant and --number take numbers from 1; a name has at most %d "
                  "bytes.",
                  MANDATE_NAME_MAX - 1);
        return ST_FOREIGN;
    }
    memcpy(of.name, name, strlen(name) + 1);
    of.number = number == NULL ? 0 : (uint32_t)number_of(number);
    const enum st st = operators_add(club->db, &of, merchant == NULL ? 0 : number_of(merchant),
                                     club->now_s, &made, &club->fault);
    if (st == ST_OK) {
        printf("%u\n", made);
    }
    return renew(club, st);
}

static enum st club_operator_list(struct club *club)
{
    return operators_list(club->db, has_option(club, "--json"), stdout);
}

static enum st set_blocked(struct club *club, bool is_blocked)
{
    const uint32_t number = operator_of(club);
    return number == 0 ? ST_FOREIGN
                       : renew(club, operators_block(club->db, number, is_blocked, &club->fault));
}

static enum st club_operator_block(struct club *club)
{
    return set_blocked(club, true);
}

static enum st club_operator_unblock(struct club *club)
{
    return set_blocked(club, false);
}

static enum st club_operator_remove(struct club *club)
{
    const uint32_t number = operator_of(club);
    return number == 0 ? ST_FOREIGN
                       : renew(club, operators_remove(club->db, number, club->now_s, &club->fault));
}

static enum st club_operator_unlock(struct club *club)
{
    const uint32_t number = operator_of(club);
    return number == 0 ? ST_FOREIGN : renew(club, operators_unlock(club->db, number, &club->fault));
}

static enum st club_operator_pin(struct club *club)
{
    char line[2 * PIN_VERIFIER_MAX] = "";
    const uint32_t number = operator_of(club);
    if (number == 0) {
        return ST_FOREIGN;
    }
    if (fgets(line, sizeof line, stdin) == NULL) {
        line[0] = '\0';
    }
    line[strcspn(line, "\r\n")] = '\0';
    return renew(club, operators_set_pin(club->db, number, line, &club->fault));
}

static enum st club_operator_require(struct club *club)
{
    const char *word = argument(club, 0), *idle = option(club, "--idle");
    const bool is_on = strcmp(word, "on") == 0;
    bool before = false;
    uint32_t minutes = 0;
    enum st st = operators_policy(club->db, &before, &minutes);
    if (idle != NULL) {
        minutes = number_of(idle) > MANDATE_IDLE_MINUTES_MAX ? 0 : (uint32_t)number_of(idle);
    }
    if ((!is_on && strcmp(word, "off") != 0) || minutes == 0) {
        fault_say(&club->fault, "Say on or off; --idle takes 1 to %d minutes.",
                  MANDATE_IDLE_MINUTES_MAX);
        return ST_FOREIGN;
    }
    return renew(club, st == ST_OK ? operators_set_policy(club->db, is_on, minutes) : st);
}

/* --- limits ---------------------------------------------------------------------------------- */

/* WHAT, UNIT and MAX, from argument `first` on; MAX "none" is -1. */
static bool take_limit(struct club *club, size_t first, struct quota_name *ret, int64_t *ret_max)
{
    const char *max = argument(club, first + 2);
    const bool is_none = strcmp(max, "none") == 0, is_zero = strcmp(max, "0") == 0;
    *ret_max = is_none ? -1 : number_of(max);
    if (!limits_what_of(argument(club, first), &ret->what) ||
        !limits_unit_of(ret->what, argument(club, first + 1), &ret->unit)) {
        fault_say(&club->fault, "WHAT is load, spend, issue, refund or earn; UNIT is rials or "
                                "count (of earn: points).");
        return false;
    }
    if ((*ret_max == 0 && !is_zero) || *ret_max > LIMIT_MAX) {
        fault_say(&club->fault, "A limit is a whole number from 0 to %lld, or none.",
                  (long long)LIMIT_MAX);
        return false;
    }
    return true;
}

static enum st set_limit(struct club *club, enum quota_scope scope, enum quota_span span)
{
    struct quota_name name = {.scope = scope, .id = number_of(argument(club, 0)), .span = span};
    int64_t max = 0;
    if (name.id == 0) {
        fault_say(&club->fault, "Whose limit? Give a number from 1.");
        return ST_FOREIGN;
    }
    if (!take_limit(club, 1, &name, &max)) {
        return ST_FOREIGN;
    }
    return renew(club, allowances_set(club->db, &name, max, &club->fault));
}

static enum quota_span span_of(const struct club *club)
{
    return has_option(club, "--day") ? QUOTA_DAY : QUOTA_TOTAL;
}

static enum st club_operator_limit(struct club *club)
{
    return set_limit(club, QUOTA_OF_OPERATOR, QUOTA_DAY);
}

static enum st club_allowance_set(struct club *club)
{
    return set_limit(club, QUOTA_OF_TERMINAL, span_of(club));
}

static enum st club_allowance_ceiling(struct club *club)
{
    return set_limit(club, QUOTA_OF_MERCHANT, span_of(club));
}

static enum st club_allowance_grant(struct club *club)
{
    struct quota_name name;
    int64_t more = 0;
    const uint32_t terminal = terminal_of(argument(club, 0));
    if (!take_limit(club, 1, &name, &more) || terminal == 0 || more < 1) {
        if (club->fault.say[0] == '\0') {
            fault_say(&club->fault, "Say allowance grant TERMINAL WHAT UNIT MORE, MORE from 1.");
        }
        return ST_FOREIGN;
    }
    return renew(club,
                 allowances_grant(club->db, terminal, name.what, name.unit, more, &club->fault));
}

static enum st club_allowance_split(struct club *club)
{
    const int64_t merchant = number_of(argument(club, 0));
    uint32_t granted = 0;
    if (merchant == 0) {
        fault_say(&club->fault, "MERCHANT is a merchant's number.");
        return ST_FOREIGN;
    }
    const enum st st = allowances_split(club->db, merchant, &granted, &club->fault);
    if (st == ST_OK) {
        printf("%u grants changed.\n", granted);
    }
    return renew(club, st);
}

static enum st club_allowance_list(struct club *club)
{
    return allowances_list(club->db, has_option(club, "--json"), stdout);
}

static enum st club_mandate_renew(struct club *club)
{
    uint32_t count = 0;
    const enum st st =
        mandates_renew(club->db, club->data, club->now_s, true, &count, &club->fault);
    if (st == ST_OK) {
        printf("%u mandates are new.\n", count);
    }
    return st;
}

const struct command commands_operators[] = {
    {"operator add", "NAME --role ROLE --card CARD [--merchant N] [--number N]",
     "lets a person work at terminals; prints the number", club_operator_add, false},
    {"operator list", "[--json]", "who they are, and what terminals last told of them",
     club_operator_list, false},
    {"operator pin", "NUMBER", "a new PIN, as vafa-keys pin prints it, on standard input",
     club_operator_pin, false},
    {"operator block", "NUMBER", "he may not sign in any more", club_operator_block, false},
    {"operator unblock", "NUMBER", "he may again", club_operator_unblock, false},
    {"operator remove", "NUMBER",
     "he works here no more; his number is never another's, his name stays in the books",
     club_operator_remove, false},
    {"operator unlock", "NUMBER", "after three wrong PINs, at every terminal", club_operator_unlock,
     false},
    {"operator limit", "NUMBER WHAT UNIT MAX", "what he may do in a day; none: no limit",
     club_operator_limit, false},
    {"operator require", "on|off [--idle MINUTES]",
     "nothing of value without a signed-in operator; when he is signed out", club_operator_require,
     false},
    {"allowance grant", "TERMINAL WHAT UNIT MORE", "so much more than is granted or used in all",
     club_allowance_grant, false},
    {"allowance set", "TERMINAL WHAT UNIT MAX [--day]", "a terminal's limit, in all or by day",
     club_allowance_set, false},
    {"allowance ceiling", "MERCHANT WHAT UNIT MAX [--day]",
     "what all terminals of a merchant together may do", club_allowance_ceiling, false},
    {"allowance split", "MERCHANT", "what is free of its ceilings, equally to its terminals",
     club_allowance_split, false},
    {"allowance list", "[--json]", "what is granted, used and left", club_allowance_list, false},
    {"mandate renew", "", "signs every terminal's mandate anew: after a club was restored",
     club_mandate_renew, false},
    {0},
};
