"""Build hook: compiles the aggregator's kernels. Without a C compiler the package works the same, only slower."""

import os
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KERNELS = Path("aggregator/fedtrain_aggregator/kernels")
FLAGS = ("-O3", "-ffp-contract=off", "-fno-math-errno", "-shared", "-fPIC")


class CompileKernels(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        library = Path(self.root) / KERNELS / "kernels.so"
        library.unlink(missing_ok=True)
        sources = sorted((Path(self.root) / KERNELS).glob("*.c"))
        try:
            subprocess.run(
                [os.environ.get("CC", "cc"), *FLAGS, "-o", library, *sources],
                check=True,
                capture_output=True,
                text=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            reason = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
            self.app.display_warning(f"The C compiler failed; the aggregator will use numpy, which is slower: {reason}")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].append(f"/{KERNELS}/kernels.so")
