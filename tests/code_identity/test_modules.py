"""Which modules a plug-in reaches and what their digest is: in folders, zips, compiled, of no distribution."""

import importlib
import py_compile
import zipfile

from steerbench.plugins import sources
from steerbench.plugins.code import code_of
from tests.code_identity.conftest import KIT, as_in_a_new_process, write


def test_a_module_of_no_distribution_goes_by_its_name_and_what_lies_beside_it(tmp_path, monkeypatch):
    write(tmp_path / "single.py", "import beside\nimport numpy\n\n\nclass Method:\n    pass\n")
    write(tmp_path / "beside.py", "X = 1\n")
    write(tmp_path / "runs" / "run.json", "{}")
    monkeypatch.syspath_prepend(tmp_path)

    def code():
        as_in_a_new_process()
        return code_of("method", "nobody's", importlib.import_module("single").Method())

    before = code()
    assert before["module"] == "single"
    write(tmp_path / "runs" / "run.json", "[]")
    assert code() == before
    write(tmp_path / "beside.py", "X = 2\n")
    assert code()["sha256"] != before["sha256"]
    assert set(sources.reached(["single"], [])) == {"single", "beside"}


def test_beside_other_distributions_only_what_is_nobodys_is_followed(tmp_path, monkeypatch):
    write(tmp_path / "single.py", "import beside, kit\n")
    write(tmp_path / "beside.py", "")
    for name, text in KIT.items():
        write(tmp_path / name, text)
    monkeypatch.syspath_prepend(tmp_path)
    as_in_a_new_process()
    assert set(sources.reached(["single"], [])) == {"single", "beside"}


def test_a_package_in_a_zip_has_the_digest_that_it_has_in_a_folder(tmp_path, monkeypatch):
    files = {
        "zipped/__init__.py": "from zipped.inner import X\n",
        "zipped/inner.py": "X = 1\n",
        "zipped/a/b.csv": "1\n",
    }
    found = []
    for name, place in (("folder", tmp_path / "folder"), ("zip", tmp_path / "z.zip"), ("edited", tmp_path / "e.zip")):
        if name == "folder":
            for file, text in files.items():
                write(place / file, text)
        else:
            with zipfile.ZipFile(place, "w") as archive:
                for file, text in files.items():
                    archive.writestr(file, text.replace("1", "2") if name == "edited" else text)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(place)
            as_in_a_new_process()
            assert set(sources.reached(["zipped"], [])) == {"zipped", "zipped.inner"}
            found.append(sources.digest(["zipped"], []))
    assert found[0] == found[1] != found[2]


def test_a_compiled_module_counts_as_it_is_and_a_namespace_as_what_is_in_it(tmp_path, monkeypatch):
    write(tmp_path / "source.py", "X = 1\n")
    (tmp_path / "zipped" / "inner").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)

    def compiled(text):
        write(tmp_path / "source.py", text)
        py_compile.compile(str(tmp_path / "source.py"), str(tmp_path / "zipped" / "inner" / "only.pyc"))
        as_in_a_new_process()
        assert set(sources.reached(["zipped.inner.only"], [])) == {"zipped", "zipped.inner", "zipped.inner.only"}
        return sources.digest(["zipped.inner.only"], [])

    assert compiled("X = 1\n") != compiled("X = 2\n")
