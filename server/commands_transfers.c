/* Commands about transfers between cards. */
#include <stdio.h>

#include "server/command.h"
#include "server/rows.h"
#include "server/transfers.h"

static enum st club_transfer_list(struct club *club)
{
    struct db_stmt *stmt = NULL;
    json_t *rows = NULL;
    enum st st = db_prepare(club->db, transfers_open.sql, "iii", &stmt);
    if (st == ST_OK) {
        db_bind(stmt, INT64_C(0), INT64_C(0), INT64_MAX);
        st = rows_read(stmt, transfers_open.columns, SIZE_MAX, &rows);
    }
    db_finish(stmt);
    if (st == ST_OK && has_option(club, "--json")) {
        (void)json_dumpf(rows, stdout, JSON_INDENT(1));
        printf("\n");
    } else if (st == ST_OK) {
        json_t *object = json_pack("{s:O}", "transfers", rows);
        print_plain(object, stdout);
        json_decref(object);
    }
    json_decref(rows);
    return st;
}

/* TERMINAL and NUMBER. */
static enum st which(struct club *club, uint32_t *ret_terminal, uint32_t *ret_sequence)
{
    const int64_t sequence = number_of(argument(club, 1));
    *ret_terminal = terminal_of(argument(club, 0));
    *ret_sequence = sequence > SNAPSHOT_SEQUENCE_MAX ? 0 : (uint32_t)sequence;
    if (*ret_terminal == 0 || *ret_sequence == 0) {
        fault_say(&club->fault, "A transfer is named by its terminal and its number there: "
                                "vafa-club transfer list shows both.");
        return ST_FOREIGN;
    }
    return ST_OK;
}

static enum st show(struct club *club, uint32_t terminal, uint32_t sequence)
{
    json_t *object = NULL;
    enum st st = transfers_object(club->db, terminal, sequence, &object);
    if (st == ST_OK && object == NULL) {
        fault_say(&club->fault, "The club has no transfer %u of terminal %u.", sequence, terminal);
        return ST_REFUSED;
    }
    if (st == ST_OK && has_option(club, "--json")) {
        (void)json_dumpf(object, stdout, JSON_INDENT(1));
        printf("\n");
    } else if (st == ST_OK) {
        print_plain(object, stdout);
    }
    json_decref(object);
    return st;
}

static enum st club_transfer_show(struct club *club)
{
    uint32_t terminal = 0, sequence = 0;
    const enum st st = which(club, &terminal, &sequence);
    return st == ST_OK ? show(club, terminal, sequence) : st;
}

static enum st club_transfer_release(struct club *club)
{
    struct transfer_release release = {.is_anyway = has_option(club, "--anyway")};
    const char *to = option(club, "--to");
    struct signer *signer = NULL;
    struct actions *actions = NULL;
    enum st st = which(club, &release.terminal, &release.sequence);
    if (st == ST_OK && to != NULL) {
        release.to = card_of(to, &club->fault);
        st = release.to == 0 ? ST_FOREIGN : ST_OK;
    }
    if (st == ST_OK) {
        st = signer_open(club->data, option(club, "--key"), &signer, &club->fault);
    }
    if (st == ST_OK) {
        st = actions_open(club->db, signer, &actions);
    }
    if (st == ST_OK) {
        st = transfers_release(actions, &release, club->now_s, &club->fault);
    }
    actions_close(actions);
    signer_close(signer);
    return st == ST_OK ? show(club, release.terminal, release.sequence) : st;
}

const struct command commands_transfers[] = {
    {"transfer list", "[--json]",
     "credit on its way between two cards: what is in transit, and why", club_transfer_list, false},
    {"transfer show", "TERMINAL NUMBER [--json]", "one, also when it has come to a card",
     club_transfer_show, false},
    {"transfer release", "TERMINAL NUMBER [--to CARD] [--anyway] [--key FILE] [--json]",
     "bring one of a terminal that is dead or revoked to CARD, or back to the card that it left; "
     "--anyway: also when not every terminal has been heard since",
     club_transfer_release, false},
    {0},
};
