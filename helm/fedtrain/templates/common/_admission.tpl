{{/* What the admission policies have in common. The same file in both charts. */}}

{{- define "fedtrain.admission.name" -}}
{{- printf "%s-%s" .Release.Namespace (include "fedtrain.fullname" .) -}}
{{- end -}}

{{/* Requests of the operator alone. */}}
{{- define "fedtrain.admission.operator" -}}
- name: operator
  expression: request.userInfo.username == 'system:serviceaccount:{{ .Release.Namespace }}:{{ include "fedtrain.serviceAccount" . }}'
{{- end -}}

{{/* The policy for all objects, and its binding. Context: (list . resources validations): lines of YAML, of the resources
and of more validations. */}}
{{- define "fedtrain.admission.objects" -}}
{{- $root := index . 0 }}
{{- $name := include "fedtrain.admission.name" $root }}
# RBAC cannot look into an object. These policies do, for requests of the operator's ServiceAccount alone.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ $name }}-objects
  labels: {{ include "fedtrain.labels" $root | nindent 4 }}
  {{- include "fedtrain.annotations" (list $root dict) | nindent 2 }}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: {{ index . 1 | nindent 4 }}
  matchConditions: {{ include "fedtrain.admission.operator" $root | nindent 2 }}
  variables:
  - name: versions
    expression: '[object, oldObject].filter(o, o != null)'
  validations:
  - expression: >-
      variables.versions.all(o, has(o.metadata.labels) && 'app.kubernetes.io/managed-by' in o.metadata.labels
      && o.metadata.labels['app.kubernetes.io/managed-by'] == 'fedtrain')
    message: 'The operator writes objects with the label app.kubernetes.io/managed-by: fedtrain, and no others.'
    reason: Forbidden
  {{- with index . 2 }}
  {{- . | nindent 2 }}
  {{- end }}
---
{{ include "fedtrain.admission.binding" (list $root "objects") }}
{{- end -}}

{{/* The binding of a policy that needs no parameters. Context: (list . policy): its name without the release's. */}}
{{- define "fedtrain.admission.binding" -}}
{{- $root := index . 0 }}
{{- $name := printf "%s-%s" (include "fedtrain.admission.name" $root) (index . 1) -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $name }}
  labels: {{ include "fedtrain.labels" $root | nindent 4 }}
  {{- include "fedtrain.annotations" (list $root dict) | nindent 2 }}
spec:
  policyName: {{ $name }}
  validationActions: [Deny]
{{- end -}}
