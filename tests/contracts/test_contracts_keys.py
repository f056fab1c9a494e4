"""Keys count for a purpose and for a time, and a record is judged by its own time for ever."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.deployments import PAYLOAD_TYPE, ControlLog, DeployedVersion, Deployment
from contracts.errors import ConfigurationError, SignatureError, UsageError
from contracts.keys import (
    TrustedKey,
    generate_keys,
    key_id,
    load_private_key,
    load_trusted_keys,
    read_public_key,
    revoke,
    rotate_key,
    trust,
)
from contracts.signatures import seal

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
BEFORE = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)


def signed(keys: Path, sequence: int = 1) -> bytes:
    deployment = Deployment(
        environment="local",
        model="m",
        sequence=sequence,
        champion=DeployedVersion("1", "1" * 64),
        author="ana@home",
        reason="published",
        created_at=BEFORE,
    )
    key = load_private_key(keys, "deployments")
    return seal(msgspec.json.encode(deployment), PAYLOAD_TYPE, key)


def control(keys: Path) -> ControlLog:
    return ControlLog("local", load_trusted_keys(keys, "deployments"))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    generate_keys(tmp_path)
    return tmp_path


def expire(keys: Path) -> None:
    [(_, key)] = load_trusted_keys(keys, "deployments").items()
    trust(keys, "deployments", TrustedKey(key.public_key, "Ana", not_after=NEW_YEAR))


def test_what_a_key_signed_before_it_expired_counts_whenever_it_is_looked_at(keys: Path) -> None:
    expire(keys)
    assert control(keys).accept(signed(keys), BEFORE).sequence == 1
    with pytest.raises(SignatureError, match="expired 2027-01-01"):
        control(keys).accept(signed(keys), NEW_YEAR)


def test_a_key_does_not_count_before_its_time(keys: Path) -> None:
    [(_, key)] = load_trusted_keys(keys, "deployments").items()
    trust(keys, "deployments", TrustedKey(key.public_key, not_before=NEW_YEAR))
    with pytest.raises(SignatureError, match="counts from 2027-01-01"):
        control(keys).accept(signed(keys), BEFORE)
    assert control(keys).accept(signed(keys), NEW_YEAR).sequence == 1


def test_a_time_that_only_the_writer_of_a_record_knows_proves_nothing(keys: Path) -> None:
    assert control(keys).accept(signed(keys), None).sequence == 1, "a key without an end needs none"
    expire(keys)
    with pytest.raises(SignatureError, match="LogAppendTime"):
        control(keys).accept(signed(keys), None)


def test_what_is_said_of_a_key_is_kept_beside_it(keys: Path) -> None:
    expire(keys)
    [(keyid, key)] = load_trusted_keys(keys, "deployments").items()
    assert (key.owner, key.not_before, key.not_after) == ("Ana", None, NEW_YEAR)
    path = keys / "trusted" / "deployments" / f"{keyid}.pem"
    serialization.load_pem_public_key(path.read_bytes())  # other programs read it as before


def test_a_rotated_key_signs_and_the_old_one_still_counts(keys: Path) -> None:
    before = signed(keys)
    old, new = rotate_key(keys, "deployments")
    assert old != new == key_id(load_private_key(keys, "deployments").public_key())
    assert set(load_trusted_keys(keys, "deployments")) == {old, new}
    log = control(keys)
    assert [log.accept(before, BEFORE).sequence, log.accept(signed(keys, 2), BEFORE).sequence] == [
        1,
        2,
    ]
    assert stat.S_IMODE((keys / "deployments.pem").stat().st_mode) == 0o600


def test_a_revoked_key_counts_for_nothing(keys: Path) -> None:
    before = signed(keys)
    old, _ = rotate_key(keys, "deployments")
    revoke(keys, "deployments", old)
    with pytest.raises(SignatureError, match=f"signed by {old}"):
        control(keys).accept(before, BEFORE)
    with pytest.raises(UsageError, match="is not trusted"):
        revoke(keys, "deployments", old)


def test_one_key_in_two_files_is_refused_and_both_can_be_revoked(keys: Path) -> None:
    folder = keys / "trusted" / "deployments"
    [path] = folder.iterdir()
    (folder / "zz-ana.pem").write_bytes(path.read_bytes())
    with pytest.raises(ConfigurationError, match="another file there holds too"):
        load_trusted_keys(keys, "deployments")
    trust(keys, "deployments", read_public_key(path))
    assert [one.name for one in folder.iterdir()] == [path.name]
    (folder / "zz-ana.pem").write_bytes(path.read_bytes())
    revoke(keys, "deployments", path.stem)
    assert load_trusted_keys(keys, "deployments") == {}


def test_names_of_strangers_in_an_envelope_are_shown_in_part(keys: Path) -> None:
    hostile = json.dumps(
        {
            "payload": "",
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": "x" * 1_000_000, "sig": ""}] * 100,
        }
    )
    with pytest.raises(SignatureError) as refused:
        control(keys).accept(hostile.encode(), None)
    assert len(str(refused.value)) < 10_000


def test_keys_of_one_purpose_do_not_count_for_the_other(keys: Path) -> None:
    other = load_trusted_keys(keys, "packages")
    with pytest.raises(SignatureError, match="trusted keys here"):
        ControlLog("local", other).accept(signed(keys), BEFORE)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not a key", "not a public key"),
        (b"until: 2027-01-01T00:00:00Z\n", "says 'until', which is none of"),
        (b"Not-After: tomorrow\n", "not-after must be a time with a zone"),
        (b"not-after: tomorrow\n", "not-after must be a time with a zone"),
        (b"not-after: 2027-01-01T00:00:00\n", "not-after must be a time with a zone"),
    ],
)
def test_a_file_that_says_nonsense_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    pem = (
        Ed25519PrivateKey.generate()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    path = tmp_path / "key.pem"
    path.write_bytes(content if content == b"not a key" else content + pem)
    with pytest.raises(ConfigurationError, match=why):
        read_public_key(path)
