/* at_ready.h - what a device says of itself once it is ready, for who stands before it: memory in
 * use, open ports, and which user each process runs as. Nothing hangs on it. */
#ifndef BOARDS_COMMON_DEVICE_AT_READY_H
#define BOARDS_COMMON_DEVICE_AT_READY_H

#include <stdbool.h>

#include "boards/common/device/log.h"

enum { AT_READY_SAY_MAX = 400 };

/* "no port is open"; or which, and whose, false: "open ports: tcp 22 of user 0, udp 68 of user 0".
 * Open: TCP that listens, UDP that hears anybody, at whatever address, 127.0.0.1 included. A socket
 * that speaks to one other end alone (a question to a name server) is none.
 * `net`: the kernel's /proc/net; when that does not tell, it is said, false. */
bool at_ready_ports(const char *net, char ret_say[AT_READY_SAY_MAX]);

/* "users: 0 busybox init, 900 vafa-terminal, 901 vafa-reader(900)": each process, without the
 * kernel's threads, under its effective user; in brackets the lowest other one that it has, as real
 * or saved user. `proc`: the kernel's /proc. */
void at_ready_users(const char *proc, char ret_say[AT_READY_SAY_MAX]);

/* All of it onto console and log; an open port as a warning of the self-test, which passes all the
 * same: a shop that sells is not stopped for it. */
void at_ready_say(struct log *log);

#endif
