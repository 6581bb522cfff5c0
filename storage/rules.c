#include "storage/rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTING_KEY     "programme.key"
#define SETTING_REFUSED "programme.refused"

enum st rules_key(struct store *store, struct signed_key **ret, struct fault *fault)
{
    char pem[SIGNED_PEM_MAX];
    *ret = NULL;
    enum st st = setting_get(store, SETTING_KEY, pem, sizeof pem);
    if (st == ST_REFUSED) {
        return ST_OK;
    }
    if (st != ST_OK) {
        return st;
    }
    return signed_key_read(pem, ret, fault);
}

/* The document inside; the caller frees *ret. */
static enum st document_of(struct store *store, const char *text, size_t size, char **ret,
                           size_t *ret_size, struct fault *fault)
{
    struct signed_key *key = NULL;
    enum st st = rules_key(store, &key, fault);
    if (st != ST_OK) {
        return st;
    }
    if (key != NULL) {
        if (signed_is_jws(text, size)) {
            st = signed_open(key, RULES_TYP, text, size, ret, ret_size, fault);
        } else {
            fault_say(fault, "The programme is not signed: sign it with vafa-programme sign, or "
                             "give it to vafa-club programme.");
            st = ST_DENIED;
        }
    } else if (signed_is_jws(text, size)) {
        fault_say(fault, "The programme is signed, and this terminal knows no club's key: enrol it "
                         "first.");
        st = ST_DENIED;
    } else {
        *ret = malloc(size + 1);
        st = *ret == NULL ? ST_FULL : ST_OK;
        if (*ret != NULL) {
            memcpy(*ret, text, size);
            (*ret)[size] = '\0';
            *ret_size = size;
        }
    }
    signed_key_free(key);
    return st;
}

static enum st programme_of(struct store *store, const char *text, size_t size,
                            struct programme **ret, struct fault *fault)
{
    char *document = NULL;
    size_t document_size = 0;
    enum st st = document_of(store, text, size, &document, &document_size, fault);
    if (st == ST_OK) {
        st = programme_load(document, document_size, ret, fault);
    }
    free(document);
    return st;
}

enum st rules_load(struct store *store, struct programme **ret, struct fault *fault)
{
    uint32_t version = 0;
    char *text = NULL;
    struct programme *programme = NULL;
    enum st st = programme_get(store, &version, &text);
    if (st == ST_OK) {
        st = programme_of(store, text, strlen(text), &programme, fault);
    }
    free(text);
    if (st == ST_OK && programme->version != version) {
        fault_say(fault, "It says of itself that it is version %" PRIu32 ".", programme->version);
        st = ST_FOREIGN;
        programme_free(programme);
    }
    if (st == ST_OK) {
        *ret = programme;
    }
    return st;
}

static bool is_refusal(enum st st)
{
    return st == ST_FOREIGN || st == ST_UNSUPPORTED || st == ST_DENIED || st == ST_REFUSED;
}

/* May it follow what is in force? A stored one that does not load any more (older firmware) is in
 * nobody's way but by its version. */
static enum st follow_check(struct store *store, const struct programme *next, bool *ret_is_same,
                            const char *text, struct fault *fault)
{
    uint32_t version = 0;
    char *old_text = NULL;
    *ret_is_same = false;
    enum st st = programme_get(store, &version, &old_text);
    if (st != ST_OK) {
        return st == ST_REFUSED ? ST_OK : st;
    }
    struct programme *old = NULL;
    struct fault unused;
    if (version == next->version && strcmp(old_text, text) == 0) {
        *ret_is_same = true;
    } else if (next->version <= version) {
        fault_say(fault, "Version %" PRIu32 " is not newer than %" PRIu32 ", which stays in force.",
                  next->version, version);
        st = ST_REFUSED;
    } else if (programme_of(store, old_text, strlen(old_text), &old, &unused) == ST_OK) {
        st = programme_follows(old, next, fault);
    }
    programme_free(old);
    free(old_text);
    return st;
}

enum st rules_take(struct store *store, const char *text, size_t size, uint32_t *ret_version,
                   struct fault *fault)
{
    struct fault why = {{0}};
    char note[SETTING_VALUE_MAX] = "";
    char *copy = malloc(size + 1);
    struct programme *programme = NULL;
    bool is_same = false;
    enum st st = copy == NULL ? ST_FULL : ST_OK;

    if (st == ST_OK) {
        memcpy(copy, text, size);
        copy[size] = '\0';
        st = programme_of(store, copy, size, &programme, &why);
    }
    if (st == ST_OK) {
        st = follow_check(store, programme, &is_same, copy, &why);
    }
    if (st == ST_OK && !is_same) {
        st = programme_put(store, programme->version, copy);
        if (st != ST_OK) {
            why = *store_fault(store);
        }
    }
    if (ret_version != NULL && programme != NULL) {
        *ret_version = programme->version;
    }
    if (is_refusal(st)) {
        (void)snprintf(note, sizeof note, "A programme was refused: %s", why.say);
    }
    if (st == ST_OK || is_refusal(st)) {
        enum st noted = setting_put(store, SETTING_REFUSED, note);
        if (st == ST_OK && noted != ST_OK) {
            st = noted;
            why = *store_fault(store);
        }
    }
    if (st != ST_OK && fault != NULL) {
        *fault = why.say[0] != '\0' ? why : *store_fault(store);
    }
    programme_free(programme);
    free(copy);
    return st;
}
