"""Every problem of a configuration is one line that names the key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.jws import thumbprint
from agent.errors import SettingsError
from collector.cli import main
from collector.intake import enrolment
from collector.intake.book import enrolled
from collector.intake.enrolment import follow_configuration
from collector.intake.keys import jwk, jwk_set
from collector.intake.models import Station
from collector.parties.services import Actor
from collector.settings import load
from tests.collector.house import House, enrolled_by

COMMAND = ["enrol", "--config"]
EXAMPLE = Path(__file__).parents[2] / "config" / "collector.example.toml"


def problems(folder: Path, text: str) -> tuple[str, ...]:
    (folder / "c.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(folder / "c.toml")
    return caught.value.problems


def test_the_example_is_loaded_and_shows_every_default(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")
    assert load(EXAMPLE).settings == load(tmp_path / "empty.toml").settings


def test_the_examples_commented_lines_are_right_too(tmp_path: Path) -> None:
    lines = []
    for line in EXAMPLE.read_text().splitlines():
        bare = line.removeprefix("# ")
        lines.append(bare if line.startswith("# ") and (bare.startswith("[") or " = " in bare) else line)
    own = tuple(f"{name}.{kind}" for name in ("collector", "collector-web", "controller") for kind in ("key", "crt"))
    secrets = tuple(f"{name}.password" for name in ("broker", "database", "owner", "mail", "controller"))
    for name in (*secrets, "kolding.secret", "house-ca.pem", "ca.crt", *own):
        path = tmp_path / ("tls" if name.endswith(("key", "crt")) else "") / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
        path.chmod(0o600)
    text = "\n".join(lines).replace("sqlite:///collector.db", "postgresql://benchwipe@localhost/benchwipe")
    (tmp_path / "c.toml").write_text(text)
    settings = load(tmp_path / "c.toml").settings
    assert settings.broker.tls.ca == "tls/ca.crt"
    assert settings.station[0].id == "bench-01"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense = 1", ("nonsense is not a known key", "known here")),
        ("[broker]\nhots = 'x'", ("broker.hots", "did you mean host?")),
        ("[broker]\nport = 70000", ("broker.port = 70000", "65535")),
        ("[broker]\nport = 'x'", ("broker.port = 'x'", "a whole number")),
        ("[broker]\nprotocol = '4'", ("broker.protocol = '4'", "one of 3.1.1, 5")),
        ("[broker.tls]\nca = 'x'", ("broker.tls.ca = 'x'", "a file that is there")),
        ("[broker.stations]\nothers = ['b:x']", ("broker.stations.others[0] = 'b:x'", "HOST:PORT")),
        ("listen = 'here'", ("listen = 'here'", "allowed is")),
        ("listen = 'h:99999'", ("listen = 'h:99999'", "65535")),
        ("id = 'a/b'", ("id = 'a/b'", "allowed is")),
        ("[database]\nurl = 'mysql://h/x'", ("database.url", "sqlite:///FILE or postgresql://")),
        ("[database]\nurl = 'sqlite://'", ("database.url", "sqlite:///FILE")),
        ("[database]\nurl = 'what is this'", ("database.url", "allowed is")),
        ("[database]\nowner_url = 'postgresql://o@h/d'", ("database.owner_url", "SQLite has no roles")),
        ("[database]\nurl = 'postgresql://a@h/d'\nowner_url = 'postgresql://o@h/e'", ("owner_url", "the same")),
        ("public_url = 'collector.example'", ("public_url = 'collector.example'", "allowed is")),
        ("[broker.web]\ncertificate = 'x'", ("broker.web", "belong together")),
        ("[[station]]\nid = 'a'\nkeys = []", ("station[0].keys = []", "at least one")),
        ("[[station]]\nid = 'a'\nkeys = [{kty='OKP',crv='Ed25519',x='AA'}]", ("station[0].keys[0].x", "32 bytes")),
        ("[[station]]\nid = 'a'\nkeys = [{kty='RSA',crv='Ed25519',x='AA'}]", ("station[0].keys[0].kty = 'RSA'", "OKP")),
        ("[quarantine]\nmost = 0", ("quarantine.most = 0", "from 1")),
        ("x =", ("is not valid TOML",)),
    ],
)
def test_a_wrong_key_or_value_is_one_line_that_names_it(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    (line,) = problems(tmp_path, text)
    assert "\n" not in line
    for word in words:
        assert word in line


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "a = 1\nb = 2\n[broker]\nport = 0")) == 3


def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o644)
    (line,) = problems(tmp_path, "[broker]\nusername = 'u'\npassword_file = 'secret'")
    assert "0600" in line
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "c.toml").write_text("[broker]\nusername = 'u'\npassword_file = 'secret'")
    assert load(tmp_path / "c.toml").settings.broker.username == "u"


def test_a_password_in_the_url_is_never_shown_and_needs_a_private_file(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, "[database]\nurl = 'postgresql://u:hunter2@h/d'")
    assert "0600" in line
    (other,) = problems(tmp_path, "[database]\nurl = 'mysql://u:hunter2@h/d'")
    (third,) = problems(tmp_path, "[database]\nurl = 'postgresql://u:hunter2@h:port/d'")
    assert "hunter2" not in line + other + third


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[database]\nurl = 'sqlite:///data/x.db'")
    assert load(tmp_path / "c.toml").database().name == str(tmp_path / "data" / "x.db")


def test_a_bad_configuration_ends_with_status_2_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("a = 1\nb = 2")
    done = CliRunner().invoke(main, ["serve", "--config", str(tmp_path / "c.toml")])
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 2
    gone = CliRunner().invoke(main, ["serve", "--config", str(tmp_path / "absent.toml")])
    assert gone.exit_code == 2
    assert "cannot be read" in gone.stderr
    (tmp_path / "c.toml").write_text("")
    listen = CliRunner().invoke(main, ["serve", "--config", str(tmp_path / "c.toml"), "--listen", "nowhere"])
    assert listen.exit_code == 2
    assert "--listen = 'nowhere'" in listen.stderr


def test_enrolling_is_one_command_and_keeps_the_older_keys(house: House) -> None:
    keys = [Ed25519PrivateKey.generate().public_key() for _ in range(2)]
    for key, says in ((keys[0], "enrolled"), (keys[0], "was enrolled before"), (keys[1], "enrolled")):
        done = CliRunner().invoke(main, [*COMMAND, str(house.folder / "c.toml"), "bench-01", "-"], jwk_set({"k": key}))
        assert done.exit_code == 0, done.output
        assert says in done.output
    listed = CliRunner().invoke(main, ["station", "list", "--json", "--config", str(house.folder / "c.toml")])
    found = json.loads(listed.stdout)["stations"]
    of_all = {"station": "bench-01", "revoked": False, "keys": sorted(jwk(key)["kid"] for key in keys)}
    assert found == [{**of_all, "certificate_ends_at": None, "waiting_key": None}]


def test_a_revoked_station_is_believed_no_more_and_can_be_enrolled_again(house: House) -> None:
    key = Ed25519PrivateKey.generate()
    config = str(house.folder / "c.toml")
    assert enrolled_by("bench-01", key).of("bench-01")
    assert CliRunner().invoke(main, ["station", "revoke", "bench-01", "--config", config]).exit_code == 0
    assert enrolled({"bench-01"}).of("bench-01") == {}
    assert enrolled_by("bench-01", key).of("bench-01")
    unknown = CliRunner().invoke(main, ["station", "revoke", "nobody", "--config", config])
    assert (unknown.exit_code, "no station of this id" in unknown.stderr) == (2, True)


def test_keys_in_the_configuration_are_believed_as_long_as_they_stand_there(house: House) -> None:
    key, other = Ed25519PrivateKey.generate().public_key(), Ed25519PrivateKey.generate().public_key()
    tables = {"bench-01": {thumbprint(key): key}}
    follow_configuration(tables)
    enrolment.enrol(Actor("test"), "bench-01", {thumbprint(other): other})
    assert set(enrolled({"bench-01"}).of("bench-01")) == {thumbprint(key), thumbprint(other)}
    follow_configuration(tables)
    follow_configuration({})
    assert set(enrolled({"bench-01"}).of("bench-01")) == {thumbprint(other)}, "only what came from there goes with it"


@pytest.mark.parametrize(
    ("station", "key", "words"),
    [
        ("../evil", None, "a station's id is"),
        ("bench-01", "garbage", "not a JWK"),
        ("bench-01", '{"kty":"RSA"}', "not an Ed25519 JWK"),
        ("bench-01", '{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}', "PRIVATE key"),
        ("bench-01", '{"keys":[]}', "no key"),
    ],
)
def test_what_cannot_be_enrolled_is_refused_in_one_line(
    house: House, station: str, key: str | None, words: str
) -> None:
    good = jwk_set({"k": Ed25519PrivateKey.generate().public_key()}).decode()
    done = CliRunner().invoke(
        main, [*COMMAND, str(house.folder / "c.toml"), station, "-"], good if key is None else key
    )
    assert done.exit_code == 2
    assert words in done.stderr
    assert Station.objects.count() == 0


def test_mail_and_tenants_are_checked_and_their_secrets_are_their_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "collector.toml"
    tenant = 'id = "k"\nname = "K"\ntenant = "11111111-2222-3333-4444-555555555555"\nclient_id = "c"\n'
    file.write_text(f'[mail]\nhost = "mail.example.dk"\n[[oidc]]\n{tenant}client_secret_file = "s"\n')
    (tmp_path / "s").write_text("secret")
    (tmp_path / "s").chmod(0o644)
    with pytest.raises(SettingsError) as caught:
        load(file)
    told = " ".join(caught.value.problems)
    assert "mail.sender" in told
    assert "oidc[0].client_secret_file" in told
    (tmp_path / "s").chmod(0o600)
    file.write_text(f'[[oidc]]\n{tenant}client_secret_file = "s"\nauthority = "http://login.example"\n')
    with pytest.raises(SettingsError) as caught:
        load(file)
    assert "authority" in " ".join(caught.value.problems)
    file.write_text(f'[[oidc]]\n{tenant}client_secret_file = "s"\n')
    assert load(file).settings.oidc[0].authority == "https://login.microsoftonline.com"
