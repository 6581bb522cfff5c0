/* list.h - the terminal's copy of the hotlist, as sync keeps it: what it has, and taking news in.
 *
 * Trouble with the list never stops a sync: the journal goes up all the same. It is noted in the
 * setting `hotlist.say` for a person (empty = well), and asked for again at the next contact. The
 * caller owns the struct; one thread. */
#ifndef SYNC_LIST_H
#define SYNC_LIST_H

#include "storage/hotlist.h"
#include "storage/store.h"
#include "sync/wire.h"

enum { LIST_MADE_STEP_S = 600 }; /* its age is written down no more often than this */

struct list {
    const char *database; /* that it lies beside; NULL: this terminal keeps none */
    struct hotlist *hotlist;
    struct fault say; /* of the last trouble; "" = none */
};

void list_init(struct list *list, const char *database);
void list_finish(struct list *list);

/* Which list is here. A damaged one is thrown away. False: there is none that could take news. */
bool list_have(struct list *list, struct wire_list_have *ret);

/* Takes what the club sent. `now_s` is this terminal's clock, or the club's when that was never
 * set. True when it was taken and there is more to ask for. */
bool list_take(struct list *list, const struct wire_list *news, int64_t now_s);

/* Notes for lost cards, after list_take() of `news`, that the list in force is by a club that has
 * this terminal's entries up to `acknowledged` (storage/lost.h). ST_OK, or the store's. */
ST_CHECK enum st list_note_made(struct list *list, struct store *store,
                                const struct wire_list *news, uint32_t acknowledged);

/* Notes `say` in the settings when it changed. ST_OK, or the store's. */
ST_CHECK enum st list_note(struct list *list, struct store *store);

#endif
