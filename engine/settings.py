"""The settings: one YAML file, the environment `CONDUCTOR_*` over it; errors name file, line and field."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from documents import Document, DocumentError, FilePath, StrictModel, load, parse, validate
from engine.executors.settings import ExecutorName, ExecutorsSettings
from engine.kinds import never_written

ENVIRONMENT_PREFIX = "CONDUCTOR_"
Lifecycle = Literal["Draft", "Proposed", "Published"]


class SourceSettings(StrictModel):
    """Where NetworkIntents come from."""

    kind: Literal["directory", "kubernetes"] = Field(
        default="directory", description="A folder of manifests, or the API server of `kubernetes`."
    )
    directory: FilePath = Field(default=Path("intents"), description="Folder of NetworkIntent manifests.")
    poll_seconds: float = Field(
        default=0.25, ge=0.05, le=60, description="How often the folder is looked at, in seconds."
    )


class LiveSettings(StrictModel):
    """Where the facts of live objects come from."""

    kind: Literal["directory", "kubernetes"] = Field(
        default="directory", description="A folder of manifests, or the API server of `kubernetes`."
    )
    directory: FilePath = Field(default=Path("live"), description="Folder of their manifests.")
    poll_seconds: float = Field(default=1.0, ge=1, le=300, description="How often it is read, in seconds.")


class KubernetesSettings(StrictModel):
    """The API server that NetworkIntents, and live objects, are followed in."""

    kubeconfig: FilePath | None = Field(
        default=None, description="How to reach it; unset: KUBECONFIG, else the pod's account."
    )
    namespaces: list[str] = Field(default=[], description="Where NetworkIntents are followed; none: all.")
    plural: str = Field(default="networkintents", description="The resource's name in URLs.")


class StructuredSettings(StrictModel):
    """NetworkIntents that state an action in fields of their spec, in place of a text."""

    enabled: bool = Field(default=False, description="Whether they are followed, beside those with a text.")
    group: str = Field(default="intent.nephoran.com", description="Their API group.")
    version: str = Field(default="v1alpha1", description="Their API version.")
    plural: str = Field(default="networkintents", description="The resource's name in URLs.")
    fields: dict[str, str] = Field(
        default={
            "intent_type": "intentType",
            "target": "target",
            "namespace": "namespace",
            "replicas": "replicas",
        },
        description="By field of the contract, the field of their spec.",
    )
    status: list[str] = Field(
        default=["conditions"], description="The fields of our status that their definition has."
    )


class OutputSettings(StrictModel):
    """Where the directory executor and the reports write."""

    directory: FilePath = Field(
        default=Path("out"),
        description="Gets packages/, revisions/, handoff/, status/.",
    )
    keep_revisions: int = Field(
        default=50, ge=2, le=10_000, description="How many revisions of each package are kept."
    )


class StoreSettings(StrictModel):
    """The store of all state."""

    path: FilePath = Field(
        default=Path("out/conductor-watch.db"), description="SQLite file, on a local disk; NFS corrupts it."
    )
    audit_key_file: FilePath | None = Field(
        default=None, description="File with the key of the audit chain, kept outside the store's volume."
    )


class RetentionSettings(StrictModel):
    """How long the store keeps what is over; the newest generation of each intent always stays."""

    days: float = Field(
        default=90.0, gt=0, le=36_500, description="What ended, or was recorded, longer ago goes; in days."
    )
    generations: int = Field(
        default=50_000, ge=100, description="At most so many ended generations, with their decisions."
    )
    audit_records: int = Field(
        default=500_000, ge=1000, description="At most about so many records of the audit log."
    )
    readings: int = Field(default=50_000, ge=100, description="At most so many texts with their readings.")


class RulesSettings(StrictModel):
    """Business rules and vocabulary of the user's own."""

    paths: list[FilePath] = Field(
        default=[], description="Files or folders of rules and IntentTypes, in the order they apply."
    )
    defaults: bool = Field(default=True, description="Whether the shipped rules apply after the user's own.")
    lexicon: list[FilePath] = Field(default=[], description="Lexicon files: names and synonyms of one's own.")
    poll_seconds: float = Field(default=2.0, ge=0.2, le=300, description="How often the files are looked at.")


class BoundsSettings(StrictModel):
    """What rules may choose, and what is chosen where no rule does."""

    executors: list[ExecutorName] = Field(
        default=["directory"], min_length=1, description="Executors that rules may name; unset: `executor`."
    )
    executor: ExecutorName = Field(
        default="directory",
        description="The one where no rule names one; unset: `porch` for the intents of a cluster.",
    )
    repositories: list[str] | None = Field(
        default=None, description="Repositories that rules may name; unset: any."
    )
    repository: str = Field(default="main", description="The one where no rule names one.")
    kinds: list[str] = Field(
        default=["ConfigMap"],
        description="Kinds that an IntentType may write, as Kind or group/Kind; never RBAC, Secrets, "
        "ServiceAccounts, webhooks, CRDs or API services.",
    )
    highest_lifecycle: Lifecycle = Field(default="Proposed", description="The furthest that rules may go.")
    lifecycle: Lifecycle = Field(default="Proposed", description="The lifecycle where no rule names one.")

    @field_validator("kinds")
    @classmethod
    def _give_no_power(cls, kinds: list[str]) -> list[str]:
        for kind in kinds:
            if never_written(kind):
                raise ValueError(f"{kind} gives power over others; no IntentType may write it")
        return kinds

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yields each choice that goes beyond the bounds beside it, as (field, what is wrong).

        Asked of file and environment together: each may state one of the two.
        """
        order = get_args(Lifecycle)
        if order.index(self.lifecycle) > order.index(self.highest_lifecycle):
            yield "lifecycle", f"{self.lifecycle} is beyond highestLifecycle, {self.highest_lifecycle}"
        if self.executor not in self.executors:
            yield "executor", f"{self.executor} is not among executors, {', '.join(self.executors)}"
        if self.repositories is not None and self.repository not in self.repositories:
            names = ", ".join(self.repositories) or "none"
            yield "repository", f"{self.repository} is not among repositories, {names}"


class ExecutionSettings(StrictModel):
    """How work is carried out."""

    workers: int = Field(default=4, ge=1, le=32, description="How many intents are executed at a time.")
    grace_seconds: float = Field(
        default=20.0, ge=0, le=600, description="How long running work may take to finish when stopping."
    )
    retry_seconds: list[float] = Field(
        default=[30, 60, 120, 300, 600], description="Delays before each retry; after the last, Failed."
    )
    probe_seconds: float = Field(
        default=15.0,
        ge=1,
        le=300,
        description="How often each backend is probed; at most so long after it is back, its work goes on.",
    )


class PausedSettings(StrictModel):
    """What takes no new action for now; it shows in every status."""

    everything: bool = Field(default=False, description="Pauses every intent.")
    namespaces: list[str] = Field(default=[], description="Pauses the intents of these namespaces.")
    executors: list[str] = Field(default=[], description="Pauses what would be written by these executors.")


class MetricsSettings(StrictModel):
    """Where metrics and health are served, over HTTP."""

    address: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of /metrics, /livez and /readyz; unset: not served."
    )


class LimitSettings(StrictModel):
    """How many changed intents are looked at; what is over a limit is RateLimited until its turn."""

    namespace_burst: int = Field(default=2000, ge=1, description="Of one namespace, so many at once.")
    namespace_per_minute: float = Field(
        default=3600, gt=0, description="Of one namespace, so many a minute after that."
    )
    total_burst: int = Field(default=5000, ge=1, description="Of all namespaces, so many at once.")
    total_per_minute: float = Field(
        default=12000, gt=0, description="Of all namespaces, so many a minute after that."
    )


class ShadowSettings(StrictModel):
    """Where everything is decided and recorded, and nothing is written or reported."""

    namespaces: list[str] = Field(default=[], description="Globs of the namespaces in shadow.")


class FeatureSettings(StrictModel):
    """Where each behaviour is on, as globs of namespaces; what is off waits as Paused."""

    scaling: list[str] = Field(default=["*"], description="Intents that scale.")
    deployment: list[str] = Field(default=["*"], description="Intents that deploy.")
    configuration: list[str] = Field(default=["*"], description="Intents that set configuration.")
    network_policy: list[str] = Field(default=["*"], description="Intents about who may talk to whom.")
    resource_limits: list[str] = Field(default=["*"], description="Intents about CPU, memory and quotas.")
    affinity: list[str] = Field(default=["*"], description="Intents about where pods run.")
    service_mesh: list[str] = Field(default=["*"], description="Intents about mesh traffic.")
    handoff: list[str] = Field(default=["*"], description="Files of structured intents for other systems.")

    def on(self, feature: str, namespace: str) -> bool:
        """Tells whether a behaviour is on in a namespace; a type of the user's own always is."""
        return fits(getattr(self, feature, ["*"]), namespace)


def fits(globs: Iterable[str], namespace: str) -> bool:
    """Tells whether a namespace fits one of some globs."""
    return any(fnmatch.fnmatchcase(namespace, glob) for glob in globs)


class ClusterNetworkSettings(StrictModel):
    """The address ranges of the workload cluster; denials by address need them."""

    cluster_ranges: list[str] = Field(
        default=[], description="Pod and Service ranges as CIDRs, IPv4 and IPv6."
    )


class CatalogEntry(StrictModel):
    """Where a new workload of a name comes from."""

    image: str = Field(description="Image with its tag or digest.")


class Settings(StrictModel):
    """The document of kind Settings."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    api_version: Literal["conductor-watch/v1"] = "conductor-watch/v1"
    kind: Literal["Settings"] = "Settings"
    group: str = Field(default="nephoran.com", description="API group of NetworkIntent.")
    version: str = Field(default="v1", description="API version of NetworkIntent.")
    adopt: Literal["existing", "none"] | None = Field(
        default=None,
        description="What becomes of intents that were there before anything was carried out: `existing` "
        "takes them for done, `none` carries them out; unset: `existing` in Kubernetes, `none` for a folder.",
    )
    source: SourceSettings = SourceSettings()
    live: LiveSettings = LiveSettings()
    kubernetes: KubernetesSettings = KubernetesSettings()
    structured: StructuredSettings = StructuredSettings()
    output: OutputSettings = OutputSettings()
    store: StoreSettings = StoreSettings()
    retention: RetentionSettings = RetentionSettings()
    rules: RulesSettings = RulesSettings()
    bounds: BoundsSettings = BoundsSettings()
    execution: ExecutionSettings = ExecutionSettings()
    executors: ExecutorsSettings = ExecutorsSettings()
    paused: PausedSettings = PausedSettings()
    features: FeatureSettings = FeatureSettings()
    shadow: ShadowSettings = ShadowSettings()
    limits: LimitSettings = LimitSettings()
    metrics: MetricsSettings = MetricsSettings()
    network: ClusterNetworkSettings = ClusterNetworkSettings()
    catalog: dict[str, CatalogEntry] = Field(
        default={}, description="Images of new workloads, by target name."
    )

    @model_validator(mode="before")
    @classmethod
    def _choose_executors(cls, stated: dict[str, Any]) -> dict[str, Any]:
        """Fills in the executors that are not stated: what runs in a cluster writes through porch."""
        bounds, source = stated.get("bounds", {}), stated.get("source", {})
        if not isinstance(bounds, Mapping) or not isinstance(source, Mapping):
            return stated
        usual = "porch" if source.get("kind") == "kubernetes" else "directory"
        named = bounds.get("executors") or [bounds.get("executor", usual)]
        if not isinstance(named, list) or named[0] not in get_args(ExecutorName):  # said of what was stated
            return stated
        return {**stated, "bounds": {"executor": named[0], "executors": named, **bounds}}

    @property
    def adopts(self) -> bool:
        """Whether intents that were there before anything was carried out are taken for done."""
        return (self.adopt or ("existing" if self.source.kind == "kubernetes" else "none")) == "existing"


@dataclass(frozen=True, slots=True)
class Switches:
    """The settings that are taken up while the daemon runs."""

    paused: PausedSettings
    features: FeatureSettings
    shadow: ShadowSettings

    @classmethod
    def of(cls, settings: Settings) -> Switches:
        """Returns the switches as some settings have them."""
        return cls(settings.paused, settings.features, settings.shadow)


def load_settings(path: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings file, lays the environment over it and checks the whole.

    Paths in the file count from the folder the file is in; paths in the environment from the current one.

    Raises:
        DocumentError: naming file, line and field, or the variable at fault.
        OSError: the file cannot be read.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    stated = Document({}, "the environment", (), {})
    if path is not None:
        documents = load(path)
        stated = documents[0] if documents else Document({}, str(path), (), {})
        if len(documents) != 1:
            message = f"holds {len(documents)} documents; settings are exactly one"
            raise DocumentError((stated.problem((), message),))
        validate(stated, Settings)
        values = _from_folder(stated.value, path.parent)
    for name in sorted(environment):
        if name.startswith(ENVIRONMENT_PREFIX):
            _overlay(values, name, environment[name])
    settings = Settings.model_validate(values)
    problems = tuple(
        stated.problem(("bounds", field), message) for field, message in settings.bounds.contradictions()
    )
    if problems:
        raise DocumentError(problems)
    return settings


_PATHS = (
    ("source", "directory"),
    ("live", "directory"),
    ("kubernetes", "kubeconfig"),
    ("output", "directory"),
    ("store", "path"),
    ("store", "auditKeyFile"),
    ("rules", "paths"),
    ("rules", "lexicon"),
    ("executors", "porch", "kubeconfig"),
    ("executors", "porchctl", "kubeconfig"),
    ("executors", "children", "directory"),
    ("executors", "children", "readable"),
)
"""Where paths stand, which count from the folder of the settings file."""


def _from_folder(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    for *sections, field in _PATHS:
        block: Any = values
        for section in sections:
            block = block.get(section) if isinstance(block, dict) else None
        if isinstance(block, dict) and field in block:
            found = block[field]
            many = isinstance(found, list)
            joined = [os.path.normpath(folder / item) for item in (found if many else [found])]
            block[field] = joined if many else joined[0]
    return values


def _overlay(values: dict[str, Any], name: str, text: str) -> None:
    """Lays one variable over the values: CONDUCTOR_SOURCE__POLL_SECONDS is source.pollSeconds."""
    keys = [to_camel(part.lower()) for part in name.removeprefix(ENVIRONMENT_PREFIX).split("__")]
    try:
        parsed = parse(text, name)
    except DocumentError:
        parsed = []
    value = parsed[0].value if parsed else text
    nested: dict[str, Any] = {}
    block = nested
    for key in keys[:-1]:
        block = block.setdefault(key, {})
    block[keys[-1]] = value
    # Checked alone first, so that the error names the variable and not a line of the file.
    shown = yaml.safe_dump(nested, default_flow_style=True, width=4096)
    validate(parse(shown, f"environment variable {name}")[0], Settings)
    _merge(values, nested)


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
