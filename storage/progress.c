#include "storage/store_priv.h"

enum { STEPS = 20000 }; /* some milliseconds; a row of the journal takes about ten of them */

static int on_steps(void *context)
{
    struct progress *progress = context;
    progress->works(progress->ctx, progress->entry, progress->entries);
    return 0; /* go on */
}

void progress_begin(struct store *store)
{
    if (store->progress.works != NULL) {
        sqlite3_progress_handler(store->db, STEPS, on_steps, &store->progress);
    }
}

void progress_end(struct store *store)
{
    sqlite3_progress_handler(store->db, 0, NULL, NULL);
    store->progress.entry = 0;
}
