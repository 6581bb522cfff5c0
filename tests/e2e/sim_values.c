/* Checks the simulator with libnfc and libfreefare, which we did not write: value operations,
 * wrong keys, InAutoPoll, and libfreefare's own reading of the access conditions.
 *
 * tests/e2e/sim_tools.sh runs it with a factory-new 1K card on the reader that
 * LIBNFC_DEFAULT_DEVICE names. Prints TAP lines. */
#include <freefare.h>
#include <nfc/nfc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/pn532-sim/classic_bits.h"

static unsigned char factory_key[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
static unsigned char other_key[6] = {1, 2, 3, 4, 5, 6};

static int failures;

static void check(bool is_right, const char *name)
{
    printf("%s %s\n", is_right ? "ok" : "not ok", name);
    failures += is_right ? 0 : 1;
}

static bool is_value(MifareTag tag, MifareClassicBlockNumber block, int32_t expected)
{
    int32_t value = 0;
    MifareClassicBlockNumber address = 0;
    return mifare_classic_read_value(tag, block, &value, &address) == 0 && value == expected &&
           address == 4;
}

static void check_values(MifareTag tag)
{
    check(mifare_classic_connect(tag) == 0 &&
              mifare_classic_authenticate(tag, 4, factory_key, MFC_KEY_A) == 0,
          "libfreefare_connects_and_authenticates");
    check(mifare_classic_init_value(tag, 4, 750, 4) == 0 && is_value(tag, 4, 750),
          "libfreefare_reads_back_the_value_it_initialised");
    check(mifare_classic_decrement(tag, 4, 50) == 0 && is_value(tag, 4, 750),
          "a_decrement_alone_changes_no_block");
    check(mifare_classic_decrement(tag, 4, 50) == 0 && mifare_classic_transfer(tag, 4) == 0 &&
              is_value(tag, 4, 700),
          "decrement_and_transfer_subtract");
    check(mifare_classic_increment(tag, 4, 1000) == 0 && mifare_classic_transfer(tag, 5) == 0 &&
              is_value(tag, 5, 1700) && is_value(tag, 4, 700),
          "increment_and_transfer_to_another_block_add");
    check(mifare_classic_restore(tag, 4) == 0 && mifare_classic_transfer(tag, 6) == 0 &&
              is_value(tag, 6, 700),
          "restore_and_transfer_copy");
    check(mifare_classic_increment(tag, 7, 1) < 0, "a_trailer_refuses_an_increment");
    mifare_classic_disconnect(tag);
}

static void check_wrong_key(MifareTag tag)
{
    check(mifare_classic_connect(tag) == 0 &&
              mifare_classic_authenticate(tag, 4, other_key, MFC_KEY_A) < 0 &&
              mifare_classic_authenticate(tag, 4, factory_key, MFC_KEY_A) < 0,
          "after_a_wrong_key_the_right_one_fails_too");
    mifare_classic_disconnect(tag);
    check(mifare_classic_connect(tag) == 0 &&
              mifare_classic_authenticate(tag, 4, factory_key, MFC_KEY_A) == 0,
          "after_a_new_selection_the_right_key_works");
    mifare_classic_disconnect(tag);
}

/* libfreefare takes the bits of a condition as C3C2C1, the data sheet prints C1C2C3. */
static uint8_t reversed(uint8_t bits)
{
    return (uint8_t)((bits & 1U) << 2 | (bits & 2U) | bits >> 2);
}

/* Gives sector 2 the condition `bits` for all data blocks, trailer condition 011, and compares
 * what libfreefare makes of the trailer it reads with our table. */
static bool is_condition_agreed(MifareTag tag, uint8_t bits, MifareClassicKeyType writer)
{
    static const struct {
        unsigned char freefare;
        enum classic_use ours;
    } uses[] = {{MCAB_R, CLASSIC_USE_READ},
                {MCAB_W, CLASSIC_USE_WRITE},
                {MCAB_D, CLASSIC_USE_DECREMENT},
                {MCAB_I, CLASSIC_USE_INCREMENT}};
    const uint8_t theirs = reversed(bits);
    MifareClassicBlock trailer;

    mifare_classic_trailer_block(&trailer, factory_key, theirs, theirs, theirs, reversed(3), 0x69,
                                 factory_key);
    if (mifare_classic_connect(tag) != 0 ||
        mifare_classic_authenticate(tag, 11, factory_key, writer) != 0 ||
        mifare_classic_write(tag, 11, trailer) != 0) {
        return false;
    }
    mifare_classic_disconnect(tag);
    if (mifare_classic_connect(tag) != 0 ||
        mifare_classic_authenticate(tag, 11, factory_key, MFC_KEY_A) != 0) {
        return false;
    }
    bool is_agreed = true;
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        for (int key = 0; key < 2; key++) {
            const int may = mifare_classic_get_data_block_permission(
                tag, 8, uses[i].freefare, key == 0 ? MFC_KEY_A : MFC_KEY_B);
            const bool ours =
                classic_may_use(bits, key == 0 ? CLASSIC_KEY_A : CLASSIC_KEY_B, uses[i].ours);
            if ((may == 1) != ours) {
                printf("# condition %u use %zu key %c: libfreefare %d, model %d\n", bits, i,
                       key == 0 ? 'A' : 'B', may, ours);
                is_agreed = false;
            }
        }
    }
    mifare_classic_disconnect(tag);
    return is_agreed;
}

static void check_conditions(MifareTag tag)
{
    bool is_agreed = true;
    for (uint8_t bits = 0; bits < 8; bits++) {
        /* The factory trailer is written with key A; from then on key B writes it. */
        is_agreed = is_condition_agreed(tag, bits, bits == 0 ? MFC_KEY_A : MFC_KEY_B) && is_agreed;
    }
    check(is_agreed, "libfreefare_reads_all_access_conditions_as_the_model_does");
}

static void check_auto_poll(nfc_device *device)
{
    const nfc_modulation modulation = {.nmt = NMT_ISO14443A, .nbr = NBR_106};
    nfc_target target;
    check(nfc_initiator_init(device) == 0 &&
              nfc_initiator_poll_target(device, &modulation, 1, 1, 1, &target) == 1 &&
              target.nti.nai.btSak == 0x08,
          "auto_poll_finds_the_card");
}

int main(void)
{
    nfc_context *context = NULL;
    nfc_init(&context);
    nfc_device *device = context == NULL ? NULL : nfc_open(context, NULL);
    if (device == NULL) {
        check(false, "libnfc_opens_the_reader");
        return 1;
    }
    MifareTag *tags = freefare_get_tags(device);
    const bool is_found =
        tags != NULL && tags[0] != NULL && freefare_get_tag_type(tags[0]) == CLASSIC_1K;
    check(is_found, "libfreefare_finds_a_classic_1k");
    if (is_found) {
        check_values(tags[0]);
        check_wrong_key(tags[0]);
        check_conditions(tags[0]);
        check_auto_poll(device);
    }
    if (tags != NULL) {
        freefare_free_tags(tags);
    }
    nfc_close(device);
    nfc_exit(context);
    return failures == 0 ? 0 : 1;
}
