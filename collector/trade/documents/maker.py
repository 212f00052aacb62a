"""The process that makes a settlement's documents: `python -m collector.trade.documents.maker` < order > documents."""

from __future__ import annotations

import hashlib
import resource
import sys
from pathlib import Path

import msgspec

from agent.certificates import jws
from agent.errors import AgentError
from collector.errors import CollectorError
from collector.intake import signing
from collector.trade import statement
from collector.trade.documents import invoice, table_files
from collector.trade.documents.model import Order
from collector.trade.statement import ALGS, LARGEST_BYTES, TYPE

MEMORY, SECONDS, LARGEST = 2 << 30, 300, 256 << 20


def main() -> int:
    """Make them. Exit status 1 with one line on standard error where that cannot be done."""
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_FSIZE, LARGEST)):
        resource.setrlimit(limit, (most, most))
    try:
        order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Order)
        sys.stdout.buffer.write(msgspec.msgpack.encode(make(order)))
    except (AgentError, CollectorError, msgspec.MsgspecError, ModuleNotFoundError, StopIteration) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def make(order: Order) -> dict[str, bytes]:
    """Sign the document, and make every form of it: kind -> bytes."""
    from collector.trade.documents.page import page
    from collector.trade.documents.signature import sign_pdf

    key = signing.load_or_make(Path(order.keys_dir), "statement")
    alg = next(name for name in ALGS if name == order.alg)
    signed = jws.sign(msgspec.json.encode(order.document), key, typ=TYPE, alg=alg, most=LARGEST_BYTES)
    statement.verify(signed, {jws.thumbprint(key.public_key()): key.public_key()})  # what does not add up is not issued
    csv = table_files.people_csv(order)
    painted = page(order, jws=signed, jws_sha256=hashlib.sha256(signed).hexdigest(), csv=csv)
    found = {
        "jws": signed,
        "csv": csv,
        "machine.csv": table_files.machine_csv(order),
        "xlsx": table_files.workbook(order),
        "pdf": sign_pdf(painted, key, order.seller.name, order.document["issued_at"]),
    }
    if (written := invoice.invoice(order)) is not None:
        found["xml"] = written
    return found


if __name__ == "__main__":
    sys.exit(main())
