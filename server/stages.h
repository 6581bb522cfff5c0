/* stages.h - how far a rollout has come: the rule alone, without a database.
 *
 * A new version goes to one terminal, then to a tenth, then to all. A stage is complete when every
 * terminal of it that is waited for has proved the version: it runs it, marked good, with its
 * self-test ok, and was still heard of for the stated time after that. */
#ifndef SERVER_STAGES_H
#define SERVER_STAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the database: never renumber. */
enum stage { STAGE_NONE = 0, STAGE_ONE = 1, STAGE_TENTH = 2, STAGE_ALL = 3 };

enum { STAGES_RECENT_S = 7 * 86400 /* heard of within this: it will ask */ };

/* "one", "tenth", "all"; "none" for any other. STAGE_NONE for any other word. */
const char *stages_word(enum stage stage);
enum stage stages_of_word(const char *word);

/* How many of `count` terminals, in their fixed order, a stage is for: 1; a tenth, rounded up, and
 * at least 2; all, also those that join later (UINT32_MAX). */
uint32_t stages_reach(enum stage stage, uint32_t count);

/* A terminal of the stage as the club last heard of it. */
struct stages_member {
    uint32_t terminal, place;
    bool is_live;       /* in use: neither dead nor revoked */
    bool is_fit;        /* it runs the version, or may have it (updates.h) */
    bool has_failed;    /* the version fell back there */
    uint32_t version;   /* that runs; 0 = not told */
    int64_t offered_at; /* when the version was first offered to it; 0 = not yet */
    int64_t seen_at;    /* when it last told of itself; 0 = never */
    int64_t good_at;    /* since when it runs its version, good and self-test ok; 0 = it does not */
};

/* Does the stage wait for it? Not when it is gone, when a newer version runs there, when the
 * version fell back there (that stops the rollout; who goes on all the same knows), or when it has
 * not asked yet and need not be expected. One that was offered the version and fell silent is
 * waited for. */
bool stages_waits_for(const struct stages_member *member, uint32_t version, int64_t now_s);
bool stages_is_proved(const struct stages_member *member, uint32_t version, int64_t good_for_s);

/* The index of the first that holds the stage up: it is waited for and has not proved the version;
 * `count` when none does. *ret_proved grows by those before it that are waited for and have. A
 * stage is complete when nobody holds it up and at least one has proved the version. */
size_t stages_held_by(const struct stages_member *members, size_t count, uint32_t version,
                      int64_t good_for_s, int64_t now_s, size_t *ret_proved);

#endif
