"""Rules that cannot be used, given to a running daemon: a clear error, and the last good ones stay."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from engine.pipeline.daemon import Daemon
from tests.integration.conftest import Workplace

HEAD = "apiVersion: conductor-watch/v1\nkind: RuleSet\nmetadata: {name: own}\n"
GOOD = f"{HEAD}vars: {{maxReplicas: 4}}\n"
LOOP = f"[{', '.join(['1'] * 60)}]"


def one(when: str) -> str:
    return f"{HEAD}rules:\n  - name: one\n    when: {json.dumps(when)}\n    then: {{refuse: no}}\n"


def bomb() -> str:
    names = [f"a{number}" for number in range(10)]
    lines = [f"  {name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in pairwise(names)]
    return "\n".join([f"{HEAD}vars:", f"  {names[0]}: &{names[0]} [x]", *lines, ""])


FAILING = f"""\
{GOOD}---
apiVersion: conductor-watch/v1
kind: RuleTest
metadata: {{name: own}}
cases:
  - name: five is fine
    facts: {{exists: true, kind: Deployment, hpa: ""}}
    actions: [{{intent_type: scaling, target: amf, namespace: core, replicas: 5}}]
    expect: {{verdict: proceed}}
"""
BAD = {
    "a key that stands twice": (f"{GOOD}vars: {{}}\n", "5:1: vars: the key 'vars' stands twice"),
    "a wrong boolean": (f"{HEAD}vars: {{flag: yes}}\n{one('vars.flag')[len(HEAD) :]}", "this is string"),
    "another wrong boolean": (
        f"{HEAD}rules: [{{name: a, when: on, then: {{warn: w}}}}]\n",
        "'on' is not known",
    ),
    "a tab": (f"{HEAD}rules:\n\t- {{name: a, then: {{warn: w}}}}\n", "indent with spaces, not tabs"),
    "a bomb of anchors": (bomb(), "aliases are not read"),
    "10 MB": (HEAD + "#" * 10_000_000, "larger than 1,048,576 bytes"),
    "no UTF-8": ((HEAD + "vars: {a: grün}\n").encode("latin-1"), "4:1: not UTF-8"),
    "a NUL": (f"{GOOD}\0", "control characters"),
    "deep lists": (f"{HEAD}vars: {{a: {'[' * 5000}{']' * 5000}}}\n", "nested deeper"),
    "a tag": (f"{HEAD}vars: {{a: !!python/name:os.system x}}\n", "tags such as"),
    "a long expression": (one("action.target == 'a' || " * 60 + "true"), "longer than 1000 characters"),
    "a deep expression": (one("(" * 200 + "true" + ")" * 200), "nests too deeply"),
    "deep macros": (one("[1].all(a, [1].all(b, [1].all(c, true)))"), "macros nest deeper than 2"),
    "a bomb of texts": (
        one(f"{LOOP}.map(a, {LOOP}.map(b, intent.text + intent.text)).size() > 0"),
        "joins texts or lists within two macros",
    ),
    "a bomb of texts that is let go": (
        one(f"{LOOP}.all(a, {LOOP}.all(b, (intent.text + intent.text).size() > 0))"),
        "joins texts or lists within two macros",
    ),
    "a number without a type": (f"{HEAD}vars: {{a: {'9' * 30}}}\n", "more than 64 bits"),
    "a test that fails": (FAILING, "five is fine"),
}


def problem(daemon: Daemon) -> str:
    return next(item.problem for item in daemon.reloaded if item.name == "rules")


def test_whatever_is_wrong_with_rules_is_told_and_the_last_good_ones_stay(workplace: Workplace) -> None:
    file = Path(workplace.write("rules/own.yaml", GOOD))
    daemon = workplace.start()
    digest = daemon.decider.looker.book.digest
    for name, (content, message) in BAD.items():
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        daemon.reload(always=True)
        assert str(file) in problem(daemon), name
        assert message in problem(daemon), name
        assert len(problem(daemon)) < 2000, name
        assert daemon.decider.looker.book.digest == digest, name
    workplace.intent("scale", "scale amf to 5")
    workplace.until(lambda: workplace.reason("scale") == "RuleRefused")
    file.write_text(GOOD.replace("4", "6"))
    daemon.reload(always=True)
    assert not problem(daemon)
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    workplace.stop(daemon)
