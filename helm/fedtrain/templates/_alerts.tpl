{{/* An alert for each way in which a run can stand still. Its names are in the conditions and events of the FederatedTraining. */}}
{{- define "fedtrain.alerts" -}}
{{- $rule := .Values.metrics.prometheusRule -}}
{{- if has "coordinator" .Values.controllers }}
- alert: FedtrainTrainingWithoutProgress
  expr: "max(fedtrain_training_no_progress_seconds) > {{ $rule.noProgressSeconds }}"
  for: 0s
  labels: {severity: warning}
  annotations:
    summary: A training has made no progress for a long time. Its condition Progressing says since when and why.
- alert: FedtrainTrainingNotAccepted
  expr: "max(fedtrain_trainings_condition_false{condition=\"Accepted\"}) > 0"
  for: {{ $rule.for }}
  labels: {severity: warning}
  annotations:
    summary: A training does not match its Participants, or a run of its name has another spec (condition Accepted).
- alert: FedtrainStoreUnreachable
  expr: "max(fedtrain_trainings_condition_false{condition=\"StoreReachable\"}) > 0"
  for: {{ $rule.for }}
  labels: {severity: critical}
  annotations:
    summary: The ledger's store does not answer or refuses (condition StoreReachable). Rounds and deadlines stand still.
- alert: FedtrainTasksRefused
  expr: "max(fedtrain_trainings_condition_false{condition=\"TasksAccepted\"}) > 0"
  for: {{ $rule.for }}
  labels: {severity: warning}
  annotations:
    summary: The API server refuses objects of a training (condition TasksAccepted).
- alert: FedtrainPodsUnschedulable
  expr: "max(fedtrain_trainings_condition_false{condition=\"Schedulable\"}) > 0"
  for: {{ $rule.for }}
  labels: {severity: warning}
  annotations:
    summary: No node takes the pods of a training (condition Schedulable).
- alert: FedtrainPodsNotStarting
  expr: "max(fedtrain_trainings_condition_false{condition=\"Startable\"}) > 0"
  for: {{ $rule.for }}
  labels: {severity: warning}
  annotations:
    summary: Pods of a training cannot be created or started, or a participant's policy lets tasks wait (condition Startable).
- alert: FedtrainParticipantSilent
  expr: "max(fedtrain_silent_participants) > 0"
  for: {{ $rule.for }}
  labels: {severity: warning}
  annotations:
    summary: Heartbeats of a participant are missing (kubectl get participants).
# Counters would miss these two: the operator may decide them before Prometheus has scraped it for the first time.
- alert: FedtrainMinimumNotMet
  expr: "max(fedtrain_trainings_condition_false{condition=\"MinimumMet\"}) > 0"
  for: 0s
  labels: {severity: warning}
  annotations:
    summary: The newest round of a training had too few valid updates (condition MinimumMet).
- alert: FedtrainRunFailed
  expr: "max(fedtrain_objects_by_phase{kind=\"FederatedTraining\",phase=\"Failed\"}) > 0"
  for: 0s
  labels: {severity: critical}
  annotations:
    summary: A run has failed. Its message says how to resume it. The alert ends when the run resumes or is deleted.
- alert: FedtrainTrainingSuspended
  expr: "max(fedtrain_objects_by_phase{kind=\"FederatedTraining\",phase=\"Suspended\"}) > 0"
  for: {{ $rule.noProgressSeconds }}s
  labels: {severity: info}
  annotations:
    summary: A training has been suspended for a long time. Set spec.suspend to false to resume it.
{{- end }}
{{- end -}}

{{/* What an absent operator means. */}}
{{- define "fedtrain.absent" -}}
Nothing decides, and deadlines do not pass.
{{- end -}}
