"""mosquitto's configuration and access list, as text. Pure.

They serve as files of their own (`mosquitto -c`) and beside Debian's, which includes `conf.d`: what Debian's own file
says already (persistence and its place, the log, the process file) is said nowhere here, since mosquitto refuses to
start where it is said twice.
"""

from __future__ import annotations

from pathlib import Path

STATION_MAY_WRITE = (
    "state", "birth", "bay/+/state", "bay/+/progress", "alarm/+", "event", "cert/+", "statement/+", "cmd/+/+/status",
    "reported/config",
)  # fmt: skip
STATION_MAY_READ = ("state", "alarm/+", "receipt/+", "cmd/+/+", "desired/config")
FILES = ("mosquitto.conf", "benchwipe.acl", "ca.crt", "broker.crt", "broker.key", "revoked.crl")


def configuration(folder: Path, port: int) -> str:
    """Write mosquitto.conf: TLS 1.3 with client certificates alone; a client's name is its certificate's."""
    return f"""\
# mosquitto for benchwipe, written by `benchwipe-collector broker-config`, which writes it anew when it is run again.
# TLS 1.3 with client certificates only. A client's name is its certificate's common name: nobody can claim another's.
# That name is both user name and client id, so the access list's %u is the station.
listener {port}
tls_version tlsv1.3
cafile {folder}/ca.crt
certfile {folder}/broker.crt
keyfile {folder}/broker.key
crlfile {folder}/revoked.crl
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {folder}/benchwipe.acl

# A certificate has at most 64 KiB, a station's directory 256.
message_size_limit 300000
# The collector acknowledges after COMMIT, two batches of 200 may be on their way; the default of 20 would be its limit.
max_inflight_messages 400
# Without it a receipt waits 40 ms for a TCP acknowledgement.
set_tcp_nodelay true
# Sessions and queued receipts of stations that are away. The broker is no store of certificates: those stay at their
# stations until the collector's receipt.
persistent_client_expiration 7d
autosave_interval 60
"""


def access(intake: str, web: str) -> str:
    """Write the access list: what a station may, by its certificate's name, and what the collector's processes may."""
    stations = [f"pattern write er/1/%u/{suffix}" for suffix in STATION_MAY_WRITE]
    stations += [f"pattern read er/1/%u/{suffix}" for suffix in STATION_MAY_READ]
    live = ("state", "birth", "bay/+/state", "bay/+/progress", "alarm/+")
    lines = [
        "# Who may write and read what, written by `benchwipe-collector broker-config`. What is not allowed is denied.",
        "# %u is the common name of the client's certificate. Stations: their own subtree, line by line.",
        *stations,
        "pattern read er/1/$collector/+",
        "",
        "# The collector's intake.",
        f"user {intake}",
        *(f"topic read er/1/+/{suffix}" for suffix in ("cert/+", "statement/+", "event")),
        "topic write er/1/+/receipt/+",
        f"topic write er/1/$collector/{intake}",
        "",
        "# Its pages, which listen.",
        f"user {web}",
        *(f"topic read er/1/+/{suffix}" for suffix in live),
        "topic read er/1/$collector/+",
        "",
        "# The controller role: the only one that writes commands and configurations.",
        "user controller",
        *(f"topic write er/1/+/{suffix}" for suffix in ("cmd/+/+", "desired/config")),
        *(f"topic read er/1/+/{suffix}" for suffix in ("cmd/+/+/status", "reported/config")),
    ]
    return "\n".join(lines) + "\n"
