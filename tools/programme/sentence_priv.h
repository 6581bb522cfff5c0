/* sentence_priv.h - what the files of sentence.h share. */
#ifndef TOOLS_PROGRAMME_SENTENCE_PRIV_H
#define TOOLS_PROGRAMME_SENTENCE_PRIV_H

#include <stdbool.h>

#include "tools/programme/sentence.h"

/* How a value is written: an amount in the programme's unit, a day of the week by its name. */
enum kind { KIND_NUMBER, KIND_MONEY, KIND_POINTS, KIND_DAYS, KIND_WEEKDAY, KIND_TEXT, KIND_BOOL };

/* One condition while it is written. */
struct writing {
    FILE *out;
    const struct programme *programme;
    enum explain_language language;
};

/* The kind of the fact that {"var": path} names. */
enum kind sentence_kind(const json_t *value);
/* A fact in words: a noun, or a clause when it is true or false. */
void sentence_fact(const struct writing *w, const char *path);
/* True for a fact that is a number or text; NULL is none. */
bool sentence_is_thing(const char *path);
/* 0 = Saturday .. 6 = Friday. */
const char *sentence_weekday(enum explain_language language, size_t day);

#endif
