/* control.h - the control socket: people and tests tell the simulator what shall happen.
 *
 * A line in, a line out; README.md lists the commands. Commands act on a struct sim and know
 * nothing of sockets; the server half moves the lines. One thread. */
#ifndef TOOLS_PN532_SIM_CONTROL_H
#define TOOLS_PN532_SIM_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/pn532-sim/sim.h"

enum {
    CONTROL_LINE_MAX = 4200, /* a file name of 4096 bytes fits */
    CONTROL_CLIENTS_MAX = 16,
    CONTROL_WAIT_MAX_S = 600,
};

/* What a client waits for. */
enum control_event {
    CONTROL_NOTHING,
    CONTROL_CUT,      /* the planned cut took place */
    CONTROL_HALTED,   /* the card on the reader is in HALT */
    CONTROL_REMOVED,  /* no card is on the reader */
    CONTROL_COMMANDS, /* the card on the reader has counted `count` commands */
};

struct control_wait {
    enum control_event event;
    uint32_t count;
    uint32_t timeout_s;
};

/* Does one command. Writes the answer, one line without its newline, to `answer`; or, when the
 * command is a wait whose event is still to come, writes nothing and sets *ret_wait. */
void control_do(struct sim *sim, const char *line, uint64_t now_us, FILE *answer,
                struct control_wait *ret_wait);

/* True when the event has come. */
bool control_has_come(const struct sim *sim, const struct control_wait *wait);

/* The commands, one a line, for --help. */
void control_print_help(FILE *out);

struct control_client {
    int fd; /* -1: free */
    char line[CONTROL_LINE_MAX];
    size_t length;
    struct control_wait wait;
    uint64_t wait_until_us;
};

struct control_server {
    int fd;
    const char *path;
    struct control_client clients[CONTROL_CLIENTS_MAX];
};

/* Listens at `path`, in place of a socket left there by a simulator that died. NULL, or a sentence
 * for a person. */
const char *control_open(struct control_server *server, const char *path);
void control_close(struct control_server *server);

/* Fills fds (1 + CONTROL_CLIENTS_MAX entries) for poll(); and afterwards serves what came. */
void control_prepare(const struct control_server *server, struct pollfd *fds);
void control_serve(struct control_server *server, const struct pollfd *fds, struct sim *sim,
                   uint64_t now_us);

/* How long poll() may sleep for the clients that wait; -1 for ever. */
int control_sleep_ms(const struct control_server *server, uint64_t now_us);

/* The client: says one command and prints the answer. Waits some seconds for a simulator that is
 * just starting. Returns the exit code: 0 for ok, 1 for an error. */
int control_say(const char *path, const char *command);

#endif
