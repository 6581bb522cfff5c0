#include "drivers/reader/message.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "hal/base/bytes.h"

size_t reader_message_encode(const struct reader_message *message,
                             uint8_t ret_packet[READER_MESSAGE_MAX])
{
    assert(message->body_bytes <= READER_FRAME_MAX);

    ret_packet[0] = READER_MESSAGE_VERSION;
    ret_packet[1] = (uint8_t)message->kind;
    put_le32(ret_packet + 2, message->id);
    put_le16(ret_packet + 6, message->value);
    put_le16(ret_packet + 8, (uint16_t)message->body_bytes);
    memcpy(ret_packet + READER_MESSAGE_HEADER, message->body, message->body_bytes);
    return READER_MESSAGE_HEADER + message->body_bytes;
}

enum st reader_message_decode(const uint8_t *packet, size_t packet_bytes,
                              struct reader_message *ret_message)
{
    if (packet_bytes < READER_MESSAGE_HEADER || packet_bytes > READER_MESSAGE_MAX) {
        return ST_FOREIGN;
    }
    if (packet[0] != READER_MESSAGE_VERSION) {
        return ST_FOREIGN;
    }
    if (packet[1] < READER_OPENED || packet[1] > READER_DESELECT) {
        return ST_FOREIGN;
    }
    const size_t body_bytes = get_le16(packet + 8);
    if (body_bytes != packet_bytes - READER_MESSAGE_HEADER) {
        return ST_FOREIGN;
    }
    ret_message->kind = (enum reader_kind)packet[1];
    ret_message->id = get_le32(packet + 2);
    ret_message->value = get_le16(packet + 6);
    ret_message->body_bytes = body_bytes;
    memcpy(ret_message->body, packet + READER_MESSAGE_HEADER, body_bytes);
    return ST_OK;
}

static bool is_uid_size(size_t bytes)
{
    return bytes == 4 || bytes == 7 || bytes == 10; /* ISO/IEC 14443-3, 6.5.4 */
}

void reader_target_encode(const struct reader_target *target, uint8_t ret_body[READER_TARGET_BYTES])
{
    assert(is_uid_size(target->uid_bytes));
    assert(target->ats_bytes <= sizeof target->ats);

    memset(ret_body, 0, READER_TARGET_BYTES);
    uint8_t *at = ret_body;
    *at++ = (uint8_t)target->uid_bytes;
    memcpy(at, target->uid, target->uid_bytes);
    at += READER_UID_MAX;
    *at++ = target->sak;
    *at++ = target->atqa[0];
    *at++ = target->atqa[1];
    *at++ = (uint8_t)target->ats_bytes;
    memcpy(at, target->ats, target->ats_bytes);
}

enum st reader_target_decode(const uint8_t *body, size_t body_bytes,
                             struct reader_target *ret_target)
{
    if (body_bytes != READER_TARGET_BYTES || !is_uid_size(body[0])) {
        return ST_FOREIGN;
    }
    const uint8_t *sak = body + 1 + READER_UID_MAX;
    const uint8_t *ats = sak + 4;
    if (ats[-1] > sizeof ret_target->ats) {
        return ST_FOREIGN;
    }
    memset(ret_target, 0, sizeof *ret_target);
    ret_target->uid_bytes = body[0];
    memcpy(ret_target->uid, body + 1, ret_target->uid_bytes);
    ret_target->sak = sak[0];
    ret_target->atqa[0] = sak[1];
    ret_target->atqa[1] = sak[2];
    ret_target->ats_bytes = ats[-1];
    memcpy(ret_target->ats, ats, ret_target->ats_bytes);
    return ST_OK;
}
