/* The store in a token: masters are keys that never leave it (PKCS#11 v2.40). What that is worth,
 * and which tokens will do: docs/keys.md. */
#include <assert.h>
#include <dlfcn.h>
#include <limits.h>
#include <p11-kit-1/p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "hal/keystore_disk.h"
#include "hal/keystore_memory.h"
#include "hal/keystore_priv.h"

static const char scheme[] = "pkcs11:";

enum { LABEL_MAX = 32, PIN_MAX = 64, SLOTS_MAX = 64, NO_SLOT = -1 };

/* RFC 7512, of which this is read: pkcs11:token=LABEL?module-path=LIBRARY&pin-source=FILE, and
 * slot-id=N instead of token or beside it. */
struct token_uri {
    char token[LABEL_MAX + 1]; /* "" any */
    long slot;                 /* NO_SLOT any */
    char module[PATH_MAX];
    char pin_file[PATH_MAX];
};

/* In locked memory, for the PIN's sake. */
struct token_store {
    struct token_uri uri;
    void *library;
    CK_FUNCTION_LIST *p11;
    bool is_ours; /* we initialised the library, so we finalise it */
    CK_SESSION_HANDLE session;
    bool has_session;
    bool is_barred; /* the PIN was refused: no more tries, or the token locks itself */
    bool has[KEY_MASTERS][KEYSTORE_VERSIONS];
    CK_OBJECT_HANDLE key[KEY_MASTERS][KEYSTORE_VERSIONS];
    char pin[PIN_MAX + 2];
};

bool keystore_is_token(const char *where)
{
    return strncmp(where, scheme, sizeof scheme - 1) == 0;
}

/* --- the name --------------------------------------------------------------------------------- */

/* Undoes %xx. False: malformed, or longer than `size` with its NUL. */
static bool decode(const char *text, size_t text_size, char *ret, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < text_size; i += 1, at += 1) {
        char c = text[i];
        if (c == '%') {
            const char digits[3] = {i + 1 < text_size ? text[i + 1] : 'x',
                                    i + 2 < text_size ? text[i + 2] : 'x', '\0'};
            uint8_t byte = 0;
            if (hex_decode(digits, &byte, 1) != ST_OK || byte == 0) {
                return false;
            }
            c = (char)byte;
            i += 2;
        }
        if (at + 1 >= size) {
            return false;
        }
        ret[at] = c;
    }
    ret[at] = '\0';
    return true;
}

static bool take_attribute(struct token_uri *uri, const char *text, size_t size)
{
    const char *equals = memchr(text, '=', size);
    if (equals == NULL) {
        return size == 0;
    }
    const size_t name = (size_t)(equals - text);
    const char *value = equals + 1;
    const size_t value_size = size - name - 1;

    if (name == 5 && memcmp(text, "token", name) == 0) {
        return decode(value, value_size, uri->token, sizeof uri->token);
    }
    if (name == 11 && memcmp(text, "module-path", name) == 0) {
        return decode(value, value_size, uri->module, sizeof uri->module);
    }
    if (name == 10 && memcmp(text, "pin-source", name) == 0) {
        const size_t skip = value_size > 5 && memcmp(value, "file:", 5) == 0 ? 5 : 0;
        return decode(value + skip, value_size - skip, uri->pin_file, sizeof uri->pin_file);
    }
    if (name == 7 && memcmp(text, "slot-id", name) == 0) {
        char number[16], *rest = NULL;
        if (!decode(value, value_size, number, sizeof number)) {
            return false;
        }
        uri->slot = strtol(number, &rest, 10);
        return rest != number && *rest == '\0' && uri->slot >= 0;
    }
    return false;
}

static enum st parse_uri(const char *where, struct token_uri *ret, struct fault *fault)
{
    const char *at = where + sizeof scheme - 1;
    bool is_good = true;

    ret->slot = NO_SLOT;
    while (is_good && *at != '\0') {
        const size_t size = strcspn(at, ";?&");
        is_good = take_attribute(ret, at, size);
        at += size;
        at += *at != '\0';
    }
    if (!is_good || ret->module[0] != '/' || ret->pin_file[0] == '\0' ||
        (ret->token[0] == '\0' && ret->slot == NO_SLOT)) {
        fault_say(fault, "A token's name is pkcs11:token=LABEL?module-path=/LIBRARY&pin-source="
                         "FILE. This one is not.");
        return ST_IO;
    }
    return ST_OK;
}

/* --- library, slot, session ------------------------------------------------------------------- */

static enum st token_fault(struct fault *fault, const char *what, CK_RV rv)
{
    if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID) {
        fault_say(fault,
                  "The token's PIN is wrong. Tokens lock themselves after a few wrong ones.");
        return ST_DENIED;
    }
    if (rv == CKR_PIN_LOCKED) {
        fault_say(fault, "The token's PIN is locked: its security officer must set a new one.");
        return ST_DENIED;
    }
    fault_say(fault, "The token does not %s: PKCS#11 error 0x%lx.", what, (unsigned long)rv);
    return ST_IO;
}

static enum st load_library(struct token_store *store, struct fault *fault)
{
    CK_C_GetFunctionList get = NULL;
    CK_RV rv = CKR_OK;

    store->library = dlopen(store->uri.module, RTLD_NOW | RTLD_LOCAL);
    void *symbol = store->library == NULL ? NULL : dlsym(store->library, "C_GetFunctionList");
    if (symbol == NULL) {
        fault_say(fault, "No PKCS#11 library: %s.", dlerror());
        return ST_IO;
    }
    memcpy(&get, &symbol, sizeof get); /* ISO C has no cast from object to function pointer */
    rv = get(&store->p11);
    if (rv != CKR_OK) {
        return token_fault(fault, "give its functions", rv);
    }
    rv = store->p11->C_Initialize(NULL);
    store->is_ours = rv == CKR_OK;
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        return token_fault(fault, "start", rv);
    }
    return ST_OK;
}

static bool is_wanted(const struct token_store *store, CK_SLOT_ID slot)
{
    CK_TOKEN_INFO info;
    char padded[LABEL_MAX + 1];

    if (store->uri.slot != NO_SLOT && slot != (CK_SLOT_ID)store->uri.slot) {
        return false;
    }
    if (store->p11->C_GetTokenInfo(slot, &info) != CKR_OK) {
        return false;
    }
    (void)snprintf(padded, sizeof padded, "%-32s", store->uri.token);
    return store->uri.token[0] == '\0' || memcmp(info.label, padded, LABEL_MAX) == 0;
}

static enum st find_slot(struct token_store *store, CK_SLOT_ID *ret, struct fault *fault)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_MECHANISM_INFO mechanism;
    unsigned found = 0;

    const CK_RV rv = store->p11->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK) {
        return token_fault(fault, "list its slots", rv);
    }
    for (CK_ULONG i = 0; i < count; i += 1) {
        if (is_wanted(store, slots[i])) {
            *ret = slots[i];
            found += 1;
        }
    }
    if (found != 1) {
        fault_say(fault, "%s token \"%s\" in %s.", found == 0 ? "There is no" : "More than one",
                  store->uri.token, store->uri.module);
        return ST_IO;
    }
    if (store->p11->C_GetMechanismInfo(*ret, CKM_AES_CMAC, &mechanism) != CKR_OK ||
        (mechanism.flags & CKF_SIGN) == 0) {
        fault_say(fault, "The token \"%s\" cannot do AES-CMAC (CKM_AES_CMAC): take another kind.",
                  store->uri.token);
        return ST_UNSUPPORTED;
    }
    return ST_OK;
}

static enum st login(struct token_store *store, CK_SLOT_ID slot, bool is_writing,
                     struct fault *fault)
{
    const CK_FLAGS flags = CKF_SERIAL_SESSION | (is_writing ? CKF_RW_SESSION : 0);
    size_t size = 0;

    const enum st st = keystore_disk_read(store->uri.pin_file, "It should hold the token's PIN.",
                                          (uint8_t *)store->pin, PIN_MAX + 1, &size, fault);
    if (st != ST_OK) {
        return st;
    }
    size = strcspn(store->pin, "\r\n");
    CK_RV rv = store->p11->C_OpenSession(slot, flags, NULL, NULL, &store->session);
    store->has_session = rv == CKR_OK;
    if (rv == CKR_OK) {
        rv = store->p11->C_Login(store->session, CKU_USER, (CK_UTF8CHAR *)store->pin, size);
    }
    bytes_wipe(store->pin, sizeof store->pin);
    if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN) {
        return token_fault(fault, "let us in", rv);
    }
    return ST_OK;
}

/* --- keys ---------------------------------------------------------------------------------------
 */

static CK_ULONG make_label(enum key_master master, uint8_t version, char ret[LABEL_MAX + 1])
{
    const int size =
        snprintf(ret, LABEL_MAX + 1, "vafa-%s-%u", keystore_master_name(master), version);
    assert(size > 0 && size <= LABEL_MAX);
    return (CK_ULONG)size;
}

/* A master that could be read out, or that would sign for anybody, is none. */
static enum st check_key(struct token_store *store, CK_OBJECT_HANDLE key, const char *label,
                         struct fault *fault)
{
    CK_BBOOL is_sensitive = CK_FALSE, is_extractable = CK_TRUE, is_private = CK_FALSE;
    CK_ATTRIBUTE facts[] = {
        {CKA_SENSITIVE, &is_sensitive, sizeof is_sensitive},
        {CKA_EXTRACTABLE, &is_extractable, sizeof is_extractable},
        {CKA_PRIVATE, &is_private, sizeof is_private},
    };
    const CK_RV rv = store->p11->C_GetAttributeValue(store->session, key, facts, 3);
    if (rv != CKR_OK) {
        return token_fault(fault, "describe its keys", rv);
    }
    if (!is_sensitive || is_extractable || !is_private) {
        fault_say(fault, "The token's key %s can be read out of it: delete it, do a ceremony.",
                  label);
        return ST_DENIED;
    }
    return ST_OK;
}

static enum st find_key(struct token_store *store, enum key_master master, uint8_t version,
                        struct fault *fault)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    char label[LABEL_MAX + 1];
    CK_OBJECT_HANDLE found[2];
    CK_ULONG count = 0;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_LABEL, label, make_label(master, version, label)},
    };

    CK_RV rv = store->p11->C_FindObjectsInit(store->session, wanted, 3);
    if (rv == CKR_OK) {
        rv = store->p11->C_FindObjects(store->session, found, 2, &count);
        const CK_RV end = store->p11->C_FindObjectsFinal(store->session);
        rv = rv == CKR_OK ? end : rv;
    }
    if (rv != CKR_OK) {
        return token_fault(fault, "look for keys", rv);
    }
    if (count > 1) {
        fault_say(fault, "The token has two keys named %s: delete the wrong one.", label);
        return ST_FOREIGN;
    }
    if (count == 0) {
        return ST_OK;
    }
    const enum st st = check_key(store, found[0], label, fault);
    if (st == ST_OK) {
        store->has[master][version] = true;
        store->key[master][version] = found[0];
    }
    return st;
}

/* The highest version, and whether there is any. */
static bool highest_version(const struct token_store *store, uint8_t *ret)
{
    bool has_any = false;

    for (uint8_t version = 0; version < KEYSTORE_VERSIONS; version += 1) {
        for (size_t master = 0; master < KEY_MASTERS; master += 1) {
            if (store->has[master][version]) {
                *ret = version;
                has_any = true;
            }
        }
    }
    return has_any;
}

static void token_close(void *ctx)
{
    struct token_store *store = ctx;

    if (store == NULL) {
        return;
    }
    if (store->has_session) {
        (void)store->p11->C_CloseSession(store->session); /* the last one logs out */
    }
    if (store->is_ours) {
        (void)store->p11->C_Finalize(NULL);
    }
    if (store->library != NULL) {
        dlclose(store->library);
    }
    keystore_memory_free(store, sizeof *store);
}

static enum st connect_token(struct token_store *store, bool is_writing, struct fault *fault)
{
    CK_SLOT_ID slot = 0;

    memset(store->has, 0, sizeof store->has);
    enum st st = find_slot(store, &slot, fault);
    if (st == ST_OK) {
        st = login(store, slot, is_writing, fault);
        store->is_barred = st == ST_DENIED;
    }
    for (unsigned i = 0; i < KEYSTORE_ENTRIES_MAX && st == ST_OK; i += 1) {
        st = find_key(store, (enum key_master)(i % KEY_MASTERS), (uint8_t)(i / KEY_MASTERS), fault);
    }
    return st;
}

static enum st open_token(const char *where, bool is_writing, struct token_store **ret,
                          struct fault *fault)
{
    void *memory = NULL;

    enum st st = keystore_memory_allocate(sizeof(struct token_store), &memory, fault);
    if (st != ST_OK) {
        return st;
    }
    struct token_store *store = memory;
    st = parse_uri(where, &store->uri, fault);
    st = st == ST_OK ? load_library(store, fault) : st;
    st = st == ST_OK ? connect_token(store, is_writing, fault) : st;
    if (st != ST_OK) {
        token_close(store);
        return st;
    }
    *ret = store;
    return ST_OK;
}

/* --- the port ------------------------------------------------------------------------------- */

static CK_RV sign(struct token_store *store, CK_OBJECT_HANDLE key, const uint8_t *data, size_t size,
                  uint8_t ret_mac[16])
{
    CK_MECHANISM mechanism = {CKM_AES_CMAC, NULL, 0};
    uint8_t message[64];
    CK_ULONG mac_size = 16;
    assert(size <= sizeof message);

    memcpy(message, data, size); /* PKCS#11 takes no const */
    CK_RV rv = store->p11->C_SignInit(store->session, &mechanism, key);
    if (rv == CKR_OK) {
        rv = store->p11->C_Sign(store->session, message, size, ret_mac, &mac_size);
    }
    return rv == CKR_OK && mac_size != 16 ? CKR_DEVICE_ERROR : rv;
}

/* A token that was pulled and put back has forgotten its session: it is opened once more. */
static enum st token_cmac(void *ctx, enum key_master master, uint8_t version, const uint8_t *data,
                          size_t size, uint8_t ret_mac[16])
{
    struct token_store *store = ctx;
    uint8_t mac[16];

    CK_RV rv = sign(store, store->key[master][version], data, size, mac);
    if (rv != CKR_OK && !store->is_barred) {
        (void)store->p11->C_CloseSession(store->session);
        store->has_session = false;
        if (connect_token(store, false, NULL) == ST_OK && store->has[master][version]) {
            rv = sign(store, store->key[master][version], data, size, mac);
        }
    }
    if (rv == CKR_OK) {
        memcpy(ret_mac, mac, sizeof mac);
    }
    bytes_wipe(mac, sizeof mac);
    return rv == CKR_OK ? ST_OK : ST_IO;
}

static const struct keystore_ops token_ops = {token_cmac, token_close};

enum st keystore_token_open(const char *where, struct keystore *keystore, struct fault *fault)
{
    struct token_store *store = NULL;

    const enum st st = open_token(where, false, &store, fault);
    if (st != ST_OK) {
        return st;
    }
    if (!highest_version(store, &keystore->current)) {
        fault_say(fault, "The token \"%s\" has no masters yet: do a ceremony.", store->uri.token);
        token_close(store);
        return ST_IO;
    }
    keystore->ops = &token_ops;
    keystore->ctx = store;
    memcpy(keystore->has, store->has, sizeof keystore->has);
    (void)snprintf(keystore->description, sizeof keystore->description,
                   "token \"%s\", keys not extractable", store->uri.token);
    return ST_OK;
}

bool keystore_token_is_there(const char *where)
{
    struct token_store *store = NULL;
    uint8_t version = 0;

    if (open_token(where, false, &store, NULL) != ST_OK) {
        return true; /* keystore_open() will say what is wrong with it */
    }
    const bool is_there = highest_version(store, &version);
    token_close(store);
    return is_there;
}

static enum st create_key(struct token_store *store, const struct keystore_entry *entry,
                          struct fault *fault)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    char label[LABEL_MAX + 1];
    uint8_t id[3] = {'V', (uint8_t)entry->master, entry->version};
    uint8_t key[KEY_MASTER_BYTES];
    CK_ATTRIBUTE made[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_LABEL, label, make_label(entry->master, entry->version, label)},
        {CKA_ID, id, sizeof id},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_MODIFIABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},
        {CKA_VERIFY, &no, sizeof no},
        {CKA_ENCRYPT, &no, sizeof no},
        {CKA_DECRYPT, &no, sizeof no},
        {CKA_WRAP, &no, sizeof no},
        {CKA_UNWRAP, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},
        {CKA_VALUE, key, sizeof key},
    };

    memcpy(key, entry->key, sizeof key);
    const CK_RV rv = store->p11->C_CreateObject(store->session, made, sizeof made / sizeof made[0],
                                                &store->key[entry->master][entry->version]);
    bytes_wipe(key, sizeof key);
    return rv == CKR_OK ? ST_OK : token_fault(fault, "take the key", rv);
}

/* What may not go in. Nothing has been written yet. */
static enum st check_entries(struct token_store *store, const struct keystore_entry *entries,
                             size_t count, bool must_be_new, struct fault *fault)
{
    uint8_t current = 0;

    if (must_be_new && highest_version(store, &current)) {
        fault_say(fault, "The token has masters already: nothing is overwritten.");
        return ST_REFUSED;
    }
    for (size_t i = 0; i < count; i += 1) {
        bool *has = &store->has[entries[i].master][entries[i].version];
        if (*has) {
            fault_say(fault, "The token has %s of version %u already.",
                      keystore_master_name(entries[i].master), entries[i].version);
            return ST_REFUSED;
        }
        *has = true;
    }
    return ST_OK;
}

enum st keystore_token_add(const char *where, const struct keystore_entry *entries, size_t count,
                           bool must_be_new, struct fault *fault)
{
    struct token_store *store = NULL;
    size_t made = 0;

    enum st st = open_token(where, true, &store, fault);
    if (st != ST_OK) {
        return st;
    }
    st = check_entries(store, entries, count, must_be_new, fault);
    while (st == ST_OK && made < count) {
        st = create_key(store, &entries[made], fault);
        made += st == ST_OK;
    }
    while (st != ST_OK && made > 0) { /* all or nothing */
        made -= 1;
        (void)store->p11->C_DestroyObject(store->session,
                                          store->key[entries[made].master][entries[made].version]);
    }
    token_close(store);
    return st;
}
