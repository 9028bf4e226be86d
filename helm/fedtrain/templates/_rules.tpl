{{/* The verbs of each controller, by where they apply. This is the only list of them. */}}

{{/* In all namespaces: read access, fedtrain's own kinds, their status, and events. None of it can escalate. */}}
{{- define "fedtrain.rules.everywhere.coordinator" -}}
# FederatedTrainings: finalizers, annotations and status.
- apiGroups: [fedtrain.dev]
  resources: [federatedtrainings]
  verbs: [get, list, watch, patch]
- apiGroups: [fedtrain.dev]
  resources: [federatedtrainings/status]
  verbs: [patch]
- apiGroups: [fedtrain.dev]
  resources: [trainingtasks]
  verbs: [get, list, watch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end -}}

{{- define "fedtrain.rules.everywhere.participant" -}}
- apiGroups: [fedtrain.dev]
  resources: [trainingtasks]
  verbs: [get, list, watch]
- apiGroups: [fedtrain.dev]
  resources: [trainingtasks/status]
  verbs: [patch]
- apiGroups: [fedtrain.dev]
  resources: [participantpolicies]
  verbs: [get, list, watch]
- apiGroups: [fedtrain.dev]
  resources: [participantpolicies/status]
  verbs: [patch]
- apiGroups: [kubeflow.org]
  resources: [pytorchjobs]
  verbs: [get, list, watch]
{{- end -}}

{{/* In a training's namespace: the hub's Jobs, their pods, and the Secret with the store's credentials. */}}
{{- define "fedtrain.rules.training.coordinator" -}}
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, delete]
- apiGroups: [""]
  resources: [pods, events]
  verbs: [list]
{{- with .Values.rbac.credentialsSecretNames }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
  resourceNames: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* In a participant's namespace: its tasks, and the Secret with the signed requests of its tasks. */}}
{{- define "fedtrain.rules.participant.coordinator" -}}
- apiGroups: [fedtrain.dev]
  resources: [trainingtasks]
  verbs: [create, patch, delete]
# The name of an object that is created cannot be restricted here. The admission policies do that.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, patch]
  resourceNames: [fedtrain-transfer]
{{- end -}}

{{- define "fedtrain.rules.participant.participant" -}}
- apiGroups: [kubeflow.org]
  resources: [pytorchjobs]
  verbs: [create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
- apiGroups: [""]
  resources: [events]
  verbs: [list, create]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
  resourceNames: [fedtrain-transfer]
# The key of the fingerprints of rows. The admission policies restrict the names of created Secrets.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, patch]
  resourceNames: [fedtrain-fingerprint]
# The ledger of privacy: the noisy releases of all trainings.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, patch]
  resourceNames: [fedtrain-privacy]
{{- end -}}

{{/* The rules of the controllers that run, for one place: (list . "everywhere"). */}}
{{- define "fedtrain.rules" -}}
{{- $root := index . 0 -}}
{{- $place := index . 1 -}}
{{- range $controller := $root.Values.controllers }}
{{- if not (and (eq $place "training") (eq $controller "participant")) }}
{{ include (printf "fedtrain.rules.%s.%s" $place $controller) $root }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Cluster-scoped objects, in every mode. */}}
{{- define "fedtrain.clusterRules" -}}
- apiGroups: [fedtrain.dev]
  resources: [participants]
  verbs: [{{ if has "coordinator" .Values.controllers }}get, {{ end }}list, watch]
# The coordinator writes the conditions, the participant controller everything else.
- apiGroups: [fedtrain.dev]
  resources: [participants/status]
  verbs: [patch]
{{- end -}}
