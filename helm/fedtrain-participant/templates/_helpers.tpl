{{/* Whether the chart runs an operator. */}}
{{- define "fedtrain.runsOperator" -}}
{{- if .Values.operator.enabled }}true{{ end -}}
{{- end -}}

{{/* Environment of the operator and of its hooks. */}}
{{- define "fedtrain.environment" -}}
- {name: FEDTRAIN_TRAINER_IMAGE, value: {{ include "fedtrain.image" (list . "trainer") | quote }}}
- {name: FEDTRAIN_HUB_IMAGE, value: {{ include "fedtrain.image" (list . "operator") | quote }}}
- {name: FEDTRAIN_CONTROLLERS, value: participant}
- {name: FEDTRAIN_NAMESPACES, value: {{ .Release.Namespace | quote }}}
- {name: FEDTRAIN_HUB_SERVER, value: {{ .Values.hub.server | quote }}}
- {name: FEDTRAIN_HUB_NAMESPACE, value: {{ .Values.hub.namespace | quote }}}
- {name: FEDTRAIN_HUB_PARTICIPANT, value: {{ .Values.participant | quote }}}
- {name: FEDTRAIN_HUB_CREDENTIALS, value: /var/run/fedtrain/hub}
{{- with .Values.hub.serviceAccount }}
- {name: FEDTRAIN_HUB_SERVICE_ACCOUNT, value: {{ . | quote }}}
- {name: FEDTRAIN_HUB_TOKEN_SECRET, value: {{ include "fedtrain.renewed" $ }}}
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

{{/* The Secret with the invitation's token and the hub's certificate authority. */}}
{{- define "fedtrain.invitation" -}}
{{- .Values.hub.existingSecret | default (printf "%s-hub" (include "fedtrain.fullname" .)) -}}
{{- end -}}

{{/* The Secret with the token that the operator has renewed. */}}
{{- define "fedtrain.renewed" -}}
{{- printf "%s-hub-renewed" (include "fedtrain.fullname" .) -}}
{{- end -}}

{{- define "fedtrain.mounts" -}}
- {name: hub, mountPath: /var/run/fedtrain/hub, readOnly: true}
{{- if .Values.kubeconfigSecret }}
- {name: cluster, mountPath: /var/run/fedtrain/cluster, readOnly: true}
{{- end }}
{{- end -}}

{{- define "fedtrain.volumes" -}}
- {name: scratch, emptyDir: {}}
{{- with .Values.kubeconfigSecret }}
- name: cluster
  secret: {secretName: {{ . }}}
{{- end }}
- name: hub
  projected:
    sources:
    - secret: {name: {{ include "fedtrain.invitation" . }}}
    - secret: {name: {{ include "fedtrain.renewed" . }}, optional: true}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Environment of the operator alone: it runs no pods of the hub. */}}
{{- define "fedtrain.operatorEnvironment" -}}
{{- end -}}

{{/* Namespaces that get the NetworkPolicy of trainers, as JSON. */}}
{{- define "fedtrain.trainerNamespaces" -}}
{{- list .Release.Namespace | toJson -}}
{{- end -}}
