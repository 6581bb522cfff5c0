#include "boards/common/device/sync_words.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "boards/common/device/places.h"
#include "boards/common/device/updater.h"

bool sync_words_read(const struct conf *ident, struct sync_words *ret)
{
    if (!conf_get(ident, "club", ret->club, sizeof ret->club) ||
        !conf_get(ident, "club_name", ret->club_name, sizeof ret->club_name)) {
        return false;
    }
    (void)conf_get(ident, "code", ret->code, sizeof ret->code);
    if (!conf_get(ident, "interval", ret->interval, sizeof ret->interval)) {
        (void)snprintf(ret->interval, sizeof ret->interval, "60");
    }
    (void)conf_get(ident, "update_rate", ret->update_rate, sizeof ret->update_rate);
    return true;
}

void sync_words_fill(const struct sync_words *words, const char *board,
                     const char *ret[UNIT_ARGUMENTS_MAX + 1])
{
    const bool is_enrolled = access(IDENTITY "/terminal.pem", F_OK) == 0;
    const char *const first[] = {"/usr/bin/vafa-sync",
                                 is_enrolled ? "run" : "enrol",
                                 "--db",
                                 DATABASE,
                                 "--identity",
                                 IDENTITY,
                                 "--club",
                                 words->club,
                                 "--name",
                                 words->club_name,
                                 NULL};
    const char *const once_enrolled[] = {"--interval",
                                         words->interval,
                                         "--device",
                                         REPORT,
                                         "--log",
                                         LOG,
                                         "--updates",
                                         UPDATER_BUNDLES,
                                         "--clock",
                                         CLOCK_CLAIM,
                                         words->update_rate[0] != '\0' ? "--update-rate" : NULL,
                                         words->update_rate,
                                         NULL};
    const char *const to_enrol[] = {
        "--wait", "604800", "--ca", "/ident/ca.pem", "--code", words->code, "--board", board, NULL};
    for (const char *const *word = first; *word != NULL; word++) {
        *ret++ = *word;
    }
    for (const char *const *word = is_enrolled ? once_enrolled : to_enrol; *word != NULL; word++) {
        *ret++ = *word;
    }
    *ret = NULL;
}
