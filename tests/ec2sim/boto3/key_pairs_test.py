"""Key pairs."""

import base64
import re

import pytest
from conftest import refused, tags_of

PUBLIC = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7Vd0cqXpYJx8c0mM0mSx1c0Jv0qHkq6x0n1m2n3b4v5c6x7z8a9s0d1f2g3h4"
    "j5k6l7q8w9e0r1t2y3u4i5o6p7a8s9d0f1g2h3j4k5l6z7x8c9v0b1n2m3q4w5e6r7t8y9u0i1o2p3a4s5d6f7g8h9j0k1l2w== me"
)
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1bQqM0yB7o1nBqV3R0tQ5uW8xY2zA4bC6dE8fG0hI2 me@here"


def test_an_rsa_key_pair(ec2):
    made = ec2.create_key_pair(KeyName="one")
    assert made["KeyName"] == "one"
    assert made["KeyPairId"].startswith("key-")
    assert made["KeyMaterial"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert len(made["KeyFingerprint"].split(":")) == 20
    [found] = ec2.describe_key_pairs(KeyNames=["one"])["KeyPairs"]
    assert found["KeyType"] == "rsa"
    assert found["KeyFingerprint"] == made["KeyFingerprint"]
    assert "CreateTime" in found


def test_an_ed25519_key_pair_with_tags(ec2):
    specification = {"ResourceType": "key-pair", "Tags": [{"Key": "a", "Value": "1"}]}
    made = ec2.create_key_pair(KeyName="two", KeyType="ed25519", TagSpecifications=[specification])
    assert made["KeyMaterial"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert tags_of(made) == {"a": "1"}
    [found] = ec2.describe_key_pairs(KeyPairIds=[made["KeyPairId"]], IncludePublicKey=True)["KeyPairs"]
    assert found["KeyType"] == "ed25519"
    assert found["PublicKey"].startswith("ssh-ed25519 ")
    assert tags_of(found) == {"a": "1"}


@pytest.mark.parametrize(("kind", "algorithm"), [("rsa", "ssh-rsa"), ("ed25519", "ssh-ed25519")])
def test_a_key_pair_for_putty(ec2, kind, algorithm):
    made = ec2.create_key_pair(KeyName="putty", KeyType=kind, KeyFormat="ppk")
    lines = made["KeyMaterial"].splitlines()
    assert lines[:3] == [f"PuTTY-User-Key-File-2: {algorithm}", "Encryption: none", "Comment: putty"]
    assert re.fullmatch("Private-MAC: [0-9a-f]{40}", lines[-1])


def test_two_key_pairs_differ(ec2):
    one, two = (ec2.create_key_pair(KeyName=n)["KeyFingerprint"] for n in ("one", "two"))
    assert one != two


def test_names_are_unique(ec2):
    ec2.create_key_pair(KeyName="one")
    refused("InvalidKeyPair.Duplicate", ec2.create_key_pair, KeyName="one")
    refused("InvalidKeyPair.Duplicate", ec2.import_key_pair, KeyName="one", PublicKeyMaterial=ED25519)


def test_other_key_types_and_formats_are_refused(ec2):
    refused("InvalidParameterValue", ec2.create_key_pair, KeyName="k", KeyType="dsa")
    refused("InvalidParameterValue", ec2.create_key_pair, KeyName="k", KeyFormat="der")
    refused("InvalidParameterValue", ec2.create_key_pair, KeyName="k" * 256)


def test_a_public_key_is_imported(ec2):
    made = ec2.import_key_pair(KeyName="imported", PublicKeyMaterial=ED25519.encode())
    assert made["KeyPairId"].startswith("key-")
    assert "KeyMaterial" not in made
    [found] = ec2.describe_key_pairs(KeyNames=["imported"], IncludePublicKey=True)["KeyPairs"]
    assert found["KeyType"] == "ed25519"
    assert found["PublicKey"].split()[:2] == ED25519.split()[:2]


def test_an_unreadable_public_key_is_refused(ec2):
    refused(
        ("InvalidKey.Format", "InvalidKeyPair.Format"),
        ec2.import_key_pair,
        KeyName="bad",
        PublicKeyMaterial=b"nonsense",
    )


def test_unknown_key_pairs_are_refused(ec2):
    refused("InvalidKeyPair.NotFound", ec2.describe_key_pairs, KeyNames=["absent"])
    refused("InvalidKeyPair.NotFound", ec2.describe_key_pairs, KeyPairIds=["key-0123456789abcdef0"])


def test_key_pairs_are_filtered(ec2):
    for name in ("blue-one", "blue-two", "red"):
        ec2.create_key_pair(KeyName=name, KeyType="ed25519")
    found = ec2.describe_key_pairs(Filters=[{"Name": "key-name", "Values": ["blue-*"]}])["KeyPairs"]
    assert sorted(k["KeyName"] for k in found) == ["blue-one", "blue-two"]


def test_a_key_pair_is_deleted_by_name_and_by_id(ec2):
    ec2.create_key_pair(KeyName="one", KeyType="ed25519")
    two = ec2.create_key_pair(KeyName="two", KeyType="ed25519")["KeyPairId"]
    ec2.delete_key_pair(KeyName="one")
    assert ec2.delete_key_pair(KeyPairId=two)["KeyPairId"] == two
    assert ec2.describe_key_pairs()["KeyPairs"] == []


def test_deleting_an_absent_key_name_succeeds(ec2):
    ec2.delete_key_pair(KeyName="absent")


def test_deleting_nothing_is_refused(ec2):
    refused("MissingParameter", ec2.delete_key_pair)


def test_a_launch_checks_the_key_name(ec2, launch, base_ami):
    refused(
        "InvalidKeyPair.NotFound",
        ec2.run_instances,
        ImageId=base_ami,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        KeyName="absent",
    )
    ec2.create_key_pair(KeyName="one", KeyType="ed25519")
    assert launch(KeyName="one")["KeyName"] == "one"


@pytest.mark.parametrize("call", ["create_key_pair", "delete_key_pair"])
def test_key_pairs_dry_run(ec2, call):
    refused("DryRunOperation", getattr(ec2, call), KeyName="one", DryRun=True)


def numbers(pem):
    """Modulus and private exponent of a key in PKCS #1."""
    der = base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))

    def element(at):
        length, start = der[at + 1], at + 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(der[at + 2 : start])
        return start, start + length

    at, found = element(0)[0], []
    while len(found) < 4:
        start, end = element(at)
        found.append(int.from_bytes(der[start:end]))
        at = end
    return found[1], found[3]


def test_the_password_of_windows_is_for_the_holder_of_the_key(sim, ec2, launch):
    pem = ec2.create_key_pair(KeyName="admin")["KeyMaterial"]
    windows = ec2.describe_images(Filters=[{"Name": "platform", "Values": ["windows"]}])["Images"][0]["ImageId"]
    instance = launch(ImageId=windows, InstanceType="t3.large", KeyName="admin")["InstanceId"]
    assert ec2.get_password_data(InstanceId=instance)["PasswordData"] == ""
    sim.advance(240)
    sealed = base64.b64decode(ec2.get_password_data(InstanceId=instance)["PasswordData"])
    modulus, exponent = numbers(pem)
    opened = pow(int.from_bytes(sealed), exponent, modulus).to_bytes(256)
    padding, password = opened[2:].split(b"\0", 1)
    assert opened[:2] == b"\0\2" and len(padding) >= 8
    assert len(password.decode()) == 32
