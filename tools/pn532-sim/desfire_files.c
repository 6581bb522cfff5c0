/* Files: rights, data, values, records, and the transaction over all files with backup. */
#include <assert.h>
#include <string.h>

#include "tools/pn532-sim/desfire_priv.h"

enum {
    POOL_BLOCK_BYTES = 32, /* memory is given in such pieces */
    OPTION_LIMITED_CREDIT = 0x01,
    OPTION_FREE_GET_VALUE = 0x02,
    SETTING_FREE_LISTS = 0x02,
    SETTING_FREE_CREATION = 0x04,
};

static unsigned right_read(const struct desfire_file *file)
{
    return (unsigned)file->rights >> 12;
}

static unsigned right_write(const struct desfire_file *file)
{
    return (unsigned)file->rights >> 8 & 0xFU;
}

static unsigned right_both(const struct desfire_file *file)
{
    return (unsigned)file->rights >> 4 & 0xFU;
}

static unsigned right_change(const struct desfire_file *file)
{
    return (unsigned)file->rights & 0xFU;
}

/* One of the rights must be the session's key, and then the file's mode is used, or free, and then
 * all is plain (libfreefare 0.4.0, madame_soleil_get_read_communication_settings). */
static enum desfire_status use_right(const struct desfire *card, const struct desfire_file *file,
                                     const unsigned *rights, size_t count, uint8_t *ret_mode)
{
    bool is_free = false;
    bool has_key = false;
    for (size_t i = 0; i < count; i++) {
        if (rights[i] < DESFIRE_RIGHT_FREE && desfire_is_authenticated(card, (uint8_t)rights[i])) {
            *ret_mode = file->mode;
            return DESFIRE_DONE;
        }
        is_free = is_free || rights[i] == DESFIRE_RIGHT_FREE;
        has_key = has_key || rights[i] < DESFIRE_RIGHT_FREE;
    }
    if (is_free) {
        *ret_mode = DESFIRE_MODE_PLAIN;
        return DESFIRE_DONE;
    }
    return has_key && card->session.scheme == DESFIRE_NO_SESSION ? DESFIRE_AUTHENTICATION_ERROR
                                                                 : DESFIRE_PERMISSION_DENIED;
}

static enum desfire_status may_read(const struct desfire *card, const struct desfire_file *file,
                                    uint8_t *ret_mode)
{
    const unsigned rights[] = {right_read(file), right_both(file)};
    return use_right(card, file, rights, 2, ret_mode);
}

static enum desfire_status may_write(const struct desfire *card, const struct desfire_file *file,
                                     uint8_t *ret_mode)
{
    const unsigned rights[] = {right_write(file), right_both(file)};
    return use_right(card, file, rights, 2, ret_mode);
}

/* GetValue and Debit take any right, LimitedCredit Write, Credit Read&Write only. */
static enum desfire_status may_use_value(const struct desfire *card,
                                         const struct desfire_file *file, uint8_t command,
                                         uint8_t *ret_mode)
{
    const unsigned rights[] = {right_both(file), right_write(file), right_read(file)};
    const size_t count = command == 0x0C ? 1 : command == 0x1C ? 2 : 3;
    return use_right(card, file, rights, count, ret_mode);
}

static enum desfire_status may_list(struct desfire *card)
{
    const struct desfire_application *application = desfire_current(card);
    if (application == NULL) {
        return DESFIRE_PERMISSION_DENIED;
    }
    if ((application->settings & SETTING_FREE_LISTS) != 0 || desfire_is_authenticated(card, 0)) {
        return DESFIRE_DONE;
    }
    return DESFIRE_AUTHENTICATION_ERROR;
}

static enum desfire_status may_create(struct desfire *card)
{
    const struct desfire_application *application = desfire_current(card);
    if (application == NULL) {
        return DESFIRE_PERMISSION_DENIED;
    }
    if ((application->settings & SETTING_FREE_CREATION) != 0 || desfire_is_authenticated(card, 0)) {
        return DESFIRE_DONE;
    }
    return DESFIRE_AUTHENTICATION_ERROR;
}

/* The file of that number in the current application; its index in *ret_index. */
static struct desfire_file *find_file(struct desfire *card, uint8_t number, size_t *ret_index)
{
    struct desfire_application *application = desfire_current(card);
    for (size_t i = 0; application != NULL && i < DESFIRE_FILES_MAX; i++) {
        if (application->files[i].exists && application->files[i].number == number) {
            *ret_index = i;
            return &application->files[i];
        }
    }
    return NULL;
}

static bool is_data(const struct desfire_file *file)
{
    return file->kind == DESFIRE_STANDARD || file->kind == DESFIRE_BACKUP;
}

static bool is_records(const struct desfire_file *file)
{
    return file->kind == DESFIRE_LINEAR || file->kind == DESFIRE_CYCLIC;
}

/* --- making and listing files --------------------------------------------------------------- */

static size_t pool_need(const struct desfire_file *file)
{
    size_t bytes = 0;
    switch (file->kind) {
    case DESFIRE_STANDARD:
        bytes = file->bytes;
        break;
    case DESFIRE_BACKUP:
        bytes = (size_t)file->bytes * 2;
        break;
    case DESFIRE_VALUE:
        bytes = POOL_BLOCK_BYTES;
        break;
    case DESFIRE_LINEAR:
    case DESFIRE_CYCLIC:
        bytes = (size_t)file->bytes * file->records_max;
        break;
    }
    return (bytes + POOL_BLOCK_BYTES - 1) / POOL_BLOCK_BYTES * POOL_BLOCK_BYTES;
}

static enum desfire_status create(struct desfire *card, const struct desfire_file *wanted)
{
    struct desfire_application *application = desfire_current(card);
    const enum desfire_status status = may_create(card);
    size_t index;

    if (status != DESFIRE_DONE) {
        return status;
    }
    if (find_file(card, wanted->number, &index) != NULL) {
        return DESFIRE_DUPLICATE;
    }
    if (wanted->number > 0x1F || wanted->mode == 2 || wanted->mode > 3) {
        return DESFIRE_PARAMETER_ERROR;
    }
    for (index = 0; index < DESFIRE_FILES_MAX && application->files[index].exists; index++) {
    }
    const size_t need = pool_need(wanted);
    if (index == DESFIRE_FILES_MAX || need > DESFIRE_POOL_BYTES - card->memory.pool_used) {
        return DESFIRE_OUT_OF_MEMORY;
    }
    if (!desfire_begin_write(card)) {
        return DESFIRE_DONE;
    }
    struct desfire_file *file = &application->files[index];
    *file = *wanted;
    file->exists = true;
    file->at = card->memory.pool_used;
    memset(card->memory.pool + file->at, 0, need);
    card->memory.pool_used += (uint32_t)need;
    memset(&card->pending[index], 0, sizeof card->pending[index]);
    desfire_end_write(card);
    return DESFIRE_DONE;
}

/* What all creating commands begin with: number, perhaps an ISO file id, mode, rights. Returns how
 * many bytes that were, or 0. `rest` bytes follow. */
static size_t take_head(struct desfire *card, const uint8_t *data, size_t bytes, size_t rest,
                        struct desfire_file *ret_file)
{
    const struct desfire_application *application = desfire_current(card);
    memset(ret_file, 0, sizeof *ret_file);
    ret_file->number = data[0];
    size_t at = 1;
    if (bytes == rest + 6 && application != NULL && application->has_iso_ids) {
        ret_file->has_iso_id = true;
        ret_file->iso_id = (uint16_t)(data[1] | data[2] << 8);
        at = 3;
    } else if (bytes != rest + 4) {
        return 0;
    }
    ret_file->mode = data[at];
    ret_file->rights = (uint16_t)(data[at + 1] | data[at + 2] << 8);
    return at + 3;
}

static enum desfire_status create_data_file(struct desfire *card, const uint8_t *data, size_t bytes,
                                            uint8_t *ret_mode)
{
    struct desfire_file file;
    const size_t at = take_head(card, data, bytes, 3, &file);
    (void)ret_mode;
    if (at == 0) {
        return DESFIRE_LENGTH_ERROR;
    }
    file.kind = card->command == 0xCD ? DESFIRE_STANDARD : DESFIRE_BACKUP;
    file.bytes = desfire_get24(data + at);
    return file.bytes == 0 ? DESFIRE_PARAMETER_ERROR : create(card, &file);
}

static enum desfire_status create_value_file(struct desfire *card, const uint8_t *data,
                                             size_t bytes, uint8_t *ret_mode)
{
    struct desfire_file file;
    const size_t at = take_head(card, data, bytes, 13, &file);
    (void)ret_mode;
    if (at == 0 || file.has_iso_id) {
        return DESFIRE_LENGTH_ERROR;
    }
    file.kind = DESFIRE_VALUE;
    file.lower = (int32_t)desfire_get32(data + at);
    file.upper = (int32_t)desfire_get32(data + at + 4);
    file.value = (int32_t)desfire_get32(data + at + 8);
    file.options = data[at + 12];
    if (file.lower > file.upper || file.value < file.lower || file.value > file.upper) {
        return DESFIRE_BOUNDARY_ERROR;
    }
    return create(card, &file);
}

static enum desfire_status create_record_file(struct desfire *card, const uint8_t *data,
                                              size_t bytes, uint8_t *ret_mode)
{
    struct desfire_file file;
    const size_t at = take_head(card, data, bytes, 6, &file);
    (void)ret_mode;
    if (at == 0) {
        return DESFIRE_LENGTH_ERROR;
    }
    file.kind = card->command == 0xC1 ? DESFIRE_LINEAR : DESFIRE_CYCLIC;
    file.bytes = desfire_get24(data + at);
    file.records_max = desfire_get24(data + at + 3);
    if (file.bytes == 0 || file.records_max < (file.kind == DESFIRE_CYCLIC ? 2U : 1U)) {
        return DESFIRE_PARAMETER_ERROR;
    }
    return create(card, &file);
}

static enum desfire_status delete_file(struct desfire *card, const uint8_t *data, size_t bytes,
                                       uint8_t *ret_mode)
{
    size_t index;
    (void)bytes, (void)ret_mode;
    const enum desfire_status status = may_create(card);
    if (status != DESFIRE_DONE) {
        return status;
    }
    struct desfire_file *file = find_file(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    if (desfire_begin_write(card)) {
        memset(file, 0, sizeof *file);
        memset(&card->pending[index], 0, sizeof card->pending[index]);
        desfire_end_write(card);
    }
    return DESFIRE_DONE;
}

static enum desfire_status get_file_ids(struct desfire *card, const uint8_t *data, size_t bytes,
                                        uint8_t *ret_mode)
{
    (void)data, (void)bytes, (void)ret_mode;
    const enum desfire_status status = may_list(card);
    if (status != DESFIRE_DONE) {
        return status;
    }
    const struct desfire_application *application = desfire_current(card);
    for (size_t i = 0; i < DESFIRE_FILES_MAX; i++) {
        const struct desfire_file *file = &application->files[i];
        if (!file->exists) {
            continue;
        }
        if (card->command == 0x6F) {
            desfire_reply_byte(card, file->number);
        } else if (file->has_iso_id) {
            desfire_reply_byte(card, (uint8_t)file->iso_id);
            desfire_reply_byte(card, (uint8_t)(file->iso_id >> 8));
        }
    }
    return DESFIRE_DONE;
}

static enum desfire_status get_file_settings(struct desfire *card, const uint8_t *data,
                                             size_t bytes, uint8_t *ret_mode)
{
    size_t index;
    (void)bytes, (void)ret_mode;
    const enum desfire_status status = may_list(card);
    if (status != DESFIRE_DONE) {
        return status;
    }
    const struct desfire_file *file = find_file(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    desfire_reply_byte(card, (uint8_t)file->kind);
    desfire_reply_byte(card, file->mode);
    desfire_reply_byte(card, (uint8_t)file->rights);
    desfire_reply_byte(card, (uint8_t)(file->rights >> 8));
    if (is_data(file)) {
        desfire_reply24(card, file->bytes);
    } else if (is_records(file)) {
        desfire_reply24(card, file->bytes);
        desfire_reply24(card, file->records_max);
        desfire_reply24(card, file->records);
    } else {
        desfire_reply32(card, (uint32_t)file->lower);
        desfire_reply32(card, (uint32_t)file->upper);
        desfire_reply32(card, (uint32_t)file->limited);
        desfire_reply_byte(card, file->options);
    }
    return DESFIRE_DONE;
}

static enum desfire_status change_file_settings(struct desfire *card, const uint8_t *data,
                                                size_t bytes, uint8_t *ret_mode)
{
    size_t index;
    uint8_t mode;
    (void)bytes, (void)ret_mode;
    struct desfire_file *file = find_file(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    const unsigned right = right_change(file);
    enum desfire_status status = use_right(card, file, &right, 1, &mode);
    if (status != DESFIRE_DONE) {
        return status;
    }
    mode = right == DESFIRE_RIGHT_FREE ? DESFIRE_MODE_PLAIN : DESFIRE_MODE_ENCIPHERED;
    status = desfire_open_message(card, mode, 2, 3);
    if (status != DESFIRE_DONE) {
        return status;
    }
    if (data[1] == 2 || data[1] > 3) {
        return DESFIRE_PARAMETER_ERROR;
    }
    if (desfire_begin_write(card)) {
        file->mode = data[1];
        file->rights = (uint16_t)(data[2] | data[3] << 8);
        desfire_end_write(card);
    }
    return DESFIRE_DONE;
}

/* --- data ----------------------------------------------------------------------------------- */

static enum desfire_status read_data(struct desfire *card, const uint8_t *data, size_t bytes,
                                     uint8_t *ret_mode)
{
    size_t index;
    (void)bytes;
    const struct desfire_file *file = find_file(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    const enum desfire_status status = may_read(card, file, ret_mode);
    if (status != DESFIRE_DONE) {
        return status;
    }
    if (!is_data(file)) {
        return DESFIRE_PARAMETER_ERROR;
    }
    const uint32_t from = desfire_get24(data + 1);
    uint32_t count = desfire_get24(data + 4);
    if (from >= file->bytes || count > file->bytes - from) {
        return DESFIRE_BOUNDARY_ERROR;
    }
    count = count == 0 ? file->bytes - from : count;
    desfire_reply(card, card->memory.pool + file->at + from, count);
    return DESFIRE_DONE;
}

static enum desfire_status write_standard(struct desfire *card, const struct desfire_file *file,
                                          uint32_t from, const uint8_t *data, uint32_t count)
{
    uint8_t *at = card->memory.pool + file->at + from;
    if (desfire_begin_write(card)) {
        memcpy(at, data, count);
        desfire_end_write(card);
    } else if (card->cut.tear == DESFIRE_TEAR_HALF) {
        memcpy(at, data, count / 2);
    }
    return DESFIRE_DONE;
}

static enum desfire_status write_backup(struct desfire *card, const struct desfire_file *file,
                                        struct desfire_pending *pending, uint32_t from,
                                        const uint8_t *data, uint32_t count)
{
    uint8_t *shadow = card->memory.pool + file->at + file->bytes;
    if (!pending->is_written) {
        memcpy(shadow, card->memory.pool + file->at, file->bytes);
        pending->is_written = true;
    }
    memcpy(shadow + from, data, count);
    return DESFIRE_DONE;
}

/* All writes of a transaction go to one new record. */
static enum desfire_status write_record(struct desfire *card, const struct desfire_file *file,
                                        struct desfire_pending *pending, uint32_t from,
                                        const uint8_t *data, uint32_t count)
{
    uint8_t *record = card->memory.pool + file->at + (size_t)file->next * file->bytes;
    if (pending->is_cleared) {
        return DESFIRE_PERMISSION_DENIED; /* commit first: libfreefare, test_mifare_desfire.c */
    }
    if (file->kind == DESFIRE_LINEAR && file->records == file->records_max) {
        return DESFIRE_BOUNDARY_ERROR;
    }
    if (!pending->is_written) {
        memset(record, 0, file->bytes);
        pending->is_written = true;
    }
    memcpy(record + from, data, count);
    return DESFIRE_DONE;
}

enum {
    WRITE_HEAD_BYTES = 8, /* code, number, offset, length */
};

size_t desfire_expected_bytes(struct desfire *card)
{
    size_t index;
    uint8_t mode = DESFIRE_MODE_PLAIN;
    if ((card->command != 0x3D && card->command != 0x3B) ||
        card->message_bytes < WRITE_HEAD_BYTES) {
        return 0;
    }
    const struct desfire_file *file = find_file(card, card->message[1], &index);
    const uint32_t count = desfire_get24(card->message + 5);
    if (file == NULL || may_write(card, file, &mode) != DESFIRE_DONE || count > file->bytes) {
        return 0;
    }
    return WRITE_HEAD_BYTES + desfire_protected_bytes(card, mode, count);
}

static enum desfire_status write_data(struct desfire *card, const uint8_t *data, size_t bytes,
                                      uint8_t *ret_mode)
{
    size_t index;
    uint8_t mode;
    (void)bytes, (void)ret_mode;
    const struct desfire_file *file = find_file(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    enum desfire_status status = may_write(card, file, &mode);
    if (status != DESFIRE_DONE) {
        return status;
    }
    if (card->command == 0x3D ? !is_data(file) : !is_records(file)) {
        return DESFIRE_PARAMETER_ERROR;
    }
    const uint32_t from = desfire_get24(data + 1);
    const uint32_t count = desfire_get24(data + 4);
    if (count == 0) {
        return DESFIRE_PARAMETER_ERROR;
    }
    if (from >= file->bytes || count > file->bytes - from) {
        return DESFIRE_BOUNDARY_ERROR;
    }
    status = desfire_open_message(card, mode, WRITE_HEAD_BYTES, count);
    if (status != DESFIRE_DONE) {
        return status;
    }
    data += WRITE_HEAD_BYTES - 1;
    struct desfire_pending *pending = &card->pending[index];
    switch (file->kind) {
    case DESFIRE_STANDARD:
        return write_standard(card, file, from, data, count);
    case DESFIRE_BACKUP:
        return write_backup(card, file, pending, from, data, count);
    case DESFIRE_LINEAR:
    case DESFIRE_CYCLIC:
        return write_record(card, file, pending, from, data, count);
    case DESFIRE_VALUE:
        break;
    }
    return DESFIRE_PARAMETER_ERROR;
}

/* --- records -------------------------------------------------------------------------------- */

/* Where a record is; 0 is the newest. */
static const uint8_t *record_at(const struct desfire *card, const struct desfire_file *file,
                                uint32_t back)
{
    const uint32_t slot = (file->next + 2 * file->records_max - 1 - back) % file->records_max;
    return card->memory.pool + file->at + (size_t)slot * file->bytes;
}

static enum desfire_status read_records(struct desfire *card, const uint8_t *data, size_t bytes,
                                        uint8_t *ret_mode)
{
    size_t index;
    (void)bytes;
    const struct desfire_file *file = find_file(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    const enum desfire_status status = may_read(card, file, ret_mode);
    if (status != DESFIRE_DONE) {
        return status;
    }
    if (!is_records(file)) {
        return DESFIRE_PARAMETER_ERROR;
    }
    const uint32_t first = desfire_get24(data + 1);
    uint32_t count = desfire_get24(data + 4);
    if (first >= file->records || count > file->records - first) {
        return DESFIRE_BOUNDARY_ERROR;
    }
    count = count == 0 ? file->records - first : count;
    for (uint32_t i = count; i > 0; i--) {
        desfire_reply(card, record_at(card, file, first + i - 1), file->bytes);
    }
    return DESFIRE_DONE;
}

static enum desfire_status clear_records(struct desfire *card, const uint8_t *data, size_t bytes,
                                         uint8_t *ret_mode)
{
    size_t index;
    uint8_t mode;
    (void)bytes, (void)ret_mode;
    const struct desfire_file *file = find_file(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    const unsigned right = right_both(file);
    const enum desfire_status status = use_right(card, file, &right, 1, &mode);
    if (status != DESFIRE_DONE) {
        return status;
    }
    if (!is_records(file)) {
        return DESFIRE_PARAMETER_ERROR;
    }
    card->pending[index] = (struct desfire_pending){.is_cleared = true};
    return DESFIRE_DONE;
}

/* --- values --------------------------------------------------------------------------------- */

static enum desfire_status get_value(struct desfire *card, const uint8_t *data, size_t bytes,
                                     uint8_t *ret_mode)
{
    size_t index;
    (void)bytes;
    const struct desfire_file *file = find_file(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    const enum desfire_status status = may_use_value(card, file, card->command, ret_mode);
    if (status != DESFIRE_DONE) {
        if ((file->options & OPTION_FREE_GET_VALUE) == 0) {
            return status;
        }
        *ret_mode = DESFIRE_MODE_PLAIN;
    }
    if (file->kind != DESFIRE_VALUE) {
        return DESFIRE_PARAMETER_ERROR;
    }
    desfire_reply32(card, (uint32_t)file->value);
    return DESFIRE_DONE;
}

/* What the value would be; a LimitedCredit is bounded by the debits of the last transaction. */
static enum desfire_status change_value(const struct desfire *card, const struct desfire_file *file,
                                        struct desfire_pending *pending, int32_t amount)
{
    int64_t value = pending->is_changed ? pending->value : file->value;
    if (amount < 0) {
        return DESFIRE_PARAMETER_ERROR;
    }
    if (card->command == 0x1C) {
        if ((file->options & OPTION_LIMITED_CREDIT) == 0) {
            return DESFIRE_PERMISSION_DENIED;
        }
        if (pending->has_limited_credit || amount > file->limited) {
            return DESFIRE_BOUNDARY_ERROR;
        }
    }
    value += card->command == 0xDC ? -(int64_t)amount : amount;
    if (value < file->lower || value > file->upper) {
        return DESFIRE_BOUNDARY_ERROR;
    }
    pending->is_changed = true;
    pending->value = (int32_t)value;
    if (card->command == 0xDC) {
        pending->has_debit = true;
        pending->debits += amount;
    }
    pending->has_limited_credit = pending->has_limited_credit || card->command == 0x1C;
    return DESFIRE_DONE;
}

static enum desfire_status credit_or_debit(struct desfire *card, const uint8_t *data, size_t bytes,
                                           uint8_t *ret_mode)
{
    size_t index;
    uint8_t mode;
    (void)bytes, (void)ret_mode;
    const struct desfire_file *file = find_file(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    enum desfire_status status = may_use_value(card, file, card->command, &mode);
    if (status != DESFIRE_DONE) {
        return status;
    }
    if (file->kind != DESFIRE_VALUE) {
        return DESFIRE_PARAMETER_ERROR;
    }
    status = desfire_open_message(card, mode, 2, 4);
    if (status != DESFIRE_DONE) {
        return status;
    }
    return change_value(card, file, &card->pending[index], (int32_t)desfire_get32(data + 1));
}

/* --- the transaction ------------------------------------------------------------------------ */

void desfire_drop_pending(struct desfire *card)
{
    memset(card->pending, 0, sizeof card->pending);
}

static bool is_pending(const struct desfire *card)
{
    bool is_any = false;
    for (size_t i = 0; i < DESFIRE_FILES_MAX; i++) {
        const struct desfire_pending *pending = &card->pending[i];
        is_any = is_any || pending->is_written || pending->is_cleared || pending->is_changed;
    }
    return is_any;
}

static void commit_records(struct desfire_file *file, const struct desfire_pending *pending)
{
    const uint32_t most = file->kind == DESFIRE_CYCLIC ? file->records_max - 1 : file->records_max;
    if (pending->is_cleared) {
        file->records = 0;
        file->next = 0;
    } else if (pending->is_written) {
        file->next = (file->next + 1) % file->records_max;
        file->records += file->records < most ? 1 : 0;
    }
}

static void commit_value(struct desfire_file *file, const struct desfire_pending *pending)
{
    if (!pending->is_changed) {
        return;
    }
    file->value = pending->value;
    if (pending->has_debit) {
        file->limited = pending->debits > INT32_MAX ? INT32_MAX : (int32_t)pending->debits;
    } else if (pending->has_limited_credit) {
        file->limited = 0; /* one LimitedCredit after a debit, whatever it gave back */
    }
}

static void commit_file(struct desfire *card, struct desfire_file *file,
                        const struct desfire_pending *pending)
{
    switch (file->kind) {
    case DESFIRE_STANDARD:
        break;
    case DESFIRE_BACKUP:
        if (pending->is_written) {
            uint8_t *at = card->memory.pool + file->at;
            memcpy(at, at + file->bytes, file->bytes);
        }
        break;
    case DESFIRE_VALUE:
        commit_value(file, pending);
        break;
    case DESFIRE_LINEAR:
    case DESFIRE_CYCLIC:
        commit_records(file, pending);
        break;
    }
}

static enum desfire_status commit(struct desfire *card, const uint8_t *data, size_t bytes,
                                  uint8_t *ret_mode)
{
    struct desfire_application *application = desfire_current(card);
    (void)data, (void)bytes, (void)ret_mode;
    if (application == NULL) {
        return DESFIRE_PERMISSION_DENIED;
    }
    if (!is_pending(card)) {
        return DESFIRE_NO_CHANGES;
    }
    card->commits += 1;
    if (desfire_begin_write(card)) {
        for (size_t i = 0; i < DESFIRE_FILES_MAX; i++) {
            commit_file(card, &application->files[i], &card->pending[i]);
        }
        desfire_drop_pending(card);
        desfire_end_write(card);
    }
    return DESFIRE_DONE;
}

static enum desfire_status abort_transaction(struct desfire *card, const uint8_t *data,
                                             size_t bytes, uint8_t *ret_mode)
{
    (void)data, (void)bytes, (void)ret_mode;
    if (desfire_current(card) == NULL) {
        return DESFIRE_PERMISSION_DENIED;
    }
    if (!is_pending(card)) {
        return DESFIRE_NO_CHANGES;
    }
    desfire_drop_pending(card);
    return DESFIRE_DONE;
}

/* --- for tests ------------------------------------------------------------------------------ */

struct desfire_file *desfire_find_file(struct desfire *card, const uint8_t aid[3], uint8_t number)
{
    for (size_t i = 0; i < DESFIRE_APPLICATIONS_MAX; i++) {
        struct desfire_application *application = &card->memory.applications[i];
        if (!application->exists || memcmp(application->aid, aid, 3) != 0) {
            continue;
        }
        for (size_t j = 0; j < DESFIRE_FILES_MAX; j++) {
            if (application->files[j].exists && application->files[j].number == number) {
                return &application->files[j];
            }
        }
    }
    return NULL;
}

size_t desfire_peek(struct desfire *card, const uint8_t aid[3], uint8_t number, uint32_t record,
                    uint8_t *ret_bytes, size_t bytes_max)
{
    const struct desfire_file *file = desfire_find_file(card, aid, number);
    const uint8_t *from = NULL;
    if (file != NULL && is_data(file) && record == 0) {
        from = card->memory.pool + file->at;
    } else if (file != NULL && is_records(file) && record < file->records) {
        from = record_at(card, file, record);
    }
    if (from == NULL) {
        return 0;
    }
    const size_t count = file->bytes < bytes_max ? file->bytes : bytes_max;
    memcpy(ret_bytes, from, count);
    return count;
}

/* --- the table ------------------------------------------------------------------------------ */

static const struct desfire_command commands[] = {
    {0xCD, false, 7, 9, "create standard file", create_data_file},
    {0xCB, false, 7, 9, "create backup file", create_data_file},
    {0xCC, false, 17, 17, "create value file", create_value_file},
    {0xC1, false, 10, 12, "create linear file", create_record_file},
    {0xC0, false, 10, 12, "create cyclic file", create_record_file},
    {0xDF, false, 1, 1, "delete file", delete_file},
    {0x6F, false, 0, 0, "get file ids", get_file_ids},
    {0x61, false, 0, 0, "get iso file ids", get_file_ids},
    {0xF5, false, 1, 1, "get file settings", get_file_settings},
    {0x5F, true, 4, 40, "change file settings", change_file_settings},
    {0xBD, false, 7, 7, "read data", read_data},
    {0x3D, true, 7, 8191, "write data", write_data},
    {0xBB, false, 7, 7, "read records", read_records},
    {0x3B, true, 7, 8191, "write record", write_data},
    {0xEB, false, 1, 1, "clear records", clear_records},
    {0x6C, false, 1, 1, "get value", get_value},
    {0x0C, true, 5, 40, "credit", credit_or_debit},
    {0xDC, true, 5, 40, "debit", credit_or_debit},
    {0x1C, true, 5, 40, "limited credit", credit_or_debit},
    {0xC7, false, 0, 0, "commit", commit},
    {0xA7, false, 0, 0, "abort", abort_transaction},
};

const struct desfire_command *desfire_find_file_command(uint8_t code)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].code == code) {
            return &commands[i];
        }
    }
    return NULL;
}
