/* Commands that bring data out of the club, and in from another system. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/command.h"
#include "server/export.h"
#include "server/import.h"
#include "server/journal_file.h"

static enum st club_export(struct club *club)
{
    return export_write(club->db, argument(club, 0), option(club, "--by"), club->now_s, stderr,
                        &club->fault);
}

/* --- import -------------------------------------------------------------------------------- */

static int64_t rials_of_unit(const char *unit)
{
    return strcmp(unit, "rial") == 0 ? 1 : strcmp(unit, "toman") == 0 ? 10 : 0;
}

static void print_totals(const struct import_file *file, size_t unknown)
{
    printf("%zu cards, %zu of them not seen yet: theirs waits for them.\n", file->count, unknown);
    if (file->people_count != 0) {
        printf("%zu members, with what they say of themselves.\n", file->people_count);
    }
    printf("points %" PRId64 "\n", file->total[BOOK_POINTS]);
    for (int book = BOOK_CREDIT; book < CARD_BOOKS; book++) {
        printf("%s %" PRId64 " rials (%" PRId64 ".%" PRId64 " toman)\n", book_name(book),
               file->total[book], file->total[book] / 10, file->total[book] % 10);
    }
}

static enum st commit(struct club *club, const struct import_file *file)
{
    const char *path = argument(club, 0), *name = strrchr(path, '/');
    const char *text = option(club, "--text");
    const struct import_order order = {.name = name == NULL ? path : name + 1,
                                       .by = option(club, "--by"),
                                       .text = text == NULL ? "Moved in" : text};
    int64_t number = 0;
    if (order.by == NULL) {
        fault_say(&club->fault, "--commit needs --by NAME: who imports it.");
        return ST_FOREIGN;
    }
    enum st st = import_commit(club->db, file, &order, club->now_s, &number, &club->fault);
    if (st == ST_OK) {
        printf("Import %" PRId64 " is done: cards collect it at their next tap.\n", number);
    }
    return st;
}

/* What would happen, and with --commit does it. */
static enum st take(struct club *club, struct import_file *file)
{
    size_t unknown = 0;
    enum st st = import_check_people(club->db, file, stdout);
    if (st == ST_OK) {
        st = import_unknown(club->db, file, &unknown);
    }
    if (st != ST_OK) {
        return st;
    }
    print_totals(file, unknown);
    if (file->bad != 0) {
        fault_say(&club->fault, "%zu lines are not right: nothing was imported.", file->bad);
        return ST_FOREIGN;
    }
    if (has_option(club, "--commit")) {
        return commit(club, file);
    }
    printf("A trial: nothing was imported. With --commit --by NAME it is.\n");
    return ST_OK;
}

static enum st club_import(struct club *club)
{
    struct import_file file;
    const int64_t rials = rials_of_unit(option(club, "--unit"));
    if (rials == 0) {
        fault_say(&club->fault, "--unit is rial or toman: what the file's amounts are in.");
        return ST_FOREIGN;
    }
    FILE *from = fopen(argument(club, 0), "re");
    if (from == NULL) {
        fault_say(&club->fault, "Cannot read %.100s: %s.", argument(club, 0), strerror(errno));
        return ST_IO;
    }
    enum st st = import_read(from, rials, stdout, &file, &club->fault);
    (void)fclose(from); /* only read */
    if (st == ST_OK) {
        st = take(club, &file);
    }
    import_free(&file);
    return st;
}

static enum st club_import_undo(struct club *club)
{
    struct import_undone undone;
    const int64_t number = number_of(argument(club, 0));
    if (number == 0) {
        fault_say(&club->fault, "import undo needs a number: see import list.");
        return ST_FOREIGN;
    }
    enum st st = import_undo(club->db, club->data, option(club, "--key"), number,
                             option(club, "--by"), club->now_s, stdout, &undone, &club->fault);
    if (st != ST_OK) {
        return st;
    }
    printf("%" PRId64 " balances are withdrawn, %" PRId64 " are on cards already and not undone; "
           "members stay.\n",
           undone.withdrawn_count, undone.collected_count);
    for (int book = 0; book < CARD_BOOKS; book++) {
        printf("%s withdrawn %" PRId64 ", not undone %" PRId64 "\n", book_name(book),
               undone.withdrawn[book], undone.collected[book]);
    }
    return ST_OK;
}

static enum st club_import_list(struct club *club)
{
    return import_list(club->db, has_option(club, "--json"), stdout);
}

/* --- a terminal's exported journal ---------------------------------------------------------- */

static enum st club_journal_take(struct club *club)
{
    struct journal_taken taken;
    FILE *from = fopen(argument(club, 0), "re");
    if (from == NULL) {
        fault_say(&club->fault, "Cannot read %.100s: %s.", argument(club, 0), strerror(errno));
        return ST_IO;
    }
    enum st st = journal_file_take(club->db, club->data, from, club->now_s, &taken, &club->fault);
    (void)fclose(from); /* only read */
    if (st == ST_OK && taken.entries == 0) {
        printf("Terminal %" PRIu32 ": nothing new; the club has its entries up to %" PRIu32 ".\n",
               taken.terminal, taken.acknowledged);
    } else if (st == ST_OK) {
        printf("Terminal %" PRIu32 ": %" PRIu32 " entries taken, %" PRIu32
               " transactions posted; the club has its entries up to %" PRIu32 ".\n",
               taken.terminal, taken.entries, taken.posted, taken.acknowledged);
    }
    if (st == ST_OK && taken.cases != 0) {
        printf("%" PRIu32 " cases are open because of it: see report.\n", taken.cases);
    }
    return st;
}

const struct command commands_data[] = {
    {"export", "FOLDER --by NAME", "everything that the club has, as JSON Lines, into a new folder",
     club_export, false},
    {"import", "FILE --unit rial|toman [--commit] [--by NAME] [--text TEXT]",
     "balances and members from another system, CSV or JSON Lines: a trial, or with --commit for "
     "good",
     club_import, false},
    {"journal take", "FILE",
     "what a terminal could not send: its journal as vafa-export or tools/flash wrote it",
     club_journal_take, false},
    {"import list", "[--json]", "the imports", club_import_list, false},
    {"import undo", "NUMBER --by NAME [--key FILE]", "withdraw what no card has collected yet",
     club_import_undo, false},
    {0},
};
