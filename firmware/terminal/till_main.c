/* vafa-till: the cashier's command line to the terminal. See `--help`. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "firmware/engine/money.h"
#include "firmware/terminal/till_batch.h"
#include "firmware/terminal/till_call.h"
#include "firmware/terminal/till_print.h"
#include "hal/base/bytes.h"
#include "hal/base/status.h"
#include "storage/support.h"

enum { WAIT_S_DEFAULT = 15, WAIT_S_MAX = 120 };

static const char help[] =
    "vafa-till: asks the terminal. Amounts are whole rials, digits only.\n"
    "  sale AMOUNT [--pay-credit AMOUNT] [--pay-gift AMOUNT] [--pay-voucher AMOUNT]\n"
    "       [--redeem POINTS] [--code CODE]\n"
    "       [--line PRODUCT:AMOUNT[:QUANTITY]]...    the lines add up to AMOUNT\n"
    "  load AMOUNT                     credit; or load --gift AMOUNT, load --voucher AMOUNT\n"
    "  refund COUNTER [AMOUNT]    of the sale with that card counter; all that is left of it\n"
    "  unload COUNTER [AMOUNT]    of the load with that card counter\n"
    "  transfer AMOUNT [--to CARD]   credit out of the card that is held; then\n"
    "  transfer --from NUMBER        into the other one, by the number that the first answer "
    "gave;\n"
    "                                --to: the other card is not here, the club delivers it\n"
    "  transfers                     those that no card has taken yet\n"
    "  transfer --release NUMBER [--to CARD]   hand one to the club, which brings it to CARD, or\n"
    "                                back to the card that it left\n"
    "  balance | history | status\n"
    "  find [-]    whose is the next tag or code; -: what is typed on standard input (national\n"
    "              code, phone or card number: not on the command line, which others can see)\n"
    "  link [-]    the same medium is from now on that of the card that is held next\n"
    "  bon [-] --receipt NUMBER        an organisation's voucher is scanned and pays of that "
    "basket\n"
    "  bon-back [-] --receipt NUMBER   the same voucher back, when the basket is cancelled\n"
    "  sign-in    the PIN on standard input, then the operator card on the reader; sign-out;\n"
    "  unlock N   operator N, by the manager who is signed in\n"
    "  support on [--hours N] | off | status    the club's support may take this device's log,\n"
    "             for N hours (24, at most 72), then it ends by itself; by a manager\n"
    "  issue [-] [--opening AMOUNT] [--gift AMOUNT] [--voucher AMOUNT] [--kind KIND]\n"
    "        [--expires DAY] [--member ACCOUNT]\n"
    "        -: what the member says is typed on standard input, a field and its text a line:\n"
    "        name, national_code, phone, birthday, wedding, group, account, route, consent,\n"
    "        invited_by; the same as options but code and phone. DAY as YYYY-MM-DD, in either\n"
    "        calendar. ACCOUNT: a member's who has no card yet\n"
    "  join [-]    somebody becomes a member without a card; as issue\n"
    "  sale AMOUNT --member -|scan    to a member without the card: typed, or scanned\n"
    "  sale-back NUMBER               that sale goes back, whole; NUMBER: its answer's sequence\n"
    "  report-lost NUMBER|-           a card is lost: by its number, or - and what finds it is "
    "typed;\n"
    "  found [NUMBER|-]               and was found again; without: the card on the reader, or a "
    "scan\n"
    "  replace NUMBER|- [--confirm]   a blank card takes its place: what is known, what goes onto "
    "it\n"
    "        now and what the club may lose; --confirm does it; --bare: nothing goes onto it\n"
    "        now. With --name, --birthday, --kind ...\n"
    "  duplicate [-] [--from NUMBER]  the card that is held moves whole to a blank one, which is "
    "held\n"
    "        next; --from goes on with the number of the first half. What is said of the member "
    "as\n"
    "        in issue: with a national code or a phone they become one by it\n"
    "  issue-batch FILE [--record FILE]    a stack of cards, from a list (docs/till.md)\n"
    "  number CARD    what became of a card number of this terminal\n"
    "sale, load, refund, unload, issue: --lang fa|en, of the receipt's lines (fa)\n"
    "Everywhere: --socket PATH (run/till.sock), or --serial DEVICE, the line to the register's\n"
    "  port of a terminal; --wait SECONDS (15), --operator N,\n"
    "  --json (the answers as they are). Exit: 0 done, 1 not done, 2 usage, 3 hold again.\n";

struct options {
    struct till_place place;
    int64_t wait_s;
    bool is_json;
    json_t *request;
    const char *batch, *record; /* issue-batch: the list, and what was done of it */
    bool is_duplicate;          /* both halves */
    int64_t sequence;           /* of the last answer */
};

static bool complain(const char *what, const char *value, const char *right)
{
    (void)fprintf(stderr, "vafa-till: %s \"%s\" is not right: %s.\n", what, value, right);
    return false;
}

static void set(struct options *options, const char *field, json_t *value)
{
    if (json_object_set_new(options->request, field, value) != 0) {
        (void)fprintf(stderr, "vafa-till: no memory, or a text that is not UTF-8.\n");
        exit(EXIT_USAGE);
    }
}

static bool set_money(struct options *options, const char *field, const char *text)
{
    struct money money;
    switch (money_parse(text, &money)) {
    case ST_OK:
        set(options, field, json_integer(money.rials));
        return true;
    case ST_REFUSED:
        return complain("amount", text, "give 1 to 68719476735 rials");
    case ST_FOREIGN:
    case ST_AGAIN:
    case ST_GONE:
    case ST_DENIED:
    case ST_FULL:
    case ST_IO:
    case ST_CORRUPT:
    case ST_UNSUPPORTED:
        break;
    }
    if (text[0] == '-') {
        return complain("amount", text, "it may not be negative; to give money back use refund");
    }
    return complain("amount", text, "whole rials, digits only, no separators, fractions or units");
}

static bool parse_number(const char *what, const char *text, int64_t max, int64_t *ret)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > max) {
        char right[64];
        (void)snprintf(right, sizeof right, "give a whole number up to %" PRId64, max);
        return complain(what, text, right);
    }
    *ret = value;
    return true;
}

static bool set_number(struct options *options, const char *field, const char *what,
                       const char *text, int64_t max)
{
    int64_t value = 0;
    if (!parse_number(what, text, max, &value)) {
        return false;
    }
    set(options, field, json_integer(value));
    return true;
}

/* PRODUCT:AMOUNT[:QUANTITY]. */
static bool add_line(struct options *options, const char *value)
{
    static const char right[] = "give PRODUCT:AMOUNT or PRODUCT:AMOUNT:QUANTITY, like "
                                "dairy:150000:1.5";
    char product[80], amount[24], quantity[24] = "1";
    int end = 0;
    bool is_line = sscanf(value, "%79[^:]:%23[0-9]%n", product, amount, &end) == 2;
    if (is_line && value[end] == ':') {
        int more = 0;
        is_line = sscanf(value + end, ":%23[0-9.]%n", quantity, &more) == 1;
        end += more;
    }
    struct money money;
    if (!is_line || value[end] != '\0' || money_parse(amount, &money) != ST_OK) {
        return complain("line", value, right);
    }
    json_t *line = json_pack("{s:s, s:I, s:s}", "product", product, "amount",
                             (json_int_t)money.rials, "quantity", quantity);
    if (json_object_get(options->request, "lines") == NULL) {
        set(options, "lines", json_array());
    }
    if (line == NULL ||
        json_array_append_new(json_object_get(options->request, "lines"), line) != 0) {
        return complain("line", value, "it is not UTF-8");
    }
    return true;
}

/* Whoever the sale is kept for: typed on standard input, or the next scan; or the account that a
 * card is issued for, whose number is on paper anyway. */
static bool set_member(struct options *options, const char *value)
{
    char line[128];
    if (strcmp(value, "scan") == 0) {
        set(options, "member", json_true());
        return true;
    }
    if (strcmp(value, "-") != 0) {
        const bool is_number = strlen(value) == 16 && strspn(value, "0123456789") == 16;
        set(options, "member", json_string(value));
        return is_number ||
               complain("--member", "",
                        "give - and type a national code or phone on standard input, or give "
                        "\"scan\", or an account's number of 16 digits");
    }
    if (fgets(line, sizeof line, stdin) == NULL) {
        return complain("--member", value, "nothing was typed");
    }
    line[strcspn(line, "\r\n")] = '\0';
    set(options, "member", json_string(line));
    bytes_wipe(line, sizeof line);
    return true;
}

/* What a person says, on standard input: a field and its text a line. Others can see the command
 * line. */
static bool read_person(struct options *options)
{
    char line[256];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        char *value = line + strcspn(line, " \t:=");
        if (line[0] == '\0') {
            continue;
        }
        if (*value != '\0') {
            *value++ = '\0';
            value += strspn(value, " \t:=");
        }
        set(options, line, json_string(value));
    }
    bytes_wipe(line, sizeof line);
    return true;
}

/* An option with its value. False: wrong; *ret_is_known tells whether it is one at all. */
static bool take_option(struct options *options, const char *name, const char *value,
                        bool *ret_is_known)
{
    static const struct {
        const char *name, *field;
        int64_t max;
    } numbers[] = {{"--redeem", "redeem", POINTS_MAX},
                   {"--release", "number", (1 << 24) - 1},
                   {"--from", "from", (1 << 24) - 1},
                   {"--hours", "hours", SUPPORT_HOURS_MAX},
                   {"--operator", "operator", UINT16_MAX}};
    static const char *const texts[][2] = {
        {"--name", "name"},       {"--birthday", "birthday"},
        {"--wedding", "wedding"}, {"--expires", "expires"},
        {"--code", "code"},       {"--to", "to"},
        {"--lang", "lang"},       {"--receipt", "receipt"},
        {"--kind", "kind"},       {"--group", "group"},
        {"--account", "account"}, {"--route", "route"},
        {"--consent", "consent"}, {"--invited-by", "invited_by"}};
    static const char *const monies[][2] = {{"--pay-credit", "pay_credit"},
                                            {"--pay-gift", "pay_gift"},
                                            {"--pay-voucher", "pay_voucher"},
                                            {"--opening", "amount"},
                                            {"--gift", "gift"},
                                            {"--voucher", "voucher"}};
    *ret_is_known = true;
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
        if (strcmp(name, numbers[n].name) == 0) {
            return set_number(options, numbers[n].field, name, value, numbers[n].max);
        }
    }
    for (size_t n = 0; n < sizeof texts / sizeof *texts; n++) {
        if (strcmp(name, texts[n][0]) == 0) {
            set(options, texts[n][1], json_string(value));
            return true;
        }
    }
    if (strcmp(name, "--member") == 0) {
        return set_member(options, value);
    }
    if (strcmp(name, "--record") == 0) {
        options->record = value;
        return true;
    }
    for (size_t n = 0; n < sizeof monies / sizeof *monies; n++) {
        if (strcmp(name, monies[n][0]) == 0) {
            return set_money(options, monies[n][1], value);
        }
    }
    if (strcmp(name, "--line") == 0) {
        return add_line(options, value);
    }
    if (strcmp(name, "--wait") == 0) {
        return parse_number(name, value, WAIT_S_MAX, &options->wait_s) &&
               (options->wait_s > 0 || complain(name, value, "wait at least a second"));
    }
    if (strcmp(name, "--socket") == 0 || strcmp(name, "--serial") == 0) {
        options->place = (struct till_place){value, strcmp(name, "--serial") == 0};
        return true;
    }
    *ret_is_known = false;
    return false;
}

enum { WORDS_MAX = 3 };

/* Options may stand anywhere; what begins with "-" and a digit is an amount that is wrong. */
static bool read_words(int argc, char **argv, struct options *options, const char **ret_words,
                       size_t *ret_count)
{
    size_t count = 0;
    for (int n = 1; n < argc; n++) {
        bool is_option =
            argv[n][0] == '-' && argv[n][1] != '\0' && (argv[n][1] < '0' || argv[n][1] > '9');
        bool is_known = false;
        if (strcmp(argv[n], "--json") == 0) {
            options->is_json = true;
        } else if (strcmp(argv[n], "--confirm") == 0) {
            set(options, "confirm", json_true());
        } else if (strcmp(argv[n], "--bare") == 0) {
            set(options, "bare", json_true());
        } else if (strcmp(argv[n], "--help") == 0) {
            (void)fputs(help, stdout);
            exit(EXIT_DONE);
        } else if (is_option && n + 1 < argc) {
            if (!take_option(options, argv[n], argv[n + 1], &is_known)) {
                return is_known ? false : complain("option", argv[n], "see vafa-till --help");
            }
            n++;
        } else if (is_option) {
            return complain("option", argv[n],
                            "not known, or without its value; see vafa-till --help");
        } else if (count == WORDS_MAX) {
            return complain("word", argv[n], "there is one too many; see vafa-till --help");
        } else {
            ret_words[count++] = argv[n];
        }
    }
    *ret_count = count;
    return true;
}

/* What identifies is a person's secret enough to stay out of the list of processes. */
static bool read_medium(struct options *options, const char *command, const char *word)
{
    char line[256];
    if (strcmp(word, "-") != 0) {
        return complain("command", command, "type what identifies on standard input: give -");
    }
    if (fgets(line, sizeof line, stdin) == NULL) {
        return complain("command", command, "nothing was typed");
    }
    line[strcspn(line, "\r\n")] = '\0';
    set(options, "medium", json_string(line));
    bytes_wipe(line, sizeof line);
    return true;
}

/* A card's number is on paper anyway; what finds the member is typed. */
static bool read_card(struct options *options, const char *command, const char *word)
{
    if (strcmp(word, "-") == 0) {
        return read_medium(options, command, word);
    }
    set(options, "card", json_string(word));
    return true;
}

/* A PIN is typed without an echo where there is somebody to type it. */
static bool read_pin(struct options *options)
{
    char line[64] = "";
    struct termios before, quiet;
    const bool is_person = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0;
    if (is_person) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)fputs("PIN: ", stderr);
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    const bool is_there = fgets(line, sizeof line, stdin) != NULL;
    if (is_person) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        (void)fputc('\n', stderr);
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (is_there) {
        set(options, "pin", json_string(line));
    }
    bytes_wipe(line, sizeof line);
    return is_there || complain("command", "sign-in", "type the PIN on standard input");
}

static bool set_wait(struct options *options)
{
    set(options, "wait_ms", json_integer(options->wait_s * 1000));
    return true;
}

/* On, for 24 hours if nothing else was said, or off; how it stands is in the status. */
static bool read_support(struct options *options, const char *word)
{
    enum { HOURS = 24 };
    const bool is_on = strcmp(word, "on") == 0,
               has_hours = json_object_get(options->request, "hours") != NULL;
    set(options, "v", json_integer(1));
    if (strcmp(word, "status") == 0 && !has_hours) {
        set(options, "do", json_string("status"));
        return true;
    }
    if ((!is_on && strcmp(word, "off") != 0) || (!is_on && has_hours)) {
        return complain("support", word, "give on, with --hours N if you like, off, or status");
    }
    set(options, "do", json_string("support"));
    if (!has_hours) {
        set(options, "hours", json_integer(is_on ? HOURS : 0));
    }
    return json_integer_value(json_object_get(options->request, "hours")) > 0 || !is_on ||
           complain("--hours", "0", "give 1 to 72, or support off");
}

static bool read_command(struct options *options, const char **words, size_t count)
{
    enum kind { PLAIN, COUNTER, MEDIUM, PERSON, CARD };
    static const struct {
        const char *word;
        size_t least, most; /* words with it */
        enum kind kind; /* of what follows: an amount, a counter, "-" for what is typed, a card's
                           number or "-" */
    } commands[] = {
        {"sale", 2, 2, PLAIN},      {"load", 1, 2, PLAIN},       {"transfer", 1, 2, PLAIN},
        {"refund", 2, 3, COUNTER},  {"unload", 2, 3, COUNTER},   {"balance", 1, 1, PLAIN},
        {"history", 1, 1, PLAIN},   {"issue", 1, 2, PERSON},     {"join", 1, 2, PERSON},
        {"status", 1, 1, PLAIN},    {"number", 2, 2, PLAIN},     {"issue-batch", 2, 2, PLAIN},
        {"find", 1, 2, MEDIUM},     {"link", 1, 2, MEDIUM},      {"bon", 1, 2, MEDIUM},
        {"bon-back", 1, 2, MEDIUM}, {"sign-in", 1, 1, PLAIN},    {"sign-out", 1, 1, PLAIN},
        {"transfers", 1, 1, PLAIN}, {"report-lost", 2, 2, CARD}, {"found", 1, 2, CARD},
        {"replace", 2, 2, CARD},    {"duplicate", 1, 2, PERSON}};
    if (count == 2 && strcmp(words[0], "unlock") == 0) {
        set(options, "v", json_integer(1));
        set(options, "do", json_string("unlock"));
        return set_number(options, "number", "operator", words[1], UINT16_MAX);
    }
    if (count == 2 && strcmp(words[0], "support") == 0) {
        return read_support(options, words[1]);
    }
    if (count == 2 && strcmp(words[0], "sale-back") == 0) {
        set(options, "v", json_integer(1));
        set(options, "do", json_string("sale_back"));
        return set_number(options, "number", "sale's", words[1], (1 << 24) - 1);
    }
    for (size_t n = 0; n < sizeof commands / sizeof *commands && count > 0; n++) {
        if (strcmp(words[0], commands[n].word) != 0) {
            continue;
        }
        if (count < commands[n].least || count > commands[n].most) {
            return complain("command", words[0],
                            count < commands[n].least ? "its amount or counter is missing"
                                                      : "it takes fewer words");
        }
        set(options, "v", json_integer(1));
        char word[16]; /* with a "_" where the command has a "-" */
        (void)snprintf(word, sizeof word, "%s", words[0]);
        if (strchr(word, '-') != NULL) {
            *strchr(word, '-') = '_';
        }
        set(options, "do", json_string(word));
        options->is_duplicate = strcmp(words[0], "duplicate") == 0;
        if (commands[n].kind == CARD) {
            return set_wait(options) && (count == 1 || read_card(options, words[0], words[1]));
        }
        if (strcmp(words[0], "sign-in") == 0 && !read_pin(options)) {
            return false;
        }
        if (strcmp(words[0], "transfer") == 0 && count == 1 &&
            json_object_get(options->request, "number") != NULL) {
            set(options, "do", json_string("release"));
        }
        if (commands[n].kind == COUNTER &&
            !set_number(options, "counter", "counter", words[1], (1 << 20) - 1)) {
            return false;
        }
        if (commands[n].kind == PERSON && count > 1) {
            return strcmp(words[1], "-") == 0
                       ? set_wait(options) && read_person(options)
                       : complain("command", words[0],
                                  "what a person says is typed on standard input: give -");
        }
        if (strcmp(words[0], "issue-batch") == 0) {
            options->batch = words[1];
            return true;
        }
        if (strcmp(words[0], "number") == 0) {
            set(options, "card", json_string(words[1]));
            return true;
        }
        if (commands[n].kind == MEDIUM && count > 1 && !read_medium(options, words[0], words[1])) {
            return false;
        }
        const char *amount = commands[n].kind == MEDIUM    ? NULL
                             : commands[n].kind == COUNTER ? (count > 2 ? words[2] : NULL)
                             : count > 1                   ? words[1]
                                                           : NULL;
        if (strcmp(words[0], "status") != 0) {
            (void)set_wait(options);
        }
        return amount == NULL || set_money(options, "amount", amount);
    }
    return count == 0 ? complain("command", "", "give one, see vafa-till --help")
                      : complain("command", words[0], "see vafa-till --help");
}

static bool is(const char *state, const char *name)
{
    return state != NULL && strcmp(state, name) == 0;
}

/* -1: not final yet. */
static int take_answer(void *ctx, const char *line, const json_t *answer)
{
    struct options *options = ctx;
    const bool is_final = json_is_true(json_object_get(answer, "final"));
    const char *state = json_string_value(json_object_get(answer, "state"));
    if (options->is_json) {
        (void)printf("%s\n", line);
    } else {
        till_print(answer, is_final);
    }
    (void)fflush(stdout);
    options->sequence = json_integer_value(json_object_get(answer, "sequence"));
    return !is_final               ? -1
           : is(state, "done")     ? EXIT_DONE
           : is(state, "not_done") ? EXIT_NOT_DONE
                                   : EXIT_HOLD_AGAIN;
}

static int ask(struct options *options)
{
    const int fd = till_call_send(&options->place, options->request);
    if (fd < 0) {
        return EXIT_NOT_DONE;
    }
    const int code = till_call_answers(fd, (int)options->wait_s, take_answer, options);
    return code < 0 ? EXIT_HOLD_AGAIN : code;
}

/* The old card first; what is said of the member belongs to the new one. */
static int duplicate(struct options *options)
{
    static const char *const fields[] = {"v", "do", "wait_ms", "operator", "lang"};
    json_t *second = options->request;
    json_t *first = json_object();
    for (size_t n = 0; n < sizeof fields / sizeof *fields; n++) {
        json_t *value = json_object_get(second, fields[n]);
        if (value != NULL) {
            (void)json_object_set(first, fields[n], value);
        }
    }
    options->request = first;
    const int code = ask(options);
    json_decref(first);
    options->request = second;
    if (code != EXIT_DONE) {
        return code;
    }
    set(options, "from", json_integer(options->sequence));
    return ask(options);
}

static int batch(const struct options *options)
{
    const struct till_batch batch = {.place = options->place,
                                     .path = options->batch,
                                     .record = options->record,
                                     .wait_s = options->wait_s,
                                     .common = options->request};
    return till_batch_run(&batch);
}

int main(int argc, char **argv)
{
    struct options options = {
        .place = {.path = "run/till.sock"}, .wait_s = WAIT_S_DEFAULT, .request = json_object()};
    const char *words[WORDS_MAX];
    size_t count = 0;
    int code = EXIT_USAGE;
    if (options.request != NULL && read_words(argc, argv, &options, words, &count) &&
        read_command(&options, words, count)) {
        const bool is_first =
            options.is_duplicate && json_object_get(options.request, "from") == NULL;
        code = options.batch != NULL ? batch(&options)
               : is_first            ? duplicate(&options)
                                     : ask(&options);
    }
    json_decref(options.request);
    return code;
}
