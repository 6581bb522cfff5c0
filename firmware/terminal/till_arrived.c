#include "firmware/terminal/till_arrived.h"

#include <assert.h>

#include "firmware/engine/explain_action.h"

static void put(json_t *object, const char *name, json_t *value)
{
    int rc = json_object_set_new(object, name, value);
    assert(rc == 0); /* a string that is not UTF-8 cannot come here: action_decode() */
}

static void add(json_t *array, json_t *value)
{
    int rc = json_array_append_new(array, value);
    assert(rc == 0);
}

static json_t *arrived_object(const struct tap_arrived *arrived)
{
    const struct action *action = &arrived->action;
    json_t *object = json_object();
    put(object, "number", json_integer(action->number));
    put(object, "kind", json_string(action_kind_word(action->kind)));
    put(object, "origin", json_string(action_origin_word(action->origin)));
    put(object, "amount", json_integer(arrived->moved));
    if (action->value != 0) {
        put(object, "value", json_integer(action->value));
    }
    if (action->text[0] != '\0') {
        put(object, "text", json_string(action->text));
    }
    return object;
}

void till_put_arrived(json_t *object, const struct tap_answer *answer)
{
    if (answer->arrived_count > 0) {
        json_t *array = json_array();
        for (size_t n = 0; n < answer->arrived_count; n++) {
            add(array, arrived_object(&answer->arrived[n]));
        }
        put(object, "arrived", array);
    }
    if (answer->arrived_more > 0) {
        put(object, "arrived_more", json_integer((json_int_t)answer->arrived_more));
    }
    if (answer->waits.say.say[0] != '\0') {
        put(object, "waits", json_string(answer->waits.say.say));
    }
}

void till_add_arrived_lines(json_t *lines, const struct tap_answer *answer)
{
    for (size_t n = 0; n < answer->arrived_count; n++) {
        char text[EXPLAIN_TEXT_MAX], result[EXPLAIN_AMOUNT_MAX];
        const struct tap_arrived *arrived = &answer->arrived[n];
        if (!explain_action(answer->programme, &arrived->action, arrived->moved, answer->language,
                            text, result)) {
            continue;
        }
        json_t *line = json_object();
        put(line, "kind", json_string("arrived"));
        put(line, "text", json_string(text));
        if (result[0] != '\0') {
            put(line, "result", json_string(result));
        }
        add(lines, line);
    }
}
