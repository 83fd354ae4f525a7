"""Environments of the sandbox and of a production service."""

from __future__ import annotations

import base64
import json

from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES

SECRETS = {
    "MONGO_URL": "mongodb://seats:mongo-secret@db.example/?replicaSet=rs0",
    "REDIS_URL": "redis://:redis-secret@cache.example/0",
    "ENCRYPTION_KEYS": "1:" + base64.b64encode(b"data-key-of-thirty-two-bytes-123").decode(),
}
SANDBOX = {**SECRETS, "SANDBOX": "1"}
REAL = {
    **SECRETS,
    "PUBLIC_BASE_URL": "https://seats.example.edu/",
    "WECHAT_APPID": "wx5e1f0a9b8c7d6e5f",
    "WECHAT_SECRET": "wechat-secret",
    "WECHAT_TEMPLATES": json.dumps(SANDBOX_TEMPLATES),
    "CAS_BASE_URL": "https://cas.example.edu/cas",
}
