"""`parse` shows how one text is read; `eval` scores the reading of labelled texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.cli.output import CommandError, Exit, emit, output_option, table

if TYPE_CHECKING:
    from rich.console import Console

    from nlp import Reader, Reading
    from nlp.evaluation import Score

T = TypeVar("T")
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")


def lexicon_option() -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Adds `--lexicon FILE`, which may be given several times."""
    return click.option(
        "--lexicon",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Lexicon files of one's own, besides the shipped one.",
    )


def types_option() -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Adds `--intent-types PATH`, which may be given several times."""
    return click.option(
        "--intent-types",
        "types",
        multiple=True,
        type=click.Path(path_type=Path, exists=True),
        help="Files or folders of IntentType documents of one's own.",
    )


@click.command("parse")
@click.argument("text")
@click.option("-n", "--namespace", default="default", show_default=True, help="The intent's own namespace.")
@click.option("--target-namespace", help="spec.targetNamespace.")
@lexicon_option()
@types_option()
@output_option
def parse_command(
    text: str,
    namespace: str,
    target_namespace: str | None,
    lexicon: tuple[Path, ...],
    types: tuple[Path, ...],
    output: str,
) -> int:
    """Shows how TEXT is read: its actions, the words each field comes from, what is assumed."""
    from nlp import in_namespace  # noqa: PLC0415 - spaCy takes a second to load

    reading = load_reader(lexicon, types).read(text)
    resolution = in_namespace(reading, namespace, target_namespace)
    body = {**reading.to_json(), "namespaced": [dict(action) for action in resolution.actions]}
    body["assumed"] = [item.to_json() for item in resolution.assumed]
    if resolution.refusal:
        body["refusal"] = resolution.refusal.to_json()
    emit(output, "Reading", body, lambda out: _show(out, reading, body))
    return Exit.NEGATIVE if resolution.refusal else Exit.OK


def load_reader(lexicon: tuple[Path, ...], types: tuple[Path, ...]) -> Reader:
    """Loads the grammar, with lexicon files and intent types of the user's own."""
    from engine.intent_types import taught_in  # noqa: PLC0415 - spaCy takes a second to load
    from nlp import Reader as NlpReader  # noqa: PLC0415 - as above

    return NlpReader.load(lexicon, taught_in(types))


def _show(out: Console, reading: Reading, body: Mapping[str, Any]) -> None:
    from rich.text import Text as RichText  # noqa: PLC0415 - only for people

    actions = reading.actions or reading.understood
    text, marks = RichText(reading.text), [" "] * len(reading.text)
    rows: list[list[Any]] = []
    resolved = body["namespaced"] or [action.fields for action in actions]
    for index, (action, fields) in enumerate(zip(actions, resolved, strict=False)):
        for number, (field, value) in enumerate(_leaves(fields)):
            colour = _COLOURS[number % len(_COLOURS)]
            spans = action.words.get(field, ())
            for span in spans:
                text.stylize(f"bold {colour}", span.start, span.end)
                marks[span.start : span.end] = "─" * (span.end - span.start)
            why = _why(body["assumed"], index, field)
            words = RichText(" … ".join(span.text for span in spans) or why, style=colour if spans else "dim")
            rows.append([str(index + 1) if not number else "", field, str(value), words])
    for span, _ in reading.ignored:
        text.stylize("dim", span.start, span.end)
    refusal = body.get("refusal")
    for unread in refusal["unread"] if refusal else ():
        text.stylize("bold white on red", unread["start"], unread["end"])
        marks[unread["start"] : unread["end"]] = "^" * (unread["end"] - unread["start"])
    out.print(text)
    out.print("".join(marks).rstrip(), style="dim")
    if rows:
        out.print(table("", ["action", "field", "value", "from the words, or assumed"], rows))
    if refusal:
        out.print(f"[bold red]Refused: {refusal['reason']}.[/] ", end="")
        out.print(refusal["message"], markup=False)
        for suggestion in refusal["suggestions"]:
            out.print(RichText(f"  try: {suggestion}", style="green"))


def _why(assumed: list[dict[str, Any]], action: int, field: str) -> str:
    found = [item["why"] for item in assumed if item["action"] == action and item["field"] == field]
    return f"assumed: {found[0]}" if found else ""


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Lists the values of an action by dotted path, as `network_policy.ports[0].port`."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


@click.command("eval")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--strict", is_flag=True, help="Fail on any wrong action.")
@click.option("--min-exact", type=float, default=0.0, help="Fail below this percentage of exact readings.")
@click.option("--predictions", type=click.Path(path_type=Path), help="Write each reading as a line of JSON.")
@click.option("--differences/--no-differences", default=True, help="List what was read otherwise.")
@lexicon_option()
@types_option()
@output_option
def eval_command(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: Path,
    strict: bool,
    min_exact: float,
    predictions: Path | None,
    differences: bool,
    lexicon: tuple[Path, ...],
    types: tuple[Path, ...],
    output: str,
) -> int:
    """Scores the reading of FILE, a line of JSON for each labelled text."""
    from nlp import evaluation  # noqa: PLC0415 - spaCy takes a second to load

    examples = _examples(file)
    reader = load_reader(lexicon, types)
    if predictions is not None:
        lines = evaluation.predictions(examples, reader)
        predictions.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    score = evaluation.score(examples, reader)
    emit(output, "Score", _score_body(score), lambda out: _show_score(out, score, differences=differences))
    failed = (strict and score.overall.wrong > 0) or score.exact_percent < min_exact
    return Exit.NEGATIVE if failed else Exit.OK


def _examples(file: Path) -> list[dict[str, Any]]:
    """Reads labelled texts: {"id", "text", "namespace", "expect"} a line."""
    examples: list[dict[str, Any]] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            example = json.loads(line)
        except json.JSONDecodeError as error:
            raise CommandError(f"{file}:{number}:{error.colno}: no JSON: {error.msg}") from error
        missing = [field for field in ("id", "text", "namespace", "expect") if field not in example]
        if missing:
            raise CommandError(f"{file}:{number}: the example has no {', '.join(missing)}")
        examples.append(example)
    return examples


def _score_body(score: Score) -> dict[str, Any]:
    return {
        "overall": asdict(score.overall),
        "exactPercent": score.exact_percent,
        "reasonPercent": score.reason_percent,
        "byType": {name: asdict(tally) for name, tally in score.by_type.items()},
        "differences": [asdict(difference) for difference in score.differences],
    }


def _show_score(out: Console, score: Score, *, differences: bool) -> None:
    rows = [
        [
            name,
            tally.total,
            tally.exact,
            f"{100 * tally.exact / max(1, tally.total):.1f} %",
            tally.wrong,
            tally.needless,
        ]
        for name, tally in [*score.by_type.items(), ("all", score.overall)]
    ]
    columns = ["type", "texts", "exact", "", "wrong actions", "needless refusals"]
    out.print(table("Reading of labelled texts", columns, rows))
    out.print(f"Reasons of refusals: {score.reason_percent:.1f} % as expected of {score.refused}")
    for difference in score.differences if differences else ():
        out.print(f"{difference.kind} {difference.id}: {difference.text}", style="bold", markup=False)
        out.print(f"  expected {json.dumps(difference.expected, ensure_ascii=False)}", markup=False)
        out.print(f"  read     {json.dumps(difference.found, ensure_ascii=False)}", markup=False)
