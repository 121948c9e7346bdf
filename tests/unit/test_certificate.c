/* TLS of webhooks: what is served with, when it changes, and who speaks something else. */

#include "unit/test_serve_fixture.h"

#include "core/text.h"
#include "io/certificate.h"
#include "io/serve.h"

#include <errno.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <time.h>

enum { DAY = 24 * 60 * 60, PATH_SIZE = 256, NAME_SIZE = 128 };

/* ---- A Secret as the kubelet mounts it: DIR/tls.crt -> ..data/tls.crt, ..data -> a folder ---- */

struct mount {
    char folder[PATH_SIZE];
    char certificate[PATH_SIZE];
    char key[PATH_SIZE];
    int generation;
};

static void write_certificate(const char *path, EVP_PKEY *key, const char *name, long seconds)
{
    X509 *made = X509_new();
    (void)X509_set_version(made, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(made), -2L * DAY);
    (void)X509_gmtime_adj(X509_getm_notAfter(made), seconds);
    (void)X509_set_pubkey(made, key);
    X509_NAME *subject = X509_get_subject_name(made);
    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                     -1, 0);
    (void)X509_set_issuer_name(made, subject);
    assert_true(X509_sign(made, key, EVP_sha256()) > 0);
    FILE *file = fopen(path, "w");
    assert_int_equal(PEM_write_X509(file, made), 1);
    (void)fclose(file);
    X509_free(made);
}

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(file);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    (void)fputs(text, file);
    (void)fclose(file);
}

static void print_path(char path[PATH_SIZE], const struct mount *mount, const char *rest)
{
    (void)snprintf(path, PATH_SIZE, "%.128s/%.100s", mount->folder, rest);
}

/* Swaps all of it at once, as the kubelet does. `break_with` writes something wrong before. */
static void renew(struct mount *mount, const char *name, long seconds,
                  void (*break_with)(const char *certificate, const char *key))
{
    char generation[32];
    char path[PATH_SIZE];
    char link[PATH_SIZE];
    char certificate[PATH_SIZE + 16];
    char key_path[PATH_SIZE + 16];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    (void)snprintf(generation, sizeof(generation), "..%d", ++mount->generation);
    print_path(path, mount, generation);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(certificate, sizeof(certificate), "%s/tls.crt", path);
    (void)snprintf(key_path, sizeof(key_path), "%s/tls.key", path);
    write_certificate(certificate, key, name, seconds);
    write_key(key_path, key);
    EVP_PKEY_free(key);
    if (break_with) {
        break_with(certificate, key_path);
    }
    print_path(path, mount, "..new");
    print_path(link, mount, "..data");
    assert_int_equal(symlink(generation, path), 0);
    assert_int_equal(rename(path, link), 0);
}

static void make_mount(struct mount *mount, const char *name, long seconds,
                       void (*break_with)(const char *certificate, const char *key))
{
    *mount = (struct mount){.folder = "/tmp/tidemill-certificate-XXXXXX"};
    assert_non_null(mkdtemp(mount->folder));
    renew(mount, name, seconds, break_with);
    print_path(mount->certificate, mount, "tls.crt");
    print_path(mount->key, mount, "tls.key");
    assert_int_equal(symlink("..data/tls.crt", mount->certificate), 0);
    assert_int_equal(symlink("..data/tls.key", mount->key), 0);
}

static void remove_mount(const struct mount *mount)
{
    char command[PATH_SIZE + 16];
    (void)snprintf(command, sizeof(command), "rm -r '%s'", mount->folder);
    assert_int_equal(system(command), 0);
}

/* ---- What can be wrong ---- */

static void without_certificate(const char *certificate, const char *key)
{
    (void)key;
    assert_int_equal(unlink(certificate), 0);
}

static void without_key(const char *certificate, const char *key)
{
    (void)certificate;
    assert_int_equal(unlink(key), 0);
}

static void with_text_as_certificate(const char *certificate, const char *key)
{
    (void)key;
    write_text(certificate, "hello\n");
}

static void with_text_as_key(const char *certificate, const char *key)
{
    (void)certificate;
    write_text(key, "-----BEGIN PRIVATE KEY-----\nhello\n-----END PRIVATE KEY-----\n");
}

static void with_nothing(const char *certificate, const char *key)
{
    write_text(certificate, "");
    write_text(key, "");
}

static void with_another_key(const char *certificate, const char *key)
{
    (void)certificate;
    EVP_PKEY *other = EVP_EC_gen("P-256");
    write_key(key, other);
    EVP_PKEY_free(other);
}

struct wrong_row {
    const char *sentence;
    void (*break_with)(const char *certificate, const char *key);
    enum error_kind kind;
    const char *file; /* that the message names */
    const char *says;
};

static const struct wrong_row wrong[] = {
    {"no certificate", without_certificate, ERROR_NOT_FOUND, "tls.crt",
     "No such file or directory"},
    {"no key", without_key, ERROR_NOT_FOUND, "tls.key", "No such file or directory"},
    {"no PEM as a certificate", with_text_as_certificate, ERROR_INVALID, "tls.crt",
     "has no certificates in PEM form"},
    {"no key in its PEM", with_text_as_key, ERROR_INVALID, "tls.key", "has no private key"},
    {"empty files", with_nothing, ERROR_INVALID, "tls.crt", "has no certificates in PEM form"},
    {"the key of another one", with_another_key, ERROR_INVALID, "tls.key",
     "is not that of the first certificate in"},
};

static void what_can_t_be_served_with_is_said_at_the_start(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    struct error error = {0};
    assert_true(result_is_ok(loop_open(&loop, &error)));
    for (size_t at = 0; at < COUNT_OF(wrong); at++) {
        struct mount mount;
        struct certificate *certificate = NULL;
        make_mount(&mount, "one", DAY, wrong[at].break_with);
        struct result result = certificate_open(loop, mount.certificate, mount.key, &certificate,
                                                &error);
        if (result.kind != wrong[at].kind || !strstr(error.message, wrong[at].file) ||
            !strstr(error.message, wrong[at].says)) {
            fail_msg("%s: %s", wrong[at].sentence, error.message);
        }
        assert_null(certificate);
        remove_mount(&mount);
    }
    (void)loop_close(loop);
}

static void one_that_has_expired_is_served_with_and_its_time_is_told(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    struct mount mount;
    struct certificate *certificate = NULL;
    struct error error = {0};
    assert_true(result_is_ok(loop_open(&loop, &error)));
    make_mount(&mount, "old", -DAY, NULL);
    assert_true(
        result_is_ok(certificate_open(loop, mount.certificate, mount.key, &certificate, &error)));
    int64_t left = certificate_numbers(certificate).expires_unix - (int64_t)time(NULL);
    assert_in_range(left + 2 * DAY, DAY - 60, DAY + 60);
    (void)certificate_close(certificate);
    remove_mount(&mount);
    (void)loop_close(loop);
}

/* ---- A server ---- */

struct world {
    struct loop *loop;
    struct mount mount;
    struct certificate *certificate;
    struct serve *serve;
    struct loop_timer *timer;
    void (*break_with)(const char *certificate, const char *key); /* of the next renewal */
};

static enum MHD_Result answer_fine(void *context, struct MHD_Connection *connection,
                                   const char *path, const char *method, const char *version,
                                   const char *upload, size_t *upload_size, void **request)
{
    static char seen;
    static char text[] = "fine";
    struct world *world = context;
    (void)method;
    (void)version;
    (void)upload;
    if (!*request || *upload_size > 0) {
        *request = &seen;
        *upload_size = 0;
        return MHD_YES;
    }
    if (text_equal(path, "/renew")) {
        renew(&world->mount, "two", 2L * DAY, world->break_with);
        certificate_check(world->certificate);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(4, text,
                                                                    MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static int set_up(void **state)
{
    static struct world world;
    struct error error = {0};
    world = (struct world){0};
    assert_true(result_is_ok(loop_open(&world.loop, &error)));
    make_mount(&world.mount, "one", DAY, NULL);
    assert_true(result_is_ok(certificate_open(world.loop, world.mount.certificate, world.mount.key,
                                              &world.certificate, &error)));
    const struct serve_options options = {.loop = world.loop,
                                          .address = "127.0.0.1:0",
                                          .handle = answer_fine,
                                          .context = &world,
                                          .connections = 64,
                                          .connections_per_peer = 64,
                                          .connection_memory = 16 * 1024,
                                          .timeout_seconds = 30,
                                          .first_request_seconds = 2,
                                          .request_seconds = 10,
                                          .certificate = world.certificate};
    if (!result_is_ok(serve_open(&options, &world.serve, &error))) {
        fail_msg("%s", error.message);
    }
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    world->serve = serve_close(world->serve);
    world->certificate = certificate_close(world->certificate);
    remove_mount(&world->mount);
    world->loop = loop_close(world->loop);
    return 0;
}

static char *talk(struct world *world, fixture_client client, const void *context)
{
    return fixture_talk(world->loop, serve_port(world->serve), client, context);
}

/* ---- Clients, by OpenSSL ---- */

struct tls {
    int fd;
    SSL_CTX *settings;
    SSL *session;
    bool is_open;
};

static struct tls open_tls(uint16_t port, int least, int most)
{
    struct tls tls = {.fd = fixture_connect(port, 20),
                      .settings = SSL_CTX_new(TLS_client_method())};
    SSL_CTX_set_security_level(tls.settings, 0); /* so that old versions are offered at all */
    (void)SSL_CTX_set_min_proto_version(tls.settings, least);
    (void)SSL_CTX_set_max_proto_version(tls.settings, most);
    tls.session = SSL_new(tls.settings);
    (void)SSL_set_fd(tls.session, tls.fd);
    tls.is_open = SSL_connect(tls.session) == 1;
    return tls;
}

static void close_tls(struct tls *tls)
{
    SSL_free(tls->session);
    SSL_CTX_free(tls->settings);
    (void)close(tls->fd);
}

/* "NAME VERSION STATUS-LINE" */
static void ask_over(struct tls *tls, const char *path, FILE *out)
{
    char request[256];
    char answer[1024] = "";
    char name[NAME_SIZE] = "";
    int size = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    if (!tls->is_open || SSL_write(tls->session, request, size) != size) {
        (void)fprintf(out, "no answer\n");
        return;
    }
    int got = 0;
    while (!strstr(answer, "fine")) {
        int count = SSL_read(tls->session, answer + got, (int)sizeof(answer) - 1 - got);
        if (count <= 0) {
            break;
        }
        got += count;
        answer[got] = '\0';
    }
    X509 *certificate = SSL_get1_peer_certificate(tls->session);
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                    NAME_SIZE);
    X509_free(certificate);
    answer[strcspn(answer, "\r")] = '\0';
    (void)fprintf(out, "%s %s %s\n", name, SSL_get_version(tls->session), answer);
}

static void ask_with_version(uint16_t port, const void *context, FILE *out)
{
    const int *version = context;
    struct tls tls = open_tls(port, *version, *version);
    ask_over(&tls, "/", out);
    close_tls(&tls);
}

struct version_row {
    int version;
    const char *told;
};

static void tls_is_1_2_or_newer(void **state)
{
    static const struct version_row rows[] = {
        {TLS1_3_VERSION, "one TLSv1.3 HTTP/1.1 200 OK\n"},
        {TLS1_2_VERSION, "one TLSv1.2 HTTP/1.1 200 OK\n"},
        {TLS1_1_VERSION, "no answer\n"},
        {TLS1_VERSION, "no answer\n"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char *told = talk(*state, ask_with_version, &rows[at].version);
        assert_string_equal(told, rows[at].told);
        (void)memory_free(told);
    }
}

/* A connection from before goes on after the renewal, and a new one has the new certificate. */
static void ask_around_renewal(uint16_t port, const void *context, FILE *out)
{
    (void)context;
    struct tls before = open_tls(port, TLS1_2_VERSION, TLS1_3_VERSION);
    ask_over(&before, "/", out);
    ask_over(&before, "/renew", out);
    struct tls after = open_tls(port, TLS1_2_VERSION, TLS1_3_VERSION);
    ask_over(&after, "/", out);
    ask_over(&before, "/", out);
    close_tls(&before);
    close_tls(&after);
}

static void a_renewed_certificate_is_taken_and_no_connection_dropped(void **state)
{
    struct world *world = *state;
    int64_t before = certificate_numbers(world->certificate).expires_unix;
    char *told = talk(world, ask_around_renewal, NULL);
    assert_string_equal(told, "one TLSv1.3 HTTP/1.1 200 OK\none TLSv1.3 HTTP/1.1 200 OK\n"
                              "two TLSv1.3 HTTP/1.1 200 OK\none TLSv1.3 HTTP/1.1 200 OK\n");
    (void)memory_free(told);
    struct certificate_numbers numbers = certificate_numbers(world->certificate);
    assert_int_equal(numbers.loaded, 1);
    assert_int_equal(numbers.failed, 0);
    assert_in_range(numbers.expires_unix - before, DAY - 60, DAY + 60);
}

static void a_renewal_that_is_wrong_keeps_the_one_before(void **state)
{
    struct world *world = *state;
    for (size_t at = 0; at < COUNT_OF(wrong); at++) {
        world->break_with = wrong[at].break_with;
        char *told = talk(world, ask_around_renewal, NULL);
        assert_null(strstr(told, "two"));
        assert_null(strstr(told, "no answer"));
        (void)memory_free(told);
        certificate_check(world->certificate); /* it is not told again and again */
        assert_int_equal(certificate_numbers(world->certificate).failed, at + 1);
    }
    world->break_with = NULL;
    char *told = talk(world, ask_around_renewal, NULL);
    assert_non_null(strstr(told, "two"));
    (void)memory_free(told);
    assert_int_equal(certificate_numbers(world->certificate).loaded, 1);
}

static void change_on_the_disk(void *context)
{
    struct world *world = context;
    world->timer = NULL;
    renew(&world->mount, "two", 2L * DAY, NULL);
}

static void wait_for_two(uint16_t port, const void *context, FILE *out)
{
    enum { TRIES = 200, PAUSE_US = 100 * 1000 };
    (void)context;
    for (int at = 0; at < TRIES; at++) {
        char line[NAME_SIZE] = "";
        FILE *said = fmemopen(line, sizeof(line), "w");
        struct tls tls = open_tls(port, TLS1_2_VERSION, TLS1_3_VERSION);
        ask_over(&tls, "/", said);
        close_tls(&tls);
        (void)fclose(said);
        if (text_starts_with(line, "two ")) {
            (void)fputs(line, out);
            return;
        }
        (void)usleep(PAUSE_US);
    }
}

static void the_files_are_looked_at_by_itself(void **state)
{
    struct world *world = *state;
    world->timer = loop_start_timer(world->loop, loop_now_ms() + 100, change_on_the_disk, world);
    char *told = talk(world, wait_for_two, NULL);
    assert_string_equal(told, "two TLSv1.3 HTTP/1.1 200 OK\n");
    (void)memory_free(told);
}

/* In the clear to the port of TLS: closed without a word of HTTP. */
static void ask_in_the_clear(uint16_t port, const void *context, FILE *out)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    char answer[1024];
    (void)context;
    int fd = fixture_connect(port, 20);
    (void)send(fd, request, strlen(request), MSG_NOSIGNAL);
    ssize_t size = read(fd, answer, sizeof(answer) - 1);
    answer[size > 0 ? size : 0] = '\0';
    (void)fprintf(out, "%s\n", strstr(answer, "HTTP") ? "HTTP" : size < 0 ? "waits" : "closed");
    (void)close(fd);
}

static void http_in_the_clear_is_closed(void **state)
{
    char *told = talk(*state, ask_in_the_clear, NULL);
    assert_string_equal(told, "closed\n");
    (void)memory_free(told);
}

/* Handshakes that come to no end, some silent and some a byte at a time, while others are served.
 */
static void hold_handshakes(uint16_t port, const void *context, FILE *out)
{
    enum { SLOW = 40, TRIES = 60, PAUSE_US = 100 * 1000 };
    static const unsigned char hello[] = {0x16, 0x03, 0x01, 0x02, 0x00,
                                          0x01, 0x00, 0x01, 0xfc, 0x03};
    int slow[SLOW];
    int closed = 0;
    (void)context;
    for (int at = 0; at < SLOW; at++) {
        slow[at] = fixture_connect(port, 20);
        (void)send(slow[at], hello, sizeof(hello), MSG_NOSIGNAL);
    }
    struct tls tls = open_tls(port, TLS1_2_VERSION, TLS1_3_VERSION);
    ask_over(&tls, "/", out);
    close_tls(&tls);
    for (int try = 0; try < TRIES && closed < SLOW; try++) {
        (void)usleep(PAUSE_US);
        closed = 0;
        for (int at = 0; at < SLOW; at++) {
            bool is_silent = at % 2 == 0;
            char byte;
            if (!is_silent) {
                (void)send(slow[at], "\0", 1, MSG_NOSIGNAL);
            }
            ssize_t size = recv(slow[at], &byte, 1, MSG_DONTWAIT | MSG_PEEK);
            closed += size == 0 || (size < 0 && errno != EAGAIN);
        }
    }
    (void)fprintf(out, "%d of %d closed\n", closed, SLOW);
    for (int at = 0; at < SLOW; at++) {
        (void)close(slow[at]);
    }
}

static void slow_handshakes_hold_up_nobody_and_end(void **state)
{
    char *told = talk(*state, hold_handshakes, NULL);
    assert_string_equal(told, "one TLSv1.3 HTTP/1.1 200 OK\n40 of 40 closed\n");
    (void)memory_free(told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_t_be_served_with_is_said_at_the_start),
        cmocka_unit_test(one_that_has_expired_is_served_with_and_its_time_is_told),
        cmocka_unit_test_setup_teardown(tls_is_1_2_or_newer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_renewed_certificate_is_taken_and_no_connection_dropped,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_renewal_that_is_wrong_keeps_the_one_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_files_are_looked_at_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(http_in_the_clear_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slow_handshakes_hold_up_nobody_and_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
