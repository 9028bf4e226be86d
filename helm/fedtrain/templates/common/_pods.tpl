{{/* The reference of an image: (list . "operator"). images.registry replaces the registry of its repository. */}}
{{- define "fedtrain.image" -}}
{{- $root := index . 0 -}}
{{- $image := index $root.Values.images (index . 1) -}}
{{- $repository := $image.repository -}}
{{- with $root.Values.images.registry -}}
{{- $parts := splitList "/" $repository -}}
{{- $first := first $parts -}}
{{- if and (gt (len $parts) 1) (or (contains "." $first) (contains ":" $first) (eq $first "localhost")) -}}
{{- $parts = rest $parts -}}
{{- end -}}
{{- $repository = printf "%s/%s" . (join "/" $parts) -}}
{{- end -}}
{{- with $image.digest -}}
{{- printf "%s@%s" $repository . -}}
{{- else -}}
{{- printf "%s:%s" $repository ($image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Settings of every pod of this chart. PodSecurity `restricted` admits them. */}}
{{- define "fedtrain.pod" -}}
securityContext:
  runAsNonRoot: true
  {{- with .Values.podSecurityContext }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "fedtrain.container" -}}
image: {{ include "fedtrain.image" (list . "operator") }}
imagePullPolicy: {{ .Values.images.operator.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* A pod that runs a command of `fedtrain_operator.chart` once: (list . "name" (list "argument")). */}}
{{- define "fedtrain.once" -}}
{{- $root := index . 0 -}}
restartPolicy: Never
serviceAccountName: {{ include "fedtrain.serviceAccount" $root }}
automountServiceAccountToken: true
enableServiceLinks: false
{{ include "fedtrain.pod" $root }}
containers:
- name: {{ index . 1 }}
  {{- include "fedtrain.container" $root | nindent 2 }}
  command: {{ concat (list "python" "-m" "fedtrain_operator.chart") (index . 2) | toJson }}
  env:
  {{- include "fedtrain.environment" $root | nindent 2 }}
  resources:
    requests: {cpu: 50m, memory: 128Mi}
    limits: {cpu: "1", memory: 512Mi}
  volumeMounts:
  - {name: scratch, mountPath: /tmp}
  {{- with include "fedtrain.mounts" $root }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $root.Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
{{ include "fedtrain.volumes" $root }}
{{- end -}}
