# shellcheck shell=bash
# Messages and long steps. All of it goes to stderr: stdout belongs to `env`.

readonly HEARTBEAT_S=10
readonly LOG_END_LINES=25

step_pid=

say() {
    printf '[%3ds] %s\n' "$SECONDS" "$*" >&2
}

die() {
    printf 'hack/cluster: %s\n' "$*" >&2
    exit 1
}

show_log_end() {
    if [ -s "$1" ]; then
        printf -- '--- end of %s\n' "$1" >&2
        tail -n "$LOG_END_LINES" "$1" >&2
        printf -- '---\n' >&2
    fi
}

# run_step WHAT LIMIT_S LOG COMMAND...: runs a command with its output in LOG,
# and a line of progress every few seconds. Fails as the command does.
run_step() {
    local what=$1 limit_s=$2 log=$3 started=$SECONDS next_line
    shift 3
    say "$what"
    # The time-out ends the command with all its children.
    timeout --kill-after=10 "$limit_s" "$@" >"$log" 2>&1 </dev/null &
    step_pid=$!
    next_line=$((SECONDS + HEARTBEAT_S))
    while kill -0 "$step_pid" 2>/dev/null; do
        sleep 0.3
        if [ "$SECONDS" -ge "$next_line" ]; then
            say "... still at it for $((SECONDS - started)) s: $what"
            next_line=$((SECONDS + HEARTBEAT_S))
        fi
    done
    local pid=$step_pid status=0
    step_pid=
    wait "$pid" || status=$?
    if [ "$status" = 124 ]; then
        echo "stopped: it took longer than $limit_s s" >>"$log"
    fi
    return "$status"
}

# An interrupt must reach the step: a shell's background commands ignore it.
on_interrupt() {
    if [ -n "$step_pid" ]; then
        kill -TERM "$step_pid" 2>/dev/null || true
    fi
    say "interrupted: the same command goes on from here when run again"
    exit 130
}

# take_lock FD FILE LIMIT_S WHAT: waits, visibly, for another run to end. The
# lock ends with the process that holds it, however that ends.
take_lock() {
    local fd=$1 file=$2 limit_s=$3 what=$4 started=$SECONDS
    eval "exec $fd>>\"\$file\""
    while ! flock -w "$HEARTBEAT_S" "$fd"; do
        say "waiting for $what to end"
        if [ $((SECONDS - started)) -ge "$limit_s" ]; then
            die "$what did not end within $limit_s s (lock: $file)"
        fi
    done
}
