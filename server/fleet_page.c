/* The fleet as one page that needs nothing but itself (fleet.h): Persian from right to left, with
 * English below; troubled terminals first, versions as bars. */
#include <inttypes.h>
#include <string.h>

#include "server/fleet.h"
#include "server/fleet_trouble.h"
#include "server/rows.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"fa\" dir=\"rtl\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>پایانه‌ها – "
    "Terminals</title>\n"
    "<style>\n"
    "body{font:16px/1.7 Vazirmatn,'Noto Naskh Arabic','Noto Sans Arabic',Tahoma,'DejaVu Sans',"
    "sans-serif;background:#f4f5f7;color:#1d2330;margin:0 auto;max-width:68rem;padding:1.5rem}\n"
    "h1{font-size:1.7rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .6rem}\n"
    "[lang=en]{direction:ltr;unicode-bidi:isolate;color:#5b6474;font-size:.85em;font-weight:400}\n"
    ".sum{display:flex;gap:1rem;margin:1rem 0}.sum div{background:#fff;border-radius:.6rem;"
    "padding:.7rem 1.4rem;flex:1}.sum b{display:block;font-size:2rem;line-height:1.2}\n"
    ".bad b{color:#b3261e}.well b{color:#1b7a3d}\n"
    ".bar{display:flex;height:2.1rem;border-radius:.4rem;overflow:hidden;margin:.2rem 0 .9rem}\n"
    ".bar span{color:#fff;text-align:center;overflow:hidden;white-space:nowrap;min-width:3rem;"
    "direction:ltr;line-height:2.1rem}\n"
    ".v0{background:#1f5fa8}.v1{background:#5b8fc7}.v2{background:#8e6bb0}.v3{background:#98a1b0}\n"
    "article{background:#fff;border-inline-start:.35rem solid #b3261e;border-radius:.4rem;"
    "padding:.7rem 1.1rem;margin:.6rem 0}\n"
    "article h3{margin:0;font-size:1.05rem}article p{margin:.35rem 0}article p "
    "[lang]{display:block;"
    "text-align:left}\n"
    "code{direction:ltr;unicode-bidi:isolate;background:#eef0f4;border-radius:.3rem;"
    "padding:.1rem .5rem;font-size:.85em;display:inline-block}\n"
    "table{width:100%;border-collapse:collapse;background:#fff;border-radius:.4rem}\n"
    "th,td{text-align:right;padding:.35rem .8rem;border-bottom:1px solid #e6e8ee;"
    "vertical-align:top}th{font-weight:600}th [lang]{display:block}\n"
    "td.n{direction:ltr;text-align:right}\n"
    "</style></head><body>\n";

/* --- pieces -------------------------------------------------------------------------------- */

static void escape(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static const char *text_in(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text == NULL ? "" : text;
}

static json_int_t number_in(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

static bool is_troubled(const json_t *row)
{
    return json_array_size(json_object_get(row, "troubles")) != 0;
}

/* A number with Persian digits. */
static void number_fa(int64_t number, FILE *out)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRId64, number);
    for (const char *at = digits; *at != '\0'; at++) {
        fprintf(out, *at == '-' ? "-" : "&#%d;", 0x6f0 + (*at - '0'));
    }
}

/* --- the parts ----------------------------------------------------------------------------- */

static void put_tile(const char *name, int64_t count, const char *fa, const char *en, FILE *out)
{
    fprintf(out, "<div class=\"%s\"><b>", name);
    number_fa(count, out);
    fprintf(out, "</b>%s <span lang=\"en\">%s</span></div>\n", fa, en);
}

static void put_summary(const json_t *rows, FILE *out)
{
    const size_t count = json_array_size(rows);
    size_t troubled = 0;
    for (size_t i = 0; i < count; i++) {
        troubled += is_troubled(json_array_get(rows, i));
    }
    fputs("<div class=\"sum\">", out);
    put_tile("bad", (int64_t)troubled, "نیازمند رسیدگی", "in trouble", out);
    put_tile("well", (int64_t)(count - troubled), "سالم", "well", out);
    put_tile("all", (int64_t)count, "همهٔ پایانه‌ها", "terminals", out);
    fputs("</div>\n", out);
}

/* Of how many terminals of the board runs each version: an object of objects. */
static json_t *count_versions(const json_t *rows)
{
    json_t *boards = json_object();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        char version[24];
        const bool is_told = json_is_string(json_object_get(row, "board"));
        const char *board = text_in(row, "board");
        (void)snprintf(version, sizeof version, "%010" JSON_INTEGER_FORMAT,
                       is_told ? number_in(row, "version") : 0);
        json_t *versions = json_object_get(boards, board);
        if (versions == NULL) {
            versions = json_object();
            (void)json_object_set_new(boards, board, versions);
        }
        (void)json_object_set_new(versions, version,
                                  json_integer(number_in(versions, version) + 1));
    }
    return boards;
}

/* The newest version has the darkest colour; 0, not told, is grey. */
static void put_bar(const json_t *versions, FILE *out)
{
    const size_t kinds = json_object_size(versions);
    size_t at = 0;
    fputs("<div class=\"bar\">", out);
    for (int64_t last = INT64_MAX; at < kinds; at++) {
        const char *name = NULL;
        json_t *count = NULL, *found = NULL;
        int64_t best = -1;
        json_t *all = (json_t *)(uintptr_t)versions; /* the iterator takes no const */
        json_object_foreach(all, name, count)
        {
            int64_t version = 0;
            if (sscanf(name, "%" SCNd64, &version) == 1 && version < last && version > best) {
                best = version;
                found = count;
            }
        }
        last = best;
        fprintf(out, "<span class=\"v%zu\" style=\"flex:%" JSON_INTEGER_FORMAT "\">",
                at > 3 || best == 0 ? 3 : at, json_integer_value(found));
        if (best != 0) {
            fprintf(out, "v%" PRId64 " ", best);
        }
        fprintf(out, "× %" JSON_INTEGER_FORMAT "</span>", json_integer_value(found));
    }
    fputs("</div>\n", out);
}

static void put_board(const char *name, const json_t *versions, FILE *out)
{
    fputs("<span lang=\"en\">", out);
    escape(name, out);
    fputs("</span>", out);
    put_bar(versions, out);
}

static void put_versions(const json_t *rows, FILE *out)
{
    json_t *boards = count_versions(rows), *versions = NULL;
    const char *board = NULL;
    fputs("<h2>نسخه‌ها <span lang=\"en\">Versions, by board</span></h2>\n", out);
    json_object_foreach(boards, board, versions)
    {
        if (board[0] != '\0') {
            put_board(board, versions, out);
        }
    }
    versions = json_object_get(boards, "");
    if (versions != NULL) {
        put_board("not told", versions, out);
    }
    json_decref(boards);
}

static void put_name(const json_t *row, FILE *out)
{
    number_fa(number_in(row, "terminal"), out);
    fputs(" – ", out);
    escape(text_in(row, "merchant"), out);
    fputs("، ", out);
    escape(text_in(row, "branch"), out);
}

static void put_trouble(const json_t *trouble, FILE *out)
{
    const char *command = text_in(trouble, "command");
    fputs("<p>", out);
    escape(text_in(trouble, "fa"), out);
    fputs("<span lang=\"en\">", out);
    escape(text_in(trouble, "say"), out);
    fputs("</span>", out);
    if (command[0] != '\0') {
        fputs("<code>", out);
        escape(command, out);
        fputs("</code>", out);
    }
    fputs("</p>\n", out);
}

static void put_troubled(const json_t *rows, FILE *out)
{
    json_t *all = (json_t *)(uintptr_t)rows, *row = NULL, *trouble = NULL;
    size_t i = 0, j = 0;
    fputs("<h2>نیازمند رسیدگی <span lang=\"en\">In trouble</span></h2>\n", out);
    json_array_foreach(all, i, row)
    {
        if (!is_troubled(row)) {
            continue;
        }
        fputs("<article><h3>", out);
        put_name(row, out);
        fputs("</h3>\n", out);
        json_array_foreach(json_object_get(row, "troubles"), j, trouble)
        {
            put_trouble(trouble, out);
        }
        fputs("</article>\n", out);
    }
}

static void put_span(int64_t at, int64_t now_s, FILE *out)
{
    char span[FLEET_SPAN_BYTES];
    if (at == 0) {
        fputs("–", out);
        return;
    }
    fleet_span_fa(now_s > at ? now_s - at : 0, span);
    fprintf(out, "%s پیش", span);
}

static void put_left(int64_t at, int64_t now_s, FILE *out)
{
    char span[FLEET_SPAN_BYTES] = "–";
    if (at > now_s) {
        fleet_span_fa(at - now_s, span);
    }
    fprintf(out, "%s%s", span, at > now_s ? " دیگر" : "");
}

static void put_row(const json_t *row, int64_t now_s, FILE *out)
{
    char size[FLEET_SPAN_BYTES] = "–";
    fputs("<tr><td>", out);
    put_name(row, out);
    fputs("</td><td class=\"n\">", out);
    if (json_is_string(json_object_get(row, "board"))) {
        fprintf(out, "%" JSON_INTEGER_FORMAT " %s", number_in(row, "version"),
                text_in(row, "slot"));
        fleet_bytes(number_in(row, "free"), size);
    } else {
        fputs("–", out);
    }
    fputs("</td><td>", out);
    put_span(number_in(row, "seen_at"), now_s, out);
    fputs("</td><td>", out);
    number_fa(number_in(row, "unsent"), out);
    fprintf(out, "</td><td class=\"n\">%s</td><td>", size);
    number_fa(number_in(row, "programme"), out);
    fputs("</td><td>", out);
    put_left(number_in(row, "certificate_ends_at"), now_s, out);
    fputs("</td></tr>\n", out);
}

static void put_table(const json_t *rows, int64_t now_s, FILE *out)
{
    static const char *const names[][2] = {
        {"پایانه", "Terminal"},     {"نسخه", "Version"},
        {"آخرین تماس", "Seen"},     {"فرستاده‌نشده", "Unsent"},
        {"فضای آزاد", "Free"},      {"برنامه", "Programme"},
        {"گواهی تا", "Certificate"}};
    fputs("<h2>سالم <span lang=\"en\">Well</span></h2>\n<table><tr>", out);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fprintf(out, "<th>%s<span lang=\"en\">%s</span></th>", names[i][0], names[i][1]);
    }
    fputs("</tr>\n", out);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!is_troubled(json_array_get(rows, i))) {
            put_row(json_array_get(rows, i), now_s, out);
        }
    }
    fputs("</table>\n", out);
}

enum st fleet_page(struct db *db, int64_t now_s, FILE *out)
{
    json_t *rows = NULL;
    const enum st st = fleet_array(db, 0, false, now_s, &rows);
    if (st == ST_OK) {
        fputs(head, out);
        fputs("<h1>پایانه‌های باشگاه <span lang=\"en\">The club's "
              "terminals</span></h1>\n",
              out);
        put_summary(rows, out);
        put_troubled(rows, out);
        put_versions(rows, out);
        put_table(rows, now_s, out);
        fputs("</body></html>\n", out);
    }
    json_decref(rows);
    return st == ST_OK && ferror(out) ? ST_IO : st;
}
