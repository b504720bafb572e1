{{- /* What the DaemonSet and the static manifest have in common: (dict "root" . "static" BOOLEAN). */ -}}

{{- define "hostdev.agentPod" -}}
{{- $static := .static -}}
{{- with .root -}}
# The host's processes: who has a device open is read from /proc of all of them.
hostPID: true
# The host's network: whether an interface is used (addresses, routes, bonds) is asked of its kernel by netlink, which answers for the asker's
# namespace alone.
hostNetwork: true
dnsPolicy: ClusterFirstWithHostNet
# It stops at once; what is in force stays in force, and VMs do not notice.
terminationGracePeriodSeconds: 30
{{- if .Values.agent.loadModules.enabled }}
initContainers:
- name: modules
  image: {{ .Values.agent.loadModules.image | quote }}
  # The host's own modprobe reads the host's modules, however they are compressed.
  command: [chroot, /host, modprobe, -a, {{ join ", " .Values.agent.loadModules.modules }}]
  securityContext:
    runAsUser: 0
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
      # SYS_MODULE loads a module, SYS_CHROOT enters the host's files to find it.
      add: [SYS_MODULE, SYS_CHROOT]
  volumeMounts:
  - {name: host, mountPath: /host, readOnly: true}
{{- end }}
containers:
- name: agent
  image: {{ include "hostdev.image" (list . .Values.agent.image) | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
  - run
  - --node-name=$(NODE_NAME)
  - --state-dir={{ .Values.agent.stateDir }}
  - --kubelet-dir={{ .Values.agent.devicePluginDir }}
  - --pod-resources={{ .Values.agent.podResourcesDir }}/kubelet.sock
  {{- if .Values.agent.localhost }}
  - --listen=127.0.0.1:{{ .Values.agent.httpPort }}
  {{- else }}
  # On the host's network: on the node's own address alone. Brackets, for IPv6.
  - --listen=[$(POD_IP)]:{{ .Values.agent.httpPort }}
  {{- end }}
  {{- if (.Values.metrics).authenticate }}
  - --authenticate-metrics
  {{- end }}
  {{- if $static }}
  - --kubeconfig={{ .Values.agent.staticPod.kubeconfig }}
  {{- end }}
  {{- range .Values.agent.extraArgs }}
  - {{ . | quote }}
  {{- end }}
  env: {{- include "hostdev.env" (list (include "hostdev.agentEnv" .) .Values.agent.extraEnv "agent.extraEnv") | nindent 2 }}
  ports:
  - name: http
    containerPort: {{ .Values.agent.httpPort }}
  # Five minutes: native, a fifth of a second of processor until it serves; on an emulated or starved node a hundred times that.
  startupProbe:
    httpGet: {{ include "hostdev.agentProbe" (list . "/healthz") }}
    periodSeconds: 2
    timeoutSeconds: 5
    failureThreshold: 150
  livenessProbe:
    httpGet: {{ include "hostdev.agentProbe" (list . "/healthz") }}
    periodSeconds: 20
    timeoutSeconds: 5
    failureThreshold: 6
  # The operator counts a node as unknown while its agent is not ready.
  readinessProbe:
    httpGet: {{ include "hostdev.agentProbe" (list . "/readyz") }}
    periodSeconds: 5
  resources: {{- toYaml .Values.agent.resources | nindent 4 }}
  # The usual place, /dev/termination-log, would be a file in the host's /dev.
  terminationMessagePath: /run/termination-log
  securityContext:
    # Root, because sysfs and /dev/vfio are root's. Privileged, for three things that no single capability gives: /sys writable (bind drivers,
    # make virtual functions), every device node open to it (a disk is opened exclusively to prove that nobody uses it), and no seccomp or
    # AppArmor profile in the way of both. Of the capabilities that come with it these are used: SYS_PTRACE (whose files are open, in
    # /proc/PID/fd), SYS_ADMIN (other mount and network namespaces), NET_ADMIN (their interfaces), CHOWN and FOWNER (owner and mode of device
    # nodes), DAC_OVERRIDE (files of other users in /proc).
    privileged: true
    runAsUser: 0
    readOnlyRootFilesystem: true
  volumeMounts:
  # Journal, last spec and break-glass file: they must outlive the Pod.
  - {name: state, mountPath: {{ .Values.agent.stateDir }}}
  # The sockets of device plugins, the kubelet's registration socket beside them, and its checkpoint.
  - {name: device-plugins, mountPath: {{ .Values.agent.devicePluginDir }}}
  # Which pod has which device. A directory, because the kubelet makes its socket anew at every start.
  - {name: pod-resources, mountPath: {{ .Values.agent.podResourcesDir }}, readOnly: true}
  # Devices, drivers, groups: what is read, and where all changes are made.
  - {name: sys, mountPath: /sys}
  # The host's own devtmpfs: nodes come and go, and a container's copy would not see it.
  - {name: dev, mountPath: /dev}
  # RELEASE/modules.alias: which vfio variant driver the host's kernel has for which device (driver: Auto).
  - {name: modules, mountPath: /lib/modules, readOnly: true}
  {{- if $static }}
  # A static Pod has no service account; these are the kubelet's own credentials, which may read and write this node's state by
  # hostdev-agent's role.
  - {name: kubeconfig, mountPath: {{ .Values.agent.staticPod.kubeconfig }}, readOnly: true}
  - {name: pki, mountPath: {{ .Values.agent.staticPod.pki }}, readOnly: true}
  {{- end }}
volumes:
- name: state
  hostPath: {path: {{ .Values.agent.stateDir }}, type: DirectoryOrCreate}
# Without a type: where one is not there, the Pod would hang before the agent could say what is missing.
- name: device-plugins
  hostPath: {path: {{ .Values.agent.devicePluginDir }}}
- name: pod-resources
  hostPath: {path: {{ .Values.agent.podResourcesDir }}}
- name: sys
  hostPath: {path: /sys, type: Directory}
- name: dev
  hostPath: {path: /dev, type: Directory}
# Not there where the kernel has all its modules inside.
- name: modules
  hostPath: {path: /lib/modules}
{{- if $static }}
- name: kubeconfig
  hostPath: {path: {{ .Values.agent.staticPod.kubeconfig }}, type: File}
# Not there where the kubeconfig has its certificate inside.
- name: pki
  hostPath: {path: {{ .Values.agent.staticPod.pki }}}
{{- end }}
{{- if .Values.agent.loadModules.enabled }}
- name: host
  hostPath: {path: /, type: Directory}
{{- end }}
{{- end }}
{{- end }}

{{- /* What the kubelet asks: (list . PATH). It is on the node, and asks the Pod's address where it is told no other. */ -}}
{{- define "hostdev.agentProbe" -}}
{path: {{ index . 1 }}, port: http{{ if (index . 0).Values.agent.localhost }}, host: 127.0.0.1{{ end }}}
{{- end }}

{{- define "hostdev.agentEnv" -}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
# A list of the kubelet's that lacks the agent's own Pod is not whole: nothing counts as returned by it.
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- if not .Values.agent.localhost }}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- end }}
- name: DOTNET_EnableDiagnostics
  value: "0"
{{- with .Values.telemetry.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{- /* The DaemonSet's affinity: that of the values, and never a node whose agent is a static Pod. Terms of a node's affinity are alternatives,
so that it stands in each. */ -}}
{{- define "hostdev.agentAffinity" -}}
{{- $affinity := deepCopy (.Values.agent.affinity | default dict) -}}
{{- if .Values.agent.staticPod.enabled -}}
{{- $notStatic := dict "key" "hostdev.io/agent" "operator" "NotIn" "values" (list "static") -}}
{{- $required := "requiredDuringSchedulingIgnoredDuringExecution" -}}
{{- $terms := list -}}
{{- range dig "nodeAffinity" $required "nodeSelectorTerms" list $affinity -}}
{{- $terms = append $terms (merge (dict "matchExpressions" (append (.matchExpressions | default list) $notStatic)) .) -}}
{{- end -}}
{{- $terms = $terms | default (list (dict "matchExpressions" (list $notStatic))) -}}
{{- $node := merge (dict $required (dict "nodeSelectorTerms" $terms)) ($affinity.nodeAffinity | default dict) -}}
{{- $affinity = merge (dict "nodeAffinity" $node) $affinity -}}
{{- end -}}
{{ toYaml $affinity }}
{{- end }}
