"""Intents that are taken out of a folder: packages stay, or are withdrawn where the intent wished it."""

from __future__ import annotations

import shutil

import pytest

from engine.executors.base import ExecuteOutcome, Retry, Unknown, Withdrawal
from engine.executors.directory import DirectoryExecutor
from engine.settings import ExecutionSettings
from store import intents
from tests.integration.conftest import Workplace


def packages(workplace: Workplace) -> list[str]:
    """Lists the targets of the packages that are shown."""
    return sorted(path.name.split("-")[1] for path in (workplace.root / "out/packages/main").glob("*"))


def known(workplace: Workplace, name: str) -> bool:
    """Tells whether the daemon that runs takes an intent for there."""
    (daemon,) = workplace.daemons
    found = daemon.store.read(lambda reader: intents.get(reader, "core", name))
    return found is not None and found.deleted_at is None


def test_packages_stay_unless_their_withdrawal_is_wished(workplace: Workplace) -> None:
    kept = workplace.intent("kept", "scale amf to 5")
    withdrawn = workplace.intent("withdrawn", "scale smf to 5", deletionPolicy="Withdraw")
    workplace.start()
    workplace.until(lambda: workplace.reason("kept") == workplace.reason("withdrawn") == "Completed")
    kept.unlink()
    withdrawn.unlink()
    workplace.until(lambda: not known(workplace, "kept") and not known(workplace, "withdrawn"))
    workplace.until(lambda: not workplace.status("kept") and not workplace.status("withdrawn"))
    assert packages(workplace) == ["amf"]
    assert len(workplace.revisions("smf")) == 2


def test_a_manifest_taken_out_while_nothing_ran_is_withdrawn_at_the_next_start(workplace: Workplace) -> None:
    manifest = workplace.intent("scale", "scale amf to 5", deletionPolicy="Withdraw")
    workplace.settle()
    manifest.unlink()
    workplace.settle()
    assert (packages(workplace), workplace.status("scale")) == ([], {})
    workplace.settle()
    assert len(workplace.revisions("amf")) == 2


def test_a_package_that_another_intent_has_a_part_in_stays(workplace: Workplace) -> None:
    first = workplace.intent("first", "scale amf to 5", deletionPolicy="Withdraw")
    workplace.intent("second", "limit amf to 2 CPU")
    workplace.start()
    workplace.until(lambda: workplace.reason("first") == workplace.reason("second") == "Completed")
    first.unlink()
    workplace.until(lambda: not known(workplace, "first"))
    assert packages(workplace) == ["amf"]


def test_what_earlier_generations_wrote_is_withdrawn_too(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5", deletionPolicy="Withdraw")
    workplace.settle()
    manifest = workplace.intent("scale", "scale smf to 5", deletionPolicy="Withdraw")
    workplace.settle()
    assert packages(workplace) == ["amf", "smf"]
    manifest.unlink()
    workplace.settle()
    assert packages(workplace) == []


def test_an_intent_that_comes_back_is_carried_out_anew(workplace: Workplace) -> None:
    manifest = workplace.intent("scale", "scale amf to 5", deletionPolicy="Withdraw")
    workplace.settle()
    manifest.unlink()
    workplace.settle()
    workplace.intent("scale", "scale amf to 5", deletionPolicy="Withdraw")
    workplace.settle()
    assert workplace.reason("scale") == "Completed"
    assert workplace.package("amf")["Deployment"]["spec"]["replicas"] == 5


def test_an_intent_that_wrote_nothing_goes_at_once(workplace: Workplace) -> None:
    manifest = workplace.intent("vague", "scale amf", deletionPolicy="Withdraw")
    workplace.start()
    workplace.until(lambda: workplace.reason("vague") == "Ambiguous")
    manifest.unlink()
    workplace.until(lambda: not known(workplace, "vague"))
    assert packages(workplace) == []


class Faulty(DirectoryExecutor):
    """Fails to withdraw at first, in the ways given."""

    def __init__(self, workplace: Workplace, *faults: ExecuteOutcome) -> None:
        super().__init__(workplace.root / "out")
        self.faults = list(faults)
        self.asked: list[Withdrawal] = []

    def withdraw(self, withdrawal: Withdrawal) -> ExecuteOutcome:
        self.asked.append(withdrawal)
        if not self.faults:
            return super().withdraw(withdrawal)
        fault = self.faults.pop(0)
        if isinstance(fault, Unknown):  # it happened, and its answer was lost
            super().withdraw(withdrawal)
        return fault


@pytest.mark.parametrize(
    "fault", [Retry("BackingOff", "busy", after=0.1), Retry("BackendDown", "away", after=0.1, counts=False)]
)
def test_a_withdrawal_that_fails_is_tried_again(workplace: Workplace, fault: ExecuteOutcome) -> None:
    executor = Faulty(workplace, fault)
    manifest = workplace.intent("scale", "scale amf to 5", deletionPolicy="Withdraw")
    workplace.start(executors={"directory": executor})
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    manifest.unlink()
    workplace.until(lambda: not known(workplace, "scale"))
    assert packages(workplace) == []
    assert len(executor.asked) == 2
    assert executor.asked[0] == executor.asked[1]


def test_a_withdrawal_whose_answer_was_lost_happens_once(workplace: Workplace) -> None:
    executor = Faulty(workplace, Unknown("lost"))
    manifest = workplace.intent("scale", "scale amf to 5", deletionPolicy="Withdraw")
    workplace.start(executors={"directory": executor})
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    manifest.unlink()
    workplace.until(lambda: not known(workplace, "scale"), seconds=60)
    assert len(workplace.revisions("amf")) == 2


def test_a_withdrawal_that_never_succeeds_is_given_up_and_says_so(workplace: Workplace) -> None:
    executor = Faulty(workplace, *[Retry("BackingOff", "busy") for _ in range(3)])
    workplace.settings = workplace.settings.model_copy(
        update={"execution": ExecutionSettings(retry_seconds=[0.1])}
    )
    manifest = workplace.intent("scale", "scale amf to 5", deletionPolicy="Withdraw")
    workplace.start(executors={"directory": executor})
    workplace.until(lambda: workplace.reason("scale") == "Completed")
    manifest.unlink()
    workplace.until(lambda: workplace.reason("scale") == "RetriesExhausted")
    assert packages(workplace) == ["amf"]


def test_packages_that_were_removed_by_hand_hold_nothing_up(workplace: Workplace) -> None:
    manifest = workplace.intent("scale", "scale amf to 5", deletionPolicy="Withdraw")
    workplace.settle()
    shutil.rmtree(workplace.root / "out/packages")
    shutil.rmtree(workplace.root / "out/revisions")
    manifest.unlink()
    workplace.settle()
    assert workplace.status("scale") == {}
