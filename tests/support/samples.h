#ifndef TIDEMILL_SUPPORT_SAMPLES_H
#define TIDEMILL_SUPPORT_SAMPLES_H

/*
 * One object of each kind, as JSON, in which every field of the kind's table stands (the first item
 * of a list has all of its fields). Also fields that Tidemill drops.
 */

#include "api/kind.h"

extern const char *const samples[KIND_COUNT];

#endif
