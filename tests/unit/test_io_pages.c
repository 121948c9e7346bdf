/* Code and constants that only the start used are unmapped, and come back when they are used. */

#include "support/test.h"

#include "core/hash.h"
#include "io/pages.h"

#include <curl/curl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pages of files that are resident, kB (proc(5), RssFile). */
static long resident_file_kb(void)
{
    char line[256];
    long kilobytes = -1;
    FILE *status = fopen("/proc/self/status", "re");
    assert_non_null(status);
    while (fgets(line, sizeof(line), status)) {
        if (strncmp(line, "RssFile:", strlen("RssFile:")) == 0) {
            kilobytes = strtol(line + strlen("RssFile:"), NULL, 10);
        }
    }
    (void)fclose(status);
    return kilobytes;
}

static void use_libraries(unsigned char digest[SHA256_DIGEST_LENGTH])
{
    (void)SHA256((const unsigned char *)"tidemill", strlen("tidemill"), digest);
    char *escaped = curl_easy_escape(NULL, "a b", 0);
    assert_string_equal(escaped, "a%20b");
    curl_free(escaped);
}

static void pages_go_and_come_back_as_they_were(void **state)
{
    (void)state;
    unsigned char before[SHA256_DIGEST_LENGTH];
    unsigned char after[SHA256_DIGEST_LENGTH];
    uint64_t hash = hash_text(HASH_SEED, "tidemill");
    use_libraries(before);
    long resident = resident_file_kb();
    pages_give_back();
    long left = resident_file_kb();
    if (left >= resident) {
        fail_msg("%ld kB of files were resident, and %ld kB are", resident, left);
    }
    use_libraries(after);
    assert_memory_equal(before, after, sizeof(before));
    assert_true(hash_text(HASH_SEED, "tidemill") == hash);
    pages_give_back(); /* again does no harm */
    use_libraries(after);
    assert_memory_equal(before, after, sizeof(before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages_go_and_come_back_as_they_were)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
