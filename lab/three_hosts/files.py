"""The files of three hosts, as docs/deployment.md says them."""

from __future__ import annotations

import base64
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.chaos.hosts import ROOT
from lab.chaos.replica_set import ChaosError

HOSTS: Final = (1, 2, 3)
NAME: Final = "seats.lib.example.edu.cn"
READERS: Final = "10.0.0.2"
SHARED: Final = "10.0.0.10"
"""The address that readers use, on one host at a time."""
AUTHORITY: Final = "ca.pem"
SET_SETTINGS: Final[Mapping[str, int]] = {
    "chainingAllowed": False,
    "electionTimeoutMillis": 5000,
    "catchUpTimeoutMillis": 1000,
}
"""The settings of the recipe's replica set that differ from MongoDB's defaults."""
_DOMAIN: Final = "lib.example.edu.cn"
_MONGOD: Final = """
net:
  bindIp: 127.0.0.1,{member}
  tls: {{ mode: requireTLS, certificateKeyFile: /etc/mongodb/{own}.pem, CAFile: /etc/mongodb/ca.pem, allowConnectionsWithoutCertificates: true }}
security: {{ authorization: enabled, keyFile: /etc/mongodb/keyfile }}
replication: {{ replSetName: seats, oplogSizeMB: 64 }}
setParameter:
  minSnapshotHistoryWindowInSeconds: 3600
  oplogFetcherSteadyStateMaxFetcherRestarts: 0
  diagnosticDataCollectionEnabled: false
storage:
  dbPath: {disk}
  wiredTiger: {{ engineConfig: {{ cacheSizeGB: 0.25, configString: "log=(prealloc=false,file_max=8MB)" }} }}
"""  # noqa: E501
_VALKEY: Final = """
bind 0.0.0.0
port 0
tls-port 6379
tls-cert-file /etc/valkey/seats.pem
tls-key-file /etc/valkey/seats.pem
tls-auth-clients no
requirepass {password}
save ""
"""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The passwords of an installation, and the keys of its data and backups."""

    admin: str
    seats: str
    redis: str
    encryption: str
    recipient: str


def address(number: int) -> str:
    """The host's own address."""
    return f"10.0.0.1{number}"


def member(number: int) -> str:
    """The name of the host and of its member of the replica set."""
    return f"m{number}.{_DOMAIN}"


def home(folder: Path, number: int) -> Path:
    """The host's own folder, with ``etc``, ``disk`` and ``log``."""
    return folder / f"host{number}"


def lay_out_names(file: Path) -> None:
    """Writes the names of all hosts, as /etc/hosts or a campus's DNS has them."""
    names = {SHARED: NAME, **{address(number): member(number) for number in HOSTS}}
    lines = ["127.0.0.1 localhost", *(f"{where} {name}" for where, name in names.items())]
    file.write_text("\n".join(lines) + "\n")


def lay_out(folder: Path) -> Secrets:
    """Writes the certificates and each host's files below ``folder``."""
    authority = folder / "authority"
    authority.mkdir()
    (folder / "backups").mkdir()
    _openssl(authority, "req", "-x509", *_NEW_KEY, "-days", "3650", "-subj", "/CN=library",
             "-addext", "keyUsage=critical,keyCertSign", "-keyout", "ca.key", "-out", AUTHORITY,
    )  # fmt: skip
    for own, name in {"seats": NAME, **{f"m{n}": member(n) for n in HOSTS}}.items():
        _certify(authority, own, name)
    private, recipient = _backup_keys(authority)
    (folder / "seats-backup.key").write_text(private)
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    admin, seats, redis = (secrets.token_hex(16) for _ in range(3))
    hidden = Secrets(admin, seats, redis, f"1:{key}", recipient)
    member_key = base64.b64encode(secrets.token_bytes(567)).decode()
    for number in HOSTS:
        _write_host(home(folder, number), authority, number, hidden, member_key)
    return hidden


def settings(hidden: Secrets, authority: str) -> dict[str, str]:
    """The settings that all hosts have; ``authority`` is the file of its certificate."""
    members = ",".join(member(number) for number in HOSTS)
    set_of = f"replicaSet=seats&authSource=admin&tls=true&tlsCAFile={authority}"
    return {
        "PUBLIC_BASE_URL": f"https://{NAME}",
        "MONGO_URL": f"mongodb://seats:{hidden.seats}@{members}/?{set_of}",
        "REDIS_URL": f"rediss://:{hidden.redis}@{NAME}:6379/0?ssl_ca_certs={authority}",
        "ENCRYPTION_KEYS": hidden.encryption,
        "CAS_BASE_URL": "https://cas.example.edu.cn/cas",
        "TRUSTED_PROXIES": ",".join(address(number) for number in HOSTS),
        "MONITORS": ",".join(["127.0.0.1", READERS, *(address(number) for number in HOSTS)]),
        "BACKUP_TO": "/mnt/backup/seats",
        "BACKUP_RECIPIENTS": hidden.recipient,
        "LOG_LEVEL": "WARNING",
    }


# A certificate and its key, as the recipe makes them.
_NEW_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _certify(authority: Path, own: str, name: str) -> None:
    _openssl(authority, "req", *_NEW_KEY, "-subj", f"/CN={name}", "-addext",
             f"subjectAltName=DNS:{name}", "-keyout", f"{own}.key", "-out", f"{own}.csr",
    )  # fmt: skip
    _openssl(authority, "x509", "-req", "-in", f"{own}.csr", "-CA", AUTHORITY, "-CAkey", "ca.key",
             "-copy_extensions", "copyall", "-days", "825", "-out", f"{own}.crt",
    )  # fmt: skip


def _openssl(folder: Path, *words: str) -> None:
    done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=False)
    if done.returncode != 0:
        raise ChaosError(f"openssl {words[0]}: {done.stderr.decode().strip()}")


def _backup_keys(folder: Path) -> tuple[str, str]:
    """A private key of backups, and its public one."""
    made = subprocess.run(["age-keygen"], cwd=folder, capture_output=True, text=True, check=False)
    public = re.search(r"age1\w+", made.stdout)
    if public is None:
        raise ChaosError(f"age-keygen: {made.stderr.strip()}")
    return made.stdout, public[0]


def _write_host(own: Path, authority: Path, number: int, hidden: Secrets, member_key: str) -> None:
    disk = own / "disk"
    for folder in (disk, own / "log", own / "work"):
        folder.mkdir(parents=True)
    name = f"m{number}"
    readers_key, readers_crt, member_key_file, member_crt = (
        (authority / f"{owner}.{kind}").read_text()
        for owner in ("seats", name)
        for kind in ("key", "crt")
    )
    trusted = (authority / AUTHORITY).read_text()
    environment = {**settings(hidden, "/etc/seats/ca.pem"), "HOST": address(number)}
    files: Mapping[str, str] = {
        "mongod.conf": _MONGOD.format(member=member(number), own=name, disk=disk),
        f"mongodb/{name}.pem": member_key_file + member_crt,
        "mongodb/ca.pem": trusted,
        "mongodb/keyfile": member_key,
        "seats/ca.pem": trusted,
        "seats/env": "".join(f"{key}={value}\n" for key, value in environment.items()),
        "ssl/seats/fullchain.pem": readers_crt,
        "ssl/seats/privkey.pem": readers_key,
        "valkey/seats.pem": readers_key + readers_crt,
        "valkey/seats.conf": _VALKEY.format(password=hidden.redis),
        "nginx/conf.d/seats.conf": nginx_configuration(),
        "keepalived/keepalived.conf": keepalived_configuration(number),
    }
    for path, text in files.items():
        file = own / "etc" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if path.startswith(("mongodb/", "seats/")):
            file.chmod(0o600)
    lay_out_names(own / "etc" / "hosts")
    shutil.copy(ROOT / "deploy" / "seats-check", own / "etc" / "keepalived")
    # One program that checks a file or serves, by the name it is called with.
    (own / "valkey-server").symlink_to(shutil.which("valkey-check-rdb") or "")


def nginx_configuration() -> str:
    """deploy/nginx.conf with the three hosts."""
    text = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    line = re.search(r"    server 127\.0\.0\.1:8080( [^;]*;)\n", text)
    assert line is not None
    servers = "".join(f"    server {address(number)}:8080{line[1]}\n" for number in HOSTS)
    return text.replace(line[0], servers)


def keepalived_configuration(number: int) -> str:
    """deploy/keepalived.conf with the marked places of this host."""
    text = (ROOT / "deploy" / "keepalived.conf").read_text("utf-8")
    others = [other for other in HOSTS if other != number]
    for before, after in (
        (f"seats-check {' '.join(map(address, HOSTS))}",
         f"seats-check {' '.join(map(address, [number, *others]))}"),
        ("priority 103", f"priority {104 - number}"),
        (f"unicast_src_ip {address(1)}", f"unicast_src_ip {address(number)}"),
        ("".join(f"        {address(n)}\n" for n in (2, 3)),
         "".join(f"        {address(n)}\n" for n in others)),
    ):  # fmt: skip
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text
