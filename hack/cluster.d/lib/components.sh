# shellcheck shell=bash
# The command of each process, and the order in which they come up.

readonly READY_LIMIT_S=120
readonly FAKE_NODES=10
readonly BENCH_QPS=1000
readonly DEFAULT_QPS=50

# Configuration files with this cluster's places filled in.
write_config() {
    local file qps=$DEFAULT_QPS
    [ "$MODE" != kwok ] || qps=$BENCH_QPS
    mkdir -p "$STATE/config" "$STATE/cni/net.d"
    for file in "$HERE"/config/*; do
        sed -e "s|@STATE@|$STATE|g" -e "s|@RUN@|$RUN|g" -e "s|@NETNS@|$NETNS|g" \
            -e "s|@NODE_IP@|$NODE_IP|g" -e "s|@RUNC@|$RUNC_DIR|g" -e "s|@QPS@|$qps|g" \
            "$file" >"$STATE/config/.new"
        mv "$STATE/config/.new" "$STATE/config/$(basename "$file")"
    done
    cp "$STATE/config/cni.conflist" "$STATE/cni/net.d/10-cluster.conflist"
    : >"$STATE/resolv.conf"
}

kubectl_admin() {
    env -u HTTP_PROXY -u HTTPS_PROXY -u ALL_PROXY -u http_proxy -u https_proxy -u all_proxy \
        KUBECONFIG="$KUBECONFIG_FILE" "$KUBECTL" --request-timeout=20s "$@"
}

api_is_ready() {
    curl --noproxy '*' -fsS --max-time 2 --cacert "$STATE/pki/ca.crt" --cert "$STATE/pki/admin.crt" \
        --key "$STATE/pki/admin.key" "https://$NODE_IP:6443/readyz"
}

# shellcheck disable=SC2153 # NAME is the cluster's, set in hack/cluster
start_etcd() {
    start_process etcd "$KUBERNETES_DIR/bin/etcd" --name "$NAME" --data-dir "$STATE/etcd" \
        --unsafe-no-fsync --quota-backend-bytes 4294967296 --auto-compaction-retention 5m \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
        --listen-peer-urls http://127.0.0.1:2380 --log-level warn
}

start_apiserver() {
    local pki=$STATE/pki policy=$STATE/config/audit.yaml
    [ "$AUDIT" = no ] || policy=$STATE/config/audit-bodies.yaml
    # Made readable here: the API server keeps the mode that the file has.
    [ -e "$AUDIT_LOG" ] || install -m 644 /dev/null "$AUDIT_LOG"
    start_process kube-apiserver "$KUBERNETES_DIR/bin/kube-apiserver" \
        --etcd-servers http://127.0.0.1:2379 \
        --bind-address "$NODE_IP" --advertise-address "$NODE_IP" --secure-port 6443 \
        --service-cluster-ip-range "$SERVICE_SUBNET" \
        --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
        --allow-privileged --client-ca-file "$pki/ca.crt" \
        --tls-cert-file "$pki/kube-apiserver.crt" --tls-private-key-file "$pki/kube-apiserver.key" \
        --service-account-key-file "$pki/service-account.key" \
        --service-account-signing-key-file "$pki/service-account.key" \
        --service-account-issuer https://kubernetes.default.svc.cluster.local \
        --kubelet-client-certificate "$pki/kubelet-client.crt" \
        --kubelet-client-key "$pki/kubelet-client.key" \
        --kubelet-preferred-address-types InternalIP \
        --audit-policy-file "$policy" --audit-log-path "$AUDIT_LOG" \
        --audit-log-maxsize 200 --audit-log-maxbackup 5
}

start_controllers() {
    local pki=$STATE/pki config=$STATE/kubeconfigs/kube-controller-manager
    local -a speed=()
    if [ "$MODE" = kwok ]; then
        speed=(--kube-api-qps "$BENCH_QPS" --kube-api-burst "$BENCH_QPS")
    fi
    start_process kube-controller-manager "$KUBERNETES_DIR/bin/kube-controller-manager" \
        --kubeconfig "$config" --authentication-kubeconfig "$config" \
        --authorization-kubeconfig "$config" --bind-address 127.0.0.1 --leader-elect=false \
        --use-service-account-credentials \
        --service-account-private-key-file "$pki/service-account.key" \
        --root-ca-file "$pki/ca.crt" --cluster-signing-cert-file "$pki/ca.crt" \
        --cluster-signing-key-file "$pki/ca.key" "${speed[@]}"
    config=$STATE/kubeconfigs/kube-scheduler
    start_process kube-scheduler "$KUBERNETES_DIR/bin/kube-scheduler" \
        --config "$STATE/config/kube-scheduler.yaml" --authentication-kubeconfig "$config" \
        --authorization-kubeconfig "$config" --bind-address 127.0.0.1
}

start_provisioner() {
    mkdir -p "$STATE/volumes"
    chmod 700 "$STATE/volumes"
    start_process volume-provisioner "$KUBERNETES_DIR/bin/volume-provisioner" \
        --kubeconfig "$STATE/kubeconfigs/volume-provisioner" --folder "$STATE/volumes"
}

start_containerd() {
    start_process containerd "$CONTAINERD_DIR/bin/containerd" --config "$STATE/config/containerd.toml"
}

start_node() {
    start_process kubelet "$KUBERNETES_DIR/bin/kubelet" --config "$STATE/config/kubelet.yaml" \
        --kubeconfig "$STATE/kubeconfigs/kubelet" --hostname-override node-1 \
        --node-ip "$NODE_IP" --root-dir "$STATE/kubelet" --cert-dir "$STATE/kubelet/pki"
    start_process kube-proxy "$KUBERNETES_DIR/bin/kube-proxy" \
        --config "$STATE/config/kube-proxy.yaml"
    start_process coredns "$COREDNS_DIR/bin/coredns" -conf "$STATE/config/coredns.Corefile"
}

start_kwok() {
    local number
    for ((number = 1; number <= FAKE_NODES; number++)); do
        sed "s|@NODE@|fake-$number|g" "$STATE/config/fake-node.yaml"
        echo ---
    done | kubectl_admin apply -f - >"$STATE/logs/fake-nodes.log" 2>&1 || {
        show_log_end "$STATE/logs/fake-nodes.log"
        die "the fake nodes could not be made, see $STATE/logs/fake-nodes.log"
    }
    start_process kwok "$KWOK_DIR/bin/kwok" --kubeconfig "$STATE/kubeconfigs/kwok" \
        --config "$STATE/config/kwok.yaml" --node-ip "$NODE_IP" --cidr 10.244.0.0/16 \
        --manage-all-nodes=true --node-lease-duration-seconds 40
}

process_names() {
    echo etcd kube-apiserver
    [ "$MODE" = api ] || echo kube-controller-manager kube-scheduler volume-provisioner
    case $MODE in
    kwok) echo kwok ;;
    real) echo containerd kubelet kube-proxy coredns ;;
    esac
}

nodes_are_ready() {
    local states
    states=$(kubectl_admin get nodes \
        -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return 1
    grep -q True <<<"$states" && ! grep -qv True <<<"$states"
}

has_default_account() {
    kubectl_admin -n default get serviceaccount default
}

dns_is_ready() {
    in_netns curl --noproxy '*' -fsS --max-time 2 http://127.0.0.1:8181/ready
}

ctr_node() {
    "$CONTAINERD_DIR/bin/ctr" --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"
}

# Lines "NAME DIGEST" of an archive's images.
archive_images() {
    local index
    index=$(tar -xOf "$1" index.json 2>/dev/null || tar -xOf "$1" ./index.json 2>/dev/null) ||
        die "$1 is no OCI image archive: it has no index.json"
    jq -er '.manifests[] | "\(.annotations["io.containerd.image.name"] // error) \(.digest)"' \
        <<<"$index" 2>/dev/null ||
        die "$1 does not name its images: index.json needs the annotation io.containerd.image.name"
}

# node_has_images LINES: true if the node has each by the same digest.
node_has_images() {
    local present name digest
    # Its standard error has notes on what containerd deprecates.
    present=$(ctr_node images list 2>"$STATE/logs/load.log") || {
        show_log_end "$STATE/logs/load.log"
        die "containerd does not answer, see $STATE/logs/containerd.log"
    }
    while read -r name digest; do
        awk -v name="$name" -v digest="$digest" '$1 == name && $3 == digest {found = 1}
            END {exit !found}' <<<"$present" || return 1
    done <<<"$1"
}

# import_archive ARCHIVE: unless the node has all its images already.
import_archive() {
    local archive=$1 images names log=$STATE/logs/load.log
    images=$(archive_images "$archive") || exit 1
    names=$(awk '{print $1}' <<<"$images" | paste -sd ' ')
    if node_has_images "$images"; then
        say "already loaded: $names"
        return 0
    fi
    run_step "loading $names" "$READY_LIMIT_S" "$log" "$CONTAINERD_DIR/bin/ctr" \
        --address "$CONTAINERD_SOCKET" --namespace k8s.io images import "$archive" || {
        show_log_end "$log"
        die "$archive could not be loaded, see $log"
    }
}

apply_base() {
    local log=$STATE/logs/base.log
    kubectl_admin apply --server-side --force-conflicts -f "$STATE/config/base.yaml" >"$log" 2>&1 || {
        show_log_end "$log"
        die "the cluster's base objects could not be applied, see $log"
    }
}

start_all() {
    start_etcd
    start_apiserver
    [ "$MODE" != real ] || start_containerd
    say "starting the control plane at https://$NODE_IP:6443"
    wait_until 'an API server that is ready' "$READY_LIMIT_S" kube-apiserver api_is_ready
    if [ "$MODE" = api ]; then
        apply_base
        return 0
    fi
    start_controllers
    start_provisioner
    if [ "$MODE" = kwok ]; then
        start_kwok
        wait_until 'nodes that are Ready' "$READY_LIMIT_S" kwok nodes_are_ready
    else
        wait_until 'containerd' "$READY_LIMIT_S" containerd ctr_node version
        import_archive "$NODE_IMAGES_DIR/pause.tar"
        import_archive "$NODE_IMAGES_DIR/probe.tar"
        start_node
        say 'starting the node'
        wait_until 'a node that is Ready' "$READY_LIMIT_S" kubelet nodes_are_ready
    fi
    apply_base
    [ "$MODE" != real ] || wait_until 'the DNS server' "$READY_LIMIT_S" coredns dns_is_ready
    wait_until 'the default service account' "$READY_LIMIT_S" kube-controller-manager \
        has_default_account
}
