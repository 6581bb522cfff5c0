/* vafa-keys - makes a key store, and shows which keys are in one without showing the keys.
 *
 *     vafa-keys new FILE     make a store with random masters; refuses to overwrite
 *     vafa-keys check FILE   print the key check values of each version
 *
 * Exit: 0 done, 1 not done (why: on standard error), 2 wrong use. */
#include <stdio.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "hal/keystore.h"

static int make(const char *path)
{
    struct fault fault;

    if (keystore_create(path, &fault) != ST_OK) {
        fprintf(stderr, "vafa-keys: %s\n", fault.say);
        return 1;
    }
    return 0;
}

static int check(const char *path)
{
    struct keystore *keystore;
    struct fault fault;

    if (keystore_open(path, &keystore, &fault) != ST_OK) {
        fprintf(stderr, "vafa-keys: %s\n", fault.say);
        return 1;
    }
    for (uint8_t version = 0; version < KEYSTORE_VERSIONS; version += 1) {
        uint8_t sector[KEYSTORE_CHECK_BYTES], seal[KEYSTORE_CHECK_BYTES];
        char sector_text[2 * KEYSTORE_CHECK_BYTES + 1], seal_text[2 * KEYSTORE_CHECK_BYTES + 1];

        if (keystore_check_values(keystore, version, sector, seal) == ST_OK) {
            hex_encode(sector, sizeof sector, sector_text);
            hex_encode(seal, sizeof seal, seal_text);
            printf("version %u: sector keys %s, seals %s%s\n", version, sector_text, seal_text,
                   version == keystore_version(keystore) ? ", for new cards" : "");
        }
    }
    keystore_close(keystore);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "new") == 0) {
        return make(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "check") == 0) {
        return check(argv[2]);
    }
    fputs("usage: vafa-keys new FILE | vafa-keys check FILE\n", stderr);
    return 2;
}
