"""Real SIP calls: sipp calls an Asterisk over the loopback, and counts on its own how they went.

Its rules: media has an address, or Asterisk looks up its own machine's name for every call, which can take seconds;
chan_pjsip is loaded into an Asterisk that runs, on a free port; a caller is a sipp of its own, which takes
whatever its scenario does not expect, a call that is cut say, for a failed call; its exit code and its own statistics
must agree with what the test counts on Asterisk's side.
"""

import csv
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.asterisk.harness import Exchange, free_port

PROGRAM = "sipp"
CONTEXT = "from-sip"
MODULES = (
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_sorcery_astdb",
    "res_pjproject",
    "res_rtp_asterisk",
    "res_pjsip",
    "res_pjsip_pubsub",
    "res_pjsip_session",
    "res_pjsip_sdp_rtp",
    "res_pjsip_caller_id",
    "res_pjsip_endpoint_identifier_ip",
    "chan_pjsip",
)
CALLER, CALLED = "caller", "called"
"""Who hangs up."""
TALK_S = 4
"""How long a call is up before one of the two hangs up."""
PATIENCE_S = 120
"""How long after the last call began its end is waited for: a safety net."""
_PJSIP = f"""\
[loopback]
type=transport
protocol=udp
bind=127.0.0.1:PORT

[trunk]
type=endpoint
context={CONTEXT}
disallow=all
allow=ulaw
media_address=127.0.0.1
bind_rtp_to_media_address=yes

[trunk-address]
type=identify
endpoint=trunk
match=127.0.0.1
"""
_RTP = """\
[general]
icesupport=no
"""
_HEAD = """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:7950[call_number]@[local_ip]:[local_port]>;tag=[call_number]
      Call-ID: [call_id]
      Max-Forwards: 70
      Contact: sip:caller@[local_ip]:[local_port]"""
_SCENARIO = """\
<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="a call that the {who} ends">
  <send retrans="500"><![CDATA[
      INVITE sip:{number}[call_number]@[remote_ip]:[remote_port] SIP/2.0
      {head}
      To: <sip:{number}[call_number]@[remote_ip]:[remote_port]>
      CSeq: 1 INVITE
      Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=caller 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio 6000 RTP/AVP 0
      a=rtpmap:0 PCMU/8000
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" timeout="60000"/>
  <send><![CDATA[
      ACK sip:{number}[call_number]@[remote_ip]:[remote_port] SIP/2.0
      {head}
      To: <sip:{number}[call_number]@[remote_ip]:[remote_port]>[peer_tag_param]
      CSeq: 1 ACK
      Content-Length: 0

  ]]></send>
{end}
</scenario>
"""
_CALLER_ENDS = """\
  <pause milliseconds="{talk_ms}"/>
  <send retrans="500"><![CDATA[
      BYE sip:{number}[call_number]@[remote_ip]:[remote_port] SIP/2.0
      {head}
      To: <sip:{number}[call_number]@[remote_ip]:[remote_port]>[peer_tag_param]
      CSeq: 2 BYE
      Content-Length: 0

  ]]></send>
  <recv response="200" timeout="60000"/>"""
_CALLED_ENDS = """\
  <recv request="BYE" timeout="60000"/>
  <send><![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

  ]]></send>"""


def why_not_here() -> str:
    """Return why no SIP calls can be placed here, "" where they can."""
    return "" if shutil.which(PROGRAM) else f"{PROGRAM} is not installed: run `make asterisk-roots`"


def open_trunk(exchange: Exchange) -> int:
    """Have a running Asterisk take SIP calls from the loopback into CONTEXT, and return the port.

    Raises:
        AmiError: a module did not load.
    """
    port = free_port()
    (exchange.folder / "pjsip.conf").write_text(_PJSIP.replace("PORT", str(port)), encoding="utf-8")
    (exchange.folder / "rtp.conf").write_text(_RTP, encoding="utf-8")
    for module in MODULES:
        exchange.ami.action("ModuleLoad", Module=f"{module}.so", LoadType="load")
    return port


class Callers:
    """A sipp that places calls at a steady rate, from `with` on.

    Args:
        folder: its own; holds its scenario, its statistics and its errors.
        port: where the Asterisk takes SIP calls.
        number: what every dialled number begins with; the number of the call follows, from 1.
        who: CALLER or CALLED, who ends the call after TALK_S.
        count: how many calls, `rate` of them a second.
    """

    def __init__(self, folder: Path, port: int, number: str, who: str, *, count: int, rate: int) -> None:
        folder.mkdir()
        self.count = count
        self.numbers = {f"{number}{call}" for call in range(1, count + 1)}
        self._folder = folder
        self._command = [
            *(shutil.which(PROGRAM) or PROGRAM, f"127.0.0.1:{port}", "-i", "127.0.0.1", "-nostdin"),
            *("-sf", "scenario.xml", "-m", str(count), "-r", str(rate), "-l", str(count)),
            *("-trace_stat", "-stf", "statistics.csv", "-trace_err", "-error_file", "errors.log"),
            *("-timeout", f"{count // rate + PATIENCE_S}s", "-timeout_error"),
        ]
        ends = _CALLER_ENDS if who == CALLER else _CALLED_ENDS
        fields = {"number": number, "head": _HEAD, "talk_ms": TALK_S * 1000, "who": who}
        text = _SCENARIO.format(end=ends.format(**fields), **fields)
        (folder / "scenario.xml").write_text(text, encoding="utf-8")

    def __enter__(self) -> Self:
        with (self._folder / "console.log").open("wb") as out:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(PATIENCE_S)

    def check(self) -> None:
        """Wait until all calls are over, and see that each was answered and ended as it should.

        Raises:
            AssertionError: by sipp's exit code or its statistics, a call failed.
        """
        code = self._process.wait(self.count + PATIENCE_S)
        with (self._folder / "statistics.csv").open(encoding="utf-8", newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        counted = {name: int(last[f"{name}(C)"]) for name in ("OutgoingCall", "SuccessfulCall", "FailedCall")}
        as_planned = {"OutgoingCall": self.count, "SuccessfulCall": self.count, "FailedCall": 0}
        assert (code, counted) == (0, as_planned), self._errors()

    def _errors(self) -> str:
        file = self._folder / "errors.log"
        return file.read_text(encoding="utf-8", errors="replace")[:4000] if file.exists() else ""
