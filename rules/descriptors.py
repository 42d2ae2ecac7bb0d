"""Shapes as protobuf messages, the one way by which CEL knows fields and their types when it checks.

Only checking uses them: what is evaluated are plain maps, where a field that is not there is an error and not
a zero.
"""

from __future__ import annotations

from collections.abc import Mapping

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, struct_pb2, timestamp_pb2

from rules.shapes import Kind, ListOf, MapOf, Record, Scalar, Shape

PACKAGE = "conductor"

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    Kind.STRING: _FIELD.TYPE_STRING,
    Kind.INT: _FIELD.TYPE_INT64,
    Kind.DOUBLE: _FIELD.TYPE_DOUBLE,
    Kind.BOOL: _FIELD.TYPE_BOOL,
}
_WELL_KNOWN = {Kind.TIMESTAMP: ".google.protobuf.Timestamp", Kind.DYN: ".google.protobuf.Value"}
_VARIABLES = {
    Kind.STRING: cel.Type.STRING,
    Kind.INT: cel.Type.INT,
    Kind.DOUBLE: cel.Type.DOUBLE,
    Kind.BOOL: cel.Type.BOOL,
    Kind.TIMESTAMP: cel.Type.TIMESTAMP,
    Kind.DYN: cel.Type.DYN,
}


def message_name(record: str) -> str:
    """Returns the message that stands for a record: `action.autoscale` is `conductor.action_autoscale`."""
    return f"{PACKAGE}.{record.replace('.', '_')}"


def declare(
    variables: Mapping[str, Shape],
) -> tuple[descriptor_pool.DescriptorPool, dict[str, cel.Type], dict[str, Record]]:
    """Returns the pool with a message for each record, the CEL type of each variable, and the records.

    The records are by the name of their message, to say in a person's words what CEL finds wrong.
    """
    file = descriptor_pb2.FileDescriptorProto(name="conductor.proto", package=PACKAGE, syntax="proto3")
    file.dependency.extend(["google/protobuf/struct.proto", "google/protobuf/timestamp.proto"])
    records: dict[str, Record] = {}
    for shape in variables.values():
        _add_records(file, shape, records)
    pool = descriptor_pool.DescriptorPool()
    for module in (struct_pb2, timestamp_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool, {name: _variable(shape) for name, shape in variables.items()}, records


def _variable(shape: Shape) -> cel.Type:
    if isinstance(shape, Record):
        return cel.Type(message_name(shape.name))
    return _VARIABLES[shape.kind] if isinstance(shape, Scalar) else cel.Type.DYN


def _add_records(file: descriptor_pb2.FileDescriptorProto, shape: Shape, records: dict[str, Record]) -> None:
    if isinstance(shape, ListOf):
        _add_records(file, shape.item, records)
    elif isinstance(shape, MapOf):
        _add_records(file, shape.value, records)
    elif isinstance(shape, Record):
        records[message_name(shape.name)] = shape
        message = file.message_type.add(name=message_name(shape.name).removeprefix(f"{PACKAGE}."))
        for number, (name, member) in enumerate(shape.members.items(), start=1):
            _add_field(message, name, number, member.shape)
            _add_records(file, member.shape, records)


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, number: int, shape: Shape) -> None:
    added = message.field.add(name=name, number=number, label=_FIELD.LABEL_OPTIONAL)
    if isinstance(shape, ListOf):
        added.label = _FIELD.LABEL_REPEATED
        _set_type(added, shape.item)
    elif isinstance(shape, MapOf):
        entry = message.nested_type.add(name=_entry_name(name))
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL)
        value = entry.field.add(name="value", number=2, label=_FIELD.LABEL_OPTIONAL)
        _set_type(value, shape.value)
        added.label = _FIELD.LABEL_REPEATED
        added.type = _FIELD.TYPE_MESSAGE
        added.type_name = f".{PACKAGE}.{message.name}.{entry.name}"
    else:
        _set_type(added, shape)
        if added.type != _FIELD.TYPE_MESSAGE:
            added.proto3_optional = True
            added.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{name}")


def _entry_name(field: str) -> str:
    """Returns the name that protobuf demands of the entries of a map: `config_maps` is `ConfigMapsEntry`."""
    return "".join(part[:1].upper() + part[1:] for part in field.split("_")) + "Entry"


def _set_type(added: descriptor_pb2.FieldDescriptorProto, shape: Shape) -> None:
    if isinstance(shape, Scalar) and shape.kind in _SCALARS:
        added.type = _SCALARS[shape.kind]
        return
    added.type = _FIELD.TYPE_MESSAGE
    if isinstance(shape, Record):
        added.type_name = f".{message_name(shape.name)}"
    else:
        added.type_name = _WELL_KNOWN[shape.kind if isinstance(shape, Scalar) else Kind.DYN]
