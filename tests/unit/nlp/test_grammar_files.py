"""Grammar and lexicon are data: mistakes in them have a place, users' names extend them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from documents import DocumentError, load, validate
from nlp import Reader
from nlp import phrases as ast
from nlp.compiler import CLAUSE_SEPARATOR, CLOSING, FOLDER, GLUE, OPENING, SEPARATOR, load_grammar
from nlp.grammar_model import GrammarFile
from nlp.inflection import forms_of
from nlp.open_values import TYPES
from nlp.phrases import PhraseError, parse_phrase


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER, tmp_path / "grammar")
    return tmp_path / "grammar"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('head: "<isolate-verb>"', 'head: "<isolate-verbs>"', "there is no rule <isolate-verbs>"),
        ('head: "<isolate-verb>"', 'head: "( <isolate-verb>"', "missing"),
        ('head: "<isolate-verb>"', 'haed: "<isolate-verb>"', "unknown field 'haed'"),
        ("kind: Grammar", "kind: [Grammar", "no YAML"),
    ],
)
def test_a_broken_grammar_file_is_refused_with_its_place(
    folder: Path, old: str, new: str, message: str
) -> None:
    path = folder / "network_policy.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DocumentError, match=r"network_policy.yaml:[0-9]+:[0-9]+") as caught:
        load_grammar(folder)
    assert message in str(caught.value)


def test_a_changed_grammar_has_another_digest(folder: Path) -> None:
    before = load_grammar(folder).digest
    with (folder / "scaling.yaml").open("a", encoding="utf-8") as file:
        file.write("# one more line\n")
    assert load_grammar(folder).digest != before


def test_users_names_stand_for_their_targets(tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon.yaml"
    lexicon.write_text(
        "apiVersion: conductor-watch/v1\nkind: Lexicon\nmetadata: {name: shop}\n"
        "targets:\n  checkout-api: [check out, till]\n",
        encoding="utf-8",
    )
    reader = Reader.load([lexicon])
    assert reader.read("scale the check-out to 5").actions[0].fields["target"] == "checkout-api"
    assert reader.digest != Reader.load().digest


def test_a_users_kind_counts_where_the_text_states_none(tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon.yaml"
    lexicon.write_text(
        "apiVersion: conductor-watch/v1\nkind: Lexicon\nmetadata: {name: shop}\n"
        "targets:\n  billing-db: [billing database]\nkinds: {billing-db: StatefulSet}\n",
        encoding="utf-8",
    )
    reader = Reader.load([lexicon])
    reading = reader.read("scale the billing database to 3")
    assert reading.actions[0].fields["target_kind"] == "StatefulSet"
    assert [(item.field, item.value) for item in reading.assumed] == [("target_kind", "StatefulSet")]
    assert "target_kind" not in reader.read("scale amf to 3").actions[0].fields


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("targets: {my-amf: [access and mobility function]}", "stands for 'amf' already"),
        ("targets: {UPPER: [x]}", "pattern"),
        ("target: {a: [b]}", "unknown field 'target'; did you mean 'targets'?"),
    ],
)
def test_a_broken_lexicon_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    lexicon = tmp_path / "lexicon.yaml"
    lexicon.write_text(
        f"apiVersion: conductor-watch/v1\nkind: Lexicon\nmetadata: {{name: mine}}\n{text}\n", encoding="utf-8"
    )
    with pytest.raises(DocumentError, match=r"lexicon.yaml:4:") as caught:
        Reader.load([lexicon])
    assert message in str(caught.value)


@pytest.mark.parametrize("phrase", ["", "a (b", "a ]", "{replicas}", "< >", "( | a )"])
def test_a_phrase_outside_the_language_is_refused(phrase: str) -> None:
    with pytest.raises(PhraseError):
        parse_phrase(phrase)


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("scale", ("scale", "scales", "scaled", "scaling")),
        ("cap", ("cap", "caps", "capped", "capping")),
        ("deploy", ("deploy", "deploys", "deployed", "deploying")),
        ("apply", ("apply", "applies", "applied", "applying")),
    ],
)
def test_verbs_are_inflected(verb: str, forms: tuple[str, ...]) -> None:
    assert forms_of(verb, {}) == forms


def test_spacy_comes_without_its_command_line() -> None:
    code = (
        "import sys, nlp; nlp.Reader.load().read('scale amf to 5');"
        "kept = {'typer', 'weasel', 'jinja2', 'requests'} & set(sys.modules);"
        "assert not kept, kept; assert not [m for m in sys.modules if m.startswith('spacy.cli')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=FOLDER.parents[1])


def _named(phrase: ast.Phrase) -> set[str]:
    match phrase:
        case ast.Reference(rule):
            return {rule}
        case ast.Slot(_, type_name):
            return {type_name}
        case ast.Sequence(parts) | ast.Choice(parts):
            return {name for part in parts for name in _named(part)}
        case ast.Maybe(part) | ast.Several(part):
            return _named(part)
        case _:
            return set()


def test_every_rule_and_every_value_type_is_used() -> None:
    defined: set[str] = set()
    used = {SEPARATOR, CLAUSE_SEPARATOR, OPENING, GLUE, CLOSING}
    for path in FOLDER.glob("*.yaml"):
        for document in load(path):
            if document.value["kind"] == "Grammar":
                file = validate(document, GrammarFile)
                defined.update(file.rules)
                rules = (rule if isinstance(rule, list) else rule.phrases for rule in file.rules.values())
                frames = ([frame.head] * bool(frame.head) + frame.parts + frame.may for frame in file.frames)
                for phrase in [*(text for texts in (*rules, *frames) for text in texts), *file.free]:
                    used |= _named(parse_phrase(phrase))
    assert defined - used == set()
    # Times of the day are for refusals, bandwidths for types that users teach.
    assert TYPES.keys() - used == {"clock", "bandwidth"}
