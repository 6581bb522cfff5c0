/* Commands about lost cards, and the cards that took their place. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/command.h"
#include "server/lost.h"

static enum st club_lost_list(struct club *club)
{
    return lost_write(club->db, has_option(club, "--json"), stdout);
}

static enum st club_lost_show(struct club *club)
{
    const uint64_t card = card_of(argument(club, 0), &club->fault);
    return card == 0 ? ST_FOREIGN
                     : lost_show(club->db, card, has_option(club, "--json"), stdout, &club->fault);
}

static enum st club_lost_report(struct club *club)
{
    const uint64_t card = card_of(argument(club, 0), &club->fault);
    if (card == 0) {
        return ST_FOREIGN;
    }
    const enum st st = lost_report(club->db, card, club->now_s, &club->fault);
    if (st == ST_OK) {
        printf("Terminals refuse the card from their next sync on.\n");
    }
    return st;
}

static enum st club_lost_found(struct club *club)
{
    const uint64_t card = card_of(argument(club, 0), &club->fault);
    if (card == 0) {
        return ST_FOREIGN;
    }
    const enum st st = lost_found(club->db, card, club->now_s, &club->fault);
    if (st == ST_OK) {
        printf("Terminals take the card again from their next sync on, if nothing else refuses it; "
               "one that was blocked stays blocked.\n");
    }
    return st;
}

static enum st club_lost_name(struct club *club)
{
    struct actions *actions = NULL;
    int64_t gone = 0;
    const uint64_t card = card_of(argument(club, 0), &club->fault);
    const uint64_t old = card == 0 ? 0 : card_of(argument(club, 1), &club->fault);
    if (old == 0) {
        return ST_FOREIGN;
    }
    enum st st = actions_open(club->db, NULL, &actions); /* the server seals what follows */
    if (st == ST_OK) {
        st = lost_name(club->db, actions, card, old, club->now_s, &gone, &club->fault);
    }
    actions_close(actions);
    if (st == ST_OK) {
        printf("Noted; what is left of the old card follows when terminals have synced.\n");
    }
    if (st == ST_OK && gone > 0) {
        printf("The club had taken another card for it: %" PRId64 " actions went there, or are "
               "withdrawn; see action list, and give them again.\n",
               gone);
    }
    return st;
}

/* From 0; -1: not a whole number. */
static int64_t whole_of(const char *text)
{
    return strcmp(text, "0") == 0 ? 0 : number_of(text) > 0 ? number_of(text) : -1;
}

static enum st club_lost_limit(struct club *club)
{
    struct lost_limit limit;
    const char *rials = argument(club, 0), *points = argument(club, 1);
    enum st st = ST_OK;
    if (rials != NULL) {
        limit = (struct lost_limit){whole_of(rials), points == NULL ? -1 : whole_of(points)};
        st = lost_limit_set(club->db, &limit, &club->fault);
    }
    if (st == ST_OK) {
        st = lost_limit_get(club->db, &limit);
    }
    if (st == ST_OK) {
        printf("In any %d days %" PRId64 " rials and %" PRId64 " points follow to new cards on the "
               "word of one terminal; then a person is asked.\n",
               LOST_DAYS, limit.rials, limit.points);
    }
    return st;
}

static enum st club_lost_confirm(struct club *club)
{
    const uint64_t card = card_of(argument(club, 0), &club->fault);
    if (card == 0) {
        return ST_FOREIGN;
    }
    const enum st st = lost_confirm(club->db, card, club->now_s, &club->fault);
    if (st == ST_OK) {
        printf("What is left follows when terminals have synced.\n");
    }
    return st;
}

static enum st club_lost_deny(struct club *club)
{
    struct actions *actions = NULL;
    int64_t gone = 0;
    const uint64_t card = card_of(argument(club, 0), &club->fault);
    if (card == 0) {
        return ST_FOREIGN;
    }
    enum st st = actions_open(club->db, NULL, &actions);
    if (st == ST_OK) {
        st = lost_deny(club->db, actions, card, club->now_s, &gone, &club->fault);
    }
    actions_close(actions);
    if (st == ST_OK) {
        printf("The card that was made in its place is refused from the terminals' next sync on. "
               "This one is lost still: say lost found when the member has it.\n");
    }
    if (st == ST_OK && gone > 0) {
        printf("%" PRId64 " actions of the member's went to the false card, or are withdrawn; see "
               "action list, and give them again.\n",
               gone);
    }
    return st;
}

const struct command commands_lost[] = {
    {"lost list", "[--json]",
     "lost cards: what they carry, what was given for them, what the club lost", club_lost_list,
     false},
    {"lost show", "CARD [--json]", "one of them: reports, replacements, releases", club_lost_show,
     false},
    {"lost report", "CARD", "a card is lost: refused everywhere", club_lost_report, false},
    {"lost found", "CARD", "it was found again, and nothing has taken its place", club_lost_found,
     false},
    {"lost name", "CARD OLD-CARD",
     "which card a dead terminal's new card took the place of (see cases)", club_lost_name, false},
    {"lost limit", "[RIALS] [POINTS]",
     "what follows to new cards on the word of one terminal before a person is asked",
     club_lost_limit, false},
    {"lost confirm", "CARD", "the card in its place is the member's: all of it follows",
     club_lost_confirm, false},
    {"lost deny", "CARD", "it is not: that one is refused, and everything goes back",
     club_lost_deny, false},
    {0},
};
