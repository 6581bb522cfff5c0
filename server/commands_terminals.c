/* Commands about terminals: serve them, let them in, list and refuse them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ca.h"
#include "server/certs.h"
#include "server/command.h"
#include "server/ledger.h"
#include "server/mandates.h"
#include "server/opener.h"
#include "server/rebuild.h"
#include "server/registry.h"
#include "server/report.h"
#include "server/serve.h"
#include "server/signer.h"

enum { HOURS_DEFAULT = 24, HOURS_MAX = 24 * 30 };

static enum st club_serve(struct club *club)
{
    const char *hosts[CA_HOSTS_MAX] = {"localhost", "127.0.0.1"};
    size_t count = 0;
    for (size_t i = 0; i < club->option_count; i++) {
        if (strcmp(club->options[i].name, "--host") != 0) {
            continue;
        }
        if (count == CA_HOSTS_MAX) {
            fault_say(&club->fault, "At most %d names by --host.", CA_HOSTS_MAX);
            return ST_FOREIGN;
        }
        hosts[count++] = club->options[i].value;
    }
    const char *listen = option(club, "--listen");
    enum st st = ca_make(club->data, hosts, count == 0 ? 2 : count, &club->fault);
    if (st == ST_OK) {
        st = signer_make(club->data, &club->fault);
    }
    if (st == ST_OK) {
        st = opener_make(club->data, &club->fault);
    }
    if (st != ST_OK) {
        return st;
    }
    printf("Terminals need the club's certificate: %s/ca.pem\n", club->data);
    (void)fflush(stdout);
    const struct serve_config config = {.dir = club->data,
                                        .listen = listen == NULL ? "127.0.0.1:8443" : listen,
                                        .hosts = hosts,
                                        .host_count = count == 0 ? 2 : count};
    return serve(&config, &club->fault);
}

static enum st club_code(struct club *club)
{
    const char *merchant = option(club, "--merchant"), *branch = option(club, "--branch");
    const char *given = option(club, "--hours");
    const int64_t hours = given == NULL ? HOURS_DEFAULT : number_of(given);
    char code[REGISTRY_CODE_BYTES];
    if (hours == 0 || hours > HOURS_MAX) {
        fault_say(&club->fault, "--hours is a number from 1 to %d.", HOURS_MAX);
        return ST_FOREIGN;
    }
    enum st st =
        registry_code(club->db, merchant, branch, club->now_s, hours * 3600, code, &club->fault);
    if (st == ST_OK) {
        printf("%s\n", code);
        fprintf(stderr, "For one terminal of %s, %s; good for %lld hours.\n", merchant, branch,
                (long long)hours);
    }
    return st;
}

static enum st club_pending(struct club *club)
{
    struct registry_request request = {0};
    bool found = true;
    enum st st = ST_OK;
    while (st == ST_OK && found) {
        st = registry_pending(club->db, request.number, &request, &found);
        if (st == ST_OK && found) {
            printf("%lld  %s, %s  board %s  asked %lld s ago\n", (long long)request.number,
                   request.merchant, request.branch, request.board,
                   (long long)(club->now_s - request.asked_at));
        }
    }
    return st;
}

static enum st approve_one(struct club *club, int64_t number)
{
    uint32_t terminal = 0;
    enum st st =
        registry_approve(club->db, club->data, number, club->now_s, &terminal, &club->fault);
    if (st == ST_OK) {
        printf("Request %lld is terminal %u.\n", (long long)number, terminal);
    }
    return st;
}

/* A new terminal's operators and limits. It works without until they are signed. */
static enum st with_mandates(struct club *club, enum st st)
{
    struct fault why;
    uint32_t count = 0;
    if (st == ST_OK &&
        mandates_renew(club->db, club->data, club->now_s, false, &count, &why) != ST_OK) {
        fprintf(stderr, "No mandate was signed: %s Run mandate renew.\n", why.say);
    }
    return st;
}

static enum st club_approve(struct club *club)
{
    const char *which = argument(club, 0);
    struct registry_request request = {0};
    bool found = true;
    enum st st = ST_OK;
    if (strcmp(which, "all") != 0 && number_of(which) == 0) {
        fault_say(&club->fault, "approve needs the number of a request, or `all`.");
        return ST_FOREIGN;
    }
    if (number_of(which) != 0) {
        return with_mandates(club, approve_one(club, number_of(which)));
    }
    while (st == ST_OK && found) {
        st = registry_pending(club->db, request.number, &request, &found);
        if (st == ST_OK && found) {
            st = approve_one(club, request.number);
        }
    }
    return with_mandates(club, st);
}

/* The terminal that the first argument names; 0: none, and the fault says so. */
static uint32_t terminal_argument(struct club *club)
{
    const uint32_t terminal = terminal_of(argument(club, 0));
    if (terminal == 0) {
        fault_say(&club->fault, "%s needs the number of a terminal, from 1 to %d.",
                  club->command->name, WIRE_TERMINAL_MAX);
    }
    return terminal;
}

static enum st club_revoke(struct club *club)
{
    const uint32_t terminal = terminal_argument(club);
    if (terminal == 0) {
        return ST_FOREIGN;
    }
    enum st st = registry_revoke(club->db, terminal, club->now_s, &club->fault);
    if (st == ST_OK) {
        printf("Terminal %u is refused from now on.\n", terminal);
    }
    return st;
}

static enum st club_terminals(struct club *club)
{
    return report_terminals(club->db, has_option(club, "--json"), stdout);
}

static enum st club_terminal_dead(struct club *club)
{
    const uint32_t terminal = terminal_argument(club);
    struct ledger *ledger = NULL;
    uint32_t posted = 0;
    if (terminal == 0) {
        return ST_FOREIGN;
    }
    enum st st = ledger_open(club->db, &ledger);
    if (st == ST_OK) {
        st = rebuild_dead(ledger, terminal, club->now_s, &posted, &club->fault);
    }
    ledger_close(ledger);
    if (st == ST_OK) {
        printf("Terminal %u is dead: %u transactions posted as cards show them. More as cards are "
               "seen; see report --terminal %u.\n",
               terminal, posted, terminal);
    }
    return st;
}

static enum st club_terminal_forget(struct club *club)
{
    const uint32_t terminal = terminal_argument(club);
    if (terminal == 0) {
        return ST_FOREIGN;
    }
    const enum st st = registry_forget(club->db, terminal, club->now_s, &club->fault);
    if (st == ST_OK) {
        printf("Terminal %u never synced, is refused from now on, and nothing waits for it.\n",
               terminal);
    }
    return st;
}

static enum st club_terminal_renew(struct club *club)
{
    const uint32_t terminal = terminal_argument(club);
    if (terminal == 0) {
        return ST_FOREIGN;
    }
    const enum st st = certs_allow(club->db, terminal, club->now_s, &club->fault);
    if (st == ST_OK) {
        printf("Terminal %u may renew its certificate at its next contact, for %d days from now, "
               "though it has ended.\n",
               terminal, CERTS_ALLOWED_S / 86400);
    }
    return st;
}

static enum st club_terminal_back(struct club *club)
{
    const uint32_t terminal = terminal_argument(club);
    struct ledger *ledger = NULL;
    if (terminal == 0) {
        return ST_FOREIGN;
    }
    enum st st = ledger_open(club->db, &ledger);
    if (st == ST_OK) {
        st = rebuild_back(ledger, terminal, club->now_s, &club->fault);
    }
    ledger_close(ledger);
    if (st == ST_OK) {
        printf("Terminal %u may sync again.\n", terminal);
    }
    return st;
}

const struct command commands_terminals[] = {
    {"serve", "[--listen ADDR:PORT] [--host NAME]...",
     "answer terminals and programs (127.0.0.1:8443; --host: the names they call it by, "
     "localhost,127.0.0.1)",
     club_serve, .makes_club = true},
    {"code", "--merchant NAME --branch NAME [--hours N]", "make a one-time code for a new terminal",
     club_code, false},
    {"pending", "", "requests that wait for a decision", club_pending, false},
    {"approve", "REQUEST|all", "make them terminals of the club", club_approve, false},
    {"revoke", "TERMINAL", "refuse a terminal from now on", club_revoke, false},
    {"terminals", "[--json]", "list them", club_terminals, false},
    {"terminal dead", "TERMINAL",
     "it will not come back: refuse it, and post what the cards show that it did",
     club_terminal_dead, false},
    {"terminal forget", "TERMINAL",
     "it was approved and never synced: refuse it, and wait for it no more", club_terminal_forget,
     false},
    {"terminal renew", "TERMINAL",
     "its certificate has ended, and the terminal is where it should be: let it get another one",
     club_terminal_renew, false},
    {"terminal back", "TERMINAL", "it was found: let it sync again", club_terminal_back, false},
    {0},
};
