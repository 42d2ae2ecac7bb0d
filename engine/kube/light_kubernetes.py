"""The Kubernetes client without what is not used: the only module that imports it at the top.

`import kubernetes` loads its configuration files, streams, informers and more, and with them OAuth, Google's
authentication and websockets: 200 modules and 5 MB that a pod, whose account is three files, never uses. The
connections need none of them, so placeholders take their places during the import, and go away again
after it: where there is a kubeconfig, its loader is imported then. A test in a fresh process fails when the
client changes what it needs, or when they are back.
"""

from __future__ import annotations

import sys
from types import ModuleType

_KEPT_OUT = tuple(
    f"kubernetes.{name}" for name in ("config", "dynamic", "informer", "leaderelection", "stream", "watch")
)
_placed = [] if "kubernetes" in sys.modules else [name for name in _KEPT_OUT if name not in sys.modules]
for _name in _placed:
    sys.modules[_name] = ModuleType(_name)
try:
    from kubernetes.client.configuration import Configuration
    from kubernetes.client.rest import RESTClientObject
finally:
    for _name in _placed:
        del sys.modules[_name]

__all__ = ["Configuration", "RESTClientObject"]
