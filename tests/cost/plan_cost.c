/* Prints what planning costs, one JSON line for each shape, moment and size: for the bench. */

#include "cost/counted.h"

#include <stdio.h>

int main(void)
{
    static const size_t sizes[] = {10, 30, 100, 250, 500, 1000};
    enum { NAME_SIZE = 12 };
    for (unsigned shape = 0; shape < SHAPE_COUNT; shape++) {
        for (unsigned moment = 0; moment < MOMENT_COUNT; moment++) {
            for (size_t at = 0; at < sizeof(sizes) / sizeof(sizes[0]); at++) {
                struct cost cost = cost_of(shape, moment, sizes[at], NAME_SIZE);
                printf("{\"shape\":\"%s\",\"moment\":\"%s\",\"steps\":%zu,\"blocks\":%llu,"
                       "\"bytes\":%zu,\"operations\":%zu,\"patch_bytes\":%zu}\n",
                       shape_name(shape), moment_name(moment), sizes[at],
                       (unsigned long long)cost.blocks, cost.bytes, cost.operations,
                       cost.patch_bytes);
            }
        }
    }
    return 0;
}
