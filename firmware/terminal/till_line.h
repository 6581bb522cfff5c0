/* till_line.h - the serial line between a register's program and a terminal's register port, whose
 * other end is vafa-register. Contract: docs/till.md, "Over a serial line". */
#ifndef FIRMWARE_TERMINAL_TILL_LINE_H
#define FIRMWARE_TERMINAL_TILL_LINE_H

#include <termios.h>

enum {
    TILL_LINE_SPEED = B115200,
    TILL_LINE_HANG_UP = 0x04, /* a byte that JSON has not: what closing is to a socket */
};

/* Opens the line for this process alone, hangs up whatever call an earlier program left there, and
 * takes in what that one was still told. From then on SIGHUP, SIGINT and SIGTERM hang up before
 * they end this process. -1: it cannot be used, which has been said on standard error. */
int till_line_open(const char *path);

/* Also of a socket. Whoever got an answer need not hang up. */
void till_line_close(int fd);

#endif
