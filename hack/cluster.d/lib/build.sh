# shellcheck shell=bash
# The programs of the cluster, built once for each version into the cache. A
# folder there is complete or absent: each is built beside and moved into place.

readonly KUBERNETES_VERSION=v1.36.3
readonly CONTAINERD_VERSION=v2.3.7
readonly RUNC_VERSION=v1.4.3
readonly COREDNS_VERSION=v1.15.0
readonly KWOK_VERSION=v0.8.0
readonly REGISTRY_VERSION=v3.1.2   # distribution, an OCI registry
readonly VERSITYGW_VERSION=v1.8.0  # an S3 server
readonly GITEA_VERSION=v1.24.0     # a Git forge that sends webhooks

readonly BUILD_LIMIT_S=1800
readonly BUILD_TRIES=2
readonly STRIPPED='-s -w'

# Hash of the files of some folders below hack/cluster.d, for the cache's names.
sources_hash() {
    (cd "$HERE" && find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) |
        sha256sum | cut -c 1-12
}

name_tools() {
    local tools=$CACHE/tools
    KUBERNETES_DIR=$tools/kubernetes-$KUBERNETES_VERSION-$(sources_hash kubernetes)
    COREDNS_DIR=$tools/coredns-$COREDNS_VERSION-$(sources_hash coredns)
    CONTAINERD_DIR=$tools/containerd-$CONTAINERD_VERSION
    RUNC_DIR=$tools/runc-$RUNC_VERSION
    KWOK_DIR=$tools/kwok-$KWOK_VERSION
    REGISTRY_DIR=$tools/registry-$REGISTRY_VERSION
    VERSITYGW_DIR=$tools/versitygw-$VERSITYGW_VERSION
    GITEA_DIR=$tools/gitea-$GITEA_VERSION
    PROMETHEUS_DIR=$tools/prometheus-debian
    NODE_IMAGES_DIR=$tools/node-images-$(sources_hash pause probe lib/oci.sh)
    # shellcheck disable=SC2034 # used by the other libraries
    KUBECTL=$KUBERNETES_DIR/user-bin/kubectl
}

find_go() {
    command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
    command -v go >/dev/null || die "Go is missing: install Go 1.26 or newer, or put it on PATH"
}

# go_step WHAT FOLDER CGO COMMAND...: runs go in a folder, apart from what the
# user's settings may say, and once more if it fails: downloads do.
go_step() {
    local what=$1 folder=$2 cgo=$3 try log
    log=$CACHE/logs/$(basename "$target").log
    shift 3
    for ((try = 1; try <= BUILD_TRIES; try++)); do
        if run_step "$what" "$BUILD_LIMIT_S" "$log" \
            env -C "$folder" GOBIN="$building/bin" CGO_ENABLED="$cgo" GOFLAGS=-buildvcs=false \
            GOTOOLCHAIN=local GOWORK=off GO111MODULE=on GOOS= GOARCH= "$@"; then
            return 0
        fi
        say "failed (try $try of $BUILD_TRIES): $what"
    done
    show_log_end "$log"
    die "$what: failed, the whole log is $log"
}

build_kubernetes() {
    local version=k8s.io/component-base/version name
    local flags="$STRIPPED -X $version.gitVersion=$KUBERNETES_VERSION"
    flags+=" -X $version.gitMajor=1 -X $version.gitMinor=36 -X $version.gitTreeState=clean"
    go_step "building Kubernetes $KUBERNETES_VERSION and etcd (the first time about 5 minutes)" \
        "$HERE/kubernetes" 0 \
        go build -trimpath -ldflags "$flags" -o "$building/bin/kubernetes" .
    for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet \
        volume-provisioner etcd kubectl; do
        ln -s kubernetes "$building/bin/$name"
    done
    # What a user's PATH gets: kubectl and nothing else.
    mkdir "$building/user-bin"
    ln -s ../bin/kubernetes "$building/user-bin/kubectl"
}

build_containerd() {
    local package=github.com/containerd/containerd/v2/cmd
    go_step "building containerd $CONTAINERD_VERSION (about 1 minute)" "$building" 0 \
        go install -trimpath -ldflags "$STRIPPED" "$package/containerd@$CONTAINERD_VERSION" \
        "$package/containerd-shim-runc-v2@$CONTAINERD_VERSION" "$package/ctr@$CONTAINERD_VERSION"
}

build_runc() {
    go_step "building runc $RUNC_VERSION" "$building" 1 \
        go install -trimpath -tags seccomp -ldflags "$STRIPPED" \
        "github.com/opencontainers/runc@$RUNC_VERSION"
}

build_coredns() {
    go_step "building CoreDNS $COREDNS_VERSION (about 1 minute)" "$HERE/coredns" 0 \
        go build -trimpath -ldflags "$STRIPPED" -o "$building/bin/coredns" .
}

build_kwok() {
    go_step "building kwok $KWOK_VERSION (about 1 minute)" "$building" 0 \
        go install -trimpath -ldflags "$STRIPPED" "sigs.k8s.io/kwok/cmd/kwok@$KWOK_VERSION"
}

build_registry() {
    go_step "building an OCI registry, distribution $REGISTRY_VERSION (about 2 minutes)" \
        "$building" 0 go install -trimpath -ldflags "$STRIPPED" \
        "github.com/distribution/distribution/v3/cmd/registry@$REGISTRY_VERSION"
}

build_versitygw() {
    go_step "building an S3 server, versitygw $VERSITYGW_VERSION (about 1 minute)" "$building" 0 \
        go install -trimpath -ldflags "$STRIPPED" \
        "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW_VERSION"
}

# Its go.mod has replace directives, so it is built in a copy of its module. What it reads at run
# time lies beside the program; of its web pages nothing is built.
build_gitea() {
    local source=$building/source folder
    go_step "fetching Gitea $GITEA_VERSION" "$building" 0 \
        go mod download "code.gitea.io/gitea@$GITEA_VERSION"
    cp -r "$(go env GOMODCACHE)/code.gitea.io/gitea@$GITEA_VERSION" "$source"
    chmod -R u+w "$source"
    go_step "building Gitea $GITEA_VERSION (about 4 minutes)" "$source" 1 \
        go build -trimpath -tags 'sqlite sqlite_unlock_notify' -ldflags "$STRIPPED" \
        -o "$building/bin/gitea" .
    for folder in templates options public; do
        mv "$source/$folder" "$building/$folder"
    done
    rm -r "$source"
}

# Debian's own, unpacked here and not installed: installing it would start it.
fetch_prometheus() {
    local log=$CACHE/logs/prometheus-debian.log
    run_step 'fetching Prometheus' "$BUILD_LIMIT_S" "$log" \
        env -C "$building" apt-get download prometheus || {
        show_log_end "$log"
        die "Prometheus could not be fetched, the whole log is $log"
    }
    dpkg-deb -x "$building"/prometheus_*.deb "$building/root"
    mv "$building/root/usr/bin/prometheus" "$building/bin/prometheus"
    rm -r "$building/root" "$building"/prometheus_*.deb
}

server_folder() {
    case "$1" in
    registry) echo "$REGISTRY_DIR" ;;
    s3) echo "$VERSITYGW_DIR" ;;
    gitea) echo "$GITEA_DIR" ;;
    prometheus) echo "$PROMETHEUS_DIR" ;;
    *) die "there is no server $1: say registry, s3, gitea or prometheus" ;;
    esac
}

build_server() {
    case "$1" in
    registry) ensure_built "$REGISTRY_DIR" build_registry ;;
    s3) ensure_built "$VERSITYGW_DIR" build_versitygw ;;
    gitea) ensure_built "$GITEA_DIR" build_gitea ;;
    prometheus) ensure_built "$PROMETHEUS_DIR" fetch_prometheus ;;
    esac
}

# Real servers, all or those named; prints the folders with their programs.
build_servers() {
    local name folder complete=yes
    local -a folders=()
    [ $# -gt 0 ] || set -- registry s3 gitea prometheus
    for name in "$@"; do
        folder=$(server_folder "$name") || exit 1
        [ -d "$folder" ] || complete=no
        folders+=("$folder")
    done
    if [ "$complete" = no ]; then
        find_go
        mkdir -p "$CACHE/tools" "$CACHE/logs"
        take_lock 8 "$CACHE/build.lock" $((2 * BUILD_LIMIT_S)) 'another build into the same cache'
        for name in "$@"; do
            build_server "$name"
        done
        exec 8>&-
    fi
    printf '%s/bin\n' "${folders[@]}"
}

build_node_images() {
    local root=$building/root
    mkdir "$root"
    gcc -static -Os -s -Wall -Wextra -Werror -o "$root/pause" "$HERE/pause/pause.c" ||
        die "the pause image could not be compiled, see above"
    write_oci_archive "$building/pause.tar" localhost/pause:1 "$root" /pause
    rm "$root/pause"
    go_step "building the images for the node" "$HERE/probe" 0 \
        go build -trimpath -ldflags "$STRIPPED" -o "$root/probe" .
    write_oci_archive "$building/probe.tar" localhost/tidemill-probe:1 "$root" /probe
    rm -r "$root"
    rmdir "$building/bin"
}

# ensure_built FOLDER FUNCTION
ensure_built() {
    target=$1
    if [ -d "$target" ]; then
        return 0
    fi
    building=$CACHE/tools/.building-$(basename "$target")
    rm -rf "$building"
    mkdir -p "$building/bin"
    "$2"
    mv "$building" "$target"
}

# Builds what is missing for a cluster of the wanted mode.
build_tools() {
    local -a wanted=("$KUBERNETES_DIR")
    case $MODE in
    kwok) wanted+=("$KWOK_DIR") ;;
    real) wanted+=("$CONTAINERD_DIR" "$RUNC_DIR" "$COREDNS_DIR" "$NODE_IMAGES_DIR") ;;
    esac
    local folder complete=yes
    for folder in "${wanted[@]}"; do
        [ -d "$folder" ] || complete=no
    done
    [ "$complete" = no ] || return 0
    find_go
    mkdir -p "$CACHE/tools" "$CACHE/logs"
    take_lock 8 "$CACHE/build.lock" $((2 * BUILD_LIMIT_S)) 'another build into the same cache'
    ensure_built "$KUBERNETES_DIR" build_kubernetes
    case $MODE in
    kwok) ensure_built "$KWOK_DIR" build_kwok ;;
    real)
        ensure_built "$CONTAINERD_DIR" build_containerd
        ensure_built "$RUNC_DIR" build_runc
        ensure_built "$COREDNS_DIR" build_coredns
        ensure_built "$NODE_IMAGES_DIR" build_node_images
        ;;
    esac
    exec 8>&-
    say 'everything is built'
}
