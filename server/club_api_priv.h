/* club_api_priv.h - what the parts of the API share: one call, and the tables of what is served.
 *
 * Each server/club_api_NAME.c has a table of routes. What a route says of itself is checked before
 * its function runs: role, parameters, the fields of the body. */
#ifndef SERVER_CLUB_API_PRIV_H
#define SERVER_CLUB_API_PRIV_H

#include <jansson.h>

#include "firmware/engine/action.h"
#include "server/apikey.h"
#include "server/club_api.h"
#include "server/rows.h"
#include "server/signer.h"

enum {
    PATH_VALUES_MAX = 2,
    PAGE_DEFAULT = 50,
    PAGE_MAX = 200,
    CURSOR_MAX = 64,
    SMALL_BODY_MAX = 16384,
};

enum field_kind {
    FIELD_TEXT,   /* min..max bytes, no control characters */
    FIELD_NUMBER, /* a whole number, min..max */
    FIELD_CARD,   /* text, 16 digits, the last one checks */
    FIELD_DAY,    /* text, a day of either calendar */
    FIELD_BOOL,
    FIELD_LIST, /* an array of min..max objects, which the function checks */
};

/* One field of a body. */
struct field {
    const char *name; /* NULL ends a list of fields */
    enum field_kind kind;
    bool is_needed;
    int64_t min, max;
};

struct call;

struct route {
    const char *method;         /* NULL ends a table */
    const char *path;           /* after CLUB_API_PATH: "/cards/{card}" */
    enum apikey_role role;      /* the least one that may */
    const char *parameters;     /* words: what may come after "?" */
    const struct field *fields; /* of the body; NULL = it takes none */
    enum st (*answer)(struct call *call);
    size_t body_max; /* 0 = SMALL_BODY_MAX */
};

/* One request while it is answered. */
struct call {
    struct db *db;
    const char *dir;
    const struct signer *signer; /* NULL: the club's key is not here */
    int64_t now_s;
    const struct api_request *request;
    const struct route *route;
    struct apikey key;
    char values[PATH_VALUES_MAX][CURSOR_MAX + 1]; /* what stands for {...} in the path */
    json_t *body;                                 /* an object, when the route has fields */
    json_t *reply;    /* an object; the function puts the answer's members in */
    unsigned status;  /* 0: by the function's return (ST_OK: 200, ST_REFUSED: 409) */
    const char *word; /* of a refusal; NULL: by the return */
    struct fault fault;
};

/* Tables of routes, one a file. */
extern const struct route routes_club[];
extern const struct route routes_cards[];
extern const struct route routes_cases[];
extern const struct route routes_places[];
extern const struct route routes_settlement[];
extern const struct route routes_actions[];
extern const struct route routes_operators[];
extern const struct route routes_members[];
extern const struct route routes_measures[];
extern const struct route routes_bons[];
extern const struct route routes_imports[];
extern const struct route routes_fleet[];
extern const struct route routes_lost[];
extern const struct route routes_transfers[];

/* 16 digits, the last one checks. */
bool read_card(const char *text, uint64_t *ret);
/* Every field known and as it should be, none missing? False: the fault says what is wrong. */
bool fields_check(json_t *body, const struct field *fields, struct fault *fault);

/* --- what functions ask -------------------------------------------------------------------- */

/* NULL: not given. */
const char *call_parameter(const struct call *call, const char *name);
/* `limit` and `cursor`; *ret_cursor is "" on the first page. False: the fault says what is wrong.
 */
bool call_page(struct call *call, size_t *ret_limit, const char **ret_cursor);
/* The same where a cursor is one number; *ret_after stays as it is on the first page. */
bool call_page_after(struct call *call, size_t *ret_limit, int64_t *ret_after);
/* A parameter that must be a number from `min` on; `otherwise` when it is not given. False: fault.
 */
bool call_number(struct call *call, const char *name, int64_t min, int64_t otherwise, int64_t *ret);
/* The {card} of the path, or a number in it. False: the answer is 404 already. */
bool call_card(struct call *call, uint64_t *ret);
bool call_path_number(struct call *call, size_t index, const char *what, int64_t *ret);
/* Members of the checked body. Text: NULL when it was left out. */
const char *body_text(const struct call *call, const char *name);
int64_t body_number(const struct call *call, const char *name, int64_t otherwise);

/* 404: says what there is not. Returns what the function then returns. */
enum st call_missing(struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Answers with one page of a query. `stmt` is bound, asks for limit + 1 rows, and is finished here;
 * the first `key_columns` columns make the cursor, which the next page begins after. */
ST_CHECK enum st call_rows(struct call *call, struct db_stmt *stmt, const char *const *columns,
                           size_t limit, int key_columns);
/* The same, page and all, of a query by its first column: above $1, at most $2 rows. */
ST_CHECK enum st call_query(struct call *call, const char *sql, const char *const *columns);
/* The same of an array of up to limit + 1 objects, which it takes; member `key`, a number or text,
 * is the cursor. */
ST_CHECK enum st call_array(struct call *call, json_t *array, size_t limit, const char *key);
/* A list that a command prints as one JSON array, whole, as a new array; card numbers in it become
 * text, as everywhere in the API. */
ST_CHECK enum st call_captured(struct call *call, enum st (*write)(struct db *, bool, FILE *),
                               json_t **ret);
/* A page of an array that has up to limit + 1 objects from `from` on, which it takes: both as
 * call_page_after() says. The cursor counts. */
ST_CHECK enum st call_counted(struct call *call, json_t *array, size_t limit, int64_t from);
/* A page of a list that a command prints: for those that are short. */
ST_CHECK enum st call_list(struct call *call, enum st (*write)(struct db *, bool, FILE *));
/* Answers with the action of that origin and reference; 404 when there is none.
 * (club_api_actions.c) */
ST_CHECK enum st call_put_action(struct call *call, enum action_origin origin, const char *ref);
/* The numbers of a cursor that call_rows() made. False: it is not one, and the fault says so. */
bool cursor_numbers(struct call *call, const char *cursor, size_t count, int64_t *ret);

#endif
