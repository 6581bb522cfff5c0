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

const char *store_dump(const struct classic *card, const char *path)
{
    const size_t bytes = (size_t)classic_blocks(card->kind) * CLASSIC_BLOCK_BYTES;
    return replace_file(path, card->memory, bytes) ? NULL : "the file cannot be written";
}

const char *store_load(struct classic *card, const char *path)
{
    const size_t bytes = (size_t)classic_blocks(card->kind) * CLASSIC_BLOCK_BYTES;
    uint8_t dump[sizeof card->memory + 1];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return "the file cannot be opened";
    }
    const size_t count = fread(dump, 1, sizeof dump, file);
    fclose(file);
    if (count != bytes) {
        return card->kind == CLASSIC_1K ? "the file is no 1K dump: it must have 1024 bytes"
                                        : "the file is no 4K dump: it must have 4096 bytes";
    }
    memcpy(card->memory, dump, bytes);
    memset(card->weak, 0, sizeof card->weak);
    memcpy(card->uid, card->memory[0], card->uid_bytes);
    return NULL;
}

const char *store_save(struct store *store, struct stored_card *stored)
{
    char path[PATH_MAX];
    char uid[2 * CLASSIC_UID_BYTES_MAX + 2];
    size_t length = 0;

    if (store->folder == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < stored->card.uid_bytes; i++) {
        length += (size_t)snprintf(uid + length, sizeof uid - length, "%02x", stored->card.uid[i]);
    }
    uid[length++] = '\n';
    if (!path_of(store, stored->name, ".uid", path) || !replace_file(path, uid, length) ||
        !path_of(store, stored->name, ".mfd", path) || store_dump(&stored->card, path) != NULL) {
        return "the card cannot be saved: see that the folder of --cards is writable and has room";
    }
    stored->saved_writes = stored->card.writes;
    return NULL;
}

const char *store_save_written(struct store *store)
{
    const char *problem = NULL;
    for (size_t i = 0; i < store->count; i++) {
        if (store->cards[i].saved_writes != store->cards[i].card.writes) {
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

static struct stored_card *next_free(struct store *store, const char *name)
{
    struct stored_card *stored = &store->cards[store->count];
    memset(stored, 0, sizeof *stored);
    memcpy(stored->name, name, strlen(name));
    return stored;
}

const char *store_add(struct store *store, const char *name, enum classic_kind kind,
                      const uint8_t *uid, uint8_t uid_bytes)
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
    struct stored_card *stored = next_free(store, name);
    classic_init(&stored->card, kind, uid, uid_bytes);
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

static const char *load_stored(struct store *store, const char *name)
{
    static const uint8_t no_uid[CLASSIC_UID_BYTES_MAX];
    char path[PATH_MAX];
    struct stat about;

    if (store->count == STORE_CARDS_MAX || !path_of(store, name, ".mfd", path) ||
        stat(path, &about) != 0) {
        return "the folder of --cards holds too many cards, or one that cannot be read";
    }
    struct stored_card *stored = next_free(store, name);
    classic_init(&stored->card, about.st_size == 1024 ? CLASSIC_1K : CLASSIC_4K, no_uid,
                 uid_bytes_of(store, name));
    const char *problem = store_load(&stored->card, path);
    if (problem == NULL) {
        store->count += 1;
    }
    return problem;
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
        const size_t length = strlen(entry->d_name);
        if (length < 5 || length > STORE_NAME_MAX + 4 ||
            strcmp(entry->d_name + length - 4, ".mfd") != 0) {
            continue;
        }
        memcpy(name, entry->d_name, length - 4);
        name[length - 4] = '\0';
        if (is_name(name)) {
            problem = load_stored(store, name);
        }
    }
    closedir(listing);
    return problem;
}
