/* Commands about the programme and the books. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/programme.h"
#include "server/ca.h"
#include "server/command.h"
#include "server/rebuild.h"
#include "server/registry.h"
#include "server/report.h"
#include "server/signer.h"

/* May it follow the one in force? One from before format 2 is in nobody's way. */
static enum st programme_check(struct club *club, const struct programme *next)
{
    char *text = NULL;
    struct programme *old = NULL;
    struct fault unused;
    enum st st = registry_programme_text(club->db, &text);
    if (st == ST_OK && text != NULL && programme_load(text, strlen(text), &old, &unused) == ST_OK &&
        old->version < next->version) {
        st = programme_follows(old, next, &club->fault);
    }
    programme_free(old);
    free(text);
    return st;
}

static enum st club_programme(struct club *club)
{
    char *text = NULL, *document = NULL, *jws = NULL;
    size_t size = 0, document_size = 0;
    struct programme *programme = NULL;
    enum st st = file_load(NULL, argument(club, 0), &text, &size, &club->fault);
    if (st == ST_OK) {
        st = signer_make(club->data, &club->fault);
    }
    if (st == ST_OK) {
        st = signer_take(club->data, text, size, &document, &document_size, &jws, &club->fault);
    }
    if (st == ST_OK) {
        st = programme_load(document, document_size, &programme, &club->fault);
    }
    if (st == ST_OK) {
        st = programme_check(club, programme);
    }
    if (st == ST_OK) {
        st = registry_programme_put(club->db, programme->version, document, jws, club->now_s,
                                    &club->fault);
    }
    if (st == ST_OK) {
        printf("Programme %u of %s is in force; terminals get it at their next sync.\n",
               programme->version, programme->club);
    }
    programme_free(programme);
    free(jws);
    free(document);
    free(text);
    return st;
}

static enum st club_report(struct club *club)
{
    const bool as_json = has_option(club, "--json");
    const char *given = option(club, "--terminal");
    bool is_balanced = false;
    if (given != NULL) {
        const uint32_t terminal = terminal_of(given);
        if (terminal == 0) {
            fault_say(&club->fault, "--terminal needs the number of a terminal.");
            return ST_FOREIGN;
        }
        return rebuild_report(club->db, terminal, as_json, stdout, &club->fault);
    }
    enum st st = report_write(club->db, as_json, stdout, &is_balanced);
    if (st == ST_OK && !is_balanced) {
        fault_say(&club->fault, "The books do not balance: call for help.");
        return ST_CORRUPT;
    }
    return st;
}

static enum st club_dump(struct club *club)
{
    return report_dump(club->db, stdout);
}

const struct command commands_books[] = {
    {"programme", "FILE", "check a programme and hand it out", club_programme, false},
    {"report", "[--terminal TERMINAL] [--json]",
     "ledger, cards, merchants, gaps, cases; of a terminal: what came back of it, and what is "
     "missing",
     club_report, false},
    {"dump", "", "balances and all entries, as JSON", club_dump, false},
    {0},
};
