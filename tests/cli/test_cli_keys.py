"""Keys in files, and who speaks by them."""

import json
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from remit.approval.tokens import key_id, of_start
from remit.approval.trust import read_trust
from remit.canonical import JSONObject, digest
from remit.cli.errors import CliError
from remit.cli.keys import read_key, speaker, starter
from remit.cli.main import main
from tests.approval.signing import line


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, JSONObject]:
    """Type a command; return its exit code and what it answers."""
    code = main([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def refusal(file: Path) -> str:
    """Return why a file is no key."""
    with pytest.raises(CliError) as error:
        read_key(file)
    return error.value.findings[0].code


def test_a_key_is_made_for_its_owner_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody else may read it, it is named in it, and what is printed is what the file takes."""
    file = tmp_path / "anna.pem"

    code, made = shown(capsys, "keys", "new", str(file), "--as", "anna@acme.example")
    again, told = shown(capsys, "keys", "new", str(file), "--as", "anna@acme.example")

    assert (code, again) == (0, 2)
    assert told["diagnostics"][0]["code"] == "KEY-EXISTS"  # type: ignore[index,call-overload]
    assert file.stat().st_mode & 0o777 == 0o600
    assert shown(capsys, "keys", "show", str(file)) == (0, made)
    people = {made["person"]: [{"key": made["public"]}]}
    trust = read_trust({"schema": "remit.identity/v1", "people": people})  # type: ignore[dict-item]
    assert trust.key(str(made["id"]), "anna@acme.example", 0).issuer == "anna@acme.example"
    assert "PRIVATE" not in json.dumps(made)


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    """Somebody may have copied it."""
    file = tmp_path / "anna.pem"
    main(["keys", "new", str(file), "--as", "anna"])
    file.chmod(0o640)

    assert refusal(file) == "KEY-OPEN"


def test_a_key_of_openssl_is_one(tmp_path: Path) -> None:
    """Keys are plain PEM; other kinds are refused."""
    file, other = tmp_path / "ed.pem", tmp_path / "rsa.pem"
    for kind, into in (("ed25519", file), ("x25519", other)):
        subprocess.run(["openssl", "genpkey", "-algorithm", kind, "-out", str(into)], check=True)
        into.chmod(0o600)

    assert isinstance(read_key(file).key, Ed25519PrivateKey)
    assert read_key(file).person == ""
    assert [refusal(other), refusal(tmp_path / "absent")] == ["KEY-FILE", "KEY-FILE"]


def test_a_file_of_whom_to_trust_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every fault by its code and place, before a worker meets it."""
    file = tmp_path / "identity.yaml"
    good = "schema: remit.identity/v1\npeople:\n  anna:\n    - key: "
    file.write_text(good + str(line()["key"]) + "\n")

    right = shown(capsys, "keys", "check", str(file))
    file.write_text(good + "ed25519:AAAA\n")
    wrong = shown(capsys, "keys", "check", str(file))
    absent = shown(capsys, "keys", "check", str(tmp_path / "none.yaml"))

    assert right[0] == 0
    assert right[1]["keys"][0]["issuer"] == "anna"  # type: ignore[index,call-overload]
    codes = [told["diagnostics"][0]["code"] for _, told in (wrong, absent)]  # type: ignore[index,call-overload]
    assert codes == ["IDENTITY-SHAPE", "IDENTITY-UNREADABLE"]
    assert (wrong[0], absent[0]) == (1, 1)


def test_who_speaks(tmp_path: Path) -> None:
    """As typed, else as the variables say, else as the key says; without a key it is a claim."""
    file = tmp_path / "anna.pem"
    main(["keys", "new", str(file), "--as", "anna"])
    variables = {"REMIT_KEY": str(file), "REMIT_AS": "ben"}

    assert speaker("carl", None, variables).person == "carl"
    assert speaker(None, None, variables).person == "ben"
    assert speaker(None, file, {}).person == "anna"
    assert speaker("carl", None, {}).key is None
    assert speaker("carl", None, {}).signer("default") is None
    with pytest.raises(CliError) as error:
        speaker(None, None, {})
    assert error.value.findings[0].code == "KEY-PERSON"


def test_a_start_is_signed_where_a_key_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--key` or the variable; never without."""
    file = tmp_path / "anna.pem"
    main(["keys", "new", str(file), "--as", "anna"])
    monkeypatch.delenv("REMIT_KEY", raising=False)
    monkeypatch.delenv("REMIT_AS", raising=False)
    assert starter("anna", None) is None
    monkeypatch.setenv("REMIT_KEY", str(file))

    who = starter(None, None)

    assert who is not None
    signer = who.signer("default")
    assert signer is not None
    assert signer.start("anna", digest({})).keys() == {"token"}
    assert key_id(signer.key.public_key()) in json.dumps(key_id(read_key(file).key.public_key()))
    assert of_start("remit/default", digest({})).action == digest({})
