/* programme_text.h - documents for the tests of the programme loader: the example of the page, with
 * one thing changed, so that nothing else can be the reason. */
#ifndef TESTS_UNIT_PROGRAMME_TEXT_H
#define TESTS_UNIT_PROGRAMME_TEXT_H

#include <jansson.h>

#include "firmware/engine/programme.h"

/* cmocka group setup and teardown: reads the example out of docs/programme.md. */
int programme_text_open(void **state);
int programme_text_close(void **state);

/* The example, parsed; the group owns it. */
json_t *programme_text_example(void);

struct change {
    const char *path;  /* "limits.sale_max_rials", "rules.0.when"; a last "+" appends to a list */
    const char *value; /* JSON; NULL removes the field */
    enum st st;
    const char *says; /* must stand in the sentence */
};

/* The example with the change, as text with a line for each value; the caller frees it. */
char *programme_text_changed(const char *path, const char *value);
/* Loads that; *ret is NULL unless ST_OK. */
enum st programme_text_load(const char *path, const char *value, struct programme **ret,
                            struct fault *fault);
/* Each change is refused with its status and a sentence that names the line of the changed value
 * (unless the path begins with "~": the trouble shows elsewhere) and says what it should. */
void programme_text_refuses(const struct change *changes, size_t count);
/* Each is taken. */
void programme_text_takes(const struct change *changes, size_t count);

#endif
