"""HTTPS: it is spoken, and cookies keep to it."""

import http.client
import ssl
from pathlib import Path
from urllib.parse import urlencode

from tests.fakes.admin import PASSWORD, AdminServer, csrf_in
from tests.fakes.certificates import self_signed


def test_over_https_cookies_are_secure_and_bound_to_the_host(tmp_path: Path) -> None:
    own = self_signed(tmp_path, "console", "IP:127.0.0.1")
    with AdminServer(tmp_path, cert=str(own.cert), key=str(own.key)) as server:
        server.user("anna")
        trust = ssl.create_default_context(cafile=own.cert)
        peer = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=60, context=trust)
        peer.request("GET", "/login")
        form = peer.getresponse()
        before = (form.getheader("Set-Cookie") or "").partition(";")[0]
        fields = {"user": "anna", "password": PASSWORD, "csrf": csrf_in(form.read().decode())}
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": before}
        peer.request("POST", "/login", urlencode(fields), kind)
        answer = peer.getresponse()
        answer.read()
        cookie = answer.getheader("Set-Cookie") or ""
        peer.close()
    assert answer.status == 303
    assert cookie.startswith("__Host-fr_session=")
    assert "; secure" in cookie.lower()
    assert answer.getheader("Strict-Transport-Security")
