{{- /* Labels of an object: (list . COMPONENT). A version may have a "+", which a label's value may not. */ -}}
{{- define "hostdev.labels" -}}
{{- $root := index . 0 -}}
{{ include "hostdev.selectorLabels" (index . 1) }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/version: {{ include "hostdev.label" $root.Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
app.kubernetes.io/part-of: hostdev
helm.sh/chart: {{ include "hostdev.label" (printf "%s-%s" $root.Chart.Name $root.Chart.Version) }}
{{- end }}

{{- /* What Pods are selected by, which no upgrade may change: COMPONENT. */ -}}
{{- define "hostdev.selectorLabels" -}}
app.kubernetes.io/name: hostdev
app.kubernetes.io/component: {{ . }}
{{- end }}

{{- /* A text as the value of a label. */ -}}
{{- define "hostdev.label" -}}
{{ . | replace "+" "_" | trunc 63 | trimAll "-_." | quote }}
{{- end }}

{{- /* The name of an image: (list . IMAGE), IMAGE as operator.image in the values. */ -}}
{{- define "hostdev.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- with $root.Values.image.registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}
{{- else }}:{{ coalesce $image.tag $root.Values.image.tag ($root.Chart.AppVersion | replace "+" "_") }}
{{- end }}
{{- end }}

{{- /* Where a Pod of the operator's program may run. */ -}}
{{- define "hostdev.operatorPlacement" -}}
nodeSelector: {{- toYaml .Values.operator.nodeSelector | nindent 2 }}
tolerations: {{- toYaml .Values.operator.tolerations | nindent 2 }}
affinity: {{- toYaml .Values.operator.affinity | nindent 2 }}
{{- end }}

{{- /* Security of a Pod of the operator's program, and of its container. */ -}}
{{- define "hostdev.operatorPodSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}
{{- define "hostdev.operatorSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* The chart's own variables and those of a value: (list OWN EXTRA NAME-OF-THE-VALUE), OWN as YAML. One name twice would be refused by
server-side apply, in words that name no value. */ -}}
{{- define "hostdev.env" -}}
{{- $own := index . 0 -}}
{{- $extra := index . 1 -}}
{{- $value := index . 2 -}}
{{- $names := list -}}
{{- range $own | fromYamlArray }}{{ $names = append $names .name }}{{ end -}}
{{- range $extra }}
{{- if has .name $names }}{{ fail (printf "%s sets %s, which is there already: take it out" $value .name) }}{{ end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{ $own }}
{{- with $extra }}{{ toYaml . | nindent 0 }}{{ end }}
{{- end }}

{{- /* Values that are there no more: each is refused with what to set instead. */ -}}
{{- define "hostdev.gone" -}}
{{- if .Values.image.pullSecrets }}
{{- fail "image.pullSecrets is no value any more: set imagePullSecrets, a list of {name: SECRET}" }}
{{- end }}
{{- with .Values.agent.kubeletDir }}
{{- $built := "agent.devicePluginDir stays as it is: the kubelet has /var/lib/kubelet/device-plugins built in, wherever its root is" -}}
{{- fail (printf "agent.kubeletDir is no value any more: set agent.podResourcesDir=%s/pod-resources. %s" . $built) }}
{{- end }}
{{- end }}

{{- /* Where the runbooks of alerts are read; values of a release before have none. */ -}}
{{- define "hostdev.runbooks" -}}
{{ .Values.prometheusRule.runbooks | default "docs/runbooks.md" }}
{{- end }}
