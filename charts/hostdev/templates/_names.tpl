{{- /* The templates use what Go's text/template and sprig have, and of Helm's own only the built-in objects: whatever renders those renders this chart. */ -}}

{{- define "hostdev.labels" -}}
app.kubernetes.io/name: hostdev
    app.kubernetes.io/instance: {{ .Release.Name | quote }}
    app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
    app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
    helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "hostdev.operatorImage" -}}
{{ with .Values.image.registry }}{{ . }}/{{ end }}hostdev-operator:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "hostdev.agentImage" -}}
{{ with .Values.image.registry }}{{ . }}/{{ end }}hostdev-device-plugin:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
