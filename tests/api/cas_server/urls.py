"""The server's URLs, below a path as on most campuses."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("cas/", include("mama_cas.urls"))]
