/* command.h - the commands of vafa-club: what one is, and what it gets.
 *
 * Each server/commands_NAME.c has a table of commands; command.c lists the tables, finds the
 * command that a person means, checks what was given against the command's own usage, and prints
 * the help from the same lines. How to use them: docs/club.md. */
#ifndef SERVER_COMMAND_H
#define SERVER_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/base/status.h"
#include "server/db.h"

enum { OPTIONS_MAX = 24, ARGUMENTS_MAX = 4, EXIT_USAGE = 2 };

struct given {
    const char *name, *value; /* "--json"; "" for an option without a value */
};

struct club;

struct command {
    const char *name; /* one or two words: "hotlist add" */
    /* What follows the name, as the help shows it and as it is checked: "CARD [--reason WORD]". In
     * brackets: may be left out. An option takes the word after it as its value; "..." after
     * it: may be given again. --data DIR goes with every command and is not said. */
    const char *usage;
    const char *say; /* what it does */
    enum st (*run)(struct club *club);
    bool makes_club; /* makes the data folder and the database when they are missing */
};

/* One run of one command. */
struct club {
    const struct command *command;
    const char *data; /* the folder */
    const char *arguments[ARGUMENTS_MAX];
    size_t argument_count;
    struct given options[OPTIONS_MAX];
    size_t option_count;
    struct db *db;
    int64_t now_s;
    struct fault fault; /* what to say when the command does not end with ST_OK; "": the db's */
};

/* Tables, each ended by a command without a name. */
extern const struct command commands_bons[];
extern const struct command commands_actions[];
extern const struct command commands_api[];
extern const struct command commands_books[];
extern const struct command commands_cards[];
extern const struct command commands_data[];
extern const struct command commands_fleet[];
extern const struct command commands_lost[];
extern const struct command commands_settlement[];
extern const struct command commands_operators[];
extern const struct command commands_members[];
extern const struct command commands_terminals[];
extern const struct command commands_transfers[];

/* Fills in all but db. 0, or EXIT_USAGE after it has said on standard error what is wrong. */
int command_parse(char **argv, struct club *ret);
/* All commands with their usage; false: it could not be written. */
bool command_help(FILE *out);

/* The argument, or NULL when it was left out. */
const char *argument(const struct club *club, size_t index);
/* The option's value; NULL when it was not given. */
const char *option(const struct club *club, const char *name);
bool has_option(const struct club *club, const char *name);

/* A whole number from 1; 0 = not one. */
int64_t number_of(const char *text);
/* A terminal's number; 0 = not one. */
uint32_t terminal_of(const char *text);
/* A card's number: 16 digits, the last one checks. 0 = not one, and the fault says so. */
uint64_t card_of(const char *text, struct fault *fault);

#endif
