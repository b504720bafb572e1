# Sourced by hack/publish: container images without a container engine. The file system is a few of Debian's packages, unpacked; the archive is an OCI image layout, with the manifest.json beside it
# that docker load wants.

# gcc-12-base has the copyright of libgcc-s1.
IMAGE_PACKAGES="libc6 gcc-12-base libgcc-s1 libssl3 zlib1g ca-certificates"
# pci.ids has the names of devices.
declare -A MORE_PACKAGES=([operator]="" [device-plugin]="pci.ids")
declare -A IMAGE_USER=([operator]=1654 [device-plugin]=0)   # a number and no name: Kubernetes checks runAsNonRoot by number; the agent writes the host's sysfs
declare -A IMAGE_TITLE=(
  [operator]="Says which node gets which passthrough policies, and what became of them."
  [device-plugin]="Passes a node's devices to VM pods by VFIO."
)

# What everything in an archive is dated by: the last commit, else the start of 1980, so that the same sources give the same image.
image_epoch() { echo "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 315532800)}"; }
digest_of() { local sum; sum=$(sha256sum "$1"); echo "${sum%% *}"; }

# layer ROOT FILE EPOCH: a layer's tar, compressed, and its digest before that in FILE.diff.
layer() {
  tar -C "$1" --sort=name --mtime="@$3" --owner=0 --group=0 --numeric-owner --format=gnu -cf "$2.tar" .
  digest_of "$2.tar" >"$2.diff"
  gzip -9 -n -c "$2.tar" >"$2"; rm "$2.tar"
}

# base_layer PROJECT ARCH: sets BASE to the file of the layer with Debian's packages; kept for a day, since they are mended often.
base_layer() {
  local packages="$IMAGE_PACKAGES ${MORE_PACKAGES[$1]}" arch=$2 work deb
  BASE=artifacts/publish.cache/base-$1-$arch-$(date -u +%Y%m%d)-$(cat hack/publish.d/images.sh hack/lab.d/apt.sh | sha256sum | cut -c1-12)
  [ ! -s "$BASE" ] || return 0
  [ "$(. /etc/os-release 2>/dev/null; echo "${ID:-} ${VERSION_ID:-}")" = "debian 12" ] \
    || die "images are made of Debian 12's packages by its apt, and this is another system: run it in a debian:12 container, or use Dockerfile, or --only programs,chart"
  say "unpacking $packages for $arch"
  rm -f artifacts/publish.cache/base-"$1-$arch"-*
  work=$(mktemp -d)
  private_apt "$work" "$arch"
  mkdir -p "$work"/{debs,root}
  APT_CONFIG=$work/apt/apt.conf apt-get -qq update || die "apt-get update failed for $arch: see above"
  # shellcheck disable=SC2086 # several words
  (cd "$work/debs" && APT_CONFIG=$work/apt/apt.conf apt-get -qq download $packages >/dev/null) || die "$packages did not download for $arch: see above"
  base_files "$work"
  # As old as its newest package and no commit: one set of packages is one layer, whichever commit unpacked it first.
  layer "$work/root" "$REPOSITORY/$BASE.new" "$(newest_package "$work/debs")"
  mv "$BASE.new.diff" "$BASE.diff"; mv "$BASE.new" "$BASE"
  rm -rf "$work"
}

# newest_package DIRECTORY: when the last of its packages was made, in seconds since 1970.
newest_package() {
  local deb
  for deb in "$1"/*.deb; do dpkg-deb --ctrl-tarfile "$deb" | tar -tv --full-time --utc; done | awk '{ print $4, $5 }' | LC_ALL=C sort | tail -n 1 | date -u -f - +%s
}

# One tree with a merged /usr, and what the packages' own scripts would have made.
base_files() {   # base_files WORK
  local root=$1/root name deb
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/etc/ssl/certs "$root"/usr/lib/ssl
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
  for deb in "$1"/debs/*.deb; do dpkg --fsys-tarfile "$deb" | tar -x --no-same-owner --keep-directory-symlink -C "$root"; done
  # What nobody reads in an image; the copyrights stay.
  rm -rf "$root"/usr/share/{man,locale,lintian,bug,doc-base} "$root"/usr/lib/*-linux-gnu/{gconv,audit} "$root"/usr/sbin/* "$root"/usr/bin/*
  find "$root/usr/share/doc" -type f ! -name copyright -delete
  find "$root"/usr/share/ca-certificates -name '*.crt' -print0 | LC_ALL=C sort -z | xargs -0 cat >"$root/etc/ssl/certs/ca-certificates.crt"
  [ "$(grep -c BEGIN "$root/etc/ssl/certs/ca-certificates.crt")" -gt 50 ] || die "Debian's ca-certificates hold hardly any certificate: was the package cut?"
  ln -sf /etc/ssl/certs "$root/usr/lib/ssl/certs"
  ln -sf /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
  printf 'root:x:0:0:root:/:/sbin/nologin\nhostdev:x:1654:1654:Hostdev:/:/sbin/nologin\n' >"$root/etc/passwd"
  printf 'root:x:0:\nhostdev:x:1654:\n' >"$root/etc/group"
  printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
  mkdir -p -m 1777 "$root/tmp"
  # Debian's list, by name and version, where scanners of images look for it.
  mkdir -p "$root/var/lib/dpkg/status.d"
  for deb in "$1"/debs/*.deb; do
    name=$(dpkg-deb --field "$deb" Package)
    dpkg-deb --field "$deb" >"$root/var/lib/dpkg/status.d/$name"
    [ -r "$root/usr/share/doc/$name/copyright" ] || die "the image would have $name without its copyright: which package has it?"
  done
}

# blob DIRECTORY FILE: puts a file among the blobs and prints "digest size".
blob() { local digest; digest=$(digest_of "$2"); cp "$2" "$1/blobs/sha256/$digest"; echo "$digest $(stat -c %s "$2")"; }

publish_image() {   # publish_image PROJECT ARCH OUT
  local project=$1 arch=$2 out=$3 name=hostdev-$1 image work base_digest base_size program_digest program_size config_digest config_size manifest_digest manifest_size created
  image=$out/$(image_file "$project" "$arch")
  command -v dpkg-deb >/dev/null || die "images are made of Debian's packages, and there is no dpkg here: use Dockerfile, or --only programs,chart"
  . hack/lab.d/apt.sh
  base_layer "$project" "$arch"
  work=$(mktemp -d)
  mkdir -p "$work"/{root,image/blobs/sha256}
  install -m 755 "$out/linux-$arch/$name" "$work/root/$name"
  layer "$work/root" "$work/program" "$(image_epoch)"
  read -r base_digest base_size < <(blob "$work/image" "$BASE")
  read -r program_digest program_size < <(blob "$work/image" "$work/program")
  created=$(date -u -d "@$(image_epoch)" +%Y-%m-%dT%H:%M:%SZ)
  cat >"$work/config" <<JSON
{"created":"$created","architecture":"$arch","os":"linux","config":{"User":"${IMAGE_USER[$project]}","Entrypoint":["/$name"],"Cmd":["run"],"WorkingDir":"/","Env":["PATH=/","DOTNET_EnableDiagnostics=0"],"Labels":{"org.opencontainers.image.title":"$name","org.opencontainers.image.description":"${IMAGE_TITLE[$project]}","org.opencontainers.image.version":"$VERSION","org.opencontainers.image.licenses":"Apache-2.0","org.opencontainers.image.vendor":"The Hostdev authors"}},"rootfs":{"type":"layers","diff_ids":["sha256:$(<"$BASE.diff")","sha256:$(<"$work/program.diff")"]},"history":[{"created":"$created","created_by":"Debian 12: $IMAGE_PACKAGES ${MORE_PACKAGES[$project]}"},{"created":"$created","created_by":"hack/publish"}]}
JSON
  read -r config_digest config_size < <(blob "$work/image" "$work/config")
  cat >"$work/manifest" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config_digest","size":$config_size},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$base_digest","size":$base_size},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$program_digest","size":$program_size}]}
JSON
  read -r manifest_digest manifest_size < <(blob "$work/image" "$work/manifest")
  echo '{"imageLayoutVersion":"1.0.0"}' >"$work/image/oci-layout"
  cat >"$work/image/index.json" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest_digest","size":$manifest_size,"platform":{"architecture":"$arch","os":"linux"},"annotations":{"io.containerd.image.name":"docker.io/library/$name:$VERSION","org.opencontainers.image.ref.name":"$VERSION"}}]}
JSON
  cat >"$work/image/manifest.json" <<JSON
[{"Config":"blobs/sha256/$config_digest","RepoTags":["$name:$VERSION"],"Layers":["blobs/sha256/$base_digest","blobs/sha256/$program_digest"]}]
JSON
  image_archive "$work/image" "$image"
  rm -rf "$work"
}

# The archive of a project's image: of one architecture, or of all without one.
image_file() { echo "hostdev-$1-$VERSION${2:+-linux-$2}.oci.tar"; }   # image_file PROJECT [ARCH]

image_archive() {   # image_archive LAYOUT FILE
  tar -C "$1" --sort=name --mtime="@$(image_epoch)" --owner=0 --group=0 --numeric-owner --format=gnu -cf "$2.new" oci-layout index.json manifest.json blobs
  mv "$2.new" "$2"
}

# publish_index PROJECT OUT: one archive with the images of all architectures, by an index that has the name. docker's older store knows no index: it gets the images by manifest.json, each by a tag of its own.
publish_index() {
  local project=$1 out=$2 name=hostdev-$1 work arch digest size entries=() loaded=()
  work=$(mktemp -d)
  for arch in ${ARCHES//,/ }; do
    mkdir -p "$work/one"
    tar -C "$work/one" -xf "$out/$(image_file "$project" "$arch")"
    entries+=("$(sed -E 's/.*"manifests":\[(.*),"annotations".*/\1}/' "$work/one/index.json")")
    loaded+=("$(sed -E "s/^\[(.*)\]$/\1/; s/\"$name:$VERSION\"/\"$name:$VERSION-$arch\"/" "$work/one/manifest.json")")
    mkdir -p "$work/all"
    cp -r "$work/one/blobs" "$work/one/oci-layout" "$work/all/"
    rm -rf "$work/one"
  done
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' "$(IFS=,; echo "${entries[*]}")" >"$work/index"
  read -r digest size < <(blob "$work/all" "$work/index")
  cat >"$work/all/index.json" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:$digest","size":$size,"annotations":{"io.containerd.image.name":"docker.io/library/$name:$VERSION","org.opencontainers.image.ref.name":"$VERSION"}}]}
JSON
  printf '[%s]\n' "$(IFS=,; echo "${loaded[*]}")" >"$work/all/manifest.json"
  image_archive "$work/all" "$out/$(image_file "$project")"
  rm -rf "$work"
}

# index_digest PROJECT OUT: sha256:..., by which any registry has the image for all architectures.
index_digest() { tar -xOf "$2/$(image_file "$1")" index.json | grep -oE 'sha256:[0-9a-f]{64}' | head -n 1; }
