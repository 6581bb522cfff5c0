#include "firmware/terminal/till_batch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ROWS_MAX = 100000,
    COLUMNS_MAX = 24,
    LINE_MAX = 2048,
    NUMBER_DIGITS = 16,
    TRIES_MAX = 100,
    BUSY_MS = 200,
    BUSY_TRIES_MAX = 600
};

/* What the record says of a row. */
enum row_state { ROW_OPEN, ROW_BEGUN, ROW_DONE, ROW_REFUSED };

struct row {
    json_t *fields; /* what is sent */
    enum row_state state;
    char number[NUMBER_DIGITS + 1]; /* BEGUN, DONE */
};

struct run {
    const struct till_batch *batch;
    struct row *rows;
    size_t count;
    uint64_t digest; /* of the list */
    FILE *record;
    size_t done, refused;
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool complain(const char *path, size_t line, const char *say)
{
    (void)fprintf(stderr, "vafa-till: %s line %zu: %s.\n", path, line, say);
    return false;
}

/* --- the list ----------------------------------------------------------------------------------
 */

/* Splits a line of CSV in place. 0: a quote is not closed, or there are too many fields. */
static size_t split(char *line, char *ret_fields[COLUMNS_MAX])
{
    size_t count = 0;
    char *from = line, *to = line;
    for (bool more = true; more; count++) {
        if (count == COLUMNS_MAX) {
            return 0;
        }
        ret_fields[count] = to;
        bool is_quoted = *from == '"';
        from += is_quoted;
        while (*from != '\0' && (is_quoted || *from != ',')) {
            if (is_quoted && from[0] == '"' && from[1] != '"') {
                is_quoted = false;
                from++;
                continue;
            }
            from += is_quoted && from[0] == '"';
            *to++ = *from++;
        }
        if (is_quoted) {
            return 0;
        }
        more = *from == ',';
        from += more;
        *to++ = '\0';
    }
    return count;
}

/* One row as fields of a request. What is not said is left out. */
static json_t *row_object(char *const names[COLUMNS_MAX], char *const values[COLUMNS_MAX],
                          size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count && object != NULL; i++) {
        char *end = NULL;
        const bool is_opening = strcmp(names[i], "opening") == 0;
        const long long amount = is_opening ? strtoll(values[i], &end, 10) : 0;
        json_t *value = is_opening && end != NULL && *end == '\0' ? json_integer(amount)
                                                                  : json_string(values[i]);
        if (values[i][0] == '\0') {
            json_decref(value);
            continue;
        }
        if (json_object_set_new(object, is_opening ? "amount" : names[i], value) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static uint64_t digest_more(uint64_t digest, const char *line)
{
    for (; *line != '\0'; line++) {
        digest = (digest ^ (uint8_t)*line) * UINT64_C(0x100000001b3); /* FNV-1a: a changed list */
    }
    return digest;
}

static bool take_row(struct run *run, char *line, char *const names[COLUMNS_MAX], size_t columns,
                     size_t line_no)
{
    char *values[COLUMNS_MAX];
    if (run->count == ROWS_MAX) {
        return complain(run->batch->path, line_no, "a list has at most 100000 rows");
    }
    if (split(line, values) != columns) {
        return complain(run->batch->path, line_no, "it has not as many fields as the first line");
    }
    struct row *row = &run->rows[run->count];
    row->fields = row_object(names, values, columns);
    run->count += row->fields != NULL;
    return row->fields != NULL || complain(run->batch->path, line_no, "it is not UTF-8");
}

static bool read_list(struct run *run)
{
    char head[LINE_MAX], line[LINE_MAX], *names[COLUMNS_MAX];
    FILE *file = fopen(run->batch->path, "re");
    size_t columns = 0, line_no = 0;
    bool is_good = file != NULL;
    if (!is_good) {
        (void)fprintf(stderr, "vafa-till: %s cannot be read: %s.\n", run->batch->path,
                      strerror(errno));
        return false;
    }
    while (is_good && fgets(columns == 0 ? head : line, LINE_MAX, file) != NULL) {
        char *text = columns == 0 ? head : line;
        line_no++;
        run->digest = digest_more(run->digest, text);
        if (strchr(text, '\n') == NULL && strlen(text) == LINE_MAX - 1) {
            is_good = complain(run->batch->path, line_no, "it is too long");
        }
        text[strcspn(text, "\r\n")] = '\0';
        if (is_good && columns == 0) {
            columns = split(text, names);
            is_good =
                columns > 0 || complain(run->batch->path, line_no, "give the names of the columns");
        } else if (is_good && text[0] != '\0') {
            is_good = take_row(run, text, names, columns, line_no);
        }
    }
    (void)fclose(file); /* only read */
    return is_good && (run->count > 0 || complain(run->batch->path, line_no, "it has no rows"));
}

/* --- the record --------------------------------------------------------------------------------
 */

static bool record_put(struct run *run, size_t row, const char *word, const char *number,
                       const char *rest)
{
    const bool is_good =
        fprintf(run->record, "row %zu %s %s%s\n", row + 1, word, number, rest) > 0 &&
        fflush(run->record) == 0 && fsync(fileno(run->record)) == 0;
    if (!is_good) {
        (void)fprintf(stderr, "vafa-till: the record cannot be written (%s): stopped.\n",
                      strerror(errno));
    }
    return is_good;
}

static bool record_line(struct run *run, const char *line)
{
    size_t row = 0;
    char word[16] = "", number[NUMBER_DIGITS + 1] = "";
    uint64_t digest = 0;
    if (sscanf(line, "list %" SCNx64, &digest) == 1) {
        return digest == run->digest;
    }
    /* The last line may be cut: then it says nothing. */
    if (strchr(line, '\n') == NULL || sscanf(line, "row %zu %15s %16s", &row, word, number) < 2 ||
        row < 1 || row > run->count) {
        return strchr(line, '\n') == NULL;
    }
    struct row *at = &run->rows[row - 1];
    at->state = strcmp(word, "done") == 0      ? ROW_DONE
                : strcmp(word, "refused") == 0 ? ROW_REFUSED
                                               : ROW_BEGUN;
    memcpy(at->number, number, sizeof at->number);
    return true;
}

static bool open_record(struct run *run)
{
    char path[4096], line[512];
    const char *name = run->batch->record;
    if (name == NULL) {
        (void)snprintf(path, sizeof path, "%s.record", run->batch->path);
        name = path;
    }
    FILE *file = fopen(name, "a+e");
    bool is_good = file != NULL, is_empty = true;
    if (!is_good) {
        (void)fprintf(stderr, "vafa-till: %s cannot be written: %s.\n", name, strerror(errno));
        return false;
    }
    rewind(file);
    while (is_good && fgets(line, sizeof line, file) != NULL) {
        is_good = record_line(run, line);
        is_empty = false;
    }
    run->record = file;
    if (!is_good) {
        (void)fprintf(stderr,
                      "vafa-till: %s is the record of another list, or this list was "
                      "changed: give --record FILE for a new one.\n",
                      name);
        return false;
    }
    (void)fseek(file, 0, SEEK_END);
    return !is_empty || (fprintf(file, "list %016" PRIx64 "\n", run->digest) > 0 &&
                         fflush(file) == 0 && fsync(fileno(file)) == 0);
}

/* --- the terminal ------------------------------------------------------------------------------
 */

struct answer {
    bool has_waited; /* a card was looked for: what was said is about the card, not the row */
    json_t *final;
    size_t row, of;
};

static int take_answer(void *ctx, const char *line, const json_t *answer)
{
    struct answer *ret = ctx;
    (void)line;
    if (json_is_true(json_object_get(answer, "final"))) {
        ret->final = json_deep_copy(answer);
        return 0;
    }
    const char *say = json_string_value(json_object_get(answer, "say"));
    ret->has_waited = true;
    (void)fprintf(stderr, "row %zu of %zu: %s\n", ret->row, ret->of, say == NULL ? "" : say);
    return -1;
}

static const char *text(const struct answer *answer, const char *name)
{
    const char *value = json_string_value(json_object_get(answer->final, name));
    return value == NULL ? "" : value;
}

/* False: nobody answers. The caller gives ret->final back. A request of a run that was killed may
 * have the card still: it is waited for. */
static bool ask(const struct run *run, json_t *request, struct answer *ret)
{
    bool is_answered = false, is_busy = true;
    for (int n = 0; n < BUSY_TRIES_MAX && is_busy; n++) {
        if (n > 0) {
            (void)poll(NULL, 0, BUSY_MS);
        }
        json_decref(ret->final);
        ret->final = NULL;
        const int fd = till_call_send(&run->batch->place, request);
        is_answered =
            fd >= 0 && till_call_answers(fd, (int)run->batch->wait_s, take_answer, ret) == 0;
        is_busy = is_answered && strcmp(text(ret, "reason"), "busy") == 0;
    }
    json_decref(request);
    return is_answered;
}

/* What became of `number`, and the next one. False: nobody answers, or none is left. */
static bool ask_number(const struct run *run, const char *number, char ret_state[16],
                       char ret_next[NUMBER_DIGITS + 1])
{
    struct answer answer = {.final = NULL};
    json_t *request = json_pack("{s:i, s:s}", "v", 1, "do", "number");
    if (number[0] != '\0') {
        (void)json_object_set_new(request, "card", json_string(number));
    }
    const bool is_answered = ask(run, request, &answer);
    (void)snprintf(ret_state, 16, "%s", text(&answer, "number"));
    (void)snprintf(ret_next, NUMBER_DIGITS + 1, "%s", text(&answer, "next"));
    json_decref(answer.final);
    if (is_answered && ret_next[0] == '\0' && strcmp(ret_state, "doubt") != 0) {
        (void)fprintf(stderr, "vafa-till: the terminal has no card numbers left: sync, then run "
                              "this again.\n");
        return false;
    }
    return is_answered;
}

enum step { STEP_NEXT, STEP_AGAIN, STEP_STOP };

static void progress(const struct run *run, size_t row, const char *say)
{
    (void)fprintf(stderr, "%zu of %zu issued, %zu refused; row %zu: %s\n", run->done, run->count,
                  run->refused, row + 1, say);
}

static enum step end_row(struct run *run, size_t at, const char *number, int64_t took_ms)
{
    char rest[32], say[64];
    run->rows[at].state = ROW_DONE;
    run->done++;
    (void)snprintf(rest, sizeof rest, " %" PRId64 " ms", took_ms);
    (void)snprintf(say, sizeof say, "card *%s, %" PRId64 ".%" PRId64 " s",
                   strlen(number) > 4 ? number + strlen(number) - 4 : number, took_ms / 1000,
                   took_ms % 1000 / 100);
    progress(run, at, say);
    return record_put(run, at, "done", number, rest) ? STEP_NEXT : STEP_STOP;
}

static enum step judge(struct run *run, size_t at, const struct answer *answer, int64_t took_ms)
{
    const char *state = text(answer, "state"), *reason = text(answer, "reason");
    if (strcmp(state, "done") == 0) {
        return end_row(run, at, text(answer, "card"), took_ms);
    }
    progress(run, at, text(answer, "say"));
    if (strcmp(state, "hold_again") == 0) {
        return STEP_AGAIN;
    }
    if (strcmp(reason, "no_card") == 0 || strcmp(reason, "disk") == 0 ||
        strcmp(reason, "programme") == 0 || strcmp(reason, "busy") == 0) {
        return STEP_STOP;
    }
    if (answer->has_waited) {
        return STEP_AGAIN; /* this card cannot be issued; the next one may */
    }
    run->rows[at].state = ROW_REFUSED;
    run->refused++;
    return record_put(run, at, "refused", "", text(answer, "say")) ? STEP_NEXT : STEP_STOP;
}

static enum step issue(struct run *run, size_t at, const char *number)
{
    struct row *row = &run->rows[at];
    struct answer answer = {.row = at + 1, .of = run->count};
    json_t *request = json_pack("{s:i, s:s, s:I, s:s}", "v", 1, "do", "issue", "wait_ms",
                                (json_int_t)run->batch->wait_s * 1000, "route", "batch");
    const int64_t from_ms = now_ms();
    if (request == NULL || json_object_update_missing(request, (json_t *)run->batch->common) != 0 ||
        json_object_update(request, row->fields) != 0 ||
        (number[0] != '\0' && json_object_set_new(request, "card", json_string(number)) != 0)) {
        json_decref(request);
        return STEP_STOP;
    }
    const enum step step =
        ask(run, request, &answer) ? judge(run, at, &answer, now_ms() - from_ms) : STEP_STOP;
    json_decref(answer.final);
    return step;
}

/* One row, from where an earlier run left it. */
static enum step serve_row(struct run *run, size_t at)
{
    struct row *row = &run->rows[at];
    char state[16], next[NUMBER_DIGITS + 1];
    if (!ask_number(run, row->number, state, next)) {
        return STEP_STOP;
    }
    if (row->state == ROW_BEGUN && strcmp(state, "done") == 0) {
        return end_row(run, at, row->number, 0);
    }
    if (row->state == ROW_BEGUN && strcmp(state, "doubt") == 0) {
        progress(run, at, "hold the card again that was begun for this row");
        return issue(run, at, "");
    }
    memcpy(row->number, next, sizeof next);
    row->state = ROW_BEGUN;
    return record_put(run, at, "begun", next, "") ? issue(run, at, next) : STEP_STOP;
}

static int serve(struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        run->done += run->rows[i].state == ROW_DONE;
        run->refused += run->rows[i].state == ROW_REFUSED;
    }
    for (size_t i = 0; i < run->count; i++) {
        const bool is_over = run->rows[i].state == ROW_DONE || run->rows[i].state == ROW_REFUSED;
        enum step step = is_over ? STEP_NEXT : STEP_AGAIN;
        for (int n = 0; n < TRIES_MAX && step == STEP_AGAIN; n++) {
            step = serve_row(run, i);
        }
        if (step != STEP_NEXT) {
            (void)fprintf(stderr, "Stopped at row %zu: run it again to go on.\n", i + 1);
            return EXIT_NOT_DONE;
        }
    }
    (void)printf("%zu of %zu issued, %zu refused\n", run->done, run->count, run->refused);
    return run->refused == 0 ? EXIT_DONE : EXIT_NOT_DONE;
}

int till_batch_run(const struct till_batch *batch)
{
    struct run run = {.batch = batch, .digest = UINT64_C(0xcbf29ce484222325)};
    run.rows = calloc(ROWS_MAX, sizeof *run.rows);
    int code = EXIT_USAGE;
    if (run.rows != NULL && read_list(&run) && open_record(&run)) {
        code = serve(&run);
    }
    for (size_t i = 0; i < run.count; i++) {
        json_decref(run.rows[i].fields);
    }
    if (run.record != NULL) {
        (void)fclose(run.record); /* every line was synced */
    }
    free(run.rows);
    return code;
}
