/* fleet_trouble.h - what is wrong with a terminal, by what it last said: rules and words alone.
 *
 * The worst comes first. Each is a sentence that says what is so and what to do, in English and
 * Persian, and the command that does it where one does. */
#ifndef SERVER_FLEET_TROUBLE_H
#define SERVER_FLEET_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/wire.h"

/* From the worst to the least. */
enum fleet_trouble_kind {
    TROUBLE_COPY,      /* a certificate that it had before was shown within 30 days */
    TROUBLE_CHAIN,     /* other entries came from it than the club holds, and that case is open */
    TROUBLE_UNFIT,     /* its self-test failed */
    TROUBLE_NEVER,     /* approved a day ago, and never synced */
    TROUBLE_DEAD,      /* silent for longer than the club's days */
    TROUBLE_SILENT,    /* not heard of for two days */
    TROUBLE_UNSENT,    /* it is heard of, and has entries of a day ago unsent */
    TROUBLE_FELL_BACK, /* a version newer than what runs fell back */
    TROUBLE_DISK,      /* less than 16 MiB free */
    TROUBLE_CLOCK,     /* more than two minutes wrong, or never set */
    TROUBLE_REFUSED,   /* it does not take the newest programme */
    TROUBLE_UPDATE,    /* it does not install the version that it was offered */
    TROUBLE_TRIAL,     /* its version is on trial for more than an hour */
    TROUBLE_CERT,      /* its certificate ends within 30 days */
};
enum {
    FLEET_TROUBLES = TROUBLE_CERT + 1,
    TROUBLE_SAY_BYTES = 512,
    TROUBLE_COMMAND_BYTES = 2 * WIRE_NAME_MAX + 64
};

enum {
    FLEET_NEVER_S = 86400,
    FLEET_SILENT_S = 2 * 86400,
    FLEET_UNSENT_S = 86400,
    FLEET_CLOCK_S = 120,
    FLEET_TRIAL_S = 3600,
    FLEET_CERT_S = 30 * 86400,
    FLEET_COPY_S = 30 * 86400,
    /* /data of an image has 64 MiB, 53 of them free when new; an update of 27 may wait there. */
    FLEET_FREE_BYTES = 16 << 20,
};

/* What a terminal in use last said. Texts are the caller's. */
struct fleet_facts {
    uint32_t terminal;
    const char *merchant, *branch;
    int64_t now_s;
    int64_t dead_days;              /* the club's; 0 = never proposed */
    int64_t approved_at;            /* 0 = not known */
    int64_t seen_at;                /* 0 = never */
    int64_t cert_ends_at;           /* 0 = it has none */
    int64_t cert_late_at;           /* when one that was replaced was shown last; 0 = never */
    int64_t chain_at;               /* of its newest open case `chain`; 0 = none */
    int64_t unsent, oldest_at;      /* by the terminal's clock; 0 = none */
    bool has_clock, is_clock_unset; /* it told its time; it is not set */
    int64_t clock_error_s;          /* the terminal's clock less the club's */
    int64_t refused;                /* programme; 0 = none */
    const char *refused_say;
    bool has_device; /* false: what follows is not told */
    uint32_t version, failed;
    bool is_good;
    int64_t version_at; /* since when the club knows of that version */
    int64_t free_bytes;
    const char *self_test, *update;
};

struct fleet_trouble {
    enum fleet_trouble_kind kind;
    char say[TROUBLE_SAY_BYTES], fa[TROUBLE_SAY_BYTES];
    char command[TROUBLE_COMMAND_BYTES]; /* "" = none */
};

/* "copy", "chain", "self_test", "never", "dead", "silent", "unsent", "fell_back", "disk", "clock",
 * "programme", "update", "trial", "certificate". */
const char *fleet_trouble_word(enum fleet_trouble_kind kind);
/* All that is wrong, the worst first; returns how many. */
size_t fleet_troubles(const struct fleet_facts *facts, struct fleet_trouble ret[FLEET_TROUBLES]);

enum { FLEET_SPAN_BYTES = 32 };
/* "40 seconds", "3 minutes", "5 hours", "12 days"; in Persian likewise, with its digits. */
void fleet_span(int64_t seconds, char ret[FLEET_SPAN_BYTES]);
void fleet_span_fa(int64_t seconds, char ret[FLEET_SPAN_BYTES]);
/* "12 B", "3 MB", "1.2 GB". */
void fleet_bytes(int64_t bytes, char ret[FLEET_SPAN_BYTES]);

#endif
