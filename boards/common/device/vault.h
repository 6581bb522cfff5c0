/* vault.h - the partition `data`, enciphered under a key that the board has and the disk has not.
 *
 * board.conf says from which file the kernel gives that key: data_key=PATH. A `data` that was never
 * used is enciphered at the first start, LUKS2 by cryptsetup; one that is in use stays as it is.
 * Why so, and what a cut leaves: docs/decisions/0017-image.md, "/data enciphered". */
#ifndef BOARDS_COMMON_DEVICE_VAULT_H
#define BOARDS_COMMON_DEVICE_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boards/common/device/conf.h"
#include "boards/common/device/log.h"
#include "boards/common/device/watchdog.h"

enum {
    VAULT_KEY_BYTES = 32,
    VAULT_HEAD_BYTES = 20 * 1024, /* of `data`: both copies of a LUKS2 header's beginning */
    VAULT_MARK_BYTES = 512,       /* a sector: it is written whole or not at all */
    VAULT_SAY_MAX = 200,
};

/* What lies in the sector of the partition env1 that this module keeps, as a text. */
#define VAULT_MARK_MAKING "vafa: data is being enciphered\n"
#define VAULT_MARK_DONE   "vafa: data is enciphered\n"

/* What `data` shows. */
enum vault_disk {
    VAULT_DISK_UNKNOWN, /* neither of these: damaged */
    VAULT_DISK_EMPTY,   /* a file system that nobody has mounted or filled since it was made */
    VAULT_DISK_PLAIN,   /* a file system in use */
    VAULT_DISK_BEGUN,   /* enciphering began and did not end: nothing was ever stored there */
    VAULT_DISK_ENCIPHERED,
};

enum vault_act {
    VAULT_ACT_PLAIN,  /* mount it as it is */
    VAULT_ACT_MAKE,   /* encipher it, then mount that */
    VAULT_ACT_OPEN,   /* open it with the board's key, then mount that */
    VAULT_ACT_REFUSE, /* leave it alone: its board has a key, and this one has none */
};

struct vault {
    const char *device;      /* holds the file system of /data; NULL: there is none to mount */
    bool is_enciphered;      /* what `device` holds */
    char say[VAULT_SAY_MAX]; /* a sentence for people: why there is none; else "" */
};

/* Pure. `head`: the first VAULT_HEAD_BYTES of `data`; `mark`: the sector. */
enum vault_disk vault_look(const uint8_t head[VAULT_HEAD_BYTES],
                           const uint8_t mark[VAULT_MARK_BYTES]);
/* Pure. A file system in use is never given up, whatever else is there. */
enum vault_act vault_decide(enum vault_disk disk, bool has_key);
/* The file gives a key: VAULT_KEY_BYTES bytes and no more, which are not all the same, as they are
 * in fuses that nobody has burnt. */
bool vault_has_key(const char *path);

/* Finds, and where need be makes or opens, what holds /data. For PID 1, once, before /data is
 * mounted; takes seconds where it is made, for which the watchdog waits. What is done or refused is
 * logged. */
void vault_open(const struct conf *board, const struct watchdog *watchdog, struct log *log,
                struct vault *ret);

#endif
