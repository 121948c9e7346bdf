# shellcheck shell=bash
# Keys, certificates and kubeconfigs of one cluster.

readonly CERTIFICATE_DAYS=3650

new_key() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$1"
}

# new_certificate FOLDER NAME SUBJECT [EXTENSIONS]: signed by the cluster's CA.
new_certificate() {
    local base=$1/$2 subject=$3 extensions=${4:-extendedKeyUsage=clientAuth}
    new_key "$base.key"
    openssl req -new -key "$base.key" -subj "$subject" -out "$base.csr"
    openssl x509 -req -in "$base.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -sha256 \
        -days "$CERTIFICATE_DAYS" -out "$base.crt" \
        -extfile <(printf 'keyUsage=critical,digitalSignature\n%s\n' "$extensions")
    rm "$base.csr"
}

write_pki() {
    local folder=$1 names
    names=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
    names+=,DNS:kubernetes.default.svc.cluster.local,DNS:localhost
    names+=,IP:127.0.0.1,IP:10.96.0.1,IP:$NODE_IP
    new_key "$folder/ca.key"
    openssl req -x509 -new -key "$folder/ca.key" -subj "/CN=tidemill-cluster-$NAME" -sha256 \
        -days "$CERTIFICATE_DAYS" -out "$folder/ca.crt" \
        -addext 'keyUsage=critical,digitalSignature,keyCertSign'
    new_key "$folder/service-account.key"
    new_certificate "$folder" kube-apiserver /CN=kube-apiserver \
        "extendedKeyUsage=serverAuth"$'\n'"subjectAltName=$names"
    new_certificate "$folder" kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
    new_certificate "$folder" admin /O=system:masters/CN=admin
    new_certificate "$folder" kube-controller-manager /CN=system:kube-controller-manager
    new_certificate "$folder" kube-scheduler /CN=system:kube-scheduler
    new_certificate "$folder" kube-proxy /CN=system:kube-proxy
    new_certificate "$folder" kubelet /O=system:nodes/CN=system:node:node-1
    new_certificate "$folder" coredns /CN=system:coredns
    new_certificate "$folder" volume-provisioner /CN=tidemill:volume-provisioner
    new_certificate "$folder" kwok /O=system:masters/CN=kwok
}

inline() {
    base64 -w 0 "$1"
}

write_kubeconfig() {
    local file=$1 user=$2
    cat >"$file" <<TEXT
apiVersion: v1
kind: Config
clusters:
  - name: $NAME
    cluster:
      server: https://$NODE_IP:6443
      certificate-authority-data: $(inline "$STATE/pki/ca.crt")
users:
  - name: $user
    user:
      client-certificate-data: $(inline "$STATE/pki/$user.crt")
      client-key-data: $(inline "$STATE/pki/$user.key")
contexts:
  - name: $NAME
    context: {cluster: $NAME, user: $user}
current-context: $NAME
TEXT
}

ensure_pki() {
    local building=$STATE/pki.new
    if [ -d "$STATE/pki" ]; then
        return 0
    fi
    rm -rf "$building"
    (umask 077 && mkdir "$building" && write_pki "$building") >"$STATE/logs/pki.log" 2>&1 || {
        show_log_end "$STATE/logs/pki.log"
        die "the certificates could not be made, see $STATE/logs/pki.log"
    }
    mv "$building" "$STATE/pki"
}

# Written anew each time, which is cheap, and complete or not at all.
write_kubeconfigs() {
    local user
    mkdir -p "$STATE/kubeconfigs"
    chmod 700 "$STATE/kubeconfigs"
    for user in kube-controller-manager kube-scheduler kube-proxy kubelet coredns \
        volume-provisioner kwok; do
        write_kubeconfig "$STATE/kubeconfigs/$user" "$user"
    done
    (umask 077 && write_kubeconfig "$KUBECONFIG_FILE.new" admin)
    # The one who called, not only root, is to use the cluster.
    chown "${SUDO_UID:-0}:${SUDO_GID:-0}" "$KUBECONFIG_FILE.new"
    mv "$KUBECONFIG_FILE.new" "$KUBECONFIG_FILE"
}
