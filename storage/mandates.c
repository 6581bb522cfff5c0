#include "storage/mandates.h"

#include <stdlib.h>
#include <string.h>

#include "hal/signed.h"
#include "storage/rules.h"
#include "storage/store_priv.h"

/* A number that only stands in the club's word would be read before it is checked: so the version
 * is a column of its own, and the document's must be the same. */

enum st mandate_version(struct store *store, int64_t *ret)
{
    int64_t version = 0;
    const enum st st = sql_one(store, sql_use(store, SQL_MANDATE_VERSION), 1, LIMIT_MAX, &version);
    if (st == ST_OK || st == ST_REFUSED) {
        *ret = version; /* 0: none */
        return ST_OK;
    }
    return st;
}

/* Checks the signature and reads what it covers. */
static enum st open_text(struct store *store, const char *text, struct mandate *ret,
                         struct fault *fault)
{
    struct signed_key *key = NULL;
    char *document = NULL;
    size_t size = 0;
    enum st st = rules_key(store, &key, fault);
    if (st == ST_OK && key == NULL) {
        fault_say(fault, "This terminal knows no club's key, so it takes no mandate: enrol it.");
        return ST_DENIED;
    }
    if (st == ST_OK) {
        st = signed_open(key, MANDATE_TYP, text, strlen(text), &document, &size, fault);
    }
    if (st == ST_OK) {
        st = mandate_read(document, size, ret, fault);
    }
    signed_key_free(key);
    free(document);
    return st;
}

/* Is it for this terminal? */
static enum st check_terminal(struct store *store, const struct mandate *mandate,
                              struct fault *fault)
{
    char text[16] = "";
    const enum st st = setting_get(store, "terminal", text, sizeof text);
    if (st != ST_OK && st != ST_REFUSED) {
        return st;
    }
    if (strtoul(text, NULL, 10) != mandate->terminal) {
        fault_say(fault, "The mandate is terminal %u's, not this one's.", mandate->terminal);
        return ST_REFUSED;
    }
    return ST_OK;
}

static enum st put_locked(struct store *store, int64_t version, const char *text)
{
    enum st st = room_claim(store, ROOM_ENTRY_FRAMES + (uint32_t)(strlen(text) / 1024));
    if (st == ST_OK) {
        sqlite3_stmt *statement = sql_use(store, SQL_MANDATE_PUT);
        (void)sqlite3_bind_int64(statement, 1, version);
        (void)sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
        st = sql_run(store, statement, "write the mandate");
    }
    return st;
}

enum st mandate_take(struct store *store, const char *text, struct fault *fault)
{
    struct fault why = {""};
    int64_t present = 0;
    struct mandate *mandate = malloc(sizeof *mandate);
    enum st st = mandate == NULL ? ST_FULL : open_text(store, text, mandate, &why);
    if (st == ST_OK) {
        st = check_terminal(store, mandate, &why);
    }
    if (st == ST_OK) {
        st = mandate_version(store, &present);
    }
    if (st == ST_OK && mandate->version <= present) {
        fault_say(&why, "The mandate is not newer than the one in force, which stays.");
        st = ST_REFUSED;
    }
    if (st == ST_OK) {
        st = sql_begin(store);
        st = st != ST_OK ? st : sql_end(store, put_locked(store, mandate->version, text));
    }
    free(mandate);
    if (st != ST_OK && fault != NULL) {
        *fault = why.say[0] != '\0' ? why : store->fault;
    }
    return st;
}

static enum st read_text(struct store *store, char **ret, int64_t *ret_version)
{
    sqlite3_stmt *statement = sql_use(store, SQL_MANDATE);
    enum st st = sql_row(store, statement);
    if (st != ST_OK) {
        return st;
    }
    st = sql_number(store, statement, 0, 1, LIMIT_MAX, ret_version);
    if (st == ST_OK) {
        const char *text = (const char *)sqlite3_column_text(statement, 1);
        *ret = text == NULL ? NULL : strdup(text);
        st = *ret == NULL ? sql_status(store, SQLITE_NOMEM, "read the mandate") : ST_OK;
    }
    (void)sqlite3_reset(statement);
    return st;
}

enum st mandate_load(struct store *store, struct mandate *ret, struct fault *fault)
{
    struct fault why = {""};
    char *text = NULL;
    int64_t version = 0;
    enum st st = read_text(store, &text, &version);
    if (st == ST_REFUSED) {
        return st;
    }
    if (st == ST_OK) {
        st = open_text(store, text, ret, &why);
    }
    if (st == ST_OK && (ret->version != version || check_terminal(store, ret, &why) != ST_OK)) {
        fault_say(&why, "The stored mandate is not the one that was taken.");
        st = ST_FOREIGN;
    }
    free(text);
    if (st != ST_OK && fault != NULL) {
        *fault = why.say[0] != '\0' ? why : store->fault;
    }
    return st;
}
