/* Commands about transfers between cards. */
#include <stdio.h>

#include "server/command.h"
#include "server/duplicates.h"
#include "server/rows.h"
#include "server/transfers.h"

/* All rows of a bound statement, which is finished here. */
static enum st print_rows(struct club *club, struct db_stmt *stmt, const char *const *columns,
                          const char *name)
{
    json_t *rows = NULL;
    const enum st st = rows_read(stmt, columns, SIZE_MAX, &rows);
    db_finish(stmt);
    if (st == ST_OK && has_option(club, "--json")) {
        (void)json_dumpf(rows, stdout, JSON_INDENT(1));
        printf("\n");
    } else if (st == ST_OK) {
        json_t *object = json_pack("{s:O}", name, rows);
        print_plain(object, stdout);
        json_decref(object);
    }
    json_decref(rows);
    return st;
}

static enum st list(struct club *club, const struct places *places, const char *name)
{
    struct db_stmt *stmt = NULL;
    const enum st st = db_prepare(club->db, places->sql, "iii", &stmt);
    if (st != ST_OK) {
        return st;
    }
    db_bind(stmt, INT64_C(0), INT64_C(0), INT64_MAX);
    return print_rows(club, stmt, places->columns, name);
}

static enum st club_transfer_list(struct club *club)
{
    return list(club, &transfers_open, "transfers");
}

static enum st club_duplicate_list(struct club *club)
{
    return list(club, &duplicates_open, "duplicates");
}

/* TERMINAL and NUMBER. */
static enum st which(struct club *club, uint32_t *ret_terminal, uint32_t *ret_sequence)
{
    const int64_t sequence = number_of(argument(club, 1));
    *ret_terminal = terminal_of(argument(club, 0));
    *ret_sequence = sequence > SNAPSHOT_SEQUENCE_MAX ? 0 : (uint32_t)sequence;
    if (*ret_terminal == 0 || *ret_sequence == 0) {
        fault_say(&club->fault, "It is named by its terminal and its number there: vafa-club "
                                "transfer list, or duplicate list, shows both.");
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

/* The card of --to; 0 without one. */
static enum st read_to(struct club *club, uint64_t *ret)
{
    const char *to = option(club, "--to");
    *ret = to == NULL ? 0 : card_of(to, &club->fault);
    return to != NULL && *ret == 0 ? ST_FOREIGN : ST_OK;
}

/* `bring` is transfers_release or duplicates_release. */
static enum st release(struct club *club, struct transfer_release *order,
                       enum st (*bring)(struct actions *actions,
                                        const struct transfer_release *release, int64_t now_s,
                                        struct fault *fault))
{
    struct signer *signer = NULL;
    struct actions *actions = NULL;
    enum st st = which(club, &order->terminal, &order->sequence);
    order->is_anyway = has_option(club, "--anyway");
    if (st == ST_OK) {
        st = read_to(club, &order->to);
    }
    if (st == ST_OK) {
        st = signer_open(club->data, option(club, "--key"), &signer, &club->fault);
    }
    if (st == ST_OK) {
        st = actions_open(club->db, signer, &actions);
    }
    if (st == ST_OK) {
        st = bring(actions, order, club->now_s, &club->fault);
    }
    actions_close(actions);
    signer_close(signer);
    return st;
}

static enum st club_transfer_release(struct club *club)
{
    struct transfer_release order;
    const enum st st = release(club, &order, transfers_release);
    return st == ST_OK ? show(club, order.terminal, order.sequence) : st;
}

static enum st club_duplicate_release(struct club *club)
{
    struct transfer_release order;
    struct db_stmt *stmt = NULL;
    enum st st = release(club, &order, duplicates_release);
    if (st == ST_OK) {
        st = db_prepare(club->db, duplicates_one, "ii", &stmt);
    }
    if (st != ST_OK) {
        return st;
    }
    db_bind(stmt, (int64_t)order.terminal, (int64_t)order.sequence);
    return print_rows(club, stmt, duplicates_open.columns, "duplicates");
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
    {"duplicate list", "[--json]",
     "cards that went whole to another one which nobody has seen: what is in transit",
     club_duplicate_list, false},
    {"duplicate release", "TERMINAL NUMBER --to CARD [--anyway] [--key FILE] [--json]",
     "bring what left such a card, at a terminal that is dead or revoked, to CARD; --anyway: also "
     "when not every terminal has been heard since",
     club_duplicate_release, false},
    {0},
};
