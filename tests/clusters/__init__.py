"""Real Kubernetes for tests, on a bare Linux machine: control planes in seconds, whole clusters in a minute."""
