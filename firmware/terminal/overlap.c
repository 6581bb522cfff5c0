#include "firmware/terminal/overlap.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>

/* SQLite and the journal's hashing stay below 20 KiB; the rest is for a libc that wants more. */
enum { STACK_BYTES = 256 * 1024 };

struct work {
    void (*disk)(void *);
    void *ctx;
};

static void *run_disk(void *ctx)
{
    const struct work *work = ctx;
    work->disk(work->ctx);
    return NULL;
}

static int start(pthread_t *ret, struct work *work)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    int error = pthread_attr_init(&attributes);
    if (error != 0) {
        return error;
    }
    error = pthread_attr_setstacksize(&attributes, STACK_BYTES);
    /* Signals stay with the thread that has always had them. */
    (void)sigfillset(&all);
    if (error == 0) {
        error = pthread_sigmask(SIG_BLOCK, &all, &before);
    }
    if (error == 0) {
        error = pthread_create(ret, &attributes, run_disk, work);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    (void)pthread_attr_destroy(&attributes);
    return error;
}

void overlap_by_thread(void (*disk)(void *), void (*card)(void *), void *ctx)
{
    struct work work = {.disk = disk, .ctx = ctx};
    pthread_t thread;

    if (start(&thread, &work) != 0) {
        disk(ctx);
        card(ctx);
        return;
    }
    card(ctx);
    const int error = pthread_join(thread, NULL);
    assert(error == 0);
    (void)error;
}
