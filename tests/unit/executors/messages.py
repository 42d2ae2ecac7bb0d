"""What porch and porchctl were heard to say, word for word, names apart: by what is to be done about it.

Each case has the HTTP code, 0 for porchctl, and the message.
"""
# ruff: noqa: E501 - messages are verbatim

from __future__ import annotations

RENDER = (
    "Internal error occurred: error rendering package in kpt function pipeline. Package NOT pushed to remote. "
    "Fix locally (until 'kpt fn render' succeeds) and retry. Details: fn.render: pkg /:\n\tpkg.render:\n\t"
)
REVISION = "packagerevisions.porch.kpt.dev"

RETRYABLE = {
    "a stale version": (
        500,
        (
            f'Internal error occurred: Operation cannot be fulfilled on {REVISION} "edge1.upf.v1": the object has '
            "been modified; please apply your changes to the latest version and try again"
        ),
    ),
    "two writers of one package": (
        409,
        (
            'Operation cannot be fulfilled on packagerevisionresources.porch.kpt.dev "edge1.upf.v1": another '
            'request is already in progress on package revision resources "default/edge1.upf.v1"'
        ),
    ),
    "two creators of one package": (
        409,
        (
            f'Operation cannot be fulfilled on {REVISION} "(new creation)": another request is already in '
            'progress to create package revision with details namespace="default", repository="edge1", '
            'package="race",workspace="w"'
        ),
    ),
    "a package that the list did not show": (500, 'package "upf" already exists in repository "edge1"'),
    "a revision that is not there, or not yet": (404, f'{REVISION} "edge1.upf.v1" not found'),
    "resources that are not there, or not yet": (
        404,
        'packagerevisionresources.porch.kpt.dev "edge1.upf.v1" not found',
    ),
    "an approval of what went back to Draft": (
        422,
        (
            'PackageRevision.porch.kpt.dev "edge1.upf.v1" is invalid: spec.lifecycle: Invalid value: "Draft": '
            "cannot approve package with Draft lifecycle value; only Proposed packages can be approved"
        ),
    ),
    "files of what is no draft": (
        500,
        (
            'Internal error occurred: cannot update a package revision with lifecycle value "Proposed"; package '
            "must be Draft"
        ),
    ),
    "a change of what was published meanwhile": (
        422,
        (
            'PackageRevision.porch.kpt.dev "edge1.upf.v1" is invalid: spec: Invalid value: {"lifecycle":"Proposed"}: '
            "spec can only update package with lifecycle value one of Draft,Proposed"
        ),
    ),
    "a source that is gone": (500, 'failed to fetch package "X": cannot find package revision "X"'),
    "a source that is a draft": (500, "source revision must be published"),
    "a function that porch does not know yet": (
        500,
        RENDER
        + 'pipeline.run: func eval "IMG" failed: rpc error: code = NotFound desc = function "IMG" not found',
    ),
    "a hook that declines at the approval": (
        500,
        (
            "dbPackageRevision:UpdateLifecycle: could not publish package revision edge1.upf.v1: "
            "pre-receive hook declined"
        ),
    ),
    "a hook that declines at the proposal": (
        500,
        "command error on refs/heads/proposed/upf/v1: pre-receive hook declined",
    ),
    "porchctl finds no revision": (
        0,
        (
            "Error: the server could not find the requested resource "
            "(get packagerevisions.porch.kpt.dev edge1.upf.v1)"
        ),
    ),
    "porchctl approves a draft": (
        0,
        (
            "edge1.upf.v1 failed (cannot change approval from Draft to Published)\n"
            "Error: errors:\n  cannot change approval from Draft to Published "
        ),
    ),
    "porchctl rejects a draft": (0, "cannot reject edge1.upf.v1 with lifecycle 'Draft'"),
    "porch fails for a reason of its own": (500, "Internal error occurred: something new"),
}
OUTAGES = {
    "porch-server is down": (
        503,
        "error trying to reach service: dial tcp 127.0.0.1:32444: connect: connection refused",
    ),
    "porchctl finds porch-server down": (
        0,
        "Error: the server is currently unable to handle the request (get packagerevisions.porch.kpt.dev)",
    ),
    "porchctl finds the API server down": (
        0,
        'Get "https://127.0.0.1:32443/apis": dial tcp 127.0.0.1:32443: connect: connection refused',
    ),
    "the API server is not where it is said to be": (
        0,
        "The connection to the server 127.0.0.1:32443 was refused - did you specify the right host or port?",
    ),
    "porch is not installed": (404, "the server could not find the requested resource"),
    "porchctl finds no porch": (
        0,
        "Error: the server could not find the requested resource (get packagerevisions.porch.kpt.dev)",
    ),
    "git is down": (
        500,
        (
            "Internal error occurred: fetch of remote repository default:edge1::main with retry failed on try "
            "number 3: cannot fetch repository default:edge1::main: Get "
            '"http://127.0.0.1:3000/edge1.git/info/refs?service=git-upload-pack": dial tcp 127.0.0.1:3000: '
            "connect: connection refused"
        ),
    ),
    "git is down at the approval": (
        500,
        (
            "dbPackageRevision:UpdateLifecycle: could not publish package revision edge1.upf.v1 could not close "
            'package revision draft:: Get "http://127.0.0.1:3000/edge1.git/info/refs": EOF'
        ),
    ),
    "git does not take the credentials": (500, "authentication required: Unauthorized"),
    "the credentials of git are not there": (
        500,
        "failed to obtain git credentials: failed to obtain credential from secret default/nosuch: cannot resolve",
    ),
    "the branch is not there": (500, 'branch "nobranch" doesn\'t exist: reference not found'),
    "the database is down": (
        500,
        (
            "failed to connect to `user=porch database=porch`: 127.0.0.1:32432 (127.0.0.1): dial error: dial tcp "
            "127.0.0.1:32432: connect: connection refused"
        ),
    ),
    "the function runner is down": (
        500,
        RENDER
        + 'pipeline.run: func eval "IMG" failed: rpc error: code = Unavailable desc = connection error: '
        'desc = "transport: Error while dialing: dial tcp 127.0.0.1:32445: connect: connection refused"',
    ),
    "a webhook cannot be reached": (
        500,
        'Internal error occurred: failed calling webhook "guard.example.com": failed to call webhook',
    ),
    "nobody knows us": (401, "Unauthorized"),
    "porchctl is known to nobody": (
        0,
        "the server has asked for the client to provide credentials (get packagerevisions.porch.kpt.dev)",
    ),
    "a right is missing": (
        403,
        (
            f'{REVISION} "edge1.upf.v1" is forbidden: User "nobody" cannot get resource "packagerevisions" in API '
            'group "porch.kpt.dev" in the namespace "default"'
        ),
    ),
    "porchctl lacks a right": (0, "Error: unknown (get packagerevisions.porch.kpt.dev)"),
    "too many requests": (429, "too many requests, please try again later"),
}
PERMANENT = {
    "a clone onto a package that is there": (
        500,
        (
            'Internal error occurred: `clone` cannot create a new revision for package "upf" that already exists '
            'in repo "edge1"; make subsequent revisions using `copy`'
        ),
    ),
    "an update without a version": (
        500,
        "Internal error occurred: resourceVersion must be specified for an update",
    ),
    "a repository that is not there": (404, 'repositories.config.porch.kpt.dev "nope" not found'),
    "a namespace that is not there": (404, 'namespaces "nons" not found'),
    "no repository": (400, "spec.repositoryName is required"),
    "a malformed name": (
        500,
        'package revision kubernetes resource name invalid:\npackage name part "" of object name invalid',
    ),
    "a bad package name": (
        422,
        (
            'PackageRevision.porch.kpt.dev "" is invalid: spec.packageName: Invalid value: "Bad_Name": a lowercase '
            "RFC 1123 label must consist of lower case alphanumeric characters or '-'"
        ),
    ),
    "a bad workspace name": (
        422,
        (
            'PackageRevision.porch.kpt.dev "" is invalid: spec.workspaceName: Invalid value: "v1.0": must not '
            "contain dots"
        ),
    ),
    "created as something else than Draft": (
        422,
        (
            'PackageRevision.porch.kpt.dev "" is invalid: spec.lifecycle: Invalid value: "Proposed": value can be '
            "only created as Draft"
        ),
    ),
    "published without a proposal": (
        422,
        (
            'PackageRevision.porch.kpt.dev "N" is invalid: spec.lifecycle: Invalid value: "Draft": value can be '
            "only updated to Draft,Proposed"
        ),
    ),
    "an unknown lifecycle": (
        422,
        (
            'PackageRevision.porch.kpt.dev "N" is invalid: spec.lifecycle: Invalid value: "Bogus": value can be '
            "only updated to Draft,Proposed,Published,DeletionProposed"
        ),
    ),
    "a deletion of what others were cloned from": (
        403,
        (
            f'{REVISION} "N" is forbidden: cannot delete package revision, it is referenced as upstream by: '
            "edge1.cl1.v1"
        ),
    ),
    "a deletion of what is published": (
        403,
        (
            f'{REVISION} "N" is forbidden: published PackageRevisions must be proposed for deletion by setting '
            "spec.lifecycle to 'DeletionProposed' prior to deletion"
        ),
    ),
    "a function that fails": (500, RENDER + "pipeline.run: error: function failure"),
    "a function that fails in the runner": (
        500,
        RENDER + 'pipeline.run: func eval "IMG" failed: rpc error: code = Internal desc = Failed to execute '
        'function "IMG": exit status 1 (failed to evaluate function: error: function failure)',
    ),
    "a pipeline with exec": (
        500,
        RENDER + "pipeline.run: must run with `--allow-exec` option to allow running function binaries",
    ),
    "a render that fails and is pushed": (
        500,
        (
            "error rendering package in kpt function pipeline. Package pushed to remote despite render failure. "
            "Details: pipeline.run: error: function failure"
        ),
    ),
    "malformed YAML": (
        500,
        (
            "Internal error occurred: failed to heal resources: MalformedYAMLError: yaml: line 2: did not find "
            "expected ',' or ']'"
        ),
    ),
    "no Kptfile": (500, "package must contain Kptfile at root: file does not exist"),
    "a path out of the package": (500, "Internal error occurred: cannot add a directory above '/'"),
    "too large a body": (413, "Request entity too large: limit is 6291456"),
    "two tasks": (500, "task list must not contain more than one task"),
    "an unknown task": (500, 'task of type "foo" not supported'),
    "a blueprint of an unknown reference": (
        500,
        "cannot find package a@nope:: cannot find git reference (tried [refs/tags/nope])",
    ),
    "no JSON": (400, "the object provided is unrecognized (must be of type PackageRevision)"),
    "an unknown field": (400, 'strict decoding error: unknown field "spec.bogus"'),
    "an unknown selector": (400, '"spec.foo" is not a known field selector'),
    "a webhook says no": (400, 'admission webhook "guard.example.com" denied the request: not on Fridays'),
    "porchctl without a repository": (
        0,
        "Error: --repository is required to specify target repository",
    ),
    "porchctl proposes a draft for deletion": (
        0,
        "can only propose published packages for deletion; package edge1.upf.v1 is not published",
    ),
}
ALREADY_DONE = {
    "the same workspace": (
        500,
        (
            "Internal error occurred: package revision workspaceNames must be unique; package revision with name "
            "dup in repo edge1 with workspaceName e1 already exists"
        ),
    ),
    "an approval of what is published": (
        422,
        (
            'PackageRevision.porch.kpt.dev "N" is invalid: spec.lifecycle: Invalid value: "Published": package '
            "with Published lifecycle value can only be updated to 'ProposeDeletion'"
        ),
    ),
    "porchctl proposes what is published": (0, "cannot propose Published package"),
    "porchctl proposes what is proposed": (0, "edge1.upf.v1 is already proposed"),
}
UNKNOWN = {
    "the API server waits no longer": (504, "Timeout: request did not complete within the allotted timeout"),
    "porchctl waits no longer": (
        0,
        "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
    ),
    "words that nobody knows, without a code": (0, "something new"),
}
