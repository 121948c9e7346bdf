#include "support/folder.h"

#include "support/test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATHS_MAXIMUM = 32, PATH_SIZE = 128, DESCRIPTORS_MAXIMUM = 8, RANDOM_LENGTH = 6 };

static char folder[] = "/tmp/tidemill-test-XXXXXX";
static char paths[PATHS_MAXIMUM][PATH_SIZE];
static size_t path_count;

int folder_make(void **state)
{
    (void)state;
    memset(folder + strlen(folder) - RANDOM_LENGTH, 'X', RANDOM_LENGTH);
    path_count = 0;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

int folder_remove(void **state)
{
    (void)state;
    return nftw(folder, remove_one, DESCRIPTORS_MAXIMUM, FTW_DEPTH | FTW_PHYS);
}

const char *folder_path(void)
{
    return folder;
}

const char *folder_file(const char *name)
{
    REQUIRE(path_count < PATHS_MAXIMUM);
    char *path = paths[path_count++];
    (void)snprintf(path, PATH_SIZE, "%s/%s", folder, name);
    return path;
}

const char *folder_write(const char *name, const char *text)
{
    const char *path = folder_file(name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}
