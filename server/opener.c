#include "server/opener.h"

#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "server/ca.h"
#include "server/keypair.h"

#define PUBLIC_NAME  "member.pem"
#define PRIVATE_NAME "member.key"

enum st opener_make(const char *dir, struct fault *fault)
{
    return keypair_make(dir, PUBLIC_NAME, PRIVATE_NAME, fault);
}

enum st opener_public(const char *dir, char **ret_pem, struct fault *fault)
{
    size_t size = 0;
    return file_load(dir, PUBLIC_NAME, ret_pem, &size, fault);
}

static enum st read_key(const char *dir, const char *name, struct box_key **ret,
                        struct fault *fault)
{
    char *pem = NULL;
    size_t size = 0;
    enum st st = file_load(dir, name, &pem, &size, fault);
    if (st == ST_OK) {
        st = box_key_read_private(pem, ret, fault);
        bytes_wipe(pem, size);
    }
    free(pem);
    return st;
}

enum st opener_load(const char *dir, struct box_key **ret, struct fault *fault)
{
    *ret = NULL;
    if (!file_exists(dir, PRIVATE_NAME)) {
        return ST_OK;
    }
    const enum st st = read_key(dir, PRIVATE_NAME, ret, fault);
    return st == ST_FOREIGN ? ST_CORRUPT : st;
}

enum st opener_read(const char *path, struct box_key **ret, struct fault *fault)
{
    return read_key(NULL, path, ret, fault);
}
