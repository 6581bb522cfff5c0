/* vafa-keys - makes key stores, and shows which keys are in one without showing the keys.
 *
 * STORE is a file, or a token. Exit: 0 done, 1 not done (why: on standard error), 2 wrong use. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "hal/keystore.h"
#include "hal/keystore_admin.h"
#include "hal/keystore_ceremony.h"
#include "hal/keystore_console.h"
#include "hal/keystore_random.h"
#include "hal/keystore_words.h"
#include "hal/pin.h"

static const char usage[] =
    "usage: vafa-keys new STORE      make a store with random masters (simulator, trials)\n"
    "       vafa-keys check STORE    print roles, versions and check values, never keys\n"
    "       vafa-keys half           print a random half and its check value, for a sheet\n"
    "       vafa-keys ceremony STORE --version N --role ROLE [--role ROLE ...] [--custodians 3] "
    "[--prove]\n"
    "                                put masters in, by halves; ROLE: classic issue spend load "
    "media;\n"
    "                                --prove: first the halves of a master that is in it\n"
    "       vafa-keys console STORE [SECONDS]\n"
    "                                the same at a device's console: asks for version and roles, "
    "has a\n"
    "                                master of the store proved, ends when nobody types (300 s)\n"
    "       vafa-keys migrate FILE   seal a file of format 1\n"
    "       vafa-keys pin STORE      read an operator's PIN from standard input, print what the "
    "club\n"
    "                                keeps of it: vafa-keys pin STORE | vafa-club operator pin N\n"
    "STORE: FILE, or FILE?device=SECRET (else FILE.device), or a token:\n"
    "       'pkcs11:token=LABEL?module-path=/LIBRARY.so&pin-source=/PINFILE'\n";

static int end(enum st st, const struct fault *fault)
{
    if (st != ST_OK) {
        fprintf(stderr, "vafa-keys: %s\n", fault->say);
        return 1;
    }
    return 0;
}

static int check(const char *where)
{
    struct keystore *keystore = NULL;
    struct fault fault;

    const enum st st = keystore_open(where, &keystore, &fault);
    if (st == ST_OK) {
        words_show(stdout, keystore);
        keystore_close(keystore);
    }
    return end(st, &fault);
}

static int half(void)
{
    uint8_t key[KEY_MASTER_BYTES], value[KEYSTORE_CHECK_BYTES];
    char text[2 * KEY_MASTER_BYTES + 1], value_text[2 * KEYSTORE_CHECK_BYTES + 1];

    if (!keystore_random(key, sizeof key)) {
        fputs("vafa-keys: The system gives no random numbers: try again later.\n", stderr);
        return 1;
    }
    keystore_key_check(key, value);
    hex_encode(key, sizeof key, text);
    hex_encode(value, sizeof value, value_text);
    for (size_t i = 0; i < sizeof text - 1; i += 4) {
        printf("%.4s ", text + i);
    }
    printf("\ncheck value %s\n", value_text);
    bytes_wipe(key, sizeof key);
    bytes_wipe(text, sizeof text);
    return 0;
}

/* The PIN comes on standard input: a command line can be seen by others. */
static int pin(const char *where)
{
    char line[64] = "", verifier[PIN_VERIFIER_MAX];
    struct keystore *keystore = NULL;
    struct fault fault = {""};
    enum st st = ST_FOREIGN;

    if (fgets(line, sizeof line, stdin) == NULL) {
        fault_say(&fault, "Type the PIN on standard input.");
    } else {
        line[strcspn(line, "\r\n")] = '\0';
        st = keystore_open(where, &keystore, &fault);
    }
    if (st == ST_OK) {
        st = pin_make(keystore, line, verifier, &fault);
        keystore_close(keystore);
    }
    bytes_wipe(line, sizeof line);
    if (st == ST_OK) {
        puts(verifier);
    }
    return end(st, &fault);
}

static bool take_options(int argc, char **argv, struct ceremony *ret)
{
    bool has_version = false, has_role = false;

    for (int i = 0; i < argc; i += 1) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(name, "--prove") == 0) {
            ret->must_prove = true;
            continue;
        }
        if (strcmp(name, "--role") == 0 && words_take_roles(value, ret)) {
            has_role = true;
        } else if (strcmp(name, "--version") == 0 && words_take_version(value, ret)) {
            has_version = true;
        } else if (strcmp(name, "--custodians") != 0 || !words_take_custodians(value, ret)) {
            fprintf(stderr, "vafa-keys: %s %s is no option of ceremony.\n", name, value);
            return false;
        }
        i += 1; /* the value */
    }
    if (!has_role || !has_version) {
        fputs("vafa-keys: A ceremony needs --version 0..15 and at least one --role.\n", stderr);
        return false;
    }
    return true;
}

static int hold(const struct ceremony *ceremony)
{
    struct fault fault = {""};

    if (ceremony->wants[MASTER_ISSUE] &&
        !(ceremony->wants[MASTER_SPEND] && ceremony->wants[MASTER_LOAD])) {
        fputs("Note: issuing cards takes the masters of spend and load too; issue alone can only "
              "change cards.\n",
              stderr);
    }
    const enum st st = keystore_ceremony(ceremony, &fault);
    if (st == ST_OK) {
        fprintf(stderr, "Done: %s.\n", ceremony->where);
    }
    return end(st, &fault);
}

/* At a device's console. What is in the store already may be shown to anybody: check values. */
static int hold_at_console(const char *where, const char *seconds)
{
    struct ceremony ceremony = {.where = where};
    struct fault fault = {""};

    if (!words_take_seconds(seconds, &ceremony)) {
        fprintf(stderr, "vafa-keys: \"%s\" is no number of seconds.\n", seconds);
        return 2;
    }
    const enum st st = keystore_console_ask(&ceremony, &fault);
    return st == ST_OK ? hold(&ceremony) : end(st, &fault);
}

int main(int argc, char **argv)
{
    struct fault fault = {""};

    if (argc == 3 && strcmp(argv[1], "new") == 0) {
        return end(keystore_create(argv[2], &fault), &fault);
    }
    if (argc == 3 && strcmp(argv[1], "check") == 0) {
        return check(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "pin") == 0) {
        return pin(argv[2]);
    }
    if (argc == 2 && strcmp(argv[1], "half") == 0) {
        return half();
    }
    if (argc == 3 && strcmp(argv[1], "migrate") == 0) {
        return end(keystore_migrate(argv[2], &fault), &fault);
    }
    if (argc >= 3 && strcmp(argv[1], "ceremony") == 0) {
        struct ceremony ceremony = {.where = argv[2], .custodians = CEREMONY_CUSTODIANS_MIN};
        if (take_options(argc - 3, argv + 3, &ceremony)) {
            return hold(&ceremony);
        }
    }
    if ((argc == 3 || argc == 4) && strcmp(argv[1], "console") == 0) {
        return hold_at_console(argv[2], argc == 4 ? argv[3] : KEYSTORE_CONSOLE_PATIENCE);
    }
    const bool is_help = argc == 2 && strcmp(argv[1], "--help") == 0;
    fputs(usage, is_help ? stdout : stderr);
    return is_help ? 0 : 2;
}
