/* groups.h - members in groups by the programme's rules (docs/programme.md, "A group").
 *
 * The same function judges at a terminal when somebody joins (plan_group_of()). A group that has a
 * rule belongs to it; one that has none is filled by hand (members_move()), and who is in it stays.
 * Functions on the database; db's statuses besides those named. */
#ifndef SERVER_GROUPS_H
#define SERVER_GROUPS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "firmware/engine/particulars.h"
#include "server/actions.h"
#include "server/db.h"

/* Who joins without a terminal and named no group: sets particulars->group by the programme in
 * force; 0 when no rule holds, or there is no programme. */
ST_CHECK enum st groups_choose(struct db *db, struct particulars *particulars, int64_t now_s);

struct groups_result {
    uint64_t seen;   /* members whom a rule may move */
    uint64_t moved;  /* of those: to another group, or (a trial) would be */
    uint64_t sealed; /* whose particulars are sealed still: nobody can judge them */
};

/* Judges every member again who is in no group or in one with a rule, and moves them where the
 * rules of the programme in force want them; their cards follow by actions. Each move is a
 * transaction of its own: cut short, the same call goes on. With `is_trial` nothing moves. A line
 * a move to `out`.
 * ST_REFUSED  there is no programme, or none of its groups has a rule. */
ST_CHECK enum st groups_apply(struct db *db, struct actions *actions, const char *who,
                              int64_t now_s, bool is_trial, FILE *out, struct groups_result *ret,
                              struct fault *fault);

#endif
