/* document.h - a programme's file: plain JSON or signed, read, loaded and kept as JSON beside it.
 */
#ifndef TOOLS_PROGRAMME_DOCUMENT_H
#define TOOLS_PROGRAMME_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "firmware/engine/programme.h"
#include "hal/base/status.h"

/* "typ" of a signed programme's header (docs/decisions/0006-signed-programmes.md). */
#define DOCUMENT_TYP "vafa-programme"

struct document {
    char *text; /* the programme's JSON, NUL-terminated */
    size_t size;
    bool is_signed;   /* the file was a JWS */
    bool is_verified; /* and its signature was checked */
    struct programme *programme;
    json_t *json;
};

/* Reads a whole file, NUL-terminated; the caller frees *ret. ST_IO: fault names it. */
ST_CHECK enum st file_read(const char *path, char **ret, size_t *ret_size, struct fault *fault);

/* Reads and loads a programme. `public_path` is the key to check its signature with; NULL = not
 * checked. ST_IO a file cannot be read; ST_FOREIGN, ST_UNSUPPORTED it is no programme, or is plain
 * although there is a key; ST_DENIED the signature is not by that key. fault says so.
 * document_close() in any case. */
ST_CHECK enum st document_open(const char *path, const char *public_path, struct document *ret,
                               struct fault *fault);
void document_close(struct document *document);

#endif
