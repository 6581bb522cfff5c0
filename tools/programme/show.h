/* show.h - a programme in plain sentences, and what a planned transaction did. */
#ifndef TOOLS_PROGRAMME_SHOW_H
#define TOOLS_PROGRAMME_SHOW_H

#include <stdio.h>

#include "firmware/engine/explain.h"
#include "tools/programme/document.h"

/* The whole programme: what it is, what counts how, every rule. */
void show_programme(FILE *out, const struct document *document, enum explain_language language);

/* The explanation of a plan made with ST_OK, a line each. */
void show_plan(FILE *out, const struct plan_input *input, const struct plan *plan,
               enum explain_language language);

#endif
