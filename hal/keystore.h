/* keystore.h - the port behind which the card masters live: they go in once and never come out.
 *
 * The rest of the code can only ask for what a card needs: its sector keys, its seals, a session
 * with it. A store holds only the masters that its terminal needs; asked for another it answers
 * ST_UNSUPPORTED. Opaque: memory is locked, kept out of core dumps, and wiped at close. One thread.
 * How masters come in: hal/keystore_admin.h, docs/keys.md.
 * Derivation: NXP AN10922 (AES-128 diversification); inputs and vectors: docs/card-layout.md and
 * docs/keys.md. */
#ifndef HAL_KEYSTORE_H
#define HAL_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/status.h"

struct keystore;

enum key_letter { KEY_A = 0, KEY_B = 1 };

/* What a seal covers; each purpose has its own per-card key. */
enum seal_purpose {
    SEAL_SNAPSHOT = 1,
    SEAL_IDENTITY = 2,
    SEAL_POINTER = 3,
    SEAL_FACTS = 4,
};

enum { KEYSTORE_SEAL_BYTES = 16 };

/* Opens the store that `where` names: a file, or a token by its PKCS#11 URI (RFC 7512). Both:
 * docs/keys.md.
 * ST_OK       the caller owns *ret and closes it.
 * ST_IO       it is missing, unreadable or does not answer (fault: which, and how to make one).
 * ST_FOREIGN  not a key store, or damaged.
 * ST_DENIED   others than its owner may read it, or it was made for another device. */
ST_CHECK enum st keystore_open(const char *where, struct keystore **ret, struct fault *fault);
/* Accepts NULL. Wipes the keys. */
void keystore_close(struct keystore *keystore);

/* Makes a new store with random masters of version 0, all that there are, for the simulator and for
 * trials; refuses to overwrite. A file gets mode 0600.
 * ST_REFUSED  a store is there already. ST_IO  it cannot be written. */
ST_CHECK enum st keystore_create(const char *where, struct fault *fault);

enum { KEYSTORE_VERSIONS = 16 };

/* Key version that new cards get, 0..15. */
uint8_t keystore_version(const struct keystore *keystore);

/* MIFARE Classic.
 *
 * The Crypto1 key of one sector of one card. `version` as on the card.
 * ST_UNSUPPORTED  this store has no master of that version. ST_IO  a token fell silent. */
ST_CHECK enum st keystore_sector_key(const struct keystore *keystore, uint8_t version,
                                     const uint8_t *uid, size_t uid_bytes, uint8_t sector,
                                     enum key_letter letter, uint8_t ret_key[6]);

/* AES-CMAC (NIST SP 800-38B) of `data` under the card's key for this purpose, 16 bytes; the caller
 * keeps as many leading bytes as the layout says. Statuses as above. */
ST_CHECK enum st keystore_seal(const struct keystore *keystore, uint8_t version,
                               enum seal_purpose purpose, const uint8_t *uid, size_t uid_bytes,
                               const uint8_t *data, size_t size,
                               uint8_t ret_seal[KEYSTORE_SEAL_BYTES]);

/* MIFARE DESFire with AES. What a terminal may do to a card is decided by the card, from the key
 * that the terminal proves; each role is a key of the card's application and a master of its own.
 * The number of a role is the number of its key on the card. */
enum key_role {
    ROLE_ISSUE = 0, /* the application's master key: makes files, sets the keys at issue */
    ROLE_SPEND = 1, /* reads, debits, writes records */
    ROLE_LOAD = 2,  /* credits */
};
enum { KEY_ROLES = 3 };

enum {
    DESFIRE_RANDOM_BYTES = 16,
    DESFIRE_ANSWER_BYTES = 32,
    DESFIRE_CRYPTOGRAM_BYTES = 32,
    /* Stands for the key of 16 zero bytes, version byte 00, that each key of a new application has.
     * Every store knows it. */
    KEYSTORE_FACTORY = 0xFF,
    /* Version v of a master is version byte MARK | v on the card (GetKeyVersion), so that no key of
     * ours reads like the factory's 00. */
    KEYSTORE_DESFIRE_MARK = 0xA0,
};

/* The application whose keys are meant. The UID is the real one: not a random one of 4 bytes. */
struct desfire_application {
    const uint8_t *uid; /* 4, 7 or 10 bytes */
    size_t uid_bytes;
    uint8_t aid[3]; /* as on the wire, lowest byte first; 00 00 00 is the card itself */
};

/* AuthenticateAES (0xAA), first half: takes the card's E(RndB), gives the 32 bytes for command
 * 0xAF. RndA and the card's key stay in the store. Ends any session before. `version` 0..15 or
 * KEYSTORE_FACTORY.
 * ST_UNSUPPORTED  this store has no master for that role and version. ST_IO  no randomness, or a
 * token fell silent. */
ST_CHECK enum st keystore_desfire_begin(struct keystore *keystore,
                                        const struct desfire_application *application,
                                        enum key_role role, uint8_t version,
                                        const uint8_t card_random[DESFIRE_RANDOM_BYTES],
                                        uint8_t ret_answer[DESFIRE_ANSWER_BYTES]);

/* Second half: verifies the card's E(RndA') and gives the session key; its IV begins as zeros.
 * Only right after keystore_desfire_begin() (else a bug).
 * ST_DENIED  the card does not know the key: not ours, or an attack. The session is gone. */
ST_CHECK enum st keystore_desfire_finish(struct keystore *keystore,
                                         const uint8_t card_answer[DESFIRE_RANDOM_BYTES],
                                         uint8_t ret_session_key[16]);

/* ChangeKey (0xC4) in the session that keystore_desfire_finish() opened: what follows the command
 * and the key number (`*ret_key_number`: the role, or 0x80 on the card itself, which makes its key
 * an AES key). New and old key are in it only enciphered. Sets role's key from `version_from` to
 * `version_to`, each 0..15 or KEYSTORE_FACTORY. `iv` is the session's now; afterwards the session's
 * IV is the last 16 bytes. The key that the session was opened with ends it: the card answers
 * without a MAC, and the store forgets the session at the next begin or end.
 * ST_UNSUPPORTED, ST_IO  as above. */
ST_CHECK enum st keystore_desfire_change_key(const struct keystore *keystore, enum key_role role,
                                             uint8_t version_from, uint8_t version_to,
                                             const uint8_t iv[16], uint8_t *ret_key_number,
                                             uint8_t ret_cryptogram[DESFIRE_CRYPTOGRAM_BYTES]);

/* Forgets session and handshake: the card left or is done. */
void keystore_desfire_end(struct keystore *keystore);

/* True if the store has the master of that role and version. */
bool keystore_has_role(const struct keystore *keystore, enum key_role role, uint8_t version);

/* Media that identify (docs/media.md).
 *
 * A medium is stored and sent only as this: AES-CMAC (NIST SP 800-38B) under the media master,
 * which all terminals of a club share, of "VAFA-MEDIUM-1", a zero byte, `kind` (1 byte) and `text`
 * (1 to KEYSTORE_MEDIUM_TEXT_MAX bytes, else a bug). Vectors: docs/media.md. ST_UNSUPPORTED  this
 * store has no media master of that version. ST_IO  a token fell silent. */
enum { KEYSTORE_MEDIUM_TAG_BYTES = 16, KEYSTORE_MEDIUM_TEXT_MAX = 64 };
ST_CHECK enum st keystore_medium_tag(const struct keystore *keystore, uint8_t version, uint8_t kind,
                                     const char *text, uint8_t ret_tag[KEYSTORE_MEDIUM_TAG_BYTES]);
/* True if the store has the media master of that version. */
bool keystore_has_media(const struct keystore *keystore, uint8_t version);

enum { KEYSTORE_CHECK_BYTES = 3 };

/* Key check values: the first 3 bytes of AES-CMAC over 16 zero bytes, of the sector master and of
 * the seal master. Two stores with the same values hold the same keys; the keys stay unknown.
 * ST_UNSUPPORTED  this store has not both masters of that version. */
ST_CHECK enum st keystore_check_values(const struct keystore *keystore, uint8_t version,
                                       uint8_t ret_sector[KEYSTORE_CHECK_BYTES],
                                       uint8_t ret_seal[KEYSTORE_CHECK_BYTES]);

#endif
