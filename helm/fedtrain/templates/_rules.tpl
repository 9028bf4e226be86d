{{/* What each controller does, and where: in namespaces, and in the whole cluster. The only list of its verbs. */}}

{{- define "fedtrain.rules.coordinator" -}}
# Trainings: watched; finalizers and annotations; their status.
- apiGroups: [fedtrain.dev]
  resources: [federatedtrainings]
  verbs: [get, list, watch, patch]
- apiGroups: [fedtrain.dev]
  resources: [federatedtrainings/status]
  verbs: [patch]
# Tasks: made, asked to stop, removed. Their status is the participant's.
- apiGroups: [fedtrain.dev]
  resources: [trainingtasks]
  verbs: [get, list, watch, create, patch, delete]
# The hub's Jobs, and why their pods failed.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# The story of a training; and why a pod of the hub's can't start.
- apiGroups: [""]
  resources: [events]
  verbs: [create, list]
# The bucket's keys: read where a training names them, copied to its participants' namespaces. Never listed.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
  {{- with .Values.rbac.credentialsSecretNames }}
  resourceNames: {{ toYaml . | nindent 2 }}
  {{- end }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [create, update, delete]
{{- end -}}

{{- define "fedtrain.rules.participant" -}}
# Tasks: watched; their status.
- apiGroups: [fedtrain.dev]
  resources: [trainingtasks]
  verbs: [get, list, watch]
- apiGroups: [fedtrain.dev]
  resources: [trainingtasks/status]
  verbs: [patch]
# What the owner allows: read alone.
- apiGroups: [fedtrain.dev]
  resources: [participantpolicies]
  verbs: [get, list, watch]
# The tasks' jobs, and why their pods wait or failed.
- apiGroups: [kubeflow.org]
  resources: [pytorchjobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods, events]
  verbs: [list]
{{- end -}}

{{/* The rules in namespaces of the controllers that run. */}}
{{- define "fedtrain.rules" -}}
{{- range $controller := .Values.controllers }}
{{ include (printf "fedtrain.rules.%s" $controller) $ }}
{{- end }}
{{- end -}}

{{/* Participants are objects of the whole cluster, whatever the mode. */}}
{{- define "fedtrain.clusterRules" -}}
- apiGroups: [fedtrain.dev]
  resources: [participants]
  verbs: [{{ if has "coordinator" .Values.controllers }}get, {{ end }}list, watch]
{{- if has "participant" .Values.controllers }}
- apiGroups: [fedtrain.dev]
  resources: [participants/status]
  verbs: [patch]
{{- end }}
{{- if eq .Values.mode "Cluster" }}
# Kinds that are installed later, such as PyTorchJob.
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [list, watch]
{{- end }}
{{- end -}}
