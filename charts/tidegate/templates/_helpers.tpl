{{/* Names: the release's, with the chart's behind it unless it is in it. 40 characters leave room for `-reconciler`. */}}
{{- define "tidegate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tidegate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "tidegate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "tidegate.serviceAccount" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.create -}}
{{- include "tidegate.fullname" . -}}
{{- else -}}
{{- fail "serviceAccount.name is needed when serviceAccount.create is false" -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The name that the API server calls, and looks for in the certificate. */}}
{{- define "tidegate.host" -}}
{{- printf "%s.%s.svc" (include "tidegate.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* Not empty where Applications are admitted with what they bring: the reconciler, which has that, is then called as well. */}}
{{- define "tidegate.judgesPlans" -}}
{{- with .Values.reconciler -}}
{{- if and .enabled .applications.enabled .applications.plans.enabled $.Values.webhooks.enabled -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* The names that the API server calls: the webhook's, and the reconciler's where that is called. A JSON list. */}}
{{- define "tidegate.hosts" -}}
{{- $hosts := list (include "tidegate.host" .) -}}
{{- if include "tidegate.judgesPlans" . -}}
{{- $hosts = append $hosts (printf "%s-reconciler.%s.svc" (include "tidegate.fullname" .) .Release.Namespace) -}}
{{- end -}}
{{- $hosts | toJson -}}
{{- end -}}

{{/*
The own authority, as base64 `ca.crt` and `ca.key` in JSON: the cluster's where there is one, else a new one. It is kept in the
context that all templates of a rendering share, as Secret and caBundle must be of one authority. Ed25519, because its key comes
as PKCS #8, which is all that tidegate reads.
*/}}
{{- define "tidegate.authority" -}}
{{- if not (hasKey .Values.tls "authority") -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace (printf "%s-ca" (include "tidegate.fullname" .)) -}}
{{- $data := ($secret | default dict).data | default dict -}}
{{- if and (hasKey $data "ca.crt") (hasKey $data "ca.key") -}}
{{- $_ := set .Values.tls "authority" (pick $data "ca.crt" "ca.key") -}}
{{- else -}}
{{- $made := genCAWithKey (printf "tidegate of %s" (include "tidegate.host" .)) 3650 (genPrivateKey "ed25519") -}}
{{- $_ := set .Values.tls "authority" (dict "ca.crt" (b64enc $made.Cert) "ca.key" (b64enc $made.Key)) -}}
{{- end -}}
{{- end -}}
{{- .Values.tls.authority | toJson -}}
{{- end -}}

{{/* For clientConfig.caBundle; empty where cert-manager writes it. */}}
{{- define "tidegate.caBundle" -}}
{{- if eq .Values.tls.mode "helm" -}}
{{- index (include "tidegate.authority" . | fromJson) "ca.crt" -}}
{{- else if eq .Values.tls.mode "secret" -}}
{{- required "tls.secret.caBundle is needed in mode secret: the PEM of the authority that signed tls.secret.name" .Values.tls.secret.caBundle | b64enc -}}
{{- end -}}
{{- end -}}

{{/* The Secret that pods mount. */}}
{{- define "tidegate.tlsSecret" -}}
{{- if eq .Values.tls.mode "helm" -}}
{{- include "tidegate.fullname" . }}-ca
{{- else if eq .Values.tls.mode "certManager" -}}
{{- include "tidegate.fullname" . }}-tls
{{- else -}}
{{- required "tls.secret.name is needed in mode secret: a Secret with tls.crt and tls.key" .Values.tls.secret.name -}}
{{- end -}}
{{- end -}}

{{/* "true" where a policy may change objects. */}}
{{- define "tidegate.mutates" -}}
{{- range .Values.policies.policies -}}
{{- if .mutate -}}true{{- end -}}
{{- end -}}
{{- end -}}
