/* confine.h - what vafa-reader gives up for good before libnfc sees a byte of a card.
 *
 * On a device the process has two users: the effective one owns the reader's line, the real one is
 * the terminal's, so that the terminal can end a reader that hangs. A filter in the kernel
 * (seccomp) refuses the calls with which the real one could be taken back or used: changing user or
 * group, starting a program, signals to others, looking into other processes, limits of others.
 * They fail with EPERM; what libnfc needs goes on. docs/decisions/0017-image.md, "On the device".
 */
#ifndef DRIVERS_READER_CONFINE_H
#define DRIVERS_READER_CONFINE_H

#include <stdbool.h>

/* For the calling thread and all that it starts; cannot be taken back. PR_SET_NO_NEW_PRIVS must be
 * set. False: this kernel has no such filters; errno says why. */
bool confine_self(void);

#endif
