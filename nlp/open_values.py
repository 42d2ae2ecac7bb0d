"""Values that any word may be: names, namespaces, settings and their keys, labels, the words of a reason.

What keeps them from swallowing meaning is the grammar's own vocabulary: a word that the grammar knows is no
name, no key in plain words and no value; a condition, a time or an instruction ends a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nlp import numerals, values
from nlp.tokens import Token
from nlp.values import Assign, Found

MAX_REASON_WORDS = 60
"""The longest reason, in tokens."""
MAX_KEY_WORDS = 4
"""The longest key in plain words."""

_NAME = re.compile(r"(?=.*[a-z])[a-z0-9_][\w.-]*\Z", re.IGNORECASE)
_KINDED = re.compile(r"([a-z]+)/([a-z0-9_][\w.-]*)\Z", re.IGNORECASE)
_KINDS = {
    **dict.fromkeys(
        ("deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"), "Deployment"
    ),
    **dict.fromkeys(("statefulset", "statefulsets", "sts", "statefulset.apps"), "StatefulSet"),
    **dict.fromkeys(("daemonset", "daemonsets", "ds", "daemonset.apps"), "DaemonSet"),
    **dict.fromkeys(("svc", "service"), ""),
}
_TECHNICAL_KEY = re.compile(r"[a-z][a-z0-9]*(?:[._-]+[a-z0-9]+)+\Z", re.IGNORECASE)
_CAPITALS = re.compile(r"[A-Z][A-Z0-9]+\Z")
# What no workload is called: a limit or a measure ("max-sessions", "retry-interval").
_KEY_LIKE = re.compile(
    r"(?:max|min|num|log-level|enable|disable)[-_.].*\Z|.*[-_.](?:level|size|count|timeout|interval|limit|rate|ttl|mode|period|"
    r"sessions|retries|threshold|percent|ratio|seconds|ms|bytes|enabled|url|uri|host|port|address|key|format|depth)\Z"
)
_PLAIN_WORD = re.compile(r"[a-z][a-z0-9]*\Z", re.IGNORECASE)
_LABEL_KEY = re.compile(r"[a-z0-9](?:[\w./-]*[a-z0-9])?\Z", re.IGNORECASE)
_LABEL_VALUE = re.compile(r"[a-z0-9](?:[\w.-]*[a-z0-9])?\Z", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[^\w]+\Z")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:am|pm|z)?\Z|\d{1,2}(?:am|pm)\Z", re.IGNORECASE)
_SUBSET = re.compile(r"[a-z0-9][\w.-]*\Z", re.IGNORECASE)
_JOINTS = frozenset({"and", ",", "then", "or", "also"})
_MODALS = frozenset({"shall", "should", "must"})
_ABSTRACT = ("ing", "tion", "ance", "ence", "ity", "ness", "ment", "sis", "ability")
_NO_REASONS = frozenset({"not", "no", "never", "only"})
_NO_PURPOSES = _NO_REASONS | {"it", "them", "each", "every", "all", "both"}
_PART_ENDS = frozenset(
    {
        ".",
        ",",
        ";",
        "!",
        "?",
        ")",
        "and",
        "then",
        "because",
        "since",
        "due",
        "so",
        "please",
        "asap",
        "as",
        "for",
        "ahead",
    }
)
_SENTENCE_END = frozenset({".", ";", "!", "?"})


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the words of the grammar mean to open values.

    Attributes:
        reserved: every word of the grammar: none of them is a name.
        function: words that are not even a namespace or a setting's value.
        vague: words in place of a value.
        purposes: words that name a purpose, never a workload.
        times: words that make a time of a reason that they end.
        units: words that are what a number is of, and so no value of a setting.
        acronyms: words in capitals that are no keys.
        values: words of the grammar that may be a value, a namespace or a version all the same.
        software: names of well-known software.
        names: words of the grammar that may be a workload's name too.
        hard: words of which alone no key is made.
        soft: words of the grammar that may stand in a key of plain words beside others.
        forbidden_in_reason: conditions and times.
        instructions: verbs that begin an instruction where they follow "and".
        reason_ends: words before which a reason may end.
        never_names: words that are no workload's name, even quoted.
        never_key_words: words that are in no key of plain words.
    """

    reserved: frozenset[str]
    function: frozenset[str]
    vague: frozenset[str]
    purposes: frozenset[str]
    times: frozenset[str]
    units: frozenset[str]
    acronyms: frozenset[str]
    values: frozenset[str]
    software: frozenset[str]
    names: frozenset[str]
    hard: frozenset[str]
    soft: frozenset[str]
    forbidden_in_reason: frozenset[str]
    instructions: frozenset[str]
    reason_ends: frozenset[str]
    never_names: frozenset[str]
    never_key_words: frozenset[str]


@dataclass(slots=True)
class TextValues:
    """The values of one text.

    Attributes:
        names: for each token, the lexicon's names that begin there.
        spellings: each spelling of the lexicon, and the target it stands for.
        quoted: for each opening quote, (token after the closing one, what stands between).
    """

    tokens: Sequence[Token]
    vocabulary: Vocabulary
    names: Mapping[int, Sequence[tuple[int, str]]]
    spellings: Mapping[str, str]
    quoted: dict[int, tuple[int, str]] = field(default_factory=dict)

    def read(self, type_name: str, at: int) -> Found:
        """Returns every value of a type that begins at a token."""
        reader = values.NUMERIC.get(type_name) or values.WORDY.get(type_name)
        if reader:
            return reader(self.tokens, at)
        return _OPEN[type_name](self, at)

    def name(self, at: int) -> Found:
        """A workload: a name of the lexicon, or any other word that the grammar does not know."""
        if at in self.names:
            return [self._known_name(at)]
        end, word = self.quoted.get(at, (at + 1, self.tokens[at].text))
        low = word.lower()
        if at in self.quoted and low in self.spellings:
            return [(end, self.spellings[low])]
        if not _NAME.match(low) or low in self.vocabulary.never_names:
            return []
        if at not in self.quoted and (self._is_word(low) or self._assigns(end)):
            return []
        if _number_like(low) or _KEY_LIKE.match(low):
            return []
        return [(end, low)]

    def certain_name(self, at: int) -> Found:
        """A workload by a name that can hardly be another word: known, quoted, or with a dash or a digit."""
        low = self.tokens[at].low
        certain = at in self.names or at in self.quoted or low in self.vocabulary.software
        return self.name(at) if certain or re.search(r"\w-\w|\d", low) else []

    def known_name(self, at: int) -> Found:
        """A workload by a name of the lexicon only."""
        return [self._known_name(at)] if at in self.names else []

    def _known_name(self, at: int) -> tuple[int, str]:
        """Reads a name of the lexicon; named twice in a row, "AMF (access and mobility function)", it is one."""
        end, target = self.names[at][0]
        opened = end < len(self.tokens) and self.tokens[end].text == "("
        again = self.names.get(end + opened)
        if again and again[0][1] == target:
            stop = again[0][0]
            if not opened:
                return stop, target
            if stop < len(self.tokens) and self.tokens[stop].text == ")":
                return stop + 1, target
        return end, target

    def kinded(self, at: int) -> Found:
        """kubectl's `deployment/amf`: an object with `name` and `kind`."""
        match = _KINDED.match(self.tokens[at].low)
        if match is None or match[1] not in _KINDS:
            return []
        assigns = (Assign("name", match[2], at, at + 1),)
        if _KINDS[match[1]]:
            assigns += (Assign("kind", _KINDS[match[1]], at, at + 1),)
        return [(at + 1, assigns)]

    def namespace(self, at: int) -> Found:
        """A namespace after a word that says so: nearly any word."""
        end, word = self.quoted.get(at, (at + 1, self.tokens[at].text))
        low = word.lower()
        if not re.match(r"[a-z0-9_][\w.-]*\Z", low) or low in self.vocabulary.function or self._assigns(end):
            return []
        return [(end, low)]

    def closing_namespace(self, at: int) -> Found:
        """A namespace after a mere "in": no word of the grammar and no name of the lexicon."""
        return [] if at in self.names else self.namespace_name(at)

    def namespace_name(self, at: int) -> Found:
        """A namespace before the word that says so: no word of the grammar, unless after "the"."""
        if at > 0 and self.tokens[at - 1].low == "the":
            return self.namespace(at)
        low = self.tokens[at].low
        if low in self.vocabulary.values or (low in self.vocabulary.purposes and not self._reserved(low)):
            return [(at + 1, low)]
        return self.name(at)

    def closing_namespace_word(self, at: int) -> Found:
        """A namespace before the word "namespace" that ends a part ("…, ran namespace") or leads ("ran namespace: …")."""
        begins = at == 0 or self.tokens[at - 1].low in ("the", ",", "(", ".", ";")
        return [
            found
            for found in self.namespace(at)
            if self._at(found[0] + 1) in _PART_ENDS or (begins and self._at(found[0] + 1) == ":")
        ]

    def _at(self, at: int) -> str:
        return self.tokens[at].low if at < len(self.tokens) else "."

    def subset(self, at: int) -> Found:
        """A version of a service: `v2`, `canary`, `blue`."""
        low = self.tokens[at].low
        if not _SUBSET.match(low) or numerals.digits(low) is not None:
            return []
        if (self._reserved(low) and low not in self.vocabulary.values) or low in self.vocabulary.never_names:
            return []
        return [(at + 1, low if re.match(r"v\d", low) else self.tokens[at].text)]

    def key(self, at: int) -> Found:
        """A key that keeps its spelling: it has an underscore, a dot or a dash, or only capitals."""
        token = self.tokens[at]
        if at in self.names or token.low.startswith("--"):
            return []
        if at in self.quoted:
            end, word = self.quoted[at]
            return [(end, word)] if _TECHNICAL_KEY.match(word) or _CAPITALS.match(word) else []
        capitals = _CAPITALS.match(token.text)
        if not capitals and not _TECHNICAL_KEY.match(token.text):
            return []
        # In a text all in capitals, capitals make no key of a word.
        if self._reserved(token.low) and (
            token.low in self.vocabulary.acronyms
            or not capitals
            or not any(other.text.islower() for other in self.tokens)
        ):
            return []
        if token.low in self.vocabulary.function or values.read_plain_version(self.tokens, at):
            return []
        if _number_like(token.low) or values.read_cpu(self.tokens, at) or values.read_memory(self.tokens, at):
            return []
        return [(at + 1, token.text)]

    def assigned_key(self, at: int) -> Found:
        """A key right before `=`: also one in small letters, which then becomes capitals."""
        found = self.key(at)
        if found or not self._assigns(at + 1):
            return found
        word = self.tokens[at].text
        if not _PLAIN_WORD.match(word) or self.tokens[at].low in self.vocabulary.reserved:
            return []
        return [(at + 1, word.upper())]

    def plain_key(self, at: int) -> Found:
        """A key in plain words: "log level" is `LOG_LEVEL`."""
        found: Found = []
        words: list[str] = []
        own = False
        for position in range(at, min(at + MAX_KEY_WORDS, len(self.tokens))):
            token = self.tokens[position]
            known = token.low in self.vocabulary.reserved
            soft = token.low in self.vocabulary.soft or token.low.endswith("ing")
            if position in self.names or not _PLAIN_WORD.match(token.text) or (known and not soft):
                break
            if token.low in self.vocabulary.never_key_words:
                break
            words.append(token.text.upper())
            own = own or token.low not in self.vocabulary.hard
            if own and (position > at or len(token.text) > 1):
                found.append((position + 1, "_".join(words)))
        return found

    def value(self, at: int) -> Found:
        """The value of a setting, in its own spelling; "10 seconds" is `10s`."""
        if at in self.quoted:
            end, content = self.quoted[at]
            return [(end, content)]
        for read in (values.read_duration, values.read_memory):
            for end, found in read(self.tokens, at):
                if end == at + 2 and self.tokens[at].low in numerals.NUMBER_WORDS:
                    return [(end, found)]
                if end == at + 2 and numerals.digits(self.tokens[at].low) is not None:
                    unit = (
                        found
                        if read is values.read_duration
                        else self.tokens[at].text + self.tokens[at + 1].text
                    )
                    return [(end, unit)]
        token = self.tokens[at]
        low = token.low
        if _PUNCTUATION.match(low) or _CLOCK.match(low) or low in numerals.NUMBER_WORDS:
            return []
        if low in self.vocabulary.function and low not in self.vocabulary.values:
            return []
        if low in self.vocabulary.vague or low in self.vocabulary.units:
            return []
        following = self.tokens[at + 1] if at + 1 < len(self.tokens) else None
        if following and following.text == "%" and not following.spaced:
            return [(at + 2, token.text + "%")]
        return [(at + 1, token.text)]

    def clock(self, at: int) -> Found:
        """A time of the day: `02:00`, `8pm`."""
        return [(at + 1, self.tokens[at].low)] if _CLOCK.match(self.tokens[at].low) else []

    def bare_value(self, at: int) -> Found:
        """A value right after its key: no preposition, which would begin something else."""
        return [] if self.tokens[at].low in self.vocabulary.function else self.value(at)

    def label(self, at: int) -> Found:
        """A node label: an object with `key` and `value`."""
        if not self._assigns(at + 1) or at + 2 >= len(self.tokens):
            return []
        key, value = self.tokens[at].text, self.tokens[at + 2].text
        end = at + 3
        if at + 2 in self.quoted:
            end, value = self.quoted[at + 2]
        if not _LABEL_KEY.match(key) or not _LABEL_VALUE.match(value):
            return []
        return [(end, (Assign("key", key, at, at + 1), Assign("value", value, at + 2, end)))]

    def label_key(self, at: int) -> Found:
        """The key of a node label alone."""
        token = self.tokens[at]
        if not _LABEL_KEY.match(token.text) or self._assigns(at + 1):
            return []
        if token.low in self.vocabulary.reserved or token.low in self.vocabulary.never_names:
            return []
        return [(at + 1, token.text)]

    def place(self, at: int) -> Found:
        """A zone or a region by its name, or the name of a node."""
        end, word = self.quoted.get(at, (at + 1, self.tokens[at].text))
        low = word.lower()
        if not _LABEL_VALUE.match(word) or low in self.vocabulary.reserved or low in self.vocabulary.function:
            return []
        if at in self.names or low in self.vocabulary.vague:
            return []
        return [(end, word)]

    def purpose(self, at: int) -> Found:
        """The words of a reason after "for", where a workload may stand too: one word only if it names a purpose."""
        low = self.tokens[at].low
        return [
            found
            for found in self.reason(at)
            if (found[0] > at + 1 or low in self.vocabulary.purposes or low.endswith(_ABSTRACT))
            and low not in _NO_PURPOSES
            and not self._may_name(at, found[0])
        ]

    def _may_name(self, at: int, end: int) -> bool:
        """Whether words after "for" may name a workload, or deny something."""
        for position in range(at, end):
            low = self.tokens[position].low
            if position in self.names or low in _NO_REASONS:
                return True
            last = position + 1 == end or self.tokens[position + 1].low in self.vocabulary.function
            if last and re.search(r"\w-\w|\d", low):
                return True
        return False

    def reason(self, at: int) -> Found:
        """The words of a reason, up to each place where it may end; a condition or a time ends none.

        A reason ends at a comma, or before "with", "to" and the like, unless it has swallowed an instruction by
        then. One that closes its sentence may go on after a comma with words that could be nothing else.
        """
        tokens, vocabulary = self.tokens, self.vocabulary
        if numerals.digits(tokens[at].low) is not None or tokens[at].low in _NO_REASONS:
            return []
        found: Found = []
        named = at + (tokens[at].low in ("the", "a", "an"))
        only_name = self.names[named][0][0] if named in self.names else -1
        instructed = False
        for position in range(at, min(at + MAX_REASON_WORDS, len(tokens))):
            low = tokens[position].low
            if low in _SENTENCE_END or low in vocabulary.forbidden_in_reason or _CLOCK.match(low):
                break
            if position > at and tokens[position - 1].low in _JOINTS and low in vocabulary.instructions:
                break
            if low == "," and (at == 0 or not self._goes_on(position)):
                break
            instructed = instructed or low in vocabulary.instructions or low in _MODALS
            end = position + 1
            if low in vocabulary.times or low == "next" or end == only_name:
                continue
            following = self._at(end)
            closes = following in _SENTENCE_END or following in (",", ")")
            if closes or (
                not instructed and (following in vocabulary.reason_ends or self._namespace_follows(end))
            ):
                found.append((end, ""))
        return found

    def _goes_on(self, comma: int) -> bool:
        """Whether what follows a comma, up to the end of the sentence, can be nothing but more of a reason."""
        for token in self.tokens[comma + 1 :]:
            if token.low in _SENTENCE_END:
                break
            if token.low in self.vocabulary.instructions or re.search(r"\d|=", token.low) or token.low == ",":
                return False
        return not any(at > comma for at in self.names)

    def _is_word(self, low: str) -> bool:
        """Whether the grammar knows a word as anything but a name."""
        known = low in self.vocabulary.reserved or low in self.vocabulary.values
        return known and low not in self.vocabulary.names

    def _reserved(self, low: str) -> bool:
        return low in self.vocabulary.reserved

    def _namespace_follows(self, at: int) -> bool:
        return at + 1 < len(self.tokens) and self.tokens[at + 1].low in ("namespace", "ns")

    def _assigns(self, at: int) -> bool:
        return at < len(self.tokens) and self.tokens[at].text == "="


_OPEN: dict[str, Callable[[TextValues, int], Found]] = {
    "name": TextValues.name,
    "certain-name": TextValues.certain_name,
    "known-name": TextValues.known_name,
    "kinded": TextValues.kinded,
    "namespace": TextValues.namespace,
    "namespace-name": TextValues.namespace_name,
    "closing-namespace": TextValues.closing_namespace,
    "closing-namespace-word": TextValues.closing_namespace_word,
    "subset": TextValues.subset,
    "key": TextValues.key,
    "assigned-key": TextValues.assigned_key,
    "plain-key": TextValues.plain_key,
    "value": TextValues.value,
    "bare-value": TextValues.bare_value,
    "clock": TextValues.clock,
    "label": TextValues.label,
    "label-key": TextValues.label_key,
    "place": TextValues.place,
    "purpose": TextValues.purpose,
    "reason": TextValues.reason,
}
TYPES = frozenset({*values.NUMERIC, *values.WORDY, *_OPEN})
"""Every value type that a slot of the grammar may have."""


def _number_like(word: str) -> bool:
    first, _, second = word.partition("-")
    if first in numerals.NUMBER_WORDS and second in numerals.NUMBER_WORDS:
        return True
    if re.match(r"[-+.]?\d", word):
        token = [Token(word, word, 0, 0, True, False)]
        if any(
            read(token, 0)
            for read in (values.read_cpu, values.read_memory, values.read_duration, values.read_factor)
        ):
            return True
    return word in numerals.NUMBER_WORDS or word in numerals.FRACTION_WORDS or bool(_CLOCK.match(word))


def find_quoted(tokens: Sequence[Token], text: str) -> dict[int, tuple[int, str]]:
    """Returns for each opening quote the token after its closing one, and the text between."""
    found: dict[int, tuple[int, str]] = {}
    at = 0
    while at < len(tokens):
        if tokens[at].text in ('"', "'"):
            close = next(
                (other for other in range(at + 1, len(tokens)) if tokens[other].text == tokens[at].text), None
            )
            if close is not None and close > at + 1:
                found[at] = (close + 1, text[tokens[at].end : tokens[close].start])
                at = close
        at += 1
    return found
