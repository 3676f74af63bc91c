"""The WSDL of the function modules: document/literal, unqualified elements, as SOAP runtime serves it."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from simulators.erp.sap_ecc.dictionary import NAMESPACE, STRUCTURES, Elementary, Function, Parameter


def wsdl(functions: Sequence[Function], *, service: str, address: str) -> bytes:
    """A WSDL 1.1 document for these functions, with the address they answer at."""
    kinds: dict[str, Elementary] = {}
    types = _types(functions, kinds)
    simple = "".join(_simple(name, kind) for name, kind in kinds.items())
    messages = "".join(
        f'<wsdl:message name="{row.name}{suffix}"><wsdl:part name="parameters" element="tns:{row.name}{suffix}"/>'
        "</wsdl:message>"
        for row in functions
        for suffix in ("", "Response")
    )
    operations = "".join(
        f'<wsdl:operation name="{row.name}"><wsdl:input message="tns:{row.name}"/>'
        f'<wsdl:output message="tns:{row.name}Response"/></wsdl:operation>'
        for row in functions
    )
    bindings = "".join(
        f'<wsdl:operation name="{row.name}"><soap:operation soapAction="{NAMESPACE}:{service}:{row.name}Request"'
        ' style="document"/><wsdl:input><soap:body use="literal"/></wsdl:input>'
        '<wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>'
        for row in functions
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<wsdl:definitions targetNamespace="{NAMESPACE}" xmlns:tns="{NAMESPACE}"'
        ' xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"><wsdl:types>'
        f'<xsd:schema targetNamespace="{NAMESPACE}" elementFormDefault="unqualified"'
        f' attributeFormDefault="qualified">{simple}{types}</xsd:schema></wsdl:types>{messages}'
        f'<wsdl:portType name="{service}">{operations}</wsdl:portType>'
        f'<wsdl:binding name="{service}" type="tns:{service}">'
        '<soap:binding transport="http://schemas.xmlsoap.org/soap/http" style="document"/>'
        f'{bindings}</wsdl:binding><wsdl:service name="{service}">'
        f'<wsdl:port name="{service}" binding="tns:{service}"><soap:address location={quoteattr(address)}/>'
        "</wsdl:port></wsdl:service></wsdl:definitions>"
    ).encode()


def _types(functions: Sequence[Function], kinds: dict[str, Elementary]) -> str:
    structures: dict[str, None] = {}
    tables: dict[str, None] = {}
    elements = []
    for function in functions:
        every = (*function.imports, *function.exports, *function.tables)
        for parameter in every:
            if parameter.type:
                structures[parameter.type] = None
                if parameter.table:
                    tables[parameter.type] = None
        elements.append(_element(function.name, (*function.imports, *function.tables), kinds))
        elements.append(_element(f"{function.name}Response", (*function.exports, *function.tables), kinds))
    rows = [
        f'<xsd:complexType name="{name}"><xsd:sequence>'
        + "".join(_part(field, kind, kinds) for field, kind in STRUCTURES[name].items())
        + "</xsd:sequence></xsd:complexType>"
        for name in structures
    ]
    lists = [
        f'<xsd:complexType name="TABLE_OF_{name}"><xsd:sequence><xsd:element name="item" type="tns:{name}"'
        ' minOccurs="0" maxOccurs="unbounded"/></xsd:sequence></xsd:complexType>'
        for name in tables
    ]
    return "".join((*rows, *lists, *elements))


def _element(name: str, parameters: Sequence[Parameter], kinds: dict[str, Elementary]) -> str:
    parts = []
    for parameter in parameters:
        if parameter.elementary is not None:
            parts.append(_part(parameter.name, parameter.elementary, kinds))
        else:
            kind = f"TABLE_OF_{parameter.type}" if parameter.table else parameter.type
            parts.append(f'<xsd:element name="{parameter.name}" type="tns:{kind}" minOccurs="0"/>')
    return (
        f'<xsd:element name="{name}"><xsd:complexType><xsd:sequence>{"".join(parts)}</xsd:sequence>'
        "</xsd:complexType></xsd:element>"
    )


def _part(name: str, kind: Elementary, kinds: dict[str, Elementary]) -> str:
    if kind.kind == "I":
        return f'<xsd:element name="{name}" type="xsd:int" minOccurs="0"/>'
    kinds[kind.xsd_name] = kind
    return f'<xsd:element name="{name}" type="tns:{kind.xsd_name}" minOccurs="0"/>'


def _simple(name: str, kind: Elementary) -> str:
    if kind.kind == "P":
        facets = f'<xsd:totalDigits value="{kind.length}"/><xsd:fractionDigits value="{kind.decimals}"/>'
        base = "xsd:decimal"
    else:
        pattern = {"N": r"\d*", "D": r"\d\d\d\d-\d\d-\d\d"}.get(kind.kind)
        facets = f'<xsd:maxLength value="{kind.length}"/>'
        facets += f'<xsd:pattern value="{pattern}"/>' if pattern else ""
        base = "xsd:string"
    return f'<xsd:simpleType name="{name}"><xsd:restriction base="{base}">{facets}</xsd:restriction></xsd:simpleType>'
