/* Files: who may do what with them, making them, their settings. */
#include <string.h>

#include "tools/pn532-sim/desfire_priv.h"

enum {
    POOL_BLOCK_BYTES = 32, /* memory is given in such pieces */
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

unsigned desfire_right_both(const struct desfire_file *file)
{
    return (unsigned)file->rights >> 4 & 0xFU;
}

static unsigned right_change(const struct desfire_file *file)
{
    return (unsigned)file->rights & 0xFU;
}

/* One of the rights must be the session's key, and then the file's mode is used, or free, and then
 * all is plain (libfreefare 0.4.0, madame_soleil_get_read_communication_settings). */
enum desfire_status desfire_use_right(const struct desfire *card, const struct desfire_file *file,
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

enum desfire_status desfire_may_read(const struct desfire *card, const struct desfire_file *file,
                                     uint8_t *ret_mode)
{
    const unsigned rights[] = {right_read(file), desfire_right_both(file)};
    return desfire_use_right(card, file, rights, 2, ret_mode);
}

enum desfire_status desfire_may_write(const struct desfire *card, const struct desfire_file *file,
                                      uint8_t *ret_mode)
{
    const unsigned rights[] = {right_write(file), desfire_right_both(file)};
    return desfire_use_right(card, file, rights, 2, ret_mode);
}

/* GetValue and Debit take any right, LimitedCredit Write, Credit Read&Write only. */
enum desfire_status desfire_may_use_value(const struct desfire *card,
                                          const struct desfire_file *file, uint8_t command,
                                          uint8_t *ret_mode)
{
    const unsigned rights[] = {desfire_right_both(file), right_write(file), right_read(file)};
    const size_t count = command == 0x0C ? 1 : command == 0x1C ? 2 : 3;
    return desfire_use_right(card, file, rights, count, ret_mode);
}

static enum desfire_status may_list(struct desfire *card)
{
    const struct desfire_model_application *application = desfire_current(card);
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
    const struct desfire_model_application *application = desfire_current(card);
    if (application == NULL) {
        return DESFIRE_PERMISSION_DENIED;
    }
    if ((application->settings & SETTING_FREE_CREATION) != 0 || desfire_is_authenticated(card, 0)) {
        return DESFIRE_DONE;
    }
    return DESFIRE_AUTHENTICATION_ERROR;
}

/* The file of that number in the current application; its index in *ret_index. */
struct desfire_file *desfire_file_at(struct desfire *card, uint8_t number, size_t *ret_index)
{
    struct desfire_model_application *application = desfire_current(card);
    for (size_t i = 0; application != NULL && i < DESFIRE_FILES_MAX; i++) {
        if (application->files[i].exists && application->files[i].number == number) {
            *ret_index = i;
            return &application->files[i];
        }
    }
    return NULL;
}

bool desfire_is_data(const struct desfire_file *file)
{
    return file->kind == DESFIRE_STANDARD || file->kind == DESFIRE_BACKUP;
}

bool desfire_is_records(const struct desfire_file *file)
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
    struct desfire_model_application *application = desfire_current(card);
    const enum desfire_status status = may_create(card);
    size_t index;

    if (status != DESFIRE_DONE) {
        return status;
    }
    if (desfire_file_at(card, wanted->number, &index) != NULL) {
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
    const struct desfire_model_application *application = desfire_current(card);
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
    struct desfire_file *file = desfire_file_at(card, data[0], &index);
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
    const struct desfire_model_application *application = desfire_current(card);
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
    const struct desfire_file *file = desfire_file_at(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    desfire_reply_byte(card, (uint8_t)file->kind);
    desfire_reply_byte(card, file->mode);
    desfire_reply_byte(card, (uint8_t)file->rights);
    desfire_reply_byte(card, (uint8_t)(file->rights >> 8));
    if (desfire_is_data(file)) {
        desfire_reply24(card, file->bytes);
    } else if (desfire_is_records(file)) {
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
    struct desfire_file *file = desfire_file_at(card, data[0], &index);
    if (file == NULL) {
        return DESFIRE_NO_FILE;
    }
    const unsigned right = right_change(file);
    enum desfire_status status = desfire_use_right(card, file, &right, 1, &mode);
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

/* Where a record is; 0 is the newest. */
const uint8_t *desfire_record_at(const struct desfire *card, const struct desfire_file *file,
                                 uint32_t back)
{
    const uint32_t slot = (file->next + 2 * file->records_max - 1 - back) % file->records_max;
    return card->memory.pool + file->at + (size_t)slot * file->bytes;
}

/* --- for tests ------------------------------------------------------------------------------ */

struct desfire_file *desfire_find_file(struct desfire *card, const uint8_t aid[3], uint8_t number)
{
    for (size_t i = 0; i < DESFIRE_APPLICATIONS_MAX; i++) {
        struct desfire_model_application *application = &card->memory.applications[i];
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
    if (file != NULL && desfire_is_data(file) && record == 0) {
        from = card->memory.pool + file->at;
    } else if (file != NULL && desfire_is_records(file) && record < file->records) {
        from = desfire_record_at(card, file, record);
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
