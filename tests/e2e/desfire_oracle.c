/* desfire-oracle - reads and makes member cards with libfreefare, which shares no code with ours.
 *
 *     desfire-oracle read AID SPENDKEY
 *         prints: value N, record HEX (the newest), records N, identity HEX, number of keys
 *     desfire-oracle make AID VERSION ISSUEKEY SPENDKEY LOADKEY IDENTITY CREDIT RECORD
 *         makes the application, its files and keys as docs/card-layout.md has them
 *
 * All but CREDIT in hexadecimal. The card is the first on LIBNFC_DEFAULT_DEVICE. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <freefare.h>
#include <nfc/nfc.h>

enum {
    CREDIT_FILE = 1,
    HISTORY_FILE = 2,
    IDENTITY_FILE = 3,
    FACTS_FILE = 4,
    IDENTITY_BYTES = 88,
    RECORD_BYTES = 44,
    FACTS_BYTES = 28,
};
/* libfreefare puts MAC and padding behind the data into the caller's buffer. */
enum { RECORDS_READ_MAX = 64, SLACK = 64 };

static MifareTag tag;

static void must(int rc, const char *what)
{
    if (rc < 0) {
        errx(1, "%s: %s", what, freefare_strerror(tag));
    }
}

static void parse(const char *hex, uint8_t *ret, size_t bytes)
{
    if (strlen(hex) != 2 * bytes) {
        errx(2, "%s: not %zu bytes", hex, bytes);
    }
    for (size_t i = 0; i < bytes; i += 1) {
        unsigned byte = 0;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) {
            errx(2, "%s: not hexadecimal", hex);
        }
        ret[i] = (uint8_t)byte;
    }
}

static void print(const char *word, const uint8_t *bytes, size_t count)
{
    printf("%s ", word);
    for (size_t i = 0; i < count; i += 1) {
        printf("%02x", bytes[i]);
    }
    printf("\n");
}

static MifareDESFireKey key_of(const char *hex, uint8_t version)
{
    uint8_t bytes[16];
    parse(hex, bytes, sizeof bytes);
    return mifare_desfire_aes_key_new_with_version(bytes, version);
}

static void read_card(MifareDESFireAID aid, const char *spend)
{
    static uint8_t records[RECORDS_READ_MAX * RECORD_BYTES + SLACK];
    uint8_t identity[IDENTITY_BYTES + SLACK], settings = 0, keys = 0;
    struct mifare_desfire_file_settings file;
    int32_t value = 0;

    must(mifare_desfire_select_application(tag, aid), "select");
    must(mifare_desfire_authenticate_aes(tag, 1, key_of(spend, 0)), "authenticate");
    must(mifare_desfire_get_key_settings(tag, &settings, &keys), "key settings");
    must(mifare_desfire_get_value(tag, CREDIT_FILE, &value), "value");
    must(mifare_desfire_get_file_settings(tag, HISTORY_FILE, &file), "settings");
    const uint32_t count = file.settings.linear_record_file.current_number_of_records;
    const ssize_t got = mifare_desfire_read_records(tag, HISTORY_FILE, 0, count, records);
    if (got != (ssize_t)count * RECORD_BYTES) {
        errx(1, "%zd bytes of %u records", got, count);
    }
    must((int)mifare_desfire_read_data(tag, IDENTITY_FILE, 0, IDENTITY_BYTES, identity),
         "identity");
    printf("value %d\nrecords %u\n", value, count);
    print("oldest", records, RECORD_BYTES);
    print("record", records + (count - 1) * RECORD_BYTES, RECORD_BYTES);
    print("identity", identity, IDENTITY_BYTES);
    printf("keys %u settings %02x\n", keys & 0xFU, settings);
}

static void make_card(MifareDESFireAID aid, char **argv)
{
    static const char zeros[] = "00000000000000000000000000000000";
    const uint8_t version = (uint8_t)strtoul(argv[0], NULL, 16);
    uint8_t identity[IDENTITY_BYTES], record[RECORD_BYTES];

    parse(argv[4], identity, sizeof identity);
    parse(argv[6], record, sizeof record);
    must(mifare_desfire_create_application_aes(tag, aid, 0xEB, 3), "create application");
    must(mifare_desfire_select_application(tag, aid), "select");
    for (uint8_t number = 0; number < 3; number += 1) {
        must(mifare_desfire_authenticate_aes(tag, number, key_of(zeros, 0)), "factory key");
        must(mifare_desfire_change_key(tag, number, key_of(argv[1 + number], version),
                                       key_of(zeros, 0)),
             "change key");
    }
    must(mifare_desfire_authenticate_aes(tag, 0, key_of(argv[1], version)), "issue key");
    must(mifare_desfire_create_backup_data_file(tag, IDENTITY_FILE, 1, 0x1F20, IDENTITY_BYTES),
         "identity");
    must(mifare_desfire_create_backup_data_file(tag, FACTS_FILE, 1, 0x1120, FACTS_BYTES), "backup");
    must(mifare_desfire_create_value_file(tag, CREDIT_FILE, 3, 0x1F20, 0, INT32_MAX, 0, 0),
         "value file");
    must(mifare_desfire_create_cyclic_record_file(tag, HISTORY_FILE, 1, 0x1120, RECORD_BYTES, 33),
         "record file");
    must(mifare_desfire_authenticate_aes(tag, 2, key_of(argv[3], version)), "load key");
    must((int)mifare_desfire_write_data(tag, IDENTITY_FILE, 0, sizeof identity, identity), "write");
    must(mifare_desfire_credit(tag, CREDIT_FILE, (int32_t)strtol(argv[5], NULL, 10)), "credit");
    must((int)mifare_desfire_write_record(tag, HISTORY_FILE, 0, sizeof record, record), "record");
    must(mifare_desfire_commit_transaction(tag), "commit");
}

int main(int argc, char **argv)
{
    const int is_read = argc == 4 && strcmp(argv[1], "read") == 0;
    const int is_make = argc == 10 && strcmp(argv[1], "make") == 0;
    if (!is_read && !is_make) {
        errx(2,
             "usage: desfire-oracle read AID KEY | make AID VERSION KEY KEY KEY ID CREDIT RECORD");
    }
    nfc_context *context = NULL;
    nfc_init(&context);
    nfc_device *device = nfc_open(context, NULL);
    if (device == NULL) {
        errx(1, "no reader");
    }
    MifareTag *tags = freefare_get_tags(device);
    if (tags == NULL || tags[0] == NULL || freefare_get_tag_type(tags[0]) != DESFIRE) {
        errx(1, "no DESFire card");
    }
    tag = tags[0];
    must(mifare_desfire_connect(tag), "connect");
    MifareDESFireAID aid = mifare_desfire_aid_new((uint32_t)strtoul(argv[2], NULL, 16));
    if (is_read) {
        read_card(aid, argv[3]);
    } else {
        make_card(aid, argv + 3);
    }
    must(mifare_desfire_disconnect(tag), "disconnect");
    freefare_free_tags(tags);
    nfc_close(device);
    nfc_exit(context);
    return 0;
}
