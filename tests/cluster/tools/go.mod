// How the tests get helm and kustomize: as Go modules, built by ../get.
module tidegate.example/tests/cluster/tools

go 1.26.0

tool (
	helm.sh/helm/v4/cmd/helm
	sigs.k8s.io/kustomize/kustomize/v5
)

require helm.sh/helm/v4 v4.3.1
