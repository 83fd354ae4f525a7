from __future__ import annotations

from functools import partial

from aiohttp import web

from handlers.affected_bookings.console import affected_bookings, resolve_affected_bookings
from handlers.announcements.console import announce, announcement
from handlers.code_sharing.console import code_sharing
from handlers.fault_reports.console import close_fault, faults
from handlers.feedback.console.canned_answers import (
    add_canned_answer,
    canned_answers,
    change_canned_answer,
)
from handlers.feedback.console.feedback import feedback, reader_feedback, reply, set_note
from handlers.http import uploads
from handlers.kiosks.console.device_changes import (
    bring_back_device,
    change_device,
    delete_device,
    move_device_up,
    retire_device,
)
from handlers.kiosks.console.devices import add_device, change_presence_sources, devices, rotate_key
from handlers.kiosks.console.pairing import confirm_pairing, look_at_screen, pairing
from handlers.kiosks.console.posters import area_poster, kiosk_poster
from handlers.library.console.areas import (
    area_settings,
    bring_back_area,
    change_area,
    delete_area,
    retire_area,
)
from handlers.library.console.features import add_feature, change_feature, features
from handlers.library.console.floor_files import (
    export_csv,
    import_file,
    import_page,
    template_csv,
    template_xlsx,
)
from handlers.library.console.floor_plans import (
    LARGEST_PLAN,
    add_area,
    change_plan,
    export_plan,
    plan,
    plan_before,
    plans,
)
from handlers.library.console.plan_pictures import picture_routes
from handlers.library.console.room_routes import room_settings_routes
from handlers.library.console.seat_outages import set_outage
from handlers.library.console.venues import add_venue, change_venue, venues
from handlers.messages.console import deliveries, retry
from handlers.notices.console import (
    LARGEST_NOTICE,
    add_notice,
    change_notice,
    new_notice,
    notice,
    notices,
    withdraw_notice,
)
from handlers.parties.console import end_party
from handlers.policy.console.opening_hours import change_opening, opening_hours
from handlers.policy.console.policy import change_policy, policy
from handlers.profile.console import (
    LARGEST_FORM,
    change_library_profile,
    library_profile,
)
from handlers.reader_groups.console.groups import (
    LARGEST_GROUP,
    add_reader_group,
    change_reader_group,
    delete_reader_group,
    new_reader_group,
    reader_group,
    reader_groups,
)
from handlers.reader_groups.console.memberships import (
    LARGEST_LIST,
    import_members,
    member_list,
    set_membership,
)
from handlers.readers.console.readers import (
    book,
    reader,
    readers,
    reveal_number,
    set_accommodation,
    suspend,
    unbind,
)
from handlers.readers.console.visitors import (
    add_visitor,
    answer_binding,
    change_visit,
    issue_review_code,
    reveal_activation_code,
    revoke_review_code,
)
from handlers.reservations.console.reservations import (
    act_for_reader,
    reject_report,
    reports,
    reservation,
    resolve_report,
)
from handlers.reservations.console.seat_history import look_up_seat, seat_history
from handlers.room_blocks.console import (
    block,
    block_room,
    change_block,
    end_block,
    restore_block,
    room_blocks,
)
from handlers.rooms.console import approve, cancel, check_in, decline, finish, rooms
from handlers.seasons.console import season_routes
from handlers.seat_labels.console import seat_labels
from handlers.seat_map.console import patrol
from handlers.staff.alerts import alerts, choose_alerts
from handlers.staff.api_tokens import api_tokens, create_api_token, revoke_api_token
from handlers.staff.audit_log import audit_log
from handlers.staff.dashboard import dashboard
from handlers.staff.handbook import handbook, handbook_picture
from handlers.staff.permissions import staff_form, staff_page
from handlers.staff.second_factors import reset_second_factor
from handlers.staff.setup import go_on, setup
from handlers.staff.staff_grants import give_role, staff_grants, take_role_back
from handlers.statistics.console.exports import as_csv, as_xlsx, rooms_as_csv
from handlers.statistics.console.files import (
    seats_csv,
    seats_xlsx,
    statistics_csv,
    statistics_xlsx,
)
from handlers.statistics.console.seats import seat_statistics
from handlers.statistics.console.statistics import statistics
from handlers.violations.console import appeals, decide_appeal, waive, waive_all
from handlers.webhooks.console import webhook_routes
from models.identity.roles import Role


def console_routes() -> list[web.RouteDef]:
    return [
        web.get("/console", staff_page(dashboard)),
        # The nginx.conf of 0.2.0 redirected here permanently, which browsers remember.
        web.get("/console/", staff_page(dashboard)),
        web.get("/console/seats", staff_page(patrol)),
        web.post("/console/seats/{id}/outage", staff_form(set_outage)),
        web.get("/console/faults", staff_page(faults)),
        web.post("/console/faults/{id}/close", staff_form(close_fault, page=faults)),
        web.get("/console/reports", staff_page(reports)),
        web.post("/console/reports/{id}/resolve", staff_form(resolve_report, page=reports)),
        web.post("/console/reports/{id}/reject", staff_form(reject_report, page=reports)),
        web.get("/console/reservations/{id}", staff_page(reservation)),
        web.post("/console/reservations/{id}/party", staff_form(end_party, page=reservation)),
        web.post("/console/reservations/{id}/{verb}", staff_form(act_for_reader, page=reservation)),
        *_reader_routes(),
        *_room_routes(),
        *season_routes(),
        web.get("/console/seat-history", staff_page(seat_history, Role.LIBRARIAN)),
        web.post("/console/seat-history", staff_form(look_up_seat, page=seat_history)),
        web.get("/console/appeals", staff_page(appeals)),
        web.post("/console/appeals/{id}", staff_form(decide_appeal, page=appeals)),
        web.post("/console/violations/waive", staff_form(waive_all, whole=True, page=appeals)),
        web.post("/console/violations/{id}/waive", staff_form(waive)),
        *_feedback_routes(),
        web.get("/console/calendar", staff_page(opening_hours)),
        web.post("/console/calendar", staff_form(change_opening, Role.ADMINISTRATOR, whole=True)),
        *_group_routes(),
        *_library_routes(),
        *_plan_routes(),
        *_area_routes(),
        *picture_routes(),
        *_device_routes(),
        web.get("/console/audit/{id}/plan.json", staff_page(plan_before, whole=True)),
        web.get("/console/affected-bookings", staff_page(affected_bookings)),
        web.post(
            "/console/affected-bookings",
            staff_form(
                resolve_affected_bookings, Role.ADMINISTRATOR, whole=True, page=affected_bookings
            ),
        ),
        web.get("/console/rules", staff_page(policy)),
        web.post("/console/rules", staff_form(change_policy, Role.ADMINISTRATOR, whole=True)),
        *_notice_routes(),
        web.get("/console/code-sharing", staff_page(code_sharing, whole=True)),
        web.get("/console/deliveries", staff_page(deliveries, whole=True)),
        web.post(
            "/console/deliveries/{channel}/retry", staff_form(retry, whole=True, page=deliveries)
        ),
        *_statistics_routes(),
        *_grant_routes(),
        *_api_token_routes(),
        *webhook_routes(),
        web.get("/console/handbook", staff_page(handbook)),
        web.get("/console/handbook/{chapter}", staff_page(handbook)),
        web.get(
            "/console/handbook/images/{picture:(?:[A-Za-z-]+/)?[a-z0-9-]+}.png",
            staff_page(handbook_picture),
        ),
        web.get("/console/audit", staff_page(audit_log, whole=True)),
    ]


def _room_routes() -> list[web.RouteDef]:
    return [
        web.get("/console/rooms", staff_page(rooms)),
        web.get("/console/rooms/blocks", staff_page(room_blocks)),
        web.post("/console/rooms/blocks", staff_form(block_room, page=room_blocks)),
        web.get("/console/rooms/blocks/{id}", staff_page(block, Role.LIBRARIAN)),
        web.post("/console/rooms/blocks/{id}", staff_form(change_block, page=block)),
        web.post("/console/rooms/blocks/{id}/end", staff_form(end_block, page=room_blocks)),
        web.post("/console/rooms/blocks/{id}/restore", staff_form(restore_block, page=room_blocks)),
        web.post("/console/rooms/{id}/approve", staff_form(approve, page=rooms)),
        web.post("/console/rooms/{id}/decline", staff_form(decline, page=rooms)),
        web.post("/console/rooms/{id}/cancel", staff_form(cancel, page=rooms)),
        web.post("/console/rooms/{id}/check_in", staff_form(check_in, page=rooms)),
        web.post("/console/rooms/{id}/finish", staff_form(finish, page=rooms)),
    ]


def _reader_routes() -> list[web.RouteDef]:
    one = "/console/readers/{id}"
    change = partial(staff_form, page=reader)
    return [
        web.get("/console/readers", staff_page(readers)),
        web.get(one, staff_page(reader)),
        web.post("/console/readers/visitors", staff_form(add_visitor, page=readers)),
        web.post(f"{one}/number", change(reveal_number)),
        web.post(f"{one}/unbind", change(unbind)),
        web.post(f"{one}/book", change(book)),
        web.post(f"{one}/suspend", change(suspend, whole=True)),
        web.post(f"{one}/allow", change(set_accommodation, whole=True)),
        web.post(
            f"{one}/second-factor", change(reset_second_factor, Role.ADMINISTRATOR, whole=True)
        ),
        web.post(f"{one}/membership", change(set_membership, whole=True)),
        web.post(f"{one}/stay", change(change_visit)),
        web.post(f"{one}/code", change(reveal_activation_code)),
        web.post(f"{one}/review-code", change(issue_review_code)),
        web.post(f"{one}/review-code/revoke", change(revoke_review_code)),
        web.post(f"{one}/binding", change(answer_binding)),
    ]


def _notice_routes() -> list[web.RouteDef]:
    write = partial(staff_form, max_bytes=LARGEST_NOTICE, whole=True)
    return [
        web.get("/console/alerts", staff_page(alerts, Role.LIBRARIAN)),
        web.post("/console/alerts", staff_form(choose_alerts)),
        web.get("/console/announcements", staff_page(announcement, Role.LIBRARIAN)),
        web.post("/console/announcements", staff_form(announce, page=announcement)),
        web.get("/console/notices", staff_page(notices)),
        web.get("/console/notices/new", staff_page(new_notice, Role.LIBRARIAN, whole=True)),
        web.get("/console/notices/{id}", staff_page(notice)),
        web.post("/console/notices", write(add_notice, page=new_notice)),
        web.post("/console/notices/{id}", write(change_notice, page=notice)),
        web.post("/console/notices/{id}/withdraw", write(withdraw_notice, page=notice)),
    ]


def _grant_routes() -> list[web.RouteDef]:
    change = partial(staff_form, role=Role.ADMINISTRATOR, whole=True, page=staff_grants)
    return [
        web.get("/console/staff", staff_page(staff_grants, Role.ADMINISTRATOR, whole=True)),
        web.post("/console/staff", change(give_role)),
        web.post("/console/staff/{id}/{grant}/end", change(take_role_back)),
    ]


def _api_token_routes() -> list[web.RouteDef]:
    here, head = "/console/api-tokens", Role.ADMINISTRATOR
    change = partial(staff_form, role=head, whole=True, page=api_tokens)
    return [
        web.get(here, staff_page(api_tokens, head, whole=True)),
        web.post(here, change(create_api_token)),
        web.post(f"{here}/{{id}}/revoke", change(revoke_api_token)),
    ]


def _group_routes() -> list[web.RouteDef]:
    change = partial(staff_form, role=Role.ADMINISTRATOR, whole=True, max_bytes=LARGEST_GROUP)
    return [
        web.get("/console/groups", staff_page(reader_groups)),
        web.get(
            "/console/groups/new", staff_page(new_reader_group, Role.ADMINISTRATOR, whole=True)
        ),
        web.get("/console/groups/{id}", staff_page(reader_group)),
        web.post("/console/groups", change(add_reader_group, page=new_reader_group)),
        web.post("/console/groups/{id}", change(change_reader_group, page=reader_group)),
        web.post("/console/groups/{id}/delete", change(delete_reader_group, page=reader_group)),
        web.get(
            "/console/groups/{id}/members", staff_page(member_list, Role.LIBRARIAN, whole=True)
        ),
        web.post(
            "/console/groups/{id}/members",
            staff_form(import_members, whole=True, max_bytes=LARGEST_LIST, multipart=True),
        ),
    ]


def _library_routes() -> list[web.RouteDef]:
    return [
        web.get("/console/setup", staff_page(setup, Role.ADMINISTRATOR, whole=True)),
        web.post("/console/setup", staff_form(go_on, Role.ADMINISTRATOR, whole=True, page=setup)),
        web.get("/console/library", staff_page(library_profile)),
        web.post(
            "/console/library",
            staff_form(
                change_library_profile, Role.ADMINISTRATOR, LARGEST_FORM, multipart=True, whole=True
            ),
        ),
        web.get("/console/features", staff_page(features)),
        web.post(
            "/console/features",
            staff_form(add_feature, Role.ADMINISTRATOR, whole=True, page=features),
        ),
        web.post(
            "/console/features/{id}",
            staff_form(change_feature, Role.ADMINISTRATOR, whole=True, page=features),
        ),
        *room_settings_routes(),
        web.get("/console/venues", staff_page(venues)),
        web.post(
            "/console/venues", staff_form(add_venue, Role.ADMINISTRATOR, whole=True, page=venues)
        ),
        web.post(
            "/console/venues/{id}",
            staff_form(change_venue, Role.ADMINISTRATOR, whole=True, page=venues),
        ),
    ]


def _plan_routes() -> list[web.RouteDef]:
    return [
        web.get("/console/plans", staff_page(plans)),
        web.get("/console/plans/", staff_page(plans)),  # the address with a slash, as /console/
        web.post("/console/plans", staff_form(add_area, Role.ADMINISTRATOR, page=plans)),
        *_floor_file_routes(),
        web.get("/console/plans/{id}.json", staff_page(export_plan)),
        web.get("/console/plans/{id}.csv", staff_page(export_csv)),
        web.get("/console/plans/{id}", staff_page(plan)),
        web.get("/console/plans/{id}/labels", staff_page(seat_labels, Role.ADMINISTRATOR)),
        web.get("/console/plans/{id}/poster", staff_page(area_poster)),
        web.post(
            "/console/plans/{id}", staff_form(change_plan, max_bytes=LARGEST_PLAN, multipart=True)
        ),
    ]


def _floor_file_routes() -> list[web.RouteDef]:
    here, head = "/console/plans/import", Role.ADMINISTRATOR
    return [
        web.get(here, staff_page(import_page, head, whole=True)),
        web.post(
            here, staff_form(import_file, head, uploads.LARGEST_FORM, multipart=True, whole=True)
        ),
        web.get(f"{here}/template.csv", staff_page(template_csv, head)),
        web.get(f"{here}/template.xlsx", staff_page(template_xlsx, head)),
    ]


def _area_routes() -> list[web.RouteDef]:
    here, head = "/console/plans/{id}", Role.ADMINISTRATOR
    return [
        web.get(f"{here}/settings", staff_page(area_settings, head)),
        web.post(f"{here}/settings", staff_form(change_area, head, page=area_settings)),
        web.post(f"{here}/retire", staff_form(retire_area, head, page=area_settings)),
        web.post(f"{here}/restore", staff_form(bring_back_area, head, page=area_settings)),
        web.post(f"{here}/delete", staff_form(delete_area, head, page=area_settings)),
    ]


def _device_routes() -> list[web.RouteDef]:
    one, here = "/console/devices/{kind}/{id}", "/console/devices/kiosk/{id}"
    head = Role.ADMINISTRATOR
    change = partial(staff_form, role=head, page=devices)
    return [
        web.get("/console/devices", staff_page(devices)),
        web.post("/console/devices", change(add_device)),
        web.post("/console/devices/venues", change(change_presence_sources)),
        web.get(f"{here}/poster", staff_page(kiosk_poster)),
        web.get(f"{here}/pairing", staff_page(pairing, head)),
        web.post(f"{here}/pairing", staff_form(look_at_screen, head, page=pairing)),
        web.post(f"{here}/pair", staff_form(confirm_pairing, head)),
        web.post(f"{one}/key", change(rotate_key)),
        web.post(one, change(change_device)),
        web.post(f"{one}/up", change(move_device_up)),
        web.post(f"{one}/retire", change(retire_device)),
        web.post(f"{one}/restore", change(bring_back_device)),
        web.post(f"{one}/delete", change(delete_device)),
    ]


def _statistics_routes() -> list[web.RouteDef]:
    return [
        web.get("/console/statistics", staff_page(statistics)),
        web.get("/console/statistics.csv", staff_page(statistics_csv)),
        web.get("/console/statistics.xlsx", staff_page(statistics_xlsx)),
        web.get("/console/statistics/seats", staff_page(seat_statistics)),
        web.get("/console/statistics/seats.csv", staff_page(seats_csv)),
        web.get("/console/statistics/seats.xlsx", staff_page(seats_xlsx)),
        web.get("/console/bookings.csv", staff_page(as_csv)),
        web.get("/console/bookings.xlsx", staff_page(as_xlsx)),
        web.get("/console/room-bookings.csv", staff_page(rooms_as_csv)),
    ]


def _feedback_routes() -> list[web.RouteDef]:
    change = partial(staff_form, whole=True, page=canned_answers)
    return [
        web.get("/console/questions", staff_page(feedback)),
        web.post("/console/questions/{id}", staff_form(reply, page=feedback)),
        web.post("/console/questions/{id}/note", staff_form(set_note, page=feedback)),
        web.get("/console/readers/{id}/questions", staff_page(reader_feedback)),
        web.get("/console/canned-answers", staff_page(canned_answers)),
        web.post("/console/canned-answers", change(add_canned_answer)),
        web.post("/console/canned-answers/{id}", change(change_canned_answer)),
    ]
