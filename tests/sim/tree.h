#ifndef TIDEMILL_SIM_TREE_H
#define TIDEMILL_SIM_TREE_H

/* Short ways through JSON trees, for the simulation. Paths are "metadata/labels/x". */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Borrowed; NULL when the way ends. A number is an index of an array. */
json_t *tree_at(const json_t *tree, const char *path);
/* "" when there is none. */
const char *tree_text(const json_t *tree, const char *path);
/* The same where the last key may hold a '/', as those of labels do. */
const char *tree_map_text(const json_t *tree, const char *path, const char *key);
int64_t tree_integer(const json_t *tree, const char *path);
/* Makes the objects on the way. Takes the reference. */
void tree_set(json_t *tree, const char *path, json_t *value);
void tree_set_text(json_t *tree, const char *path, const char *text);
void tree_remove(json_t *tree, const char *path);

const char *tree_name(const json_t *tree);
const char *tree_uid(const json_t *tree);
/* Of the ownerReference with controller true; "" when there is none. */
const char *tree_controller_uid(const json_t *tree);

/* ' stands for ". Ends the program when it is not JSON. */
json_t *tree_of_text(const char *text);
/* "2026-01-01T00:00:00Z" */
json_t *tree_time(int64_t unix_seconds);
/* The other way round; TIME_ABSENT when it is none. */
int64_t tree_read_time(const json_t *tree, const char *path);

/* A condition's status by type; "" when there is none. */
const char *tree_condition(const json_t *tree, const char *type);

#endif
