/* Commands for the settlement between merchants and the club. */
#include <stdio.h>
#include <string.h>

#include "server/business_day.h"
#include "server/command.h"
#include "server/rows.h"
#include "server/settlement.h"

/* --- writing it out ------------------------------------------------------------------------ */

/* In quotes when it needs them (RFC 4180). */
static void write_csv_text(const char *text, FILE *out)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text != '\0'; text++) {
        fputs(*text == '"' ? "\"\"" : (const char[]){*text, '\0'}, out);
    }
    fputc('"', out);
}

/* The lines of a settlement, a header first. */
static void write_csv(const json_t *settlement, FILE *out)
{
    static const char *const names[] = {"merchant", "name",    "branch", "branch_name", "book",
                                        "account",  "entries", "amount", "late"};
    enum { NAMES = sizeof names / sizeof names[0] };
    size_t row = 0;
    json_t *line = NULL;
    for (size_t i = 0; i < NAMES; i++) {
        fprintf(out, "%s%s", i == 0 ? "" : ",", names[i]);
    }
    fputs("\r\n", out);
    json_array_foreach(json_object_get(settlement, "lines"), row, line)
    {
        for (size_t i = 0; i < NAMES; i++) {
            const json_t *value = json_object_get(line, names[i]);
            fputs(i == 0 ? "" : ",", out);
            if (json_is_integer(value)) {
                fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
            } else if (json_is_string(value)) {
                write_csv_text(json_string_value(value), out);
            }
        }
        fputs("\r\n", out);
    }
}

/* Takes the settlement. */
static enum st print_settlement(const struct club *club, json_t *settlement)
{
    if (has_option(club, "--csv")) {
        write_csv(settlement, stdout);
    } else if (has_option(club, "--json")) {
        (void)json_dumpf(settlement, stdout, JSON_INDENT(1));
        printf("\n");
    } else {
        print_plain(settlement, stdout);
        printf("A positive net is what the club owes to the merchant, a negative one what the "
               "merchant owes. Merchant 0 is the club and what its cards hold.\n");
    }
    json_decref(settlement);
    return ST_OK;
}

/* --- the commands -------------------------------------------------------------------------- */

static enum st club_settlement(struct club *club)
{
    int64_t from = 0, to = 0;
    json_t *settlement = NULL;
    enum st st = business_day_read(option(club, "--from"), &from, &club->fault);
    if (st == ST_OK) {
        st = business_day_read(option(club, "--to"), &to, &club->fault);
    }
    if (st == ST_OK && from > to) {
        fault_say(&club->fault, "--from is after --to.");
        st = ST_FOREIGN;
    }
    if (st == ST_OK) {
        st = settlement_look(club->db, from, to, &settlement);
    }
    return st == ST_OK ? print_settlement(club, settlement) : st;
}

static enum st show(struct club *club, int64_t number)
{
    json_t *settlement = NULL;
    enum st st = settlement_object(club->db, number, &settlement);
    if (st == ST_OK && settlement == NULL) {
        fault_say(&club->fault, "There is no settlement %lld.", (long long)number);
        return ST_REFUSED;
    }
    return st == ST_OK ? print_settlement(club, settlement) : st;
}

static enum st club_settlement_show(struct club *club)
{
    const int64_t number = number_of(argument(club, 0));
    if (number == 0) {
        fault_say(&club->fault, "settlement show needs a number: see settlement list.");
        return ST_FOREIGN;
    }
    return show(club, number);
}

static enum st club_settlement_close(struct club *club)
{
    struct settlement_close close = {.by = option(club, "--by"),
                                     .anyway = has_option(club, "--anyway")};
    int64_t number = 0;
    enum st st = business_day_read(option(club, "--to"), &close.to_day, &club->fault);
    if (st == ST_OK) {
        st = settlement_close(club->db, club->data, &close, club->now_s, &number, &club->fault);
    }
    if (st == ST_OK) {
        fprintf(stderr, "Settlement %lld is closed.\n", (long long)number);
        st = show(club, number);
    }
    return st;
}

static enum st club_settlement_list(struct club *club)
{
    json_t *all = NULL;
    int64_t restored = 0;
    enum st st = settlement_restore(club->db, club->data, club->now_s, &restored, &club->fault);
    if (st == ST_OK && restored != 0) {
        fprintf(stderr, "%lld settlements were brought back from the files of the folder.\n",
                (long long)restored);
    }
    if (st == ST_OK) {
        st = settlements_array(club->db, 0, SETTLEMENTS_MAX, &all);
    }
    return st == ST_OK ? print_settlement(club, json_pack("{s:o}", "settlements", all)) : st;
}

const struct command commands_settlement[] = {
    {"settlement", "--from DAY --to DAY [--json] [--csv]",
     "what each merchant owes or is owed for these days, as posted now (2026-11-22 or 1405-09-01)",
     club_settlement, false},
    {"settlement close", "--to DAY --by NAME [--anyway] [--json] [--csv]",
     "close the days since the last one: final; what terminals send later falls into the next",
     club_settlement_close, false},
    {"settlement show", "NUMBER [--json] [--csv]", "a closed one", club_settlement_show, false},
    {"settlement list", "[--json]", "the closed ones", club_settlement_list, false},
    {0},
};
