"""FreePBX: the door that a Custom Destination leads to, and where apps lie in its generated dialplan."""

from collections.abc import Iterator, Mapping

from fallbackrouter.dialplan.plan import Plan
from fallbackrouter.dialplan.spell import Step, context, extension

DESTINATIONS: Mapping[str, str] = {
    "group": "ext-group,{num},1",
    "queue": "ext-queues,{num},1",
    "extension": "from-did-direct,{num},1",
    "voicemail": "ext-local,vmu{num},1",
    "ivr": "ivr-{num},s,1",
    "external": "from-internal,{num},1",
    "hangup": "app-blackhole,hangup,1",
}
"""Where the usual apps lie; `[destinations]` of the configuration comes first."""


def freepbx_notes(plan: Plan) -> list[str]:
    """Return what stands at the file's beginning."""
    missing = [app for app in DESTINATIONS if app not in plan.destinations]
    notes = [
        "",
        "FreePBX: this file is included at the end of extensions_custom.conf: #include fallbackrouter.conf",
        "Admin, Custom Destinations: Target fallbackrouter-in,s,1. Then choose it in an Inbound Route.",
        "extensions_override_freepbx.conf stays empty: nothing that FreePBX generates has to be replaced.",
        "A ring group and a queue ring as long as they are set to in FreePBX, whatever `time` says.",
    ]
    if missing:
        notes += [
            "",
            "The configuration maps no app to its destination here; without that FR_DEST is empty. Add:",
            "[destinations]",
        ]
        notes += [f'{app} = "{DESTINATIONS[app]}"' for app in missing]
    return notes


def freepbx_contexts(plan: Plan) -> Iterator[str]:
    """Yield the door for inbound routes."""
    steps = [
        Step(f"Gosub({plan.named('watch')},s,1(${{FROM_DID}}))", "the end of the call will be told"),
        Step(f"Gosub({plan.prefix},s,1(${{FROM_DID}},init))", "inside a destination the dialled number is FROM_DID"),
        Step("GotoIf($[${LEN(${FR_DEST})} = 0]?none)", "the app has no destination"),
        Step("Goto(${FR_DEST})", "ring group, queue, extension, ..."),
        Step("Goto(app-blackhole,busy,1)", "the answer leads nowhere in FreePBX: [destinations] lacks its app", "none"),
    ]
    why = "The Custom Destination fallbackrouter-in,s,1"
    yield context(plan.named("in"), extension("s", steps), why=why)
