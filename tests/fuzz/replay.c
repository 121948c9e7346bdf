/*
 * Feeds a target the files and folders that are named as arguments, one after the other: kept
 * inputs in make test, or one finding under a debugger. Each has a time limit.
 */

#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INPUT_MAXIMUM = 4 * 1024 * 1024, SECONDS_PER_INPUT = 10, PATH_SIZE = 4096 };

static size_t replayed;

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        (void)fprintf(stderr, "%s: cannot be opened\n", path);
        exit(EXIT_FAILURE);
    }
    uint8_t *read = memory_allocate(1, INPUT_MAXIMUM);
    size_t size = fread(read, 1, INPUT_MAXIMUM, file);
    (void)fclose(file);
    uint8_t *bytes = memory_allocate(1, size); /* exactly: ASan guards its end */
    memcpy(bytes, read, size);
    (void)memory_free(read);
    (void)fprintf(stderr, "%s\n", path); /* the last one named is the one that ended it */
    (void)alarm(SECONDS_PER_INPUT);
    (void)LLVMFuzzerTestOneInput(bytes, size);
    (void)alarm(0);
    (void)memory_free(bytes);
    replayed++;
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void replay_folder(const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, compare_entries);
    for (int at = 0; at < count; at++) {
        char inner[PATH_SIZE];
        (void)snprintf(inner, sizeof(inner), "%s/%s", path, entries[at]->d_name);
        if (entries[at]->d_name[0] != '.') {
            replay_file(inner);
        }
        free(entries[at]);
    }
    free(entries);
}

int main(int count, char **arguments)
{
    for (int at = 1; at < count; at++) {
        struct stat status;
        if (stat(arguments[at], &status) != 0) {
            (void)fprintf(stderr, "%s: not there\n", arguments[at]);
            return EXIT_FAILURE;
        }
        if (S_ISDIR(status.st_mode)) {
            replay_folder(arguments[at]);
        } else {
            replay_file(arguments[at]);
        }
    }
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    (void)printf("%zu inputs\n", replayed);
    return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
