# shellcheck shell=bash
# OCI image archives without any image tool: a layout is a few small JSON files
# and blobs named by their hash (OCI image-spec v1.1, image-layout.md).

# add_blob LAYOUT FILE: moves the file among the blobs, prints "DIGEST SIZE".
add_blob() {
    local layout=$1 file=$2 digest size
    digest=$(sha256sum "$file" | cut -d ' ' -f 1)
    size=$(stat -c %s "$file")
    mv "$file" "$layout/blobs/sha256/$digest"
    echo "sha256:$digest $size"
}

same_tar() {
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner "$@"
}

oci_architecture() {
    case "$(uname -m)" in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
    esac
}

# write_oci_archive ARCHIVE NAME ROOT PROGRAM: one layer from ROOT, run as PROGRAM.
write_oci_archive() {
    local archive=$1 name=$2 root=$3 program=$4
    local layout=$archive.layout layer config manifest
    mkdir -p "$layout/blobs/sha256"
    same_tar -C "$root" -cf "$layout/new" .
    layer=$(add_blob "$layout" "$layout/new")
    jq -cn --arg arch "$(oci_architecture)" --arg program "$program" --arg layer "${layer% *}" '{
        architecture: $arch, os: "linux", config: {Entrypoint: [$program], User: "65534:65534"},
        rootfs: {type: "layers", diff_ids: [$layer]}}' >"$layout/new"
    config=$(add_blob "$layout" "$layout/new")
    jq -cn --arg config "${config% *}" --argjson config_size "${config#* }" \
        --arg layer "${layer% *}" --argjson layer_size "${layer#* }" '{
        schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: {mediaType: "application/vnd.oci.image.config.v1+json",
                 digest: $config, size: $config_size},
        layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar",
                  digest: $layer, size: $layer_size}]}' >"$layout/new"
    manifest=$(add_blob "$layout" "$layout/new")
    jq -cn --arg digest "${manifest% *}" --argjson size "${manifest#* }" --arg name "$name" '{
        schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json",
        digest: $digest, size: $size, annotations: {"io.containerd.image.name": $name}}]}' \
        >"$layout/index.json"
    echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
    same_tar -C "$layout" -cf "$archive" .
    rm -r "$layout"
}
