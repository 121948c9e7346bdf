/*
 * Kubeconfig files make an access or an error that says where. Input: files, a NUL between them.
 */

#include "fuzz/fuzz.h"

#include "io/kubeconfig.h"

enum { FILES = 4 };

static void require_resolved(struct arena *arena, const struct kubeconfig *config,
                             const char *context)
{
    struct error error = {0};
    const struct access *access = NULL;
    if (!result_is_ok(kubeconfig_resolve(arena, config, context, &access, &error))) {
        fuzz_require_message(&error);
        return;
    }
    REQUIRE(access->server && access->namespace_name && access->source);
    size_t length = strlen(access->server);
    REQUIRE(length > 0 && access->server[length - 1] != '/');
    REQUIRE(!access->plugin || access->plugin->command);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    struct arena arena = {0};
    struct kubeconfig config = {0};
    struct error error = {0};
    bool ok = true;
    for (int at = 0; at < FILES && ok && input.size > 0; at++) {
        struct fuzz_input part = fuzz_take_part(&input);
        char *file = fuzz_copy_bytes(part);
        ok = result_is_ok(kubeconfig_add(&arena, &config, arena_print(&arena, "/etc/%d/config", at),
                                         file, part.size, &error));
        (void)memory_free(file); /* nothing is borrowed from it */
    }
    if (!ok) {
        fuzz_require_message(&error);
    }
    require_resolved(&arena, &config, NULL);
    for (const struct kubeconfig_entry *entry = config.contexts; entry; entry = entry->next) {
        require_resolved(&arena, &config, entry->name);
    }
    arena_free(&arena);
    return 0;
}
