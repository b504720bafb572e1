{{- /* The Pod of a Job that runs the operator's give-back command once: (list . ARGUMENT). */ -}}
{{- define "hostdev.giveBackPod" -}}
{{- $root := index . 0 -}}
{{- with $root -}}
metadata:
  labels: {{- include "hostdev.selectorLabels" "uninstall" | nindent 4 }}
spec:
  serviceAccountName: hostdev-give-back
  restartPolicy: Never
  {{- include "hostdev.operatorPlacement" . | nindent 2 }}
  imagePullSecrets: {{- toYaml .Values.imagePullSecrets | nindent 4 }}
  securityContext: {{- include "hostdev.operatorPodSecurity" . | nindent 4 }}
  containers:
  - name: give-back
    image: {{ include "hostdev.image" (list . .Values.operator.image) | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
    - give-back
    - --namespace=$(POD_NAMESPACE)
    - {{ index $ 1 }}
    env: {{- include "hostdev.env" (list (include "hostdev.giveBackEnv" .) .Values.operator.extraEnv "operator.extraEnv") | nindent 4 }}
    resources: {{- toYaml .Values.operator.resources | nindent 6 }}
    securityContext: {{- include "hostdev.operatorSecurity" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "hostdev.giveBackEnv" -}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: DOTNET_EnableDiagnostics
  value: "0"
{{- end }}
