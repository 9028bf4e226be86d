{{/* What the admission policies have in common. */}}

{{- define "fedtrain.admission.name" -}}
{{- printf "%s-%s" .Release.Namespace (include "fedtrain.fullname" .) -}}
{{- end -}}

{{/* Requests of the operator alone. */}}
{{- define "fedtrain.admission.operator" -}}
- name: operator
  expression: request.userInfo.username == 'system:serviceaccount:{{ .Release.Namespace }}:{{ include "fedtrain.serviceAccount" . }}'
{{- end -}}

{{/* Checks of pods. Variables: pods, images, serviceAccounts, volumes ("name source"), hostPaths, claims, secrets (of
volumes), keys (Secrets of single variables), and ledgers: whether a Secret `s` may hold the ledger's credentials. */}}
{{- define "fedtrain.admission.pods" -}}
- expression: variables.pods.all(p, size(p.containers) == 1 && !has(p.initContainers) && !has(p.ephemeralContainers))
  message: The operator's pods have one container.
  reason: Forbidden
- expression: variables.pods.all(p, p.containers.all(c, c.image in variables.images))
  message: The operator's pods run the images that its chart configures.
  reason: Forbidden
- expression: >-
    variables.pods.all(p, (!has(p.serviceAccountName) || p.serviceAccountName in variables.serviceAccounts)
    && (!has(p.serviceAccount) || p.serviceAccount in variables.serviceAccounts)
    && has(p.automountServiceAccountToken) && !p.automountServiceAccountToken)
  messageExpression: >-
    'The operator\'s pods mount no ServiceAccount token and use a ServiceAccount of: ' +
    variables.serviceAccounts.join(', ') + '.'
  reason: Forbidden
- expression: >-
    variables.pods.all(p, (!has(p.hostNetwork) || !p.hostNetwork) && (!has(p.hostPID) || !p.hostPID)
    && (!has(p.hostIPC) || !p.hostIPC))
  message: The operator's pods share no namespace of their node.
  reason: Forbidden
- expression: >-
    variables.pods.all(p, has(p.securityContext) && has(p.securityContext.runAsNonRoot) && p.securityContext.runAsNonRoot
    && p.containers.all(c, has(c.securityContext)
    && has(c.securityContext.allowPrivilegeEscalation) && !c.securityContext.allowPrivilegeEscalation
    && (!has(c.securityContext.privileged) || !c.securityContext.privileged)
    && (!has(c.securityContext.runAsNonRoot) || c.securityContext.runAsNonRoot)
    && has(c.securityContext.capabilities) && !has(c.securityContext.capabilities.add)))
  message: The operator's pods run without privileges.
  reason: Forbidden
- expression: >-
    variables.pods.all(p, !has(p.volumes) || p.volumes.all(v,
    v.all(k, k in ['name', 'emptyDir'] || (v.name + ' ' + k) in variables.volumes + ['ledger-credentials secret',
    'base-credentials secret', 'data-credentials secret', 'noise-credentials secret'])
    && (!has(v.hostPath) || v.hostPath.path in variables.hostPaths)
    && (!has(v.persistentVolumeClaim) || v.persistentVolumeClaim.claimName in variables.claims)
    && v.all(k, k == 'name' || ((!has(v[k].secretName) || v[k].secretName in variables.secrets
    || (v.name == 'ledger-credentials' && [v[k].secretName].all(s, {{ .ledgers }})))
    && (!has(v[k].secretRef) || v[k].secretRef.name in variables.secrets)
    && (!has(v[k].nodePublishSecretRef) || v[k].nodePublishSecretRef.name in variables.secrets)
    && (!has(v[k].sources) || v[k].sources.all(s, !has(s.secret) || s.secret.name in variables.secrets))))))
  message: >-
    The operator's pods mount the volumes and Secrets that the namespace's ParticipantPolicies or the chart's hubPods
    and rbac.credentialsSecretNames list, and no others. All policies of a namespace must list them.
  reason: Forbidden
- expression: >-
    variables.pods.all(p, p.containers.all(c, !has(c.envFrom) && (!has(c.env) || c.env.all(e, !has(e.valueFrom) || !has(e.valueFrom.secretKeyRef)
    || e.valueFrom.secretKeyRef.name in variables.keys))))
  message: >-
    The variables of the operator's pods come from the Secrets that the namespace's ParticipantPolicies or the chart's
    hubPods name, and from no others.
  reason: Forbidden
{{- end -}}
