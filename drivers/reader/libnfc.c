#include "drivers/reader/libnfc.h"

#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <nfc/nfc.h>

#include "drivers/reader/baud.h"

enum {
    /* A look for a card takes three tries of about 5 ms (UM0701-02 7.3.5) and the wire. Another
     * one is begun only when this much time is left. */
    LOOK_MS = 60,
    /* Between two looks: short beside a tap, long enough not to keep the line and a core busy. */
    PAUSE_MS = 10,
};

struct libnfc {
    nfc_context *context;
    nfc_device *device;
};

static struct libnfc the_device; /* one process, one reader */

static int64_t now_ms(void)
{
    struct timespec now;
    const int rc = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(rc == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(unsigned ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

/* The one place where libnfc's codes (nfc/nfc.h, "Error codes") become ours. `rc` < 0. A code that
 * stands for an answer of the chip gives *ret_result; the others mean that the line or the chip
 * can no longer be trusted. */
static enum reader_exit translate(int rc, enum reader_result *ret_result)
{
    switch (rc) {
    case NFC_EMFCAUTHFAIL: /* status 14 */
        *ret_result = READER_RESULT_DENIED;
        return READER_EXIT_ORDERLY;
    case NFC_ERFTRANS:    /* status 01, 02, 05, 0B, 13 ...: silence, NAK or noise in the air */
    case NFC_ETGRELEASED: /* status 29 */
    case NFC_EINVARG:     /* status 10, 26, 27: the chip knows of no such card any more */
    case NFC_ECHIP:       /* status 0D, 0E ...: the chip answered, the card did not get through */
        *ret_result = READER_RESULT_GONE;
        return READER_EXIT_ORDERLY;
    case NFC_ETIMEOUT:
        return READER_EXIT_SILENT;
    default: /* NFC_EIO and what libnfc invents beside it */
        return READER_EXIT_LINE;
    }
}

/* nfc_open says only "no", so look first whether the device is there at all. */
static bool port_is_there(const char *connection)
{
    const char *path = strchr(connection, ':');
    if (path == NULL) {
        return true; /* USB readers have no path: let libnfc look */
    }
    char port[NFC_BUFSIZE_CONNSTRING];
    const size_t bytes = strcspn(path + 1, ":");
    if (path[1] != '/' || bytes >= sizeof port) {
        return true;
    }
    memcpy(port, path + 1, bytes);
    port[bytes] = '\0';
    return faccessat(AT_FDCWD, port, R_OK | W_OK, AT_EACCESS) == 0;
}

/* After this the chip's settings stay as they are: a tap sends nothing but its own commands. */
static int prepare(nfc_device *device)
{
    static const struct {
        nfc_property property;
        bool value;
    } settings[] = {
        /* nfc_initiator_init asks for endless tries, which libnfc gives up on after 300 ms while
         * the chip goes on and answers into the next command (libnfc issues 291, 527). */
        {NP_INFINITE_SELECT, false},
        /* The chip activates a card of ISO 14443-4 in the same command that selects it, and only
         * such a card: bit 5 of its SAK says so (UM0701-02 7.2.9). Is so at open; costs nothing. */
        {NP_AUTO_ISO14443_4, true},
        /* InDataExchange: the chip runs Crypto1 (UM0701-02 7.3.8). Costs no command. */
        {NP_EASY_FRAMING, true},
    };
    int rc = nfc_initiator_init(device);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0] && rc >= 0; i++) {
        rc = nfc_device_set_property_bool(device, settings[i].property, settings[i].value);
    }
    return rc;
}

enum reader_exit libnfc_open(const char *connection, struct libnfc **ret_libnfc)
{
    struct libnfc *libnfc = &the_device;
    assert(libnfc->device == NULL);

    nfc_connstring name = {0};
    if (strlen(connection) >= sizeof name) {
        return READER_EXIT_USAGE;
    }
    memcpy(name, connection, strlen(connection));
    if (!port_is_there(name)) {
        return READER_EXIT_PORT;
    }
    if (!baud_raise(name)) {
        return READER_EXIT_SILENT;
    }
    nfc_init(&libnfc->context);
    if (libnfc->context == NULL) {
        return READER_EXIT_LINE;
    }
    libnfc->device = nfc_open(libnfc->context, name);
    if (libnfc->device == NULL) {
        return READER_EXIT_SILENT;
    }
    const int rc = prepare(libnfc->device);
    if (rc < 0) {
        return rc == NFC_ETIMEOUT ? READER_EXIT_SILENT : READER_EXIT_LINE;
    }
    *ret_libnfc = libnfc;
    return READER_EXIT_ORDERLY;
}

static bool target_from(const nfc_iso14443a_info *info, struct reader_target *ret_target)
{
    if (info->szUidLen != 4 && info->szUidLen != 7 && info->szUidLen != 10) {
        return false;
    }
    struct reader_target target = {.uid_bytes = info->szUidLen, .sak = info->btSak};
    memcpy(target.uid, info->abtUid, info->szUidLen);
    memcpy(target.atqa, info->abtAtqa, sizeof target.atqa);
    if (info->szAtsLen <= sizeof target.ats) {
        target.ats_bytes = info->szAtsLen;
        memcpy(target.ats, info->abtAts, info->szAtsLen);
    }
    *ret_target = target;
    return true;
}

enum reader_exit libnfc_select(struct libnfc *libnfc, const uint8_t *uid, size_t uid_bytes,
                               unsigned timeout_ms, enum reader_result *ret_result,
                               struct reader_target *ret_target)
{
    const nfc_modulation modulation = {.nmt = NMT_ISO14443A, .nbr = NBR_106};
    const int64_t last_look_ms = now_ms() + (int64_t)timeout_ms - LOOK_MS;
    for (;;) {
        nfc_target found;
        memset(&found, 0, sizeof found);
        const int rc =
            nfc_initiator_select_passive_target(libnfc->device, modulation, uid, uid_bytes, &found);
        if (rc < 0) {
            /* InListPassiveTarget has no status byte, so no code means "no card". */
            return rc == NFC_ETIMEOUT ? READER_EXIT_SILENT : READER_EXIT_LINE;
        }
        if (rc > 0) {
            *ret_result = READER_RESULT_OK;
            return target_from(&found.nti.nai, ret_target) ? READER_EXIT_ORDERLY : READER_EXIT_LINE;
        }
        if (now_ms() + PAUSE_MS > last_look_ms) {
            *ret_result = READER_RESULT_NO_CARD;
            return READER_EXIT_ORDERLY;
        }
        sleep_ms(PAUSE_MS);
    }
}

enum reader_exit libnfc_transceive(struct libnfc *libnfc, const uint8_t *tx, size_t tx_bytes,
                                   unsigned timeout_ms, enum reader_result *ret_result,
                                   uint8_t ret_rx[READER_FRAME_MAX], size_t *ret_rx_bytes)
{
    assert(tx_bytes <= READER_FRAME_MAX); /* libnfc copies unchecked (chips/pn53x.c:1608) */
    assert(timeout_ms > 0 && timeout_ms <= INT16_MAX);

    const int rc = nfc_initiator_transceive_bytes(libnfc->device, tx, tx_bytes, ret_rx,
                                                  READER_FRAME_MAX, (int)timeout_ms);
    if (rc < 0) {
        return translate(rc, ret_result);
    }
    if (rc > READER_FRAME_MAX) {
        return READER_EXIT_LINE;
    }
    *ret_result = READER_RESULT_OK;
    *ret_rx_bytes = (size_t)rc;
    return READER_EXIT_ORDERLY;
}

enum reader_exit libnfc_deselect(struct libnfc *libnfc)
{
    const int rc = nfc_initiator_deselect_target(libnfc->device);
    /* Whether a card was there to hear it makes no difference. */
    enum reader_result ignored = READER_RESULT_OK;
    return rc < 0 ? translate(rc, &ignored) : READER_EXIT_ORDERLY;
}

void libnfc_close(struct libnfc *libnfc)
{
    nfc_close(libnfc->device);
    nfc_exit(libnfc->context);
    libnfc->device = NULL;
    libnfc->context = NULL;
}
