{{/* The pod of webhook and reconciler. Takes {root, component, resources, serviceAccount, token, arguments}. */}}
{{- define "tidegate.pod" -}}
{{- $values := .root.Values -}}
metadata:
  labels:
    {{- include "tidegate.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: tidegate
    {{- if eq $values.tls.mode "helm" }}
    # The authority is read at the start. There is no checksum of the policies: a change of those is followed.
    checksum/ca: {{ include "tidegate.authority" .root | sha256sum }}
    {{- end }}
    {{- if eq .component "reconciler" }}
    {{- with $values.reconciler.applications.plugins }}
    # Read at the start, too.
    checksum/plugins: {{ toJson . | sha256sum }}
    {{- end }}
    {{- end }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ .serviceAccount }}
  automountServiceAccountToken: {{ .token }}
  enableServiceLinks: false
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- if $values.hostNetwork }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- end }}
  # Time to drain, to finish what is under way (10 s) or to roll it back (25 s), and some.
  terminationGracePeriodSeconds: {{ add $values.drainSeconds 30 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: tidegate
      image: {{ include "tidegate.image" .root | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args:
        - serve
        - --policies=/etc/tidegate/policies.yaml
        # A folder below the volume, as the volume itself is writable for its group and so not trusted.
        - --cache=/cache/compiled
        - --listen=[::]:{{ $values.ports.webhook }}
        - --health=[::]:{{ $values.ports.health }}
        {{- if eq $values.tls.mode "helm" }}
        - --ca-folder=/etc/tidegate-tls
        {{- range include "tidegate.hosts" .root | fromJsonArray }}
        - --tls-name={{ . }}
        {{- end }}
        {{- else }}
        - --tls-cert=/etc/tidegate-tls/tls.crt
        - --tls-key=/etc/tidegate-tls/tls.key
        {{- end }}
        - --drain={{ $values.drainSeconds }}s
        - --readiness={{ $values.readiness }}
        - --log-format={{ $values.log.format }}
        - --log-level={{ $values.log.level }}
        {{- range .arguments }}
        - {{ . }}
        {{- end }}
      ports:
        - name: webhook
          containerPort: {{ $values.ports.webhook }}
          protocol: TCP
        - name: health
          containerPort: {{ $values.ports.health }}
          protocol: TCP
      # Compiling the policies for the first time takes some seconds; a probe of its own, so that liveness need not be lenient.
      startupProbe:
        httpGet:
          path: /livez
          port: health
          scheme: HTTP
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet:
          path: /livez
          port: health
          scheme: HTTP
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet:
          path: /readyz
          port: health
          scheme: HTTP
        periodSeconds: 3
        timeoutSeconds: 3
        failureThreshold: 1
      resources:
        {{- toYaml .resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: policies
          mountPath: /etc/tidegate
          readOnly: true
        - name: tls
          mountPath: /etc/tidegate-tls
          readOnly: true
        - name: cache
          mountPath: /cache
        # Locks of SQLite databases, as Atlas has them.
        - name: tmp
          mountPath: /tmp
        {{- with $values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: policies
      configMap:
        name: {{ include "tidegate.fullname" .root }}-policies
    - name: tls
      secret:
        secretName: {{ include "tidegate.tlsSecret" .root }}
        # Readable for the pod's group only.
        defaultMode: 0440
    - name: cache
      emptyDir:
        sizeLimit: {{ $values.cache.sizeLimit }}
    - name: tmp
      emptyDir:
        sizeLimit: 1Gi
    {{- with $values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  affinity:
    {{- if $values.affinity }}
    {{- toYaml $values.affinity | nindent 4 }}
    {{- else }}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- include "tidegate.selector" .root | nindent 16 }}
                app.kubernetes.io/component: {{ .component }}
    {{- end }}
  topologySpreadConstraints:
    {{- if $values.topologySpreadConstraints }}
    {{- toYaml $values.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "tidegate.selector" $.root | nindent 10 }}
          app.kubernetes.io/component: {{ $.component }}
    {{- end }}
    {{- end }}
{{- end -}}
