/* Authentication and secure messaging: the D40 kind (0A) and the EV1 kind (1A, AA). libfreefare
 * 0.4.0, mifare_desfire_crypto.c, is the other side of all this. */
#include <assert.h>
#include <string.h>

#include "tools/pn532-sim/desfire_crypto.h"
#include "tools/pn532-sim/desfire_priv.h"

enum {
    D40_MAC_BYTES = 4,
    CMAC_BYTES = 8,
};

static void put32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static void rotate_left(uint8_t *bytes, size_t count)
{
    const uint8_t first = bytes[0];
    memmove(bytes, bytes + 1, count - 1);
    bytes[count - 1] = first;
}

struct desfire_key *desfire_find_key(struct desfire *card, uint8_t number)
{
    struct desfire_model_application *application = desfire_current(card);
    if (application == NULL) {
        return number == 0 ? &card->memory.master : NULL;
    }
    return number < application->keys_count ? &application->keys[number] : NULL;
}

uint8_t desfire_key_version(const struct desfire_key *key)
{
    uint8_t version = 0;
    if (key->cipher == DESFIRE_AES) {
        return key->version;
    }
    for (size_t i = 0; i < 8; i++) {
        version = (uint8_t)((unsigned)version << 1 | (key->bytes[i] & 1U));
    }
    return version;
}

bool desfire_is_authenticated(const struct desfire *card, uint8_t key_number)
{
    return card->session.scheme != DESFIRE_NO_SESSION && card->session.key_number == key_number;
}

/* A key of 16 bytes whose halves differ in parity bits only is a single DES key. */
static bool is_single_des(const struct desfire_key *key)
{
    for (size_t i = 0; i < 8; i++) {
        if ((key->bytes[i] ^ key->bytes[i + 8]) > 1) {
            return false;
        }
    }
    return true;
}

static size_t challenge_bytes(const struct desfire_key *key)
{
    return key->cipher == DESFIRE_DES ? 8 : 16;
}

/* The cipher that command 0A, 1A or AA asks for; 0A and 1A take what kind of DES key there is, but
 * 0A no 3K3DES key (MF3ICD81 short data sheet, 8). */
static bool fits(uint8_t command, const struct desfire_key *key)
{
    switch (key->cipher) {
    case DESFIRE_AES:
        return command == 0xAA;
    case DESFIRE_3K3DES:
        return command == 0x1A;
    case DESFIRE_DES:
        return command == 0x0A || command == 0x1A;
    }
    return false;
}

enum desfire_status desfire_authenticate(struct desfire *card)
{
    desfire_end_session(card);
    if (card->message_bytes != 2) {
        return DESFIRE_LENGTH_ERROR;
    }
    const struct desfire_key *key = desfire_find_key(card, card->message[1]);
    if (key == NULL) {
        return DESFIRE_NO_SUCH_KEY;
    }
    if (!fits(card->command, key)) {
        return DESFIRE_AUTHENTICATION_ERROR;
    }
    uint8_t sent[16];
    const size_t bytes = challenge_bytes(key);
    card->auth_key = card->message[1];
    desfire_fill_random(card, card->auth_random, bytes);
    memset(card->auth_iv, 0, sizeof card->auth_iv);
    memcpy(sent, card->auth_random, bytes);
    desfire_cbc_encrypt(key->cipher, key->bytes, card->auth_iv, sent, bytes);
    desfire_reply(card, sent, bytes);
    card->chain = DESFIRE_CHAIN_AUTHENTICATE;
    return DESFIRE_MORE;
}

/* Session keys: libfreefare 0.4.0, mifare_desfire_session_key_new. */
static void make_session_key(struct desfire_session *session, const struct desfire_key *key,
                             const uint8_t *a, const uint8_t *b)
{
    memcpy(session->key, a, 4);
    memcpy(session->key + 4, b, 4);
    switch (key->cipher) {
    case DESFIRE_AES:
        memcpy(session->key + 8, a + 12, 4);
        memcpy(session->key + 12, b + 12, 4);
        break;
    case DESFIRE_3K3DES:
        memcpy(session->key + 8, a + 6, 4);
        memcpy(session->key + 12, b + 6, 4);
        memcpy(session->key + 16, a + 12, 4);
        memcpy(session->key + 20, b + 12, 4);
        break;
    case DESFIRE_DES:
        if (is_single_des(key)) {
            memcpy(session->key + 8, session->key, 8);
        } else {
            memcpy(session->key + 8, a + 4, 4);
            memcpy(session->key + 12, b + 4, 4);
        }
        break;
    }
}

enum desfire_status desfire_authenticate_end(struct desfire *card, const uint8_t *data,
                                             size_t bytes)
{
    const struct desfire_key *key = desfire_find_key(card, card->auth_key);
    assert(key != NULL);
    const size_t half = challenge_bytes(key);
    uint8_t token[32];
    uint8_t wanted[16];

    if (bytes != 2 * half) {
        return DESFIRE_LENGTH_ERROR;
    }
    memcpy(token, data, bytes);
    if (card->command == 0x0A) {
        memset(card->auth_iv, 0, sizeof card->auth_iv);
        desfire_cbc_recover(key->cipher, key->bytes, card->auth_iv, token, bytes);
        memset(card->auth_iv, 0, sizeof card->auth_iv);
    } else {
        desfire_cbc_decrypt(key->cipher, key->bytes, card->auth_iv, token, bytes);
    }
    memcpy(wanted, card->auth_random, half);
    rotate_left(wanted, half);
    if (memcmp(token + half, wanted, half) != 0) {
        return DESFIRE_AUTHENTICATION_ERROR;
    }
    card->session.scheme = card->command == 0x0A ? DESFIRE_D40 : DESFIRE_CMAC;
    card->session.is_wrapped = card->is_wrapped;
    card->session.cipher = key->cipher;
    card->session.key_number = card->auth_key;
    make_session_key(&card->session, key, token, card->auth_random);
    memset(card->session.iv, 0, sizeof card->session.iv);
    rotate_left(token, half);
    desfire_cbc_encrypt(key->cipher, key->bytes, card->auth_iv, token, half);
    desfire_reply(card, token, half);
    return DESFIRE_DONE;
}

static size_t padded(const struct desfire *card, size_t bytes)
{
    const size_t block = desfire_block_bytes(card->session.cipher);
    return (bytes + block - 1) / block * block;
}

static size_t crc_bytes(const struct desfire *card)
{
    return card->session.scheme == DESFIRE_D40 ? 2 : 4;
}

size_t desfire_protected_bytes(const struct desfire *card, uint8_t mode, size_t bytes)
{
    if (card->session.scheme == DESFIRE_NO_SESSION || mode == DESFIRE_MODE_PLAIN) {
        return bytes;
    }
    if (mode == DESFIRE_MODE_MAC) {
        return bytes + (card->session.scheme == DESFIRE_D40 ? D40_MAC_BYTES : CMAC_BYTES);
    }
    return padded(card, bytes + crc_bytes(card));
}

/* The MAC of D40: the last block of CBC from zero, its first four bytes. */
static void d40_mac(const struct desfire *card, const uint8_t *data, size_t bytes,
                    uint8_t ret_mac[D40_MAC_BYTES])
{
    uint8_t iv[BLOCK_BYTES_MAX] = {0};
    for (size_t at = 0; at < bytes; at += 8) {
        uint8_t block[8] = {0};
        memcpy(block, data + at, bytes - at < 8 ? bytes - at : 8);
        desfire_cbc_encrypt(card->session.cipher, card->session.key, iv, block, 8);
    }
    memcpy(ret_mac, iv, D40_MAC_BYTES);
}

static void update_iv(struct desfire *card, const uint8_t *data, size_t bytes)
{
    desfire_cmac(card->session.cipher, card->session.key, card->session.iv, data, bytes);
}

enum desfire_status desfire_decipher(struct desfire *card, size_t head)
{
    struct desfire_session *session = &card->session;
    const size_t bytes = card->message_bytes - head;

    if (card->message_bytes <= head || session->scheme == DESFIRE_NO_SESSION ||
        bytes % desfire_block_bytes(session->cipher) != 0) {
        return DESFIRE_LENGTH_ERROR;
    }
    if (session->scheme == DESFIRE_D40) {
        uint8_t iv[BLOCK_BYTES_MAX] = {0};
        desfire_cbc_recover(session->cipher, session->key, iv, card->message + head, bytes);
    } else {
        desfire_cbc_decrypt(session->cipher, session->key, session->iv, card->message + head,
                            bytes);
    }
    return DESFIRE_DONE;
}

/* CRC of D40 over the data, of EV1 over code, head and data. Padding is zeros, perhaps after 80. */
bool desfire_crc_is_right(const struct desfire *card, size_t head, size_t bytes)
{
    const uint8_t *data = card->message + head;
    uint8_t crc[4];
    size_t at = head + bytes;

    if (at + crc_bytes(card) > card->message_bytes) {
        return false;
    }
    if (card->session.scheme == DESFIRE_D40) {
        put32(crc, desfire_crc16(DESFIRE_CRC16_START, data, bytes));
    } else {
        put32(crc, desfire_crc32(DESFIRE_CRC32_START, card->message, head + bytes));
    }
    if (memcmp(card->message + at, crc, crc_bytes(card)) != 0) {
        return false;
    }
    at += crc_bytes(card);
    if (at < card->message_bytes && card->message[at] == 0x80) {
        at += 1;
    }
    while (at < card->message_bytes && card->message[at] == 0x00) {
        at += 1;
    }
    return at == card->message_bytes;
}

enum desfire_status desfire_open_key(struct desfire *card, const struct desfire_key *old,
                                     enum desfire_cipher cipher, struct desfire_key *ret_key)
{
    const size_t head = 2;
    const size_t key_bytes = desfire_key_bytes(cipher);
    const size_t bytes = key_bytes + (cipher == DESFIRE_AES ? 1 : 0);
    uint8_t *data = card->message + head;
    const enum desfire_status status = desfire_decipher(card, head);

    if (status != DESFIRE_DONE) {
        return status;
    }
    if (card->message_bytes < head + bytes + 2 * crc_bytes(card)) {
        return DESFIRE_LENGTH_ERROR;
    }
    memset(ret_key, 0, sizeof *ret_key);
    ret_key->cipher = cipher;
    ret_key->version = cipher == DESFIRE_AES ? data[key_bytes] : 0;
    memcpy(ret_key->bytes, data, key_bytes);
    if (old != NULL) {
        uint8_t crc[4];
        uint8_t *second = data + bytes + crc_bytes(card);
        for (size_t i = 0; i < key_bytes; i++) {
            ret_key->bytes[i] ^= old->bytes[i];
        }
        if (card->session.scheme == DESFIRE_D40) {
            put32(crc, desfire_crc16(DESFIRE_CRC16_START, ret_key->bytes, key_bytes));
        } else {
            put32(crc, desfire_crc32(DESFIRE_CRC32_START, ret_key->bytes, key_bytes));
        }
        if (memcmp(second, crc, crc_bytes(card)) != 0) {
            return DESFIRE_INTEGRITY_ERROR;
        }
        /* Without the second CRC it looks as any enciphered data. */
        memmove(second, second + crc_bytes(card),
                (size_t)(card->message + card->message_bytes - second) - crc_bytes(card));
        card->message_bytes -= crc_bytes(card);
    }
    return desfire_crc_is_right(card, head, bytes) ? DESFIRE_DONE : DESFIRE_INTEGRITY_ERROR;
}

static bool mac_is_right(struct desfire *card, size_t head, size_t bytes)
{
    uint8_t mac[D40_MAC_BYTES];
    const uint8_t *sent = card->message + head + bytes;
    if (card->session.scheme == DESFIRE_D40) {
        d40_mac(card, card->message + head, bytes, mac);
        return memcmp(sent, mac, sizeof mac) == 0;
    }
    update_iv(card, card->message, head + bytes);
    return memcmp(sent, card->session.iv, CMAC_BYTES) == 0;
}

enum desfire_status desfire_open_message(struct desfire *card, uint8_t mode, size_t head,
                                         size_t bytes)
{
    if (card->message_bytes != head + desfire_protected_bytes(card, mode, bytes)) {
        return DESFIRE_LENGTH_ERROR;
    }
    if (card->session.scheme == DESFIRE_NO_SESSION) {
        return DESFIRE_DONE;
    }
    if (mode == DESFIRE_MODE_PLAIN) {
        if (card->session.scheme == DESFIRE_CMAC) {
            update_iv(card, card->message, card->message_bytes);
        }
        return DESFIRE_DONE;
    }
    if (mode == DESFIRE_MODE_MAC) {
        return mac_is_right(card, head, bytes) ? DESFIRE_DONE : DESFIRE_INTEGRITY_ERROR;
    }
    const enum desfire_status status = desfire_decipher(card, head);
    if (status != DESFIRE_DONE) {
        return status;
    }
    return desfire_crc_is_right(card, head, bytes) ? DESFIRE_DONE : DESFIRE_INTEGRITY_ERROR;
}

static void encipher_reply(struct desfire *card)
{
    struct desfire_session *session = &card->session;
    uint8_t crc[4];

    if (session->scheme == DESFIRE_D40) {
        put32(crc, desfire_crc16(DESFIRE_CRC16_START, card->reply, card->reply_bytes));
    } else {
        const uint8_t status = DESFIRE_DONE;
        uint32_t sum = desfire_crc32(DESFIRE_CRC32_START, card->reply, card->reply_bytes);
        put32(crc, desfire_crc32(sum, &status, 1));
    }
    desfire_reply(card, crc, crc_bytes(card));
    while (card->reply_bytes % desfire_block_bytes(session->cipher) != 0) {
        desfire_reply_byte(card, 0x00);
    }
    if (session->scheme == DESFIRE_D40) {
        memset(session->iv, 0, sizeof session->iv);
    }
    desfire_cbc_encrypt(session->cipher, session->key, session->iv, card->reply, card->reply_bytes);
}

void desfire_close_reply(struct desfire *card, uint8_t mode)
{
    if (card->session.scheme == DESFIRE_NO_SESSION) {
        return;
    }
    if (mode == DESFIRE_MODE_ENCIPHERED) {
        encipher_reply(card);
    } else if (card->session.scheme == DESFIRE_CMAC) {
        /* The status byte is the last of what the MAC covers. */
        card->reply[card->reply_bytes] = DESFIRE_DONE;
        update_iv(card, card->reply, card->reply_bytes + 1);
        desfire_reply(card, card->session.iv, CMAC_BYTES);
    } else if (mode == DESFIRE_MODE_MAC && card->reply_bytes > 0) {
        uint8_t mac[D40_MAC_BYTES];
        d40_mac(card, card->reply, card->reply_bytes, mac);
        desfire_reply(card, mac, sizeof mac);
    }
}
