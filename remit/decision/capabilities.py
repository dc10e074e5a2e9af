"""The built-in functions that policies may use: all of OPA's but those that are not deterministic.

`opa capabilities --current | python -m remit.decision.capabilities` prints the file that
`opa check` and `opa build` are given. A verdict must depend on facts, data and revision alone, so
a policy that asks a clock, the network or chance does not compile.
"""

import json
import sys

from remit.canonical import JSONObject

REMOVED = frozenset(
    {
        "http.send",
        "io.jwt.decode_verify",
        "io.jwt.encode_sign",
        "io.jwt.encode_sign_raw",
        "json.match_schema",
        "json.verify_schema",
        "net.lookup_ip_addr",
        "opa.runtime",
        "rand.intn",
        "time.now_ns",
        "trace",
        "uuid.rfc4122",
    }
)
"""Built-ins that reach outside the evaluation, or answer differently each time."""


def deterministic(capabilities: JSONObject) -> JSONObject:
    """Return OPA's capabilities without the removed built-ins, and with no host to reach.

    Raises:
        ValueError: the document is not what `opa capabilities` prints.
    """
    builtins = capabilities.get("builtins")
    if not isinstance(builtins, list):
        raise ValueError("not the output of `opa capabilities --current`: no list of `builtins`")
    kept = [
        builtin
        for builtin in builtins
        if isinstance(builtin, dict)
        and builtin.get("name") not in REMOVED
        and not builtin.get("nondeterministic", False)
    ]
    return capabilities | {"builtins": [*kept], "allow_net": []}


def main() -> int:
    """Filter capabilities from standard input to standard output."""
    json.dump(deterministic(json.load(sys.stdin)), sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
