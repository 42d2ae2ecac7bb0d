"""What is over goes after a while, and whoever asks for it is told so."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from engine.pipeline import retention
from engine.settings import RetentionSettings
from store import audit, open_read_only, work
from tests.integration.conftest import Workplace


def run(place: Workplace, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from engine.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, *arguments, "--settings", str(place.root / "settings.yaml")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


def test_what_is_over_goes_and_history_explain_and_audit_say_so(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_LEAST_RECORDS", 1)
    for replicas in (3, 4, 5):
        workplace.intent("scale", f"scale amf to {replicas}")
        workplace.settle()
    assert "no longer kept" not in run(workplace, "history", "core/scale").stdout
    workplace.settings = workplace.settings.model_copy(
        update={"retention": RetentionSettings(days=1e-9)}  # whatever is over
    )
    daemon = workplace.start()
    workplace.until(daemon.settled)
    with open_read_only(workplace.settings.store.path) as reader:
        workplace.until(lambda: len(work.generations(reader, "core", "scale", limit=9)) == 1, 60)
        workplace.until(lambda: audit.tail(reader, 1)[0].entry.kind == "Pruned", 60)
    workplace.stop(daemon)
    assert workplace.reason("scale") == "Completed"
    shown = run(workplace, "history", "core/scale")
    assert "is no longer kept" in shown.stdout
    body = json.loads(run(workplace, "history", "core/scale", "-o", "json").stdout)
    assert body["prunedBefore"]
    assert [item["generation"] for item in body["generations"]] == [3]
    assert "is no longer kept" in run(workplace, "explain", "core/scale", "--generation", "1").stderr
    verified = json.loads(run(workplace, "audit", "verify", "-o", "json").stdout)
    assert verified["firstBroken"] is None
    assert verified["pruned"] > 0
    # A restart decides nothing anew.
    workplace.settle()
    assert len(workplace.revisions("amf")) == 3
