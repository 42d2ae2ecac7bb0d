"""The reader of intents: text in, Reading out, whatever the text.

Puts the steps together: safety, tokens, names, secrets, covers, actions, refusal. One lock, as spaCy's memory
zone is one for all threads.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from nlp.assembly import Meant, assemble
from nlp.clauses import REASON, ClauseFinder, Cover
from nlp.compiled import Grammar
from nlp.compiler import load_grammar
from nlp.draft import Rejected, unclear
from nlp.frames import IGNORED
from nlp.help import MAX_SUGGESTIONS, MAX_TRIES, Helper
from nlp.intent_types import TaughtType
from nlp.lexicon import Lexicon
from nlp.lists import without_marks
from nlp.matching import TooComplex
from nlp.normal import NormalText, normalise
from nlp.reading import JSON, Assumption, ReadAction, Reading, Refusal, RefusalReason
from nlp.refusals import Judge, Verdict
from nlp.resources import Names, load_lexicons, load_unsafe
from nlp.safety import SafetyCheck
from nlp.secrets import REDACTED, find_secret
from nlp.spelling import MIN_LETTERS, corrections, swaps
from nlp.texts import BUDGET, Preparation, PreparedText
from nlp.tokens import Tokenizer, to_tokens

MAX_LENGTH = 1000
"""The longest text, in characters."""
MAX_REASON = 512
"""The longest reason that the contract takes, in characters."""
_GREETINGS = frozenset({"please", "hello", "hi", "hey", ",", "kindly", "urgent", ":", "so", "and", "!"})
_WARM_UP = "please scale the amf deployment to 5 replicas in namespace core because of load"


class Reader:
    """Reads texts; thread-safe, warm after construction.

    Attributes:
        digest: names the grammar and the lexicon in force.
    """

    def __init__(self, grammar: Grammar, names: Names) -> None:
        self.digest = hashlib.sha256(f"{grammar.digest} {names.digest}".encode()).hexdigest()
        self._kinds = names.kinds
        self._grammar = grammar
        self._tokenizer = Tokenizer()
        self._lexicon = Lexicon(names.phrases, self._tokenizer)
        self._safety = SafetyCheck(load_unsafe(), self._lexicon.phrases)
        self._preparation = Preparation(grammar, self._lexicon)
        self._judge = Judge(grammar.refusals)
        self._phrases = {
            word for word in self._lexicon.phrases if word.isalpha() and len(word) >= MIN_LETTERS
        }
        lexicon_words = {
            word for phrase in self._lexicon.phrases for word in phrase.replace("-", " ").split()
        }
        soft = self._preparation.vocabulary.soft
        self._helper = Helper({*grammar.reserved, *lexicon_words, *soft}, self._judge)
        self._lock = threading.Lock()
        self.read(_WARM_UP)

    @classmethod
    def load(cls, lexicon_files: Sequence[Path] = (), types: Sequence[TaughtType] = ()) -> Reader:
        """Loads the shipped grammar and lexicon, extended by Lexicon documents and taught types.

        Raises:
            documents.DocumentError: a file is broken.
            OSError: a file cannot be read.
        """
        grammar = load_grammar(taught=types)
        return cls(grammar, load_lexicons(lexicon_files))

    def read(self, text: object) -> Reading:
        """Returns what a text means; never raises."""
        if not isinstance(text, str):
            message = f"an intent is a text of 1 to {MAX_LENGTH:,} characters"
            return self._refused("", Verdict(RefusalReason.INVALID, message, ()))
        if len(text) > MAX_LENGTH:
            message = f"the text has {len(text):,} characters; write at most {MAX_LENGTH:,}"
            return self._refused(text[:MAX_LENGTH], Verdict(RefusalReason.INVALID, message, ()))
        normal = normalise(text)
        danger = self._safety.find(normal.text)
        if danger is not None:
            message = f"the text holds {danger.what}; write the intent in plain words"
            span = normal.span(danger.start, danger.end)
            refusal = Refusal(RefusalReason.UNSAFE, message, (span,))
            return Reading(text, refusal=refusal, grammar_digest=self.digest)
        if not any(character.isalnum() for character in normal.text):
            message = f"the text says nothing; write what is to be done, in 1 to {MAX_LENGTH:,} characters"
            return self._refused(text, Verdict(RefusalReason.AMBIGUOUS, message, ()))
        prepared = self._prepare(normal)
        secret = find_secret(normal.text, prepared.tokens, prepared.words.quoted)
        if secret is not None:
            return self._secret(normal, *secret)
        return self._read(prepared)

    def _prepare(self, normal: NormalText) -> PreparedText:
        with self._lock, self._tokenizer.nlp.memory_zone():
            doc = self._tokenizer.nlp.make_doc(normal.text.replace("\n", " "))
            tokens = to_tokens(doc, normal.text)
            names = self._lexicon.find(doc)
        return self._preparation.prepare(normal, *without_marks(tokens, names))

    def _read(self, text: PreparedText) -> Reading:
        finder = ClauseFinder(self._grammar, text.chart)
        try:
            covers = finder.covers()
            if covers:
                cover, actions = _meant(covers)
                misspelt = self._misspelt(actions, text)
                if misspelt is None:
                    return self._accepted(text, cover, actions)
                return self._refused(text.normal.original, misspelt, text)
            farthest = finder.farthest()
        except Rejected as rejected:
            verdict = Verdict(rejected.reason, rejected.message, rejected.places)
            return self._refused(text.normal.original, verdict, text)
        except TooComplex:
            message = "the text can be read in too many ways; split it into several intents"
            return self._refused(text.normal.original, Verdict(RefusalReason.AMBIGUOUS, message, ()))
        verdict = self._judged(text, farthest)
        return self._refused(text.normal.original, verdict, text, self._understood(finder, text))

    def _judged(self, text: PreparedText, farthest: int) -> Verdict:
        """Tells why a text that no clauses cover is refused."""
        text.chart.budget = BUDGET
        opening = next(
            (at for at, token in enumerate(text.tokens) if token.low not in _GREETINGS), len(text.tokens)
        )
        found = self._judge.unsupported(text.chart, text.words.quoted, opening)
        return found or self._judge.unread(text.chart, text.words.quoted, farthest)

    def _understood(self, finder: ClauseFinder, text: PreparedText) -> tuple[ReadAction, ...]:
        """Returns what the first clauses of a refused text would mean by themselves."""
        try:
            return _read_actions(assemble(Cover(tuple(finder.beginning()), 0)), text)
        except (Rejected, TooComplex):
            return ()

    def _misspelt(self, actions: Sequence[Meant], text: PreparedText) -> Verdict | None:
        """Tells that a name is a known one with a slip in it, which is never corrected silently."""
        for name in {name for action in actions for name in _named(action.fields)}:
            if len(name) < MIN_LETTERS or name in self._lexicon.phrases:
                continue
            meant = [word for word in corrections(name, self._phrases) if word in self._phrases]
            meant += swaps(name, self._grammar.reserved)
            if meant:
                places = tuple((at, at + 1) for at, token in enumerate(text.tokens) if token.low == name)
                message = f"{name!r} looks like {meant[0]!r} misspelt; write the one that you mean"
                return Verdict(RefusalReason.AMBIGUOUS, message, places)
        for action in actions:
            settings = action.fields.get("settings")
            for word in "_".join(settings).lower().split("_") if isinstance(settings, dict) else ():
                meant = (
                    [] if word in self._grammar.reserved else swaps(word, self._preparation.vocabulary.soft)
                )
                if meant:
                    message = f"{word!r} looks like {meant[0]!r} misspelt; write the one that you mean"
                    return Verdict(RefusalReason.AMBIGUOUS, message, ())
        return None

    def _accepted(self, text: PreparedText, cover: Cover, actions: Sequence[Meant]) -> Reading:
        found = [one for clause in cover.clauses for one in clause.found if one.field in (IGNORED, REASON)]
        found.sort(key=lambda one: one.start)
        spans = [text.spans(((one.start, one.end),))[0] for one in found]
        reasons = [span.text for one, span in zip(found, spans, strict=True) if one.field == REASON]
        ignored = tuple(
            (span, "reason" if one.field == REASON else str(one.value))
            for one, span in zip(found, spans, strict=True)
        )
        assumed = tuple(
            Assumption(index, *assumption)
            for index, action in enumerate(actions)
            for assumption in action.assumed
        )
        read, kinds = self._with_kinds(_read_actions(actions, text))
        return Reading(
            text.normal.original,
            read,
            (*assumed, *kinds),
            ignored,
            "; ".join(reasons)[:MAX_REASON],
            grammar_digest=self.digest,
        )

    def _with_kinds(
        self, actions: tuple[ReadAction, ...]
    ) -> tuple[tuple[ReadAction, ...], tuple[Assumption, ...]]:
        """Adds the kinds that the lexicon knows of targets, where the text states none."""
        assumed: list[Assumption] = []
        for index, action in enumerate(actions):
            kind = self._kinds.get(str(action.fields.get("target")))
            if kind is not None and "target_kind" not in action.fields:
                action.fields["target_kind"] = kind
                assumed.append(Assumption(index, "target_kind", kind, "the lexicon says so"))
        return actions, tuple(assumed)

    def _refused(
        self,
        original: str,
        verdict: Verdict,
        text: PreparedText | None = None,
        understood: tuple[ReadAction, ...] = (),
    ) -> Reading:
        """Builds the reading of a refused text; `text` is given where rewritings may help."""
        unread = text.spans(verdict.places) if text else ()
        reason, message = verdict.reason, verdict.message
        suggestions: tuple[str, ...] = ()
        if text is not None:
            respelt = [written for written in self._helper.respelt(text) if self._accepts(written)]
            if respelt and reason is not RefusalReason.AMBIGUOUS:
                reason, message = RefusalReason.AMBIGUOUS, "a word is misspelt; write it as suggested"
            suggestions = self._suggestions(text, verdict, respelt)
        refusal = Refusal(reason, message, unread, suggestions)
        return Reading(original, refusal=refusal, understood=understood, grammar_digest=self.digest)

    def _suggestions(self, text: PreparedText, verdict: Verdict, respelt: list[str]) -> tuple[str, ...]:
        accepted = respelt[:MAX_SUGGESTIONS]
        for tried, rewriting in enumerate(self._helper.rewritings(text, verdict.places)):
            if tried == MAX_TRIES or len(accepted) == MAX_SUGGESTIONS:
                break
            if rewriting not in accepted and self._accepts(rewriting):
                accepted.append(rewriting)
        return tuple(accepted)

    def _accepts(self, written: str) -> bool:
        """Whether a text would be read; like `read`, but without help for a refusal."""
        if not 0 < len(written) <= MAX_LENGTH or self._safety.find(written):
            return False
        text = self._prepare(normalise(written))
        if find_secret(written, text.tokens, text.words.quoted):
            return False
        try:
            covers = ClauseFinder(self._grammar, text.chart).covers()
            return bool(covers) and self._misspelt(_meant(covers)[1], text) is None
        except (Rejected, TooComplex):
            return False

    def _secret(self, normal: NormalText, start: int, end: int) -> Reading:
        """Refuses a text with a secret in it, and forgets the secret."""
        first, last = normal.offsets[start], normal.offsets[end - 1] + 1
        redacted = normal.original[:first] + REDACTED + normal.original[last:]
        message = (
            "a secret stands in the text; change it at once if it is in use, put it into a Secret, "
            "and let the workload refer to that by secretKeyRef"
        )
        return Reading(redacted, refusal=Refusal(RefusalReason.UNSAFE, message), grammar_digest=self.digest)


def _read_actions(actions: Sequence[Meant], text: PreparedText) -> tuple[ReadAction, ...]:
    return tuple(
        ReadAction(action.fields, {name: text.spans(places) for name, places in action.places.items()})
        for action in actions
    )


def _named(fields: Mapping[str, JSON]) -> list[str]:
    """Returns the workloads that an action names."""
    found = [fields.get("target")]
    policy, affinity = fields.get("network_policy"), fields.get("affinity")
    if isinstance(policy, dict) and isinstance(peers := policy.get("peers"), list):
        found += [peer.get("app") for peer in peers if isinstance(peer, dict)]
    if isinstance(affinity, dict):
        found.append(affinity.get("with"))
    return [name for name in found if isinstance(name, str)]


def _reason_length(cover: Cover) -> int:
    """Returns how many tokens of a text are taken for a reason."""
    return sum(one.end - one.start for clause in cover.clauses for one in clause.found if one.field == REASON)


def _meant(covers: Sequence[Cover]) -> tuple[Cover, list[Meant]]:
    """Returns the cheapest cover that means something, if all of that cost mean the same.

    Raises:
        Rejected: there is none, or several that differ.
    """
    rejected: Rejected | None = None
    least = 0
    accepted: list[tuple[Cover, list[Meant]]] = []
    for cover in covers:
        if accepted and cover.cost > accepted[0][0].cost:
            break
        try:
            accepted.append((cover, assemble(cover)))
        except Rejected as error:
            least = least if rejected else _reason_length(cover)
            if rejected is None or (error.reason is RefusalReason.INVALID and not accepted):
                rejected = error
    if not accepted:
        raise rejected or unclear("the text was not understood")
    if rejected and _reason_length(accepted[0][0]) > least:
        # What cannot be meant is not put away as a reason.
        raise rejected
    first = [action.fields for action in accepted[0][1]]
    if any([action.fields for action in actions] != first for _, actions in accepted[1:]):
        raise unclear("the text can be read in two ways; say it more plainly")
    return accepted[0]
