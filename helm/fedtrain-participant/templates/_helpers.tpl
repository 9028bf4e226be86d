{{/* The chart's name, for labels. */}}
{{- define "fedtrain-participant.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of objects: the release's name, which contains the chart's. */}}
{{- define "fedtrain-participant.fullname" -}}
{{- $name := include "fedtrain-participant.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.fullnameOverride | default $full | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "fedtrain-participant.selector" -}}
app.kubernetes.io/name: {{ include "fedtrain-participant.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "fedtrain-participant.labels" -}}
{{ include "fedtrain-participant.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The annotations of an object, commonAnnotations included: (list . (dict "name" "value")). */}}
{{- define "fedtrain-participant.annotations" -}}
{{- $root := index . 0 -}}
{{- with merge (dict) (index . 1 | default dict) ($root.Values.commonAnnotations | default dict) -}}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "fedtrain-participant.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "fedtrain-participant.fullname" .) "default") -}}
{{- end -}}

{{/* The reference of an image: (list . "operator"). images.registry replaces the registry of its repository. */}}
{{- define "fedtrain-participant.image" -}}
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
{{- define "fedtrain-participant.pod" -}}
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

{{- define "fedtrain-participant.container" -}}
image: {{ include "fedtrain-participant.image" (list . "operator") }}
imagePullPolicy: {{ .Values.images.operator.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* Environment of the operator and of its hooks. */}}
{{- define "fedtrain-participant.environment" -}}
- {name: FEDTRAIN_TRAINER_IMAGE, value: {{ include "fedtrain-participant.image" (list . "trainer") | quote }}}
- {name: FEDTRAIN_HUB_IMAGE, value: {{ include "fedtrain-participant.image" (list . "operator") | quote }}}
- {name: FEDTRAIN_CONTROLLERS, value: participant}
- {name: FEDTRAIN_NAMESPACES, value: {{ .Release.Namespace | quote }}}
- {name: FEDTRAIN_HUB_SERVER, value: {{ .Values.hub.server | quote }}}
- {name: FEDTRAIN_HUB_NAMESPACE, value: {{ .Values.hub.namespace | quote }}}
- {name: FEDTRAIN_HUB_PARTICIPANT, value: {{ .Values.participant | quote }}}
- {name: FEDTRAIN_HUB_CREDENTIALS, value: /var/run/fedtrain/hub}
{{- with .Values.hub.serviceAccount }}
- {name: FEDTRAIN_HUB_SERVICE_ACCOUNT, value: {{ . | quote }}}
- {name: FEDTRAIN_HUB_TOKEN_SECRET, value: {{ include "fedtrain-participant.renewed" $ }}}
{{- end }}
{{- with .Values.hub.proxy }}
- {name: FEDTRAIN_HUB_PROXY, value: {{ . | quote }}}
{{- end }}
{{- if .Values.kubeconfigSecret }}
- {name: KUBECONFIG, value: /var/run/fedtrain/cluster/kubeconfig}
{{- end }}
- {name: HOME, value: /tmp}
- {name: USER, value: fedtrain}
- {name: LOGNAME, value: fedtrain}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A pod that runs a command of `fedtrain_operator.chart` once: (list . "name" (list "argument")). */}}
{{- define "fedtrain-participant.once" -}}
{{- $root := index . 0 -}}
restartPolicy: Never
serviceAccountName: {{ include "fedtrain-participant.serviceAccount" $root }}
automountServiceAccountToken: true
enableServiceLinks: false
{{ include "fedtrain-participant.pod" $root }}
containers:
- name: {{ index . 1 }}
  {{- include "fedtrain-participant.container" $root | nindent 2 }}
  command: {{ concat (list "python" "-m" "fedtrain_operator.chart") (index . 2) | toJson }}
  env:
  {{- include "fedtrain-participant.environment" $root | nindent 2 }}
  resources:
    requests: {cpu: 50m, memory: 128Mi}
    limits: {cpu: "1", memory: 512Mi}
  volumeMounts:
  - {name: scratch, mountPath: /tmp}
  {{- include "fedtrain-participant.mounts" $root | nindent 2 }}
  {{- with $root.Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
{{ include "fedtrain-participant.volumes" $root }}
{{- end -}}

{{/* The Secret with the invitation's token and the hub's certificate authority. */}}
{{- define "fedtrain-participant.invitation" -}}
{{- .Values.hub.existingSecret | default (printf "%s-hub" (include "fedtrain-participant.fullname" .)) -}}
{{- end -}}

{{/* The Secret with the token that the operator has renewed. */}}
{{- define "fedtrain-participant.renewed" -}}
{{- printf "%s-hub-renewed" (include "fedtrain-participant.fullname" .) -}}
{{- end -}}

{{- define "fedtrain-participant.mounts" -}}
- {name: hub, mountPath: /var/run/fedtrain/hub, readOnly: true}
{{- if .Values.kubeconfigSecret }}
- {name: cluster, mountPath: /var/run/fedtrain/cluster, readOnly: true}
{{- end }}
{{- end -}}

{{- define "fedtrain-participant.volumes" -}}
- {name: scratch, emptyDir: {}}
{{- with .Values.kubeconfigSecret }}
- name: cluster
  secret: {secretName: {{ . }}}
{{- end }}
- name: hub
  projected:
    sources:
    - secret: {name: {{ include "fedtrain-participant.invitation" . }}}
    - secret: {name: {{ include "fedtrain-participant.renewed" . }}, optional: true}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
