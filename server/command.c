#include "server/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/snapshot.h"
#include "sync/wire.h"

static const struct command *const tables[] = {
    commands_terminals, commands_cards,      commands_members, commands_actions, commands_books,
    commands_bons,      commands_settlement, commands_data,    commands_api,     commands_operators,
    commands_lost,      commands_transfers,  commands_fleet};

enum { TABLES = sizeof tables / sizeof tables[0], HELP_COLUMN = 40, HELP_WIDTH = 100 };

/* --- a command's own usage ----------------------------------------------------------------- */

/* One thing that a usage names: an argument, or an option. */
struct item {
    const char *name; /* within the usage, as long as `size` */
    size_t size;
    bool is_option, has_value, is_needed, may_repeat;
};

static size_t token_size(const char *text)
{
    return strcspn(text, " ");
}

/* Takes the next item of a usage; false at its end. */
static bool usage_next(const char **at, struct item *ret)
{
    *at += strspn(*at, " ");
    if (**at == '\0') {
        return false;
    }
    const char *token = *at;
    size_t size = token_size(token);
    *ret = (struct item){.is_needed = token[0] != '['};
    ret->name = token + (token[0] == '[');
    ret->size = strcspn(ret->name, " ].");
    ret->is_option = strncmp(ret->name, "--", 2) == 0;
    *at += size;
    const char *next = *at + strspn(*at, " ");
    if (ret->is_option && token[size - 1] != ']' && next[0] != '\0' && next[0] != '[' &&
        next[0] != '-') {
        ret->has_value = true;
        size = token_size(next);
        *at = next + size;
    }
    ret->may_repeat = size >= 3 && strncmp(*at - 3, "...", 3) == 0;
    return true;
}

static bool is_item(const struct item *item, const char *name)
{
    return strlen(name) == item->size && strncmp(item->name, name, item->size) == 0;
}

static bool usage_option(const struct command *command, const char *name, struct item *ret)
{
    const char *at = command->usage;
    while (usage_next(&at, ret)) {
        if (ret->is_option && is_item(ret, name)) {
            return true;
        }
    }
    return false;
}

/* The first command that knows the option: it takes a value for all of them or for none. */
static bool known_option(const char *name, struct item *ret)
{
    for (size_t i = 0; i < TABLES; i++) {
        for (const struct command *command = tables[i]; command->name != NULL; command++) {
            if (usage_option(command, name, ret)) {
                return true;
            }
        }
    }
    return false;
}

/* --- help ---------------------------------------------------------------------------------- */

/* Words from HELP_COLUMN on, wrapped. */
static void print_wrapped(FILE *out, const char *say)
{
    size_t column = HELP_COLUMN;
    for (bool is_first = true; *say != '\0'; is_first = false) {
        const size_t size = token_size(say);
        if (!is_first && column + 1 + size > HELP_WIDTH) {
            fprintf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (!is_first) {
            fprintf(out, " ");
            column++;
        }
        fprintf(out, "%.*s", (int)size, say);
        column += size;
        say += size + (say[size] != '\0');
    }
    fprintf(out, "\n");
}

bool command_help(FILE *out)
{
    bool is_written = fprintf(out, "vafa-club COMMAND --data DIR\n") > 0;
    for (size_t i = 0; i < TABLES; i++) {
        for (const struct command *command = tables[i]; command->name != NULL; command++) {
            const int width = fprintf(out, "  %s %s", command->name, command->usage);
            is_written = is_written && width > 0;
            if (width >= HELP_COLUMN) {
                fprintf(out, "\n%*s", HELP_COLUMN, "");
            } else {
                fprintf(out, "%*s", HELP_COLUMN - width, "");
            }
            print_wrapped(out, command->say);
        }
    }
    return is_written;
}

/* --- what was given ------------------------------------------------------------------------ */

static int refuse(const struct command *command, const char *say, const char *what)
{
    fprintf(stderr, "vafa-club: %s %s\n", say, what);
    if (command == NULL) {
        (void)command_help(stderr);
    } else {
        fprintf(stderr, "Usage: vafa-club %s%s%s --data DIR\n", command->name,
                command->usage[0] == '\0' ? "" : " ", command->usage);
    }
    return EXIT_USAGE;
}

/* All words that are no options, and all options, whatever they mean. */
static int sort_out(char **argv, struct club *ret, const char **words, size_t words_max,
                    size_t *ret_count)
{
    size_t count = 0;
    for (int i = 1; argv[i] != NULL; i++) {
        struct item item = {.has_value = true}; /* --data */
        if (argv[i][0] != '-' || argv[i][1] == '\0') {
            if (count == words_max) {
                return refuse(NULL, "one argument too many:", argv[i]);
            }
            words[count++] = argv[i];
            continue;
        }
        const char *name = argv[i];
        const bool is_data = strcmp(name, "--data") == 0;
        if (!is_data && !known_option(name, &item)) {
            return refuse(NULL, "unknown option:", name);
        }
        if (item.has_value && argv[i + 1] == NULL) {
            return refuse(NULL, "a value is missing after", name);
        }
        const char *value = item.has_value ? argv[++i] : "";
        if (is_data) {
            ret->data = value;
        } else if (ret->option_count == OPTIONS_MAX) {
            return refuse(NULL, "too many options:", name);
        } else {
            ret->options[ret->option_count++] = (struct given){name, value};
        }
    }
    *ret_count = count;
    return 0;
}

/* How many of the words are the command's name; 0 = it is another one. */
static size_t name_words(const struct command *command, const char *const *words, size_t count)
{
    const char *blank = strchr(command->name, ' ');
    const size_t first = blank == NULL ? strlen(command->name) : (size_t)(blank - command->name);
    if (count == 0 || strlen(words[0]) != first || strncmp(words[0], command->name, first) != 0) {
        return 0;
    }
    if (blank == NULL) {
        return 1;
    }
    return count >= 2 && strcmp(words[1], blank + 1) == 0 ? 2 : 0;
}

/* The command whose name has the most of the words; *ret_used is how many. */
static const struct command *find(const char *const *words, size_t count, size_t *ret_used)
{
    const struct command *found = NULL;
    *ret_used = 0;
    for (size_t i = 0; i < TABLES; i++) {
        for (const struct command *command = tables[i]; command->name != NULL; command++) {
            const size_t used = name_words(command, words, count);
            if (used > *ret_used) {
                *ret_used = used;
                found = command;
            }
        }
    }
    return found;
}

/* "hotlist" alone, or with another second word: says which second words there are. */
static int refuse_command(const char *word)
{
    const size_t size = strlen(word);
    bool any = false;
    for (size_t i = 0; i < TABLES; i++) {
        for (const struct command *command = tables[i]; command->name != NULL; command++) {
            if (strncmp(command->name, word, size) == 0 && command->name[size] == ' ') {
                fprintf(stderr, "%s%s", any ? ", " : "vafa-club: say ", command->name);
                any = true;
            }
        }
    }
    if (any) {
        fprintf(stderr, ".\n");
        return EXIT_USAGE;
    }
    return refuse(NULL, "unknown command", word);
}

/* Is everything there that the command needs, and nothing that it does not take? */
static int check(const struct club *club)
{
    const struct command *command = club->command;
    struct item item;
    size_t needed = 0, taken = 0;
    for (size_t i = 0; i < club->option_count; i++) {
        const char *name = club->options[i].name;
        if (!usage_option(command, name, &item)) {
            return refuse(command, "this command does not take", name);
        }
        for (size_t j = 0; j < i && !item.may_repeat; j++) {
            if (strcmp(club->options[j].name, name) == 0) {
                return refuse(command, "given twice:", name);
            }
        }
    }
    for (const char *at = command->usage; usage_next(&at, &item);) {
        char name[32];
        (void)snprintf(name, sizeof name, "%.*s", (int)item.size, item.name);
        if (!item.is_option) {
            taken++;
            needed += item.is_needed;
            if (item.is_needed && club->argument_count < needed) {
                return refuse(command, "missing:", name);
            }
        } else if (item.is_needed && !has_option(club, name)) {
            return refuse(command, "missing:", name);
        }
    }
    if (club->argument_count > taken) {
        return refuse(command, "one argument too many:", club->arguments[taken]);
    }
    return club->data == NULL ? refuse(command, "missing:", "--data DIR") : 0;
}

int command_parse(char **argv, struct club *ret)
{
    const char *words[ARGUMENTS_MAX + 2];
    size_t count = 0, used = 0;
    *ret = (struct club){0};
    int rc = sort_out(argv, ret, words, sizeof words / sizeof words[0], &count);
    if (rc != 0) {
        return rc;
    }
    if (count == 0) {
        return refuse(NULL, "give a command.", "");
    }
    ret->command = find(words, count, &used);
    if (ret->command == NULL) {
        return refuse_command(words[0]);
    }
    if (count - used > ARGUMENTS_MAX) {
        return refuse(ret->command, "one argument too many:", words[used + ARGUMENTS_MAX]);
    }
    for (; used < count; used++) {
        ret->arguments[ret->argument_count++] = words[used];
    }
    return check(ret);
}

/* --- what commands ask --------------------------------------------------------------------- */

const char *argument(const struct club *club, size_t index)
{
    return index < club->argument_count ? club->arguments[index] : NULL;
}

const char *option(const struct club *club, const char *name)
{
    for (size_t i = 0; i < club->option_count; i++) {
        if (strcmp(club->options[i].name, name) == 0) {
            return club->options[i].value;
        }
    }
    return NULL;
}

bool has_option(const struct club *club, const char *name)
{
    return option(club, name) != NULL;
}

int64_t number_of(const char *text)
{
    char *end = NULL;
    errno = 0;
    long long number = text == NULL ? 0 : strtoll(text, &end, 10);
    return end == NULL || *end != '\0' || errno != 0 || number < 1 ? 0 : number;
}

uint32_t terminal_of(const char *text)
{
    const int64_t number = number_of(text);
    return number > WIRE_TERMINAL_MAX ? 0 : (uint32_t)number;
}

uint64_t card_of(const char *text, struct fault *fault)
{
    const int64_t card = number_of(text);
    if (card == 0 || strlen(text) != 16 || !card_number_is_valid((uint64_t)card)) {
        fault_say(fault, "\"%.40s\" is not a card number: 16 digits, the last one checks.",
                  text == NULL ? "" : text);
        return 0;
    }
    return (uint64_t)card;
}
