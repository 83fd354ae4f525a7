from __future__ import annotations

from dataclasses import fields

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.keys import REFERENCE, SITE
from handlers.policy.schemas import KeepingOut, LibraryOut, TemplateOut
from models.identity.api_tokens import Scope
from models.seasons.service import SeasonService
from models.staff.review_access import ReviewAccess

routes = ApiRoutes()


@routes.get(
    "/library",
    "Get the library's profile: name, audience, contact",
    Access.SESSION,
    at_kiosk=True,
    scope=Scope.CATALOG_READ,
)
async def library(call: ApiRequest) -> LibraryOut:
    profile, site = call[REFERENCE].profile, call[SITE]
    periods = site.keeping
    return LibraryOut(
        name=profile.name,
        title=profile.title,
        audience=profile.audience,
        contact=list(profile.contact),
        keeping=KeepingOut(
            **{field.name: getattr(periods, field.name).days for field in fields(periods)}
        ),
        templates=[
            TemplateOut(message.value, config.template_id, config.long_term)
            for message, config in site.templates.items()
        ],
        review=await call[ReviewAccess].is_open(call.now),
        rooms=bool(call[REFERENCE].rooms_in_use()),
        seasons=await call[SeasonService].has_any(),
    )
