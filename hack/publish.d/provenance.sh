# Sourced by hack/publish: what came out, of what, and what is new in it.

# The commit, and whether what was built is that commit.
commit() { git rev-parse HEAD 2>/dev/null || :; }
is_clean() { [ -n "$(commit)" ] && [ -z "$(git status --porcelain 2>/dev/null)" ]; }

# changes VERSION: that version's section of CHANGELOG.md without its heading; of a version that is not there yet, what is unreleased.
changes() {
  local wanted=Unreleased
  ! grep -qF "## [$1]" CHANGELOG.md || wanted=$1
  awk -v wanted="## [$wanted]" 'index($0, "## [") == 1 { on = index($0, wanted) == 1; next } on' CHANGELOG.md | sed -e '/./,$!d'
}

# publish_notes OUT: what a release's page says.
publish_notes() {
  local out=$1 project what
  what=$(changes "$VERSION")
  [ -n "$what" ] || die "CHANGELOG.md says nothing under [$VERSION] or [Unreleased]: what is in it?"
  {
    printf '# Hostdev %s\n\n' "$VERSION"
    for project in ${PROGRAMS//,/ }; do
      has_image "$project" && [ -f "$out/$(image_file "$project")" ] || continue
      printf -- '- `hostdev-%s:%s` is `%s` for %s.\n' "$project" "${VERSION//+/_}" "$(index_digest "$project" "$out")" "${ARCHES//,/ and }"
    done
    printf -- '- `SHA256SUMS` has the checksum of every file; `hostdev-%s.intoto.json` says of which sources they were made, `*.cdx.json` what is in them.\n\n%s\n' "$VERSION" "$what"
  } >"$out/RELEASE_NOTES.md.new"
  mv "$out/RELEASE_NOTES.md.new" "$out/RELEASE_NOTES.md"
}

provenance_file() { echo "hostdev-$VERSION.intoto.json"; }

# publish_provenance OUT: a statement of in-toto with SLSA's provenance, about every file and image that is there. Nobody has signed it: who publishes does (docs/release.md).
publish_provenance() {
  local out=$1 project commit clean=false
  require_jq
  commit=$(commit)
  ! is_clean || clean=true
  {
    (cd "$out" && find . -type f ! -name SHA256SUMS ! -name "$(provenance_file)" -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum)
    for project in ${PROGRAMS//,/ }; do
      if has_image "$project" && [ -f "$out/$(image_file "$project")" ]; then echo "$(index_digest "$project" "$out" | cut -d : -f 2)  hostdev-$project:${VERSION//+/_}"; fi
    done
  } | jq -Rn --arg builder "$BUILDER" --arg source "$SOURCE" --arg commit "$commit" --argjson clean "$clean" --arg version "$VERSION" --arg arch "$ARCHES" --arg only "$ONLY" \
    --arg programs "$PROGRAMS" --arg kind "$FORM" --arg downloads "$DOWNLOADS" --arg sdk "$(dotnet --version)" --arg compiler "$(clang --version 2>/dev/null | head -n 1)" '{
      _type: "https://in-toto.io/Statement/v1",
      subject: [inputs | split("  ") | {name: .[1], digest: {sha256: .[0]}}],
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: {
        buildDefinition: {
          buildType: "https://hostdev.io/build/publish/v1",
          externalParameters: {version: $version, arch: $arch, only: $only, programs: $programs, form: $kind, downloads: $downloads},
          internalParameters: {sdk: $sdk, compiler: $compiler, isTheCommitAlone: $clean},
          resolvedDependencies: (if $commit == "" then [] else [{uri: (if $source == "" then "gitoid:commit:sha1:\($commit)" else "git+\($source)@\($commit)" end), digest: {gitCommit: $commit}}] end)
        },
        runDetails: {builder: {id: $builder}}
      }
    }' >"$out/$(provenance_file).new"
  mv "$out/$(provenance_file).new" "$out/$(provenance_file)"
}
