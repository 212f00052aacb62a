"""Leads a reader on to the page that an address field of theirs names, if it is one of ours."""

from __future__ import annotations

from django.http import HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

LONGEST = 2000  # characters


def onward(address: str, otherwise: str) -> HttpResponseRedirect:
    """Send a reader on to a path of this server, else to the other one.

    Django's own redirect() takes a word without a slash for the name of a page, and breaks where there is none.
    """
    ours = address.startswith("/") and len(address) <= LONGEST
    ours = ours and url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return HttpResponseRedirect(address if ours else otherwise)
