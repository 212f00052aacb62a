"""The pages as a WSGI application. Whoever imports it has called collector/boot.py before."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
