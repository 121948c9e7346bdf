/* How connections are made: addresses, proxies, sockets, TLS; all by curl. */

#include "io/http_private.h"

#include "core/assert.h"
#include "obs/controller_metrics.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

enum {
    /*
     * C12: a peer that vanished is found by the kernel. Nothing acknowledged for 30 s ends the
     * connection; an idle one is asked after 15 s, then every 5 s (the API server's own HTTP/2
     * clients allow 45 s in all).
     */
    UNACKNOWLEDGED_MAXIMUM_MS = 30000,
    KEEPALIVE_IDLE_SECONDS = 15,
    KEEPALIVE_INTERVAL_SECONDS = 5,
};

#define SET(easy, option, value) REQUIRE(curl_easy_setopt((easy), (option), (value)) == CURLE_OK)

static void set_number(curl_socket_t fd, int level, int name, int value)
{
    /* Without it the idle detector still ends a dead watch, only later. */
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

static int tune_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    struct http *http = context;
    if (purpose == CURLSOCKTYPE_IPCXN) {
        http->counters.connections++;
        if (http->options.metrics) {
            metric_add(http->options.metrics->connections, NO_LABELS, 1);
        }
        int limit_ms = http->options.unacknowledged_ms;
        set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                   limit_ms > 0 ? limit_ms : UNACKNOWLEDGED_MAXIMUM_MS);
        set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
        set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
    }
    return CURL_SOCKOPT_OK;
}

void http_curl_set_connection(CURL *easy, struct http *http)
{
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_PIPEWAIT, 1L); /* wait for a connection being made rather than add one */
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)http_connect_ms(http));
    SET(easy, CURLOPT_SOCKOPTFUNCTION, tune_socket);
    SET(easy, CURLOPT_SOCKOPTDATA, http);
    SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (http->connect_to) {
        SET(easy, CURLOPT_CONNECT_TO, http->connect_to);
    }
}

static void set_blob(CURL *easy, CURLoption option, const char *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    struct curl_blob blob = {.len = size, .flags = CURL_BLOB_COPY};
    memcpy(&blob.data, &bytes, sizeof(bytes)); /* curl copies it and leaves it as it is */
    SET(easy, option, &blob);
}

void http_curl_set_security(CURL *easy, struct http *http, const struct credential *credential)
{
    const struct access *access = http->options.access;
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (access->insecure) {
        SET(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        SET(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    set_blob(easy, CURLOPT_CAINFO_BLOB, credential->authority, credential->authority_size);
    set_blob(easy, CURLOPT_SSLCERT_BLOB, credential->certificate, credential->certificate_size);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, credential->key, credential->key_size);
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    if (access->proxy_url) {
        SET(easy, CURLOPT_PROXY, access->proxy_url);
    }
}

/* ---- Connections for HTTP/2 ---- */

/* Where a TLS context keeps its dial. */
static int dial_index(void)
{
    static int index = -1;
    if (index < 0) {
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
        REQUIRE(index >= 0);
    }
    return index;
}

static void note_protocol(const SSL *ssl, int where, int value)
{
    (void)value;
    struct http_dial *dial = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), dial_index());
    if (!dial || !(where & SSL_CB_HANDSHAKE_DONE)) {
        return;
    }
    const unsigned char *name = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &name, &size);
    dial->speaks_http2 = size == 2 && memcmp(name, "h2", 2) == 0;
    dial->is_nested = dial->is_nested || (dial->tls && dial->tls != ssl);
    dial->tls = ssl;
}

/*
 * Curl offers protocols only for its own use, so it is told to offer none, and they are set here.
 * The two modes let what a full socket did not take be given again from another place in memory;
 * reading ahead takes several records with one call to the kernel.
 */
static CURLcode set_up_tls(CURL *easy, void *context, void *dial)
{
    static const unsigned char protocols[] = "\2h2\10http/1.1";
    (void)easy;
    SSL_CTX *tls = context;
    if (SSL_CTX_set_alpn_protos(tls, protocols, sizeof(protocols) - 1) != 0 ||
        SSL_CTX_set_ex_data(tls, dial_index(), dial) != 1) {
        return CURLE_OUT_OF_MEMORY;
    }
    SSL_CTX_set_info_callback(tls, note_protocol);
    (void)SSL_CTX_set_mode(tls,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(tls, 1);
    return CURLE_OK;
}

bool http_dial_open(struct http_dial *dial, const struct credential *credential)
{
    struct http *http = dial->http;
    CURL *easy = curl_easy_init();
    REQUIRE(easy);
    if (curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, set_up_tls) != CURLE_OK) {
        curl_easy_cleanup(easy);
        return false;
    }
    dial->transfer.easy = easy;
    dial->speaks_http2 = false;
    dial->tls = NULL;
    dial->is_nested = false;
    dial->message[0] = '\0';
    SET(easy, CURLOPT_SSL_CTX_DATA, dial);
    SET(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_CONNECT_ONLY, 1L);
    SET(easy, CURLOPT_URL, http->base_url);
    SET(easy, CURLOPT_ERRORBUFFER, dial->message);
    SET(easy, CURLOPT_PRIVATE, &dial->transfer);
    SET(easy, CURLOPT_FRESH_CONNECT, 1L);
    http_curl_set_connection(easy, http);
    http_curl_set_security(easy, http, credential);
    curl_loop_add(http->curl, easy);
    return true;
}

bool http_dial_holds_bytes(const struct http_dial *dial)
{
    return dial->is_nested || SSL_has_pending(dial->tls) == 1;
}

void http_dial_close(struct http_dial *dial)
{
    struct http *http = dial->http;
    if (!dial->transfer.easy) {
        return;
    }
    curl_loop_remove(http->curl, dial->transfer.easy);
    curl_easy_cleanup(dial->transfer.easy);
    dial->transfer.easy = NULL;
}
