/* sentence.h - a rule's condition as a sentence, in English and Persian.
 *
 * Written from the document's JSON, which programme_load() has accepted. What has no sentence of
 * its own is written as a formula, "(a + b) / 2", with the facts in words: never as JSON. */
#ifndef TOOLS_PROGRAMME_SENTENCE_H
#define TOOLS_PROGRAMME_SENTENCE_H

#include <jansson.h>
#include <stdio.h>

#include "firmware/engine/explain_text.h"

/* "today is in festival (1 to 10 Mehr 1405)". */
void sentence_condition(FILE *out, const struct programme *programme, const json_t *condition,
                        enum explain_language language);

/* "1 to 10 Mehr 1405, on Saturday". */
void sentence_calendar(FILE *out, const struct programme_calendar *calendar,
                       enum explain_language language);

#endif
