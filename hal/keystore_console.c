#include "hal/keystore_console.h"

#include <stdio.h>

#include "hal/base/bytes.h"
#include "hal/keystore_lines.h"
#include "hal/keystore_words.h"

enum { TRIES = 3 };

struct question {
    const char *ask, *otherwise, *wrong; /* otherwise: what an empty line means */
    bool (*take)(const char *text, struct ceremony *ret);
};

static enum st put(const struct question *question, struct lines *lines, struct ceremony *ceremony,
                   struct fault *fault)
{
    for (unsigned tries = 0; tries < TRIES; tries += 1) {
        fprintf(stderr, "%s [%s]: ", question->ask, question->otherwise);
        const enum st st = lines_read(lines, true, fault);
        if (st != ST_OK) {
            return st;
        }
        const char *text = lines->text[0] == '\0' ? question->otherwise : lines->text;
        if (question->take(text, ceremony)) {
            return ST_OK;
        }
        fprintf(stderr, "  %s\n", question->wrong);
    }
    fault_say(fault, "%s Nothing was written.", question->wrong);
    return ST_REFUSED;
}

static enum st put_all(const char *version, const char *roles, struct lines *lines,
                       struct ceremony *ceremony, struct fault *fault)
{
    const struct question questions[] = {
        {"Version of the masters, as on the sheets", version, "A version is a number, 0 to 15.",
         words_take_version},
        {"Roles of this place", roles, "Roles are: classic spend load issue media.",
         words_take_roles},
        {"How many custodians have a half of each, 2 or 3", "2", "There are 2 or 3 custodians.",
         words_take_custodians},
    };
    enum st st = ST_OK;

    for (size_t i = 0; i < sizeof questions / sizeof questions[0] && st == ST_OK; i += 1) {
        st = put(&questions[i], lines, ceremony, fault);
    }
    return st;
}

/* A key roll of all that is there is the likeliest; the first time, a till that sells. */
static void guess(const struct keystore *there, char ret_version[4],
                  char ret_roles[WORDS_ROLES_MAX])
{
    (void)snprintf(ret_version, 4, "0");
    (void)snprintf(ret_roles, WORDS_ROLES_MAX, "classic spend");
    if (there != NULL) {
        const unsigned current = keystore_version(there);
        const unsigned next = current + 1 < KEYSTORE_VERSIONS ? current + 1 : current;
        (void)snprintf(ret_version, 4, "%u", next % KEYSTORE_VERSIONS);
        words_roles_of(there, (uint8_t)current, ret_roles);
    }
}

enum st keystore_console_ask(struct ceremony *ceremony, struct fault *fault)
{
    struct keystore *there = NULL;
    struct lines lines;
    char version[4], roles[WORDS_ROLES_MAX];

    enum st st = keystore_look(ceremony->where, &there, fault);
    if (st != ST_OK) {
        return st;
    }
    ceremony->must_prove = true;
    fprintf(stderr,
            "\nThe key ceremony: each custodian has a sheet, and sits alone at the keys.\n"
            "Nothing of a half is shown. Ctrl-C ends it, and so do %u seconds without a line: then "
            "nothing is written.\n\n",
            ceremony->patience_s);
    if (there != NULL) {
        fputs("In this terminal are, by check values: ", stderr);
        words_show(stderr, there);
    }
    fputs("A place needs, of these roles, what it does and no more:\n"
          "  classic  serve and issue MIFARE Classic cards\n"
          "  spend    sell on DESFire\n"
          "  load     put credit on DESFire, refund payments\n"
          "  issue    make DESFire cards, with spend and load\n"
          "  media    find members by tag, code or number; operators' PINs\n",
          stderr);
    guess(there, version, roles);
    lines_open(&lines, ceremony->patience_s);
    st = put_all(version, roles, &lines, ceremony, fault);
    lines_close(&lines);
    bytes_wipe(&lines, sizeof lines);
    keystore_close(there);
    return st;
}
