#include <jansson.h>
#include <string.h>

#include "firmware/engine/programme.h"

/* The document's strings are foreign: a sentence shows this much of one. */
#define SHOWN "%.40s"

enum { PATH_MAX_BYTES = 48 };

/* One object of the document, with its path for the sentence: "", "limits.", "rules[3].award." */
struct part {
    json_t *object;
    char path[PATH_MAX_BYTES];
    struct fault *fault;
};

/* True when `name` is one of the words in `known`, which are separated by blanks. */
static bool is_known(const char *known, const char *name)
{
    size_t length = strlen(name);
    if (length == 0) {
        return false;
    }
    for (const char *at = strstr(known, name); at != NULL; at = strstr(at + 1, name)) {
        bool begins = at == known || at[-1] == ' ';
        bool ends = at[length] == '\0' || at[length] == ' ';
        if (begins && ends && strchr(name, ' ') == NULL) {
            return true;
        }
    }
    return false;
}

static enum st fields_are_known(const struct part *part, const char *known)
{
    const char *name;
    json_t *value;
    json_object_foreach(part->object, name, value)
    {
        (void)value;
        if (!is_known(known, name)) {
            fault_say(part->fault,
                      "Programme: %s" SHOWN " is unknown to this firmware; known here: %s.",
                      part->path, name, known);
            return ST_UNSUPPORTED;
        }
    }
    return ST_OK;
}

/* Takes the object `name` of `in`, which may hold the fields `known` only. */
static enum st part_open(const struct part *in, const char *name, const char *known,
                         struct part *ret)
{
    *ret = (struct part){.object = json_object_get(in->object, name), .fault = in->fault};
    (void)snprintf(ret->path, sizeof ret->path, "%.22s%.22s.", in->path, name);
    if (!json_is_object(ret->object)) {
        fault_say(in->fault, "Programme: %s%s must be an object with: %s.", in->path, name, known);
        return ST_FOREIGN;
    }
    return fields_are_known(ret, known);
}

static enum st number(const struct part *part, const char *name, int64_t min, int64_t max,
                      int64_t *ret)
{
    json_t *value = json_object_get(part->object, name);
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        fault_say(part->fault, "Programme: %s%s must be a whole number from %lld to %lld.",
                  part->path, name, (long long)min, (long long)max);
        return ST_FOREIGN;
    }
    *ret = json_integer_value(value);
    return ST_OK;
}

static enum st truth(const struct part *part, const char *name, bool *ret)
{
    json_t *value = json_object_get(part->object, name);
    if (!json_is_boolean(value)) {
        fault_say(part->fault, "Programme: %s%s must be true or false.", part->path, name);
        return ST_FOREIGN;
    }
    *ret = json_is_true(value);
    return ST_OK;
}

static enum st name_text(const struct part *part, const char *name, char ret[PROGRAMME_NAME_MAX])
{
    const char *text = json_string_value(json_object_get(part->object, name));
    size_t length = text == NULL ? 0 : strlen(text);
    bool is_plain = length >= 1 && length < PROGRAMME_NAME_MAX;
    for (size_t i = 0; is_plain && i < length; i += 1) {
        unsigned char c = (unsigned char)text[i];
        is_plain = c >= ' ' && c != 0x7f;
    }
    if (!is_plain) {
        fault_say(part->fault,
                  "Programme: %s%s must be text of 1 to %d bytes, no control characters.",
                  part->path, name, PROGRAMME_NAME_MAX - 1);
        return ST_FOREIGN;
    }
    memset(ret, 0, PROGRAMME_NAME_MAX);
    memcpy(ret, text, length);
    return ST_OK;
}

/* --- rules --------------------------------------------------------------------------------- */

static enum st award_load(const struct part *rule, struct programme_award *ret)
{
    struct part award;
    enum st st = part_open(rule, "award", "points per_rials", &award);
    if (st != ST_OK) {
        return st;
    }
    st = number(&award, "points", 0, POINTS_MAX, &ret->points.n);
    if (st != ST_OK) {
        return st;
    }
    return number(&award, "per_rials", 1, MONEY_MAX_RIALS, &ret->block.rials);
}

static enum st rule_load(json_t *value, size_t index, struct fault *fault,
                         struct programme_award *ret)
{
    struct part rule = {.object = value, .fault = fault};
    (void)snprintf(rule.path, sizeof rule.path, "rules[%zu].", index);
    if (!json_is_object(value)) {
        fault_say(fault, "Programme: rules[%zu] must be an object with: id when award.", index);
        return ST_FOREIGN;
    }
    enum st st = fields_are_known(&rule, "id when award");
    if (st != ST_OK) {
        return st;
    }
    st = name_text(&rule, "id", ret->id);
    if (st != ST_OK) {
        return st;
    }
    json_t *when = json_object_get(value, "when");
    if (!json_is_true(when)) {
        fault_say(fault, "Programme: rule " SHOWN ": this firmware knows only \"when\": true.",
                  ret->id);
        return when == NULL ? ST_FOREIGN : ST_UNSUPPORTED;
    }
    return award_load(&rule, ret);
}

static enum st rules_load(const struct part *root, struct programme *ret)
{
    json_t *rules = json_object_get(root->object, "rules");
    if (!json_is_array(rules) || json_array_size(rules) > PROGRAMME_RULES_MAX) {
        fault_say(root->fault, "Programme: rules must be a list of at most %d rules.",
                  PROGRAMME_RULES_MAX);
        return ST_FOREIGN;
    }
    ret->award_count = json_array_size(rules);
    for (size_t i = 0; i < ret->award_count; i += 1) {
        enum st st = rule_load(json_array_get(rules, i), i, root->fault, &ret->awards[i]);
        if (st != ST_OK) {
            return st;
        }
        for (size_t j = 0; j < i; j += 1) {
            if (strcmp(ret->awards[j].id, ret->awards[i].id) == 0) {
                fault_say(root->fault, "Programme: two rules are called " SHOWN ".",
                          ret->awards[i].id);
                return ST_FOREIGN;
            }
        }
    }
    return ST_OK;
}

/* --- the rest ------------------------------------------------------------------------------ */

static enum st head_load(const struct part *root, struct programme *ret)
{
    int64_t format;
    int64_t version;
    enum st st = number(root, "vafa_programme", 1, INT32_MAX, &format);
    if (st != ST_OK) {
        return st;
    }
    if (format != PROGRAMME_FORMAT) {
        fault_say(root->fault, "Programme: format %lld is unknown; this firmware reads format %d.",
                  (long long)format, PROGRAMME_FORMAT);
        return ST_UNSUPPORTED;
    }
    st =
        fields_are_known(root, "vafa_programme version club unit rules redemption award_on limits");
    if (st != ST_OK) {
        return st;
    }
    st = number(root, "version", 1, INT32_MAX, &version);
    if (st != ST_OK) {
        return st;
    }
    ret->version = (uint32_t)version;

    const char *unit = json_string_value(json_object_get(root->object, "unit"));
    if (unit != NULL && strcmp(unit, "rial") == 0) {
        ret->unit = UNIT_RIAL;
    } else if (unit != NULL && strcmp(unit, "toman") == 0) {
        ret->unit = UNIT_TOMAN;
    } else {
        fault_say(root->fault, "Programme: unit must be \"toman\" or \"rial\".");
        return ST_FOREIGN;
    }
    return name_text(root, "club", ret->club);
}

static enum st points_load(const struct part *root, struct programme *ret)
{
    struct part redemption;
    struct part award_on;
    enum st st = part_open(root, "redemption", "rials_per_point", &redemption);
    if (st != ST_OK) {
        return st;
    }
    st = number(&redemption, "rials_per_point", 0, PROGRAMME_POINT_VALUE_MAX,
                &ret->point_value.rials);
    if (st != ST_OK) {
        return st;
    }
    st = part_open(root, "award_on", "redeemed credit", &award_on);
    if (st != ST_OK) {
        return st;
    }
    st = truth(&award_on, "redeemed", &ret->award_on_redeemed);
    if (st != ST_OK) {
        return st;
    }
    return truth(&award_on, "credit", &ret->award_on_credit);
}

static enum st limits_load(const struct part *root, struct programme *ret)
{
    const struct {
        const char *name;
        int64_t min, max;
        int64_t *ret;
    } fields[] = {
        {"sale_max_rials", 1, MONEY_MAX_RIALS, &ret->sale_max.rials},
        {"load_min_rials", 1, MONEY_MAX_RIALS, &ret->load_min.rials},
        {"load_max_rials", 1, MONEY_MAX_RIALS, &ret->load_max.rials},
        {"credit_max_rials", 1, MONEY_MAX_RIALS, &ret->credit_max.rials},
        {"opening_max_rials", 0, MONEY_MAX_RIALS, &ret->opening_max.rials},
        {"points_max", 0, POINTS_MAX, &ret->points_max.n},
    };
    struct part limits;
    enum st st = part_open(root, "limits",
                           "sale_max_rials load_min_rials load_max_rials credit_max_rials "
                           "opening_max_rials points_max",
                           &limits);
    for (size_t i = 0; st == ST_OK && i < sizeof fields / sizeof fields[0]; i += 1) {
        st = number(&limits, fields[i].name, fields[i].min, fields[i].max, fields[i].ret);
    }
    if (st != ST_OK) {
        return st;
    }
    if (ret->load_min.rials > ret->load_max.rials || ret->load_max.rials > ret->credit_max.rials ||
        ret->opening_max.rials > ret->credit_max.rials) {
        fault_say(root->fault, "Programme: limits need load_min <= load_max <= credit_max and "
                               "opening_max <= credit_max.");
        return ST_FOREIGN;
    }
    return ST_OK;
}

static enum st document_load(const struct part *root, struct programme *ret)
{
    if (!json_is_object(root->object)) {
        fault_say(root->fault, "Programme: the document must be one JSON object.");
        return ST_FOREIGN;
    }
    enum st st = head_load(root, ret);
    if (st == ST_OK) {
        st = rules_load(root, ret);
    }
    if (st == ST_OK) {
        st = points_load(root, ret);
    }
    if (st == ST_OK) {
        st = limits_load(root, ret);
    }
    if (st == ST_OK && !programme_is_valid(ret)) {
        /* Each field alone is in range, so what is left is the product of rate and basket. */
        fault_say(root->fault,
                  "Programme: a basket of sale_max_rials would earn more than %lld points.",
                  (long long)POINTS_MAX);
        st = ST_FOREIGN;
    }
    return st;
}

enum st programme_load(const char *text, size_t size, struct programme *ret, struct fault *fault)
{
    if (size > PROGRAMME_TEXT_MAX) {
        fault_say(fault, "Programme: longer than %d bytes.", PROGRAMME_TEXT_MAX);
        return ST_FOREIGN;
    }
    json_error_t error;
    struct part root = {.fault = fault};
    root.object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (root.object == NULL) {
        fault_say(fault, "Programme: line %d, column %d: %s.", error.line, error.column,
                  error.text);
        return ST_FOREIGN;
    }
    struct programme programme;
    memset(&programme, 0, sizeof programme);
    enum st st = document_load(&root, &programme);
    json_decref(root.object);
    if (st == ST_OK) {
        *ret = programme;
    }
    return st;
}
