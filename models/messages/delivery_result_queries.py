"""The updates that store the results of delivery attempts; one update stores many results."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import UpdateMany

from models.messages.entities import DeliveryResult, DeliveryState
from models.storage.mongo import Document


def unknown_attempts(row: Document) -> int:
    """The number of earlier attempts with an unknown outcome, such as those with expired leases."""
    unknown: int = row.get("unknown", 0)
    return unknown + int(row["state"] == DeliveryState.SENDING.value)


def settling(same: Sequence[DeliveryResult]) -> UpdateMany:
    """The update that stores results which are equal except for their delivery."""
    o, ids = same[0], [o.delivery.id for o in same]
    held: Document = {
        "_id": {"$in": ids},
        "state": DeliveryState.SENDING.value,
        "attempts": o.delivery.attempts,
    }
    if o.state is DeliveryState.SENT:
        return UpdateMany(held, _sent(same, ids))
    fields: Document = {"state": o.state.value, "lease_until": None}
    if o.due is None:
        fields["open"] = False
    else:
        fields |= {"due": o.due, "without_page": o.omit_page or o.delivery.omit_page}
    update: Document = {"$set": fields}
    if o.reason is not None:
        fields["reason"] = o.reason
    elif o.state is not DeliveryState.EXPIRED:
        update["$unset"] = {"reason": ""}
    if o.unknown:
        update["$inc"] = {"unknown": 1}
    if o.code is not None:
        update["$push"] = {"codes": o.code}
    return UpdateMany(held, update)


def _sent(same: Sequence[DeliveryResult], ids: Sequence[str]) -> list[Document]:
    """The update that stores deliveries as sent, or as failed if WeChat has reported a failure."""
    names, code = [o.msgid for o in same], same[0].code
    place: Document = {"$indexOfArray": [{"$literal": ids}, "$_id"]}
    mine: Document = {"$arrayElemAt": [{"$literal": names}, place]}
    late: Document = {
        "$first": {
            "$filter": {
                "input": {"$ifNull": ["$late", []]},
                "cond": {"$in": [mine, ["$$this.msgid", None]]},
            }
        }
    }
    failed: Document = {"$ne": [{"$type": "$failure"}, "missing"]}
    codes: Document = {"$concatArrays": ["$codes", [] if code is None else [code]]}
    return [
        {
            "$set": {
                "msgid": mine,
                "sent_at": "$$NOW",
                "failure": late,
                "lease_until": None,
                "open": False,
            }
        },
        {
            "$set": {
                "state": {"$cond": [failed, DeliveryState.FAILED.value, DeliveryState.SENT.value]},
                "codes": {"$cond": [failed, {"$concatArrays": [codes, ["$failure.code"]]}, codes]},
                "words": {"$cond": [failed, "$failure.words", "$$REMOVE"]},
            }
        },
        {"$unset": ["failure", "late", "reason"]},
    ]
