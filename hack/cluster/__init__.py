"""Real Kubernetes for tests: kind's where a container engine answers, else built on a bare Linux machine.

- `control_plane.ControlPlane`: etcd, API server, controllers and training operator; seconds, no root, no nodes.
- `cluster.Cluster`: that with a node that runs pods; root; several at once, each with an address of its own.
- `kind_cluster.KindCluster`: one in an engine; `whole.WholeCluster` is what tests need of either.
- `s3_server.S3Server`: an S3 server, beside either.
- `building.build`, `images.store`: images for the pods of whole clusters.
- `products.product`: those of fedtrain itself.
- `lasting`: one cluster that stays, behind `make cluster`.
- `tools.provide`: the programs of all these, built from Go modules into a cache.
"""
