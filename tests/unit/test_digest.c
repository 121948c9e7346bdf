#include "support/test.h"

#include "core/digest.h"

#include <string.h>

struct hmac_row {
    const char *sentence;
    const char *key;
    size_t key_size;
    const char *bytes;
    size_t size;
    const char *hex;
};

static const char key_of_131[131 + 1] =
    "\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA"
    "\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA"
    "\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA"
    "\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA"
    "\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA"
    "\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA";

#define BYTES(text) (text), sizeof(text) - 1

/* RFC 4231, section 4; case 5 there is about truncation, which is not done here. */
static const struct hmac_row hmac_rows[] = {
    {"case 1",
     BYTES("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"),
     BYTES("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"case 2: a key shorter than the digest", BYTES("Jefe"), BYTES("what do ya want for nothing?"),
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"case 3",
     BYTES("\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"),
     BYTES("\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
           "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
           "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"),
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {"case 4",
     BYTES("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15"
           "\x16\x17\x18\x19"),
     BYTES("\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
           "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"
           "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"),
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {"case 6: a key longer than a block", key_of_131, 131,
     BYTES("Test Using Larger Than Block-Size Key - Hash Key First"),
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {"case 7: long key and long data", key_of_131, 131,
     BYTES("This is a test using a larger than block-size key and a larger than block-size data. "
           "The key needs to be hashed before being used by the HMAC algorithm."),
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    {"an empty key and no bytes", BYTES(""), BYTES(""),
     "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
};

static void hmacs_are_those_of_rfc_4231(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(hmac_rows); at++) {
        const struct hmac_row *row = &hmac_rows[at];
        unsigned char raw[DIGEST_SIZE];
        char hex[DIGEST_HEX_SIZE];
        digest_hmac(row->key, row->key_size, row->bytes, row->size, raw);
        digest_format(raw, hex);
        if (strcmp(hex, row->hex) != 0) {
            fail_msg("%s: %s", row->sentence, hex);
        }
    }
}

static void hex_is_read_back_and_nothing_else_is(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff77",
        "g0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff ",
    };
    unsigned char raw[DIGEST_SIZE];
    unsigned char upper[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    assert_true(digest_parse(hmac_rows[0].hex, raw));
    digest_format(raw, hex);
    assert_string_equal(hex, hmac_rows[0].hex);
    assert_true(
        digest_parse("B0344C61D8DB38535CA8AFCEAF0BF12B881DC200C9833DA726E9376C2E32CFF7", upper));
    assert_memory_equal(raw, upper, DIGEST_SIZE);
    for (size_t at = 0; at < COUNT_OF(refused); at++) {
        assert_false(digest_parse(refused[at], raw));
    }
}

static void digests_are_equal_only_when_each_bit_is(void **state)
{
    (void)state;
    unsigned char a[DIGEST_SIZE];
    unsigned char b[DIGEST_SIZE];
    digest_raw("abc", 3, a);
    memcpy(b, a, DIGEST_SIZE);
    assert_true(digest_equal(a, b));
    for (size_t bit = 0; bit < (size_t)DIGEST_SIZE * 8; bit++) {
        b[bit / 8] ^= (unsigned char)(1U << (bit % 8));
        assert_false(digest_equal(a, b));
        b[bit / 8] = a[bit / 8];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hmacs_are_those_of_rfc_4231),
        cmocka_unit_test(hex_is_read_back_and_nothing_else_is),
        cmocka_unit_test(digests_are_equal_only_when_each_bit_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
