/* The card, its applications and their keys. */
#include <string.h>

#include "tools/pn532-sim/desfire_crypto.h"
#include "tools/pn532-sim/desfire_priv.h"

/* Bits of key settings 1, of the card and of an application. */
enum {
    SETTING_MASTER_CHANGES = 0x01,
    SETTING_FREE_LISTS = 0x02,
    SETTING_FREE_CREATION = 0x04,
    SETTING_CHANGES = 0x08,
};

enum {
    CONFIGURATION_NO_FORMAT = 0x01,
    CONFIGURATION_RANDOM_UID = 0x02,
    KEYS_COUNT_MASK = 0x0F,
    KEYS_ISO_IDS = 0x20,
};

static uint8_t cipher_bits(enum desfire_cipher cipher)
{
    static const uint8_t bits[] = {
        [DESFIRE_DES] = 0x00,
        [DESFIRE_3K3DES] = 0x40,
        [DESFIRE_AES] = 0x80,
    };
    return bits[cipher];
}

/* By bits 7 and 6. False for both: there is no such cipher. */
static bool cipher_of(uint8_t byte, enum desfire_cipher *ret_cipher)
{
    switch (byte & 0xC0U) {
    case 0x00:
        *ret_cipher = DESFIRE_DES;
        return true;
    case 0x40:
        *ret_cipher = DESFIRE_3K3DES;
        return true;
    case 0x80:
        *ret_cipher = DESFIRE_AES;
        return true;
    default:
        return false;
    }
}

static uint8_t *settings_of(struct desfire *card)
{
    struct desfire_model_application *application = desfire_current(card);
    return application == NULL ? &card->memory.settings : &application->settings;
}

static enum desfire_status need_master(const struct desfire *card)
{
    if (desfire_is_authenticated(card, 0)) {
        return DESFIRE_DONE;
    }
    return card->session.scheme == DESFIRE_NO_SESSION ? DESFIRE_AUTHENTICATION_ERROR
                                                      : DESFIRE_PERMISSION_DENIED;
}

static enum desfire_status need_master_unless(struct desfire *card, uint8_t setting)
{
    return (*settings_of(card) & setting) != 0 ? DESFIRE_DONE : need_master(card);
}

static struct desfire_model_application *find_application(struct desfire *card, const uint8_t *aid,
                                                          size_t *ret_index)
{
    for (size_t i = 0; i < DESFIRE_APPLICATIONS_MAX; i++) {
        struct desfire_model_application *application = &card->memory.applications[i];
        if (application->exists && memcmp(application->aid, aid, 3) == 0) {
            *ret_index = i;
            return application;
        }
    }
    return NULL;
}

/* --- the card ------------------------------------------------------------------------------- */

/* Vendor NXP, DESFire, version, 8 KB, protocol 05; the versions of chips on sale are those that
 * proxmark3's desfirecore.c tells them apart by. */
static enum desfire_status get_version(struct desfire *card, const uint8_t *data, size_t bytes,
                                       uint8_t *ret_mode)
{
    static const uint8_t versions[][4] = {
        [DESFIRE_EV1] = {0x01, 0x00, 0x01, 0x04},
        [DESFIRE_EV2] = {0x12, 0x00, 0x02, 0x01},
        [DESFIRE_EV3] = {0x33, 0x00, 0x03, 0x00},
    };
    static const uint8_t batch_week_year[] = {0xBA, 0x54, 0x1D, 0x5C, 0x10, 0x12, 0x14};
    static const uint8_t no_uid[DESFIRE_UID_BYTES];
    const uint8_t *version = versions[card->memory.generation];
    const bool hides_uid = (card->memory.configuration & CONFIGURATION_RANDOM_UID) != 0;

    (void)data, (void)bytes, (void)ret_mode;
    desfire_reply(card, (const uint8_t[]){0x04, 0x01, 0x01, version[0], version[1], 0x1A, 0x05}, 7);
    desfire_end_part(card);
    desfire_reply(card, (const uint8_t[]){0x04, 0x01, 0x01, version[2], version[3], 0x1A, 0x05}, 7);
    desfire_end_part(card);
    desfire_reply(card, hides_uid ? no_uid : card->memory.uid, DESFIRE_UID_BYTES);
    desfire_reply(card, batch_week_year, sizeof batch_week_year);
    return DESFIRE_DONE;
}

static enum desfire_status get_free_memory(struct desfire *card, const uint8_t *data, size_t bytes,
                                           uint8_t *ret_mode)
{
    (void)data, (void)bytes, (void)ret_mode;
    desfire_reply24(card, DESFIRE_POOL_BYTES - card->memory.pool_used);
    return DESFIRE_DONE;
}

static enum desfire_status get_card_uid(struct desfire *card, const uint8_t *data, size_t bytes,
                                        uint8_t *ret_mode)
{
    (void)data, (void)bytes;
    if (card->session.scheme == DESFIRE_NO_SESSION) {
        return DESFIRE_AUTHENTICATION_ERROR;
    }
    desfire_reply(card, card->memory.uid, DESFIRE_UID_BYTES);
    *ret_mode = DESFIRE_MODE_ENCIPHERED;
    return DESFIRE_DONE;
}

/* The session goes on: libfreefare 0.4.0, test_mifare_desfire.c, formats twice in one. */
static enum desfire_status format(struct desfire *card, const uint8_t *data, size_t bytes,
                                  uint8_t *ret_mode)
{
    (void)data, (void)bytes, (void)ret_mode;
    const enum desfire_status status = need_master(card);
    if (status != DESFIRE_DONE) {
        return status;
    }
    if (desfire_current(card) != NULL ||
        (card->memory.configuration & CONFIGURATION_NO_FORMAT) != 0) {
        return DESFIRE_PERMISSION_DENIED;
    }
    if (desfire_begin_write(card)) {
        memset(card->memory.applications, 0, sizeof card->memory.applications);
        memset(card->memory.pool, 0, sizeof card->memory.pool);
        card->memory.pool_used = 0;
        desfire_end_write(card);
    }
    return DESFIRE_DONE;
}

/* The length of what SetConfiguration sets; 0: this option or these bytes are not known. */
static size_t configuration_bytes(const uint8_t *data)
{
    switch (data[0]) {
    case 0x00:
        return 1;
    case 0x01:
        return 25;
    case 0x02:
        return data[1] >= 2 && data[1] <= DESFIRE_ATS_BYTES_MAX ? data[1] : 0;
    default:
        return 0;
    }
}

/* Options: bits (they can only be set), the default key of new applications, the ATS. */
static enum desfire_status set_configuration(struct desfire *card, const uint8_t *data,
                                             size_t bytes, uint8_t *ret_mode)
{
    (void)bytes, (void)ret_mode;
    enum desfire_status status = need_master(card);
    if (status == DESFIRE_DONE && desfire_current(card) != NULL) {
        status = DESFIRE_PERMISSION_DENIED;
    }
    if (status == DESFIRE_DONE) {
        status = desfire_decipher(card, 2);
    }
    if (status != DESFIRE_DONE) {
        return status;
    }
    const size_t count = configuration_bytes(data);
    if (count == 0) {
        return DESFIRE_PARAMETER_ERROR;
    }
    if (!desfire_crc_is_right(card, 2, count)) {
        return DESFIRE_INTEGRITY_ERROR;
    }
    if (!desfire_begin_write(card)) {
        return DESFIRE_DONE;
    }
    if (data[0] == 0x00) {
        card->memory.configuration |= data[1] & 0x03U;
    } else if (data[0] == 0x01) {
        memcpy(card->memory.default_key.bytes, data + 1, 24);
        card->memory.default_key.version = data[25];
    } else {
        memcpy(card->memory.ats, data + 1, count);
        card->memory.ats_bytes = (uint8_t)count;
    }
    desfire_end_write(card);
    return DESFIRE_DONE;
}

/* --- applications --------------------------------------------------------------------------- */

static enum desfire_status select_application(struct desfire *card, const uint8_t *data,
                                              size_t bytes, uint8_t *ret_mode)
{
    static const uint8_t card_level[3];
    size_t index = DESFIRE_CARD_LEVEL;
    (void)bytes, (void)ret_mode;
    desfire_end_session(card);
    desfire_drop_pending(card);
    if (memcmp(data, card_level, 3) != 0 && find_application(card, data, &index) == NULL) {
        return DESFIRE_NO_APPLICATION;
    }
    card->current = (uint8_t)index;
    return DESFIRE_DONE;
}

/* An ISO file id and a name may be given once only. */
static bool is_iso_taken(const struct desfire *card, uint16_t iso_id, const uint8_t *name,
                         size_t name_bytes)
{
    for (size_t i = 0; i < DESFIRE_APPLICATIONS_MAX; i++) {
        const struct desfire_model_application *other = &card->memory.applications[i];
        if (!other->exists || !other->has_iso_id) {
            continue;
        }
        if (other->iso_id == iso_id || (name_bytes > 0 && other->name_bytes == name_bytes &&
                                        memcmp(other->name, name, name_bytes) == 0)) {
            return true;
        }
    }
    return false;
}

/* AID, key settings 1 and 2, perhaps an ISO file id and a name. */
static enum desfire_status create_application(struct desfire *card, const uint8_t *data,
                                              size_t bytes, uint8_t *ret_mode)
{
    static const uint8_t card_level[3];
    size_t index;
    enum desfire_cipher cipher;
    (void)ret_mode;
    if (desfire_current(card) != NULL) {
        return DESFIRE_PERMISSION_DENIED;
    }
    const enum desfire_status status = need_master_unless(card, SETTING_FREE_CREATION);
    if (status != DESFIRE_DONE) {
        return status;
    }
    const uint8_t keys = data[4] & KEYS_COUNT_MASK;
    if (bytes == 6 || keys > DESFIRE_KEYS_MAX || !cipher_of(data[4], &cipher)) {
        return DESFIRE_PARAMETER_ERROR;
    }
    if (memcmp(data, card_level, 3) == 0 || find_application(card, data, &index) != NULL) {
        return DESFIRE_DUPLICATE;
    }
    if (bytes > 6 && is_iso_taken(card, (uint16_t)(data[5] | data[6] << 8), data + 7, bytes - 7)) {
        return DESFIRE_DUPLICATE;
    }
    for (index = 0; index < DESFIRE_APPLICATIONS_MAX && card->memory.applications[index].exists;
         index++) {
    }
    if (index == DESFIRE_APPLICATIONS_MAX) {
        return DESFIRE_COUNT_ERROR;
    }
    if (!desfire_begin_write(card)) {
        return DESFIRE_DONE;
    }
    struct desfire_model_application *application = &card->memory.applications[index];
    memset(application, 0, sizeof *application);
    application->exists = true;
    memcpy(application->aid, data, 3);
    application->settings = data[3];
    application->cipher = cipher;
    application->keys_count = keys;
    application->has_iso_ids = (data[4] & KEYS_ISO_IDS) != 0;
    if (bytes > 6) {
        application->has_iso_id = true;
        application->iso_id = (uint16_t)(data[5] | data[6] << 8);
        application->name_bytes = (uint8_t)(bytes - 7);
        memcpy(application->name, data + 7, bytes - 7);
    }
    for (size_t i = 0; i < keys; i++) {
        application->keys[i] = card->memory.default_key;
        application->keys[i].cipher = cipher;
    }
    desfire_end_write(card);
    return DESFIRE_DONE;
}

/* By the card's master key; or, where creation is free, by the application's own. */
static enum desfire_status delete_application(struct desfire *card, const uint8_t *data,
                                              size_t bytes, uint8_t *ret_mode)
{
    size_t index;
    (void)bytes, (void)ret_mode;
    const enum desfire_status status = need_master(card);
    if (status != DESFIRE_DONE) {
        return status;
    }
    struct desfire_model_application *application = find_application(card, data, &index);
    if (application == NULL) {
        return DESFIRE_NO_APPLICATION;
    }
    const struct desfire_model_application *current = desfire_current(card);
    if (current != NULL &&
        (current != application || (card->memory.settings & SETTING_FREE_CREATION) == 0)) {
        return DESFIRE_PERMISSION_DENIED;
    }
    if (desfire_begin_write(card)) {
        memset(application, 0, sizeof *application);
        desfire_end_write(card);
    }
    if (current != NULL) {
        card->current = DESFIRE_CARD_LEVEL;
        desfire_end_session(card);
        desfire_drop_pending(card);
    }
    return DESFIRE_DONE;
}

static enum desfire_status get_application_ids(struct desfire *card, const uint8_t *data,
                                               size_t bytes, uint8_t *ret_mode)
{
    (void)data, (void)bytes, (void)ret_mode;
    if (desfire_current(card) != NULL) {
        return DESFIRE_PERMISSION_DENIED;
    }
    const enum desfire_status status = need_master_unless(card, SETTING_FREE_LISTS);
    if (status != DESFIRE_DONE) {
        return status;
    }
    for (size_t i = 0; i < DESFIRE_APPLICATIONS_MAX; i++) {
        if (card->memory.applications[i].exists) {
            desfire_reply(card, card->memory.applications[i].aid, 3);
        }
    }
    return DESFIRE_DONE;
}

/* AID, ISO file id and name, a frame for each. Within a session of EV1's scheme it kills an EV1
 * (libnxpsc, docs/hardware-notes.md: three real cards); in one of D40's it does not (libfreefare
 * 0.4.0, test_mifare_desfire_ev1_iso.c). */
static enum desfire_status get_df_names(struct desfire *card, const uint8_t *data, size_t bytes,
                                        uint8_t *ret_mode)
{
    (void)data, (void)bytes, (void)ret_mode;
    if (card->session.scheme == DESFIRE_CMAC && card->memory.generation == DESFIRE_EV1) {
        card->memory.is_dead = true;
        return DESFIRE_PERMISSION_DENIED;
    }
    if (desfire_current(card) != NULL) {
        return DESFIRE_PERMISSION_DENIED;
    }
    for (size_t i = 0; i < DESFIRE_APPLICATIONS_MAX; i++) {
        const struct desfire_model_application *application = &card->memory.applications[i];
        if (application->exists && application->has_iso_id) {
            desfire_reply(card, application->aid, 3);
            desfire_reply_byte(card, (uint8_t)application->iso_id);
            desfire_reply_byte(card, (uint8_t)(application->iso_id >> 8));
            desfire_reply(card, application->name, application->name_bytes);
            desfire_end_part(card);
        }
    }
    return DESFIRE_DONE;
}

/* --- keys ----------------------------------------------------------------------------------- */

static enum desfire_status get_key_settings(struct desfire *card, const uint8_t *data, size_t bytes,
                                            uint8_t *ret_mode)
{
    (void)data, (void)bytes, (void)ret_mode;
    const enum desfire_status status = need_master_unless(card, SETTING_FREE_LISTS);
    if (status != DESFIRE_DONE) {
        return status;
    }
    const struct desfire_model_application *application = desfire_current(card);
    desfire_reply_byte(card, *settings_of(card));
    desfire_reply_byte(card, application == NULL
                                 ? 1U | cipher_bits(card->memory.master.cipher)
                                 : application->keys_count | cipher_bits(application->cipher));
    return DESFIRE_DONE;
}

static enum desfire_status change_key_settings(struct desfire *card, const uint8_t *data,
                                               size_t bytes, uint8_t *ret_mode)
{
    (void)bytes, (void)ret_mode;
    enum desfire_status status = need_master(card);
    if (status == DESFIRE_DONE && (*settings_of(card) & SETTING_CHANGES) == 0) {
        status = DESFIRE_PERMISSION_DENIED;
    }
    if (status == DESFIRE_DONE) {
        status = desfire_open_message(card, DESFIRE_MODE_ENCIPHERED, 1, 1);
    }
    if (status == DESFIRE_DONE && desfire_begin_write(card)) {
        *settings_of(card) = data[0];
        desfire_end_write(card);
    }
    return status;
}

static enum desfire_status get_key_version(struct desfire *card, const uint8_t *data, size_t bytes,
                                           uint8_t *ret_mode)
{
    (void)bytes, (void)ret_mode;
    const struct desfire_key *key = desfire_find_key(card, data[0]);
    if (key == NULL) {
        return DESFIRE_NO_SUCH_KEY;
    }
    desfire_reply_byte(card, desfire_key_version(key));
    return DESFIRE_DONE;
}

/* Who may change key `number`: the upper nibble of the settings names the key that may (0: the
 * master key), E: the key itself, F: nobody. The master key changes by itself only. */
static bool may_change_key(struct desfire *card, uint8_t number)
{
    const uint8_t settings = *settings_of(card);
    const uint8_t rule = settings >> 4;
    if (number == 0) {
        return (settings & SETTING_MASTER_CHANGES) != 0 && desfire_is_authenticated(card, 0);
    }
    if (rule == 0xF) {
        return false;
    }
    return desfire_is_authenticated(card, rule == 0xE ? number : rule);
}

static enum desfire_status change_key(struct desfire *card, const uint8_t *data, size_t bytes,
                                      uint8_t *ret_mode)
{
    const struct desfire_model_application *application = desfire_current(card);
    const uint8_t number = application == NULL ? data[0] & 0x3FU : data[0];
    enum desfire_cipher cipher;
    struct desfire_key key;

    (void)bytes, (void)ret_mode;
    if (card->session.scheme == DESFIRE_NO_SESSION) {
        return DESFIRE_AUTHENTICATION_ERROR;
    }
    struct desfire_key *old = desfire_find_key(card, number);
    if (old == NULL) {
        return DESFIRE_NO_SUCH_KEY;
    }
    if (application != NULL) {
        cipher = application->cipher;
    } else if (!cipher_of(data[0], &cipher)) {
        return DESFIRE_PARAMETER_ERROR;
    }
    if (!may_change_key(card, number)) {
        return DESFIRE_PERMISSION_DENIED;
    }
    const bool is_own = card->session.key_number == number;
    const enum desfire_status status = desfire_open_key(card, is_own ? NULL : old, cipher, &key);
    if (status != DESFIRE_DONE) {
        return status;
    }
    if (desfire_begin_write(card)) {
        *old = key;
        desfire_end_write(card);
    }
    if (is_own) {
        desfire_end_session(card);
    }
    return DESFIRE_DONE;
}

/* --- the table ------------------------------------------------------------------------------ */

static const struct desfire_command commands[] = {
    {0x60, false, 0, 0, "get version", get_version},
    {0x6E, false, 0, 0, "free memory", get_free_memory},
    {0x51, false, 0, 0, "get card uid", get_card_uid},
    {0xFC, false, 0, 0, "format", format},
    {0x5C, true, 2, 60, "set configuration", set_configuration},
    {0x5A, true, 3, 3, "select application", select_application},
    {0xCA, false, 5, 23, "create application", create_application},
    {0xDA, false, 3, 3, "delete application", delete_application},
    {0x6A, false, 0, 0, "get application ids", get_application_ids},
    {0x6D, false, 0, 0, "get df names", get_df_names},
    {0x45, false, 0, 0, "get key settings", get_key_settings},
    {0x54, true, 1, 60, "change key settings", change_key_settings},
    {0x64, false, 1, 1, "get key version", get_key_version},
    {0xC4, true, 2, 60, "change key", change_key},
};

const struct desfire_command *desfire_find_manage_command(uint8_t code)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].code == code) {
            return &commands[i];
        }
    }
    return NULL;
}
