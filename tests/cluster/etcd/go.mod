// How the tests get etcd: as a Go module, built by ../get. Apart from Kubernetes, so that neither pulls the other's versions.
module tidegate.example/tests/cluster/etcd

go 1.26.0

tool go.etcd.io/etcd/server/v3

require go.etcd.io/etcd/server/v3 v3.6.7
