{{/* The chart's name, for labels. */}}
{{- define "fedtrain.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of objects: the release's name, which contains the chart's. */}}
{{- define "fedtrain.fullname" -}}
{{- $name := include "fedtrain.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.fullnameOverride | default $full | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of roles that must be unique across the namespaces of releases. */}}
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
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The annotations of an object, commonAnnotations included: (list . (dict "name" "value")). */}}
{{- define "fedtrain.annotations" -}}
{{- $root := index . 0 -}}
{{- with merge (dict) (index . 1 | default dict) ($root.Values.commonAnnotations | default dict) -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "fedtrain.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "fedtrain.fullname" .) "default") -}}
{{- end -}}

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

{{/* Environment of the operator and of its hooks. */}}
{{- define "fedtrain.environment" -}}
- {name: FEDTRAIN_TRAINER_IMAGE, value: {{ include "fedtrain.image" (list . "trainer") | quote }}}
- {name: FEDTRAIN_HUB_IMAGE, value: {{ include "fedtrain.image" (list . "operator") | quote }}}
- {name: FEDTRAIN_CONTROLLERS, value: {{ .Values.controllers | join "," | quote }}}
{{- if eq .Values.mode "Namespaces" }}
- {name: FEDTRAIN_NAMESPACES, value: {{ .Values.namespaces | join "," | quote }}}
{{- end }}
- {name: HOME, value: /tmp}
- {name: USER, value: fedtrain}
- {name: LOGNAME, value: fedtrain}
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
    limits: {cpu: "1", memory: 512Mi}
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

{{/* The kinds of namespaces that a RoleBinding can open, as JSON. */}}
{{- define "fedtrain.bindable" -}}
{{- ternary (list "training" "participant") (list "participant") (has "coordinator" .Values.controllers) | toJson -}}
{{- end -}}
