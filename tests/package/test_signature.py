"""Keys are made by openssl where it is there, as the documentation says, and by cryptography for the rest."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus, OutputError, PackageError
from levit_edge.package.package import Package
from levit_edge.package.signature import check_signature, load_private_key, load_public_key, signature_path
from levit_edge.package.write import write_package

Captured = pytest.CaptureFixture[str]


def pem_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """A private and a public key as openssl writes them."""
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    from cryptography.hazmat.primitives import serialization

    key = ed25519.Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return pem_pair(tmp_path, "maker")


@pytest.fixture
def signed(keys: tuple[Path, Path], board_package: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "colours.zip"
    write_package(path, board_package, load_private_key(keys[0])(board_package))
    return path


def test_a_signature_holds_for_its_bytes_alone(signed: Path, keys: tuple[Path, Path], board_package: bytes) -> None:
    check_signature(signed, board_package, keys[1])
    for changed in (board_package + b"\0", board_package[:-1], b"", board_package.replace(b"red", b"rad", 1)):
        with pytest.raises(PackageError, match=r"was not signed with the private key of .*maker\.pub\.pem"):
            check_signature(signed, changed, keys[1])


def test_the_key_of_somebody_else_is_refused(signed: Path, board_package: bytes, tmp_path: Path) -> None:
    _, other = pem_pair(tmp_path, "other")
    with pytest.raises(PackageError, match=r"was not signed with the private key of .*other\.pub\.pem"):
        check_signature(signed, board_package, other)


def test_a_missing_signature_is_said(signed: Path, keys: tuple[Path, Path], board_package: bytes) -> None:
    signature_path(signed).unlink()
    with pytest.raises(PackageError, match=r"colours\.zip is not signed: .*colours\.zip\.sig does not exist"):
        check_signature(signed, board_package, keys[1])


@pytest.mark.parametrize("length", [0, 63, 65, 10_000])
def test_a_file_that_is_no_signature_is_said(
    signed: Path, keys: tuple[Path, Path], board_package: bytes, length: int
) -> None:
    signature_path(signed).write_bytes(b"x" * length)
    with pytest.raises(PackageError, match="is not a signature: expected 64 bytes"):
        check_signature(signed, board_package, keys[1])


def test_keys_of_the_wrong_kind_are_told_apart(keys: tuple[Path, Path], tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    private, public = keys
    with pytest.raises(
        PackageError, match=r"is not a private key in PEM \([^.]*\): `openssl genpkey -algorithm ed25519"
    ):
        load_private_key(public)
    with pytest.raises(PackageError, match=r"is not a public key in PEM.*openssl pkey -in KEY -pubout"):
        load_public_key(private)
    with pytest.raises(PackageError, match="does not exist"):
        load_public_key(tmp_path / "missing.pem")
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    curve = ec.generate_private_key(ec.SECP256R1())
    private.write_bytes(curve.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    public.write_bytes(curve.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    for load, path in ((load_private_key, private), (load_public_key, public)):
        with pytest.raises(PackageError, match="is not an Ed25519 key"):
            load(path)
    locked = serialization.BestAvailableEncryption(b"secret")
    private.write_bytes(ed25519.Ed25519PrivateKey.generate().private_bytes(pem, pkcs8, locked))
    with pytest.raises(PackageError, match="is encrypted: decrypt it for signing"):
        load_private_key(private)


def test_commands_sign_and_verify(
    packable_bundle: Bundle, keys: tuple[Path, Path], tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "levit_edge.package.verify.runtime_version",
        lambda runtime: "1" if runtime == "onnxruntime" else "not installed",
    )
    path = tmp_path / "signed.zip"
    package = ["package", str(packable_bundle.path), "--for", "board", "--output", str(path), "--sign", str(keys[0])]
    assert run(package) == ExitStatus.DONE
    assert run(["verify", str(path), "--key", str(keys[1])]) == ExitStatus.DONE
    assert f"signed with the private key of {keys[1]}" in capsys.readouterr().out
    assert run(["verify", str(path)]) == ExitStatus.DONE
    assert "was not checked: give the maker's public key with --key" in capsys.readouterr().err
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert run(["verify", str(path), "--key", str(keys[1])]) == ExitStatus.BAD_INPUT
    assert "was not signed with the private key" in capsys.readouterr().err


def test_a_wrong_key_for_signing_writes_nothing(packable_bundle: Bundle, tmp_path: Path, capsys: Captured) -> None:
    pytest.importorskip("cryptography")
    (tmp_path / "key.pem").write_text("no key")
    output = tmp_path / "x.zip"
    package = ["package", str(packable_bundle.path), "--for", "board", "--output", str(output)]
    assert run([*package, "--sign", str(tmp_path / "key.pem")]) == ExitStatus.BAD_INPUT
    assert "is not a private key in PEM" in capsys.readouterr().err
    assert not output.exists()


def test_without_cryptography_the_extra_is_named(
    packable_bundle: Bundle, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cryptography", "cryptography.hazmat.primitives", "cryptography.hazmat.primitives.asymmetric"):
        monkeypatch.setitem(sys.modules, name, None)
    package = ["package", str(packable_bundle.path), "--for", "board", "--output", str(tmp_path / "x.zip")]
    assert run([*package, "--sign", str(tmp_path / "key.pem")]) == ExitStatus.BAD_INPUT
    assert "pip install 'levit-edge[sign]'" in capsys.readouterr().err


def test_openssl_makes_the_keys_and_checks_the_signature(board_package: bytes, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")

    def openssl(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["openssl", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)

    assert openssl("genpkey", "-algorithm", "ed25519", "-out", "key.pem").returncode == 0
    assert openssl("pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem").returncode == 0
    path = tmp_path / "p.zip"
    write_package(path, board_package, load_private_key(tmp_path / "key.pem")(board_package))
    check_signature(path, board_package, tmp_path / "pub.pem")
    verify = ("pkeyutl", "-verify", "-pubin", "-inkey", "pub.pem", "-rawin", "-in", "p.zip", "-sigfile", "p.zip.sig")
    assert openssl(*verify).returncode == 0
    path.write_bytes(board_package + b"\0")
    assert openssl(*verify).returncode != 0


def test_a_signature_does_not_stay_beside_other_bytes(
    tmp_path: Path, board_package: bytes, android_package: bytes
) -> None:
    path = tmp_path / "p.zip"
    write_package(path, board_package, b"s" * 64)
    write_package(path, board_package)
    assert signature_path(path).read_bytes() == b"s" * 64  # still of these bytes
    write_package(path, android_package)
    assert not signature_path(path).exists()
    signature_path(path).write_text("precious")
    with pytest.raises(OutputError, match="exists and is not a signature"):
        write_package(path, board_package)
    assert Package.parse(path.read_bytes(), "it").document.purpose == "android"
