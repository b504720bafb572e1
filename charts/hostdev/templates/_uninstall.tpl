{{- /* A Pod that runs the operator's give-back command once, with one argument more. Takes Values, Chart and argument. */ -}}

{{- define "hostdev.giveBack" -}}
metadata:
      labels:
        app.kubernetes.io/name: hostdev
        app.kubernetes.io/component: uninstall
    spec:
      serviceAccountName: hostdev-give-back
      restartPolicy: Never
      nodeSelector: {{ .Values.operator.nodeSelector | toJson }}
      tolerations: {{ .Values.operator.tolerations | toJson }}
      {{- with .Values.image.pullSecrets }}
      imagePullSecrets:
      {{- range . }}
      - name: {{ . | quote }}
      {{- end }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
      containers:
      - name: give-back
        image: {{ template "hostdev.operatorImage" . }}
        imagePullPolicy: {{ .Values.image.pullPolicy }}
        args: [give-back, --namespace=$(POD_NAMESPACE), {{ .argument }}]
        env:
        - name: POD_NAMESPACE
          valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
        - name: DOTNET_EnableDiagnostics
          value: "0"
        resources: {{ .Values.operator.resources | toJson }}
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop: [ALL]
{{- end -}}
