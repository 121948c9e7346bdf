/*
 * A path on a claim stays beneath its root or is refused; whatever it is, it can be quoted as one
 * line of plain text. Input: the path.
 */

#include "fuzz/fuzz.h"

#include "artifact/failure.h"
#include "artifact/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *path = fuzz_copy_text((struct fuzz_input){bytes, size});
    struct error error = {0};
    if (!result_is_ok(artifact_path_check(path, &error))) {
        fuzz_require_message(&error);
    } else {
        size_t length = strlen(path);
        REQUIRE(length > 0 && length <= ARTIFACT_PATH_MAX);
        REQUIRE(path[0] != '/' && path[length - 1] != '/' && !strstr(path, "//"));
        REQUIRE(strcmp(path, "..") != 0 && strncmp(path, "../", 3) != 0 && !strstr(path, "/../"));
        REQUIRE(artifact_name_is_plain(path, length));
    }
    struct artifact_quoted quoted = artifact_quote(path, path);
    REQUIRE(artifact_name_is_plain(quoted.text, strlen(quoted.text)));
    REQUIRE(!artifact_input_name_is_valid(path) || strlen(path) <= ARTIFACT_INPUT_NAME_MAX);
    REQUIRE(!artifact_digest_is_valid(path) || strlen(path) == ARTIFACT_DIGEST_LENGTH);
    (void)memory_free(path);
    return 0;
}
