"""The local API of a real daemon, with its rules, files and store."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engine.api.client import Client
from engine.api.wire import ApiError, Code, SocketError, socket_path
from engine.cli import main
from engine.settings import ExecutionSettings
from store import audit, open_read_only
from tests.integration.conftest import Workplace

HOLDING = """\
apiVersion: conductor-watch/v1
kind: RuleSet
metadata: {name: site}
rules:
  - name: big
    match: {intentTypes: [scaling]}
    when: has(action.replicas) && action.replicas > 20
    then: {hold: {until: approved, message: "${action.target}: more than 20 replicas need an approval"}}
"""


@pytest.fixture
def client(workplace: Workplace) -> Client:
    """Asks the daemon of a workplace whose rules hold what is big."""
    workplace.write("rules/site.yaml", HOLDING)
    return Client(socket_path(workplace.settings.store.path))


@pytest.fixture
def cli(workplace: Workplace, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command with the settings of the workplace."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([*arguments, "--settings", str(workplace.root / "settings.yaml")])
        written = capsys.readouterr()
        return int(end.value.code or 0), written.out, written.err

    return run


def held(workplace: Workplace, name: str = "scale") -> Callable[[], bool]:
    return lambda: workplace.reason(name) == "Held"


def replicas(workplace: Workplace) -> int:
    return workplace.package("amf")["Deployment"]["spec"]["replicas"]


def test_an_approval_lifts_a_hold(workplace: Workplace, client: Client) -> None:
    workplace.intent("scale", "scale amf to 30")
    workplace.start()
    workplace.until(held(workplace))
    assert client.intent("core", "scale")["needsApproval"]
    client.approve("core", "scale", client.explain("core", "scale")["specHash"])
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    assert replicas(workplace) == 30
    (lifted,) = [
        rule for rule in client.explain("core", "scale")["actions"][0]["rules"] if rule["outcome"] == "lifted"
    ]
    assert (lifted["rule"], lifted["message"]) == ("site/big", "it is approved")
    with open_read_only(workplace.settings.store.path) as reader:
        kinds = [record.entry.kind for record in audit.of_intent(reader, "core", "scale", limit=10)]
        assert kinds == ["Executed", "Decided", "Approved", "Decided", "Seen"]
        assert audit.verify(reader, None).first_broken is None


def test_an_approval_is_for_one_spec_only(workplace: Workplace, client: Client) -> None:
    workplace.intent("scale", "scale amf to 30")
    workplace.start()
    workplace.until(held(workplace))
    looked_at = client.intent("core", "scale")["specHash"]
    workplace.intent("scale", "scale amf to 40")
    workplace.until(lambda: workplace.status("scale")["observedGeneration"] == 2)
    with pytest.raises(ApiError, match="generation 2 now, and its spec is another"):
        client.approve("core", "scale", looked_at)
    client.approve("core", "scale")
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    workplace.intent("scale", "scale amf to 50")
    workplace.until(held(workplace))
    assert replicas(workplace) == 40


def test_an_intent_made_again_is_not_approved_again(workplace: Workplace, client: Client) -> None:
    manifest = workplace.intent("scale", "scale amf to 30")
    workplace.start()
    workplace.until(held(workplace))
    client.approve("core", "scale")
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    manifest.unlink()
    workplace.until(lambda: not workplace.status("scale"))
    workplace.intent("scale", "scale amf to 30")
    workplace.until(held(workplace))


def test_an_annotation_never_approves(workplace: Workplace, client: Client) -> None:
    approved = {"conductor-watch/approved": "true", "conductor-watch/approved-by": "ada"}
    manifest = {
        "apiVersion": "nephoran.com/v1",
        "kind": "NetworkIntent",
        "metadata": {"name": "scale", "namespace": "core", "annotations": approved},
        "spec": {"intent": "scale amf to 30"},
    }
    workplace.write("intents/scale.yaml", json.dumps(manifest))
    workplace.start()
    workplace.until(held(workplace))


def test_an_approval_outlives_the_process(workplace: Workplace, client: Client) -> None:
    workplace.intent("scale", "scale amf to 30", suspend=False)
    daemon = workplace.start()
    workplace.until(held(workplace))
    workplace.stop(daemon)
    with pytest.raises(SocketError, match="no daemon answers"):
        client.approve("core", "scale")
    workplace.start()
    client.approve("core", "scale")
    workplace.until(lambda: workplace.reason("scale") == "Completed")


def test_what_ran_out_of_retries_is_tried_again(workplace: Workplace, client: Client) -> None:
    execution = ExecutionSettings(retry_seconds=[])
    workplace.settings = workplace.settings.model_copy(update={"execution": execution})
    in_the_way = workplace.write("out/revisions/main", "a file where a folder should be")
    workplace.intent("scale", "scale amf to 5")
    workplace.start()
    workplace.until(lambda: workplace.reason("scale") == "RetriesExhausted")
    in_the_way.unlink()
    assert client.retry_all("RetriesExhausted", dry_run=True)["matched"] == 1
    assert client.retry_all("RetriesExhausted")["left"] == 0
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    with pytest.raises(ApiError, match="cannot be tried again: it is Completed") as refused:
        client.retry("core", "scale")
    assert refused.value.code is Code.CONFLICT


def test_generations_are_explained_with_and_without_a_daemon(
    workplace: Workplace, client: Client, cli: Callable[..., tuple[int, str, str]]
) -> None:
    workplace.intent("scale", "scale amf to 500")
    daemon = workplace.start()
    workplace.until(lambda: workplace.reason("scale") == "RuleRefused")
    workplace.intent("scale", "scale amf to 4")
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    with_daemon = [cli("explain", "core/scale", "-o", "json", *more) for more in ([], ["--generation", "1"])]
    workplace.stop(daemon)
    without = [cli("explain", "core/scale", "-o", "json", *more) for more in ([], ["--generation", "1"])]
    assert with_daemon == without
    newest, first = (json.loads(printed) for _, printed, _ in without)
    assert (newest["generation"], newest["step"], newest["text"]) == (2, "execute", "scale amf to 4")
    assert (first["generation"], first["rule"], first["text"]) == (
        1,
        "default/replicas-cap",
        "scale amf to 500",
    )
    (decided,) = [rule for rule in first["actions"][0]["rules"] if rule["decided"]]
    assert decided["clause"].endswith("(action.replicas = 500, vars.maxReplicas = 100)")
    assert first["actions"][0]["facts"]["origin"] == "directory"


def test_a_text_and_a_manifest_are_explained_as_the_daemon_would_decide_them(
    workplace: Workplace, client: Client, cli: Callable[..., tuple[int, str, str]]
) -> None:
    manifest = workplace.intent("scale", "scale amf to 30")
    workplace.settle()
    stored = json.loads(cli("explain", "core/scale", "-o", "json")[1])
    from_file = json.loads(cli("explain", str(manifest), "-o", "json")[1])
    from_text = json.loads(cli("explain", "--text", "scale amf to 30", "-n", "core", "-o", "json")[1])
    for found in (from_file, from_text):
        assert {name: found[name] for name in ("step", "reason", "message", "rule", "text", "actions")} == {
            name: stored[name] for name in ("step", "reason", "message", "rule", "text", "actions")
        }


def test_commands_find_the_daemon_by_its_settings(
    workplace: Workplace, client: Client, cli: Callable[..., tuple[int, str, str]]
) -> None:
    workplace.intent("scale", "scale amf to 30")
    code, _, said = cli("intents", "list")
    assert (code, "no daemon answers" in said) == (3, True)
    workplace.start()
    workplace.until(held(workplace))
    assert "core/scale" in cli("intents", "list", "--reason", "Held")[1]
    assert cli("intents", "approve", "core/scale", "--yes")[0] == 0
    workplace.until(lambda: workplace.reason("scale") == "Completed")


def test_rules_are_taken_up_when_somebody_asks(workplace: Workplace, client: Client) -> None:
    workplace.intent("scale", "scale amf to 30")
    workplace.start()
    workplace.until(held(workplace))
    before = client.state()["digests"]["rules"]
    workplace.write("rules/site.yaml", HOLDING.replace("> 20", "> 35"))
    assert client.reload()["digests"]["rules"] != before
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    workplace.write("rules/site.yaml", HOLDING.replace("action.replicas >", "action.nothing >"))
    with pytest.raises(ApiError, match=r"site\.yaml:7:42") as refused:
        client.reload()
    assert refused.value.code is Code.NOT_RELOADED
    assert "rules" in client.state()["problems"]


def test_the_daemon_goes_on_beside_clients_that_misbehave(workplace: Workplace, client: Client) -> None:
    daemon = workplace.start()
    hanging = [socket.socket(socket.AF_UNIX) for _ in range(5)]
    for connection in hanging:
        connection.connect(str(client.path))
        connection.sendall(b"POST /v1/intents/retry HTTP/1.1\r\nContent-Length: 50\r\n\r\n{")

    def ask(number: int) -> Any:
        return client.intents() if number % 2 else client.state()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(40)))
    assert len(answers) == 40
    workplace.intent("scale", "scale amf to 3")
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    workplace.stop(daemon)
    for connection in hanging:
        connection.close()
    assert not Path(client.path).exists()


def test_a_daemon_that_was_killed_leaves_no_socket_in_the_way(workplace: Workplace, client: Client) -> None:
    client.path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(client.path))
    workplace.start()
    assert client.health()["status"] == "ok"
