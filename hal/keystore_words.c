#include "hal/keystore_words.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"

static const char between[] = " ,\t\r";

/* In the order in which a person would name them. */
static const struct {
    const char *name;
    enum key_master first, last; /* its masters; the same when it has one */
} roles[] = {
    {"classic", MASTER_SECTORS, MASTER_SEALS}, {"spend", MASTER_SPEND, MASTER_SPEND},
    {"load", MASTER_LOAD, MASTER_LOAD},        {"issue", MASTER_ISSUE, MASTER_ISSUE},
    {"media", MASTER_MEDIA, MASTER_MEDIA},
};
enum { ROLES = sizeof roles / sizeof roles[0] };

static bool take_number(const char *text, unsigned min, unsigned max, unsigned *ret)
{
    char *rest = NULL;
    const unsigned long value = strtoul(text, &rest, 10);
    if (rest == text || *rest != '\0' || *text == '-' || value < min || value > max) {
        return false;
    }
    *ret = (unsigned)value;
    return true;
}

bool words_take_version(const char *text, struct ceremony *ret)
{
    unsigned version = 0;
    const bool is_good = take_number(text, 0, KEYSTORE_VERSIONS - 1, &version);
    ret->version = is_good ? (uint8_t)version : ret->version;
    return is_good;
}

bool words_take_custodians(const char *text, struct ceremony *ret)
{
    return take_number(text, CEREMONY_CUSTODIANS_MIN, CEREMONY_CUSTODIANS_MAX, &ret->custodians);
}

bool words_take_seconds(const char *text, struct ceremony *ret)
{
    return take_number(text, 1, 3600, &ret->patience_s);
}

static bool take_role(const char *word, size_t size, bool wants[KEY_MASTERS])
{
    for (size_t i = 0; i < ROLES; i += 1) {
        if (strlen(roles[i].name) == size && memcmp(roles[i].name, word, size) == 0) {
            wants[roles[i].first] = wants[roles[i].last] = true;
            return true;
        }
    }
    return false;
}

bool words_take_roles(const char *text, struct ceremony *ret)
{
    bool wants[KEY_MASTERS], has_role = false;

    memcpy(wants, ret->wants, sizeof wants);
    for (const char *at = text + strspn(text, between); *at != '\0'; at += strspn(at, between)) {
        const size_t size = strcspn(at, between);
        if (!take_role(at, size, wants)) {
            return false;
        }
        has_role = true;
        at += size;
    }
    if (has_role) {
        memcpy(ret->wants, wants, sizeof wants);
    }
    return has_role;
}

void words_roles_of(const struct keystore *keystore, uint8_t version, char ret[WORDS_ROLES_MAX])
{
    uint8_t check[KEYSTORE_CHECK_BYTES];
    size_t size = 0;

    ret[0] = '\0';
    for (size_t i = 0; i < ROLES; i += 1) {
        if (keystore_check_value(keystore, roles[i].last, version, check) == ST_OK) {
            size += (size_t)snprintf(ret + size, WORDS_ROLES_MAX - size, "%s%s",
                                     size > 0 ? " " : "", roles[i].name);
        }
    }
}

static void show_master(FILE *to, const struct keystore *keystore, enum key_master master,
                        uint8_t version)
{
    uint8_t check[KEYSTORE_CHECK_BYTES];
    char text[2 * KEYSTORE_CHECK_BYTES + 1];

    if (keystore_check_value(keystore, master, version, check) == ST_OK) {
        hex_encode(check, sizeof check, text);
        fprintf(to, "version %u: %s %s%s\n", version, keystore_master_name(master), text,
                version == keystore_version(keystore) ? ", for new cards" : "");
    }
}

void words_show(FILE *to, const struct keystore *keystore)
{
    fprintf(to, "%s\n", keystore_describe(keystore));
    for (uint8_t version = 0; version < KEYSTORE_VERSIONS; version += 1) {
        for (unsigned master = 0; master < KEY_MASTERS; master += 1) {
            show_master(to, keystore, (enum key_master)master, version);
        }
    }
}
