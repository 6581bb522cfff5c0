#include "server/serve.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/api.h"
#include "server/ca.h"
#include "server/desk.h"
#include "server/opener.h"
#include "server/serve_cert.h"
#include "server/signer.h"
#include "sync/wire.h"

enum { CONNECTION_BYTES = 32768, PORT_BYTES = 8, DRAINED_BYTES_MAX = 65536 };

struct server {
    struct api *api;           /* of terminals, */
    struct club_api *club_api; /* and screening for the desk: both on the daemon's thread */
    struct desk *desk;
};

/* One request while it is being received. */
struct exchange {
    struct api_request request;
    bool is_club_api, is_too_large;
    size_t held; /* memory at `body` */
    char *body;
    struct MHD_Connection *connection;
    struct desk_job job;
    char allow[32];   /* a kept 405's */
    bool is_answered; /* by the desk, or refused already: the reply is in `job` */
};

/* --- who is it ----------------------------------------------------------------------------- */

/* The number in the certificate's CN, digits only; 0 when it is something else. */
static uint32_t terminal_of(gnutls_x509_crt_t crt)
{
    char name[16];
    size_t size = sizeof name;
    if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) < 0 ||
        size == 0 || size > 7 || strspn(name, "0123456789") != size || name[0] == '0') {
        return 0;
    }
    unsigned long number = strtoul(name, NULL, 10);
    return number <= WIRE_TERMINAL_MAX ? (uint32_t)number : 0;
}

static void identify(struct MHD_Connection *connection, struct api_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned count = 0, verdict = 0;
    gnutls_session_t session = info == NULL ? NULL : info->tls_session;
    const gnutls_datum_t *chain =
        session == NULL ? NULL : gnutls_certificate_get_peers(session, &count);
    request->identity = IDENTITY_NONE;
    if (chain == NULL || count == 0) {
        return;
    }
    request->identity = IDENTITY_BAD;
    gnutls_typed_vdata_st purpose = {GNUTLS_DT_KEY_PURPOSE_OID,
                                     (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT, 0};
    /* One that is not valid yet was given while this clock was ahead. Which ones the club has given
     * is in its books. */
    const unsigned early = GNUTLS_CERT_INVALID | GNUTLS_CERT_NOT_ACTIVATED;
    const unsigned ended = GNUTLS_CERT_INVALID | GNUTLS_CERT_EXPIRED;
    gnutls_x509_crt_t crt = NULL;
    size_t size = sizeof request->fingerprint;
    if (gnutls_certificate_verify_peers(session, &purpose, 1, &verdict) == 0 &&
        (verdict == 0 || verdict == early || verdict == ended) && gnutls_x509_crt_init(&crt) == 0 &&
        gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER) == 0 &&
        gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, request->fingerprint, &size) == 0) {
        request->terminal = terminal_of(crt);
        if (request->terminal != 0) {
            request->identity = verdict == ended ? IDENTITY_ENDED : IDENTITY_VERIFIED;
        }
    }
    if (crt != NULL) {
        gnutls_x509_crt_deinit(crt);
    }
}

/* --- requests ------------------------------------------------------------------------------ */

static enum MHD_Result send_reply(struct MHD_Connection *connection, const struct api_reply *reply)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body_bytes, (void *)(uintptr_t)reply->body, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type",
                                  reply->is_bytes ? "application/octet-stream"
                                                  : "application/json");
    if (reply->is_gzip) {
        (void)MHD_add_response_header(response, "Content-Encoding", "gzip");
    }
    if (reply->allow != NULL) {
        (void)MHD_add_response_header(response, "Allow", reply->allow);
    }
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    if (reply->status == 401) {
        (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    }
    if (reply->status == 429) {
        (void)MHD_add_response_header(response, "Retry-After", "60");
    }
    enum MHD_Result done = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return done;
}

/* One parameter, what came after "?": keeps it while there is room, and counts it. */
static enum MHD_Result note_parameter(void *closure, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct api_request *request = closure;
    (void)kind;
    if (request->parameter_count < API_PARAMETERS_MAX) {
        request->parameters[request->parameter_count] =
            (struct api_parameter){name, value == NULL ? "" : value};
    }
    request->parameter_count++;
    return MHD_YES;
}

/* A refusal that is sent before a small body has come would meet a client that is still writing,
 * and be lost to it: keeps it until the body is there, which is thrown away. */
static bool keep_reply(struct exchange *exchange, const struct api_reply *reply)
{
    struct desk_job *job = &exchange->job;
    job->body = malloc(reply->body_bytes + 1);
    if (job->body == NULL) {
        return false;
    }
    memcpy(job->body, reply->body, reply->body_bytes);
    job->reply = *reply;
    if (reply->allow != NULL) {
        (void)snprintf(exchange->allow, sizeof exchange->allow, "%s", reply->allow);
        job->reply.allow = exchange->allow;
    }
    exchange->is_answered = true;
    return true;
}

static enum MHD_Result begin(struct server *server, struct MHD_Connection *connection,
                             const char *url, const char *method, void **context)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return MHD_NO;
    }
    *context = exchange;
    struct api_request *request = &exchange->request;
    request->method = method;
    request->path = url;
    request->now_s = (int64_t)time(NULL);
    request->content_encoding =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Encoding");
    const char *accepts =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept-Encoding");
    request->accepts_gzip = accepts != NULL && strstr(accepts, "gzip") != NULL;
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    request->announced_bytes = length == NULL ? 0 : strtoull(length, NULL, 10);
    exchange->connection = connection;
    exchange->is_club_api = club_api_has(url);
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, note_parameter, request);
    struct api_reply reply;
    bool may_go_on = false;
    if (exchange->is_club_api) {
        request->authorization =
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
        may_go_on = club_api_screen(server->club_api, request, &reply);
    } else {
        identify(connection, request);
        may_go_on = api_screen(server->api, request, &reply);
    }
    if (may_go_on) {
        return MHD_YES;
    }
    const bool is_drained = exchange->is_club_api && request->announced_bytes <= DRAINED_BYTES_MAX;
    return is_drained && keep_reply(exchange, &reply) ? MHD_YES : send_reply(connection, &reply);
}

static size_t body_max(const struct exchange *exchange)
{
    return exchange->is_club_api ? club_api_body_max(&exchange->request)
                                 : api_body_max(&exchange->request);
}

/* Keeps what arrives, up to the limit. Beyond it nothing is kept, and beyond four times the limit
 * the line is cut: the sender does not read our answer anyway. */
static enum MHD_Result receive(struct exchange *exchange, const char *data, size_t *size)
{
    size_t max = exchange->is_answered ? DRAINED_BYTES_MAX : body_max(exchange);
    size_t total = exchange->request.body_bytes + *size;
    if (total > max) {
        exchange->is_too_large = true;
        exchange->request.body_bytes = total;
        *size = 0;
        return total > 4 * max ? MHD_NO : MHD_YES;
    }
    if (exchange->is_answered) {
        exchange->request.body_bytes = total;
        *size = 0;
        return MHD_YES;
    }
    if (total > exchange->held) {
        size_t held = exchange->held == 0 ? 16384 : exchange->held;
        while (held < total) {
            held *= 2;
        }
        char *body = realloc(exchange->body, held);
        if (body == NULL) {
            return MHD_NO;
        }
        exchange->body = body;
        exchange->held = held;
    }
    memcpy(exchange->body + exchange->request.body_bytes, data, *size);
    exchange->request.body_bytes = total;
    *size = 0;
    return MHD_YES;
}

static void resume(void *context)
{
    struct exchange *exchange = context;
    exchange->is_answered = true;
    MHD_resume_connection(exchange->connection);
}

/* The first time hands the request to the desk, the second sends what the desk says. */
static enum MHD_Result handle_at_desk(struct server *server, struct exchange *exchange)
{
    struct desk_job *job = &exchange->job;
    if (exchange->is_answered) {
        job->reply.body = job->body;
        return job->body == NULL ? MHD_NO : send_reply(exchange->connection, &job->reply);
    }
    *job = (struct desk_job){.request = &exchange->request, .done = resume, .context = exchange};
    MHD_suspend_connection(exchange->connection);
    if (!desk_put(server->desk, job)) {
        resume(exchange); /* the club ends: without an answer */
    }
    return MHD_YES;
}

static enum MHD_Result handle(void *closure, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload_data,
                              size_t *upload_data_size, void **context)
{
    struct server *server = closure;
    struct exchange *exchange = *context;
    struct api_reply reply;
    (void)version;
    if (exchange == NULL) {
        return begin(server, connection, url, method, context);
    }
    if (*upload_data_size != 0) {
        return receive(exchange, upload_data, upload_data_size);
    }
    exchange->request.method = method;
    exchange->request.path = url;
    exchange->request.body = exchange->body == NULL ? "" : exchange->body;
    if (exchange->is_answered) {
        return handle_at_desk(server, exchange);
    }
    if (exchange->is_too_large && exchange->is_club_api) {
        club_api_too_large(server->club_api, &exchange->request, &reply);
    } else if (exchange->is_too_large) {
        api_too_large(server->api, &reply);
    } else if (exchange->is_club_api) {
        return handle_at_desk(server, exchange);
    } else {
        api_answer(server->api, &exchange->request, &reply);
    }
    return send_reply(connection, &reply);
}

static void completed(void *closure, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *context;
    (void)closure;
    (void)connection;
    (void)code;
    if (exchange != NULL) {
        free(exchange->job.body);
        free(exchange->body);
        free(exchange);
        *context = NULL;
    }
}

/* --- the daemon ---------------------------------------------------------------------------- */

static enum st parse_listen(const char *listen, struct addrinfo **ret, struct fault *fault)
{
    char host[64], port[PORT_BYTES];
    const char *colon = strrchr(listen, ':');
    size_t size = colon == NULL ? 0 : (size_t)(colon - listen);
    bool has_brackets = size > 2 && listen[0] == '[' && listen[size - 1] == ']';
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    bool fits = size > 0 && size < sizeof host && strlen(colon + 1) < sizeof port &&
                strlen(colon + 1) == strspn(colon + 1, "0123456789") && colon[1] != '\0';
    if (fits) {
        (void)snprintf(host, sizeof host, "%.*s", (int)(has_brackets ? size - 2 : size),
                       listen + (has_brackets ? 1 : 0));
        (void)snprintf(port, sizeof port, "%s", colon + 1);
        fits = atoi(port) <= 65535 && getaddrinfo(host, port, &hints, ret) == 0;
    }
    if (!fits) {
        fault_say(fault, "--listen %s: give ADDRESS:PORT with numbers, such as 0.0.0.0:8443.",
                  listen);
        return ST_FOREIGN;
    }
    return ST_OK;
}

/* The files that TLS needs, as text. */
struct identity {
    char *ca;
    char *programme_key, *member_key; /* public */
    struct box_key *opener;           /* the private half of member_key; NULL: kept elsewhere */
};

static enum st identity_load(const char *dir, struct identity *ret, struct fault *fault)
{
    size_t size = 0;
    enum st st = file_load(dir, "ca.pem", &ret->ca, &size, fault);
    if (st == ST_OK) {
        st = signer_public(dir, &ret->programme_key, fault);
    }
    if (st == ST_OK) {
        st = opener_public(dir, &ret->member_key, fault);
    }
    if (st == ST_OK) {
        st = opener_load(dir, &ret->opener, fault);
    }
    return st;
}

static struct MHD_Daemon *start(struct server *server, const struct identity *identity,
                                const struct addrinfo *address)
{
    /* With epoll the library asks a peer in the middle of its handshake over and over, without
     * waiting: five bytes from anybody cost a core for SERVE_IDLE_S. */
    unsigned flags = MHD_USE_TLS | MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (address->ai_family == AF_INET6) {
        flags |= MHD_USE_IPv6;
    }
    return MHD_start_daemon(
        flags, 0, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_HTTPS_CERT_CALLBACK, serve_cert_get, MHD_OPTION_HTTPS_MEM_TRUST, identity->ca,
        MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVE_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SERVE_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
}

/* The club's own certificates, renewed when it is time. Trouble with that ends nothing: they have
 * two months left, and it is tried again. */
static void tend(const struct serve_config *config)
{
    struct fault fault = {""};
    bool is_new = false;
    enum st st = ca_make(config->dir, config->hosts, config->host_count, &fault);
    if (st == ST_OK) {
        st = serve_cert_load(config->dir, &is_new, &fault);
    }
    if (st != ST_OK) {
        fprintf(stderr, "vafa-club: certificates: %s\n", fault.say);
    } else if (is_new) {
        fprintf(stderr, "vafa-club: the server shows a new certificate.\n");
    }
}

static void wait_for_end(const struct serve_config *config, const sigset_t *signals)
{
    const struct timespec time = {.tv_sec = SERVE_TEND_S};
    int signal_no = 0;
    while (signal_no != SIGTERM && signal_no != SIGINT) {
        signal_no = sigtimedwait(signals, NULL, &time);
        if (signal_no == SIGHUP || (signal_no < 0 && errno == EAGAIN)) {
            tend(config);
        }
    }
    fprintf(stderr, "vafa-club: %s: finishing.\n", strsignal(signal_no));
}

enum st serve(const struct serve_config *config, struct fault *fault)
{
    const char *dir = config->dir, *listen = config->listen;
    bool is_new = false;
    char path[PATH_MAX];
    struct db *db = NULL;
    struct server server = {0};
    struct identity identity = {0};
    struct addrinfo *address = NULL;
    struct MHD_Daemon *daemon = NULL;
    struct signer *signer = NULL;
    sigset_t signals;
    /* Blocked before the thread exists, so that only sigwait() gets them. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)snprintf(path, sizeof path, "%s/club.db", dir);
    enum st st = parse_listen(listen, &address, fault);
    if (st == ST_OK) {
        st = db_open(path, false, &db, fault);
    }
    if (st == ST_OK) {
        st = identity_load(dir, &identity, fault);
    }
    if (st == ST_OK) {
        st = serve_cert_load(dir, &is_new, fault);
    }
    if (st == ST_OK) {
        /* Without the private key the club serves all the same; what must be sealed waits. */
        st = signer_open(dir, NULL, &signer, fault);
        st = st == ST_REFUSED ? ST_OK : st;
    }
    if (st == ST_OK) {
        st = api_open(db, identity.ca, identity.programme_key, signer, &server.api, fault);
    }
    if (st == ST_OK) {
        api_use_member_key(server.api, identity.member_key, identity.opener);
        st = api_use_folder(server.api, dir, fault);
    }
    if (st == ST_OK) {
        st = club_api_open(db, dir, signer, &server.club_api, fault);
    }
    if (st == ST_OK) {
        st = desk_open(dir, &server.desk, fault);
    }
    if (st == ST_OK) {
        daemon = start(&server, &identity, address);
        if (daemon == NULL) {
            fault_say(fault, "Cannot listen at %s: %s.", listen, strerror(errno));
            st = ST_IO;
        }
    }
    if (st == ST_OK) {
        fprintf(stderr, "vafa-club: ready at https://%s\n", listen);
        wait_for_end(config, &signals);
        /* No new connections; what the desk has is answered, so that none is left suspended. */
        const MHD_socket listening = MHD_quiesce_daemon(daemon);
        desk_end(server.desk);
        MHD_stop_daemon(daemon);
        if (listening != MHD_INVALID_SOCKET) {
            (void)close(listening);
        }
    }
    desk_close(server.desk);
    club_api_close(server.club_api);
    api_close(server.api);
    signer_close(signer);
    db_close(db);
    serve_cert_close();
    free(identity.ca);
    free(identity.programme_key);
    free(identity.member_key);
    box_key_free(identity.opener);
    if (address != NULL) {
        freeaddrinfo(address);
    }
    return st;
}
