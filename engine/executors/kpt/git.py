"""git as this program needs it: refs and files of a remote repository read, commits made and pushed.

There is never a work tree: files are read from and written to the object database, so that nothing in a
repository (hooks, filters, links, submodules, attributes) has a place in which to act.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.child.files import MAX_BYTES, MAX_FILES
from engine.child.running import Program, Result, Runner
from engine.executors.kpt.problems import GitError, understand
from engine.executors.kpt.settings import RepositorySettings

_REPOSITORY = "repository.git"
_MESSAGE_BYTES = 1 << 20
_LISTING_BYTES = 8 << 20
_FILE_MODES = ("100644", "100755")
_ODD_PATH = re.compile(r"[\x00-\x1f\x7f\"\\]|(?:\A|/)(?:\.{1,2}|\.git)?(?:/|\Z)", re.IGNORECASE)
_COMMITTER = re.compile(r"^committer .*> ([0-9]{1,15}) [-+][0-9]{4}$", re.MULTILINE)
_LOCAL = ("ls-tree", "cat-file", "rev-list", "fast-import")
_REMOTE = ("ls-remote", "fetch", "push")

_CONFIGURATION = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.symlinks": "false",
    "core.askPass": "",
    "credential.helper": "",
    "http.followRedirects": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "transfer.fsckObjects": "true",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "pack.threads": "1",
}
"""What git is told in place of every configuration file."""
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "https:http",
    "GIT_PROTOCOL_FROM_USER": "0",
    # A server that stops sending is given up on long before the command's own limit.
    "GIT_HTTP_LOW_SPEED_LIMIT": "100",
    "GIT_HTTP_LOW_SPEED_TIME": "15",
}


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit changes.

    Attributes:
        parent: the hash of the commit before; None where it is the one before in the same list.
        files: by path from the top of the repository; None for those that go.
    """

    parent: str | None
    message: str
    files: Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Told:
    """What a commit tells of itself.

    Attributes:
        made_at: in seconds since 1970; in the future where it does not say.
    """

    made_at: float
    message: str


class Git:
    """Makes clones of repositories, each in a working folder of its own."""

    def __init__(self, runner: Runner, program: Path, author: str) -> None:
        self._runner = runner
        self._author = author
        self._local = Program("git", program, frozenset((word,) for word in _LOCAL), environment=_ENVIRONMENT)
        self._remote = Program(
            "git", program, frozenset((word,) for word in _REMOTE), network=True, environment=_ENVIRONMENT
        )

    def remote(self, settings: RepositorySettings, folder: Path) -> Remote:
        """Returns a remote repository; nothing is read yet."""
        return Remote(self, settings, folder)

    def run(
        self, word: str, arguments: Sequence[str], folder: Path, stdin: bytes = b"", most: int = 0
    ) -> bytes:
        """Runs git on what is here; returns what it printed.

        Raises:
            GitError: it failed.
            CannotRunError, UntrustedProgramError: it did not run.
        """
        environment = _configured(_CONFIGURATION) | {"GIT_DIR": str(folder / _REPOSITORY)}
        result = self._runner.run(
            self._local, (word,), arguments, folder=folder, stdin=stdin, environment=environment, most=most
        )
        if not result.succeeded:
            raise understand(result, f"git {word}")
        return result.stdout

    def run_remote(
        self, word: str, arguments: Sequence[str], settings: RepositorySettings, folder: Path
    ) -> Result:
        """Runs git with the repository of some settings, as the one who may push there; raises as `run`."""
        more: dict[str, str] = {}
        readable: tuple[Path, ...] = ()
        if settings.password_file is not None:
            more[f"http.{settings.url}.extraHeader"] = f"Authorization: Basic {_credentials(settings)}"
        if settings.ca_file is not None:
            more["http.sslCAInfo"] = str(settings.ca_file)
            readable = (settings.ca_file,)
        environment = _configured(_CONFIGURATION | more) | {"GIT_DIR": str(folder / _REPOSITORY)}
        return self._runner.run(
            self._remote, (word,), arguments, folder=folder, environment=environment, readable=readable
        )

    def import_commits(self, commits: Sequence[Commit], folder: Path, now: float) -> list[str]:
        """Makes commits in the object database; returns their hashes. Raises as `run`."""
        stream = bytearray(b"feature done\n")
        for mark, commit in enumerate(commits, start=1):
            message = commit.message.encode()
            stream += f"commit refs/heads/made\nmark :{mark}\n".encode()
            stream += f"committer {self._author} {int(now)} +0000\n".encode()
            stream += b"data %d\n%s\n" % (len(message), message)
            stream += f"from {commit.parent or f':{mark - 1}'}\n".encode()
            for path, data in sorted(commit.files.items()):
                if data is None:
                    stream += f"D {path}\n".encode()
                else:
                    stream += f"M 100644 inline {path}\n".encode() + b"data %d\n%s\n" % (len(data), data)
            stream += f"\nget-mark :{mark}\n".encode()
        stream += b"done\n"
        made = self.run("fast-import", ["--quiet", "--done", "--force"], folder, bytes(stream))
        return made.decode("ascii").split()


class Remote:
    """One remote repository, and what has been fetched of it."""

    def __init__(self, git: Git, settings: RepositorySettings, folder: Path) -> None:
        self._git = git
        self.settings = settings
        self._folder = folder
        repository = folder / _REPOSITORY
        for part in ("objects", "refs"):
            (repository / part).mkdir(parents=True, exist_ok=True)
        (repository / "HEAD").write_text("ref: refs/heads/none\n")  # all that git asks of a repository

    def refs(self, patterns: Iterable[str]) -> dict[str, str]:
        """Returns the hashes of the remote's refs that fit, by name. Raises as `Git.run`."""
        result = self._git.run_remote(
            "ls-remote", ["--quiet", "--", self.settings.url, *patterns], self.settings, self._folder
        )
        if not result.succeeded:
            raise understand(result, "git ls-remote")
        rows = (line.split("\t") for line in result.stdout.decode("utf-8", "replace").splitlines())
        return {row[1]: row[0] for row in rows if len(row) == 2}  # noqa: PLR2004 - hash and name

    def fetch(self, refs: Iterable[str]) -> None:
        """Fetches the newest commit of some refs, without what was before. Raises as `Git.run`."""
        self._fetch(["--depth=1"], refs)

    def fetch_history(self, ref: str, depth: int) -> list[str]:
        """Fetches the newest commits of a ref; returns their hashes, the newest first. Raises as `Git.run`.

        A server that can leaves out their files, so that none can be read in this working folder.
        """
        self._fetch([f"--depth={depth}", "--filter=tree:0"], [ref])
        about = [f"--max-count={depth}", f"refs/fetched/{ref}"]
        return self._git.run("rev-list", about, self._folder, most=64 * depth).decode("ascii").split()

    def _fetch(self, how: Sequence[str], refs: Iterable[str]) -> None:
        wanted = [f"+{ref}:refs/fetched/{ref}" for ref in refs]
        result = self._git.run_remote(
            "fetch",
            ["--quiet", *how, "--no-tags", "--no-write-fetch-head", "--", self.settings.url, *wanted],
            self.settings,
            self._folder,
        )
        if not result.succeeded:
            raise understand(result, "git fetch")

    def files(self, commit: str, path: str) -> dict[str, bytes]:
        """Returns the files below a path of a fetched commit, by their paths from there.

        Raises:
            GitError: also where one is a link, a submodule or oddly named, or they are too many or too large.
            CannotRunError, UntrustedProgramError: git did not run.
        """
        listing = self._git.run(
            "ls-tree",
            ["-r", "-z", "-l", "--full-tree", commit, "--", f"{path}/"],
            self._folder,
            most=_LISTING_BYTES,
        )
        found: dict[str, str] = {}
        size = 0
        for row in listing.split(b"\0")[:-1]:
            about, _, raw = row.partition(b"\t")
            mode, _, digest, length = about.decode("ascii").split()
            name = _acceptable(raw, mode, path)
            found[name] = digest
            size += int(length)
        if len(found) > MAX_FILES or size > MAX_BYTES:
            raise GitError.permanent(
                f"{path} has {len(found)} files with {size} bytes; a package may have {MAX_FILES} files "
                f"with {MAX_BYTES} bytes"
            )
        return dict(zip(found, self._objects(found.values(), size), strict=True))

    def told(self, commits: Sequence[str]) -> list[Told]:
        """Returns when fetched commits were made, and their messages. Raises as `Git.run`."""
        found = self._objects(commits, _MESSAGE_BYTES * len(commits))
        return [_told(data.decode("utf-8", "replace")) for data in found]

    def push(self, refspecs: Sequence[str], leases: Sequence[str]) -> Result:
        """Pushes all of some refs or none; returns what git said of each on its standard output."""
        expected = [f"--force-with-lease={lease}" for lease in leases]
        return self._git.run_remote(
            "push",
            ["--porcelain", "--atomic", "--no-verify", *expected, "--", self.settings.url, *refspecs],
            self.settings,
            self._folder,
        )

    def commit(self, commits: Sequence[Commit], now: float) -> list[str]:
        """Makes commits here; returns their hashes. Raises as `Git.run`."""
        return self._git.import_commits(commits, self._folder, now)

    def _objects(self, digests: Collection[str], size: int) -> list[bytes]:
        """Returns objects by their hashes, of about some bytes together."""
        if not digests:
            return []
        asked = "".join(f"{digest}\n" for digest in digests).encode()
        data = self._git.run("cat-file", ["--batch"], self._folder, asked, most=size + 100 * len(digests))
        found = []
        at = 0
        for _ in digests:
            end = data.index(b"\n", at)
            length = int(data[at:end].split()[2])
            found.append(data[end + 1 : end + 1 + length])
            at = end + 1 + length + 1
        return found


def _told(commit: str) -> Told:
    head, _, message = commit.partition("\n\n")
    made = _COMMITTER.search(head)
    return Told(float(made[1]) if made else math.inf, message)


def _acceptable(raw: bytes, mode: str, path: str) -> str:
    """Returns the path of a file from the package on, if it is a plain file with a plain name."""
    shown = raw.decode("utf-8", "backslashreplace")
    if mode not in _FILE_MODES:
        kind = {"120000": "a symbolic link", "160000": "a submodule"}.get(mode, f"of mode {mode}")
        raise GitError.permanent(f"{shown} is {kind}; a package may hold plain files only: take it out")
    name = shown.removeprefix(f"{path}/")
    if _ODD_PATH.search(name) or "\ufffd" in name or raw != shown.encode():
        raise GitError.permanent(f"{shown!r} is no name for a file of a package: rename it")
    return name


def _configured(values: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment by which git takes configuration; none of it shows in a list of processes."""
    pairs = enumerate(values.items())
    given = {
        f"GIT_CONFIG_{part}_{place}": text
        for place, pair in pairs
        for part, text in zip(("KEY", "VALUE"), pair, strict=True)
    }
    return {"GIT_CONFIG_COUNT": str(len(values)), **given}


def _credentials(settings: RepositorySettings) -> str:
    assert settings.password_file is not None  # noqa: S101 - asked for only where it is
    try:
        password = settings.password_file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise GitError.outage(
            f"the password file {settings.password_file} cannot be read: {error}; it is read anew at each try"
        ) from error
    return base64.b64encode(f"{settings.user}:{password}".encode()).decode()
