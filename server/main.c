/* vafa-club - the club: `serve` answers terminals, the other commands are its operator's. All of
 * them work on one data folder, while the server runs, too. How to use it: docs/club.md. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/command.h"
#include "server/schema.h"
#include "server/settled.h"
#include "server/told.h"

/* A database from a backup is found out before anything is done with it. */
static enum st look_back(struct club *club)
{
    bool has_forgotten = false;
    const enum st st = told_look(club->db, club->data, club->now_s, &has_forgotten, &club->fault);
    if (st == ST_OK && has_forgotten) {
        fprintf(stderr, "vafa-club: club.db is from a backup: terminals have been told more. New "
                        "actions are sealed when every terminal has synced; updates wait for "
                        "update resume. " SETTLED_SAY_AGAIN "\n");
    }
    return st;
}

static enum st club_open(struct club *club)
{
    char path[PATH_MAX];
    const char *dir = club->data;
    /* A wrong name must not show an empty club. */
    const bool may_make = club->command->makes_club;
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
    if (st == ST_OK) {
        st = schema_make(club->db, &club->fault);
    }
    return st == ST_OK ? look_back(club) : st;
}

int main(int argc, char **argv)
{
    struct club club;
    (void)umask(077);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return command_help(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    int rc = command_parse(argv, &club);
    if (rc != 0) {
        return rc;
    }
    club.now_s = (int64_t)time(NULL);
    enum st st = club_open(&club);
    if (st == ST_OK) {
        st = club.command->run(&club);
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
