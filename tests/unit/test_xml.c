/* XML as a list of texts with their paths, within limits (source/xml.c). */

#include "support/test.h"

#include "core/arena.h"
#include "source/xml.h"

#include <string.h>

static void note_text(void *context, const char *path, const char *text)
{
    struct arena *arena = ((void **)context)[0];
    const char **noted = &((const char **)context)[1];
    *noted = arena_print(arena, "%s%s=%s\n", *noted, path, text);
}

static void text_beside_children_is_an_element_s_own(void **state)
{
    (void)state;
    struct arena arena = {0};
    const void *context[2] = {&arena, ""};
    static const char document[] = "<a x=\"1\">1<b>2</b><!-- no -->3<c/><?p i?></a>";
    assert_true(result_is_ok(xml_read(document, sizeof(document) - 1, note_text, context, NULL)));
    assert_string_equal((const char *)context[1], "a/b=2\na/c=\na=13\n");
    arena_free(&arena);
}

static void long_texts_and_names_are_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    const void *context[2] = {&arena, ""};
    char *text = arena_allocate(&arena, 1, XML_TEXT_LIMIT + 2);
    memset(text, 'x', XML_TEXT_LIMIT + 1);
    const char *document = arena_print(&arena, "<a>%.*s</a>", XML_TEXT_LIMIT, text);
    assert_true(result_is_ok(xml_read(document, strlen(document), note_text, context, &error)));
    document = arena_print(&arena, "<a>%s</a>", text);
    assert_int_equal(xml_read(document, strlen(document), note_text, context, &error).kind,
                     ERROR_LIMIT);
    document = arena_print(&arena, "<%.*s/>", XML_PATH_LIMIT, text);
    assert_true(result_is_ok(xml_read(document, strlen(document), note_text, context, &error)));
    document = arena_print(&arena, "<%.*s><a/></x>", XML_PATH_LIMIT, text);
    assert_int_equal(xml_read(document, strlen(document), note_text, context, &error).kind,
                     ERROR_LIMIT);
    document = arena_print(&arena, "<a><%.*s/></a>", XML_PATH_LIMIT, text);
    assert_int_equal(xml_read(document, strlen(document), note_text, context, &error).kind,
                     ERROR_LIMIT);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_beside_children_is_an_element_s_own),
        cmocka_unit_test(long_texts_and_names_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
