#include "tools/programme/signing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hal/signed.h"

/* Forgets a key; the compiler may not leave it out. */
static void wipe(void *bytes, size_t size)
{
    explicit_bzero(bytes, size);
}

static enum st write_new(const char *path, const char *text, struct fault *fault)
{
    size_t size = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        fault_say(fault, errno == EEXIST ? "%s exists; a key is never overwritten (%s)." : "%s: %s",
                  path, strerror(errno));
        return errno == EEXIST ? ST_REFUSED : ST_IO;
    }
    bool is_written = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
    int cause = errno;
    is_written = close(fd) == 0 && is_written;
    if (!is_written) {
        fault_say(fault, "%s: %s", path, strerror(cause));
        (void)unlink(path); /* ours, and half a key */
        return ST_IO;
    }
    return ST_OK;
}

enum st signing_key(const char *private_path, struct fault *fault)
{
    char private_pem[SIGNED_PEM_MAX];
    char public_pem[SIGNED_PEM_MAX];
    enum st st = signed_pair_make(private_pem, public_pem);
    if (st != ST_OK) {
        fault_say(fault, "The system gives no random numbers.");
        return st;
    }
    st = write_new(private_path, private_pem, fault);
    wipe(private_pem, sizeof private_pem);
    return st;
}

enum st signing_public(const char *private_path, char **ret, struct fault *fault)
{
    char *private_pem = NULL;
    size_t size;
    enum st st = file_read(private_path, &private_pem, &size, fault);
    if (st != ST_OK) {
        return st;
    }
    char *public_pem = malloc(SIGNED_PEM_MAX);
    st = public_pem == NULL ? ST_FULL : signed_public_of(private_pem, public_pem, fault);
    wipe(private_pem, size);
    free(private_pem);
    if (st != ST_OK) {
        free(public_pem);
        return st;
    }
    *ret = public_pem;
    return ST_OK;
}

enum st signing_sign(const char *private_path, const struct document *document, char **ret,
                     struct fault *fault)
{
    char *private_pem = NULL;
    size_t size;
    if (document->is_signed) {
        fault_say(fault, "The programme is signed already; sign the plain document "
                         "(vafa-programme show --document gives it).");
        return ST_REFUSED;
    }
    enum st st = file_read(private_path, &private_pem, &size, fault);
    if (st != ST_OK) {
        return st;
    }
    st = signed_make(private_pem, DOCUMENT_TYP, document->text, document->size, ret, fault);
    wipe(private_pem, size);
    free(private_pem);
    return st;
}
