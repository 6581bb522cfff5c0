#include "drivers/card/desfire_io.h"

#include <assert.h>
#include <string.h>

#include "hal/base/bytes.h"

enum {
    SELECT_APPLICATION = 0x5A,
    AUTHENTICATE_AES = 0xAA,
    GET_KEY_VERSION = 0x64,
    CHANGE_KEY = 0xC4,
    MORE = 0xAF,
};

/* The slowest exchange is a commit, some 8 ms in the card and as much on the line. A card that
 * needs longer asks for it by itself (ISO 14443-4, WTX), which the PN532 grants. */
enum { SELECT_TIMEOUT_MS = 400, LOOK_TIMEOUT_MS = 50, EXCHANGE_TIMEOUT_MS = 250 };

static void end_session(struct desfire_io *io)
{
    io->has_session = false;
    bytes_wipe(&io->session, sizeof io->session);
    keystore_desfire_end(io->keystore);
}

void desfire_io_drop(struct desfire_io *io)
{
    end_session(io);
    io->is_selected = false;
}

void desfire_io_take(struct desfire_io *io, const struct reader_target *target)
{
    end_session(io);
    io->target = *target;
    io->is_selected = io->is_awake = true;
    io->selects += 1;
}

enum st desfire_io_seek(struct desfire_io *io, const uint8_t *uid, size_t uid_bytes,
                        struct reader_target *ret)
{
    const struct reader_ops *ops = io->reader.ops;
    uint8_t copy[READER_UID_MAX];
    enum st st = ST_AGAIN;

    assert(uid == NULL || uid_bytes <= sizeof copy);
    if (uid != NULL) {
        memcpy(copy, uid, uid_bytes); /* it may be io->target's own */
    }
    desfire_io_drop(io);
    if (io->is_awake) {
        st = ops->deselect(io->reader.ctx, EXCHANGE_TIMEOUT_MS);
        if (st == ST_IO) {
            return st;
        }
        io->is_awake = false;
        st = ST_AGAIN;
        if (uid == NULL) {
            st = ops->select(io->reader.ctx, io->target.uid, io->target.uid_bytes, LOOK_TIMEOUT_MS,
                             ret);
        }
    }
    if (st == ST_AGAIN) {
        st = ops->select(io->reader.ctx, uid == NULL ? NULL : copy, uid_bytes, SELECT_TIMEOUT_MS,
                         ret);
    }
    return st;
}

enum st desfire_io_select(struct desfire_io *io, const uint8_t *uid, size_t uid_bytes)
{
    struct reader_target target;

    const enum st st = desfire_io_seek(io, uid, uid_bytes, &target);
    if (st == ST_OK) {
        desfire_io_take(io, &target);
    }
    return st;
}

/* One frame each way. The status is in io->status, data are appended to io->answer. */
static enum st frame(struct desfire_io *io, const uint8_t *tx, size_t tx_bytes)
{
    uint8_t rx[READER_FRAME_MAX];
    size_t got = 0;

    assert(tx_bytes <= DESFIRE_IO_FRAME);
    io->status = DESFIRE_IO_NONE;
    if (!io->is_selected) {
        return ST_GONE;
    }
    const enum st st = io->reader.ops->transceive(io->reader.ctx, tx, tx_bytes, EXCHANGE_TIMEOUT_MS,
                                                  rx, sizeof rx, &got);
    if (st != ST_OK || got == 0 || io->answer_bytes + got - 1 > sizeof io->answer) {
        desfire_io_drop(io);
        return st == ST_IO ? ST_IO : ST_GONE;
    }
    io->status = rx[0];
    memcpy(io->answer + io->answer_bytes, rx + 1, got - 1);
    io->answer_bytes += got - 1;
    return ST_OK;
}

/* A whole command: frames of it as long as the card wants more, then frames of the answer. Each
 * frame of an answer but the last brings something, so a full buffer ends the loop. */
static enum st converse(struct desfire_io *io, const uint8_t *message, size_t bytes)
{
    const uint8_t more = MORE;

    io->answer_bytes = 0;
    enum st st = frame(io, message, bytes);
    for (size_t before = 0; st == ST_OK && io->status == DESFIRE_IO_MORE;) {
        if (io->answer_bytes == before) {
            desfire_io_drop(io);
            return ST_GONE;
        }
        before = io->answer_bytes;
        st = frame(io, &more, 1);
    }
    if (st == ST_OK && io->status != DESFIRE_IO_OK) {
        end_session(io);
        st = ST_REFUSED;
    }
    return st;
}

/* What does not prove itself is noise or somebody in between; nothing of it may be used. */
static enum st proven(struct desfire_io *io, enum st st)
{
    if (st == ST_DENIED) {
        desfire_io_drop(io);
        return ST_GONE;
    }
    return st;
}

enum st desfire_io_ask(struct desfire_io *io, enum ev1_mode mode, uint8_t message[EV1_MESSAGE_MAX],
                       size_t header_bytes, size_t data_bytes)
{
    size_t bytes = header_bytes + data_bytes;

    assert(io->has_session || mode == EV1_PLAIN);
    if (io->has_session) {
        bytes = ev1_wrap(&io->session, mode, message, header_bytes, data_bytes);
    }
    const enum st st = converse(io, message, bytes);
    if (st != ST_OK || !io->has_session) {
        return st;
    }
    return proven(io, ev1_unwrap(&io->session, io->status, io->answer, &io->answer_bytes));
}

enum st desfire_io_ask_secret(struct desfire_io *io, uint8_t message[EV1_MESSAGE_MAX],
                              size_t header_bytes, size_t answer_bytes)
{
    assert(io->has_session);
    const size_t bytes = ev1_wrap(&io->session, EV1_PLAIN, message, header_bytes, 0);
    enum st st = converse(io, message, bytes);
    if (st == ST_OK) {
        st = proven(
            io, ev1_decipher(&io->session, io->status, io->answer, io->answer_bytes, answer_bytes));
        io->answer_bytes = answer_bytes;
    }
    return st;
}

enum st desfire_io_application(struct desfire_io *io, const uint8_t aid[3])
{
    uint8_t message[4] = {SELECT_APPLICATION, aid[0], aid[1], aid[2]};

    end_session(io);
    return converse(io, message, sizeof message);
}

/* The two turns of a handshake; the session key comes out of the key store. */
static enum st shake_hands(struct desfire_io *io, const struct desfire_application *application,
                           enum key_role role, uint8_t version, uint8_t ret_session_key[EV1_BLOCK])
{
    const uint8_t hello[2] = {AUTHENTICATE_AES, (uint8_t)role};
    uint8_t answer[1 + DESFIRE_ANSWER_BYTES] = {MORE};

    io->answer_bytes = 0;
    enum st st = frame(io, hello, sizeof hello);
    if (st != ST_OK) {
        return st;
    }
    if (io->status != DESFIRE_IO_MORE || io->answer_bytes != DESFIRE_RANDOM_BYTES) {
        return ST_DENIED; /* no such key, or not an AES one */
    }
    st = keystore_desfire_begin(io->keystore, application, role, version, io->answer, answer + 1);
    if (st != ST_OK) {
        return st;
    }
    io->answer_bytes = 0;
    st = frame(io, answer, sizeof answer);
    if (st != ST_OK) {
        return st;
    }
    if (io->status != DESFIRE_IO_OK || io->answer_bytes != DESFIRE_RANDOM_BYTES) {
        return ST_DENIED;
    }
    /* The card took our proof, so its own can only be wrong by noise or by a third hand. */
    return proven(io, keystore_desfire_finish(io->keystore, io->answer, ret_session_key));
}

enum st desfire_io_authenticate(struct desfire_io *io, const uint8_t aid[3], enum key_role role,
                                uint8_t version)
{
    const struct desfire_application application = {
        .uid = io->target.uid,
        .uid_bytes = io->target.uid_bytes,
        .aid = {aid[0], aid[1], aid[2]},
    };
    uint8_t session_key[EV1_BLOCK];

    end_session(io);
    const enum st st = shake_hands(io, &application, role, version, session_key);
    if (st == ST_OK) {
        ev1_begin(&io->session, session_key);
        bytes_wipe(session_key, sizeof session_key);
        io->has_session = true;
        io->role = role;
    } else {
        end_session(io);
    }
    return st;
}

enum st desfire_io_change_own_key(struct desfire_io *io, uint8_t version_from, uint8_t version_to)
{
    uint8_t message[2 + DESFIRE_CRYPTOGRAM_BYTES] = {CHANGE_KEY};

    assert(io->has_session);
    enum st st = keystore_desfire_change_key(io->keystore, io->role, version_from, version_to,
                                             io->session.iv, message + 1, message + 2);
    if (st == ST_OK) {
        st = converse(io, message, sizeof message);
    }
    end_session(io);
    return st;
}

enum st desfire_io_key_version(struct desfire_io *io, enum key_role role, uint8_t *ret)
{
    uint8_t message[EV1_MESSAGE_MAX] = {GET_KEY_VERSION, (uint8_t)role};

    const enum st st = desfire_io_ask(io, EV1_PLAIN, message, 2, 0);
    if (st == ST_OK && io->answer_bytes != 1) {
        desfire_io_drop(io);
        return ST_GONE;
    }
    if (st == ST_OK) {
        *ret = io->answer[0];
    }
    return st;
}

void desfire_io_halt(struct desfire_io *io)
{
    if (io->is_awake) {
        /* A card that does not hear it is away already. */
        const enum st st = io->reader.ops->deselect(io->reader.ctx, EXCHANGE_TIMEOUT_MS);
        (void)st;
        io->is_awake = false;
    }
    desfire_io_drop(io);
    bytes_wipe(io->answer, sizeof io->answer);
}
