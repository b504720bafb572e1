# syntax=docker/dockerfile:1
# The images of Hostdev by a container engine: docker build --target operator . and docker build --target device-plugin .
# For other architectures: docker buildx build --platform linux/amd64,linux/arm64; the compiler runs on the builder's own.
# hack/publish makes images without an engine, of Debian's packages; those are what the tests run.

ARG DOTNET=10.0

FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:${DOTNET}-noble AS build
ARG TARGETARCH
# true: compiled ahead of time (docs/adr/0003), for another architecture too; false: ReadyToRun.
ARG AOT=true
WORKDIR /src

# What is restored and installed changes seldom: a layer of its own.
COPY Directory.Build.props Directory.Packages.props BannedSymbols.txt .editorconfig ./
COPY kube/Hostdev.Kube.csproj kube/
COPY crds/Hostdev.Crds.csproj crds/
COPY telemetry/Hostdev.Telemetry.csproj telemetry/
COPY planning/Hostdev.Planning.csproj planning/
COPY projection/Hostdev.Projection.csproj projection/
COPY operator/Hostdev.Operator.csproj operator/
COPY device-plugin/Hostdev.DevicePlugin.csproj device-plugin/Runtime.props device-plugin/
COPY hack/publish hack/
COPY hack/publish.d hack/publish.d
COPY hack/lab.d/say.sh hack/lab.d/
RUN hack/publish restore operator "$TARGETARCH" "$AOT" && hack/publish restore device-plugin "$TARGETARCH" "$AOT"

COPY kube kube
COPY crds crds
COPY telemetry telemetry

FROM build AS build-operator
COPY projection projection
COPY operator operator
RUN hack/publish publish operator "$TARGETARCH" "$AOT" /out

FROM build AS build-device-plugin
# The names of devices.
RUN apt-get update && apt-get install -y --no-install-recommends pci.ids && rm -rf /var/lib/apt/lists/*
COPY planning planning
COPY device-plugin device-plugin
RUN hack/publish publish device-plugin "$TARGETARCH" "$AOT" /out

FROM mcr.microsoft.com/dotnet/runtime-deps:${DOTNET}-noble-chiseled AS base
# The chiseled image has no /tmp of its own for files that a program unpacks, and ours unpack none. No debugger, no dump.
ENV DOTNET_EnableDiagnostics=0
LABEL org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The Hostdev authors"

FROM base AS operator
LABEL org.opencontainers.image.title="hostdev-operator" \
      org.opencontainers.image.description="Says which node gets which passthrough policies, and what became of them."
COPY --from=build-operator /out/hostdev-operator /hostdev-operator
# The number and not the name: Kubernetes checks runAsNonRoot by number.
USER 1654
ENTRYPOINT ["/hostdev-operator"]
CMD ["run"]

FROM base AS device-plugin
LABEL org.opencontainers.image.title="hostdev-device-plugin" \
      org.opencontainers.image.description="Passes a node's devices to VM pods by VFIO."
COPY --from=build-device-plugin /usr/share/misc/pci.ids /usr/share/misc/pci.ids
COPY --from=build-device-plugin /out/hostdev-device-plugin /hostdev-device-plugin
# It writes the host's sysfs and looks at all processes: root, and what else the DaemonSet names.
USER 0
ENTRYPOINT ["/hostdev-device-plugin"]
CMD ["run"]
