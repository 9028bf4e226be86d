{{/* Whether the chart runs an operator. */}}
{{- define "fedtrain.runsOperator" -}}
true
{{- end -}}

{{/* The name of roles that must be unique across the namespaces of releases. */}}
{{- define "fedtrain.rightsName" -}}
{{- printf "%s:%s" .Release.Namespace (include "fedtrain.fullname" .) -}}
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

{{/* Mounts of the operator and of its hooks, besides those of the values. */}}
{{- define "fedtrain.mounts" -}}
{{- end -}}

{{/* Environment of the operator alone. */}}
{{- define "fedtrain.operatorEnvironment" -}}
- {name: FEDTRAIN_HUB_PULL_POLICY, value: {{ .Values.images.operator.pullPolicy }}}
- {name: FEDTRAIN_ROLE_PREFIX, value: {{ include "fedtrain.fullname" . }}}
{{- with .Values.hubPods }}
- {name: FEDTRAIN_HUB_PODS, value: {{ toJson . | quote }}}
{{- end }}
{{- end -}}

{{/* Namespaces that get the NetworkPolicy of trainers, as JSON. */}}
{{- define "fedtrain.trainerNamespaces" -}}
{{- ternary .Values.namespaces .Values.trainerNetworkPolicy.namespaces (eq .Values.mode "Namespaces") | toJson -}}
{{- end -}}
