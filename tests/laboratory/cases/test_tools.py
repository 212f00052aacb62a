"""What hdparm, sg3_utils and nvme-cli put on the wire is, byte for byte, what our builders make of the same wish.

The modelled drives keep every command as it arrived: the tools are believed by what they sent, not by what they print.
"""

from __future__ import annotations

from firmware_bridge import ata, nvme, sat, scsi
from firmware_bridge.ata import TaskFile
from firmware_bridge.nvme import AdminCommand, Namespace
from tests.laboratory.models.ata import ALL_FEATURES, OLD_FEATURES, AtaDrive
from tests.laboratory.models.medium import Medium
from tests.laboratory.models.nvme import NvmeDrive
from tests.laboratory.models.sas import SasDrive
from tests.laboratory.models.sat import SatTarget
from tests.laboratory.rig import Rig

SIZE = 1 << 20
YES = "hdparm --yes-i-know-what-i-am-doing"
PASSWORD = b"a password"
SECURITY = f"{YES} --user-master u"


def test_hdparm(rig: Rig) -> None:
    target = SatTarget(AtaDrive(Medium(SIZE), features=ALL_FEATURES | OLD_FEATURES))
    device = rig.dock(1, target)
    plain = ata.password_block(PASSWORD)
    wishes: list[tuple[str, TaskFile, bytes]] = [
        (f"{YES} --sanitize-status", ata.SANITIZE_STATUS, b""),
        (f"{YES} --sanitize-block-erase", ata.sanitize("block"), b""),
        (f"{YES} --sanitize-crypto-scramble", ata.sanitize("crypto"), b""),
        (
            f"{YES} --sanitize-overwrite-passes 1 --sanitize-overwrite hex:12345678",
            ata.sanitize("overwrite", pattern=0x12345678),
            b"",
        ),
        ("hdparm -I", ata.IDENTIFY_DEVICE, b""),
        ("hdparm -N", ata.GET_NATIVE_MAX_EXT, b""),
        ("hdparm --dco-identify", ata.DCO_IDENTIFY, b""),
        (f"{SECURITY} --security-set-pass '{PASSWORD.decode()}'", ata.security("set-password"), plain),
        (f"{SECURITY} --security-unlock '{PASSWORD.decode()}'", ata.security("unlock"), plain),
        (f"{SECURITY} --security-disable '{PASSWORD.decode()}'", ata.security("disable-password"), plain),
        (f"{SECURITY} --security-set-pass '{PASSWORD.decode()}'", ata.security("set-password"), plain),
        (f"{SECURITY} --security-erase '{PASSWORD.decode()}'", ata.security("erase-unit"), plain),
        (f"{SECURITY} --security-set-pass '{PASSWORD.decode()}'", ata.security("set-password"), plain),
        (f"{SECURITY} --security-erase-enhanced '{PASSWORD.decode()}'", ata.ERASE_PREPARE, b""),
        (
            f"{SECURITY} --security-erase-enhanced '{PASSWORD.decode()}'",
            ata.security("erase-unit"),
            ata.password_block(PASSWORD, enhanced=True),
        ),
    ]
    for command, task, data in wishes:
        before = len(target.log)
        said = rig.machine.sh(f"{command} {device} 2>&1").out
        arrived = [(found.cdb, found.data) for found in target.log[before:] if found.cdb[0] == sat.PASS_THROUGH_16]
        assert (sat.pass_through_16(task), data) in arrived, f"{command}: {said}\n{arrived}"


def test_sg3_utils(rig: Rig) -> None:
    target = SasDrive(Medium(SIZE))
    device = rig.sas("bay1", target)
    rig.machine.sh("printf '\\1\\2\\3\\4' >/tmp/pattern").checked()
    pattern = scsi.overwrite_list(b"\1\2\3\4")
    raw = scsi.sanitize("block").hex(" ")
    wishes: list[tuple[str, bytes, bytes]] = [
        ("sg_sanitize --block --early --quick", scsi.sanitize("block"), b""),
        ("sg_sanitize --crypto --early --quick", scsi.sanitize("crypto"), b""),
        (
            "sg_sanitize --overwrite --early --quick --count 1 --pattern /tmp/pattern",
            scsi.sanitize("overwrite", listed=len(pattern)),
            pattern,
        ),
        ("sg_sanitize --fail --early", scsi.sanitize("exit-failure"), b""),
        ("sg_requests --desc", scsi.request_sense(), b""),
        ("sg_inq --len 96", scsi.inquiry(), b""),
        ("sg_vpd --page 0xb1", scsi.inquiry_page(0xB1), b""),
        ("sg_readcap --long", scsi.read_capacity_16(), b""),
    ]
    for command, cdb, data in wishes:
        before = len(target.log)
        said = rig.machine.sh(f"{command} {device} 2>&1").out
        arrived = [(found.cdb, found.data) for found in target.log[before:]]
        assert (cdb, data) in arrived, f"{command}: {said}\n{arrived}"
    before = len(target.log)
    rig.machine.sh(f"sg_raw {device} {raw}").checked()
    assert scsi.sanitize("block") in [found.cdb for found in target.log[before:]]


def test_nvme_cli(rig: Rig) -> None:
    drive = NvmeDrive(Medium(SIZE))
    space = rig.nvme(drive)
    controller = space.rpartition("n")[0]
    only = Namespace(
        blocks=0,
        block_bytes=512,
        metadata_bytes=0,
        format_index=0,
        metadata_inline=False,
        protection=0,
        protection_first=False,
    )
    wishes: list[tuple[str, AdminCommand]] = [
        (f"nvme sanitize {controller} --sanact=2", nvme.sanitize("block")),
        (
            f"nvme sanitize {controller} --sanact=3 --owpass=1 --ovrpat=0x12345678",
            nvme.sanitize("overwrite", pattern=0x12345678),
        ),
        (f"nvme sanitize {controller} --sanact=4", nvme.sanitize("crypto")),
        (f"nvme sanitize {controller} --sanact=1", nvme.sanitize("exit-failure")),
        (f"nvme format {space} --ses=1 --force", nvme.format_nvm(1, only, erase="user-data")),
        (f"nvme format {space} --ses=2 --force", nvme.format_nvm(1, only, erase="crypto")),
        (f"nvme id-ctrl {controller}", nvme.identify_controller()),
        (f"nvme id-ns {space}", nvme.identify_namespace(1)),
        (f"nvme list-ns {controller}", nvme.namespace_list()),
    ]
    for command, ours in wishes:
        before = len(drive.log)
        said = rig.machine.sh(f"{command} 2>&1").out
        arrived = [(found.opcode, found.nsid, found.cdw10, found.cdw11) for found in drive.log[before:]]
        assert (ours.opcode, ours.nsid, ours.cdw10, ours.cdw11) in arrived, f"{command}: {said}\n{arrived}"
    before = len(drive.log)
    rig.machine.sh(f"nvme sanitize-log {controller}").checked()
    # nvme-cli asks for all namespaces and we for none: the log is the subsystem's, and both are allowed (5.16.1.19).
    assert nvme.sanitize_log().cdw10 in [found.cdw10 for found in drive.log[before:] if found.opcode == 0x02]
