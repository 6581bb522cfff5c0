/* api_device.h - what devices ask the club beside the journal: a piece of a bundle, and to take a
 * log. Called by api.c for a terminal that was screened. docs/sync.md. */
#ifndef SERVER_API_DEVICE_H
#define SERVER_API_DEVICE_H

#include "server/api.h"
#include "sync/wire.h"

/* So many bytes of bundles leave the club in a second, however many terminals ask: sending them
 * takes the thread that also posts journals. One terminal gets a share, so that one that asks in a
 * loop takes nothing from the others. Who asks for more is told to come again, at no cost. */
enum {
    API_DEVICE_BYTES_A_SECOND = 16 << 20,
    API_DEVICE_SHARE_A_SECOND = 1 << 20,
    API_DEVICE_TERMINALS_A_SECOND = 512, /* as many as fetch at vafa-sync's own rate */
};

/* Bundles whose file was read whole since the club started, and was what was added. */
enum { API_DEVICE_CHECKED = 8 };
struct api_device_checked {
    size_t next;
    struct {
        char board[WIRE_BOARD_MAX + 1];
        uint32_t version; /* 0 = no bundle */
    } bundles[API_DEVICE_CHECKED];
};

/* What was sent in one second. Zeros at first, as the other. */
struct api_device_budget {
    int64_t second;
    size_t bytes;
    size_t count; /* terminals */
    struct {
        uint32_t terminal;
        uint32_t bytes;
    } to[API_DEVICE_TERMINALS_A_SECOND];
};

/* What api.c answers: 200 with `size` bytes, or a refusal with a word and a sentence. */
struct api_device_reply {
    unsigned status;
    size_t size;
    struct wire_error error;
};

bool api_device_is_update(const char *path);
bool api_device_is_logs(const char *path);

/* Up to WIRE_PIECE_MAX bytes into `ret_bytes`. A file that is missing, or is not what was added,
 * stops its rollout: every terminal would fetch it for nothing. */
void api_device_update(struct db *db, const char *dir, const struct api_request *request,
                       struct api_device_budget *budget, struct api_device_checked *checked,
                       void *ret_bytes, struct api_device_reply *ret);
/* `scratch` has room for WIRE_REQUEST_MAX bytes. */
void api_device_logs(struct db *db, const char *dir, const struct api_request *request,
                     void *scratch, struct api_device_reply *ret);

#endif
