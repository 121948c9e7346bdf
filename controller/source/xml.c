#include "source/xml.h"

#include "core/memory.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

/* An element that is open: where its name begins in the path, where its text begins. */
struct level {
    size_t path_size; /* of the path without it */
    size_t text_size; /* of the text before it */
};

struct document {
    XML_Parser parser;
    xml_element each;
    void *context;
    struct level levels[XML_DEPTH_LIMIT];
    size_t depth;
    char path[XML_PATH_LIMIT + 1];
    size_t path_size;
    char text[XML_TEXT_LIMIT + 1]; /* of all open elements, the outermost first */
    size_t text_size;
    enum error_kind kind;
    const char *refusal; /* NULL: nothing was refused */
};

static void refuse(struct document *document, enum error_kind kind, const char *refusal)
{
    if (!document->refusal) {
        document->kind = kind;
        document->refusal = refusal;
        (void)XML_StopParser(document->parser, XML_FALSE);
    }
}

static void XMLCALL begin_element(void *own, const XML_Char *name, const XML_Char **attributes)
{
    struct document *document = own;
    const char *colon = strrchr(name, ':');
    const char *local = colon ? colon + 1 : name;
    size_t size = strlen(local);
    size_t slash = document->depth > 0 ? 1 : 0;
    (void)attributes;
    if (document->refusal) {
        return;
    }
    if (document->depth == XML_DEPTH_LIMIT) {
        refuse(document, ERROR_LIMIT, "elements stand in elements more than 8 deep");
        return;
    }
    if (document->path_size + slash + size > XML_PATH_LIMIT) {
        refuse(document, ERROR_LIMIT, "the names of its elements are too long");
        return;
    }
    document->levels[document->depth++] = (struct level){document->path_size, document->text_size};
    memcpy(document->path + document->path_size, "/", slash);
    document->path_size += slash;
    memcpy(document->path + document->path_size, local, size + 1);
    document->path_size += size;
}

static void XMLCALL end_element(void *own, const XML_Char *name)
{
    struct document *document = own;
    (void)name;
    if (document->refusal || document->depth == 0) {
        return;
    }
    const struct level *level = &document->levels[--document->depth];
    document->text[document->text_size] = '\0';
    document->each(document->context, document->path, document->text + level->text_size);
    document->text_size = level->text_size;
    document->path_size = level->path_size;
    document->path[document->path_size] = '\0';
}

static void XMLCALL add_text(void *own, const XML_Char *text, int size)
{
    struct document *document = own;
    if (document->refusal || size < 0) {
        return;
    }
    if (document->text_size + (size_t)size > XML_TEXT_LIMIT) {
        refuse(document, ERROR_LIMIT, "an element's text is longer than 8 KiB");
        return;
    }
    memcpy(document->text + document->text_size, text, (size_t)size);
    document->text_size += (size_t)size;
}

static void XMLCALL refuse_type(void *own, const XML_Char *name, const XML_Char *system,
                                const XML_Char *public, int has_subset)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_subset;
    refuse(own, ERROR_INVALID, "it has a document type, which no S3 server sends");
}

/* ---- Memory ---- */

static void *allocate(size_t size)
{
    return memory_resize(NULL, 1, size);
}

static void *resize(void *pointer, size_t size)
{
    return memory_resize(pointer, 1, size);
}

static void release(void *pointer)
{
    (void)memory_free(pointer);
}

struct result xml_read(const char *bytes, size_t size, xml_element each, void *context,
                       struct error *error)
{
    /* Ends without memory as all of the program does; it has a random seed of its own. */
    static const XML_Memory_Handling_Suite memory = {allocate, resize, release};
    struct document document = {.each = each, .context = context};
    if (size > INT_MAX) {
        return error_set(error, ERROR_LIMIT, "the XML document is too large");
    }
    document.parser = XML_ParserCreate_MM(NULL, &memory, NULL);
    XML_SetUserData(document.parser, &document);
    XML_SetElementHandler(document.parser, begin_element, end_element);
    XML_SetCharacterDataHandler(document.parser, add_text);
    XML_SetStartDoctypeDeclHandler(document.parser, refuse_type);
    enum XML_Status status = XML_Parse(document.parser, bytes, (int)size, XML_TRUE);
    enum XML_Error code = XML_GetErrorCode(document.parser);
    unsigned long line = XML_GetCurrentLineNumber(document.parser);
    XML_ParserFree(document.parser);
    if (document.refusal) {
        return error_set(error, document.kind, "the XML is refused: line %lu: %s", line,
                         document.refusal);
    }
    if (status != XML_STATUS_OK) {
        return error_set(error, ERROR_INVALID, "not XML: line %lu: %s", line,
                         XML_ErrorString(code));
    }
    return RESULT_OK;
}
