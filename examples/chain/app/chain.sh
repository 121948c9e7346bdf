#!/bin/sh
# Three steps in plain shell: whatever can read an environment variable and write a file can be one.
set -eu

draw() {
    # The artifact: a file of numbers. The result: how many there are.
    seq 1 "$PARAM_COUNT" >/tidemill/out/numbers
    printf '{"count": %d}' "$PARAM_COUNT" >"$TIDEMILL_RESULTS"
    echo "wrote $PARAM_COUNT numbers"
}

sum() {
    # Stands for a service that is not there at first: attempts are counted from 1.
    if [ "$TIDEMILL_ATTEMPT" -le "$PARAM_FAILURES" ]; then
        echo "attempt $TIDEMILL_ATTEMPT fails on purpose, as PARAM_FAILURES is $PARAM_FAILURES" >&2
        exit 1
    fi
    total=0
    while read -r number; do
        total=$((total + number))
    done </tidemill/in/numbers
    printf '{"total": %d}' "$total" >"$TIDEMILL_RESULTS"
    echo "attempt $TIDEMILL_ATTEMPT: the sum is $total"
}

report() {
    # Results of earlier steps are environment variables: RESULT_<STEP>_<NAME>.
    expected=$((RESULT_DRAW_COUNT * (RESULT_DRAW_COUNT + 1) / 2))
    correct=false
    if [ "$RESULT_SUM_TOTAL" -eq "$expected" ]; then
        correct=true
    fi
    printf '{"correct": %s}' "$correct" >"$TIDEMILL_RESULTS"
    echo "1 + ... + $RESULT_DRAW_COUNT = $RESULT_SUM_TOTAL, expected $expected"
}

case ${1:-} in
draw | sum | report) "$1" ;;
*)
    echo "usage: chain.sh draw|sum|report" >&2
    exit 2
    ;;
esac
