"""What the values of a network policy mean: who sends and who receives, to a policy at one of them."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from nlp.dns_names import namespace_name, workload_name
from nlp.draft import Draft, Workload, impossible, inner, places_of, unclear, workload
from nlp.reading import JSON
from nlp.values import Assign, Value

MAX_PORT = 65_535


def network_policy(draft: Draft) -> None:
    """A policy at the receiver, unless the text is about egress."""
    action = draft.scalar("network_policy.action")
    if action is None:
        raise unclear("say whether to allow or to deny the traffic")
    draft.put("network_policy.action", action, *draft.all("network_policy.action"))
    direction, target, peers = _sides(draft)
    draft.target = target
    draft.put("network_policy.direction", direction, *draft.all("network_policy.direction"))
    if peers:
        draft.put("network_policy.peers", [_peer(peer) for peer in peers])
        draft.places["network_policy.peers"] = tuple(place for peer in peers for place in peer.places)
    _ports(draft)


def flows(found: dict[str, list[Assign]]) -> list[dict[str, list[Assign]]]:
    """Splits traffic with several receivers (or, where it is about egress, senders) into one flow each."""
    between = found.get("flow.between[]", [])
    if len(between) == 2:  # noqa: PLR2004
        others = {name: values for name, values in found.items() if name != "flow.between[]"}
        return [
            {**others, "flow.from[]": [sender], "flow.to[]": [receiver]}
            for sender, receiver in (between, between[::-1])
        ]
    egress = any(one.value == "egress" for one in found.get("network_policy.direction", []))
    near = "flow.from[]" if egress else "flow.to[]"
    if "target" in found or len(found.get(near, [])) < 2 or not _selects(workload(found[near][0])):  # noqa: PLR2004
        return [found]
    return [{**found, near: [one]} for one in found[near]]


def _sides(draft: Draft) -> tuple[str, Workload, list[Workload]]:
    """Returns the direction, the pods that the policy selects, and those at the other side."""
    senders = [workload(one) for one in draft.all("flow.from[]")]
    receivers = [workload(one) for one in draft.all("flow.to[]")]
    direction = draft.scalar("network_policy.direction")
    own = draft.target
    if direction is None:
        if receivers and not senders and _selects(own) and not _selects(receivers[0]):
            direction = "egress"
        elif senders and receivers:
            direction = "ingress" if _selects(receivers[0]) else "egress"
        else:
            direction = "egress" if receivers and own.places else "ingress"
    if direction == "both":
        return "both", own, senders + receivers
    near, far = (senders, receivers) if direction == "egress" else (receivers, senders)
    if not own.places and len(near) == 1:
        own = near[0] if near[0].name or near[0].cidr else replace(near[0], everything=True)
    elif near:
        raise unclear("the policy would sit at two workloads; name one")
    return str(direction), own, far


def _selects(one: Workload) -> bool:
    return bool(one.name or one.everything or one.pronoun or (one.namespace and not one.cidr))


def _peer(peer: Workload) -> JSON:
    if peer.cidr:
        try:
            ipaddress.ip_network(peer.cidr, strict=False)
        except ValueError as error:
            raise impossible(f"{peer.cidr} is no address range", peer.places) from error
        return {"cidr": peer.cidr}
    if peer.pronoun:
        raise unclear("say the name of the other workload", peer.places)
    found: dict[str, JSON] = {}
    if peer.name:
        found["app"] = workload_name(peer)
    if peer.namespace:
        found["namespace"] = namespace_name(peer.namespace, peer.namespace_places)
    if not found:
        raise unclear("say which pods are meant: a workload, a namespace or an address range", peer.places)
    return found


def _ports(draft: Draft) -> None:
    protocol = draft.scalar("protocol")
    said: list[tuple[Value, Value, Assign]] = []
    for source in draft.all("network_policy.ports[]"):
        parts = inner(source.value)
        own = parts.get("protocol")
        said.append((parts["port"].value, own.value if own else "", source))
    for source in draft.all("ports"):
        if isinstance(source.value, tuple):
            said.extend((number, "", source) for number in source.value if isinstance(number, int))
    if protocol and not said:
        raise unclear("a protocol without a port; say the port")
    ports: list[JSON] = []
    for number, own_protocol, source in said:
        if not isinstance(number, int) or not 1 <= number <= MAX_PORT:
            raise impossible(f"there is no port {number}; say 1 to {MAX_PORT}", places_of((source,)))
        port: dict[str, JSON] = {"port": number}
        if own_protocol or protocol:
            port["protocol"] = str(own_protocol or protocol)
        else:
            draft.assume(f"network_policy.ports[{len(ports)}].protocol", "TCP", "no protocol was said")
        if port not in ports:
            ports.append(port)
    if ports:
        draft.put("network_policy.ports", ports, *(source for _, _, source in said))
