/* vafa-club - the club: `serve` answers terminals, the other commands are its operator's. All of
 * them work on one data folder, while the server runs, too. How to use it: docs/club.md. */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "firmware/engine/programme.h"
#include "firmware/engine/snapshot.h"
#include "server/ca.h"
#include "server/db.h"
#include "server/hotlist.h"
#include "server/links.h"
#include "server/rebuild.h"
#include "server/registry.h"
#include "server/report.h"
#include "server/schema.h"
#include "server/serve.h"
#include "server/signer.h"

enum { EXIT_USAGE = 2, HOURS_DEFAULT = 24, HOURS_MAX = 24 * 30 };

static const char usage[] =
    "vafa-club COMMAND --data DIR\n"
    "  serve [--listen ADDR:PORT] [--host NAME]...   answer terminals (127.0.0.1:8443; --host: "
    "the\n"
    "                                                names they call it by, localhost,127.0.0.1)\n"
    "  code --merchant NAME --branch NAME [--hours N] make a one-time code for a new terminal\n"
    "  pending                                       requests that wait for a decision\n"
    "  approve REQUEST|all                           make them terminals of the club\n"
    "  revoke TERMINAL                               refuse a terminal from now on\n"
    "  terminals                                     list them\n"
    "  programme FILE                                check a programme and hand it out\n"
    "  terminal dead TERMINAL                        it will not come back: refuse it, and post\n"
    "                                                what the cards show that it did\n"
    "  terminal back TERMINAL                        it was found: let it sync again\n"
    "  report [--json]                               ledger, cards, merchants, gaps, cases\n"
    "  report --terminal TERMINAL [--json]           what came back of it, and what is missing\n"
    "  links [--json]                                which medium belongs to which card\n"
    "  hotlist add CARD [--reason WORD]              refuse a card everywhere: lost (or stolen,\n"
    "                                                blocked, clone, replaced)\n"
    "  hotlist remove CARD                           take it off the list\n"
    "  hotlist load FILE                             many: a card and a reason, or off, a line\n"
    "  hotlist list [--json]                         the list\n"
    "  dump                                          balances and all entries, as JSON\n";

struct options {
    const char *command, *argument, *second;
    const char *reason;
    const char *data, *listen, *merchant, *branch, *hours, *terminal;
    const char *hosts[CA_HOSTS_MAX];
    size_t host_count;
    bool json;
};

struct club {
    const struct options *options;
    struct db *db;
    int64_t now_s;
    struct fault fault;
};

/* --- commands ------------------------------------------------------------------------------ */

static enum st club_serve(struct club *club)
{
    static const char *const local[] = {"localhost", "127.0.0.1"};
    const struct options *options = club->options;
    bool named = options->host_count != 0;
    enum st st = ca_make(options->data, named ? options->hosts : local,
                         named ? options->host_count : 2, &club->fault);
    if (st == ST_OK) {
        st = signer_make(options->data, &club->fault);
    }
    if (st != ST_OK) {
        return st;
    }
    printf("Terminals need the club's certificate: %s/ca.pem\n", options->data);
    (void)fflush(stdout);
    return serve(options->data, options->listen, &club->fault);
}

static enum st club_code(struct club *club)
{
    const struct options *options = club->options;
    char code[REGISTRY_CODE_BYTES], *end = NULL;
    long hours = options->hours == NULL ? HOURS_DEFAULT : strtol(options->hours, &end, 10);
    if ((end != NULL && *end != '\0') || hours < 1 || hours > HOURS_MAX) {
        fault_say(&club->fault, "--hours is a number from 1 to %d.", HOURS_MAX);
        return ST_FOREIGN;
    }
    if (options->merchant == NULL || options->branch == NULL) {
        fault_say(&club->fault, "code needs --merchant NAME and --branch NAME.");
        return ST_FOREIGN;
    }
    enum st st = registry_code(club->db, options->merchant, options->branch, club->now_s,
                               hours * 3600, code, &club->fault);
    if (st == ST_OK) {
        printf("%s\n", code);
        fprintf(stderr, "For one terminal of %s, %s; good for %ld hours.\n", options->merchant,
                options->branch, hours);
    }
    return st;
}

static enum st club_pending(struct club *club)
{
    struct registry_request request = {0};
    bool found = true;
    enum st st = ST_OK;
    while (st == ST_OK && found) {
        st = registry_pending(club->db, request.number, &request, &found);
        if (st == ST_OK && found) {
            printf("%lld  %s, %s  board %s  asked %lld s ago\n", (long long)request.number,
                   request.merchant, request.branch, request.board,
                   (long long)(club->now_s - request.asked_at));
        }
    }
    return st;
}

static enum st approve_one(struct club *club, int64_t number)
{
    uint32_t terminal = 0;
    enum st st = registry_approve(club->db, club->options->data, number, club->now_s, &terminal,
                                  &club->fault);
    if (st == ST_OK) {
        printf("Request %lld is terminal %u.\n", (long long)number, terminal);
    }
    return st;
}

/* A whole number from 1; 0 = not one. */
static int64_t number_of(const char *text)
{
    char *end = NULL;
    errno = 0;
    long long number = text == NULL ? 0 : strtoll(text, &end, 10);
    return end == NULL || *end != '\0' || errno != 0 || number < 1 ? 0 : number;
}

static enum st club_approve(struct club *club)
{
    const char *which = club->options->argument;
    struct registry_request request = {0};
    bool found = true;
    enum st st = ST_OK;
    if (which == NULL || (strcmp(which, "all") != 0 && number_of(which) == 0)) {
        fault_say(&club->fault, "approve needs the number of a request, or `all`.");
        return ST_FOREIGN;
    }
    if (number_of(which) != 0) {
        return approve_one(club, number_of(which));
    }
    while (st == ST_OK && found) {
        st = registry_pending(club->db, request.number, &request, &found);
        if (st == ST_OK && found) {
            st = approve_one(club, request.number);
        }
    }
    return st;
}

static enum st club_revoke(struct club *club)
{
    int64_t terminal = number_of(club->options->argument);
    if (terminal == 0 || terminal > WIRE_TERMINAL_MAX) {
        fault_say(&club->fault, "revoke needs the number of a terminal.");
        return ST_FOREIGN;
    }
    enum st st = registry_revoke(club->db, (uint32_t)terminal, club->now_s, &club->fault);
    if (st == ST_OK) {
        printf("Terminal %lld is refused from now on.\n", (long long)terminal);
    }
    return st;
}

static enum st club_terminals(struct club *club)
{
    return report_terminals(club->db, club->options->json, stdout);
}

/* May it follow the one in force? One from before format 2 is in nobody's way. */
static enum st programme_check(struct club *club, const struct programme *next)
{
    char *text = NULL;
    struct programme *old = NULL;
    struct fault unused;
    enum st st = registry_programme_text(club->db, &text);
    if (st == ST_OK && text != NULL && programme_load(text, strlen(text), &old, &unused) == ST_OK &&
        old->version < next->version) {
        st = programme_follows(old, next, &club->fault);
    }
    programme_free(old);
    free(text);
    return st;
}

static enum st club_programme(struct club *club)
{
    char *text = NULL, *document = NULL, *jws = NULL;
    size_t size = 0, document_size = 0;
    struct programme *programme = NULL;
    if (club->options->argument == NULL) {
        fault_say(&club->fault, "programme needs a file.");
        return ST_FOREIGN;
    }
    enum st st = file_load(NULL, club->options->argument, &text, &size, &club->fault);
    if (st == ST_OK) {
        st = signer_make(club->options->data, &club->fault);
    }
    if (st == ST_OK) {
        st = signer_take(club->options->data, text, size, &document, &document_size, &jws,
                         &club->fault);
    }
    if (st == ST_OK) {
        st = programme_load(document, document_size, &programme, &club->fault);
    }
    if (st == ST_OK) {
        st = programme_check(club, programme);
    }
    if (st == ST_OK) {
        st = registry_programme_put(club->db, programme->version, document, jws, club->now_s,
                                    &club->fault);
    }
    if (st == ST_OK) {
        printf("Programme %u of %s is in force; terminals get it at their next sync.\n",
               programme->version, programme->club);
    }
    programme_free(programme);
    free(jws);
    free(document);
    free(text);
    return st;
}

/* A terminal's number, 0 = not one. */
static uint32_t terminal_of(const char *text)
{
    const int64_t number = number_of(text);
    return number > WIRE_TERMINAL_MAX ? 0 : (uint32_t)number;
}

static enum st club_terminal(struct club *club)
{
    const char *what = club->options->argument == NULL ? "" : club->options->argument;
    const uint32_t terminal = terminal_of(club->options->second);
    const bool is_dead = strcmp(what, "dead") == 0;
    struct ledger *ledger = NULL;
    uint32_t posted = 0;
    if (terminal == 0 || (!is_dead && strcmp(what, "back") != 0)) {
        fault_say(&club->fault, "Say terminal dead NUMBER or terminal back NUMBER.");
        return ST_FOREIGN;
    }
    enum st st = ledger_open(club->db, &ledger);
    if (st == ST_OK) {
        st = is_dead ? rebuild_dead(ledger, terminal, club->now_s, &posted, &club->fault)
                     : rebuild_back(ledger, terminal, club->now_s, &club->fault);
    }
    ledger_close(ledger);
    if (st == ST_OK && is_dead) {
        printf("Terminal %u is dead: %u transactions posted as cards show them. More as cards are "
               "seen; see report --terminal %u.\n",
               terminal, posted, terminal);
    } else if (st == ST_OK) {
        printf("Terminal %u may sync again.\n", terminal);
    }
    return st;
}

static enum st club_report(struct club *club)
{
    bool is_balanced = false;
    if (club->options->terminal != NULL) {
        const uint32_t terminal = terminal_of(club->options->terminal);
        if (terminal == 0) {
            fault_say(&club->fault, "--terminal needs the number of a terminal.");
            return ST_FOREIGN;
        }
        return rebuild_report(club->db, terminal, club->options->json, stdout, &club->fault);
    }
    enum st st = report_write(club->db, club->options->json, stdout, &is_balanced);
    if (st == ST_OK && !is_balanced) {
        fault_say(&club->fault, "The books do not balance: call for help.");
        return ST_CORRUPT;
    }
    return st;
}

static enum st club_links(struct club *club)
{
    return links_write(club->db, club->options->json, stdout);
}

static enum st hotlist_change_one(struct club *club, bool is_add)
{
    const struct options *options = club->options;
    const char *reason = options->reason == NULL ? "lost" : options->reason;
    const int64_t card = number_of(options->second);
    const uint8_t listing = is_add ? listing_of_word(reason) : LISTING_NONE;
    bool is_changed = false;
    if (card == 0 || strlen(options->second) != 16 || !card_number_is_valid((uint64_t)card)) {
        fault_say(&club->fault, "\"%.40s\" is not a card number: 16 digits, the last one checks.",
                  options->second == NULL ? "" : options->second);
        return ST_FOREIGN;
    }
    if (is_add && listing == LISTING_NONE) {
        fault_say(&club->fault,
                  "--reason is lost, stolen, blocked, clone or replaced, not \"%.40s\".", reason);
        return ST_FOREIGN;
    }
    enum st st =
        hotlist_set(club->db, (uint64_t)card, listing, club->now_s, &is_changed, &club->fault);
    if (st == ST_OK) {
        printf("%s\n", !is_changed ? "The list says so already."
                       : is_add    ? "Terminals refuse the card from their next sync on."
                                : "The card is off the list; one that was blocked stays blocked.");
    }
    return st;
}

static enum st hotlist_load_file(struct club *club)
{
    uint32_t changed = 0;
    FILE *file = fopen(club->options->second, "re");
    if (file == NULL) {
        fault_say(&club->fault, "Cannot read %.100s: %s.", club->options->second, strerror(errno));
        return ST_IO;
    }
    enum st st = hotlist_read(club->db, file, club->now_s, &changed, &club->fault);
    if (st == ST_OK) {
        printf("%u cards changed.\n", changed);
    }
    (void)fclose(file); /* only read */
    return st;
}

static enum st club_hotlist(struct club *club)
{
    const char *what = club->options->argument == NULL ? "" : club->options->argument;
    if (strcmp(what, "add") == 0 || strcmp(what, "remove") == 0) {
        return hotlist_change_one(club, what[0] == 'a');
    }
    if (strcmp(what, "load") == 0 && club->options->second != NULL) {
        return hotlist_load_file(club);
    }
    if (strcmp(what, "list") == 0 && club->options->second == NULL) {
        return hotlist_write(club->db, club->options->json, stdout);
    }
    fault_say(&club->fault, "Say hotlist add CARD, remove CARD, load FILE or list.");
    return ST_FOREIGN;
}

static enum st club_dump(struct club *club)
{
    return report_dump(club->db, stdout);
}

/* --- options ------------------------------------------------------------------------------- */

/* What a command does. */
typedef enum st (*run_command)(struct club *);

static const struct {
    const char *name;
    run_command run;
} commands[] = {
    {"serve", club_serve},         {"code", club_code},       {"pending", club_pending},
    {"approve", club_approve},     {"revoke", club_revoke},   {"terminals", club_terminals},
    {"programme", club_programme}, {"report", club_report},   {"dump", club_dump},
    {"links", club_links},         {"hotlist", club_hotlist}, {"terminal", club_terminal},
};

/* NULL: there is none of that name. */
static run_command command_of(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].run;
        }
    }
    return NULL;
}

static int refuse_usage(const char *say, const char *what)
{
    fprintf(stderr, "vafa-club: %s %s\n%s", say, what, usage);
    return EXIT_USAGE;
}

/* True when `argv[*i]` is the option and has a value, which is then taken. */
static bool take(char **argv, int *i, const char *name, const char **ret_value)
{
    if (strcmp(argv[*i], name) != 0 || argv[*i + 1] == NULL) {
        return false;
    }
    *i += 1;
    *ret_value = argv[*i];
    return true;
}

static int parse(char **argv, struct options *ret)
{
    *ret = (struct options){.listen = "127.0.0.1:8443"};
    for (int i = 1; argv[i] != NULL; i++) {
        const char *host = NULL;
        if (take(argv, &i, "--data", &ret->data) || take(argv, &i, "--listen", &ret->listen) ||
            take(argv, &i, "--merchant", &ret->merchant) ||
            take(argv, &i, "--branch", &ret->branch) || take(argv, &i, "--hours", &ret->hours) ||
            take(argv, &i, "--reason", &ret->reason) ||
            take(argv, &i, "--terminal", &ret->terminal)) {
            continue;
        }
        if (take(argv, &i, "--host", &host)) {
            if (ret->host_count == CA_HOSTS_MAX) {
                return refuse_usage("too many names:", host);
            }
            ret->hosts[ret->host_count++] = host;
        } else if (strcmp(argv[i], "--json") == 0) {
            ret->json = true;
        } else if (argv[i][0] == '-') {
            return refuse_usage("unknown option, or one without its value:", argv[i]);
        } else if (ret->command == NULL) {
            ret->command = argv[i];
        } else if (ret->argument == NULL) {
            ret->argument = argv[i];
        } else if (ret->second == NULL && (strcmp(ret->command, "hotlist") == 0 ||
                                           strcmp(ret->command, "terminal") == 0)) {
            ret->second = argv[i];
        } else {
            return refuse_usage("one argument too many:", argv[i]);
        }
    }
    if (ret->command == NULL) {
        return refuse_usage("give a command:", "");
    }
    if (command_of(ret->command) == NULL) {
        return refuse_usage("unknown command", ret->command);
    }
    return ret->data == NULL ? refuse_usage("give --data DIR to", ret->command) : 0;
}

static enum st club_open(struct club *club)
{
    char path[PATH_MAX];
    const char *dir = club->options->data;
    /* Only `serve` makes a club: a wrong name must not show an empty one. */
    bool may_make = command_of(club->options->command) == club_serve;
    if (may_make && mkdir(dir, 0700) != 0 && errno != EEXIST) {
        fault_say(&club->fault, "Cannot make the data folder %s: %s.", dir, strerror(errno));
        return ST_IO;
    }
    if (snprintf(path, sizeof path, "%s/club.db", dir) >= (int)sizeof path) {
        fault_say(&club->fault, "The name of the data folder is too long.");
        return ST_FOREIGN;
    }
    if (!may_make && access(path, F_OK) != 0) {
        fault_say(&club->fault, "%s holds no club: name the folder that `vafa-club serve` made.",
                  dir);
        return ST_IO;
    }
    enum st st = db_open(path, may_make, &club->db, &club->fault);
    return st == ST_OK ? schema_make(club->db, &club->fault) : st;
}

int main(int argc, char **argv)
{
    struct options options;
    struct club club = {.options = &options, .now_s = (int64_t)time(NULL)};
    (void)umask(077);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return fputs(usage, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    int rc = parse(argv, &options);
    if (rc != 0) {
        return rc;
    }
    enum st st = club_open(&club);
    if (st == ST_OK) {
        st = command_of(options.command)(&club);
    }
    if (st != ST_OK) {
        fprintf(stderr, "vafa-club: %s\n",
                club.fault.say[0] != '\0' || club.db == NULL ? club.fault.say
                                                             : db_fault(club.db)->say);
    }
    db_close(club.db);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "vafa-club: cannot write the output: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return st == ST_OK ? EXIT_SUCCESS : st == ST_FOREIGN ? EXIT_USAGE : EXIT_FAILURE;
}
