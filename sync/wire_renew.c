/* The bodies of /v1/renew (wire.h). */
#include "sync/wire_priv.h"

enum st wire_renew_encode(const struct wire_renew *renew, char *ret_text, size_t max,
                          size_t *ret_size)
{
    assert(renew->terminal >= 1 && renew->terminal <= WIRE_TERMINAL_MAX);
    assert(renew->csr[0] != '\0');
    return wire_dump(json_pack("{s:i, s:I, s:s}", "v", WIRE_VERSION, "terminal",
                               (json_int_t)renew->terminal, "csr", renew->csr),
                     ret_text, max, ret_size);
}

enum st wire_renew_decode(const char *text, size_t size, struct wire_renew *ret,
                          struct fault *fault)
{
    json_t *root = NULL;
    enum st st = wire_load(text, size, WIRE_REQUEST_MAX, &root, fault);
    if (st != ST_OK) {
        return st;
    }
    st = wire_read_number(root, "terminal", 1, WIRE_TERMINAL_MAX, &ret->terminal, fault);
    if (st == ST_OK) {
        st = wire_read_text(root, "csr", 1, WIRE_PEM_MAX, ret->csr, fault);
    }
    json_decref(root);
    return st;
}

enum st wire_renew_answer_encode(const struct wire_renew_answer *answer, char *ret_text, size_t max,
                                 size_t *ret_size)
{
    assert(answer->certificate[0] != '\0' && answer->ca[0] != '\0');
    return wire_dump(json_pack("{s:i, s:s, s:s}", "v", WIRE_VERSION, "certificate",
                               answer->certificate, "ca", answer->ca),
                     ret_text, max, ret_size);
}

enum st wire_renew_answer_decode(const char *text, size_t size, struct wire_renew_answer *ret,
                                 struct fault *fault)
{
    json_t *root = NULL;
    enum st st = wire_load(text, size, WIRE_ANSWER_MAX, &root, fault);
    if (st != ST_OK) {
        return st;
    }
    st = wire_read_text(root, "certificate", 1, WIRE_PEM_MAX, ret->certificate, fault);
    if (st == ST_OK) {
        st = wire_read_text(root, "ca", 1, WIRE_PEM_MAX, ret->ca, fault);
    }
    json_decref(root);
    return st;
}
