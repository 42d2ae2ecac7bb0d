"""What a git repository holds that the kpt executor writes: its revisions, looked at and removed with git."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.e2e.porch.revisions import Seen

_NUMBER = re.compile(r"v([1-9][0-9]*)\Z")
_OPEN = {"drafts": "Draft", "proposed": "Proposed"}
_FOLDERS = {lifecycle: folder for folder, lifecycle in _OPEN.items()}
_SECONDS = 120


class GitRepository:
    """The packages of one git repository: main, with tags `PACKAGE/WORKSPACE` and `PACKAGE/vNUMBER`.

    Args:
        folder: gets a clone.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._clone = folder

    def revisions(self, prefix: str) -> list[Seen]:
        """Lists the revisions of packages whose names begin with a text, by package and number."""
        self._fetch()
        found = []
        refs = self._git("for-each-ref", "--format=%(objectname) %(*objectname) %(refname)")
        tags: dict[tuple[str, str], dict[str, str]] = {}
        for line in refs.splitlines():
            commit, name = line.split()[-2:]
            _, kind, rest = name.split("/", 2)
            if kind == "tags" and rest.startswith(prefix):
                package, _, tag = rest.rpartition("/")
                numbered = _NUMBER.match(tag)
                tags.setdefault((package, commit), {})["number" if numbered else "workspace"] = tag
            elif (
                kind == "heads"
                and (opened := rest.partition("/"))[0] in _OPEN
                and opened[2].startswith(prefix)
            ):
                package, _, workspace = opened[2].rpartition("/")
                found.append(Seen(package, 0, workspace, _OPEN[opened[0]], commit))
        for (package, commit), named in tags.items():
            number = int(named["number"].removeprefix("v"))
            found.append(Seen(package, number, named["workspace"], "Published", commit))
        return sorted(found)

    def files(self, revision: Seen) -> dict[str, str]:
        """Returns the files of a revision."""
        tree = f"{revision.name}:{revision.package}"
        names = self._git("ls-tree", "--name-only", tree).splitlines()
        return {name: self._git("show", f"{tree}/{name}") for name in names}

    def approve(self, revision: Seen) -> None:
        """Merges the branch of a proposal, which then goes, as a person would."""
        self._fetch()
        self._git("checkout", "--quiet", "--force", "--detach", "refs/heads/main")
        self._git("merge", "--quiet", "--no-ff", "--message", f"Merge {revision.package}", revision.name)
        self._git("push", "--quiet", "--atomic", "origin", "HEAD:refs/heads/main", f":{_branch(revision)}")

    def reject(self, revision: Seen) -> None:
        """Deletes the branch of a proposal, as a person would."""
        self._git("push", "--quiet", "origin", f":{_branch(revision)}")

    def draft(self, package: str, workspace: str) -> None:
        """Begins a revision of a new package, as somebody else would."""
        self._fetch()
        self._git("checkout", "--quiet", "--force", "--detach", "refs/heads/main")
        (self._clone / package).mkdir()
        (self._clone / package / "Kptfile").write_text("apiVersion: kpt.dev/v1\nkind: Kptfile\n")
        self._git("add", "--", package)
        self._git("commit", "--quiet", "--message", f"Begin {package}")
        self._git("push", "--quiet", "origin", f"HEAD:refs/heads/drafts/{package}/{workspace}")

    def remove(self, prefix: str) -> None:
        """Removes all packages whose names begin with a text, with their tags and branches."""
        self._fetch()
        self._git("checkout", "--quiet", "--force", "--detach", "refs/heads/main")
        packages = [item.name for item in self._clone.iterdir() if item.name.startswith(prefix)]
        if packages:
            self._git("rm", "-r", "--quiet", "--", *packages)
            self._git("commit", "--quiet", "--message", f"Remove the packages {prefix}*")
            self._git("push", "--quiet", "origin", "HEAD:refs/heads/main")
        patterns = [
            f"refs/tags/{prefix}*/*",
            f"refs/heads/drafts/{prefix}*/*",
            f"refs/heads/proposed/{prefix}*/*",
        ]
        refs = self._git("for-each-ref", "--format=%(refname)", *patterns).split()
        for first in range(0, len(refs), 200):
            self._git("push", "--quiet", "origin", "--delete", *refs[first : first + 200])

    def _fetch(self) -> None:
        if not self._clone.exists():
            self._clone.mkdir(parents=True)
            self._git("init", "--quiet")
            self._git("remote", "add", "origin", self._url)
            self._git("checkout", "--quiet", "--orphan", "nothing")  # so that main can be fetched into
        self._git(
            "fetch",
            "--quiet",
            "--prune",
            "--force",
            "origin",
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
        )

    def _git(self, *arguments: str) -> str:
        who = {
            f"GIT_{role}_{part}": "tests" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            [shutil.which("git") or "git", *arguments],
            cwd=self._clone,
            env={**os.environ, **who, "GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout


def _branch(revision: Seen) -> str:
    return f"refs/heads/{_FOLDERS[revision.lifecycle]}/{revision.package}/{revision.workspace}"
