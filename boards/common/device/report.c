#include "boards/common/device/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void report_text(const struct report *report, char ret[REPORT_BYTES_MAX])
{
    (void)snprintf(ret, REPORT_BYTES_MAX,
                   "board=%s\nversion=%" PRIu32 "\nslot=%c\ngood=%d\nother=%" PRIu32
                   "\nfailed=%" PRIu32 "\nself_test=%s\nclock=%s\nunsent=%" PRId64
                   "\ndata_free=%" PRIu64 "\ndata=%s\nupdate=%s\n",
                   report->board, report->version, report->slot, report->is_good, report->other,
                   report->failed, report->self_test, report->is_clock_set ? "set" : "unset",
                   report->unsent, report->data_free, report->data, report->update);
}

static bool put_text(const char *path, const char *text, const char *end)
{
    char beside[200];
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "we");
    if (file == NULL) {
        return false;
    }
    const bool is_written = fputs(text, file) >= 0 && fputs(end, file) >= 0;
    return fclose(file) == 0 && is_written && chmod(beside, 0644) == 0 && rename(beside, path) == 0;
}

bool report_write(const struct report *report, const char *path)
{
    char text[REPORT_BYTES_MAX];
    report_text(report, text);
    return put_text(path, text, "");
}

bool report_put_line(const char *path, const char *line)
{
    return put_text(path, line, "\n");
}

void report_take_line(const char *path, const char *otherwise, char ret[REPORT_TEXT_MAX])
{
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(ret, REPORT_TEXT_MAX, file) == NULL) {
        (void)snprintf(ret, REPORT_TEXT_MAX, "%s", otherwise);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    ret[strcspn(ret, "\n")] = '\0';
}
