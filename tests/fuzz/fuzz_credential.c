/*
 * What an exec credential plugin prints is a credential or an error. Input: the output.
 */

#include "fuzz/fuzz.h"

#include "io/plugin.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct access_plugin plugin = {.api_version = "client.authentication.k8s.io/v1",
                                                .command = "get-token"};
    struct arena arena = {0};
    struct error error = {0};
    struct plugin_credential credential = {0};
    char *output = fuzz_copy_bytes((struct fuzz_input){bytes, size});
    if (!result_is_ok(plugin_read(&arena, &plugin, output, size, &credential, &error))) {
        fuzz_require_message(&error);
    } else {
        REQUIRE(credential.token || credential.certificate);
        REQUIRE(!credential.certificate == !credential.key);
    }
    arena_free(&arena);
    (void)memory_free(output);
    return 0;
}
