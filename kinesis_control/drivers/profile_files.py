"""The published files of the valve-bank profile, made from the records themselves: ESI for EtherCAT masters, DBC for CAN tools.

python -m kinesis_control.drivers.profile_files      # writes kinesis_control/drivers/data
"""

import json
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from kinesis_control.drivers.codecs import can_fd
from kinesis_control.drivers.codecs.valve_bank import BANK_PRODUCT, COMMAND, HUB, HUB_PRODUCT, REVISION, STATE, VENDOR_ID
from kinesis_control.safety.robot_limits_file import schema

FOLDER = Path(__file__).parent / "data"
_ESI_TYPES = {"|u1": ("USINT", 8), "<u2": ("UINT", 16), "<u4": ("UDINT", 32), "|i1": ("SINT", 8), "<i2": ("INT", 16), "<i4": ("DINT", 32)}


def elements(record: np.dtype) -> list[tuple[str, int, str, int, int]]:
    """Every element of a record: name, byte offset, type, number of the field, number within it."""
    out = []
    for number, (name, field) in enumerate((record.fields or {}).items()):
        base, shape = field[0].subdtype or (field[0], ())
        count = int(np.prod(shape, dtype=int))
        for k in range(count):
            out.append((f"{name}_{k}" if shape else name, field[1] + k * base.itemsize, base.str, number, k))
    return out


def esi() -> str:
    """EtherCAT slave information, for both devices."""
    devices = _device("KinesisValveBank", BANK_PRODUCT, COMMAND, STATE) + _device("KinesisSensorHub", HUB_PRODUCT, None, HUB)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<!-- Valve-bank profile of Kinesis. The vendor id is not a registered one: for test devices. Made by kinesis_control.drivers.profile_files. -->\n"
        '<EtherCATInfo Version="1.6">\n'
        f"  <Vendor><Id>#x{VENDOR_ID:08X}</Id><Name>Kinesis (unregistered)</Name></Vendor>\n"
        "  <Descriptions>\n"
        "    <Groups><Group><Type>ValveBank</Type><Name>Valve banks</Name></Group></Groups>\n"
        f"    <Devices>\n{devices}    </Devices>\n  </Descriptions>\n</EtherCATInfo>\n"
    )


def _device(name: str, product: int, outputs: np.dtype | None, inputs: np.dtype) -> str:
    rx = "" if outputs is None else _pdo("RxPdo", 0x1600, 0x7000, 0, outputs)
    managers = "" if outputs is None else f'        <Sm StartAddress="#x1000" ControlByte="#x64" DefaultSize="{outputs.itemsize}" Enable="1">Outputs</Sm>\n'
    managers += f'        <Sm StartAddress="#x1800" ControlByte="#x20" DefaultSize="{inputs.itemsize}" Enable="1">Inputs</Sm>\n'
    fmmu = ("" if outputs is None else "        <Fmmu>Outputs</Fmmu>\n") + "        <Fmmu>Inputs</Fmmu>\n"
    tx = _pdo("TxPdo", 0x1A00, 0x6000, 0 if outputs is None else 1, inputs)
    return (
        '      <Device Physics="YY">\n'
        f'        <Type ProductCode="#x{product:08X}" RevisionNo="#x{REVISION:08X}">{escape(name)}</Type>\n'
        f"        <Name>{escape(name)}</Name>\n        <GroupType>ValveBank</GroupType>\n{fmmu}{managers}{rx}{tx}      </Device>\n"
    )


def _pdo(tag: str, index: int, objects: int, manager: int, record: np.dtype) -> str:
    rows = ""
    for name, _, kind, number, k in elements(record):
        type_name, bits = _ESI_TYPES[kind]
        rows += (
            f"          <Entry><Index>#x{objects + number:04X}</Index><SubIndex>{k + 1}</SubIndex><BitLen>{bits}</BitLen>"
            f"<Name>{name}</Name><DataType>{type_name}</DataType></Entry>\n"
        )
    title = "Command" if tag == "RxPdo" else "State"
    return f'        <{tag} Fixed="1" Mandatory="1" Sm="{manager}">\n          <Index>#x{index:04X}</Index><Name>{title}</Name>\n{rows}        </{tag}>\n'


def dbc() -> str:
    """CAN database, for the first bank and the first hub of a bus; identifiers of the others follow by the rule of the profile."""
    head = 'VERSION "1"\n\nNS_ :\n\nBS_:\n\nBU_: Driver Bank Hub\n\n'
    rule = f"command 0x100 + bank, state 0x200 + 2 bank + part, hub 0x400 + 8 hub + part; up to {can_fd.BANKS_PER_BUS} banks a bus."
    note = f'CM_ "Valve-bank profile of Kinesis: {rule}";\n'
    messages = [
        ("BankCommand", can_fd.COMMAND_FRAME, COMMAND, "Driver", 1),
        ("BankState", can_fd.STATE_FRAME, STATE, "Bank", 2),
        ("Hub", can_fd.HUB_FRAME, HUB, "Hub", 4),
    ]
    body, ids = "", []
    for name, base, record, sender, parts in messages:
        for part in range(parts):
            title = f"{name}_{part}" if parts > 1 else name
            body += _message(title, base + part, record, sender, part)
            ids.append(base + part)
    attributes = 'BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG",'
    attributes += ",".join(['"reserved"'] * 10) + ',"StandardCAN_FD","ExtendedCAN_FD";\nBA_DEF_DEF_ "VFrameFormat" "StandardCAN";\n'
    attributes += "".join(f'BA_ "VFrameFormat" BO_ {identifier} 14;\n' for identifier in ids)
    return head + body + note + attributes


def _message(title: str, identifier: int, record: np.dtype, sender: str, part: int) -> str:
    begin, end = part * can_fd.PAYLOAD, min((part + 1) * can_fd.PAYLOAD, record.itemsize)
    length = len(can_fd.padded(bytes(end - begin)))
    rows = f"BO_ {identifier} {title}: {length} {sender}\n"
    receiver = "Bank" if sender == "Driver" else "Driver"
    for name, offset, kind, _, _ in elements(record):
        bits = _ESI_TYPES[kind][1]
        if offset < begin or offset + bits // 8 > end:
            continue
        sign = "-" if kind[1] == "i" else "+"
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if sign == "-" else (0, (1 << bits) - 1)
        rows += f' SG_ {name} : {8 * (offset - begin)}|{bits}@1{sign} (1,0) [{low}|{high}] "" {receiver}\n'
    return rows + "\n"


def contents() -> dict[str, str]:
    """Every published file by name."""
    return {"valve_bank.esi.xml": esi(), "valve_bank.dbc": dbc(), "robot_limits.schema.json": json.dumps(schema(), indent=2) + "\n"}


def main() -> None:
    """Write them."""
    for name, text in contents().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
