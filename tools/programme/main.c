/* vafa-programme - for the person who writes a club's rules: check, show, try, test, sign.
 *
 * Exit: 0 done, 1 not done or not as expected (why: on standard error), 2 wrong use or a file that
 * cannot be read. Manual: docs/programme-tool.md. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "firmware/engine/snapshot.h"
#include "tools/programme/amount.h"
#include "tools/programme/document.h"
#include "tools/programme/examples.h"
#include "tools/programme/lint.h"
#include "tools/programme/options.h"
#include "tools/programme/show.h"
#include "tools/programme/signing.h"

static const char usage[] =
    "usage: vafa-programme check FILE [--today 1405-07-01]\n"
    "                                      load it; say line, rule and field of what is wrong, "
    "and\n"
    "                                      warn of what is never used or never holds\n"
    "       vafa-programme show FILE [--lang fa|en] [--public KEY] [--document]\n"
    "                                      in plain sentences; --document: its JSON instead\n"
    "       vafa-programme try FILE --amount AMOUNT [OPTIONS] [--lang fa|en]\n"
    "                                      a basket and a card in, the arithmetic out\n"
    "       vafa-programme try FILE --examples FILE [--name NAME] [--lang fa|en]\n"
    "       vafa-programme test EXAMPLES FILE\n"
    "                                      play examples, compare, print TAP\n"
    "       vafa-programme key PRIVATE     make a key to sign with; never overwrites\n"
    "       vafa-programme public PRIVATE  print its public key\n"
    "       vafa-programme sign --key PRIVATE FILE [-o SIGNED]\n"
    "try:   --at '1405-07-03 18:30'  --line PRODUCT=AMOUNT[xQUANTITY] ...  --pay-credit AMOUNT\n"
    "       --pay-gift AMOUNT  --pay-voucher AMOUNT\n"
    "       --redeem POINTS  --code CODE  --merchant N  --branch N\n"
    "       --points N  --credit AMOUNT  --gift AMOUNT  --voucher AMOUNT  --stamps N  --tier ID  "
    "--group ID  --kind ID\n"
    "       --birthday 1370-12-30  --wedding DATE  --visits N  --last-visit DATE\n"
    "       --mean-interval DAYS  --mean-basket AMOUNT  --period-spend AMOUNT  --period-earned N\n"
    "       --mark ID ...\n"
    "AMOUNT: 100,000toman or 1,000,000rial; bare digits are rials. Dates are Jalali.\n"
    "FILE may be plain or signed. With --public KEY it must be signed by that key.\n";

enum { EXIT_NOT_DONE = 1, EXIT_WRONG_USE = 2, MINUTES_OF_A_DAY = 1440 };

struct arguments {
    const char *files[2];
    size_t file_count;
    const char *key, *public_key, *out, *lang, *today, *examples, *name;
    bool is_document;
    json_t *example; /* what options of `try` gave */
};

static int wrong_use(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int wrong_use(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("vafa-programme: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\nvafa-programme --help lists commands and options.\n", stderr);
    return EXIT_WRONG_USE;
}

static int failed(enum st st, const struct fault *fault)
{
    fprintf(stderr, "vafa-programme: %s\n", fault->say[0] == '\0' ? st_word(st) : fault->say);
    return st == ST_IO ? EXIT_WRONG_USE : EXIT_NOT_DONE;
}

/* What is printed must get there: a full disk is not a signed programme. */
static int printed(int exit_status)
{
    if (fflush(stdout) != 0) {
        fprintf(stderr, "vafa-programme: standard output: %s\n", strerror(errno));
        return EXIT_WRONG_USE;
    }
    return exit_status;
}

/* Now, as the card's minute; 0 = the clock is not set. */
static uint32_t now(void)
{
    return snapshot_minute((int64_t)time(NULL));
}

/* --- commands ------------------------------------------------------------------------------- */

static int check(const struct arguments *a)
{
    struct document document;
    struct fault fault = {{0}};
    int32_t today = 0;
    enum st st = document_open(a->files[0], a->public_key, &document, &fault);
    if (st == ST_OK && a->today != NULL) {
        st = date_read(a->today, &today, &fault);
    } else if (st == ST_OK) {
        today =
            (int32_t)(((int64_t)now() + document.programme->utc_offset_minutes) / MINUTES_OF_A_DAY);
    }
    if (st != ST_OK) {
        document_close(&document);
        return failed(st, &fault);
    }
    size_t warnings = lint(stdout, document.programme, document.json, today);
    printf("%s: a programme of %zu rule%s, version %u, %zu warning%s\n", a->files[0],
           document.programme->rule_count, document.programme->rule_count == 1 ? "" : "s",
           (unsigned)document.programme->version, warnings, warnings == 1 ? "" : "s");
    document_close(&document);
    return printed(EXIT_SUCCESS);
}

static int show(const struct arguments *a)
{
    struct document document;
    struct fault fault = {{0}};
    enum st st = document_open(a->files[0], a->public_key, &document, &fault);
    if (st != ST_OK) {
        document_close(&document);
        return failed(st, &fault);
    }
    if (a->is_document) {
        fwrite(document.text, 1, document.size, stdout);
    } else {
        bool is_fa = a->lang != NULL && strcmp(a->lang, "fa") == 0;
        show_programme(stdout, &document, is_fa ? EXPLAIN_FA : EXPLAIN_EN);
    }
    document_close(&document);
    return printed(EXIT_SUCCESS);
}

/* The time that --at leaves out is now. */
static void put_now(json_t *example, const struct programme *programme)
{
    char at[32];
    int64_t minute = (int64_t)now() + programme->utc_offset_minutes;
    struct date date = calendar_jalali((int32_t)(minute / MINUTES_OF_A_DAY));
    if (json_object_get(example, "at") == NULL && now() != 0) {
        (void)snprintf(at, sizeof at, "%d-%02u-%02u %02d:%02d", date.year, (unsigned)date.month,
                       (unsigned)date.day, (int)(minute % MINUTES_OF_A_DAY / 60),
                       (int)(minute % 60));
        json_object_set_new(example, "at", json_string(at));
    }
}

static int try(const struct arguments *a)
{
    static const enum explain_language both[] = {EXPLAIN_EN, EXPLAIN_FA};
    struct document document;
    struct fault fault = {{0}};
    json_t *example = json_incref(a->example);
    bool is_refused = false;
    enum st st = document_open(a->files[0], a->public_key, &document, &fault);
    if (st == ST_OK && a->examples != NULL) {
        json_decref(example);
        example = NULL;
        st = examples_find(a->examples, a->name, &example, &fault);
    } else if (st == ST_OK) {
        put_now(example, document.programme);
    }
    for (size_t i = 0; st == ST_OK && i < 2; i += 1) {
        const char *name = both[i] == EXPLAIN_FA ? "fa" : "en";
        if (a->lang == NULL || strcmp(a->lang, name) == 0) {
            st = examples_try(stdout, document.programme, example, both[i], &is_refused, &fault);
            fputs(st == ST_OK && a->lang == NULL && i == 0 ? "\n" : "", stdout);
        }
    }
    json_decref(example);
    document_close(&document);
    if (st != ST_OK) {
        return failed(st, &fault);
    }
    return printed(is_refused ? EXIT_NOT_DONE : EXIT_SUCCESS);
}

static int test(const struct arguments *a)
{
    struct document document;
    struct fault fault = {{0}};
    size_t failures = 0;
    enum st st = document_open(a->files[1], a->public_key, &document, &fault);
    if (st == ST_OK) {
        st = examples_test(stdout, document.programme, a->files[0], &failures, &fault);
    }
    document_close(&document);
    if (st != ST_OK) {
        (void)printed(EXIT_SUCCESS);
        (void)failed(st, &fault);
        return EXIT_WRONG_USE;
    }
    return printed(failures == 0 ? EXIT_SUCCESS : EXIT_NOT_DONE);
}

static int key(const struct arguments *a)
{
    struct fault fault = {{0}};
    enum st st = signing_key(a->files[0], &fault);
    if (st != ST_OK) {
        return failed(st, &fault);
    }
    printf("%s: a new key. Keep it where only you can read it; terminals get the public one\n"
           "(vafa-programme public %s).\n",
           a->files[0], a->files[0]);
    return printed(EXIT_SUCCESS);
}

static int public(const struct arguments *a)
{
    struct fault fault = {{0}};
    char *pem = NULL;
    enum st st = signing_public(a->files[0], &pem, &fault);
    if (st != ST_OK) {
        return failed(st, &fault);
    }
    fputs(pem, stdout);
    free(pem);
    return printed(EXIT_SUCCESS);
}

/* Writes beside the target and renames, so that there is a whole one or none. */
static enum st write_out(const char *path, const char *text, struct fault *fault)
{
    char part[4096];
    int length = snprintf(part, sizeof part, "%s.part", path);
    FILE *out = length < 0 || (size_t)length >= sizeof part ? NULL : fopen(part, "w");
    bool is_written = out != NULL && fprintf(out, "%s\n", text) > 0 && fflush(out) == 0;
    is_written = (out == NULL || fclose(out) == 0) && is_written;
    if (!is_written || rename(part, path) != 0) {
        fault_say(fault, "%s: %s", path, strerror(errno));
        if (out != NULL) {
            (void)remove(part);
        }
        return ST_IO;
    }
    return ST_OK;
}

static int sign(const struct arguments *a)
{
    struct document document;
    struct fault fault = {{0}};
    char *text = NULL;
    if (a->key == NULL) {
        return wrong_use("sign needs --key PRIVATE");
    }
    enum st st = document_open(a->files[0], NULL, &document, &fault);
    if (st == ST_OK) {
        st = signing_sign(a->key, &document, &text, &fault);
    }
    if (st == ST_OK && a->out != NULL) {
        st = write_out(a->out, text, &fault);
    } else if (st == ST_OK) {
        puts(text);
    }
    free(text);
    document_close(&document);
    return st == ST_OK ? printed(EXIT_SUCCESS) : failed(st, &fault);
}

/* --- options -------------------------------------------------------------------------------- */

static const struct command {
    const char *name;
    size_t files;
    const char *takes; /* options with a value, with blanks around */
    int (*run)(const struct arguments *);
} commands[] = {
    {"check", 1, " --today --public ", check},
    {"show", 1, " --lang --public ", show},
    {"try", 1, " --lang --public --examples --name ", try},
    {"test", 2, " --public ", test},
    {"key", 1, " ", key},
    {"public", 1, " ", public},
    {"sign", 1, " --key -o ", sign},
};

static const char **option_of(struct arguments *a, const struct command *command, const char *name)
{
    const struct {
        const char *name;
        const char **ret;
    } known[] = {{"--key", &a->key},   {"--public", &a->public_key}, {"-o", &a->out},
                 {"--lang", &a->lang}, {"--today", &a->today},       {"--examples", &a->examples},
                 {"--name", &a->name}};
    char word[32];
    (void)snprintf(word, sizeof word, " %.28s ", name);
    if (strstr(command->takes, word) == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i += 1) {
        if (strcmp(known[i].name, name) == 0) {
            return known[i].ret;
        }
    }
    return NULL;
}

/* One option and its value; 0 = taken. */
static int take_option(struct arguments *a, const struct command *command, const char *name,
                       const char *value)
{
    const char **ret = option_of(a, command, name);
    struct fault fault = {{0}};
    bool is_try = command->run == try;
    if (value == NULL) {
        return wrong_use("%s: unknown to %s, or without its value", name, command->name);
    }
    if (ret != NULL) {
        *ret = value;
        return 0;
    }
    enum st st = is_try ? option_take(a->example, name, value, &fault) : ST_UNSUPPORTED;
    if (st == ST_UNSUPPORTED) {
        return wrong_use("%s knows no option %s", command->name, name);
    }
    return st == ST_OK ? 0 : wrong_use("%s", fault.say);
}

static int take_arguments(struct arguments *a, const struct command *command, int argc, char **argv)
{
    for (int i = 2; i < argc; i += 1) {
        if (strcmp(argv[i], "--document") == 0 && command->run == show) {
            a->is_document = true;
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            int status = take_option(a, command, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
            if (status != 0) {
                return status;
            }
            i += 1;
        } else if (a->file_count == command->files) {
            return wrong_use("%s takes %zu file%s; \"%s\" is one more", command->name,
                             command->files, command->files == 1 ? "" : "s", argv[i]);
        } else {
            a->files[a->file_count] = argv[i];
            a->file_count += 1;
        }
    }
    if (a->file_count < command->files) {
        return wrong_use("%s takes %zu file%s", command->name, command->files,
                         command->files == 1 ? "" : "s");
    }
    if (a->lang != NULL && strcmp(a->lang, "fa") != 0 && strcmp(a->lang, "en") != 0) {
        return wrong_use("--lang is fa or en, not \"%s\"", a->lang);
    }
    if (a->examples != NULL && json_object_size(a->example) > 0) {
        return wrong_use("--examples has the basket and card; no further options go with it");
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (argc < 2) {
        fputs(usage, stderr);
        return EXIT_WRONG_USE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i += 1) {
        if (strcmp(commands[i].name, argv[1]) == 0) {
            struct arguments arguments = {.example = json_object()};
            int status = take_arguments(&arguments, &commands[i], argc, argv);
            if (status == 0) {
                status = commands[i].run(&arguments);
            }
            json_decref(arguments.example);
            return status;
        }
    }
    return wrong_use("\"%s\" is no command", argv[1]);
}
