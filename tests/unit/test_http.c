/* test_http.c - the parser of answers: whole, cut at every byte, split at every byte, and hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/http.h"

enum { BODY_MAX = 64 };

static struct http_answer answer;
static uint8_t body[BODY_MAX];

/* Feeds a copy that is exactly as long as it says. */
static enum st feed(const char *bytes, size_t size, size_t *ret_used)
{
    struct fault fault = {""};
    uint8_t *copy = malloc(size + 1);
    memcpy(copy, bytes, size);
    enum st st = http_answer_feed(&answer, copy, size, ret_used, &fault);
    free(copy);
    assert_true(st == ST_OK || st == ST_AGAIN || strlen(fault.say) > 10);
    return st;
}

static enum st parse(const char *text, size_t size, size_t *ret_used)
{
    http_answer_init(&answer, body, sizeof body);
    return feed(text, size, ret_used);
}

#define HEAD "HTTP/1.1 200 OK\r\n"

/* Each is whole, with the body "hello, club" unless it says otherwise. */
static const struct {
    const char *text, *body;
    int status;
    bool is_last, is_gzip;
    int retry_after_s;
} good[] = {
    {HEAD "Content-Length: 11\r\n\r\nhello, club", "hello, club", 200, false, false, 0},
    {"HTTP/1.1 503\r\ncontent-length:11 \t\r\nRetry-After: 30\r\n\r\nhello, club", "hello, club",
     503, false, false, 30},
    {"HTTP/1.0 200 fine by me\r\nContent-Length: 11\r\n\r\nhello, club", "hello, club", 200, true,
     false, 0},
    {"HTTP/1.0 200 OK\r\nConnection: x, Keep-Alive\r\nContent-Length: 0\r\n\r\n", "", 200, false,
     false, 0},
    {HEAD "Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "abc", 200,
     true, true, 0},
    {HEAD
     "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=\"y\"\r\n,\r\n05\r\n club\r\n0\r\n\r\n",
     "hello, club", 200, false, false, 0},
    {HEAD
     "Transfer-Encoding: Chunked\r\n\r\nB\r\nhello, club\r\n000\r\nContent-Length: 5\r\nX: y\r\n"
     "\r\n",
     "hello, club", 200, false, false, 0},
    {"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" HEAD "Content-Length: 11\r\n\r\nhello, club",
     "hello, club", 200, false, false, 0},
    {HEAD
     "X-Empty:\r\nX: \xd9\x88\xd9\x81\xd8\xa7\r\nContent-Length: 011\r\nRetry-After: soon\r\n\r\n"
     "hello, club",
     "hello, club", 200, false, false, 0},
    {HEAD "Retry-After: 99999999999999999999\r\nContent-Length: 64\r\n\r\n"
          "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 200, false, false, 3600},
};
enum { GOOD = sizeof good / sizeof good[0] };

static void check_good(size_t i)
{
    assert_int_equal(answer.status, good[i].status);
    assert_int_equal(answer.is_last, good[i].is_last);
    assert_int_equal(answer.is_gzip, good[i].is_gzip);
    assert_int_equal(answer.retry_after_s, good[i].retry_after_s);
    assert_int_equal(answer.body_bytes, strlen(good[i].body));
    assert_memory_equal(body, good[i].body, answer.body_bytes);
}

static void a_whole_answer_is_read_and_the_bytes_behind_it_are_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOOD; i += 1) {
        size_t used = 0;
        size_t size = strlen(good[i].text);
        char text[1000];
        assert_int_equal(parse(good[i].text, size, &used), ST_OK);
        assert_int_equal(used, size);
        check_good(i);
        (void)snprintf(text, sizeof text, "%sHTTP/1.1", good[i].text);
        assert_int_equal(parse(text, strlen(text), &used), ST_OK);
        assert_int_equal(used, size);
    }
}

static void an_answer_cut_at_any_byte_is_not_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOOD; i += 1) {
        for (size_t size = 0; size < strlen(good[i].text); size += 1) {
            size_t used = 0;
            assert_int_equal(parse(good[i].text, size, &used), ST_AGAIN);
            assert_int_equal(used, size);
        }
    }
}

static void an_answer_split_at_any_two_bytes_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOOD; i += 1) {
        const char *text = good[i].text;
        size_t size = strlen(text);
        for (size_t a = 0; a < size; a += 1) {
            for (size_t b = a; b < size; b += 1) {
                size_t used = 0;
                http_answer_init(&answer, body, sizeof body);
                assert_int_equal(feed(text, a, &used), ST_AGAIN);
                assert_int_equal(feed(text + a, b - a, &used), ST_AGAIN);
                assert_int_equal(feed(text + b, size - b, &used), ST_OK);
                check_good(i);
            }
        }
    }
}

static void what_is_not_our_http_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n",
        "HTTP/2 200 OK\r\n",
        "HTTP/1.2 200 OK\r\n",
        "HTTP/1.1  200 OK\r\n",
        "HTTP/1.1 20 OK\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "HTTP/1.1 099 OK\r\n",
        "HTTP/1.1 101 Switching\r\n",
        "HTTP/1.1 600 OK\r\n",
        "http/1.1 200 OK\r\n",
        "ICY 200 OK\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\n",
        "HTTP/1.1 200 O\rK\r\n",
        "HTTP/1.1 200 O\x01K\r\n",
        "HTTP/1.1 200 O\x7fK\r\n",
        "<html>\r\n",
        HEAD "\r\n",
        HEAD ": x\r\n",
        HEAD "X\r\n",
        HEAD "X : y\r\n",
        HEAD " X: y\r\n",
        HEAD "X: a\r\n b\r\n",
        HEAD "X: a\nY: b\r\n",
        HEAD "X(: a\r\n",
        HEAD "Content-Length: 1\r\nContent-Length: 1\r\n",
        HEAD "Content-Length:\r\n",
        HEAD "Content-Length: -1\r\n",
        HEAD "Content-Length: +1\r\n",
        HEAD "Content-Length: 1 1\r\n",
        HEAD "Content-Length: 0x1\r\n",
        HEAD "Content-Length: 1,1\r\n",
        HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        HEAD "Transfer-Encoding: gzip, chunked\r\n",
        HEAD "Transfer-Encoding: identity\r\n",
        HEAD "Content-Encoding: br\r\n",
        HEAD "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\ng\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n0x1\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n 1\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n000000001\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n1\nx",
        HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i += 1) {
        size_t used = 0;
        enum st st = parse(bad[i], strlen(bad[i]), &used);
        if (st != ST_FOREIGN) {
            fail_msg("%s: %s", bad[i], st_word(st));
        }
    }
    size_t used = 0;
    assert_int_equal(parse("HTTP/1.1 200\0 OK\r\n", 18, &used), ST_FOREIGN);
    print_message("# %zu refused\n", sizeof bad / sizeof bad[0] + 1);
}

static void what_is_too_large_is_refused_before_it_is_stored(void **state)
{
    (void)state;
    static const char *const large[] = {
        HEAD "Content-Length: 65\r\n",
        HEAD "Content-Length: 18446744073709551617\r\n",
        HEAD "Content-Length: 99999999999999999999999999999999999999\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n41\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n40\r\n",
    };
    size_t used = 0;
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i += 1) {
        if (parse(large[i], strlen(large[i]), &used) != ST_FULL) {
            fail_msg("%s", large[i]);
        }
    }
}

/* A peer that never comes to an end. */
static void endless_heads_are_bounded(void **state)
{
    (void)state;
    static const char *const endless[] = {"x", "HTTP/1.1 100 Continue\r\n\r\n", "X: y\r\n",
                                          "1\r\nx\r\n"};
    static const char *const before[] = {"", "", HEAD, HEAD "Transfer-Encoding: chunked\r\n\r\n"};
    for (size_t i = 0; i < 4; i += 1) {
        size_t used = 0;
        size_t total = 0;
        enum st st = parse(before[i], strlen(before[i]), &used);
        while (st == ST_AGAIN && total < 1000000) {
            st = feed(endless[i], strlen(endless[i]), &used);
            total += strlen(endless[i]);
        }
        assert_int_equal(st, ST_FULL);
        assert_true(total < HTTP_HEAD_MAX + HTTP_LINE_MAX);
    }
}

static void any_byte_changed_never_leaves_the_bounds(void **state)
{
    (void)state;
    size_t verdicts[ST_UNSUPPORTED + 1] = {0};
    for (size_t i = 0; i < GOOD; i += 1) {
        char text[1000];
        size_t size = strlen(good[i].text);
        for (size_t at = 0; at < size; at += 1) {
            for (unsigned value = 0; value < 256; value += 1) {
                size_t used = 0;
                memcpy(text, good[i].text, size);
                text[at] = (char)value;
                enum st st = parse(text, size, &used);
                assert_true(answer.body_bytes <= BODY_MAX);
                verdicts[st] += 1;
            }
        }
    }
    size_t total = 0;
    for (size_t st = 0; st <= ST_UNSUPPORTED; st += 1) {
        total += verdicts[st];
    }
    assert_int_equal(total, verdicts[ST_OK] + verdicts[ST_AGAIN] + verdicts[ST_FOREIGN] +
                                verdicts[ST_FULL]);
    assert_true(verdicts[ST_FOREIGN] > 1000 && verdicts[ST_OK] > 1000);
}

static void a_request_head_is_what_rfc_9112_asks(void **state)
{
    (void)state;
    char head[HTTP_REQUEST_HEAD_MAX];
    size_t size = http_request_head("club.example:8443", "/v1/sync", 1234, true, head);
    assert_int_equal(size, strlen(head));
    assert_string_equal(head, "POST /v1/sync HTTP/1.1\r\nHost: club.example:8443\r\n"
                              "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
                              "Accept-Encoding: gzip\r\nContent-Length: 1234\r\n\r\n");
    char host[HTTP_HOST_MAX + 1];
    memset(host, 'h', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    assert_true(http_request_head(host, "/v1/enrol", SIZE_MAX, true, head) < sizeof head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_answer_is_read_and_the_bytes_behind_it_are_left),
        cmocka_unit_test(an_answer_cut_at_any_byte_is_not_whole),
        cmocka_unit_test(an_answer_split_at_any_two_bytes_is_the_same),
        cmocka_unit_test(what_is_not_our_http_is_refused),
        cmocka_unit_test(what_is_too_large_is_refused_before_it_is_stored),
        cmocka_unit_test(endless_heads_are_bounded),
        cmocka_unit_test(any_byte_changed_never_leaves_the_bounds),
        cmocka_unit_test(a_request_head_is_what_rfc_9112_asks),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
