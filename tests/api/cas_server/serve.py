"""Run the third-party CAS server (django-mama-cas) until standard input closes.

It takes a port from the system, seeds its users and then prints one line, ``ready <port>``. Tied to
the pipe, it does not outlive the test run that started it, even when that is killed.
"""

from __future__ import annotations

import os
import sys
import threading

import django
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application


def main() -> None:
    """Migrate, seed, serve."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    seed()
    server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.daemon_threads = True
    server.set_app(get_wsgi_application())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"ready {server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


def seed() -> None:
    """A student and a librarian with the password of the environment."""
    from django.contrib.auth import get_user_model

    users = get_user_model().objects
    password = os.environ["CAS_SERVER_PASSWORD"]
    users.create_user("21070001", password=password, first_name="雨桐", last_name="王")
    users.create_user("librarian", password=password, first_name="馆员", last_name="林")


if __name__ == "__main__":
    main()
