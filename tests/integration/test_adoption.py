"""Adoption in a folder, where it has to be asked for."""

from __future__ import annotations

from tests.integration.conftest import Workplace


def test_a_folder_is_carried_out_unless_told_otherwise(workplace: Workplace) -> None:
    workplace.intent("scale", "scale amf to 5")
    workplace.settle()
    assert workplace.reason("scale") == "Completed"


def test_a_folder_can_be_adopted(workplace: Workplace) -> None:
    workplace.settings = workplace.settings.model_copy(update={"adopt": "existing"})
    workplace.intent("old", "scale amf to 5")
    workplace.settle()
    assert workplace.reason("old") == "Adopted"
    workplace.intent("new", "scale smf to 5")
    workplace.intent("old", "scale amf to 5", priority=7)
    workplace.settle()
    assert (workplace.reason("old"), workplace.reason("new")) == ("Adopted", "Completed")
    assert workplace.status("old")["observedGeneration"] == 2
    workplace.intent("old", "scale amf to 6")
    workplace.settle()
    assert workplace.reason("old") == "Completed"
