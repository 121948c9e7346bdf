/*
 * Bodies and headers of answers that are no objects: a Status, a written object's identity, events,
 * a pod of which one image is asked. Nothing in them is an error, only absent. Input: the body.
 */

#include "fuzz/fuzz.h"

#include "api/codec_form.h"
#include "io/http_header.h"

static void read_header(const char *line, size_t size)
{
    struct http_headers headers;
    char resource[HTTP_RESOURCE_SIZE];
    http_headers_clear(&headers);
    http_headers_read(&headers, line, size);
    REQUIRE(memchr(headers.warning, '\0', sizeof(headers.warning)) != NULL);
    REQUIRE(headers.retry_after_seconds >= -1);
    char *path = fuzz_copy_text((struct fuzz_input){(const uint8_t *)line, size});
    http_path_resource(path, resource);
    REQUIRE(memchr(resource, '\0', sizeof(resource)) != NULL);
    (void)http_path_is_watch(path);
    (void)memory_free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *body = fuzz_copy_bytes((struct fuzz_input){bytes, size});
    struct arena arena = {0};
    struct api_status status;
    const char *uid = NULL;
    const char *resource_version = NULL;
    codec_decode_status(&arena, body, size, &status);
    REQUIRE(status.code >= 0 && status.code <= 999);
    codec_decode_answer(&arena, body, size, &uid, &resource_version);
    const struct codec_form *protobuf = codec_form_of("application/vnd.kubernetes.protobuf");
    protobuf->decode_answer(&arena, body, size, &uid, &resource_version);
    protobuf->decode_status(&arena, body, size, &status);
    REQUIRE(status.code >= 0 && status.code <= 999);
    (void)codec_newest_warning(&arena, body, size);
    (void)codec_find_image(&arena, body, size, "step");
    read_header(body, size);
    arena_free(&arena);
    (void)memory_free(body);
    return 0;
}
