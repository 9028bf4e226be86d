"""Kubeconfig files, written as JSON, which is YAML too."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Credentials:
    """How to reach an API server and who to be there."""

    server: str
    authority: Path
    token: str

    def write(self, path: Path, namespace: str = "default") -> Path:
        """Writes a kubeconfig file that needs no other file, readable by its owner alone."""
        authority = base64.b64encode(self.authority.read_bytes()).decode()
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
            "clusters": [{"name": "test", "cluster": {"server": self.server, "certificate-authority-data": authority}}],
            "users": [{"name": "test", "user": {"token": self.token}}],
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(content, indent=1))
        return path
