{{/* An alert for each way in which this participant can let a run stand still. Its tasks' statuses and the events have the reasons. */}}
{{- define "fedtrain.alerts" -}}
{{- $rule := .Values.metrics.prometheusRule -}}
- alert: FedtrainHubUnreachable
  # Three intervals between heartbeats, and five minutes at least.
  expr: "max(fedtrain_hub_contact_age_seconds) > {{ max 300 (mul 3 .Values.heartbeatSeconds) }}"
  for: 0s
  labels: {severity: critical}
  annotations:
    summary: The hub has accepted no heartbeat for some minutes. Running tasks continue, and no new ones arrive.
- alert: FedtrainHubTokenExpires
  # It is renewed after a tenth of its life, which the hub's API server may limit to less than ten days.
  expr: "min(fedtrain_hub_token_seconds / fedtrain_hub_token_life_seconds) < 0.2"
  for: 0s
  labels: {severity: warning}
  annotations:
    summary: The token for the hub is not renewed, and a fifth of its life is left. Ask for a new invitation.
- alert: FedtrainTasksHeldByPolicy
  expr: "max(fedtrain_tasks_waiting{reason=~\"HeldByPolicy|InvalidPolicy\"}) > 0"
  for: {{ $rule.for }}
  labels: {severity: warning}
  annotations:
    summary: The ParticipantPolicy lets tasks wait, for approval for example, while their deadlines run.
- alert: FedtrainTasksNotStarting
  expr: "max(fedtrain_tasks_waiting{reason!~\"HeldByPolicy|InvalidPolicy\"}) > 0"
  for: {{ $rule.for }}
  labels: {severity: warning}
  annotations:
    summary: Pods of tasks cannot be created, scheduled or started.
{{- end -}}

{{/* What an absent operator means. */}}
{{- define "fedtrain.absent" -}}
Tasks of the hub do not start.
{{- end -}}
