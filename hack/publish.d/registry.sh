# Sourced by hack/publish: what was made, to a registry. Images by skopeo and the chart by helm, each with the credentials that its own "login" left.

# Whether a registry is on this machine itself, where it may speak plain http.
is_loopback() { [[ "$1" =~ ^(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?(/|$) ]]; }

# push REGISTRY[/PATH] OUT: the images of all architectures by one name, and the chart. Prints what can be pulled, by digest.
push() {
  local registry=${1%/} out=$2 project plain=() insecure=()
  if is_loopback "$registry"; then plain=(--plain-http) insecure=(--dest-tls-verify=false); fi
  if wants images; then
    install_packages "pushing images" skopeo
    for project in ${PROGRAMS//,/ }; do
      has_image "$project" || continue
      say "pushing hostdev-$project $VERSION to $registry"
      skopeo --insecure-policy copy --quiet --all "${insecure[@]}" "oci-archive:$out/$(image_file "$project")" "docker://$registry/hostdev-$project:${VERSION//+/_}" \
        || die "skopeo could not push hostdev-$project to $registry: does it want \"skopeo login\"?"
      echo "$registry/hostdev-$project:${VERSION//+/_}@$(index_digest "$project" "$out")"
    done
  fi
  if wants chart; then
    say "pushing the chart $VERSION to $registry"
    "$(hack/kubetools)/helm" push "$out/hostdev-$VERSION.tgz" "oci://$registry" "${plain[@]}" >&2 || die "helm could not push the chart to $registry: does it want \"helm registry login\"?"
    echo "oci://$registry/hostdev:${VERSION//+/_}"
  fi
}

# Debian's registry on loopback, until stop_registry: sets REGISTRY. Of its package nothing is installed, because that would start one for good.
start_registry() {   # start_registry WORK
  local program waited=0
  . hack/lab.d/unpacked.sh
  program=$(unpacked_program docker-registry usr/bin/docker-registry) || die "there is no registry to try pushing with: see above"
  mkdir -p "$1/registry"
  while :; do
    REGISTRY=127.0.0.1:$((20000 + RANDOM))
    cat >"$1/registry.yaml" <<YAML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $1/registry}}
http: {addr: "$REGISTRY"}
YAML
    "$program" serve "$1/registry.yaml" >"$1/registry.log" 2>&1 & REGISTRY_PROCESS=$!
    while kill -0 $REGISTRY_PROCESS 2>/dev/null; do
      if (: <"/dev/tcp/${REGISTRY/://}") 2>/dev/null; then return; fi
      [ $((waited += 1)) -lt 100 ] || { tail -n 5 "$1/registry.log" >&2; die "docker-registry does not start here: see above"; }
      sleep 0.2
    done
    # Somebody has that port: another one.
    [ $((waited += 10)) -lt 100 ] || { tail -n 5 "$1/registry.log" >&2; die "docker-registry does not start here: see above"; }
  done
}
stop_registry() { kill $REGISTRY_PROCESS; wait $REGISTRY_PROCESS 2>/dev/null || :; }

# check_registry OUT WORK: everything is pushed, and pulled again as whoever installs does.
check_registry() {
  local out=$1 work=$2 project arch digest
  start_registry "$work"
  CHECKS=$((CHECKS + 1))
  push "$REGISTRY/lab" "$out" >"$work/pushed" || die "what was made cannot be pushed: see above"
  for project in ${PROGRAMS//,/ }; do
    has_image "$project" && wants images || continue
    digest=$(index_digest "$project" "$out")
    expect "pushed: hostdev-$project" "/lab/hostdev-$project:$VERSION@$digest$" cat "$work/pushed"
    expect "tags of hostdev-$project" "\"$VERSION\"" skopeo list-tags --tls-verify=false "docker://$REGISTRY/lab/hostdev-$project"
    for arch in ${ARCHES//,/ }; do
      expect "hostdev-$project by digest, for $arch" '^$' skopeo --insecure-policy --override-arch "$arch" copy --quiet --src-tls-verify=false \
        "docker://$REGISTRY/lab/hostdev-$project@$digest" "dir:$work/pulled-$project-$arch"
      expect "hostdev-$project by digest is that of $arch" "$(tar -xOf "$out/$(image_file "$project" "$arch")" index.json | grep -oE '[0-9a-f]{64}' | head -n 1)" \
        sha256sum "$work/pulled-$project-$arch/manifest.json"
    done
  done
  if wants chart; then
    expect "helm pull of the chart" "^Pulled: $REGISTRY/lab/hostdev:$VERSION$" "$(hack/kubetools)/helm" pull "oci://$REGISTRY/lab/hostdev" --version "$VERSION" --plain-http --destination "$work"
    expect "the chart that was pulled" '^$' cmp "$out/hostdev-$VERSION.tgz" "$work/hostdev-$VERSION.tgz"
    expect "the chart's images are those that were pushed" "image: \"$REGISTRY/lab/hostdev-device-plugin:$VERSION\"" \
      "$(hack/kubetools)/helm" template hostdev "$work/hostdev-$VERSION.tgz" --set "image.registry=$REGISTRY/lab"
  fi
  stop_registry
}
