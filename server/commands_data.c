/* Commands that bring data out of the club, and in from another system. */
#include <stdio.h>

#include "server/command.h"
#include "server/export.h"

static enum st club_export(struct club *club)
{
    return export_write(club->db, argument(club, 0), club->now_s, stderr, &club->fault);
}

const struct command commands_data[] = {
    {"export", "FOLDER", "everything that the club has, as JSON Lines, into a new folder",
     club_export, false},
    {0},
};
