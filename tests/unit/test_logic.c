/* Tests of firmware/engine/logic.h with facts: what loads, what is refused, what comes out. The
 * language itself is tested in test_logic_official.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "firmware/engine/logic.h"

static const struct logic_fact line_fields[] = {
    {.path = "category", .kind = LOGIC_STRING},
    {.path = "amount", .kind = LOGIC_NUMBER, .lo = 0, .hi = INT64_C(100000000000000)},
};

enum { AMOUNT, TIER, VISITS, GAP, FIRST, TAGS, LINES, BIG, FACT_COUNT };

static const struct logic_fact table[FACT_COUNT] = {
    [AMOUNT] = {.path = "sale.amount",
                .kind = LOGIC_NUMBER,
                .lo = 0,
                .hi = INT64_C(687194767350000)}, /* 2^36-1 rials */
    [TIER] = {.path = "member.tier", .kind = LOGIC_STRING},
    [VISITS] = {.path = "member.visits", .kind = LOGIC_NUMBER, .lo = 0, .hi = 655350000},
    [GAP] = {.path = "member.days_away",
             .kind = LOGIC_NUMBER,
             .lo = 0,
             .hi = 655350000,
             .is_optional = true},
    [FIRST] = {.path = "member.is_new", .kind = LOGIC_BOOL},
    [TAGS] = {.path = "member.tags", .kind = LOGIC_LIST, .items_max = 8},
    [LINES] = {.path = "sale.lines",
               .kind = LOGIC_LIST,
               .items_max = 16,
               .fields = line_fields,
               .field_count = 2},
    [BIG] = {.path = "big", .kind = LOGIC_NUMBER, .lo = -LOGIC_NUMBER_MAX, .hi = LOGIC_NUMBER_MAX},
};
static const struct logic_facts facts = {table, FACT_COUNT};

static struct logic_pool pool;
static struct logic_value tags[2];
static struct logic_value milk[2];
static struct logic_value bread[2];
static struct logic_value lines[2];
static struct logic_value values[FACT_COUNT];

static int empty_pool(void **state)
{
    (void)state;
    logic_init(&pool);
    tags[0] = logic_text("staff", 5);
    tags[1] = logic_text("parent", 6);
    milk[0] = logic_text("dairy", 5);
    milk[1] = logic_whole(300000);
    bread[0] = logic_text("bakery", 6);
    bread[1] = logic_whole(50000);
    lines[0] = logic_record(milk, 2);
    lines[1] = logic_record(bread, 2);
    values[AMOUNT] = logic_whole(1500000);
    values[TIER] = logic_text("gold", 4);
    values[VISITS] = logic_whole(7);
    values[GAP] = (struct logic_value){.kind = LOGIC_ABSENT};
    values[FIRST] = logic_bool(false);
    values[TAGS] = logic_list(tags, 2);
    values[LINES] = logic_list(lines, 2);
    values[BIG] = logic_whole(0);
    return 0;
}

/* Single quotes stand for double ones, so that conditions can be read. */
static json_t *parse(const char *text)
{
    char copy[4096];
    (void)snprintf(copy, sizeof copy, "%s", text);
    for (char *at = copy; *at != '\0'; at += 1) {
        *at = *at == '\'' ? '"' : *at;
    }
    json_error_t error;
    json_t *json = json_loads(copy, JSON_DECODE_ANY, &error);
    if (json == NULL) {
        fail_msg("%s: %s", text, error.text);
    }
    return json;
}

static enum st load(const char *text, uint16_t *ret, struct fault *fault)
{
    json_t *json = parse(text);
    enum st st = logic_load(&pool, json, &facts, "rules[3].when", ret, fault);
    json_decref(json);
    return st;
}

static bool is_true(const char *text)
{
    uint16_t root;
    struct fault fault = {{0}};
    if (load(text, &root, &fault) != ST_OK) {
        fail_msg("%s: %s", text, fault.say);
    }
    bool truth;
    assert_int_equal(logic_eval(&pool, root, values, FACT_COUNT, &truth), ST_OK);
    return truth;
}

static void conditions_of_a_rule_hold_or_do_not(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool truth;
    } cases[] = {
        {"true", true},
        {"false", false},
        {"{'and':[{'>=':[{'var':'sale.amount'},1000000]},{'==':[{'var':'member.tier'},'gold']}]}",
         true},
        {"{'and':[{'>=':[{'var':'sale.amount'},1500001]},{'==':[{'var':'member.tier'},'gold']}]}",
         false},
        {"{'==':[{'var':'member.tier'},'silver']}", false},
        {"{'in':[{'var':'member.tier'},['silver','gold']]}", true},
        {"{'in':['staff',{'var':'member.tags'}]}", true},
        {"{'in':['student',{'var':'member.tags'}]}", false},
        {"{'in':['ol',{'var':'member.tier'}]}", true},
        {"{'<':[5,{'var':'member.visits'},10]}", true},
        {"{'<':[7,{'var':'member.visits'},10]}", false},
        {"{'<=':[7,{'var':'member.visits'},7]}", true},
        {"{'==':[{'%':[{'var':'member.visits'},5]},2]}", true},
        {"{'>':[{'var':['member.days_away',9999]},30]}", true},
        {"{'missing':['member.days_away']}", true},
        {"{'missing':['member.tier']}", false},
        {"{'missing_some':[1,['member.tier','member.days_away']]}", false},
        {"{'==':[{'var':'member.days_away'},null]}", true},
        {"{'!':{'var':'member.is_new'}}", true},
        {"{'some':[{'var':'member.tags'},{'==':[{'var':''},'parent']}]}", true},
        {"{'some':[{'var':'sale.lines'},{'and':[{'==':[{'var':'category'},'dairy']},"
         "{'>=':[{'var':'amount'},300000]}]}]}",
         true},
        {"{'all':[{'var':'sale.lines'},{'>=':[{'var':'amount'},50001]}]}", false},
        {"{'none':[{'var':'sale.lines'},{'==':[{'var':'category'},'wine']}]}", true},
        {"{'>=':[{'*':[{'var':'sale.amount'},0.09]},135000]}", true},
        {"{'>':[{'*':[{'var':'sale.amount'},0.09]},135000]}", false},
        {"{'==':[{'/':[{'var':'sale.amount'},{'max':[{'var':'member.visits'},1]}]},214285.7142]}",
         true},
        {"{'<':[{'/':[1,{'+':[{'%':[{'var':'big'},5]},5]}]},1]}", true},
        {"{'==':[{'+':[0.1,0.2]},0.3]}", true},
        {"{'==':[{'substr':[{'var':'member.tier'},0,2]},'go']}", true},
        {"{'if':[{'var':'member.is_new'},{'>':[{'var':'sale.amount'},1]},"
         "{'>':[{'var':'sale.amount'},9]}]}",
         true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        if (is_true(cases[i].text) != cases[i].truth) {
            fail_msg("%s is not %d", cases[i].text, cases[i].truth);
        }
    }
}

static void what_could_fail_is_refused_with_place_and_operator(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum st st;
        const char *says;
    } cases[] = {
        {"{'map':[{'var':'member.tags'},1]}", ST_UNSUPPORTED, "operator 'map' is not supported"},
        {"{'adn':[true,true]}", ST_UNSUPPORTED, "did you mean 'and'"},
        {"{'>=':[{'var':'sale.amuont'},1]}", ST_FOREIGN, "did you mean \"sale.amount\""},
        {"{'and':[true,{'>=':[{'var':'member.tire'},1]}]}", ST_FOREIGN,
         "rules[3].when.and[1].>=[0]: \"member.tire\""},
        {"{'==':[{'var':'member.tier'},1]}", ST_FOREIGN, "\"==\" compares values of different"},
        {"{'<':[{'var':'member.tier'},1]}", ST_FOREIGN, "rules[3].when.<[1]: \"<\" compares"},
        {"{'==':[{'var':'member.is_new'},1]}", ST_FOREIGN, "different kinds"},
        {"{'==':[{'var':'member.tags'},'staff']}", ST_FOREIGN, "\"==\" needs"},
        {"{'<':[{'var':'member.days_away'},30]}", ST_FOREIGN, "give var a default"},
        {"{'+':[{'var':'member.days_away'},30]}", ST_FOREIGN, "give var a default"},
        {"{'>':[{'+':[{'var':'big'},1]},30]}", ST_FOREIGN, "\"+\" could leave the range"},
        {"{'>':[{'-':[{'var':'big'},1]},30]}", ST_FOREIGN, "\"-\" could leave the range"},
        {"{'>':[{'*':[{'var':'big'},1.0001]},30]}", ST_FOREIGN, "\"*\" could leave the range"},
        {"{'>':[{'/':[{'var':'big'},0.9999]},30]}", ST_FOREIGN, "\"/\" could leave the range"},
        {"{'>':[{'/':[1,{'var':'member.visits'}]},30]}", ST_FOREIGN, "\"/\" could divide by 0"},
        {"{'>':[{'%':[1,{'var':'member.visits'}]},30]}", ST_FOREIGN, "\"%\" could divide by 0"},
        {"{'>':[{'/':[1,0]},30]}", ST_FOREIGN, "could divide by 0"},
        {"{'/':[1,{'+':[{'%':[{'var':'big'},5]},1]}]}", ST_FOREIGN, "could divide by 0"},
        {"{'/':[1,{'*':[{'var':'member.visits'},-1]}]}", ST_FOREIGN, "could divide by 0"},
        {"{'/':[1,{'-':[{'var':'member.visits'}]}]}", ST_FOREIGN, "could divide by 0"},
        {"{'<':[{'if':[{'var':'member.is_new'},1]},2]}", ST_FOREIGN, "if an else"},
        {"{'+':['1',1]}", ST_FOREIGN, "\"+\" needs numbers"},
        {"{'in':[1,['a']]}", ST_FOREIGN, "of another kind"},
        {"{'in':[{'var':'member.visits'},'123']}", ST_FOREIGN, "looks in a text"},
        {"{'some':[{'var':'member.tier'},true]}", ST_FOREIGN, "\"some\" needs a list"},
        {"{'some':[{'var':'sale.lines'},{'==':[{'var':'categroy'},'x']}]}", ST_FOREIGN,
         "did you mean \"category\""},
        {"{'some':[{'var':'member.tags'},{'==':[{'var':'name'},'x']}]}", ST_FOREIGN,
         "use {\"var\": \"\"}"},
        {"{'some':[{'var':'member.tags'},{'missing':'member.tier'}]}", ST_FOREIGN, "within all"},
        /* Found by tests/fuzz: a field of items that are not all records. */
        {"{'some':[{'merge':[{'var':'sale.lines'},{'var':'member.tags'}]},"
         "{'<':[{'var':'amount'},1]}]}",
         ST_FOREIGN, "not all records"},
        {"{'var':''}", ST_FOREIGN, "fact's name"},
        {"{'var':{'if':[true,'big','big']}}", ST_FOREIGN, "plain text"},
        {"{'missing':['member.teir']}", ST_FOREIGN, "did you mean \"member.tier\""},
        {"{'missing':[{'var':'member.tier'}]}", ST_FOREIGN, "takes the names of facts"},
        {"{'missing':[1]}", ST_FOREIGN, "takes paths"},
        {"{'missing':['member.tier',['member.visits']]}", ST_FOREIGN, "takes paths"},
        {"{'missing':[['member.tier'],'member.visits']}", ST_FOREIGN, "takes paths"},
        {"{'missing_some':[1,'member.tier']}", ST_FOREIGN, "takes paths"},
        {"{'==':[1]}", ST_FOREIGN, "\"==\" takes 2 to 2"},
        {"{'>':[3,2,1]}", ST_FOREIGN, "\">\" takes 2 to 2"},
        {"{'and':[]}", ST_FOREIGN, "\"and\" takes 1"},
        {"{'a':1,'b':2}", ST_FOREIGN, "one operator"},
        {"{}", ST_FOREIGN, "one operator"},
        {"{'==':[{'var':'big'},0.00001]}", ST_FOREIGN, "rules[3].when.==[1]: 1e-05 is not exact"},
        {"{'==':[{'var':'big'},922337203685478]}", ST_FOREIGN, "not exact"},
        {"{'==':[{'var':'big'},0.30000000000000004]}", ST_FOREIGN, "not exact"},
        {"{'==':[{'var':'big'},1e20]}", ST_FOREIGN, "not exact"},
        {"[[1]]", ST_FOREIGN, "list in a list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        struct fault fault = {{0}};
        uint16_t root = 77;
        struct logic_pool *before = malloc(sizeof *before);
        assert_non_null(before);
        *before = pool;
        enum st st = load(cases[i].text, &root, &fault);
        if (st != cases[i].st || strstr(fault.say, cases[i].says) == NULL) {
            fail_msg("%s is %s: %s", cases[i].text, st_word(st), fault.say);
        }
        assert_int_equal(root, 77);
        assert_int_equal(pool.node_count, before->node_count);
        assert_int_equal(pool.string_count, before->string_count);
        assert_int_equal(pool.text_bytes, before->text_bytes);
        assert_int_equal(pool.name_count, before->name_count);
        free(before);
    }
}

/* Under ASan a look beyond the copy fails, too. */
static void the_bytes_in_use_are_the_whole_pool(void **state)
{
    (void)state;
    uint16_t root;
    assert_int_equal(load("{'and':[{'==':[{'var':'member.tier'},'gold']},"
                          "{'in':['staff',{'var':'member.tags'}]}]}",
                          &root, NULL),
                     ST_OK);
    struct logic_pool *copy = malloc(logic_size(&pool));
    assert_non_null(copy);
    memcpy(copy, &pool, logic_size(&pool));
    memset(&pool, 0xa5, sizeof pool);
    bool holds = false;
    assert_int_equal(logic_eval(copy, root, values, FACT_COUNT, &holds), ST_OK);
    assert_true(holds);
    free(copy);
}

/* `text` with `times` copies of `part` for its '@', joined by commas. */
static char *repeated(const char *text, const char *part, size_t times)
{
    const char *at = strchr(text, '@');
    char *whole = malloc(strlen(text) + times * (strlen(part) + 300) + 1);
    assert_non_null(whole);
    size_t used = (size_t)sprintf(whole, "%.*s", (int)(at - text), text);
    for (size_t i = 0; i < times; i += 1) {
        used += (size_t)sprintf(whole + used, i == 0 ? "" : ",");
        used += (size_t)sprintf(whole + used, part, (int)i);
    }
    (void)sprintf(whole + used, "%s", at + 1);
    return whole;
}

static enum st load_as(const char *text, const struct logic_facts *with, uint16_t *ret,
                       struct fault *fault)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    enum st st = logic_load(&pool, json, with, "", ret, fault);
    json_decref(json);
    return st;
}

static enum st load_repeated(const char *text, const char *part, size_t times,
                             const struct logic_facts *with, uint16_t *ret, struct fault *fault)
{
    char *whole = repeated(text, part, times);
    enum st st = load_as(whole, with, ret, fault);
    free(whole);
    return st;
}

static void nesting_beyond_32_is_refused(void **state)
{
    (void)state;
    for (int depth = 31; depth <= 33; depth += 1) {
        char text[512] = "";
        for (int i = 1; i < depth; i += 1) {
            strcat(text, "{\"!\":");
        }
        strcat(text, "true");
        memset(text + strlen(text), '}', (size_t)depth - 1);
        struct fault fault = {{0}};
        uint16_t root = 0;
        enum st st = load_as(text, &facts, &root, &fault);
        assert_int_equal(st, depth <= LOGIC_DEPTH_MAX ? ST_OK : ST_FOREIGN);
        if (st == ST_OK) {
            bool truth;
            assert_int_equal(logic_eval(&pool, root, values, FACT_COUNT, &truth), ST_OK);
            assert_int_equal(truth, depth % 2 == 1);
        } else {
            assert_non_null(strstr(fault.say, "nested more than 32 deep"));
        }
    }
}

static void a_full_pool_refuses_and_keeps_what_it_had(void **state)
{
    (void)state;
    struct fault fault;
    uint16_t first;
    uint16_t root;
    bool truth;
    const char *gold = "{\"==\":[{\"var\":\"member.tier\"},\"gold\"]}";
    assert_int_equal(load_as(gold, &facts, &first, &fault), ST_OK);
    struct logic_pool *before = malloc(sizeof *before);
    assert_non_null(before);
    *before = pool;
    const char *numbers = "{\"in\":[1,[@]]}";
    for (int i = 0; i < 3; i += 1) {
        assert_int_equal(load_repeated(numbers, "%d", 10000, &facts, &root, &fault), ST_OK);
    }
    assert_int_equal(load_repeated(numbers, "%d", 10000, &facts, &root, &fault), ST_FULL);
    pool = *before;
    free(before);
    assert_non_null(strstr(fault.say, "more than 32767 operators and values"));
    assert_int_equal(load_repeated("{\"in\":[\"x\",[@]]}", "\"w%d\"", 1100, &facts, &root, &fault),
                     ST_FULL);
    assert_non_null(strstr(fault.say, "texts"));
    assert_int_equal(load_repeated("{\"or\":[@]}", "{\"var\":\"p%d\"}", 257, NULL, &root, &fault),
                     ST_FULL);
    assert_non_null(strstr(fault.say, "more than 256 different paths"));
    assert_int_equal(load_repeated("{\"in\":[\"x\",[@]]}", "\"%0200d\"", 83, &facts, &root, &fault),
                     ST_FULL);
    assert_int_equal(load_repeated("{\"==\":[\"x\",@]}", "\"%0256d\"", 1, &facts, &root, &fault),
                     ST_FOREIGN);
    assert_non_null(strstr(fault.say, "255 bytes"));
    assert_int_equal(logic_eval(&pool, first, values, FACT_COUNT, &truth), ST_OK);
    assert_true(truth);
    /* There is room for all of a thousand numbers, and for `in` to look through them. */
    assert_int_equal(load_repeated("{\"in\":[{\"var\":\"member.visits\"},[@]]}", "%d", 1000, &facts,
                                   &root, &fault),
                     ST_OK);
    values[VISITS] = logic_whole(999);
    assert_int_equal(logic_eval(&pool, root, values, FACT_COUNT, &truth), ST_OK);
    assert_true(truth);
}

static void work_and_lists_are_bounded_at_load_or_while_evaluating(void **state)
{
    (void)state;
    struct fault fault = {{0}};
    uint16_t root;
    bool truth = true;
    const char *lists = "{\"!\":{\"merge\":[[@],[7]]}}";
    assert_int_equal(load_repeated(lists, "%d", 300, &facts, &root, &fault), ST_FOREIGN);
    assert_non_null(strstr(fault.say, "lists that are too long"));
    assert_int_equal(load_repeated(lists, "%d", 300, NULL, &root, &fault), ST_OK);
    assert_int_equal(logic_eval(&pool, root, values, FACT_COUNT, &truth), ST_FULL);
    /* 16 * 16 * 16 * 16 visits. */
    const char *deep =
        "{\"some\":[{\"var\":\"l\"},{\"some\":[[@],{\"some\":[[1,2,3,4,5,6,7,8,9,10,11,"
        "12,13,14,15,16],{\"some\":[[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16],"
        "{\">\":[{\"var\":\"\"},99]}]}]}]}]}";
    static const struct logic_fact list = {.path = "l", .kind = LOGIC_LIST, .items_max = 16};
    static const struct logic_facts only_list = {&list, 1};
    assert_int_equal(load_repeated(deep, "%d", 16, &only_list, &root, &fault), ST_FOREIGN);
    assert_non_null(strstr(fault.say, "too much work"));
    struct logic_value items[16];
    for (size_t i = 0; i < 16; i += 1) {
        items[i] = logic_whole(1);
    }
    struct logic_value scope = logic_list(items, 16);
    logic_init(&pool);
    assert_int_equal(load_repeated(deep, "%d", 16, NULL, &root, &fault), ST_OK);
    assert_int_equal(logic_eval(&pool, root, &scope, 1, &truth), ST_FULL);
    assert_true(truth); /* untouched */
}

static void lists_share_the_room_of_one_evaluation(void **state)
{
    (void)state;
    static const struct logic_fact other_fields[] = {{.path = "name", .kind = LOGIC_STRING}};
    static const struct logic_fact lists[] = {
        {.path = "l", .kind = LOGIC_LIST, .items_max = 200},
        {.path = "r", .kind = LOGIC_LIST, .items_max = 9, .fields = line_fields, .field_count = 2},
        {.path = "q", .kind = LOGIC_LIST, .items_max = 9, .fields = other_fields, .field_count = 1},
    };
    static const struct logic_facts with = {lists, 3};
    struct fault fault = {{0}};
    uint16_t root;
    bool truth = false;
    assert_int_equal(load_as("{\"and\":[{\"merge\":{\"var\":\"l\"}},{\"merge\":{\"var\":\"l\"}}]}",
                             &with, &root, &fault),
                     ST_FOREIGN);
    assert_non_null(strstr(fault.say, "lists that are too long"));
    assert_int_equal(load_as("{\"merge\":[{\"var\":\"r\"},{\"var\":\"q\"}]}", &with, &root, &fault),
                     ST_FOREIGN);
    assert_non_null(strstr(fault.say, "mixes records"));
    /* What is made for one item is gone at the next: 200 times 9 items. */
    assert_int_equal(
        load_as("{\"all\":[{\"var\":\"l\"},{\"merge\":[[1,2,3]]}]}", &with, &root, &fault), ST_OK);
    struct logic_value items[200];
    for (size_t i = 0; i < 200; i += 1) {
        items[i] = logic_text("x", 1);
    }
    struct logic_value scope[3] = {logic_list(items, 200), logic_list(NULL, 0),
                                   logic_list(NULL, 0)};
    assert_int_equal(logic_eval(&pool, root, scope, 3, &truth), ST_OK);
    assert_true(truth);
}

static void overflow_and_division_by_zero_without_facts_are_refused_not_wrapped(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"+\":[922337203685477,1]}",
        "{\"-\":[-922337203685477,1]}",
        "{\"*\":[30370005,30370005]}",
        "{\"/\":[922337203685477,0.5]}",
        "{\"/\":[1,0]}",
        "{\"%\":[1,0]}",
        "{\"+\":[true,1]}",
        "{\"-\":[\"x\",1]}",
        "{\"max\":[\"x\",1]}",
        "{\"==\":[[1],[1]]}",
        "{\"<\":[[1],2]}",
        "{\"in\":[1,\"123\"]}",
        "{\"missing\":[1]}",
        "{\"<\":[\"0x10\",1]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i += 1) {
        uint16_t root;
        struct fault fault = {{0}};
        bool truth = true;
        assert_int_equal(load_as(texts[i], NULL, &root, &fault), ST_OK);
        if (logic_eval(&pool, root, values, FACT_COUNT, &truth) != ST_REFUSED || !truth) {
            fail_msg("%s is not refused", texts[i]);
        }
    }
}

static void texts_are_compared_by_id_and_by_bytes_alike(void **state)
{
    (void)state;
    uint16_t root;
    struct fault fault;
    bool truth;
    const char *text = "{\"==\":[{\"var\":\"member.tier\"},\"gold\"]}";
    assert_int_equal(load_as(text, &facts, &root, &fault), ST_OK);
    static const struct {
        const char *word;
        bool truth;
    } cases[] = {{"gold", true}, {"golf", false}, {"go", false}, {"", false}, {"golden", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i += 1) {
        uint16_t id;
        assert_int_equal(logic_intern(&pool, cases[i].word, strlen(cases[i].word), &id), ST_OK);
        values[TIER] = logic_string(&pool, id);
        assert_int_equal(logic_eval(&pool, root, values, FACT_COUNT, &truth), ST_OK);
        assert_int_equal(truth, cases[i].truth);
        values[TIER] = logic_text(cases[i].word, strlen(cases[i].word));
        assert_int_equal(logic_eval(&pool, root, values, FACT_COUNT, &truth), ST_OK);
        assert_int_equal(truth, cases[i].truth);
    }
}

/* The facts that docs/logic.md uses in its examples. */
static const struct logic_fact page_table[] = {
    {.path = "sale.amount", .kind = LOGIC_NUMBER, .lo = 0, .hi = INT64_C(687194767350000)},
    {.path = "sale.lines",
     .kind = LOGIC_LIST,
     .items_max = 16,
     .fields = line_fields,
     .field_count = 2},
    {.path = "member.tier", .kind = LOGIC_STRING},
    {.path = "member.number", .kind = LOGIC_STRING},
    {.path = "member.tags", .kind = LOGIC_LIST, .items_max = 8},
    {.path = "member.is_new", .kind = LOGIC_BOOL},
    {.path = "member.visits", .kind = LOGIC_NUMBER, .lo = 0, .hi = 655350000},
    {.path = "member.birthday", .kind = LOGIC_STRING, .is_optional = true},
    {.path = "time.hour", .kind = LOGIC_NUMBER, .lo = 0, .hi = 230000},
};
static const struct logic_facts page_facts = {page_table, sizeof page_table / sizeof page_table[0]};

static void every_operator_of_the_page_loads_by_its_example(void **state)
{
    (void)state;
    FILE *page = fopen("docs/logic.md", "r");
    assert_non_null(page);
    char line[1024];
    size_t count = 0;
    while (fgets(line, sizeof line, page) != NULL && strncmp(line, "## Numbers", 10) != 0) {
        char *example = strstr(line, "`{\"");
        char *end = example == NULL ? NULL : strstr(example, "}`");
        if (strncmp(line, "| `", 3) != 0 || end == NULL) {
            continue;
        }
        end[1] = '\0';
        uint16_t root;
        struct fault fault = {{0}};
        if (load_as(example + 1, &page_facts, &root, &fault) != ST_OK) {
            fail_msg("%s: %s", example + 1, fault.say);
        }
        count += 1;
    }
    (void)fclose(page);
    assert_int_equal(count, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(conditions_of_a_rule_hold_or_do_not, empty_pool),
        cmocka_unit_test_setup(what_could_fail_is_refused_with_place_and_operator, empty_pool),
        cmocka_unit_test_setup(the_bytes_in_use_are_the_whole_pool, empty_pool),
        cmocka_unit_test_setup(nesting_beyond_32_is_refused, empty_pool),
        cmocka_unit_test_setup(a_full_pool_refuses_and_keeps_what_it_had, empty_pool),
        cmocka_unit_test_setup(work_and_lists_are_bounded_at_load_or_while_evaluating, empty_pool),
        cmocka_unit_test_setup(lists_share_the_room_of_one_evaluation, empty_pool),
        cmocka_unit_test_setup(overflow_and_division_by_zero_without_facts_are_refused_not_wrapped,
                               empty_pool),
        cmocka_unit_test_setup(every_operator_of_the_page_loads_by_its_example, empty_pool),
        cmocka_unit_test_setup(texts_are_compared_by_id_and_by_bytes_alike, empty_pool),
    };
    return cmocka_run_group_tests_name("logic", tests, NULL, NULL);
}
