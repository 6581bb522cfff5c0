#include "firmware/terminal/standing.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/engine/media.h"
#include "storage/ranges.h"
#include "storage/rules.h"

#define SETTING_TERMINAL    "terminal"
#define SETTING_MERCHANT    "merchant"
#define SETTING_BRANCH      "branch"
#define SETTING_MERCHANT_NO "merchant.no"
#define SETTING_BRANCH_NO   "branch.no"

/* A setting that is a whole number; one that is not set or not a number is 0. Whoever wrote it
 * tested it; a wrong one must not sell. */
static enum st number_get(struct store *store, const char *name, uint64_t max, uint64_t *ret)
{
    char text[32], *end;
    *ret = 0;
    enum st st = setting_get(store, name, text, sizeof text);
    if (st == ST_REFUSED || st == ST_FULL) {
        return ST_OK;
    }
    if (st != ST_OK) {
        return st;
    }
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && value <= max) {
        *ret = value;
    }
    return ST_OK;
}

static enum st text_get(struct store *store, const char *name, char *ret, size_t max)
{
    enum st st = setting_get(store, name, ret, max);
    if (st == ST_REFUSED || st == ST_FULL) {
        ret[0] = '\0';
        return ST_OK;
    }
    return st;
}

static enum st programme_update(struct store *store, struct standing *standing)
{
    uint32_t version = 0;
    char *text = NULL;
    enum st st = programme_get(store, &version, &text);
    if (st != ST_OK) {
        return st == ST_REFUSED ? ST_OK : st;
    }
    if (standing->programme == NULL || standing->programme->version != version) {
        struct programme *programme = NULL;
        struct fault fault = {{0}};
        st = rules_load(store, &programme, &fault);
        if (st == ST_OK) {
            programme_free(standing->programme);
            standing->programme = programme;
            standing->programme_say = (struct fault){{0}};
        } else {
            fault_say(&standing->programme_say, "Programme %" PRIu32 " is not in force: %s",
                      version, fault.say[0] != '\0' ? fault.say : store_fault(store)->say);
        }
    }
    free(text);
    return ST_OK;
}

void standing_finish(struct standing *standing)
{
    programme_free(standing->programme);
    standing->programme = NULL;
}

enum st standing_load(struct store *store, struct standing *standing)
{
    uint64_t terminal = 0;
    enum st st = number_get(store, SETTING_TERMINAL, TERMINAL_NUMBER_MAX, &terminal);
    if (st == ST_OK) {
        st = text_get(store, SETTING_MERCHANT, standing->merchant, sizeof standing->merchant);
    }
    if (st == ST_OK) {
        st = text_get(store, SETTING_BRANCH, standing->branch, sizeof standing->branch);
    }
    uint64_t merchant = 0, branch = 0;
    if (st == ST_OK) {
        st = number_get(store, SETTING_MERCHANT_NO, UINT32_MAX, &merchant);
    }
    if (st == ST_OK) {
        st = number_get(store, SETTING_BRANCH_NO, UINT32_MAX, &branch);
    }
    standing->merchant_no = (uint32_t)merchant;
    standing->branch_no = (uint32_t)branch;
    if (st == ST_OK) {
        st = programme_update(store, standing);
    }
    if (st == ST_OK) {
        standing->terminal = (uint32_t)terminal;
    }
    return st;
}

enum st standing_free_number(struct store *store, uint64_t *ret_number)
{
    static const struct media_range own = MEDIA_RANGE_CLUB;
    struct ranges ranges;
    const enum st st = ranges_load(store, &ranges);
    if (st == ST_OK) {
        const bool is_own = ranges.next >= own.first && ranges.next <= own.last;
        *ret_number = is_own ? card_number_make(ranges.next) : 0;
    }
    return st;
}

enum st standing_use_number(struct store *store, uint64_t number)
{
    struct ranges ranges;
    const enum st st = ranges_load(store, &ranges);
    assert(st != ST_OK || (card_number_is_valid(number) && number / 10 == ranges.next));
    return st == ST_OK ? ranges_use(store, &ranges) : st;
}

enum st standing_numbers_left(struct store *store, uint64_t *ret_left)
{
    struct ranges ranges;
    const enum st st = ranges_load(store, &ranges);
    if (st == ST_OK) {
        *ret_left = ranges_left(&ranges);
    }
    return st;
}

static enum st file_read(const char *path, char **ret_text, size_t *ret_size, struct fault *fault)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fault_say(fault, "The programme %s cannot be read: %s.", path, strerror(errno));
        return ST_IO;
    }
    char *text = malloc(PROGRAMME_STORED_MAX + 2);
    size_t size = text == NULL ? 0 : fread(text, 1, PROGRAMME_STORED_MAX + 1, file);
    bool is_bad = text == NULL || ferror(file) != 0;
    (void)fclose(file);
    if (is_bad || size > PROGRAMME_STORED_MAX) {
        fault_say(fault,
                  is_bad ? "The programme %s cannot be read." : "The programme %s is too long.",
                  path);
        free(text);
        return is_bad ? ST_IO : ST_FOREIGN;
    }
    text[size] = '\0';
    *ret_text = text;
    *ret_size = size;
    return ST_OK;
}

enum st standing_load_file(struct store *store, const char *path, struct fault *fault)
{
    char *text = NULL;
    size_t size = 0;
    enum st st = file_read(path, &text, &size, fault);
    if (st == ST_OK) {
        st = rules_take(store, text, size, NULL, fault);
        free(text);
    }
    return st;
}
