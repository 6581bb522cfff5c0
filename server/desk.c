#include "server/desk.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct desk {
    struct db *db;
    struct signer *signer; /* NULL: the key is kept elsewhere */
    struct club_api *api;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t news;
    struct desk_job *first, **last; /* what waits */
    bool is_ending;
};

/* The next job; NULL: there is none any more, and none will come. */
static struct desk_job *take(struct desk *desk)
{
    (void)pthread_mutex_lock(&desk->mutex);
    while (desk->first == NULL && !desk->is_ending) {
        (void)pthread_cond_wait(&desk->news, &desk->mutex);
    }
    struct desk_job *job = desk->first;
    if (job != NULL) {
        desk->first = job->next;
        desk->last = desk->first == NULL ? &desk->first : desk->last;
    }
    (void)pthread_mutex_unlock(&desk->mutex);
    return job;
}

static void *run(void *context)
{
    struct desk *desk = context;
    for (struct desk_job *job = take(desk); job != NULL; job = take(desk)) {
        club_api_answer(desk->api, job->request, &job->reply);
        job->body = malloc(job->reply.body_bytes + 1);
        if (job->body != NULL) {
            memcpy(job->body, job->reply.body, job->reply.body_bytes);
        }
        job->done(job->context);
    }
    return NULL;
}

enum st desk_open(const char *dir, struct desk **ret, struct fault *fault)
{
    char path[PATH_MAX];
    struct desk *desk = calloc(1, sizeof *desk);
    if (desk == NULL) {
        fault_say(fault, "No memory for the club.");
        return ST_FULL;
    }
    (void)snprintf(path, sizeof path, "%s/club.db", dir);
    desk->last = &desk->first;
    (void)pthread_mutex_init(&desk->mutex, NULL);
    (void)pthread_cond_init(&desk->news, NULL);
    enum st st = db_open(path, false, &desk->db, fault);
    if (st == ST_OK) {
        st = signer_open(dir, NULL, &desk->signer, fault);
        st = st == ST_REFUSED ? ST_OK : st;
    }
    if (st == ST_OK) {
        st = club_api_open(desk->db, dir, desk->signer, &desk->api, fault);
    }
    if (st == ST_OK && pthread_create(&desk->thread, NULL, run, desk) != 0) {
        fault_say(fault, "Cannot start a thread.");
        st = ST_IO;
    }
    if (st != ST_OK) {
        club_api_close(desk->api);
        signer_close(desk->signer);
        db_close(desk->db);
        free(desk);
        return st;
    }
    *ret = desk;
    return ST_OK;
}

void desk_end(struct desk *desk)
{
    (void)pthread_mutex_lock(&desk->mutex);
    const bool was_ending = desk->is_ending;
    desk->is_ending = true;
    (void)pthread_cond_signal(&desk->news);
    (void)pthread_mutex_unlock(&desk->mutex);
    if (!was_ending) {
        (void)pthread_join(desk->thread, NULL);
    }
}

void desk_close(struct desk *desk)
{
    if (desk == NULL) {
        return;
    }
    desk_end(desk);
    club_api_close(desk->api);
    signer_close(desk->signer);
    db_close(desk->db);
    (void)pthread_cond_destroy(&desk->news);
    (void)pthread_mutex_destroy(&desk->mutex);
    free(desk);
}

bool desk_put(struct desk *desk, struct desk_job *job)
{
    job->next = NULL;
    (void)pthread_mutex_lock(&desk->mutex);
    const bool is_open = !desk->is_ending;
    if (is_open) {
        *desk->last = job;
        desk->last = &job->next;
        (void)pthread_cond_signal(&desk->news);
    }
    (void)pthread_mutex_unlock(&desk->mutex);
    return is_open;
}
