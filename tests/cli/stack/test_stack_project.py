"""`remit.toml`: what it may say, and how it is refused."""

from pathlib import Path

import pytest

from remit.cli.stack.errors import StackError
from remit.cli.stack.project import load_project, substitute

SERVICE = """
[[service]]
name = "backoffice"
command = ["${python}", "-m", "backoffice", "--port", "${port:backoffice}"]
health = "http://127.0.0.1:${port:backoffice}/health"
environment = { DATA = "${data}/b.db", PEER = "${port:mail}" }
"""


def refused(folder: Path, text: str) -> tuple[str, str]:
    """Return code and path of the refusal of `text`."""
    (folder / "remit.toml").write_text(text)
    with pytest.raises(StackError) as caught:
        load_project(folder)
    return caught.value.diagnostic.code, caught.value.diagnostic.path


def test_a_service_names_its_ports(tmp_path: Path) -> None:
    """Every port that a service mentions is found once, in its environment too."""
    (tmp_path / "remit.toml").write_text(SERVICE)

    assert load_project(tmp_path).ports() == ("backoffice", "mail")


def test_references_are_replaced(tmp_path: Path) -> None:
    """Ports and folders stand in place of their references."""
    text = "${port:a} ${data}/x ${project}"
    filled = substitute(text, ports={"a": 81}, project=tmp_path, data=tmp_path / "d")

    assert filled == f"81 {tmp_path}/d/x {tmp_path}"


def test_an_unknown_reference_is_refused(tmp_path: Path) -> None:
    """A reference that means nothing is an error, never an empty text."""
    with pytest.raises(StackError, match=r"PROJECT-INVALID.*HOME"):
        substitute("${HOME}", ports={}, project=tmp_path, data=tmp_path)


def test_a_folder_without_the_file_is_no_project(tmp_path: Path) -> None:
    """The refusal says how to make a project."""
    with pytest.raises(StackError, match="remit init") as caught:
        load_project(tmp_path)

    assert caught.value.diagnostic.code == "PROJECT-MISSING"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("name = [", ""),
        ("nom = 'x'", "/nom"),
        (SERVICE.replace("backoffice", "opa", 1), "/service/0/name"),
        (SERVICE + SERVICE, "/service/1/name"),
        (SERVICE.replace("127.0.0.1", "example.com"), "/service/0/health"),
        (SERVICE.replace("command = [", 'command = "sh -c" #'), "/service/0/command"),
    ],
    ids=["not toml", "unknown key", "reserved name", "same name", "foreign host", "shell text"],
)
def test_a_wrong_file_is_refused_where_it_is_wrong(tmp_path: Path, text: str, path: str) -> None:
    """Each refusal has the code and points at the place."""
    assert refused(tmp_path, text) == ("PROJECT-INVALID", path)


@pytest.mark.parametrize(
    ("text", "light", "full"),
    [
        ("", False, True),
        ('[policy]\nreview = "none"', False, False),
        ('[policy]\nreview = "required"', True, True),
        ('[policy]\npublic_key = "policy.pub"', True, True),
        ('[policy]\nreview = "none"\npublic_key = "policy.pub"', False, False),
    ],
)
def test_whether_policies_are_reviewed(tmp_path: Path, text: str, light: bool, full: bool) -> None:
    """As it says; else in `full`, and where the key to sign with is elsewhere."""
    (tmp_path / "remit.toml").write_text(text)
    policy = load_project(tmp_path).policy

    assert (policy.is_reviewed("light"), policy.is_reviewed("full")) == (light, full)


def test_an_unknown_way_of_review_is_refused(tmp_path: Path) -> None:
    """A misspelt word must not mean `none`."""
    code, path = refused(tmp_path, '[policy]\nreview = "requiered"')

    assert (code, path) == ("PROJECT-INVALID", "/policy/review")
