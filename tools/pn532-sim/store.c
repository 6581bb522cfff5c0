#include "tools/pn532-sim/store.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool is_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const size_t length = strlen(name);
    return length >= 1 && length <= STORE_NAME_MAX && strspn(name, allowed) == length;
}

static bool path_of(const struct store *store, const char *name, const char *ending,
                    char ret_path[PATH_MAX])
{
    const int length = snprintf(ret_path, PATH_MAX, "%s/%s%s", store->folder, name, ending);
    return length > 0 && length < PATH_MAX;
}

/* Writes a file aside and renames it, so that a reader never sees half of it. */
static bool replace_file(const char *path, const void *bytes, size_t count)
{
    char aside[PATH_MAX];
    const int length = snprintf(aside, sizeof aside, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof aside) {
        return false;
    }
    FILE *file = fopen(aside, "wb");
    if (file == NULL) {
        return false;
    }
    bool is_written = fwrite(bytes, 1, count, file) == count;
    is_written = fclose(file) == 0 && is_written;
    if (!is_written || rename(aside, path) != 0) {
        remove(aside);
        return false;
    }
    return true;
}

struct card store_card(struct stored_card *stored)
{
    struct card card = {.kind = stored->kind};
    switch (stored->kind) {
    case CARD_NONE:
        break;
    case CARD_CLASSIC:
        card.classic = &stored->model.classic;
        break;
    case CARD_DESFIRE:
        card.desfire = &stored->model.desfire;
        break;
    case CARD_ULTRALIGHT:
        card.ultralight = &stored->model.ultralight;
        break;
    }
    return card;
}

/* --- one card's file ------------------------------------------------------------------------ */

static const char *ending_of(enum card_kind kind)
{
    static const char *const endings[] = {
        [CARD_NONE] = "",
        [CARD_CLASSIC] = ".mfd",
        [CARD_DESFIRE] = ".desfire",
        [CARD_ULTRALIGHT] = ".mfu",
    };
    return endings[kind];
}

/* The file of a DESFire. */
struct desfire_image {
    char format[16];
    struct desfire_memory memory;
};
static const char desfire_format[16] = "vafa-desfire 1\n";

static bool dump_desfire(const struct desfire *card, const char *path)
{
    static struct desfire_image image; /* too large for a stack */
    memset(&image, 0, sizeof image);
    memcpy(image.format, desfire_format, sizeof image.format);
    image.memory = card->memory;
    return replace_file(path, &image, sizeof image);
}

const char *store_dump(struct card card, const char *path)
{
    bool is_written = false;
    switch (card.kind) {
    case CARD_NONE:
        break;
    case CARD_CLASSIC:
        is_written = replace_file(path, card.classic->memory,
                                  (size_t)classic_blocks(card.classic->kind) * CLASSIC_BLOCK_BYTES);
        break;
    case CARD_DESFIRE:
        is_written = dump_desfire(card.desfire, path);
        break;
    case CARD_ULTRALIGHT:
        is_written =
            replace_file(path, card.ultralight->pages,
                         (size_t)ultralight_pages(card.ultralight->kind) * ULTRALIGHT_PAGE_BYTES);
        break;
    }
    return is_written ? NULL : "the file cannot be written";
}

/* Reads a file of just `bytes`, no more and no less. */
static bool read_exactly(FILE *file, void *ret_bytes, size_t bytes)
{
    return fread(ret_bytes, 1, bytes, file) == bytes && fgetc(file) == EOF;
}

static const char *load_classic(struct classic *card, FILE *file)
{
    uint8_t dump[sizeof card->memory];
    if (!read_exactly(file, dump, (size_t)classic_blocks(card->kind) * CLASSIC_BLOCK_BYTES)) {
        return card->kind == CLASSIC_1K ? "the file is no 1K dump: it must have 1024 bytes"
                                        : "the file is no 4K dump: it must have 4096 bytes";
    }
    memcpy(card->memory, dump, sizeof dump);
    memset(card->weak, 0, sizeof card->weak);
    memcpy(card->uid, card->memory[0], card->uid_bytes);
    return NULL;
}

static const char *load_desfire(struct desfire *card, FILE *file)
{
    static struct desfire_image image;
    if (!read_exactly(file, &image, sizeof image) ||
        memcmp(image.format, desfire_format, sizeof desfire_format) != 0) {
        return "the file is no dump of a DESFire, or one of another version of this simulator";
    }
    if (!desfire_restore(card, &image.memory)) {
        return "the dump of the DESFire contradicts itself: make the card anew";
    }
    return NULL;
}

static const char *load_ultralight(struct ultralight *card, FILE *file)
{
    uint8_t dump[sizeof card->pages];
    if (!read_exactly(file, dump, (size_t)ultralight_pages(card->kind) * ULTRALIGHT_PAGE_BYTES)) {
        return "the file is no dump of such a card: it must have 64 bytes for an Ultralight, 180, "
               "540 or 924 for an NTAG213, 215 or 216";
    }
    memcpy(card->pages, dump, sizeof dump);
    return NULL;
}

const char *store_load(struct card card, const char *path)
{
    const char *problem = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return "the file cannot be opened";
    }
    switch (card.kind) {
    case CARD_NONE:
        break;
    case CARD_CLASSIC:
        problem = load_classic(card.classic, file);
        break;
    case CARD_DESFIRE:
        problem = load_desfire(card.desfire, file);
        break;
    case CARD_ULTRALIGHT:
        problem = load_ultralight(card.ultralight, file);
        break;
    }
    fclose(file);
    return problem;
}

/* --- all cards ------------------------------------------------------------------------------ */

static bool save_uid(const struct store *store, const struct stored_card *stored)
{
    char path[PATH_MAX];
    char uid[2 * CLASSIC_UID_BYTES_MAX + 2];
    const struct classic *card = &stored->model.classic;
    size_t length = 0;

    for (size_t i = 0; i < card->uid_bytes; i++) {
        length += (size_t)snprintf(uid + length, sizeof uid - length, "%02x", card->uid[i]);
    }
    uid[length++] = '\n';
    return path_of(store, stored->name, ".uid", path) && replace_file(path, uid, length);
}

const char *store_save(struct store *store, struct stored_card *stored)
{
    char path[PATH_MAX];
    const struct card card = store_card(stored);

    if (store->folder == NULL) {
        return NULL;
    }
    if ((stored->kind == CARD_CLASSIC && !save_uid(store, stored)) ||
        !path_of(store, stored->name, ending_of(stored->kind), path) ||
        store_dump(card, path) != NULL) {
        return "the card cannot be saved: see that the folder of --cards is writable and has room";
    }
    stored->saved_writes = card_writes(card);
    return NULL;
}

const char *store_save_written(struct store *store)
{
    const char *problem = NULL;
    for (size_t i = 0; i < store->count; i++) {
        if (store->cards[i].saved_writes != card_writes(store_card(&store->cards[i]))) {
            const char *now = store_save(store, &store->cards[i]);
            problem = problem == NULL ? now : problem;
        }
    }
    return problem;
}

struct stored_card *store_find(struct store *store, const char *name)
{
    for (size_t i = 0; i < store->count; i++) {
        if (strcmp(store->cards[i].name, name) == 0) {
            return &store->cards[i];
        }
    }
    return NULL;
}

static void make_card(struct stored_card *stored, const struct new_card *wanted)
{
    stored->kind = wanted->kind;
    switch (wanted->kind) {
    case CARD_NONE:
        break;
    case CARD_CLASSIC:
        classic_init(&stored->model.classic, wanted->classic, wanted->uid, wanted->uid_bytes);
        break;
    case CARD_DESFIRE:
        desfire_init(&stored->model.desfire, wanted->uid);
        break;
    case CARD_ULTRALIGHT:
        ultralight_init(&stored->model.ultralight, wanted->ultralight, wanted->uid);
        break;
    }
}

static struct stored_card *next_free(struct store *store, const char *name)
{
    struct stored_card *stored = &store->cards[store->count];
    memset(stored, 0, sizeof *stored);
    memcpy(stored->name, name, strlen(name));
    return stored;
}

bool store_parse_kind(const char *word, struct new_card *ret_card)
{
    static const struct {
        const char *word;
        struct new_card card;
    } kinds[] = {
        {"1k", {.kind = CARD_CLASSIC, .classic = CLASSIC_1K}},
        {"4k", {.kind = CARD_CLASSIC, .classic = CLASSIC_4K}},
        {"desfire", {.kind = CARD_DESFIRE}},
        {"ultralight", {.kind = CARD_ULTRALIGHT, .ultralight = ULTRALIGHT_PLAIN}},
        {"ntag213", {.kind = CARD_ULTRALIGHT, .ultralight = ULTRALIGHT_NTAG213}},
        {"ntag215", {.kind = CARD_ULTRALIGHT, .ultralight = ULTRALIGHT_NTAG215}},
        {"ntag216", {.kind = CARD_ULTRALIGHT, .ultralight = ULTRALIGHT_NTAG216}},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].word, word) == 0) {
            *ret_card = kinds[i].card;
            return true;
        }
    }
    return false;
}

const char *store_add(struct store *store, const char *name, const struct new_card *wanted)
{
    if (!is_name(name)) {
        return "a card's name has 1 to 32 letters, digits, _ or -";
    }
    if (store_find(store, name) != NULL) {
        return "a card of that name exists: choose another name";
    }
    if (store->count == STORE_CARDS_MAX) {
        return "there are 256 cards already: use one of them (`list` names them)";
    }
    if (wanted->kind != CARD_CLASSIC && wanted->uid_bytes != 7) {
        return "the UID must be 14 hex digits: only a Classic may have one of 8";
    }
    struct stored_card *stored = next_free(store, name);
    make_card(stored, wanted);
    const char *problem = store_save(store, stored);
    if (problem == NULL) {
        store->count += 1;
    }
    return problem;
}

/* The UID's length by NAME.uid; four bytes when a dump comes alone. */
static uint8_t uid_bytes_of(const struct store *store, const char *name)
{
    char path[PATH_MAX];
    char text[2 * CLASSIC_UID_BYTES_MAX + 1] = "";

    FILE *file = path_of(store, name, ".uid", path) ? fopen(path, "r") : NULL;
    if (file == NULL) {
        return 4;
    }
    const size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    return length == sizeof text - 1 ? 7 : 4;
}

/* What kind a file's size tells. */
static enum ultralight_kind ultralight_of_size(off_t size)
{
    enum ultralight_kind kind = ULTRALIGHT_PLAIN;
    while (kind < ULTRALIGHT_NTAG216 && ultralight_pages(kind) * ULTRALIGHT_PAGE_BYTES != size) {
        kind += 1;
    }
    return kind;
}

static const char *load_stored(struct store *store, const char *name, enum card_kind kind)
{
    struct new_card wanted = {.kind = kind, .uid_bytes = CARD_UID_BYTES_MAX};
    char path[PATH_MAX];
    struct stat about;

    if (store->count == STORE_CARDS_MAX || !path_of(store, name, ending_of(kind), path) ||
        stat(path, &about) != 0) {
        return "the folder of --cards holds too many cards, or one that cannot be read";
    }
    if (kind == CARD_CLASSIC) {
        wanted.classic = about.st_size == 1024 ? CLASSIC_1K : CLASSIC_4K;
        wanted.uid_bytes = uid_bytes_of(store, name);
    }
    wanted.ultralight = ultralight_of_size(about.st_size);
    struct stored_card *stored = next_free(store, name);
    make_card(stored, &wanted);
    const char *problem = store_load(store_card(stored), path);
    if (problem == NULL) {
        store->count += 1;
    }
    return problem;
}

/* Splits a file's name into a card's name and kind; false for a file that is no card. */
static bool parse_file_name(const char *file, char ret_name[STORE_NAME_MAX + 1],
                            enum card_kind *ret_kind)
{
    const char *dot = strrchr(file, '.');
    if (dot == NULL || dot == file || dot - file > STORE_NAME_MAX) {
        return false;
    }
    for (enum card_kind kind = CARD_CLASSIC; kind <= CARD_ULTRALIGHT; kind++) {
        if (strcmp(dot, ending_of(kind)) == 0) {
            memcpy(ret_name, file, (size_t)(dot - file));
            ret_name[dot - file] = '\0';
            *ret_kind = kind;
            return is_name(ret_name);
        }
    }
    return false;
}

const char *store_open(struct store *store, const char *folder)
{
    store->folder = folder;
    store->count = 0;
    if (folder == NULL) {
        return NULL;
    }
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return "the folder of --cards cannot be made";
    }
    DIR *listing = opendir(folder);
    if (listing == NULL) {
        return "the folder of --cards cannot be read";
    }
    const char *problem = NULL;
    for (struct dirent *entry = readdir(listing); entry != NULL && problem == NULL;
         entry = readdir(listing)) {
        char name[STORE_NAME_MAX + 1];
        enum card_kind kind;
        if (parse_file_name(entry->d_name, name, &kind)) {
            problem = load_stored(store, name, kind);
        }
    }
    closedir(listing);
    return problem;
}
