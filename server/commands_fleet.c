/* Commands about the fleet: how terminals are, their updates, their logs. docs/fleet.md. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/command.h"
#include "server/fleet.h"
#include "server/logs.h"
#include "server/updates.h"

/* A whole number from min to max; false: it is something else, and the fault names it. */
static bool read_number(const char *text, const char *what, int64_t min, int64_t max, int64_t *ret,
                        struct fault *fault)
{
    const bool is_zero = strcmp(text, "0") == 0;
    *ret = is_zero ? 0 : number_of(text);
    if ((*ret == 0 && !is_zero) || *ret < min || *ret > max) {
        fault_say(fault, "%s is a number from %" PRId64 " to %" PRId64 ".", what, min, max);
        return false;
    }
    return true;
}

static bool read_terminal(struct club *club, const char *text, uint32_t *ret)
{
    int64_t number = 0;
    const bool is_one =
        read_number(text, "A terminal", 1, WIRE_TERMINAL_MAX, &number, &club->fault);
    *ret = (uint32_t)number;
    return is_one;
}

/* --- the view ------------------------------------------------------------------------------ */

static enum st write_page(struct club *club, const char *path)
{
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fault_say(&club->fault, "Cannot write %s: %s.", path, strerror(errno));
        return ST_IO;
    }
    enum st st = fleet_page(club->db, club->now_s, out);
    if (fclose(out) != 0 && st == ST_OK) {
        fault_say(&club->fault, "Cannot write %s: %s.", path, strerror(errno));
        st = ST_IO;
    }
    return st;
}

static enum st club_fleet(struct club *club)
{
    const char *path = option(club, "--html");
    return path != NULL ? write_page(club, path)
                        : fleet_write(club->db, has_option(club, "--json"),
                                      has_option(club, "--all"), club->now_s, stdout);
}

static enum st club_fleet_show(struct club *club)
{
    uint32_t terminal = 0;
    return !read_terminal(club, argument(club, 0), &terminal)
               ? ST_FOREIGN
               : fleet_show(club->db, terminal, has_option(club, "--json"), club->now_s, stdout,
                            &club->fault);
}

static enum st club_fleet_dead_days(struct club *club)
{
    int64_t days = 0;
    if (!read_number(argument(club, 0), "Days", 0, FLEET_DEAD_DAYS_MAX, &days, &club->fault)) {
        return ST_FOREIGN;
    }
    const enum st st = fleet_set_dead_days(club->db, days, &club->fault);
    if (st == ST_OK && days == 0) {
        printf("No silent terminal is proposed to be declared dead.\n");
    } else if (st == ST_OK) {
        printf("After %" PRId64 " days of silence the fleet view proposes to declare a terminal "
               "dead.\n",
               days);
    }
    return st;
}

/* --- updates ------------------------------------------------------------------------------- */

static enum st club_update_add(struct club *club)
{
    int64_t version = 0;
    struct bundle bundle;
    if (!read_number(option(club, "--version"), "--version", 1, WIRE_IMAGE_MAX, &version,
                     &club->fault)) {
        return ST_FOREIGN;
    }
    const enum st st = bundles_add(club->db, club->data, argument(club, 0), option(club, "--board"),
                                   (uint32_t)version, club->now_s, &bundle, &club->fault);
    if (st == ST_OK) {
        printf("Version %u for %s is here: %" PRId64 " bytes. No terminal is offered it before "
               "update start. Whether it is signed by your key each terminal finds out.\n",
               bundle.version, bundle.board, bundle.bytes);
    }
    return st;
}

/* "2-5": two hours, 0 to 23. */
static bool read_hours(const char *text, uint8_t *ret_from, uint8_t *ret_to, struct fault *fault)
{
    unsigned from = 24, to = 24;
    int end = 0;
    if (text == NULL) {
        *ret_from = UPDATES_FROM_DEFAULT;
        *ret_to = UPDATES_TO_DEFAULT;
        return true;
    }
    if (strlen(text) > 5 || sscanf(text, "%2u-%2u%n", &from, &to, &end) != 2 || text[end] != '\0' ||
        from > 23 || to > 23) {
        fault_say(fault,
                  "--hours are two hours of the day, from and to: 2-5. The same twice: any.");
        return false;
    }
    *ret_from = (uint8_t)from;
    *ret_to = (uint8_t)to;
    return true;
}

static enum st club_update_start(struct club *club)
{
    const char *first = option(club, "--first"), *good_for = option(club, "--good-for");
    struct updates_order order = {.board = option(club, "--board"),
                                  .good_for_s = UPDATES_GOOD_FOR_DEFAULT_S};
    int64_t version = 0, hours = UPDATES_GOOD_FOR_DEFAULT_S / 3600;
    if (!read_number(argument(club, 0), "A version", 1, WIRE_IMAGE_MAX, &version, &club->fault) ||
        (first != NULL && !read_terminal(club, first, &order.first)) ||
        (good_for != NULL && !read_number(good_for, "--good-for", 0, UPDATES_GOOD_FOR_MAX_S / 3600,
                                          &hours, &club->fault)) ||
        !read_hours(option(club, "--hours"), &order.from_hour, &order.to_hour, &club->fault)) {
        return ST_FOREIGN;
    }
    order.version = (uint32_t)version;
    order.good_for_s = hours * 3600;
    const enum st st = updates_start(club->db, club->data, &order, club->now_s, &club->fault);
    return st == ST_OK ? updates_write(club->db, club->data, false, club->now_s, stdout) : st;
}

static enum st club_update_next(struct club *club)
{
    const char *word = option(club, "--stage");
    const enum stage stage = word == NULL ? STAGE_NONE : stages_of_word(word);
    if (word != NULL && stage == STAGE_NONE) {
        fault_say(&club->fault, "--stage is one, tenth or all.");
        return ST_FOREIGN;
    }
    const enum st st =
        updates_next(club->db, option(club, "--board"), stage, club->now_s, &club->fault);
    return st == ST_OK ? updates_write(club->db, club->data, false, club->now_s, stdout) : st;
}

static enum st club_update_stop(struct club *club)
{
    const char *why = option(club, "--why");
    const enum st st = updates_stop(club->db, option(club, "--board"),
                                    why == NULL ? "Stopped by hand." : why, &club->fault);
    if (st == ST_OK) {
        printf("No terminal is offered it from now on; who has it keeps it.\n");
    }
    return st;
}

static enum st club_update_resume(struct club *club)
{
    const enum st st = updates_resume(club->db, club->data, option(club, "--board"), &club->fault);
    if (st == ST_OK) {
        printf("It goes on in the stage that it was in.\n");
    }
    return st == ST_OK ? updates_write(club->db, club->data, false, club->now_s, stdout) : st;
}

static enum st club_update_list(struct club *club)
{
    return updates_write(club->db, club->data, has_option(club, "--json"), club->now_s, stdout);
}

/* --- logs ---------------------------------------------------------------------------------- */

static enum st club_logs_ask(struct club *club)
{
    uint32_t terminal = 0;
    int64_t no = 0;
    if (!read_terminal(club, argument(club, 0), &terminal)) {
        return ST_FOREIGN;
    }
    const enum st st =
        logs_ask(club->db, terminal, option(club, "--by"), club->now_s, &no, &club->fault);
    if (st == ST_OK) {
        printf("Log %" PRId64 " is asked for. It comes when somebody at terminal %u consents: "
               "vafa-till support on.\n",
               no, terminal);
    }
    return st;
}

static enum st write_file(const char *path, const char *bytes, size_t size, struct fault *fault)
{
    FILE *out = fopen(path, "wb");
    bool done = out != NULL && fwrite(bytes, 1, size, out) == size;
    done = out != NULL && fclose(out) == 0 && done;
    if (!done) {
        fault_say(fault, "Cannot write %s: %s.", path, strerror(errno));
    }
    return done ? ST_OK : ST_IO;
}

static bool read_log(struct club *club, int64_t *ret)
{
    return read_number(argument(club, 0), "A log", 1, INT32_MAX, ret, &club->fault);
}

static enum st club_logs_take(struct club *club)
{
    char *bytes = NULL;
    size_t size = 0;
    int64_t no = 0;
    if (!read_log(club, &no)) {
        return ST_FOREIGN;
    }
    enum st st = logs_tend(club->db, club->data, club->now_s, &club->fault);
    if (st == ST_OK) {
        st = logs_get(club->db, club->data, no, &bytes, &size, &club->fault);
    }
    if (st == ST_OK) {
        st = write_file(argument(club, 1), bytes, size, &club->fault);
    }
    if (st == ST_OK) {
        printf("%zu bytes, gzip: zcat %s\n", size, argument(club, 1));
    }
    free(bytes);
    return st;
}

static enum st club_logs_drop(struct club *club)
{
    int64_t no = 0;
    return !read_log(club, &no) ? ST_FOREIGN
                                : logs_drop(club->db, club->data, no, club->now_s, &club->fault);
}

static enum st club_logs_list(struct club *club)
{
    return logs_write(club->db, has_option(club, "--json"), club->now_s, stdout);
}

const struct command commands_fleet[] = {
    {"fleet", "[--all] [--json] [--html FILE]",
     "how terminals are, the troubled first and what to do; --all: also dead and revoked ones; "
     "--html: a page of it",
     club_fleet, false},
    {"fleet show", "TERMINAL [--json]", "one terminal, and its versions", club_fleet_show, false},
    {"fleet dead-days", "DAYS",
     "after how many days of silence a terminal is proposed to be declared dead (30; 0 = never)",
     club_fleet_dead_days, false},
    {"update add", "FILE --board NAME --version N", "keep a bundle for the terminals of a board",
     club_update_add, false},
    {"update start", "VERSION --board NAME [--first TERMINAL] [--hours FROM-TO] [--good-for HOURS]",
     "bring it to one terminal, then a tenth, then all; each installs it at those hours (2-5), a "
     "stage goes on when all of it were good for so long (24)",
     club_update_start, false},
    {"update next", "--board NAME [--stage STAGE]",
     "go on to the next stage now; with a stage (tenth, all) the same again goes no further",
     club_update_next, false},
    {"update stop", "--board NAME [--why TEXT]", "offer it to nobody", club_update_stop, false},
    {"update resume", "--board NAME", "go on with what was stopped", club_update_resume, false},
    {"update list", "[--json]", "bundles, and how far each has come", club_update_list, false},
    {"logs ask", "TERMINAL --by NAME", "ask a terminal for its log", club_logs_ask, false},
    {"logs take", "LOG FILE", "a log that came", club_logs_take, false},
    {"logs drop", "LOG", "throw it away, or ask for it no more", club_logs_drop, false},
    {"logs list", "[--json]", "logs that were asked for, and by whom", club_logs_list, false},
    {0},
};
