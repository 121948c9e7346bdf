# shellcheck shell=bash
# What a cluster has of the machine: a network namespace with a pair of
# interfaces, a control group, mounts and folders. All are named after it.

readonly STATES=/var/lib/tidemill-clusters
readonly RUNS=/run/tidemill-clusters
readonly SUBNET_PREFIX=10.213 # .N.1 is this machine, .N.2 the node of cluster N
readonly SUBNET_LAST=250
readonly SERVICE_SUBNET=10.96.0.0/16
readonly LOCK_LIMIT_S=900

# shellcheck disable=SC2034 # the other libraries use these names
name_cluster() {
    STATE=$STATES/$NAME
    RUN=$RUNS/$NAME
    NETNS=tm-$NAME
    NETNS_FILE=/run/netns/$NETNS
    KUBECONFIG_FILE=$STATE/kubeconfig
    AUDIT_LOG=$STATE/logs/audit.log
    CONTAINERD_SOCKET=$RUN/containerd.sock
}

lock_cluster() {
    mkdir -p "$STATES" "$RUNS"
    take_lock 9 "$RUNS/.$NAME.lock" "$LOCK_LIMIT_S" "another command on cluster $NAME"
}

subnet_is_free() {
    local number=$1 file
    for file in "$STATES"/*/subnet; do
        [ "$(cat "$file" 2>/dev/null)" != "$number" ] || return 1
    done
    ! ip -4 -o address show | grep -qF " $SUBNET_PREFIX.$number." &&
        ! ip -4 route show | grep -qE "^${SUBNET_PREFIX/./\\.}\.$number\."
}

# Two new clusters at once must not take the same number.
allocate_subnet() {
    local number
    take_lock 7 "$RUNS/.subnets.lock" "$LOCK_LIMIT_S" 'another new cluster'
    for ((number = 1; number <= SUBNET_LAST; number++)); do
        if subnet_is_free "$number"; then
            echo "$number" >"$STATE/subnet.new"
            mv "$STATE/subnet.new" "$STATE/subnet"
            exec 7>&-
            return 0
        fi
    done
    die "no free subnet $SUBNET_PREFIX.1.0 to $SUBNET_PREFIX.$SUBNET_LAST.0: end some clusters (hack/cluster list)"
}

read_subnet() {
    local number
    number=$(cat "$STATE/subnet" 2>/dev/null) || return 1
    NODE_IP=$SUBNET_PREFIX.$number.2
    HOST_IP=$SUBNET_PREFIX.$number.1
    HOST_LINK=tmv$number
}

in_netns() {
    nsenter --net="$NETNS_FILE" -- "$@"
}

# No default route: what is not the cluster's own fails at once, not by time-out.
set_up_network() {
    mkdir -p /run/netns
    if ! in_netns true 2>/dev/null; then
        # An interrupted `ip netns add` leaves a plain file.
        rm -f "$NETNS_FILE"
        ip netns add "$NETNS"
    fi
    if ! ip -n "$NETNS" link show node0 >/dev/null 2>&1; then
        ip link delete "$HOST_LINK" 2>/dev/null || true
        ip link add "$HOST_LINK" type veth peer name node0 netns "$NETNS"
    fi
    ip address replace "$HOST_IP/30" dev "$HOST_LINK"
    ip link set "$HOST_LINK" up
    ip -n "$NETNS" address replace "$NODE_IP/30" dev node0
    ip -n "$NETNS" link set lo up
    ip -n "$NETNS" link set node0 up
    # A Service's address needs some route before it is translated.
    ip -n "$NETNS" route replace "$SERVICE_SUBNET" dev node0
    in_netns sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# The roots of all hierarchies. Where there are some of version 1, runc makes
# groups in a version 2 one beside them too.
cgroup_roots() {
    awk '$3 == "cgroup" || $3 == "cgroup2" {print $2}' /proc/mounts
}

set_up_cgroups() {
    local root file controllers
    while read -r root; do
        mkdir -p "$root/$NETNS"
        # A new cpuset is empty, and nothing can be put into an empty one.
        for file in cpuset.cpus cpuset.mems; do
            if [ -e "$root/$file" ] && [ ! -e "$root/cgroup.controllers" ] &&
                [ -z "$(cat "$root/$NETNS/$file")" ]; then
                cat "$root/$file" >"$root/$NETNS/$file"
            fi
        done
        if [ -e "$root/cgroup.controllers" ]; then
            controllers=$(sed -E 's/(^| )/\1+/g' "$root/cgroup.controllers")
            echo "$controllers" >"$root/cgroup.subtree_control" 2>/dev/null || true
            echo "$controllers" >"$root/$NETNS/cgroup.subtree_control" 2>/dev/null || true
        fi
    done < <(cgroup_roots)
}

cgroup_pids() {
    local root
    while read -r root; do
        if [ -d "$root/$NETNS" ]; then
            find "$root/$NETNS" -name cgroup.procs -exec cat {} + 2>/dev/null || true
        fi
    done < <(cgroup_roots) | sort -un
}

namespace_pids() {
    ip netns pids "$NETNS" 2>/dev/null || true
}

# Kills what is in the cluster's control group or network: containers, their
# shims, and whatever was started into it. Nothing of the machine's own is there.
kill_members() {
    local deadline=$((SECONDS + STOP_LIMIT_S)) pids
    while pids=$(namespace_pids && cgroup_pids) && [ -n "$pids" ]; do
        # shellcheck disable=SC2086
        kill -KILL $pids 2>/dev/null || true
        if [ "$SECONDS" -ge "$deadline" ]; then
            die "these processes of cluster $NAME do not end: $(tr '\n' ' ' <<<"$pids")"
        fi
        sleep 0.1
    done
}

# Mounts below the cluster's folders, the innermost first.
cluster_mounts() {
    awk -v state="$STATE/" -v run="$RUN/" \
        'index($5, state) == 1 || index($5, run) == 1 {print $5}' /proc/self/mountinfo | sort -r
}

unmount_all() {
    local mount
    while read -r mount; do
        # The kernel writes blanks in a name as \040.
        mount=$(printf '%b' "$mount")
        umount "$mount" 2>/dev/null || umount -l "$mount" 2>/dev/null || true
    done < <(cluster_mounts)
    if [ -n "$(cluster_mounts)" ]; then
        die "can't unmount: $(cluster_mounts | head -n 3 | tr '\n' ' ')"
    fi
}

remove_cgroups() {
    local root
    while read -r root; do
        if [ -d "$root/$NETNS" ]; then
            find "$root/$NETNS" -depth -type d -exec rmdir {} \; 2>/dev/null || true
        fi
    done < <(cgroup_roots)
}

remove_network() {
    if read_subnet; then
        ip link delete "$HOST_LINK" 2>/dev/null || true
    fi
    if [ -e "$NETNS_FILE" ]; then
        ip netns delete "$NETNS" 2>/dev/null || rm -f "$NETNS_FILE"
    fi
}

# What the kubelet and the network plugins keep in fixed places of the machine.
remove_traces() {
    find /var/log/containers -maxdepth 1 -type l -lname "$STATE/*" -delete 2>/dev/null || true
    find /var/lib/cni/results -maxdepth 1 -regextype posix-extended \
        -regex ".*/$NETNS-[0-9a-f]{64}-[a-z0-9]+" -delete 2>/dev/null || true
}

remove_rests() {
    local rest
    for rest in "$STATES/.removed-$NAME".*; do
        [ ! -e "$rest" ] || rm -rf --one-file-system "$rest"
    done
}

# Moved away first: a half-removed folder must not be taken for a cluster.
remove_folders() {
    rm -rf --one-file-system "$RUN"
    if [ -e "$STATE" ]; then
        mv "$STATE" "$STATES/.removed-$NAME.$$"
    fi
    remove_rests
}
