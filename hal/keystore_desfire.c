#include <assert.h>
#include <string.h>

#include "hal/base/bytes.h"
#include "hal/keystore_ev1.h"
#include "hal/keystore_priv.h"
#include "hal/keystore_random.h"

enum { CARD_KEY_IS_AES = 0x80 };

static enum key_master master_of(enum key_role role)
{
    assert((unsigned)role < KEY_ROLES);
    return (enum key_master)((unsigned)MASTER_ISSUE + (unsigned)role);
}

/* The key with the number `role` in that application. AN10922 input: UID length, UID padded with
 * zeros to 10, application, key number, key version, name of the system: 22 bytes. */
static enum st card_key(const struct keystore *keystore,
                        const struct desfire_application *application, enum key_role role,
                        uint8_t version, uint8_t ret_key[16])
{
    static const uint8_t system_name[6] = {'V', 'A', 'F', 'A', '-', 'D'};
    uint8_t input[1 + 10 + 3 + 1 + 1 + sizeof system_name] = {0};
    assert(application->uid_bytes >= 4 && application->uid_bytes <= 10);

    if (version == KEYSTORE_FACTORY) {
        memset(ret_key, 0, 16);
        return ST_OK;
    }
    input[0] = (uint8_t)application->uid_bytes;
    memcpy(input + 1, application->uid, application->uid_bytes);
    memcpy(input + 11, application->aid, 3);
    input[14] = (uint8_t)role;
    input[15] = version;
    memcpy(input + 16, system_name, sizeof system_name);
    return keystore_diversify(keystore, master_of(role), version, input, sizeof input, ret_key);
}

static bool is_card_itself(const struct desfire_application *application)
{
    return application->aid[0] == 0 && application->aid[1] == 0 && application->aid[2] == 0;
}

enum st keystore_desfire_begin(struct keystore *keystore,
                               const struct desfire_application *application, enum key_role role,
                               uint8_t version, const uint8_t card_random[DESFIRE_RANDOM_BYTES],
                               uint8_t ret_answer[DESFIRE_ANSWER_BYTES])
{
    struct desfire_session *session = &keystore->desfire;
    assert(!is_card_itself(application) || role == ROLE_ISSUE);

    keystore_desfire_end(keystore);
    const enum st st = card_key(keystore, application, role, version, session->key);
    if (st != ST_OK) {
        return st;
    }
    if (!keystore_random(session->rnd_a, sizeof session->rnd_a)) {
        keystore_desfire_end(keystore);
        return ST_IO;
    }
    session->role = role;
    session->application = *application;
    memcpy(session->uid, application->uid, application->uid_bytes);
    session->application.uid = session->uid;
    keystore_ev1_answer(session->key, card_random, session->rnd_a, session->rnd_b, ret_answer);
    memcpy(session->iv, ret_answer + 16, sizeof session->iv);
    session->state = DESFIRE_BEGUN;
    return ST_OK;
}

enum st keystore_desfire_finish(struct keystore *keystore,
                                const uint8_t card_answer[DESFIRE_RANDOM_BYTES],
                                uint8_t ret_session_key[16])
{
    struct desfire_session *session = &keystore->desfire;
    assert(session->state == DESFIRE_BEGUN);

    if (!keystore_ev1_is_answered(session->key, session->rnd_a, session->iv, card_answer)) {
        keystore_desfire_end(keystore);
        return ST_DENIED;
    }
    keystore_ev1_session_key(session->rnd_a, session->rnd_b, session->session_key);
    memcpy(ret_session_key, session->session_key, sizeof session->session_key);
    bytes_wipe(session->key, sizeof session->key);
    bytes_wipe(session->rnd_a, sizeof session->rnd_a);
    bytes_wipe(session->rnd_b, sizeof session->rnd_b);
    session->state = DESFIRE_OPEN;
    return ST_OK;
}

enum st keystore_desfire_change_key(const struct keystore *keystore, enum key_role role,
                                    uint8_t version_from, uint8_t version_to, const uint8_t iv[16],
                                    uint8_t *ret_key_number,
                                    uint8_t ret_cryptogram[DESFIRE_CRYPTOGRAM_BYTES])
{
    const struct desfire_session *session = &keystore->desfire;
    const struct desfire_application *application = &session->application;
    const bool is_own = role == session->role;
    uint8_t old_key[16], new_key[16];
    assert(session->state == DESFIRE_OPEN);
    assert(!is_card_itself(application) || role == ROLE_ISSUE);

    enum st st = card_key(keystore, application, role, version_from, old_key);
    if (st == ST_OK) {
        st = card_key(keystore, application, role, version_to, new_key);
    }
    if (st == ST_OK) {
        const uint8_t number = is_card_itself(application) ? CARD_KEY_IS_AES : (uint8_t)role;
        const uint8_t mark =
            version_to == KEYSTORE_FACTORY ? 0 : (uint8_t)(KEYSTORE_DESFIRE_MARK | version_to);
        keystore_ev1_change_key(session->session_key, iv, number, is_own ? NULL : old_key, new_key,
                                mark, ret_cryptogram);
        *ret_key_number = number;
    }
    bytes_wipe(old_key, sizeof old_key);
    bytes_wipe(new_key, sizeof new_key);
    return st;
}

void keystore_desfire_end(struct keystore *keystore)
{
    bytes_wipe(&keystore->desfire, sizeof keystore->desfire);
}

bool keystore_has_role(const struct keystore *keystore, enum key_role role, uint8_t version)
{
    return version == KEYSTORE_FACTORY ||
           (version < KEYSTORE_VERSIONS && keystore->has[master_of(role)][version]);
}
