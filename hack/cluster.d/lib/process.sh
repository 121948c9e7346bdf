# shellcheck shell=bash
# The cluster's processes. Each has a file RUN/NAME.pid with its pid, its start
# time and the machine's boot: together they name one process for ever, so that
# nothing else is taken for it or killed in its place.

readonly STOP_LIMIT_S=10
readonly LOG_KEEP_BYTES=20000000
readonly OPEN_FILES_MAX=1048576

# Runs as the new process before the program: it writes its own pid file, so
# that no process is without one wherever the caller is interrupted. It holds
# the cluster's lock (9) until then, and the program none.
# shellcheck disable=SC2016
readonly LAUNCHER='
set -e
pid_file=$1 namespace=$2 open_files=$3
shift 3
ulimit -n "$open_files"
read -r stat <"/proc/$$/stat"
read -r -a fields <<<"${stat##*) }"
read -r boot </proc/sys/kernel/random/boot_id
printf "%s %s %s\n" "$$" "${fields[19]}" "$boot" >"$pid_file.new"
mv "$pid_file.new" "$pid_file"
exec nsenter --net="$namespace" -- "$@" 7>&- 8>&- 9>&-
'

# running_pid NAME: prints the pid if the very process that was started runs.
running_pid() {
    local pid start boot this_boot stat
    local -a fields
    { read -r pid start boot <"$RUN/$1.pid"; } 2>/dev/null || return 1
    read -r this_boot </proc/sys/kernel/random/boot_id
    [ "$boot" = "$this_boot" ] || return 1
    { read -r stat <"/proc/$pid/stat"; } 2>/dev/null || return 1
    # After the name in brackets: 0 is the state, 19 the start time (proc_pid_stat(5)).
    read -r -a fields <<<"${stat##*) }"
    [ "${fields[19]}" = "$start" ] && [ "${fields[0]}" != Z ] || return 1
    echo "$pid"
}

is_running() {
    running_pid "$1" >/dev/null
}

stop_process() {
    local name=$1 pid deadline=$((SECONDS + STOP_LIMIT_S))
    if pid=$(running_pid "$name"); then
        # An API server that is asked to stop drains for a minute.
        kill -KILL "$pid" 2>/dev/null || true
        while is_running "$name"; do
            [ "$SECONDS" -lt "$deadline" ] || die "$name (pid $pid) does not end"
            sleep 0.05
        done
    fi
    rm -f "$RUN/$name.pid" "$RUN/$name.cmd"
}

open_files_limit() {
    local hard
    hard=$(ulimit -Hn)
    if [ "$hard" = unlimited ] || [ "$hard" -gt "$OPEN_FILES_MAX" ]; then
        hard=$OPEN_FILES_MAX
    fi
    echo "$hard"
}

# start_process NAME COMMAND...: starts it in the cluster's network unless it
# runs already, by the same command.
start_process() {
    local name=$1 command log=$STATE/logs/$1.log
    shift
    # The configuration is part of the command: a change of it is a restart.
    command=$(printf '%s\n' "$@" && cat "$STATE/config/"*"$name"* 2>/dev/null) || true
    if is_running "$name" && [ "$(cat "$RUN/$name.cmd" 2>/dev/null)" = "$command" ]; then
        return 0
    fi
    stop_process "$name"
    printf '%s\n' "$command" >"$RUN/$name.cmd"
    if [ "$(stat -c %s "$log" 2>/dev/null || echo 0)" -gt "$LOG_KEEP_BYTES" ]; then
        mv "$log" "$log.old"
    fi
    # A clean environment: a proxy or a kubeconfig of the user is not ours.
    setsid env -i HOME="$STATE" LANG=C.UTF-8 \
        PATH="$CONTAINERD_DIR/bin:$RUNC_DIR/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        bash -c "$LAUNCHER" launcher "$RUN/$name.pid" "$NETNS_FILE" "$(open_files_limit)" \
        "$@" >>"$log" 2>&1 </dev/null &
}

# wait_until WHAT LIMIT_S PROCESS COMMAND...: polls; the end of the process's
# log is shown when it has died or the time is over.
wait_until() {
    local what=$1 limit_s=$2 process=$3 started=$SECONDS next_line=$((SECONDS + HEARTBEAT_S))
    shift 3
    until "$@" >/dev/null 2>&1; do
        if [ $((SECONDS - started)) -ge 2 ] && ! is_running "$process"; then
            show_log_end "$STATE/logs/$process.log"
            die "$process ended while waiting for $what, its log is $STATE/logs/$process.log"
        fi
        if [ $((SECONDS - started)) -ge "$limit_s" ]; then
            show_log_end "$STATE/logs/$process.log"
            die "no $what within $limit_s s, see $STATE/logs/$process.log"
        fi
        if [ "$SECONDS" -ge "$next_line" ]; then
            say "... still waiting for $what"
            next_line=$((SECONDS + HEARTBEAT_S))
        fi
        sleep 0.1
    done
}
