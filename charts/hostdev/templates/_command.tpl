{{- /* A Pod that runs a command of the operator's program once: (list . COMPONENT ACCOUNT COMMAND ARGUMENT). */ -}}
{{- define "hostdev.commandPod" -}}
{{- $root := index . 0 -}}
{{- with $root -}}
metadata:
  labels: {{- include "hostdev.selectorLabels" (index $ 1) | nindent 4 }}
spec:
  serviceAccountName: {{ index $ 2 }}
  restartPolicy: Never
  {{- include "hostdev.operatorPlacement" . | nindent 2 }}
  imagePullSecrets: {{- toYaml .Values.imagePullSecrets | nindent 4 }}
  securityContext: {{- include "hostdev.operatorPodSecurity" . | nindent 4 }}
  containers:
  - name: {{ index $ 3 }}
    image: {{ include "hostdev.image" (list . .Values.operator.image) | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
    - {{ index $ 3 }}
    - --namespace=$(POD_NAMESPACE)
    - {{ index $ 4 }}
    env: {{- include "hostdev.env" (list (include "hostdev.commandEnv" .) .Values.operator.extraEnv "operator.extraEnv") | nindent 4 }}
    resources: {{- toYaml .Values.operator.resources | nindent 6 }}
    securityContext: {{- include "hostdev.operatorSecurity" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "hostdev.commandEnv" -}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: DOTNET_EnableDiagnostics
  value: "0"
{{- end }}
