{{/* What the admission policies for jobs of fedtrain have in common. The same file in both charts. */}}

{{/* Checks of pods. Variables: pods, images, serviceAccounts, volumes ("name source"), hostPaths, claims, secrets (of
volumes), keys (Secrets of single variables). own: volumes ("name source") that fedtrain adds itself. The second and
further data sets of a mix have numbers: data-2-credentials. A pod mounts one entry of the Secret with signed requests,
that of its task. */}}
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
    v.all(k, k in ['name', 'emptyDir'] || (v.name + ' ' + k) in variables.volumes + {{ toJson .own }}
    + ['base-credentials secret', 'data-credentials secret']
    || (k == 'secret' && v.name.matches('^data-[0-9]+-credentials$')))
    && (!has(v.hostPath) || v.hostPath.path in variables.hostPaths)
    && (!has(v.persistentVolumeClaim) || v.persistentVolumeClaim.claimName in variables.claims)
    && v.all(k, k == 'name' || ((!has(v[k].secretName) || v[k].secretName in variables.secrets
    || (v.name == 'transfer' && k == 'secret' && v[k].secretName == 'fedtrain-transfer' && has(v[k].items)
    && size(v[k].items) == 1))
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

{{/* The spec of the policy for participants' jobs: what every ParticipantPolicy of their namespace lists. conditions: whose
requests; trainer: the image. */}}
{{- define "fedtrain.admission.participantJobs" -}}
failurePolicy: Fail
paramKind: {apiVersion: fedtrain.dev/v1alpha1, kind: ParticipantPolicy}
matchConstraints:
  # The API server looks for parameters before it evaluates matchConditions. Without this selector, it would refuse the
  # PyTorchJobs of all users in namespaces that have no ParticipantPolicy. The first policy requires the label.
  objectSelector:
    matchLabels: {app.kubernetes.io/managed-by: fedtrain}
  resourceRules:
  - {apiGroups: [kubeflow.org], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pytorchjobs]}
matchConditions: {{ .conditions | nindent 0 }}
variables:
- name: pods
  expression: object.spec.pytorchReplicaSpecs.map(r, object.spec.pytorchReplicaSpecs[r].template.spec)
- {name: images, expression: {{ list .trainer | toJson | squote }}}
- {name: overlay, expression: 'has(params.spec.pods) ? params.spec.pods : {}'}
- name: serviceAccounts
  expression: "['default'] + (has(variables.overlay.serviceAccountName) ? [variables.overlay.serviceAccountName] : [])"
- {name: listed, expression: 'has(variables.overlay.volumes) ? variables.overlay.volumes : []'}
- name: volumes
  expression: >-
    variables.listed.filter(v, size(v) > 1).map(v, v.name + ' ' + v.filter(k, k != 'name')[0])
    + (has(params.spec.spool) ? ['spool persistentVolumeClaim'] : [])
- {name: hostPaths, expression: 'variables.listed.filter(v, has(v.hostPath)).map(v, v.hostPath.path)'}
- name: claims
  expression: >-
    variables.listed.filter(v, has(v.persistentVolumeClaim)).map(v, v.persistentVolumeClaim.claimName)
    + (has(params.spec.spool) ? [params.spec.spool.volumeClaim] : [])
# A list for each volume, joined and split again, because CEL cannot flatten lists.
- name: secrets
  expression: >-
    variables.listed.map(v, v.filter(k, k != 'name').map(k,
    (has(v[k].secretName) ? v[k].secretName : '') + ' '
    + (has(v[k].secretRef) ? v[k].secretRef.name : '') + ' '
    + (has(v[k].nodePublishSecretRef) ? v[k].nodePublishSecretRef.name : '') + ' '
    + (has(v[k].sources) ? v[k].sources.filter(s, has(s.secret)).map(s, s.secret.name).join(' ') : '')
    ).join(' ')).join(' ').split(' ')
    + params.spec.datasets.filter(d, has(d.s3) && has(d.s3.credentialsSecretRef)).map(d, d.s3.credentialsSecretRef.name)
    + (has(params.spec.baseModel) && has(params.spec.baseModel.s3.credentialsSecretRef)
    ? [params.spec.baseModel.s3.credentialsSecretRef.name] : [])
    + (has(params.spec.privacy) && has(params.spec.privacy.noiseKeySecretRef)
    ? [params.spec.privacy.noiseKeySecretRef.name] : [])
    + ['fedtrain-fingerprint']
- name: keys
  expression: >-
    has(variables.overlay.env) ? variables.overlay.env.filter(e, has(e.valueFrom) && has(e.valueFrom.secretKeyRef))
    .map(e, e.valueFrom.secretKeyRef.name) : []
validations:
{{- include "fedtrain.admission.pods" (dict "own" (list "transfer secret" "noise-credentials secret"
  "fingerprint-credentials secret")) | nindent 0 }}
{{- end -}}
