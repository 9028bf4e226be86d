{{/* The chart's name, for labels. */}}
{{- define "fedtrain.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of what is made: the release's, with the chart's in it. */}}
{{- define "fedtrain.fullname" -}}
{{- $name := include "fedtrain.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.fullnameOverride | default $full | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of rights, in the whole cluster or in namespaces that other releases of this name have rights in too. */}}
{{- define "fedtrain.rightsName" -}}
{{- printf "%s:%s" .Release.Namespace (include "fedtrain.fullname" .) -}}
{{- end -}}

{{- define "fedtrain.selector" -}}
app.kubernetes.io/name: {{ include "fedtrain.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "fedtrain.labels" -}}
{{ include "fedtrain.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "fedtrain.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "fedtrain.fullname" .) "default") -}}
{{- end -}}

{{/* The reference of an image: (list . "operator"). */}}
{{- define "fedtrain.image" -}}
{{- $root := index . 0 -}}
{{- $image := index $root.Values.images (index . 1) -}}
{{- with $image.digest -}}
{{- printf "%s@%s" $image.repository . -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* What every pod of this chart has: an account, and no rights on its node. */}}
{{- define "fedtrain.pod" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
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

{{/* What the operator is told; its hooks are told the same. */}}
{{- define "fedtrain.environment" -}}
- {name: FEDTRAIN_TRAINER_IMAGE, value: {{ include "fedtrain.image" (list . "trainer") | quote }}}
- {name: FEDTRAIN_HUB_IMAGE, value: {{ include "fedtrain.image" (list . "operator") | quote }}}
- {name: FEDTRAIN_CONTROLLERS, value: {{ .Values.controllers | join "," | quote }}}
{{- if eq .Values.mode "Namespaces" }}
- {name: FEDTRAIN_NAMESPACES, value: {{ .Values.namespaces | join "," | quote }}}
{{- end }}
- {name: HOME, value: /tmp}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
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
    limits: {memory: 512Mi}
  volumeMounts:
  - {name: scratch, mountPath: /tmp}
  {{- with $root.Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
{{ include "fedtrain.volumes" $root }}
{{- end -}}

{{- define "fedtrain.volumes" -}}
- {name: scratch, emptyDir: {}}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
