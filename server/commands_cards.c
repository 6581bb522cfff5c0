/* Commands about cards: the hotlist, and the media that are linked to them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/command.h"
#include "server/hotlist.h"
#include "server/links.h"

static enum st hotlist_change(struct club *club, uint8_t listing, const char *say)
{
    bool is_changed = false;
    const uint64_t card = card_of(argument(club, 0), &club->fault);
    if (card == 0) {
        return ST_FOREIGN;
    }
    enum st st = hotlist_set(club->db, card, listing, club->now_s, &is_changed, &club->fault);
    if (st == ST_OK) {
        printf("%s\n", is_changed ? say : "The list says so already.");
    }
    return st;
}

static enum st club_hotlist_add(struct club *club)
{
    const char *reason = option(club, "--reason");
    const uint8_t listing = reason == NULL ? listing_of_word("lost") : listing_of_word(reason);
    if (listing == LISTING_NONE) {
        fault_say(&club->fault,
                  "--reason is lost, stolen, blocked, clone or replaced, not \"%.40s\".", reason);
        return ST_FOREIGN;
    }
    return hotlist_change(club, listing, "Terminals refuse the card from their next sync on.");
}

static enum st club_hotlist_remove(struct club *club)
{
    return hotlist_change(club, LISTING_NONE,
                          "The card is off the list; one that was blocked stays blocked.");
}

static enum st club_hotlist_load(struct club *club)
{
    const char *path = argument(club, 0);
    uint32_t changed = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fault_say(&club->fault, "Cannot read %.100s: %s.", path, strerror(errno));
        return ST_IO;
    }
    enum st st = hotlist_read(club->db, file, club->now_s, &changed, &club->fault);
    if (st == ST_OK) {
        printf("%u cards changed.\n", changed);
    }
    (void)fclose(file); /* only read */
    return st;
}

static enum st club_hotlist_list(struct club *club)
{
    return hotlist_write(club->db, has_option(club, "--json"), stdout);
}

static enum st club_links(struct club *club)
{
    return links_write(club->db, has_option(club, "--json"), stdout);
}

const struct command commands_cards[] = {
    {"hotlist add", "CARD [--reason WORD]",
     "refuse a card everywhere: lost (or stolen, blocked, clone, replaced)", club_hotlist_add,
     false},
    {"hotlist remove", "CARD", "take it off the list", club_hotlist_remove, false},
    {"hotlist load", "FILE", "many: a card and a reason, or off, a line", club_hotlist_load, false},
    {"hotlist list", "[--json]", "the list", club_hotlist_list, false},
    {"links", "[--json]", "which medium belongs to which card", club_links, false},
    {0},
};
