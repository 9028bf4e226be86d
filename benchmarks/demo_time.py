"""Time of `make demo` after the installation, beside its target.

    python benchmarks/demo_time.py            # the quickstart and each participant alone: four minutes on 2 idle cores
    python benchmarks/demo_time.py --smoke    # one round of one step, for the test suite

Calls the command of the target `demo` in the Makefile, with a copy of the quickstart that has no runs. Ends with 1 if
it takes longer than the target.
"""

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from fedtrain.cli.main import main as fedtrain

ROOT = Path(__file__).parents[1]
QUICKSTART = "examples/quickstart"
SECONDS = 300


def command() -> list[str]:
    """Return the words of the Makefile's command, without the program."""
    makefile = Path(__file__).resolve().parents[1] / "Makefile"
    (line,) = re.findall(r"^demo: setup\n\t\$\(BIN\)/fedtrain (.+)$", makefile.read_text(), re.MULTILINE)
    return line.split()


def copied(folder: Path, smoke: bool) -> list[str]:
    """Copy the quickstart and return the command's words with the file of the copy."""
    shutil.copytree(ROOT / QUICKSTART, folder / QUICKSTART, ignore=shutil.ignore_patterns("runs"))
    file = folder / QUICKSTART / "federation.yaml"
    if smoke:
        file.write_text(re.sub("count: 12", "count: 1", file.read_text()).replace("steps: 25", "steps: 1"))
    return [str(folder / word) if word == f"{QUICKSTART}/federation.yaml" else word for word in command()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one round of one step, in this process")
    smoke = parser.parse_args().smoke
    with TemporaryDirectory() as name:
        words = copied(Path(name), smoke)
        begin = time.monotonic()
        if smoke:
            fedtrain(words, standalone_mode=False)
        else:
            subprocess.run([Path(sys.executable).with_name("fedtrain"), *words], check=True)
        seconds = time.monotonic() - begin
        made = Path(name) / QUICKSTART / "runs/default/quickstart"
        assert (made / "picture.png").is_file()
        assert (made / "adapter/adapter_model.safetensors").is_file()
    print(f"make demo after the installation: {seconds:.0f} s (target at most {SECONDS} s)")
    return 0 if smoke or seconds <= SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
