"""The data dictionary of the function modules: structures, interfaces, lengths.

Field names follow the published BAPI interfaces as far as they are known; every structure is cut
down to what a services firm's integration uses. Unverified against a live system: lengths of
BAPIPAREX parts and the HR interface. Customer fields (ZZ…) travel in EXTENSIONIN as usual.

Kinds: C text, N digits, D day, I integer, P amount or quantity with decimals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

NAMESPACE = "urn:sap-com:document:sap:rfc:functions"
Kind = Literal["C", "N", "D", "I", "P"]
_TYPE = re.compile(r"([CNDIP])(\d*)(?:\.(\d))?\Z")


@dataclass(frozen=True, slots=True)
class Elementary:
    """A type without parts: kind, length in characters or digits, decimal places."""

    kind: Kind
    length: int
    decimals: int = 0

    @property
    def xsd_name(self) -> str:
        """The simple type's name as SAP names it in a WSDL: `char10`, `numeric8`, `decimal23.4`, `date10`."""
        if self.kind == "D":
            return "date10"
        if self.kind == "I":
            return "int"
        word = {"C": "char", "N": "numeric", "P": "decimal"}[self.kind]
        return f"{word}{self.length}" + (f".{self.decimals}" if self.kind == "P" else "")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function: elementary, a structure, or a table of a structure."""

    name: str
    type: str
    """Name of a structure; empty when `elementary` says what it is."""
    elementary: Elementary | None = None
    table: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A remote-enabled function module. Tables go in and come back."""

    name: str
    imports: tuple[Parameter, ...]
    exports: tuple[Parameter, ...]
    tables: tuple[Parameter, ...]

    def accepts(self, name: str) -> Parameter | None:
        """The parameter a caller may send under a name."""
        return next((part for part in (*self.imports, *self.tables) if part.name == name), None)


def elementary(text: str) -> Elementary:
    """Reads `C10`, `N6`, `D`, `I` or `P23.4`."""
    found = _TYPE.match(text)
    assert found is not None, text
    kind, length, decimals = found.groups()
    defaults = {"D": "10", "I": "11"}
    return Elementary(kind, int(length or defaults[kind]), int(decimals or 0))  # type: ignore[arg-type]


def _fields(text: str) -> dict[str, Elementary]:
    return {name: elementary(kind) for name, kind in (part.split() for part in text.split(","))}


STRUCTURES: dict[str, dict[str, Elementary]] = {
    "BAPIRET2": _fields(
        "TYPE C1, ID C20, NUMBER N3, MESSAGE C220, LOG_NO C20, LOG_MSG_NO N6, MESSAGE_V1 C50, MESSAGE_V2 C50,"
        "MESSAGE_V3 C50, MESSAGE_V4 C50, PARAMETER C32, ROW I, FIELD C30, SYSTEM C10"
    ),
    "BAPIPAREX": _fields("STRUCTURE C30, VALUEPART1 C240, VALUEPART2 C240, VALUEPART3 C240, VALUEPART4 C240"),
    "BAPIKNA106": _fields(
        "NAME C40, NAME_2 C40, NAME_3 C40, NAME_4 C40, CITY C40, POSTL_COD1 C10, STREET C60, COUNTRY C3,"
        "COUNTRYISO C2, LANGU_ISO C2, CURRENCY C5, CURRENCY_ISO C3, E_MAIL C241"
    ),
    "BAPIKNA102": _fields("SALESORG C4, DISTR_CHAN C2, DIVISION C2, REF_CUSTMR C10"),
    "BAPISDHD1": _fields(
        "DOC_TYPE C4, SALES_ORG C4, DISTR_CHAN C2, DIVISION C2, CT_VALID_F D, CT_VALID_T D, PURCH_NO_C C35,"
        "CURRENCY C5, REASON_REJ C2"
    ),
    "BAPISDITM": _fields(
        "ITM_NUMBER N6, MATERIAL C18, SHORT_TEXT C40, ITEM_CATEG C4, TAX_CODE C2, TARGET_VAL P23.4, REASON_REJ C2"
    ),
    "BAPIPARNR": _fields("PARTN_ROLE C2, PARTN_NUMB C10"),
    "BAPI_PROJECT_DEFINITION": _fields(
        "PROJECT_DEFINITION C24, DESCRIPTION C40, COMP_CODE C4, PROJECT_CURRENCY C5, START D, FINISH D,"
        "SYSTEM_STATUS C4, DELETION_FLAG C1"
    ),
    "BAPI_METHOD_PROJECT": _fields("REFNUMBER N6, OBJECTTYPE C70, METHOD C70, OBJECTKEY C90"),
    "BAPI_WBS_MILESTONE": _fields(
        "WBS_ELEMENT C24, DESCRIPTION C40, SALES_DOC C10, ITM_NUMBER N6, AMOUNT P23.4, CURRENCY C5,"
        "ACTUAL_DATE D, PSTNG_DATE D"
    ),
    "BAPIBUSPARTNEREMPLOYE": _fields("CUSTOMER C10, NAME C40, FIRSTNAME C40, E_MAIL C241, FUNCTION C2"),
    "BAPI_BUS2054_NEW": _fields(
        "WBS_ELEMENT C24, DESCRIPTION C40, WBS_ACCOUNT_ASSIGNMENT_ELEMENT C1, WBS_BILLING_ELEMENT C1"
    ),
    "ZCOEXIST_ASSIGNMENT": _fields(
        "ZZEXTID C70, BUKRS C4, BUDAT D, POSID C24, PERNR N8, ZZROLE C32, BEGDA D, ENDDA D, ZZSTUNDEN P10.2"
    ),
    "ZCOEXIST_REVPLAN": _fields(
        "ZZEXTID C70, BUKRS C4, BUDAT D, POSID C24, VBELN C10, POSNR N6, WAERS C5, ZZMETHOD C1"
    ),
    "ZCOEXIST_REVPERIOD": _fields("SPMON N6, WRBTR P23.4"),
    "BAPICONDCT": _fields("OPERATION C3, COND_NO C10, APPLICATIO C2, COND_TYPE C4, VARKEY C100"),
    "BAPICONDIT": _fields(
        "OPERATION C3, COND_NO C10, COND_COUNT N2, VALID_FROM D, VALID_TO D, VARKEY C100, COND_VALUE P28.9,"
        "CONDCURR C5, COND_UNIT C3"
    ),
    "BAPIKNUMHS": _fields("COND_NO_OLD C10, COND_NO_NEW C10"),
    "PPROP": _fields(
        "INFTY N4, SUBTY C4, BEGDA D, ENDDA D, SEQNR N3, FNAME C30, FVAL C255",
    ),
    "BAPIVBRK": _fields(
        "SALESORG C4, ORDBILLTYP C4, DOC_NUMBER C10, ITM_NUMBER N6, BILL_DATE D, PRICE_DATE D, SERV_DATE D,"
        "CURRENCY C5"
    ),
    "BAPIVBRKERRORS": _fields("REF_DOC C10, REF_ITEM N6, MESSAGE C220"),
    "BAPIVBRKSUCCESS": _fields("REF_DOC C10, REF_DOC_ITEM N6, BILL_DOC C10, BILL_DOC_ITEM N6"),
    "BAPIVBRKOUT": _fields(
        "BILLINGDOCUMENT C10, BILLINGTYPE C4, COMP_CODE C4, SALES_ORG C4, PAYER C10, BILL_DATE D, NET_DATE D,"
        "CURRENCY C5, NET_VALUE P23.4, TAX_VALUE P23.4, CANCELLED C1, POST_STATUS C1, REF_DOC_NO C16"
    ),
    "BAPI_REF_DOC_RANGE": _fields("SIGN C1, OPTION C2, REF_DOC_LOW C10, REF_DOC_HIGH C10"),
    "BAPIACHE09": _fields(
        "OBJ_TYPE C5, OBJ_KEY C20, OBJ_SYS C10, BUS_ACT C4, USERNAME C12, HEADER_TXT C25, COMP_CODE C4, DOC_DATE D,"
        "PSTNG_DATE D, DOC_TYPE C2, DOC_STATUS C1, REF_DOC_NO C16"
    ),
    "BAPIACGL09": _fields(
        "ITEMNO_ACC N10, GL_ACCOUNT C10, ITEM_TEXT C50, COMP_CODE C4, TAX_CODE C2, COSTCENTER C10, WBS_ELEMENT C24,"
        "ALLOC_NMBR C18, QUANTITY P13.3, BASE_UOM C3"
    ),
    "BAPIACAR09": _fields(
        "ITEMNO_ACC N10, CUSTOMER C10, COMP_CODE C4, PMNTTRMS C4, BLINE_DATE D, ALLOC_NMBR C18, ITEM_TEXT C50"
    ),
    "BAPIACTX09": _fields("ITEMNO_ACC N10, GL_ACCOUNT C10, TAX_CODE C2, ITEMNO_TAX N6"),
    "BAPIACCR09": _fields("ITEMNO_ACC N10, CURR_TYPE C2, CURRENCY C5, AMT_DOCCUR P23.4, AMT_BASE P23.4"),
    "RFC_DB_OPT": _fields("TEXT C72"),
    "RFC_DB_FLD": _fields("FIELDNAME C30, OFFSET N6, LENGTH N6, TYPE C1, FIELDTEXT C60"),
    "TAB512": _fields("WA C512"),
}  # fmt: skip


def _parameters(text: str, *, table: bool = False) -> tuple[Parameter, ...]:
    found = []
    for part in filter(None, (row.strip() for row in text.split(","))):
        name, kind = part.split()
        plain = None if kind in STRUCTURES else elementary(kind)
        found.append(Parameter(name, "" if plain else kind, plain, table))
    return tuple(found)


def _function(name: str, imports: str = "", exports: str = "", tables: str = "") -> Function:
    return Function(name, _parameters(imports), _parameters(exports), _parameters(tables, table=True))


_RETURN = "EXTENSIONIN BAPIPAREX, RETURN BAPIRET2"
FUNCTIONS: dict[str, Function] = {
    row.name: row
    for row in (
        _function("RFC_PING"),
        _function("BAPI_TRANSACTION_COMMIT", "WAIT C1", "RETURN BAPIRET2"),
        _function("BAPI_TRANSACTION_ROLLBACK", "", "RETURN BAPIRET2"),
        _function(
            "RFC_READ_TABLE",
            "QUERY_TABLE C30, DELIMITER C1, NO_DATA C1, ROWSKIPS I, ROWCOUNT I",
            "",
            "OPTIONS RFC_DB_OPT, FIELDS RFC_DB_FLD, DATA TAB512",
        ),
        _function("EDI_DATA_INCOMING", "PATHNAME C255, PORT C10"),
        _function(
            "BAPI_CUSTOMER_CREATEFROMDATA1",
            "PI_COMPANYDATA BAPIKNA106, PI_COPYREFERENCE BAPIKNA102",
            "CUSTOMERNO C10",
            _RETURN,
        ),
        _function(
            "BAPI_CUSTOMER_CHANGEFROMDATA1",
            "CUSTOMERNO C10, PI_COMPANYDATA BAPIKNA106, PI_COPYREFERENCE BAPIKNA102",
            "",
            _RETURN,
        ),
        _function(
            "BAPI_CONTRACT_CREATEFROMDATA",
            "CONTRACT_HEADER_IN BAPISDHD1",
            "SALESDOCUMENT C10",
            f"CONTRACT_ITEMS_IN BAPISDITM, CONTRACT_PARTNERS BAPIPARNR, {_RETURN}",
        ),
        _function(
            "BAPI_CUSTOMERCONTRACT_CHANGE",
            "SALESDOCUMENT C10, CONTRACT_HEADER_IN BAPISDHD1",
            "",
            f"CONTRACT_ITEM_IN BAPISDITM, {_RETURN}",
        ),
        _function(
            "BAPI_PROJECT_MAINTAIN",
            "I_PROJECT_DEFINITION BAPI_PROJECT_DEFINITION",
            "E_PROJECT_DEFINITION C24",
            f"I_METHOD_PROJECT BAPI_METHOD_PROJECT, I_WBS_MILESTONE_TABLE BAPI_WBS_MILESTONE, {_RETURN}",
        ),
        _function("BAPI_PS_INITIALIZATION"),
        _function("BAPI_PS_PRECOMMIT", "", "", "ET_RETURN BAPIRET2"),
        *(
            _function(
                f"BAPI_BUS2054_{method}_MULTI",
                "I_PROJECT_DEFINITION C24",
                "",
                "IT_WBS_ELEMENT BAPI_BUS2054_NEW, EXTENSIONIN BAPIPAREX, ET_RETURN BAPIRET2",
            )
            for method in ("CREATE", "CHANGE")
        ),
        _function(
            "BAPI_BUSPARTNEREMPLOYE_CREATE",
            "PARTNEREMPLOYEEDATA BAPIBUSPARTNEREMPLOYE",
            "PARTNEREMPLOYEEID C10",
            _RETURN,
        ),
        _function(
            "BAPI_BUSPARTNEREMPLOYE_CHANGE",
            "PARTNEREMPLOYEEID C10, PARTNEREMPLOYEEDATA BAPIBUSPARTNEREMPLOYE",
            "",
            _RETURN,
        ),
        _function(
            "Z_COEXIST_ASSIGNMENT_SAVE",
            "IV_ASSIGNMENT C12, IS_ASSIGNMENT ZCOEXIST_ASSIGNMENT",
            "EV_ASSIGNMENT C12",
            "RETURN BAPIRET2",
        ),
        _function(
            "Z_COEXIST_REVPLAN_POST",
            "IS_PLAN ZCOEXIST_REVPLAN",
            "EV_PLAN C10",
            "IT_PERIODS ZCOEXIST_REVPERIOD, RETURN BAPIRET2",
        ),
        _function(
            "BAPI_PRICES_CONDITIONS",
            "",
            "",
            "TI_BAPICONDCT BAPICONDCT, TI_BAPICONDIT BAPICONDIT, TO_BAPIKNUMHS BAPIKNUMHS,"
            "EXTENSIONIN BAPIPAREX, TO_BAPIRET2 BAPIRET2",
        ),
        _function(
            "HR_MAINTAIN_MASTERDATA",
            "PERNR N8, MASSN C2, ACTIO C5",
            "EMPLOYEENUMBER N8",
            "PROPOSED_VALUES PPROP, RETURN BAPIRET2",
        ),
        _function(
            "BAPI_BILLINGDOC_CREATEMULTIPLE",
            "",
            "",
            f"BILLINGDATAIN BAPIVBRK, ERRORS BAPIVBRKERRORS, SUCCESS BAPIVBRKSUCCESS, {_RETURN}",
        ),
        _function(
            "BAPI_BILLINGDOC_GETDETAIL",
            "BILLINGDOCUMENT C10",
            "BILLINGDOCUMENTDETAIL BAPIVBRKOUT",
            "RETURN BAPIRET2",
        ),
        _function(
            "BAPI_BILLINGDOC_GETLIST",
            "",
            "",
            "REFDOCRANGE BAPI_REF_DOC_RANGE, BILLINGDOCUMENTDETAIL BAPIVBRKOUT, RETURN BAPIRET2",
        ),
        _function(
            "BAPI_ACC_DOCUMENT_POST",
            "DOCUMENTHEADER BAPIACHE09",
            "OBJ_TYPE C5, OBJ_KEY C20, OBJ_SYS C10",
            "ACCOUNTGL BAPIACGL09, ACCOUNTRECEIVABLE BAPIACAR09, ACCOUNTTAX BAPIACTX09, CURRENCYAMOUNT BAPIACCR09,"
            "EXTENSION2 BAPIPAREX, RETURN BAPIRET2",
        ),
    )
}
"""Every function module that answers, by name."""
