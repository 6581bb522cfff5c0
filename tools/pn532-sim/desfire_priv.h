/* desfire_priv.h - between the parts of desfire.h: frames (desfire.c), sessions, files, and what
 * manages applications, keys and the card. For nobody else. */
#ifndef TOOLS_PN532_SIM_DESFIRE_PRIV_H
#define TOOLS_PN532_SIM_DESFIRE_PRIV_H

#include "tools/pn532-sim/desfire.h"

enum {
    DESFIRE_CARD_LEVEL = DESFIRE_APPLICATIONS_MAX, /* `current` when AID 000000 is selected */
    DESFIRE_MODE_PLAIN = 0,
    DESFIRE_MODE_MAC = 1,
    DESFIRE_MODE_ENCIPHERED = 3,
    DESFIRE_RIGHT_FREE = 0xE,
    DESFIRE_RIGHT_NEVER = 0xF,
};

/* --- desfire.c --- */

/* Appends to the answer. */
void desfire_reply(struct desfire *card, const void *bytes, size_t count);
void desfire_reply_byte(struct desfire *card, uint8_t byte);

/* Ends a frame of the answer here; more follows. */
void desfire_end_part(struct desfire *card);

/* Called around each change of what outlives power, before it and after it. False before: power is
 * lost and nothing may change. After it, power may be lost too. */
bool desfire_begin_write(struct desfire *card);
void desfire_end_write(struct desfire *card);

void desfire_fill_random(struct desfire *card, uint8_t *bytes, size_t count);

/* NULL at the card's level. */
struct desfire_model_application *desfire_current(struct desfire *card);

/* Ends the session; forgets what is not committed. */
void desfire_end_session(struct desfire *card);
void desfire_drop_pending(struct desfire *card);

uint32_t desfire_get24(const uint8_t *bytes);
uint32_t desfire_get32(const uint8_t *bytes);
void desfire_reply24(struct desfire *card, uint32_t value);
void desfire_reply32(struct desfire *card, uint32_t value);

/* --- desfire_session.c: what protects messages --- */

enum desfire_status desfire_authenticate(struct desfire *card);
enum desfire_status desfire_authenticate_end(struct desfire *card, const uint8_t *data,
                                             size_t bytes);

/* How many bytes a command's data have on the way: `bytes` and their MAC or CRC and padding. */
size_t desfire_protected_bytes(const struct desfire *card, uint8_t mode, size_t bytes);

/* Opens the message under way: `head` bytes in clear (its code too), then `bytes` of data which
 * stand there in clear afterwards. Tests length, MAC, CRC. */
enum desfire_status desfire_open_message(struct desfire *card, uint8_t mode, size_t head,
                                         size_t bytes);

/* Only deciphers what follows the head: for commands whose length stands inside. */
enum desfire_status desfire_decipher(struct desfire *card, size_t head);

/* Tests CRC and padding of deciphered data. */
bool desfire_crc_is_right(const struct desfire *card, size_t head, size_t bytes);

/* Opens ChangeKey's message: the new key, mixed with `old` unless that is NULL. */
enum desfire_status desfire_open_key(struct desfire *card, const struct desfire_key *old,
                                     enum desfire_cipher cipher, struct desfire_key *ret_key);

/* Protects the answer, status 00. */
void desfire_close_reply(struct desfire *card, uint8_t mode);

/* The key of that number at the current level, NULL when there is none. */
struct desfire_key *desfire_find_key(struct desfire *card, uint8_t number);

/* Makes `key` of its bytes: the version of a DES key is in its parity bits. */
uint8_t desfire_key_version(const struct desfire_key *key);

/* True when the session is one with this key. */
bool desfire_is_authenticated(const struct desfire *card, uint8_t key_number);

/* --- desfire_files.c, desfire_data.c, desfire_manage.c --- */

/* A command. `bytes_min` and `bytes_max` count what follows the code. A command that is not
 * `opens_itself` comes plain and is already opened when it runs; the others open themselves.
 * *ret_mode is how the answer is protected. */
struct desfire_command {
    uint8_t code;
    bool opens_itself;
    uint8_t bytes_min;
    uint16_t bytes_max;
    const char *name;
    enum desfire_status (*run)(struct desfire *, const uint8_t *, size_t, uint8_t *ret_mode);
};

/* NULL when there is no such command. */
const struct desfire_command *desfire_find_file_command(uint8_t code);
const struct desfire_command *desfire_find_data_command(uint8_t code);
const struct desfire_command *desfire_find_manage_command(uint8_t code);

/* The file of that number in the current application; its index in *ret_index. NULL: none. */
struct desfire_file *desfire_file_at(struct desfire *card, uint8_t number, size_t *ret_index);

bool desfire_is_data(const struct desfire_file *file);
bool desfire_is_records(const struct desfire_file *file);

/* Where a record is; 0 is the newest. */
const uint8_t *desfire_record_at(const struct desfire *card, const struct desfire_file *file,
                                 uint32_t back);

/* Whether the session may do it; DESFIRE_DONE sets the mode of the messages. */
enum desfire_status desfire_may_read(const struct desfire *card, const struct desfire_file *file,
                                     uint8_t *ret_mode);
enum desfire_status desfire_may_write(const struct desfire *card, const struct desfire_file *file,
                                      uint8_t *ret_mode);
enum desfire_status desfire_may_use_value(const struct desfire *card,
                                          const struct desfire_file *file, uint8_t command,
                                          uint8_t *ret_mode);
enum desfire_status desfire_use_right(const struct desfire *card, const struct desfire_file *file,
                                      const unsigned *rights, size_t count, uint8_t *ret_mode);
unsigned desfire_right_both(const struct desfire_file *file);

/* How many bytes a command will have in all, by its first frame: more than these say that frames
 * AF follow. */
size_t desfire_expected_bytes(struct desfire *card);

#endif
