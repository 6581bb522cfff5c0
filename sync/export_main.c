/* vafa-export - what a terminal's database holds that its club does not, for a technician's
 * machine. Usage: vafa-export --help */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/loss.h"
#include "sync/batch.h"
#include "sync/copy.h"
#include "sync/export.h"

static const char usage[] =
    "usage: vafa-export look  --db FILE\n"
    "       vafa-export write --db FILE --identity DIR --to FILE [--after N]\n"
    "\n"
    "look   what the club has not acknowledged, as one line of JSON.\n"
    "write  exactly that, signed, for vafa-club journal take.\n"
    "\n"
    "  --db FILE       a terminal's database, its -wal file beside it; read from a copy, never "
    "changed\n"
    "  --identity DIR  the terminal's key\n"
    "  --to FILE       the export; none may be there\n"
    "  --after N       begin behind entry N, when the club was restored and says that it has only "
    "N\n"
    "\n"
    "Ends with 0: done. 1: refused, and nothing was written. 2: wrong usage.\n";

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct options {
    const char *command, *db, *folder, *path;
    uint32_t after;
};

static bool read_number(const char *text, uint32_t *ret)
{
    char *end = NULL;
    const unsigned long number = strtoul(text, &end, 10);
    *ret = (uint32_t)number;
    return *text >= '0' && *text <= '9' && *end == '\0' && number <= WIRE_SEQUENCE_MAX;
}

static bool read_options(int argc, char **argv, struct options *ret)
{
    static const struct option names[] = {
        {"db", required_argument, NULL, 'd'},
        {"identity", required_argument, NULL, 'i'},
        {"to", required_argument, NULL, 't'},
        {"after", required_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    *ret = (struct options){.after = EXPORT_FROM_ACKNOWLEDGED, .command = argv[1]};
    if (argc < 2) {
        return false;
    }
    bool is_good = true;
    optind = 2;
    for (int option = getopt_long(argc, argv, "", names, NULL); option != -1 && is_good;
         option = getopt_long(argc, argv, "", names, NULL)) {
        switch (option) {
        case 'd':
            ret->db = optarg;
            break;
        case 'i':
            ret->folder = optarg;
            break;
        case 't':
            ret->path = optarg;
            break;
        case 'a':
            is_good = read_number(optarg, &ret->after);
            break;
        default:
            is_good = false;
        }
    }
    const bool is_look = strcmp(ret->command, "look") == 0;
    const bool is_write = strcmp(ret->command, "write") == 0;
    return is_good && optind == argc && ret->db != NULL &&
           (is_look
                ? ret->folder == NULL && ret->path == NULL && ret->after == EXPORT_FROM_ACKNOWLEDGED
                : is_write && ret->folder != NULL && ret->path != NULL);
}

/* A database of a device that was never enrolled has no terminal's number: 0. */
static enum st look(struct store *store, struct fault *fault)
{
    uint32_t terminal = 0, acknowledged = 0;
    struct journal_counts counts;
    struct loss loss = {0};
    enum st st = batch_terminal(store, &terminal, fault);
    if (st != ST_OK && st != ST_REFUSED) {
        return st;
    }
    if ((st = journal_counts(store, &counts)) != ST_OK ||
        (st = sync_acknowledged(store, &acknowledged)) != ST_OK ||
        (st = loss_count(store, &loss)) != ST_OK) {
        return batch_store_says(store, st, fault);
    }
    printf("{\"terminal\": %" PRIu32 ", \"entries\": %" PRIu32 ", \"acknowledged\": %" PRIu32
           ", \"unsent\": %" PRIu32 ", \"pending\": %" PRIu32 ", \"transactions\": %" PRIu32
           ", \"amount\": %" PRId64 ", \"at_least\": %s, \"oldest\": %" PRId64 "}\n",
           terminal, counts.entries, acknowledged, counts.unsent, counts.pending, loss.transactions,
           loss.amount, loss.is_more ? "true" : "false", counts.oldest_unsent_s);
    return ST_OK;
}

static enum st write_export(struct store *store, const struct options *options, struct fault *fault)
{
    struct identity identity;
    struct export_report report;
    enum st st = identity_init(options->folder, &identity, fault);
    if (st == ST_OK) {
        const struct export_config config = {
            .store = store, .identity = &identity, .path = options->path, .after = options->after};
        st = export_write(&config, &report, fault);
    }
    if (st == ST_OK && report.last == report.after) {
        printf("Terminal %" PRIu32 ": the club has all of its %" PRIu32 " entries.\n",
               report.terminal, report.last);
    } else if (st == ST_OK) {
        printf("Terminal %" PRIu32 ": entries %" PRIu32 " to %" PRIu32 " are in %s.\n",
               report.terminal, report.after + 1, report.last, options->path);
    }
    return st;
}

static enum st run(const struct copy *copy, const struct options *options, struct fault *fault)
{
    struct store *store = NULL;
    const struct store_config config = {.path = copy->path};
    enum st st = store_open(&config, &store, fault);
    if (st == ST_OK) {
        st = strcmp(options->command, "look") == 0 ? look(store, fault)
                                                   : write_export(store, options, fault);
    }
    store_close(store);
    return st;
}

int main(int argc, char **argv)
{
    struct options options;
    struct fault fault = {""};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return fputs(usage, stdout) < 0 ? EXIT_REFUSED : EXIT_SUCCESS;
    }
    if (!read_options(argc, argv, &options)) {
        (void)fputs(usage, stderr); /* nobody could be told of its failure */
        return EXIT_USAGE;
    }
    struct copy copy;
    enum st st = copy_make(options.db, &copy, &fault);
    if (st == ST_OK) {
        st = run(&copy, &options, &fault);
        copy_remove(&copy);
    }
    if (st != ST_OK) {
        fprintf(stderr, "vafa-export: %s\n", fault.say);
    }
    return st == ST_OK && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_REFUSED;
}
