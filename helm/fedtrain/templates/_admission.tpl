{{/* What the admission policies have in common. */}}

{{- define "fedtrain.admission.name" -}}
{{- printf "%s-%s" .Release.Namespace (include "fedtrain.fullname" .) -}}
{{- end -}}

{{/* Requests of the operator alone. */}}
{{- define "fedtrain.admission.operator" -}}
- name: operator
  expression: request.userInfo.username == 'system:serviceaccount:{{ .Release.Namespace }}:{{ include "fedtrain.serviceAccount" . }}'
{{- end -}}
