#include "sync/wire_device.h"

#include <string.h>

#include "hal/base/bytes.h"
#include "sync/wire_priv.h"

enum { SHA256_DIGITS = 2 * WIRE_SHA256_BYTES };

/* --- writing -------------------------------------------------------------------------------- */

bool wire_device_put(json_t *request, const struct wire_device *device)
{
    if (!device->is_there) {
        return true;
    }
    assert(wire_device_is_valid(device));
    const char slot[] = {device->slot, '\0'};
    return json_object_set_new(
               request, "device",
               json_pack("{s:s, s:I, s:s, s:b, s:I, s:I, s:s, s:I, s:s, s:I, s:b}", "board",
                         device->board, "version", (json_int_t)device->version, "slot", slot,
                         "good", (int)device->is_good, "other", (json_int_t)device->other, "failed",
                         (json_int_t)device->failed, "self_test", device->self_test, "free",
                         (json_int_t)device->free_bytes, "update", device->update, "have",
                         (json_int_t)device->have_bytes, "consent", (int)device->has_consent)) == 0;
}

bool wire_update_put(json_t *answer, const struct wire_update *update)
{
    char sha256[SHA256_DIGITS + 1];
    if (!update->is_there) {
        return true;
    }
    assert(update->version >= 1 && update->version <= WIRE_IMAGE_MAX && update->board[0] != '\0');
    assert(update->bytes >= 1 && update->bytes <= WIRE_BUNDLE_MAX);
    assert(update->from_hour <= 23 && update->to_hour <= 23);
    hex_encode(update->sha256, sizeof update->sha256, sha256);
    return json_object_set_new(answer, "update",
                               json_pack("{s:I, s:s, s:I, s:s, s:i, s:i}", "version",
                                         (json_int_t)update->version, "board", update->board,
                                         "bytes", (json_int_t)update->bytes, "sha256", sha256,
                                         "from_hour", (int)update->from_hour, "to_hour",
                                         (int)update->to_hour)) == 0;
}

bool wire_logs_put(json_t *answer, uint32_t logs)
{
    assert(logs <= INT32_MAX);
    return logs == 0 || json_object_set_new(answer, "logs", json_integer((json_int_t)logs)) == 0;
}

/* --- reading -------------------------------------------------------------------------------- */

static enum st get_bool(const json_t *object, const char *name, bool *ret, struct fault *fault)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_boolean(value)) {
        fault_say(fault, "\"%s\" must be true or false.", name);
        return ST_FOREIGN;
    }
    *ret = json_is_true(value);
    return ST_OK;
}

static enum st get_slot(const json_t *device, char *ret, struct fault *fault)
{
    const json_t *value = json_object_get(device, "slot");
    const char *slot = json_is_string(value) ? json_string_value(value) : "";
    if (strcmp(slot, "A") != 0 && strcmp(slot, "B") != 0) {
        fault_say(fault, "\"slot\" must be \"A\" or \"B\".");
        return ST_FOREIGN;
    }
    *ret = slot[0];
    return ST_OK;
}

bool wire_device_is_valid(const struct wire_device *device)
{
    return device->board[0] != '\0' && device->version >= 1 && device->version <= WIRE_IMAGE_MAX &&
           (device->slot == 'A' || device->slot == 'B') && device->other <= WIRE_IMAGE_MAX &&
           device->failed <= WIRE_IMAGE_MAX && device->self_test[0] != '\0' &&
           device->update[0] != '\0' && device->free_bytes >= 0 && device->have_bytes >= 0 &&
           device->have_bytes <= WIRE_BUNDLE_MAX;
}

enum st wire_device_get(const json_t *request, struct wire_device *ret, struct fault *fault)
{
    const json_t *device = NULL;
    *ret = (struct wire_device){.is_there = json_object_get(request, "device") != NULL};
    if (!ret->is_there) {
        return ST_OK;
    }
    enum st st = wire_read_object(request, "device", &device, fault);
    if (st != ST_OK ||
        (st = wire_read_text(device, "board", 1, WIRE_BOARD_MAX, ret->board, fault)) != ST_OK ||
        (st = wire_read_number(device, "version", 1, WIRE_IMAGE_MAX, &ret->version, fault)) !=
            ST_OK ||
        (st = get_slot(device, &ret->slot, fault)) != ST_OK ||
        (st = get_bool(device, "good", &ret->is_good, fault)) != ST_OK ||
        (st = wire_read_number(device, "other", 0, WIRE_IMAGE_MAX, &ret->other, fault)) != ST_OK ||
        (st = wire_read_number(device, "failed", 0, WIRE_IMAGE_MAX, &ret->failed, fault)) !=
            ST_OK ||
        (st = wire_read_text(device, "self_test", 1, WIRE_SAY_MAX, ret->self_test, fault)) !=
            ST_OK ||
        (st = wire_read_integer(device, "free", 0, INT64_MAX, &ret->free_bytes, fault)) != ST_OK ||
        (st = wire_read_text(device, "update", 1, WIRE_SAY_MAX, ret->update, fault)) != ST_OK ||
        (st = wire_read_integer(device, "have", 0, WIRE_BUNDLE_MAX, &ret->have_bytes, fault)) !=
            ST_OK) {
        return st;
    }
    return get_bool(device, "consent", &ret->has_consent, fault);
}

static enum st get_hours(const json_t *update, struct wire_update *ret, struct fault *fault)
{
    uint32_t from = 0, to = 0;
    enum st st = wire_read_number(update, "from_hour", 0, 23, &from, fault);
    if (st == ST_OK) {
        st = wire_read_number(update, "to_hour", 0, 23, &to, fault);
    }
    ret->from_hour = (uint8_t)from;
    ret->to_hour = (uint8_t)to;
    return st;
}

static enum st get_sha256(const json_t *update, uint8_t ret[WIRE_SHA256_BYTES], struct fault *fault)
{
    char digits[SHA256_DIGITS + 1];
    enum st st = wire_read_text(update, "sha256", SHA256_DIGITS, SHA256_DIGITS, digits, fault);
    if (st != ST_OK) {
        return st;
    }
    st = hex_decode(digits, ret, WIRE_SHA256_BYTES);
    if (st != ST_OK) {
        fault_say(fault, "\"sha256\" must be %d hexadecimal digits.", SHA256_DIGITS);
    }
    return st;
}

enum st wire_update_get(const json_t *answer, struct wire_update *ret, struct fault *fault)
{
    const json_t *update = NULL;
    *ret = (struct wire_update){.is_there = json_object_get(answer, "update") != NULL};
    if (!ret->is_there) {
        return ST_OK;
    }
    enum st st = wire_read_object(answer, "update", &update, fault);
    if (st != ST_OK ||
        (st = wire_read_number(update, "version", 1, WIRE_IMAGE_MAX, &ret->version, fault)) !=
            ST_OK ||
        (st = wire_read_text(update, "board", 1, WIRE_BOARD_MAX, ret->board, fault)) != ST_OK ||
        (st = wire_read_integer(update, "bytes", 1, WIRE_BUNDLE_MAX, &ret->bytes, fault)) !=
            ST_OK ||
        (st = get_sha256(update, ret->sha256, fault)) != ST_OK) {
        return st;
    }
    return get_hours(update, ret, fault);
}

enum st wire_logs_get(const json_t *answer, uint32_t *ret, struct fault *fault)
{
    *ret = 0;
    return json_object_get(answer, "logs") == NULL
               ? ST_OK
               : wire_read_number(answer, "logs", 1, INT32_MAX, ret, fault);
}
