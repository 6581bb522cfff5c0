/* What files hold: data, records, values, and the transaction over all that have a backup. */
#include <string.h>

#include "tools/pn532-sim/desfire_priv.h"

enum {
    OPTION_LIMITED_CREDIT = 0x01,
    OPTION_FREE_GET_VALUE = 0x02,
};

/* --- data ----------------------------------------------------------------------------------- */

/* What a read command asks for: bytes of a data file, or records, counted from the newest. */
struct part {
    const struct desfire_file *file;
    uint32_t from, count;
};

static enum desfire_status find_part(struct desfire *card, const uint8_t *data, bool of_records,
                                     uint8_t *ret_mode, struct part *ret)
{
    size_t index;
    const struct desfire_file *file = desfire_file_at(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    const enum desfire_status status = desfire_may_read(card, file, ret_mode);
    if (status != DESFIRE_DONE) {
        return status;
    }
    if (of_records ? !desfire_is_records(file) : !desfire_is_data(file)) {
        return DESFIRE_PARAMETER_ERROR;
    }
    const uint32_t all = of_records ? file->records : file->bytes;
    const uint32_t from = desfire_get24(data + 1), count = desfire_get24(data + 4);
    if (from >= all || count > all - from) {
        return DESFIRE_BOUNDARY_ERROR;
    }
    *ret = (struct part){.file = file, .from = from, .count = count == 0 ? all - from : count};
    return DESFIRE_DONE;
}

static enum desfire_status read_data(struct desfire *card, const uint8_t *data, size_t bytes,
                                     uint8_t *ret_mode)
{
    struct part part;
    (void)bytes;
    const enum desfire_status status = find_part(card, data, false, ret_mode, &part);
    if (status == DESFIRE_DONE) {
        desfire_reply(card, card->memory.pool + part.file->at + part.from, part.count);
    }
    return status;
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
    const struct desfire_file *file = desfire_file_at(card, card->message[1], &index);
    const uint32_t count = desfire_get24(card->message + 5);
    if (file == NULL || desfire_may_write(card, file, &mode) != DESFIRE_DONE ||
        count > file->bytes) {
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
    const struct desfire_file *file = desfire_file_at(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    enum desfire_status status = desfire_may_write(card, file, &mode);
    if (status != DESFIRE_DONE) {
        return status;
    }
    if (card->command == 0x3D ? !desfire_is_data(file) : !desfire_is_records(file)) {
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

static enum desfire_status read_records(struct desfire *card, const uint8_t *data, size_t bytes,
                                        uint8_t *ret_mode)
{
    struct part part;
    (void)bytes;
    const enum desfire_status status = find_part(card, data, true, ret_mode, &part);
    for (uint32_t i = status == DESFIRE_DONE ? part.count : 0; i > 0; i--) {
        desfire_reply(card, desfire_record_at(card, part.file, part.from + i - 1),
                      part.file->bytes);
    }
    return status;
}

static enum desfire_status clear_records(struct desfire *card, const uint8_t *data, size_t bytes,
                                         uint8_t *ret_mode)
{
    size_t index;
    uint8_t mode;
    (void)bytes, (void)ret_mode;
    const struct desfire_file *file = desfire_file_at(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    const unsigned right = desfire_right_both(file);
    const enum desfire_status status = desfire_use_right(card, file, &right, 1, &mode);
    if (status != DESFIRE_DONE) {
        return status;
    }
    if (!desfire_is_records(file)) {
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
    const struct desfire_file *file = desfire_file_at(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    const enum desfire_status status = desfire_may_use_value(card, file, card->command, ret_mode);
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
    const struct desfire_file *file = desfire_file_at(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    enum desfire_status status = desfire_may_use_value(card, file, card->command, &mode);
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
    struct desfire_model_application *application = desfire_current(card);
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

/* --- the table ------------------------------------------------------------------------------ */

static const struct desfire_command commands[] = {
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

const struct desfire_command *desfire_find_data_command(uint8_t code)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].code == code) {
            return &commands[i];
        }
    }
    return NULL;
}
