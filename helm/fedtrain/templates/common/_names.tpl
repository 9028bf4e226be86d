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
