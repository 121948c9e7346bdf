# shellcheck shell=bash
# Looks at a running cluster as a user's pods do.

readonly CHECK_LIMIT=60s
readonly FORWARD_LIMIT_S=15

kubectl_selftest() {
    kubectl_admin --namespace tidemill-selftest "$@"
}

# check WHAT COMMAND...
check() {
    local what=$1 log=$STATE/logs/selftest.log
    shift
    if "$@" >"$log" 2>&1; then
        say "ok: $what"
        return 0
    fi
    show_log_end "$log"
    kubectl_selftest get pods,jobs,persistentvolumeclaims -o wide >&2 || true
    kubectl_selftest get events --sort-by=.lastTimestamp 2>/dev/null | tail -n "$LOG_END_LINES" >&2 || true
    die "self-test failed: $what (the namespace tidemill-selftest is left to look at, see also $STATE/logs)"
}

privileged_is_refused() {
    local answer
    answer=$(kubectl_selftest run privileged --image=localhost/tidemill-probe:1 --privileged 2>&1) &&
        return 1
    grep -q 'violates PodSecurity "restricted' <<<"$answer"
}

wait_for_phase() {
    kubectl_selftest wait --timeout="$CHECK_LIMIT" --for="jsonpath={.status.phase}=$2" "$1"
}

volume_was_written() {
    local volume
    volume=$(kubectl_selftest get persistentvolumeclaim data -o 'jsonpath={.spec.volumeName}')
    [ "$(cat "$STATE/volumes/$volume/written")" = 'by uid 1234' ] &&
        [ "$(stat -c %u "$STATE/volumes/$volume/written")" = 1234 ]
}

has_log() {
    kubectl_selftest logs "$1" | grep "$2"
}

# On a port that the kernel chooses, printed by kubectl.
port_forward_answers() {
    local output=$STATE/logs/port-forward.log pid port='' answer='' started=$SECONDS
    # Emptied here and not by the new process: an earlier port must not be read.
    : >"$output"
    # kubectl itself, not a shell around it, so that its pid is the one to end.
    env KUBECONFIG="$KUBECONFIG_FILE" NO_PROXY='*' no_proxy='*' "$KUBECTL" \
        --namespace tidemill-selftest port-forward pod/serve :8080 >"$output" 2>&1 7>&- 9>&- &
    pid=$!
    while [ $((SECONDS - started)) -lt "$FORWARD_LIMIT_S" ]; do
        port=$(sed -nE 's/^Forwarding from 127\.0\.0\.1:([0-9]+) .*/\1/p' "$output")
        if [ -n "$port" ]; then
            answer=$(curl --noproxy '*' -fsS --max-time 5 "http://127.0.0.1:$port/") || true
            break
        fi
        sleep 0.1
    done
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    cat "$output"
    [ "$answer" = 'probe answers' ]
}

volume_is_gone() {
    local volume=$1 started=$SECONDS
    while [ -e "$STATE/volumes/$volume" ]; do
        [ $((SECONDS - started)) -lt 30 ] || return 1
        sleep 0.2
    done
}

run_selftest() {
    local volume
    check 'an earlier self-test is cleaned up' \
        kubectl_admin delete namespace tidemill-selftest --ignore-not-found --timeout="$CHECK_LIMIT"
    check 'objects are accepted' kubectl_admin apply -f "$STATE/config/selftest.yaml"
    check 'Pod Security refuses a privileged pod' privileged_is_refused
    check 'a restricted pod reaches the API server by its DNS name' \
        wait_for_phase pod/api Succeeded
    check 'its log can be read' has_log api 'uid 65534: https://kubernetes.default.svc'
    check 'a Job completes' \
        kubectl_selftest wait --timeout="$CHECK_LIMIT" --for=condition=Complete job/write
    check 'its claim of the default class was written as uid 1234' volume_was_written
    check 'a pod with a readiness probe becomes Ready' \
        kubectl_selftest wait --timeout="$CHECK_LIMIT" --for=condition=Ready pod/serve
    check 'port-forward answers' port_forward_answers
    volume=$(kubectl_selftest get persistentvolumeclaim data -o 'jsonpath={.spec.volumeName}')
    check 'all is deleted again' \
        kubectl_admin delete namespace tidemill-selftest --timeout="$CHECK_LIMIT"
    check "the claim's folder is removed" volume_is_gone "$volume"
    say "cluster $NAME passed its self-test"
}
