# Sourced by hack/publish: what is in the programs and images, as CycloneDX 1.6, and where they come from. Made of what NuGet resolved and of what Debian's packages say of themselves: the same for the same commit.

require_jq() { install_packages "writing bills of materials" jq; }

# sbom_libraries PROJECT ARCH FORM: prints the file with a program's libraries; made anew when the program is.
sbom_libraries() {
  local project=$1 arch=$2 form=$3 kept assets folder
  kept=artifacts/publish.cache/$project-$arch-$form-$(program_version "$project" "$arch" "$form")/libraries-$(sha256sum hack/publish.d/sbom.jq | cut -c1-12).json
  if [ ! -s "$kept" ]; then
    restore_program "$project" "$arch" "$form" >"$kept.log" 2>&1 || { cat "$kept.log" >&2; die "the packages of $project for $arch cannot be restored: see above"; }
    assets=artifacts/publish.build/obj/$(basename "$project"/*.csproj .csproj)/project.assets.json
    folder=$(jq -r '.packageFolders | keys[0]' "$assets")
    licenses_of "$folder" "$assets" >"$kept.licenses"
    jq --arg rid "$(rid_of "$arch")" --arg form "$form" --rawfile licenses "$kept.licenses" -f hack/publish.d/sbom.jq "$assets" >"$kept.new" || die "$project's libraries cannot be told from $assets: see above"
    rm "$kept.licenses" "$kept.log"
    mv "$kept.new" "$kept"
  fi
  echo "$kept"
}

# licenses_of FOLDER ASSETS: "id version license hash" of each package, tabs between: an expression of SPDX, or the URL that the package gives; the hash that NuGet's lock files and packages.sha512 have.
licenses_of() {
  local id version at license
  jq -r '(.libraries | to_entries[] | select(.value.type == "package") | .key | sub("/"; " ")), (.project.frameworks["net10.0"].downloadDependencies[]? | "\(.name) \(.version | ltrimstr("[") | split(",")[0])")' "$2" \
    | LC_ALL=C sort -u | while read -r id version; do
      at=$1/${id,,}/$version
      [ -r "$at/${id,,}.nuspec" ] || continue
      license=$(sed -n 's:.*<license type="expression">\([^<]*\)</license>.*:\1:p' "$at/${id,,}.nuspec")
      [ -n "$license" ] || license=$(sed -n 's:.*<licenseUrl>\([^<]*\)</licenseUrl>.*:\1:p' "$at/${id,,}.nuspec")
      printf '%s\t%s\t%s\t%s\n' "$id" "$version" "${license:-LicenseRef-in-the-package}" "$(jq -r .contentHash "$at/.nupkg.metadata")"
    done
}

# sbom_document SUBJECT LIBRARIES [PACKAGES]: the whole document; SUBJECT is the component that it is about. Its number is that of its contents.
sbom_document() {
  jq -n --argjson subject "$1" --slurpfile libraries "$2" --slurpfile packages "${3:-/dev/null}" --arg time "$(date -u -d "@$(image_epoch)" +%Y-%m-%dT%H:%M:%SZ)" --arg version "$VERSION" '
    ($libraries[0]) as $of | ($packages | add // []) as $debian | {
      "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", bomFormat: "CycloneDX", specVersion: "1.6", version: 1,
      metadata: {timestamp: $time, tools: {components: [{type: "application", name: "hack/publish", version: $version}]}, component: $subject},
      components: ($of.components + $debian),
      dependencies: ([{ref: $subject["bom-ref"], dependsOn: [($of.components + $debian)[] | .["bom-ref"]]}] + $of.dependencies + [$debian[] | {ref: .["bom-ref"], dependsOn: []}])
    }' >"$OUT/.sbom"
  local sum; sum=$(digest_of "$OUT/.sbom")
  jq --arg number "urn:uuid:${sum:0:8}-${sum:8:4}-8${sum:13:3}-8${sum:17:3}-${sum:20:12}" '{"$schema", bomFormat, specVersion, serialNumber: $number} + .' "$OUT/.sbom"
  rm "$OUT/.sbom"
}

sbom_file() { echo "$OUT/linux-$2/$(program_of "$1").cdx.json"; }   # sbom_file PROJECT ARCH
image_sbom_file() { echo "$OUT/$(image_file "$1" "$2" | sed 's/\.oci\.tar$/.cdx.json/')"; }   # image_sbom_file PROJECT ARCH

# publish_sbom PROJECT ARCH FORM: of the program that is there.
publish_sbom() {
  local project=$1 arch=$2 program libraries subject; program=$(program_of "$1")
  require_jq
  libraries=$(sbom_libraries "$1" "$2" "$3") || exit 1
  subject=$(jq -cn --arg name "$program" --arg version "$VERSION" --arg arch "$arch" --arg sum "$(digest_of "$OUT/linux-$arch/$program")" '"pkg:generic/\($name)@\($version)?arch=\($arch)&os=linux" as $purl
    | {type: "application", "bom-ref": $purl, name: $name, version: $version, purl: $purl, licenses: [{expression: "Apache-2.0"}], hashes: [{alg: "SHA-256", content: $sum}]}')
  sbom_document "$subject" "$libraries" >"$(sbom_file "$project" "$arch").new"
  mv "$(sbom_file "$project" "$arch").new" "$(sbom_file "$project" "$arch")"
}

# debian_components LAYER: Debian's packages in an image, a JSON list: version, source, and the words of their copyright files.
debian_components() {
  local work name entry license copyright entries=()
  work=$(mktemp -d)
  tar -xzf "$1" -C "$work" ./var/lib/dpkg/status.d ./usr/share/doc
  for entry in "$work"/var/lib/dpkg/status.d/*; do
    name=${entry##*/}
    # A package that shares the documents of another one has a link to them.
    license=$(sed -n 's/^License: *\([^ ].*\)$/\1/p' "$work/usr/share/doc/$name/copyright" | LC_ALL=C sort -u | paste -sd , | sed 's/,/, /g')
    copyright=$(grep -aiE '(copyright|©)[^a-z]*[0-9]{4}' "$work/usr/share/doc/$name/copyright" | sed 's/^ *//' | LC_ALL=C sort -u | head -c 4000)
    entries+=("$(jq -cn --arg name "$name" --arg version "$(sed -n 's/^Version: //p' "$entry")" --arg of "$(sed -n 's/^Architecture: //p' "$entry")" --arg source "$(sed -n 's/^Source: \([^ ]*\).*/\1/p' "$entry")" \
      --arg license "${license:-see /usr/share/doc/$name/copyright}" --arg copyright "$copyright" '
      "pkg:deb/debian/\($name | @uri)@\($version | @uri)?arch=\($of)&distro=debian-12" as $purl
      | {type: "library", "bom-ref": $purl, name: $name, version: $version, purl: $purl, scope: "required", licenses: [{license: {name: $license}}],
         copyright: $copyright, properties: [{name: "hostdev:debian:source", value: (if $source == "" then $name else $source end)}, {name: "hostdev:copyright", value: "/usr/share/doc/\($name)/copyright"}]}')")
  done
  printf '%s\n' "${entries[@]}" | jq -s .
  rm -rf "$work"
}

# publish_image_sbom PROJECT ARCH FORM: of the image that is there; BASE is its layer with Debian's packages.
publish_image_sbom() {
  local project=$1 arch=$2 libraries subject digest file packages
  require_jq
  libraries=$(sbom_libraries "$1" "$2" "$3") || exit 1
  digest=$(tar -xOf "$OUT/$(image_file "$project" "$arch")" index.json | grep -oE '[0-9a-f]{64}' | head -n 1)
  subject=$(jq -cn --arg name "hostdev-$project" --arg version "$VERSION" --arg arch "$arch" --arg sum "$digest" '"pkg:oci/\($name)@sha256%3A\($sum)?arch=\($arch)&tag=\($version)" as $purl
    | {type: "container", "bom-ref": $purl, name: $name, version: $version, purl: $purl, licenses: [{expression: "Apache-2.0"}], hashes: [{alg: "SHA-256", content: $sum}]}')
  packages=$BASE.packages-$(sha256sum hack/publish.d/sbom.sh | cut -c1-12).json
  [ -s "$packages" ] || debian_components "$BASE" >"$packages"
  file=$(image_sbom_file "$project" "$arch")
  sbom_document "$subject" "$libraries" "$packages" >"$file.new"
  mv "$file.new" "$file"
}
