#include "firmware/engine/media_line.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "hal/base/bytes.h"

static const char word_id[] = "id ", word_no[] = "no ";

size_t media_line_of(const struct identifier *id, char ret_line[MEDIA_LINE_MAX + 1])
{
    const int size = snprintf(ret_line, MEDIA_LINE_MAX + 1, "%s%s %s\n", word_id,
                              media_kind_word(id->kind), id->text);
    assert(size > 0 && size <= MEDIA_LINE_MAX);
    return (size_t)size;
}

size_t media_line_of_refusal(const struct fault *fault, char ret_line[MEDIA_LINE_MAX + 1])
{
    const int size = snprintf(ret_line, MEDIA_LINE_MAX + 1, "%s%s\n", word_no, fault->say);
    assert(size > 0 && size <= MEDIA_LINE_MAX);
    return (size_t)size;
}

static enum st read_uid(const char *text, size_t size, struct identifier *ret, struct fault *fault)
{
    char hex[2 * MEDIA_TEXT_MAX + 1] = "";
    uint8_t uid[MEDIA_TEXT_MAX / 2];
    if (size > MEDIA_TEXT_MAX || size % 2 != 0) {
        return ST_FOREIGN;
    }
    memcpy(hex, text, size);
    return hex_decode(hex, uid, size / 2) == ST_OK ? media_from_uid(uid, size / 2, ret, fault)
                                                   : ST_FOREIGN;
}

/* Which source gives identifiers of a kind. */
static enum media_source source_of(enum media_kind kind)
{
    switch (kind) {
    case MEDIA_EM4100:
        return MEDIA_SOURCE_EM4100;
    case MEDIA_MAGSTRIPE:
        return MEDIA_SOURCE_MAGSTRIPE;
    case MEDIA_UID:
    case MEDIA_BARCODE:
    case MEDIA_BON:
        return MEDIA_SOURCE_SCANNER;
    case MEDIA_NATIONAL_CODE:
    case MEDIA_PHONE:
    case MEDIA_CARD_NUMBER:
        break;
    }
    return MEDIA_SOURCE_KEYS;
}

static enum st read_id(const char *at, size_t size, const struct media_range *own,
                       struct identifier *ret, struct fault *fault)
{
    for (int n = MEDIA_UID; n <= MEDIA_BON; n += 1) {
        const enum media_kind kind = (enum media_kind)n;
        const char *word = media_kind_word(kind);
        const size_t length = strlen(word);
        if (size <= length || memcmp(at, word, length) != 0 || at[length] != ' ') {
            continue;
        }
        struct identifier id = {0};
        const char *text = at + length + 1;
        const size_t text_size = size - length - 1;
        const enum st st = kind == MEDIA_UID
                               ? read_uid(text, text_size, &id, fault)
                               : media_classify(source_of(kind), text, text_size, own, &id, fault);
        if (st == ST_REFUSED) {
            return ST_REFUSED;
        }
        if (st != ST_OK || id.kind != kind || strlen(id.text) != text_size ||
            memcmp(id.text, text, text_size) != 0) {
            return ST_FOREIGN;
        }
        *ret = id;
        return ST_OK;
    }
    return ST_FOREIGN;
}

enum st media_line_read(const char *line, size_t size, const struct media_range *own,
                        struct identifier *ret, struct fault *fault)
{
    enum st st = ST_FOREIGN;
    if (size > 3 && memcmp(line, word_id, 3) == 0) {
        st = read_id(line + 3, size - 3, own, ret, fault);
    } else if (size > 3 && size < sizeof fault->say && memcmp(line, word_no, 3) == 0 &&
               memchr(line, '\0', size) == NULL && !media_is_bank_card(line, size, own)) {
        fault_say(fault, "%.*s", (int)(size - 3), line + 3);
        st = ST_REFUSED;
    }
    if (st == ST_FOREIGN) {
        fault_say(fault, "What a device sent is not understood: use the same version of all "
                         "programs.");
    }
    return st;
}
