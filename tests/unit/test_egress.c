/* Where URLs of users may lead: the host (kube/egress), and what it resolved to (io/address). */

#include "support/test.h"

#include "core/text.h"
#include "io/address.h"
#include "kube/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct host_row {
    const char *url;
    const char *allowed;
    const char *becomes; /* NULL: denied, or no URL */
    bool is_service;
};

static const struct host_row host_rows[] = {
    {"http://data/x?y=1", NULL, "http://data.team.svc/x?y=1", true},
    {"http://data:9000", "", "http://data.team.svc:9000", true},
    {"https://data.team.svc/x", NULL, "https://data.team.svc/x", true},
    {"http://data.team.svc.cluster.local:80/", NULL, "http://data.team.svc:80/", true},
    {"http://data.other.svc/x", NULL, NULL, false},
    {"http://data.xteam.svc/x", NULL, NULL, false},
    {"http://a.data.team.svc/x", NULL, NULL, false},
    {"http://DATA.Team.svc/x", NULL, "http://data.team.svc/x", true},
    {"https://example.com/x", NULL, NULL, false},
    {"https://example.com/x", "example.org,example.com", "https://example.com/x", false},
    {"https://example.com:8443/x", "example.com", "https://example.com:8443/x", false},
    {"https://a.example.com/x", "*.example.com", "https://a.example.com/x", false},
    {"https://a.b.example.com/x", "*.example.com", "https://a.b.example.com/x", false},
    {"https://example.com/x", "*.example.com", NULL, false},
    {"https://badexample.com/x", "*.example.com", NULL, false},
    {"https://example.com.evil.org/x", "example.com", NULL, false},
    {"https://user@example.com/x", "example.com", NULL, false},
    {"http://169.254.169.254/latest", NULL, NULL, false},
    {"http://[::1]/x", NULL, NULL, false},
    {"http://127.0.0.1/x", "data", NULL, false},
    {"http://127.1/x", "127.1,*.1", NULL, false},
    {"http://2130706433/x", NULL, NULL, false},
    {"ftp://data/x", NULL, NULL, false},
    {"file:///etc/passwd", "*", NULL, false},
    {"http://data/../x", NULL, NULL, false},
    {"http://data\\@example.com/x", "example.com", NULL, false},
};

static void a_url_leads_to_a_service_of_its_namespace_or_to_a_named_host(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(host_rows); at++) {
        const struct host_row *row = &host_rows[at];
        struct arena arena = {0};
        struct egress_target target = {0};
        struct error error = {0};
        bool is_fine = result_is_ok(
            egress_judge(&arena, row->url, "team", row->allowed, &target, &error));
        if (is_fine != (row->becomes != NULL) || !text_equal(target.url, row->becomes) ||
            target.is_service != row->is_service) {
            fail_msg("%s became %s", row->url, text_or(target.url, error.message));
        }
        assert_true(is_fine || error.message[0] != '\0');
        arena_free(&arena);
    }
}

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        storage.ss_family = AF_INET;
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        storage.ss_family = AF_INET6;
    } else {
        storage.ss_family = AF_UNIX;
    }
    return storage;
}

struct address_row {
    const char *address;
    enum address_kind kind;
};

static const struct address_row address_rows[] = {
    {"8.8.8.8", ADDRESS_PUBLIC},
    {"2606:4700::1111", ADDRESS_PUBLIC},
    {"11.0.0.1", ADDRESS_PUBLIC},
    {"172.32.0.1", ADDRESS_PUBLIC},
    {"10.0.0.1", ADDRESS_PRIVATE},
    {"172.16.0.1", ADDRESS_PRIVATE},
    {"172.31.255.255", ADDRESS_PRIVATE},
    {"192.168.1.1", ADDRESS_PRIVATE},
    {"100.64.0.1", ADDRESS_PRIVATE},
    {"100.127.255.255", ADDRESS_PRIVATE},
    {"fd00::1", ADDRESS_PRIVATE},
    {"127.0.0.1", ADDRESS_FORBIDDEN},
    {"127.255.255.254", ADDRESS_FORBIDDEN},
    {"0.0.0.0", ADDRESS_FORBIDDEN},
    {"169.254.169.254", ADDRESS_FORBIDDEN},
    {"192.0.0.192", ADDRESS_FORBIDDEN},
    {"224.0.0.1", ADDRESS_FORBIDDEN},
    {"255.255.255.255", ADDRESS_FORBIDDEN},
    {"::", ADDRESS_FORBIDDEN},
    {"::1", ADDRESS_FORBIDDEN},
    {"::ffff:127.0.0.1", ADDRESS_FORBIDDEN},
    {"::ffff:169.254.169.254", ADDRESS_FORBIDDEN},
    {"::ffff:10.0.0.1", ADDRESS_PRIVATE},
    {"::127.0.0.1", ADDRESS_FORBIDDEN},
    {"64:ff9b::7f00:1", ADDRESS_FORBIDDEN},
    {"2002:7f00:1::", ADDRESS_FORBIDDEN},
    {"fe80::1", ADDRESS_FORBIDDEN},
    {"ff02::1", ADDRESS_FORBIDDEN},
    {"a socket in the file system", ADDRESS_FORBIDDEN},
};

static void each_address_is_public_private_or_forbidden(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(address_rows); at++) {
        struct sockaddr_storage storage = address_of(address_rows[at].address);
        enum address_kind kind = address_judge((const struct sockaddr *)&storage);
        if (kind != address_rows[at].kind) {
            fail_msg("%s is judged as %d", address_rows[at].address, (int)kind);
        }
    }
}

struct range_row {
    const char *ranges;
    const char *inside; /* NULL: the ranges can't be read */
    const char *outside;
};

static const struct range_row range_rows[] = {
    {"10.1.0.0/16", "10.1.255.255", "10.2.0.0"},
    {"10.1.2.0/23", "10.1.3.1", "10.1.4.0"},
    {"192.168.1.7", "192.168.1.7", "192.168.1.8"},
    {"0.0.0.0/0", "10.0.0.1", "fd00::1"},
    {"10.0.0.0/8,fd00::/8", "fd12::1", "fe00::1"},
    {"::/0", "10.0.0.1", "a socket"},
    {"", "", "10.0.0.1"},
    {"10.0.0.0/33", NULL, NULL},
    {"10.0.0.0/-1", NULL, NULL},
    {"10.0.0/8", NULL, NULL},
    {"10.0.0.0/", NULL, NULL},
    {"fd00::/129", NULL, NULL},
    {"10.0.0.0/8,,", NULL, NULL},
    {"all", NULL, NULL},
};

static void ranges_are_read_and_hold_what_is_in_them(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(range_rows); at++) {
        const struct range_row *row = &range_rows[at];
        struct address_ranges ranges;
        struct error error = {0};
        bool is_fine = result_is_ok(address_ranges_parse(row->ranges, &ranges, &error));
        if (is_fine != (row->inside != NULL)) {
            fail_msg("\"%s\": %s", row->ranges, error.message);
        }
        if (!is_fine) {
            continue;
        }
        struct sockaddr_storage inside = address_of(row->inside);
        struct sockaddr_storage outside = address_of(row->outside);
        assert_int_equal(address_is_in(&ranges, (const struct sockaddr *)&inside),
                         row->inside[0] != '\0');
        assert_false(address_is_in(&ranges, (const struct sockaddr *)&outside));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_leads_to_a_service_of_its_namespace_or_to_a_named_host),
        cmocka_unit_test(each_address_is_public_private_or_forbidden),
        cmocka_unit_test(ranges_are_read_and_hold_what_is_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
