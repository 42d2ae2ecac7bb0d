"""`rules test` runs RuleTest documents and says what fails, what is not covered and what is slow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import click

from engine.cli.output import CommandError, Exit, emit, table
from engine.cli.records import settings_option

if TYPE_CHECKING:
    from rich.console import Console

    from engine.contract import Contract
    from engine.settings import Settings
    from rules import CaseResult, RuleBook, RuleTime

_SLOWEST = 10
"""How many rules `--timing` shows."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What came of the cases; `untouched` and `slowest` are None where nobody asked."""

    results: Sequence[CaseResult]
    untouched: Sequence[str] | None
    slowest: Sequence[RuleTime] | None

    @property
    def failed(self) -> list[CaseResult]:
        return [result for result in self.results if not result.passed]


@click.command("test")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--shipped", is_flag=True, help="Run the cases of the shipped rules too, on those alone.")
@click.option("--coverage", is_flag=True, help="List the rules of yours whose effect no case comes to.")
@click.option("--timing", is_flag=True, help="List the slowest rules.")
@settings_option()
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "junit"]), default="table", show_default=True
)
def test_command(
    paths: tuple[Path, ...], shipped: bool, coverage: bool, timing: bool, file: Path | None, output: str
) -> int:
    """Runs the RuleTest documents of PATHS by the same evaluation as the daemon's.

    They test the rules of PATHS, or those that the settings name where PATHS hold none. Without PATHS, the
    rules and the tests that the settings name.
    """
    from engine.planning import bounds_of  # noqa: PLC0415 - spares the other commands the import
    from engine.settings import load_settings  # noqa: PLC0415
    from rules import Stopwatch, run_tests, untouched  # noqa: PLC0415

    watch = Stopwatch(time.perf_counter)
    settings = load_settings(file)
    book, contract = _book(paths, settings)
    bounds = bounds_of(settings)
    results = run_tests(book, book.tests, contract.said_problems, bounds, watch)
    if shipped and book.own:
        own = _shipped_book()
        results += run_tests(own, own.tests, contract.said_problems, timer=watch)
    if not results:
        where = ", ".join(map(str, paths)) or "the rules that the settings name"
        message = f"there is no document of kind RuleTest in {where}; docs/rules.md shows how to write one"
        raise CommandError(message, Exit.NOT_FOUND)
    run = _Run(
        results,
        _untested(book, untouched(book, results), shipped=shipped) if coverage else None,
        watch.slowest(_SLOWEST) if timing else None,
    )
    if output == "junit":
        click.echo(_junit(results))
    else:
        emit(output, "RuleTestRun", _body(run), lambda out: _show(out, run))
    return Exit.NEGATIVE if run.failed else Exit.OK


def _untested(book: RuleBook, untouched: Sequence[str], *, shipped: bool) -> list[str]:
    """Leaves out the shipped rules, which have cases of their own, unless those have run too."""
    own = {rule.id for rule in book.rules if not rule.shipped}
    return [rule for rule in untouched if shipped or not book.own or rule in own]


def _book(paths: Sequence[Path], settings: Settings) -> tuple[RuleBook, Contract]:
    """Loads the rules to test, and the contract with the types that stand beside them."""
    from engine.planning import rules_at, types_of  # noqa: PLC0415 - as above

    def loaded(found: Sequence[Path]) -> tuple[RuleBook, Contract]:
        types = types_of(settings, found)
        return rules_at(found, settings, types), types.contract

    if not paths:
        return loaded(settings.rules.paths)
    book, contract = loaded(paths)
    if book.own or not settings.rules.paths:
        return book, contract
    return loaded([*settings.rules.paths, *paths])


def _shipped_book() -> RuleBook:
    from engine.contract import schema  # noqa: PLC0415 - as above
    from rules import load  # noqa: PLC0415

    return load([], schema())


def _body(run: _Run) -> dict[str, Any]:
    body: dict[str, Any] = {
        "passed": len(run.results) - len(run.failed),
        "failed": len(run.failed),
        "cases": [
            {
                "test": result.test,
                "case": result.case,
                "place": str(result.place),
                "passed": result.passed,
                "failures": list(result.failures),
                "verdict": result.decision.verdict.value,
                "rule": result.decision.rule,
            }
            for result in run.results
        ],
    }
    if run.untouched is not None:
        body["untouched"] = list(run.untouched)
    if run.slowest is not None:
        body["slowest"] = [
            {
                "rule": each.rule,
                "evaluations": each.count,
                "meanMicroseconds": round(1e6 * each.mean, 1),
                "longestMicroseconds": round(1e6 * each.longest, 1),
            }
            for each in run.slowest
        ]
    return body


def _show(out: Console, run: _Run) -> None:
    for result in run.failed:
        out.print(f"[red]failed[/] {result.test}: ", end="")
        out.print(f"{result.case} ({result.place})", markup=False)
        for failure in result.failures:
            out.print(f"  {failure}", markup=False)
    if run.untouched is not None:
        for rule in run.untouched:
            out.print(f"[yellow]not covered[/] {rule}")
    if run.slowest is not None:
        rows = [
            [each.rule, each.count, f"{1e6 * each.mean:.1f} µs", f"{1e6 * each.longest:.1f} µs"]
            for each in run.slowest
        ]
        out.print(table("The slowest rules", ["rule", "evaluations", "mean", "longest"], rows))
    passed, failed = len(run.results) - len(run.failed), len(run.failed)
    more = f", {len(run.untouched)} rules not covered" if run.untouched is not None else ""
    out.print(f"[{'red' if failed else 'green'}]{passed} passed, {failed} failed[/]{more}")


def _junit(results: Sequence[CaseResult]) -> str:
    """Returns the results as the JUnit XML that CI systems read, a suite for each RuleTest."""
    failed = sum(not result.passed for result in results)
    root = ET.Element("testsuites", tests=str(len(results)), failures=str(failed))
    for name, cases in groupby(results, key=lambda result: result.test):
        suite = ET.SubElement(root, "testsuite", name=name)
        for result in cases:
            case = ET.SubElement(suite, "testcase", classname=name, name=result.case)
            case.set("file", result.place.file)
            case.set("line", str(result.place.line))
            if not result.passed:
                failure = ET.SubElement(case, "failure", message=result.failures[0])
                failure.text = "\n".join(result.failures)
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)
