{{- define "ami-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ami-operator.fullname" -}}
{{- $name := include "ami-operator.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "ami-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "ami-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "ami-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ami-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ami-operator.labels" -}}
{{ include "ami-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ami-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Permissions in the namespaces that the operator watches. */}}
{{- define "ami-operator.rules" -}}
- apiGroups: [ami-operator.dev]
  resources: [imagebuilds, imagereplications]
  # patch: the finalizer
  verbs: [get, list, watch, patch]
- apiGroups: [ami-operator.dev]
  resources: [imagebuilds]
  # spec.ttlAfterFinished
  verbs: [delete]
- apiGroups: [ami-operator.dev]
  resources: [imagebuilds/status, imagereplications/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [configmaps]
  # What steps refer to, by name: never a list, never a watch.
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
