"""What repositories, functions and kpt may try, and what comes of it: a word for people and no push."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.executors.base import Done, Retry, Terminal
from engine.executors.kpt.settings import FunctionSettings, KptSettings, RepositorySettings
from engine.reasons import Reason
from tests.integration.kpt.conftest import STAND_IN, MakeExecutor, change, effect, function, program
from tests.integration.kpt.server import commit, git, refs
from tests.integration.kpt.test_kpt import KPTFILE


@pytest.fixture
def kpt(tmp_path: Path) -> Path:
    return program(tmp_path / "bin" / "kpt", STAND_IN)


Push = Callable[[str], None]


def test_links_and_submodules_of_a_package_are_refused(executor: MakeExecutor, main: Path) -> None:
    link = git("hash-object", "-w", "--stdin", folder=main, stdin=b"/etc/passwd")
    head = git("rev-parse", "main", folder=main)
    for mode, digest, word in (("120000", link, "a symbolic link"), ("160000", head, "a submodule")):
        stream = (
            f"commit refs/heads/main\ncommitter a <a@b> 1700000001 +0000\ndata 1\nx\nfrom {head}\n"
            f"M {mode} {digest} core-amf/odd\n"
        )
        git("fast-import", "--quiet", "--force", folder=main, stdin=stream.encode())
        outcome = executor().execute(effect(change(5)))
        assert isinstance(outcome, Terminal), outcome
        assert f"core-amf/odd is {word}" in outcome.message


@pytest.mark.parametrize("name", ["a\nb.yaml", 'a"b.yaml', "a\\b.yaml"])
def test_odd_names_are_refused(executor: MakeExecutor, main: Path, name: str) -> None:
    blob = git("hash-object", "-w", "--stdin", folder=main, stdin=b"x")
    index = f"100644 {blob}\tcore-amf/{name}\0".encode()
    tree_folder = main / "index-folder"
    tree_folder.mkdir()
    git("update-index", "-z", "--index-info", folder=main, stdin=index)
    made = git("commit-tree", git("write-tree", folder=main), "-p", "main", "-m", "x", folder=main)
    git("update-ref", "refs/heads/main", made, folder=main)
    outcome = executor().execute(effect(change(5)))
    assert isinstance(outcome, Terminal), outcome
    assert "rename it" in outcome.message


def test_hooks_filters_and_attributes_of_a_repository_do_nothing(
    executor: MakeExecutor, main: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    files = {
        ".gitattributes": "* filter=evil text eol=crlf ident\n",
        ".gitconfig": f'[filter "evil"]\n\tclean = touch {mark}\n\tsmudge = touch {mark}\n',
        ".githooks/pre-push": f"#!/bin/sh\ntouch {mark}\n",
        "core-amf/Kptfile": KPTFILE,
        "core-amf/.gitattributes": "* filter=evil\n",
        "core-amf/notes.txt": "$Id$\n",
    }
    commit(main, files, "Try it")
    assert isinstance(executor().execute(effect(change(5))), Done)
    assert not mark.exists()
    assert git("show", "main:core-amf/notes.txt", folder=main) == "$Id$"


def test_a_package_that_is_too_large_is_refused(executor: MakeExecutor, main: Path) -> None:
    commit(main, {f"core-amf/f{number}.txt": "x\n" for number in range(1001)}, "Fill")
    outcome = executor().execute(effect(change(5)))
    assert isinstance(outcome, Terminal)
    assert "has 1001 files" in outcome.message


def test_a_file_that_cannot_be_read_is_not_written_over(executor: MakeExecutor, main: Path) -> None:
    commit(main, {"core-amf/Kptfile": KPTFILE, "core-amf/a.yaml": "{{ .Values.x }\n"}, "Break")
    outcome = executor().execute(effect(change(5)))
    assert isinstance(outcome, Terminal)
    assert "a.yaml" in outcome.message


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        ("  mutators:\n  - image: set-namespace:v0.4\n", "images are not run here"),
        ("  validators:\n  - exec: /bin/sh\n", "'/bin/sh', which is not among executors.kpt.functions"),
        ("  mutators:\n  - exec: ./fn\n", "'./fn', which is not among"),
        ("  mutators:\n  - exec: /bin/sh\n    image: x\n", "images are not run here"),
        ("  mutators: nonsense\n", "none that kpt knows"),
        ("  mutators:\n  - nonsense\n", "none that kpt knows"),
    ],
)
def test_a_pipeline_that_would_run_other_things_is_refused(
    executor: MakeExecutor, main: Path, pipeline: str, said: str
) -> None:
    before = commit(main, {"core-amf/sub/Kptfile": f"{KPTFILE}pipeline:\n{pipeline}"}, "Try it")
    outcome = executor().execute(effect(change(5)))
    assert isinstance(outcome, Terminal), outcome
    assert said in outcome.message
    assert refs(main)["refs/heads/main"] == before


def test_a_function_that_was_changed_does_not_run(executor: MakeExecutor, main: Path, tmp_path: Path) -> None:
    listed = function(tmp_path / "bin" / "fn", "#!/bin/sh\n", always=True)
    listed.path.write_text(f"#!/bin/sh\ntouch {tmp_path}/bin/ran\n")
    outcome = executor(listed).execute(effect(change(5)))
    assert isinstance(outcome, Retry)
    assert "is not the program of the settings" in outcome.message
    assert not (tmp_path / "bin" / "ran").exists()


def test_a_function_that_writes_a_pipeline_gets_no_more_by_it(
    executor: MakeExecutor, main: Path, tmp_path: Path
) -> None:
    text = '#!/bin/sh\nprintf "pipeline:\\n  mutators:\\n  - exec: /bin/sh\\n" >>"$1/Kptfile"\n'
    outcome = executor(function(tmp_path / "bin" / "fn", text, always=True)).execute(effect(change(5)))
    assert isinstance(outcome, Terminal)
    assert "'/bin/sh'" in outcome.message


def test_a_function_that_changes_what_the_intent_states_is_refused(
    executor: MakeExecutor, main: Path, tmp_path: Path
) -> None:
    text = '#!/bin/sh\nsed -i "s/replicas: 5/replicas: 50/" "$1/deployment-amf.yaml"\n'
    outcome = executor(function(tmp_path / "bin" / "fn", text, always=True)).execute(effect(change(5)))
    assert isinstance(outcome, Terminal)
    assert outcome.reason == Reason.CONFLICT
    assert "Deployment/amf:spec.replicas" in outcome.message
    assert "refs/tags/core-amf/v1" not in refs(main)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo 'no quota left' >&2; exit 1", "no quota left"),
        ('mkfifo "$1/pipe"', "no plain file"),
        ("kill -9 $PPID", "signal 9"),
    ],
)
def test_a_function_that_fails_or_leaves_nonsense_is_told(
    executor: MakeExecutor, main: Path, tmp_path: Path, text: str, said: str
) -> None:
    listed = function(tmp_path / "bin" / "fn", f"#!/bin/sh\n{text}\n", always=True)
    outcome = executor(listed).execute(effect(change(5)))
    assert isinstance(outcome, Terminal | Retry), outcome
    assert said in outcome.message
    assert "refs/tags/core-amf/v1" not in refs(main)


def test_a_result_of_severity_error_is_a_failure_though_kpt_says_it_is_none(
    executor: MakeExecutor, main: Path, kpt: Path
) -> None:
    results = "items:\\n- results:\\n  - {severity: error, message: namespace is empty}\\n"
    added = f"""
  for word in "$@"; do
    case "$word" in
    --results-dir=*) mkdir -p "${{word#*=}}"; printf "{results}" >"${{word#*=}}/results.yaml" ;;
    esac
  done
"""
    program(kpt, STAND_IN.replace('"fn render")\n', f'"fn render"){added}'))
    outcome = executor().execute(effect(change(5)))
    assert isinstance(outcome, Terminal)
    assert "namespace is empty" in outcome.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yes", "printed too much"),
        ("printf '\\377\\033[31mbroken\\n' >&2; exit 1", "broken"),
        ("kill -9 $$", "signal 9"),
    ],
)
def test_a_kpt_that_misbehaves_is_told_in_words(
    executor: MakeExecutor, main: Path, kpt: Path, text: str, said: str
) -> None:
    program(kpt, f"#!/bin/sh\n{text}\n")
    outcome = executor().execute(effect(change(5)))
    assert isinstance(outcome, Terminal | Retry), outcome
    assert said in outcome.message
    assert outcome.message.isprintable()


def test_a_kpt_that_is_not_there_or_not_to_be_trusted_is_an_outage(
    executor: MakeExecutor, main: Path, kpt: Path
) -> None:
    kpt.chmod(0o777)
    outcome = executor().execute(effect(change(5)))
    assert isinstance(outcome, Retry)
    assert not outcome.counts
    assert "may change" in outcome.message
    kpt.unlink()
    outcome = executor().execute(effect(change(5)))
    assert isinstance(outcome, Retry)
    assert "install it there" in outcome.message


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c id",
        "file:///srv/git/main.git",
        "/srv/git/main.git",
        "ssh://git@example.com/main.git",
        "git@example.com:main.git",
        "https://user:secret@example.com/main.git",
        "https://token@example.com/main.git",
        "https://example.com/main.git?x=y",
        "http://git.example.com/main.git",
        "--upload-pack=id",
        "https://example.com/a\nb.git",
    ],
)
def test_no_other_way_into_a_repository_is_taken(url: str) -> None:
    with pytest.raises(ValidationError):
        RepositorySettings(url=url)


def test_the_settings_of_a_repository_are_checked() -> None:
    assert RepositorySettings(url="http://git.example.com/main.git", plain_http=True)
    assert RepositorySettings(url="http://[::1]:8080/main.git")
    for branch in ("-x", "a..b", "a b", "/a", "a.lock", "a/../b"):
        with pytest.raises(ValidationError):
            RepositorySettings(url="https://example.com/a.git", branch=branch)
    with pytest.raises(ValidationError, match="user is not"):
        RepositorySettings(url="https://example.com/a.git", password_file=Path("/run/secret"))
    with pytest.raises(ValidationError, match="no absolute path"):
        KptSettings(kpt=Path("kpt"))
    with pytest.raises(ValidationError):
        FunctionSettings(path=Path("/fn"), sha256="abc")
