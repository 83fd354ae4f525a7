"""Mistakes about the seats that are held for friends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from lab.proof.planted_rules import Around
from lab.proof.simulation import Run
from models.kernel.zone import Zone
from models.parties.service import PartyService
from models.reservation_store.party_mapping import party_document
from models.reservation_store.party_repository import PartyRepository
from models.reservations.claims import party_claim, seat_claims
from models.reservations.entities import Reservation
from models.reservations.party import Party

Replace = Callable[[Zone, Party, Party, Any], Any]


def accepted_by_id_alone(run: Run) -> None:
    """A friend's acceptance changes the party by its ``_id`` alone."""
    for parties in _repositories(run):
        _replace_by(parties, _by_id_alone(parties), parties._replace)


def ended_by_id_alone(run: Run) -> None:
    """A party that was read as open is ended by its ``_id`` alone."""
    for parties in _repositories(run):
        _replace_by(parties, parties._replace, _by_id_alone(parties))


def _replace_by(parties: PartyRepository, accepting: Replace, ending: Replace) -> None:
    async def either(zone: Zone, old: Party, new: Party, session: Any) -> None:
        await (ending if session is None else accepting)(zone, old, new, session)

    setattr(parties, "_replace", either)  # noqa: B010


def _by_id_alone(parties: PartyRepository) -> Replace:
    async def replace(zone: Zone, old: Party, new: Party, session: Any) -> None:
        change = {"$set": party_document(zone, new)}
        await parties._all.find_one_and_update({"_id": old.id}, change, session=session)

    return replace


def accepted_in_two_steps(run: Run) -> None:
    """A party gives an accepted seat back first, and the friend books it in a second step."""
    for parties in _repositories(run):

        async def accept(
            zone: Zone,
            old: Party,
            new: Party,
            booking: Reservation,
            parties: PartyRepository = parties,
        ) -> Party:
            new = await parties.end(zone, old, new)
            await parties._reservations.insert(booking)
            return new

        setattr(parties, "accept", accept)  # noqa: B010


def end_gives_all_seats_back(run: Run) -> None:
    """The end of a party gives all of its seats back, also those that friends have accepted."""
    for parties in _repositories(run):
        end = parties.end

        async def end_all(
            zone: Zone,
            old: Party,
            new: Party,
            parties: PartyRepository = parties,
            end: Callable[[Zone, Party, Party], Any] = end,
        ) -> Any:
            ended = await end(zone, old, new)
            claims = [claim for s in new.seats for claim in seat_claims(zone, s.id, new.span)]
            await parties._all.update_many(
                {"claims": {"$in": claims}}, {"$pull": {"claims": {"$in": claims}}}
            )
            return ended

        setattr(parties, "end", end_all)  # noqa: B010


def held_without_claims() -> Around:
    """A party claims its number among the asker's of the day, but none of the seats."""

    def number_alone(party: Party, zone: Zone) -> tuple[str, ...]:
        return (party_claim(party.asker_id, party.day, party.number),)

    return mock.patch.object(Party, "claims", number_alone)


def parties_go_on() -> Around:
    """Nothing ends the parties whose time is over."""
    return mock.patch.object(PartyService, "end_due", mock.AsyncMock(return_value=0))


def _repositories(run: Run) -> Iterator[PartyRepository]:
    for worker in run.workers.values():
        yield worker.stored.parties
