#ifndef TIDEMILL_SUPPORT_FOLDER_H
#define TIDEMILL_SUPPORT_FOLDER_H

/* A folder of small files for one test: its setup is folder_make, its teardown folder_remove. */

int folder_make(void **state);
int folder_remove(void **state);

const char *folder_path(void);

/* The path of a file in it; lives until the next test. */
const char *folder_file(const char *name);

/* Writes a file; returns its path as above. */
const char *folder_write(const char *name, const char *text);

#endif
